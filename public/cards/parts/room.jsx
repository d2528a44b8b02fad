// What every part of a card needs: its words and what its buttons call.
import { createContext, useContext, useEffect, useRef, useState } from 'react'

const Room = createContext(null)

const useRoom = () => useContext(Room)

// `{page}` in a text becomes the value of that name.
function fill(text, values) {
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole))
}

const grouped = (number) => Number(number).toLocaleString('en')

// A share as the language writes it; its sign never stands alone on a line.
const percent = (words, share, digits) =>
  fill(words.percent, { number: (100 * share).toFixed(digits) }).replace(' ', '\u00a0')

// Ask the server; the answer, or null after a failure, which `failure` then tells.
function useAsk() {
  const { words, callAction } = useRoom()
  const [busy, setBusy] = useState(false)
  const [failure, setFailure] = useState(null)
  async function ask(name, payload) {
    setBusy(true)
    setFailure(null)
    try {
      const answer = await callAction({ name, payload })
      const told = (answer && answer.response) || {}
      if (!told.error) return told
      setFailure(told.error)
    } catch (error) {
      setFailure({ message: words.unreachable })
    } finally {
      setBusy(false)
    }
    return null
  }
  return { ask, busy, failure, setFailure }
}

// The width that an element has on the screen, for charts whose text must not be stretched.
function useWidth(least) {
  const place = useRef(null)
  const [width, setWidth] = useState(0)
  useEffect(() => {
    const watcher = new ResizeObserver(([entry]) => setWidth(Math.floor(entry.contentRect.width)))
    watcher.observe(place.current)
    return () => watcher.disconnect()
  }, [])
  return [place, Math.max(least, width)]
}

// A name that may break where its parts join: card_arrival, banking-frozen@1.
function Soft({ children }) {
  const parts = String(children).match(/[^_./@-]*[_./@-]?/g).filter(Boolean)
  return parts.map((part, at) => (at ? [<wbr key={at} />, part] : part))
}

let made = 0

// An id that no other card on the page has.
function useName(prefix) {
  const [name] = useState(() => `thimble-${prefix}-${(made += 1)}`)
  return name
}

function Failure({ failure }) {
  const { words } = useRoom()
  if (!failure) return null
  return (
    <p className="thimble-failure" role="alert">
      {failure.message}{words.gap}{failure.fix}{words.gap}
      {failure.help ? <Away url={failure.help}>{words.meaning}</Away> : null}
    </p>
  )
}

// A link that opens beside the chat. Only addresses of this server become links; browsers read
// `/\host` and `/<tab>/host` as another one.
function Away({ url, className, download, children }) {
  const { words } = useRoom()
  if (!/^\/(?![/\\\s])/.test(url)) return <span>{children}</span>
  if (download) {
    return (
      <a className={className} href={url} download>
        {children}
      </a>
    )
  }
  return (
    <a className={className || 'thimble-link'} href={url} target="_blank" rel="noreferrer">
      {children}
      <span className="thimble-unseen"> {words.new_tab}</span>
    </a>
  )
}
