// Conversations: who says what. A long message shows its beginning until it is asked for whole.
import { useState } from 'react'
import { Bot, Settings2, User, Wrench } from 'lucide-react'

const ROLE_ICONS = { system: Settings2, user: User, assistant: Bot, tool: Wrench }
const LONG_MESSAGE = 420 // letters; a Chinese sign has the room of two

function Turns({ turns }) {
  if (!turns.length) return null
  return (
    <ol className="thimble-turns">
      {turns.map((turn, at) => {
        const Icon = ROLE_ICONS[turn.role] || Wrench
        return (
          <li key={at} data-role={turn.role}>
            <p className="thimble-who">
              <Icon aria-hidden="true" />
              {turn.who}
              {turn.note ? <span className="thimble-quiet">{turn.note}</span> : null}
            </p>
            <Message text={turn.text} />
          </li>
        )
      })}
    </ol>
  )
}

function Message({ text, all }) {
  const { words } = useRoom()
  const [whole, setWhole] = useState(Boolean(all))
  if (!text) return <p className="thimble-message thimble-quiet">{words.nothing}</p>
  const most = Math.round((LONG_MESSAGE * text.length) / room(text))
  const long = text.length > 1.2 * most
  return (
    <div className="thimble-message">
      {long && !whole ? `${text.slice(0, most).trimEnd()}…` : text}
      {long && !whole ? (
        <button type="button" className="thimble-small" onClick={() => setWhole(true)}>
          {words.whole}
        </button>
      ) : null}
    </div>
  )
}

function Talks({ talks }) {
  return (
    <ul className="thimble-talks">
      {talks.map((talk) => (
        <li key={talk.title}>
          <p className="thimble-quiet">{talk.title}</p>
          <Turns turns={talk.turns} />
        </li>
      ))}
    </ul>
  )
}
