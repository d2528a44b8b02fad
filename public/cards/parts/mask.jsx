// What a training learns from: the text as the model reads it, with what is trained on marked by a
// colour and a line below it. Another row is asked for by its number.
import { useState } from 'react'

const SPECIAL = /(<\|[^|<>]{1,40}\|>|<\/?[a-z_]{1,24}>|\[\/?INST\])/

function PreviewPart({ preview }) {
  const { words } = useRoom()
  const { ask, busy, failure } = useAsk()
  const [masks, setMasks] = useState(preview.masks)
  const [row, setRow] = useState('')
  const name = useName('mask')
  async function look(event) {
    event.preventDefault()
    const told = await ask('mask', { dataset: preview.dataset, base_model: preview.base, row: Number(row) })
    if (told && told.masks.length) setMasks(told.masks)
  }
  return (
    <section className="thimble-part" aria-busy={busy}>
      <div className="thimble-over">
        <h4>{preview.title}</h4>
        <p className="thimble-legend">
          <mark className="thimble-trained">{words.trained}</mark>
          <span className="thimble-read">{words.only_read}</span>
        </p>
      </div>
      <ul className="thimble-masks">
        {masks.map((mask) => (
          <li key={mask.title}>
            <p className="thimble-quiet">{mask.title}</p>
            <Pieces mask={mask} />
          </li>
        ))}
      </ul>
      <form className="thimble-look" onSubmit={look}>
        <label htmlFor={name}>{words.look_at_row}</label>
        <input
          id={name}
          className="thimble-input"
          inputMode="numeric"
          autoComplete="off"
          placeholder={words.row_number}
          value={row}
          onChange={(event) => setRow(event.target.value.replace(/\D/g, ''))}
        />
        <Button type="submit" busy={busy} disabled={busy || !row}>
          {words.look}
        </Button>
      </form>
      <Failure failure={failure} />
    </section>
  )
}

function Pieces({ mask }) {
  const { words } = useRoom()
  return (
    <div className="thimble-mask" role="region" aria-label={mask.title} tabIndex={0}>
      {mask.pieces.map((piece, at) =>
        piece.trained ? (
          <mark key={at} className="thimble-trained" title={words.trained}>
            <Marked text={piece.text} ends />
          </mark>
        ) : (
          <span key={at} className="thimble-read">
            <Marked text={piece.text} />
          </span>
        )
      )}
    </div>
  )
}

// The signs of the template stand back; a line end that is trained on is seen.
function Marked({ text, ends }) {
  return text.split(SPECIAL).map((part, at) => {
    if (at % 2) return <span key={at} className="thimble-sign">{part}</span>
    return ends ? part.split(/(?=\n)/).map((line, i) => [line[0] === '\n' ? <i key={i} aria-hidden="true">↵</i> : null, line]) : part
  })
}
