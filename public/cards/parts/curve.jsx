// A line that grows. Its right end stands for the end of the run from the start, so that the line
// moves on instead of being squeezed again at every step.
const PLOT_HEIGHT = 132
const EDGE = { left: 44, right: 12, top: 12, bottom: 24 }

// Round figures that span the values: at most five of them.
function ticks(low, high, most) {
  const span = high - low || Math.abs(high) || 1
  const rough = span / Math.max(1, most - 1)
  const unit = 10 ** Math.floor(Math.log10(rough))
  const step = [1, 2, 5, 10].map((times) => times * unit).find((one) => one >= rough)
  const first = Math.floor(low / step)
  const last = Math.max(first + 1, Math.ceil(high / step))
  return Array.from({ length: last - first + 1 }, (_, at) => Number(((first + at) * step).toPrecision(12)))
}

const short = (value) => (Math.abs(value) >= 1000 ? grouped(value) : String(Number(value.toPrecision(3))))

function Curve({ chart, share }) {
  const [place, width] = useWidth(220)
  if (chart.x.length < 2) return null
  const last = { x: chart.x[chart.x.length - 1], y: chart.y[chart.y.length - 1] }
  const end = share > 0 && share < 1 ? Math.max(last.x, last.x / share) : last.x
  const rows = ticks(Math.min(...chart.y), Math.max(...chart.y), 4)
  const columns = ticks(0, end, width < 400 ? 4 : 6).filter((value) => value <= end)
  const [bottom, top] = [rows[0], rows[rows.length - 1]]
  const x = (value) => EDGE.left + (value / (end || 1)) * (width - EDGE.left - EDGE.right)
  const y = (value) =>
    EDGE.top + ((top - value) / (top - bottom)) * (PLOT_HEIGHT - EDGE.top - EDGE.bottom)
  const path = chart.x.map((at, i) => `${i ? 'L' : 'M'}${x(at).toFixed(1)} ${y(chart.y[i]).toFixed(1)}`)
  return (
    <figure className="thimble-figure">
      <figcaption>
        {chart.title} <b>{short(last.y)}</b>{' '}
        <span className="thimble-quiet">
          {chart.x_title} {grouped(last.x)}
        </span>
      </figcaption>
      <div ref={place}>
        <svg
          width={width}
          height={PLOT_HEIGHT}
          role="img"
          aria-label={`${chart.title}: ${short(chart.y[0])} – ${short(last.y)}`}
          className="thimble-curve"
        >
          {rows.map((value) => (
            <g key={value}>
              <line x1={EDGE.left} x2={width - EDGE.right} y1={y(value)} y2={y(value)} />
              <text x={EDGE.left - 8} y={y(value) + 4} textAnchor="end">{short(value)}</text>
            </g>
          ))}
          {columns.map((value) => (
            <text key={value} x={x(value)} y={PLOT_HEIGHT - 6} textAnchor="middle">{grouped(value)}</text>
          ))}
          <path d={path.join('')} />
          <circle r="3.5" style={{ transform: `translate(${x(last.x)}px, ${y(last.y)}px)` }} />
        </svg>
      </div>
    </figure>
  )
}
