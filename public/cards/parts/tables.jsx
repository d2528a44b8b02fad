// Tables that scroll inside their card, and findings: rows that have a mood.
import { CircleAlert, CircleCheck, Info, OctagonAlert } from 'lucide-react'

const FIGURE = /^([-+–]?\d[\d.,]*( ?(%|ms|s|min|h|B|KB|MB|GB))?( – [\d.,]+ ?%)?|–|)$/
const TONE_ICONS = { bad: OctagonAlert, wait: CircleAlert, good: CircleCheck }

const isFigure = (cell) => cell == null || typeof cell === 'number' || FIGURE.test(cell)

const shown = (cell) => (typeof cell === 'number' ? grouped(cell) : cell)

function Tables({ tables, name }) {
  return tables.filter((table) => table.rows.length).map((table, at) => (
    <Titled key={table.title || at} table={table}>
      <DataTable table={table} name={table.title || name} />
    </Titled>
  ))
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

function DataTable({ table, name }) {
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
            <Row key={at} row={row} right={right} tone={(table.tones || [])[at]} />
          ))}
        </tbody>
      </table>
    </div>
  )
}

function Row({ row, right, tone }) {
  return (
    <tr>
      {row.map((cell, at) => {
        const Cell = at ? 'td' : 'th'
        return (
          <Cell key={at} scope={at ? undefined : 'row'} data-right={right[at]}>
            {!at && tone ? <span className="thimble-dot" data-tone={tone} aria-hidden="true" /> : null}
            {shown(cell)}
          </Cell>
        )
      })}
    </tr>
  )
}

// Rows of four: how bad, what, where, what to do.
function Findings({ table }) {
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
                  <span className="thimble-unseen">{severity}: </span>
                  {what}
                </p>
                <p className="thimble-quiet">
                  {remedy}{' '}
                  {where ? (
                    <span className="thimble-where">
                      {table.columns[2]}: {where}
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
