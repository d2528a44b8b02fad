// How far something on its way is: what is done now, a bar, figures, and the phases.
import { Check } from 'lucide-react'

function Progress({ progress }) {
  const { words } = useRoom()
  if (!progress) return null
  const { label, share, facts, phases } = progress
  const done = share == null ? null : Math.round(100 * share)
  const told = done == null ? '' : percent(words, share, 0)
  return (
    <div className="thimble-progress">
      <div className="thimble-now">
        <span>
          {label}
          {told ? <b> {told}</b> : null}
        </span>
        {facts.map(([name, value]) => (
          <span key={name}>
            <span className="thimble-quiet">{name}</span> {value}
          </span>
        ))}
      </div>
      <div
        className="thimble-track"
        role="progressbar"
        aria-label={label}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={done == null ? undefined : done}
        data-unknown={done == null}
      >
        <div style={{ transform: `scaleX(${share == null ? 0.3 : Math.min(1, share)})` }} />
      </div>
      <Phases phases={phases} />
    </div>
  )
}

function Phases({ phases }) {
  if (!phases.length) return null
  return (
    <ol className="thimble-phases">
      {phases.map(({ label, state }) => (
        <li key={label} data-state={state} aria-current={state === 'now' ? 'step' : undefined}>
          <span aria-hidden="true">{state === 'done' ? <Check /> : null}</span>
          {label}
        </li>
      ))}
    </ol>
  )
}
