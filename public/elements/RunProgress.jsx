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
const CARD = { display: 'flex', flexDirection: 'column', gap: '0.75rem', padding: '1rem', borderRadius: '0.6rem',
  border: '1px solid hsl(var(--border))', background: 'hsl(var(--card))', fontSize: '0.875rem' }
const ROW = { display: 'flex', flexWrap: 'wrap', justifyContent: 'space-between', gap: '0.25rem 1.25rem' }
const QUIET = { color: 'hsl(var(--muted-foreground))' }
const TRACK = { height: 6, borderRadius: 3, overflow: 'hidden', background: 'hsl(var(--muted))' }
const BAR = { height: '100%', borderRadius: 3, background: 'hsl(var(--primary))', transition: 'width 0.8s linear' }
const PLOT = { display: 'block', width: '100%', height: 120, borderRadius: 6, background: 'hsl(var(--muted) / 0.6)' }

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
    <figure style={{ margin: 0 }}>
      <figcaption style={{ ...QUIET, fontSize: '0.75rem', marginBottom: 4 }}>
        Training loss: {losses[0].toPrecision(3)} at step {first}, {last[1].toPrecision(3)} at step {last[0]}
      </figcaption>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} style={PLOT} role="img" aria-label="Training loss by step"
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
    <div className="thimble-run" style={CARD} data-state={state} data-step={step || 0}>
      <div style={ROW}>
        <span role="status" style={{ fontWeight: 600 }}>{doing}</span>
        <span style={ROW}>
          {facts.map(([label, value]) => (
            <span key={label}><span style={QUIET}>{label}</span> {value}</span>
          ))}
        </span>
      </div>
      <div style={TRACK} role="progressbar" aria-label="Progress" aria-valuemin={0}
        aria-valuemax={totalSteps || 0} aria-valuenow={step || 0}>
        <div style={{ ...BAR, width: `${(share * 100).toFixed(1)}%` }} />
      </div>
      <Curve points={curve || []} />
    </div>
  )
}
