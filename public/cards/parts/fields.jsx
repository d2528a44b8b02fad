// The numbers of a plan, to be changed where they stand.
import { useState } from 'react'
import { Minus, Plus } from 'lucide-react'

const FIRST_FIELDS = 6

function Fields({ fields, edits, errors, editable, onEdit }) {
  const { words } = useRoom()
  const [all, setAll] = useState(false)
  if (!fields.length) return null
  const first = fields.filter((field, at) => at < FIRST_FIELDS || field.set_by_user)
  const few = !all && fields.length - first.length > 2
  const hidden = few ? fields.filter((field) => !first.includes(field)) : []
  const needed = hidden.some((field) => errors[field.name])
  return (
    <div className="thimble-part">
      <ul className="thimble-fields">
        {(few && !needed ? first : fields).map((field) => (
          <FieldRow
            key={field.name}
            field={field}
            value={edits[field.name]}
            error={errors[field.name]}
            editable={editable}
            onEdit={onEdit}
          />
        ))}
      </ul>
      {fields.length - first.length > 2 && !needed ? (
        <button type="button" className="thimble-small" aria-expanded={all} onClick={() => setAll(!all)}>
          {all ? words.fewer : fill(words.more_settings, { count: fields.length - first.length })}
        </button>
      ) : null}
    </div>
  )
}

function FieldRow({ field, value, error, editable, onEdit }) {
  const name = useName('field')
  const changed = value !== undefined && value !== field.value
  return (
    <li data-changed={changed} data-set={field.set_by_user}>
      <label htmlFor={editable ? name : undefined}>{field.label}</label>
      {editable ? (
        <Control
          field={field}
          id={name}
          value={value === undefined ? field.value : value}
          described={`${name}-why`}
          wrong={Boolean(error)}
          onChange={(next) => onEdit(field.name, next)}
        />
      ) : (
        <span className="thimble-value">{field.value}</span>
      )}
      <p id={`${name}-why`}>
        {error ? <span className="thimble-failure" role="alert">{error}</span> : <Why field={field} changed={changed} />}
      </p>
    </li>
  )
}

function Why({ field, changed }) {
  const { words } = useRoom()
  if (changed) return fill(words.instead_of, { value: field.value })
  if (field.set_by_user) return <b>{field.origin}</b>
  if (!field.reason) return field.origin
  return (
    <>
      <span className="thimble-origin">{field.origin}</span> {field.reason}
    </>
  )
}

function Control({ field, id, value, described, wrong, onChange }) {
  if (field.kind === 'choice') {
    return (
      <select
        id={id}
        className="thimble-input"
        value={value}
        aria-describedby={described}
        onChange={(event) => onChange(event.target.value)}
      >
        {field.choices.map((choice) => (
          <option key={choice}>{choice}</option>
        ))}
      </select>
    )
  }
  return <Stepper {...{ field, id, value, described, wrong, onChange }} />
}

function Stepper({ field, id, value, described, wrong, onChange }) {
  const { words } = useRoom()
  const step = (sign) => onChange(stepped(field, value, sign))
  function keyed(event) {
    const sign = { ArrowUp: 1, ArrowDown: -1 }[event.key]
    if (!sign) return
    event.preventDefault()
    step(sign)
  }
  return (
    <span className="thimble-stepper" data-wrong={wrong}>
      <button type="button" aria-label={fill(words.lower, { name: field.label })} onClick={() => step(-1)}>
        <Minus aria-hidden="true" />
      </button>
      <input
        id={id}
        inputMode="decimal"
        autoComplete="off"
        value={value}
        aria-describedby={described}
        aria-invalid={wrong}
        onChange={(event) => onChange(event.target.value)}
        onKeyDown={keyed}
      />
      <button type="button" aria-label={fill(words.higher, { name: field.label })} onClick={() => step(1)}>
        <Plus aria-hidden="true" />
      </button>
    </span>
  )
}

// The next value of one digit: 3 → 4, 32 → 40, 0.002 → 0.003, 0.001 down → 0.0009.
function stepped(field, text, sign) {
  const value = Number(text)
  if (!Number.isFinite(value)) return field.value
  const least = field.kind === 'int' ? 1 : 1e-6
  const size = Math.abs(value) * (sign < 0 ? 0.999 : 1)
  const unit = Math.max(least, size ? 10 ** Math.floor(Math.log10(size)) : 0.01)
  let next = Math.round(value / unit) * unit + sign * unit
  if (field.least != null) next = Math.max(field.least, next)
  if (field.most != null) next = Math.min(field.most, next)
  return String(Number(next.toPrecision(6)))
}

// Why a value cannot be taken, in words; undefined when it can.
function complaint(field, text, words) {
  if (field.kind === 'choice') return undefined
  const value = text.trim() === '' ? NaN : Number(text)
  const low = field.least == null ? -Infinity : field.least
  const high = field.most == null ? Infinity : field.most
  const whole = field.kind === 'int' && !Number.isInteger(value)
  if (value >= low && value <= high && !whole) return undefined
  return fill(field.kind === 'int' ? words.whole_between : words.between, {
    least: plainly(field.least), most: plainly(field.most),
  })
}

const plainly = (value) => (value == null ? '…' : Number(value).toLocaleString('en', { maximumSignificantDigits: 6 }))
