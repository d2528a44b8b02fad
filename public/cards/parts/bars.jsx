// Bar charts: lying ones for words, as a list that needs no axis; upright ones for figures.
import { useState } from 'react'

const FIRST_BARS = 10
const RANGE = /^[\d.,–<>≥≤+ -]+$/

function Bars({ chart }) {
  const figures = chart.x.every((value) => typeof value === 'number' || RANGE.test(value))
  return (
    <figure className="thimble-figure">
      <figcaption>{chart.title}</figcaption>
      {figures ? <Columns chart={chart} /> : <Lines chart={chart} />}
    </figure>
  )
}

function Lines({ chart }) {
  const { words } = useRoom()
  const [all, setAll] = useState(false)
  const most = Math.max(...chart.y, 0) || 1
  const many = chart.x.length > FIRST_BARS + 2
  const count = many && !all ? FIRST_BARS : chart.x.length
  return (
    <>
      <ul className="thimble-lines">
        {chart.x.slice(0, count).map((name, at) => (
          <li key={at}>
            <span className="thimble-name"><Soft>{name}</Soft></span>
            <span className="thimble-rod" aria-hidden="true">
              <span style={{ width: `${(100 * chart.y[at]) / most}%` }} />
            </span>
            <span className="thimble-number">{grouped(chart.y[at])}</span>
          </li>
        ))}
      </ul>
      {many ? (
        <button
          type="button"
          className="thimble-small"
          aria-expanded={all}
          onClick={() => setAll(!all)}
        >
          {all ? words.fewer : fill(words.all, { count: chart.x.length })}
        </button>
      ) : null}
    </>
  )
}

const COLUMN_HEIGHT = 96

function Columns({ chart }) {
  const [place, width] = useWidth(200)
  const most = Math.max(...chart.y, 0) || 1
  const slot = width / chart.x.length
  const every = Math.ceil(Math.max(...chart.x.map((name) => String(name).length)) * 7.5 / slot)
  const room = 7 * Math.max(...chart.y.map((value) => grouped(value).length))
  const told = chart.x.map((name, at) => `${name}: ${grouped(chart.y[at])}`).join(', ')
  return (
    <div ref={place}>
      <svg
        width={width}
        height={COLUMN_HEIGHT + 34}
        role="img"
        aria-label={`${chart.title}. ${told}`}
        className="thimble-columns"
      >
        {chart.x.map((name, at) => {
          const height = Math.max(chart.y[at] ? 1.5 : 0, (COLUMN_HEIGHT * chart.y[at]) / most)
          const middle = (at + 0.5) * slot
          return (
            <g key={at}>
              <rect
                x={at * slot + slot * 0.08}
                y={16 + COLUMN_HEIGHT - height}
                width={slot * 0.84}
                height={height}
                rx={Math.min(3, height / 2)}
              />
              {slot > Math.max(26, room) && chart.y[at] ? (
                <text x={middle} y={11 + COLUMN_HEIGHT - height}>{grouped(chart.y[at])}</text>
              ) : null}
              {at % every ? null : <text x={middle} y={COLUMN_HEIGHT + 30}>{name}</text>}
            </g>
          )
        })}
      </svg>
      <p className="thimble-axis">{chart.x_title}</p>
    </div>
  )
}
