// The buttons of a card. The first is the one next step; rejecting is never it.
import { useRef, useState } from 'react'
import { useChatData } from '@chainlit/react-client'
import { LoaderCircle, MessagesSquare } from 'lucide-react'

const TWICE_MS = 1500

function Actions({ view, quiet }) {
  const { words, sendUserMessage } = useRoom()
  const { ask, busy, failure, setFailure } = useAsk()
  const [pressed, setPressed] = useState('')
  const { loading, connected } = useChatData()
  const said = useRef(0)
  if (!view.actions.length) return null
  async function press(action) {
    setPressed(action.label)
    if (action.talk) {
      const told = await ask('talk', { endpoint: action.talk })
      if (told) window.location.assign(told.open)
    } else if (action.decide) {
      await ask('decide', { approval_id: action.approval_id, decision: action.decide })
    } else if (!connected || loading) {
      setFailure({ message: connected ? words.still_answering : words.unreachable })
    } else {
      setFailure(null)
      // The page learns only after a moment that it waits: a double click says it once.
      if (Date.now() - said.current > TWICE_MS) sendUserMessage(action.say)
      said.current = Date.now()
    }
  }
  return (
    <footer className="thimble-actions">
      {view.actions.map((action, at) => (
        <Button
          key={action.label}
          look={look(action, at, quiet || view.kind === 'list')}
          busy={busy && pressed === action.label}
          disabled={busy}
          onClick={() => press(action)}
        >
          {action.talk ? <MessagesSquare aria-hidden="true" /> : null}
          {action.label}
        </Button>
      ))}
      <Failure failure={failure} />
    </footer>
  )
}

function look(action, at, quiet) {
  if (action.decide === 'reject') return 'quiet'
  return at || quiet ? 'plain' : 'main'
}

function Button({ look: name = 'plain', busy, disabled, type = 'button', onClick, children }) {
  return (
    <button
      type={type}
      className={`thimble-button thimble-${name}`}
      disabled={disabled}
      aria-busy={busy || undefined}
      onClick={onClick}
    >
      {busy ? <LoaderCircle className="thimble-turning" aria-hidden="true" /> : null}
      {children}
    </button>
  )
}
