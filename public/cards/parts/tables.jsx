// Tables that scroll inside their card, and findings: rows that have a mood.
import { CircleAlert, CircleCheck, Info, OctagonAlert } from 'lucide-react'

const FIGURE = /^([-+–]?\d[\d.,]*( ?– ?[\d.,]+)?( ?(%|ms|s|min|h|B|KB|MB|GB|毫秒|秒|分钟|小时))?|–|)$/
const SHORT = 24
const LONG = 60
const TONE_ICONS = { bad: OctagonAlert, wait: CircleAlert, good: CircleCheck }

const isFigure = (cell) => cell == null || typeof cell === 'number' || FIGURE.test(cell)

const SHARE = /^(\d+(\.\d+)?) ?%$/

function Value({ cell, drawn }) {
  if (typeof cell === 'number') return grouped(cell)
  const share = drawn && SHARE.exec(cell || '')
  if (share) {
    return (
      <span className="thimble-share">
        <span className="thimble-rod" aria-hidden="true">
          <span style={{ width: `${share[1]}%` }} />
        </span>
        {cell}
      </span>
    )
  }
  return sizeOf(cell) ? cell : <Soft>{cell}</Soft>
}

const sizeOf = (cell) => {
  const length = String(cell == null ? '' : cell).length
  return length <= SHORT ? 'short' : length > LONG ? 'long' : undefined
}

// `drawn`: shares get a small bar beside their figure.
function Tables({ tables, name, drawn }) {
  return tables.filter((table) => table.rows.length).map((table, at) => (
    <Titled key={table.title || at} table={table}>
      {drawn && isShares(table) ? (
        <Shares rows={table.rows} />
      ) : (
        <DataTable table={table} name={table.title || name} drawn={drawn} />
      )}
    </Titled>
  ))
}

const isShares = ({ rows }) => rows.every((row) => row.length === 2 && SHARE.test(row[1]))

// Names with their shares, as bars.
function Shares({ rows }) {
  return (
    <ul className="thimble-lines">
      {rows.map(([name, share]) => (
        <li key={name}>
          <span className="thimble-name"><Soft>{name}</Soft></span>
          <span className="thimble-rod" aria-hidden="true">
            <span style={{ width: `${SHARE.exec(share)[1]}%` }} />
          </span>
          <span className="thimble-number">{share}</span>
        </li>
      ))}
    </ul>
  )
}

// Below its title, or folded away behind it.
function Titled({ table, children }) {
  if (table.folded) {
    return (
      <details className="thimble-fold">
        <summary>
          {table.title} <span className="thimble-quiet">{grouped(table.rows.length)}</span>
        </summary>
        {children}
      </details>
    )
  }
  return (
    <section className="thimble-part">
      {table.title ? <h4>{table.title}</h4> : null}
      {children}
    </section>
  )
}

function DataTable({ table, name, drawn }) {
  const { columns, rows } = table
  const right = columns.map((_, at) => rows.every((row) => isFigure(row[at])))
  return (
    <div className="thimble-scroll" role="region" aria-label={name} tabIndex={0}>
      <table>
        <caption className="thimble-unseen">{name}</caption>
        <thead>
          <tr>
            {columns.map((column, at) => (
              <th key={column} scope="col" data-right={right[at]}>
                {column}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, at) => (
            <Row key={at} row={row} right={right} drawn={drawn} tone={(table.tones || [])[at]} />
          ))}
        </tbody>
      </table>
    </div>
  )
}

function Row({ row, right, drawn, tone }) {
  return (
    <tr>
      {row.map((cell, at) => {
        const Cell = at ? 'td' : 'th'
        return (
          <Cell key={at} scope={at ? undefined : 'row'} data-right={right[at]} data-size={sizeOf(cell)}>
            {!at && tone ? <span className="thimble-dot" data-tone={tone} aria-hidden="true" /> : null}
            <Value cell={cell} drawn={drawn} />
          </Cell>
        )
      })}
    </tr>
  )
}

// Rows of four: how bad, what, where, what to do.
function Findings({ table }) {
  const { words } = useRoom()
  return (
    <Titled table={table}>
      <ul className="thimble-findings">
        {table.rows.map(([severity, what, where, remedy], at) => {
          const Icon = TONE_ICONS[table.tones[at]] || Info
          return (
            <li key={at} data-tone={table.tones[at]}>
              <Icon aria-hidden="true" />
              <div>
                <p>
                  <span className="thimble-unseen">{fill(words.labelled, { label: severity, value: '' })}</span>
                  {what}
                </p>
                <p className="thimble-quiet">
                  {remedy}{words.gap}
                  {where ? (
                    <span className="thimble-where">
                      {fill(words.labelled, { label: table.columns[2], value: where })}
                    </span>
                  ) : null}
                </p>
              </div>
            </li>
          )
        })}
      </ul>
    </Titled>
  )
}
