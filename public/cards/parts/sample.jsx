// Rows of a dataset, a page at a time, narrowed to a label.
import { useEffect, useState } from 'react'
import { ChevronLeft, ChevronRight } from 'lucide-react'

function SamplePart({ sample }) {
  const { words } = useRoom()
  const { ask, busy, failure } = useAsk()
  const [shown, setShown] = useState(sample)
  const [label, setLabel] = useState('')
  const name = useName('sample')
  useEffect(() => setShown(sample), [sample.dataset])
  async function turn(page, wanted) {
    const told = await ask('rows', { dataset: sample.dataset, page, label: wanted })
    if (told) setShown({ ...sample, ...told })
  }
  function narrow(wanted) {
    setLabel(wanted)
    turn(1, wanted)
  }
  return (
    <section className="thimble-part" aria-busy={busy}>
      <div className="thimble-over">
        <h4>{sample.title}</h4>
        {sample.labels.length ? (
          <div className="thimble-filter">
            <label htmlFor={name}>{words.label}</label>
            <select id={name} className="thimble-input" value={label} onChange={(event) => narrow(event.target.value)}>
              <option value="">{words.all_labels}</option>
              {sample.labels.map((one) => (
                <option key={one}>{one}</option>
              ))}
            </select>
          </div>
        ) : null}
      </div>
      <div className="thimble-sample">
        {shown.talks.length ? (
          <Talks talks={shown.talks} />
        ) : (
          <DataTable table={{ columns: sample.columns, rows: shown.rows }} name={sample.title} />
        )}
      </div>
      <nav className="thimble-pages" aria-label={sample.title}>
        <button
          type="button"
          className="thimble-small"
          disabled={busy || shown.page <= 1}
          onClick={() => turn(shown.page - 1, label)}
        >
          <ChevronLeft aria-hidden="true" />
          {words.previous}
        </button>
        <span aria-live="polite">
          {fill(words.page, { page: grouped(shown.page), pages: grouped(Math.max(1, shown.pages)) })}
          <span className="thimble-quiet"> · {fill(words.rows, { count: grouped(shown.total) })}</span>
        </span>
        <button
          type="button"
          className="thimble-small"
          disabled={busy || shown.page >= shown.pages}
          onClick={() => turn(shown.page + 1, label)}
        >
          {words.next}
          <ChevronRight aria-hidden="true" />
        </button>
      </nav>
      <Failure failure={failure} />
    </section>
  )
}
