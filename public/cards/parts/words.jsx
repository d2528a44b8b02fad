// Parts that are words: facts, notes, links and code.
import { useRef, useState } from 'react'
import { ArrowLeft, Check, Copy, Download } from 'lucide-react'

const WIDE_CHARACTERS = 44
const LONG_CHARACTERS = 17

// Chinese signs take the room of two letters.
const room = (text) => text.length + (text.match(/[\u2e80-\uffef]/g) || []).length

const width = (text) => (room(text) > WIDE_CHARACTERS ? 'all' : room(text) > LONG_CHARACTERS ? 'two' : 'one')

function Facts({ facts }) {
  if (!facts.length) return null
  return (
    <dl className="thimble-facts">
      {facts.map(([label, value]) => (
        <div key={label} data-width={width(value)}>
          <dt>{label}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  )
}

function Notes({ notes }) {
  if (!notes.length) return null
  return (
    <div className="thimble-notes">
      {notes.map((note) => (
        <p key={note}>{note}</p>
      ))}
    </div>
  )
}

function Links({ links }) {
  if (!links.length) return null
  return (
    <p className="thimble-links">
      {links.map(({ text, url }) =>
        url.startsWith('/chat/thread/') ? (
          <a key={url} href={url} className="thimble-button">
            <ArrowLeft aria-hidden="true" />
            {text}
          </a>
        ) : url.startsWith('/v1/files/') ? (
          <Away key={url} url={url} className="thimble-button thimble-main" download>
            <Download aria-hidden="true" />
            {text}
          </Away>
        ) : (
          <Away key={url} url={url}>
            {text}
          </Away>
        )
      )}
    </p>
  )
}

// Snippets, one at a time, behind tabs that the arrow keys move between.
function Code({ code }) {
  const { words } = useRoom()
  const name = useName('code')
  const [shown, setShown] = useState(0)
  const tabs = useRef(null)
  if (!code.length) return null
  function move(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key]
    if (!step) return
    const next = (shown + step + code.length) % code.length
    setShown(next)
    tabs.current.children[next].focus()
  }
  return (
    <div className="thimble-code">
      <div className="thimble-bar-of-tabs">
        <div role="tablist" aria-label={words.snippets} ref={tabs} onKeyDown={move}>
          {code.map(([language], at) => (
            <button
              key={language}
              type="button"
              role="tab"
              id={`${name}-${at}`}
              aria-selected={at === shown}
              aria-controls={name}
              tabIndex={at === shown ? 0 : -1}
              onClick={() => setShown(at)}
            >
              {words[`code_${language}`] || language}
            </button>
          ))}
        </div>
        <CopyButton text={code[shown][1]} />
      </div>
      <pre id={name} role="tabpanel" aria-labelledby={`${name}-${shown}`} tabIndex={0}>
        <code>{code[shown][1]}</code>
      </pre>
    </div>
  )
}

// A page that came over plain HTTP from another machine is given no clipboard.
async function copied(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text)
  const area = Object.assign(document.createElement('textarea'), { value: text })
  document.body.append(area)
  area.select()
  document.execCommand('copy')
  area.remove()
}

function CopyButton({ text }) {
  const { words } = useRoom()
  const [done, setDone] = useState(false)
  async function copy() {
    await copied(text)
    setDone(true)
    setTimeout(() => setDone(false), 2000)
  }
  return (
    <button type="button" className="thimble-small" onClick={copy}>
      {done ? <Check aria-hidden="true" /> : <Copy aria-hidden="true" />}
      <span aria-live="polite">{done ? words.copied : words.copy}</span>
    </button>
  )
}
