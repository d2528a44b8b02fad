// A run on its way: bar, loss curve, speed and time left. Drawn anew whenever `props` change.
const WIDTH = 560
const HEIGHT = 120
const PHASES = {
  loading: 'Loading the model',
  baselines: 'Measuring the baselines to beat',
  training: 'Training',
  evaluating: 'Evaluating',
  exporting: 'Exporting for serving',
  done: 'Finishing',
}

// Chainlit's style sheet only has the classes that Chainlit itself uses.
const ROW = { display: 'flex', flexWrap: 'wrap', justifyContent: 'space-between', gap: '0.25rem 1.25rem' }

function duration(seconds) {
  if (seconds == null) return null
  const whole = Math.max(0, Math.round(seconds))
  if (whole < 60) return `${whole} s`
  const minutes = Math.floor(whole / 60)
  return minutes < 60 ? `${minutes} min ${whole % 60} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

function Curve({ points }) {
  if (points.length < 2) return null
  const steps = points.map((p) => p[0])
  const losses = points.map((p) => p[1])
  const first = steps[0]
  const spanX = steps[steps.length - 1] - first || 1
  const high = Math.max(...losses)
  const low = Math.min(...losses)
  const spanY = high - low || 1
  const x = (s) => 4 + ((s - first) / spanX) * (WIDTH - 8)
  const y = (v) => 8 + ((high - v) / spanY) * (HEIGHT - 16)
  const path = points.map(([s, v], i) => `${i ? 'L' : 'M'}${x(s).toFixed(1)} ${y(v).toFixed(1)}`).join(' ')
  const last = points[points.length - 1]
  return (
    <figure className="m-0">
      <figcaption className="text-xs text-muted-foreground mb-1">
        Training loss: {losses[0].toPrecision(3)} at step {first}, {last[1].toPrecision(3)} at step {last[0]}
      </figcaption>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} className="w-full block rounded-md" role="img"
        aria-label="Training loss by step" style={{ background: 'hsl(var(--muted) / 0.6)', maxHeight: 160 }}
        preserveAspectRatio="none">
        <path d={path} fill="none" stroke="hsl(var(--primary))" strokeWidth="2" strokeLinejoin="round"
          vectorEffect="non-scaling-stroke" />
      </svg>
    </figure>
  )
}

export default function RunProgress() {
  const { state, phase, step, totalSteps, loss, tokensPerSecond, secondsLeft, curve } = props
  const share = totalSteps ? Math.min(1, (step || 0) / totalSteps) : 0
  const facts = [
    totalSteps ? ['Step', `${step || 0} of ${totalSteps}`] : null,
    loss != null ? ['Loss', Number(loss).toPrecision(3)] : null,
    tokensPerSecond ? ['Speed', `${Math.round(tokensPerSecond).toLocaleString('en')} tokens/s`] : null,
    secondsLeft != null ? ['Time left', `about ${duration(secondsLeft)}`] : null,
  ].filter(Boolean)
  const doing = state === 'queued' ? 'Waiting for its turn' : PHASES[phase] || 'Starting'
  return (
    <div className="thimble-run flex flex-col gap-3 rounded-lg border p-4" data-state={state} data-step={step || 0}>
      <div className="text-sm" style={ROW}>
        <span className="font-medium" role="status">{doing}</span>
        <span style={ROW}>
          {facts.map(([label, value]) => (
            <span key={label}><span className="text-muted-foreground">{label}</span> {value}</span>
          ))}
        </span>
      </div>
      <div className="h-1.5 w-full overflow-hidden rounded-full" style={{ background: 'hsl(var(--muted))' }}
        role="progressbar" aria-valuemin={0} aria-valuemax={totalSteps || 0} aria-valuenow={step || 0}>
        <div className="h-full rounded-full" style={{ width: `${(share * 100).toFixed(1)}%`,
          background: 'hsl(var(--primary))', transition: 'width 0.8s linear' }} />
      </div>
      <Curve points={curve || []} />
    </div>
  )
}
