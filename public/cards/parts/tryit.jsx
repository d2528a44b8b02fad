// A field to try an endpoint with; its answer, and what it is compared with beside it.
import { useState } from 'react'

function TryIt({ form }) {
  const { ask, busy, failure } = useAsk()
  const [text, setText] = useState('')
  const [told, setTold] = useState(null)
  const name = useName('try')
  const Entry = form.long ? 'textarea' : 'input'
  // As in the chat: Enter sends, with the shift key it begins a line.
  function sent(event) {
    if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing) return
    event.preventDefault()
    if (text.trim() && !busy) event.currentTarget.form.requestSubmit()
  }
  async function submit(event) {
    event.preventDefault()
    const compare = Boolean(form.other)
    const answer = await ask('ask', { endpoint: form.target, text: text.trim(), compare })
    if (answer) setTold(answer)
  }
  return (
    <section className="thimble-part">
      <form className="thimble-form" onSubmit={submit}>
        <label htmlFor={name}>{form.label}</label>
        <div>
          <Entry
            id={name}
            className="thimble-input"
            rows={form.long ? 2 : undefined}
            value={text}
            maxLength={4000}
            placeholder={form.placeholder}
            autoComplete="off"
            onChange={(event) => setText(event.target.value)}
            onKeyDown={form.long ? sent : undefined}
          />
          <Button look="main" type="submit" busy={busy} disabled={busy || !text.trim()}>
            {form.button}
          </Button>
        </div>
      </form>
      <Failure failure={failure} />
      <div aria-live="polite">{told && told.answers ? <Answers answers={told.answers} /> : null}</div>
      <div className="thimble-answers" aria-live="polite">
        {told && told.answer ? <Told name={form.mine} told={told} first /> : null}
        {told && told.compared ? <Told name={form.other} told={told.compared} /> : null}
      </div>
    </section>
  )
}

function Told({ name, told, first }) {
  const { words } = useRoom()
  const [best, ...others] = told.answer.labels
  return (
    <div className="thimble-told" data-first={first}>
      <p className="thimble-quiet">
        {name} <span className="thimble-where">{fill(words.latency, { number: told.latency_ms.toFixed(1) })}</span>
      </p>
      <p className="thimble-best"><Soft>{best.label}</Soft></p>
      <ul className="thimble-lines">
        {[best, ...others].slice(0, 4).map(({ label, score }) => (
          <Chance key={label} label={label} share={score} />
        ))}
      </ul>
    </div>
  )
}

function Chance({ label, share }) {
  const { words } = useRoom()
  return (
    <li>
      <span className="thimble-name"><Soft>{label}</Soft></span>
      <span className="thimble-rod" aria-hidden="true">
        <span style={{ width: `${100 * share}%` }} />
      </span>
      <span className="thimble-number">{percent(words, share, 1)}</span>
    </li>
  )
}
