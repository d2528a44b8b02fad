// Plans and approvals: what would run, what it takes, and the decision.
import { useState } from 'react'

const OPEN = ['', 'measuring', 'waiting', 'ready']

function Plan({ view }) {
  const { words } = useRoom()
  const { ask, busy, failure } = useAsk()
  const [edits, setEdits] = useState({})
  const decided = view.kind === 'approval' && !OPEN.includes(view.state)
  const changed = view.fields.filter(({ name, value }) => name in edits && edits[name] !== value)
  const complaints = changed.map((field) => [field.name, complaint(field, edits[field.name], words)])
  const errors = Object.fromEntries(complaints.filter(([, wrong]) => wrong))
  const atField = failure && view.fields.some(({ name }) => name === failure.param)
  if (atField) errors[failure.param] = [failure.message, failure.fix].filter(Boolean).join(' ')
  async function again() {
    const wanted = changed.map(({ name, kind }) => [name, kind === 'choice' ? edits[name] : Number(edits[name])])
    const told = await ask('change', { approval_id: view.key, arguments: Object.fromEntries(wanted) })
    if (told) setEdits({})
  }
  return (
    <Frame view={view} folded={decided}>
      <Progress progress={view.progress} />
      <Facts facts={view.facts} />
      <Fields
        fields={view.fields}
        edits={edits}
        errors={errors}
        editable={!decided && view.actions.length > 0}
        onEdit={(name, value) => setEdits({ ...edits, [name]: value })}
      />
      <Charts charts={view.charts} />
      <Tables tables={view.tables} name={view.title} />
      <Notes notes={view.notes} />
      <Links links={view.links} />
      {changed.length ? (
        <footer className="thimble-actions">
          <Button look="main" busy={busy} disabled={busy || complaints.some(([, wrong]) => wrong)} onClick={again}>
            {words.ask_again}
          </Button>
          <Button look="quiet" disabled={busy} onClick={() => setEdits({})}>
            {words.undo}
          </Button>
          <Failure failure={atField ? null : failure} />
        </footer>
      ) : (
        <Actions view={view} />
      )}
    </Frame>
  )
}
