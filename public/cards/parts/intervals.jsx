// Models side by side: a dot for each and whiskers for how sure it is, on one scale. What is far
// below the others stands at the edge, so that those that compete can be told apart.
import { ChevronsLeft } from 'lucide-react'

const FAR = 4
function Intervals({ chart }) {
  const lows = chart.low.length ? chart.low : chart.y
  const highs = chart.high.length ? chart.high : chart.y
  const reach = FAR * Math.max(...highs.map((high, row) => high - lows[row]), 1)
  const close = chart.x.map((_, row) => row === 0 || chart.y[row] > Math.max(...chart.y) - reach)
  // With nothing close to compare with, how far away the others are is the news.
  const near = close.filter(Boolean).length > 1 ? close : chart.x.map(() => true)
  const scale = ticks(Math.min(...lows.filter((_, row) => near[row])), Math.max(...highs), 5)
  const [least, most] = [scale[0], scale[scale.length - 1]]
  const at = (value) => `${(100 * (value - least)) / (most - least)}%`
  const unit = chart.x_title || chart.y_title
  return (
    <figure className="thimble-figure">
      <figcaption>{chart.title}</figcaption>
      <ul className="thimble-intervals">
        {chart.x.map((name, row) => (
          <li key={row} data-first={row === 0}>
            <span className="thimble-name"><Soft>{name}</Soft></span>
            <span className="thimble-span" aria-hidden="true">
              {scale.map((value) => (
                <i key={value} style={{ left: at(value) }} />
              ))}
              {near[row] ? (
                <>
                  <span style={{ left: at(lows[row]), right: `calc(100% - ${at(highs[row])})` }} />
                  <b style={{ left: at(chart.y[row]) }} />
                </>
              ) : (
                <ChevronsLeft />
              )}
            </span>
            <span className="thimble-number">
              {chart.y[row].toFixed(1)}
              <span className="thimble-quiet">
                {` ${lows[row].toFixed(1)} – ${highs[row].toFixed(1)}`}
              </span>
            </span>
          </li>
        ))}
        <li className="thimble-scale" aria-hidden="true">
          <span className="thimble-name">{unit}</span>
          <span className="thimble-span">
            {scale.map((value) => (
              <em key={value} style={{ left: at(value) }}>{short(value)}</em>
            ))}
          </span>
          <span className="thimble-number" />
        </li>
      </ul>
    </figure>
  )
}

function Charts({ charts, share }) {
  return charts
    .filter((chart) => chart.y.length)
    .map((chart, at) => {
      if (chart.kind === 'interval') return <Intervals key={at} chart={chart} />
      return chart.kind === 'line' ? <Curve key={at} chart={chart} share={share} /> : <Bars key={at} chart={chart} />
    })
}
