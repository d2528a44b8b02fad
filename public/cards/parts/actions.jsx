// The buttons of a card. The first is the one next step; rejecting is never it.
import { useState } from 'react'
import { useChatData } from '@chainlit/react-client'
import { LoaderCircle } from 'lucide-react'

function Actions({ view, quiet }) {
  const { words, sendUserMessage } = useRoom()
  const { ask, busy, failure, setFailure } = useAsk()
  const [pressed, setPressed] = useState('')
  const { loading, connected } = useChatData()
  if (!view.actions.length) return null
  async function press(action) {
    setPressed(action.label)
    if (action.decide) {
      await ask('decide', { approval_id: action.approval_id, decision: action.decide })
    } else if (!connected || loading) {
      setFailure({ message: connected ? words.still_answering : words.unreachable })
    } else {
      setFailure(null)
      sendUserMessage(action.say)
    }
  }
  return (
    <footer className="thimble-actions">
      {view.actions.map((action, at) => (
        <Button
          key={action.label}
          look={look(action, at, quiet)}
          busy={busy && pressed === action.label}
          disabled={busy}
          onClick={() => press(action)}
        >
          {action.label}
        </Button>
      ))}
      <Failure failure={failure} />
    </footer>
  )
}

function look(action, at, quiet) {
  if (action.decide === 'reject') return 'quiet'
  if (action.decide === 'approve') return at ? 'plain' : 'main'
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
