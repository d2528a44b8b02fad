// What all cards share: the edge, the head with its state, and folding to the head.
import { useEffect, useState } from 'react'
import {
  Activity, BookOpen, Box, CheckCheck, ChevronDown, ClipboardList, Database, FileDown, Files, List,
  MessageSquareText, MessagesSquare, OctagonAlert, Radio, ShieldCheck,
} from 'lucide-react'

const KIND_ICONS = {
  dataset: Database,
  check: CheckCheck,
  quote: ClipboardList,
  approval: ShieldCheck,
  run: Activity,
  model: Box,
  endpoint: Radio,
  answer: MessageSquareText,
  talk: MessagesSquare,
  passages: BookOpen,
  list: List,
  file: FileDown,
  documents: Files,
  error: OctagonAlert,
}
const LIVE = ['approval', 'run', 'endpoint']

function Frame({ view, folded, children }) {
  const { words } = useRoom()
  const name = useName('card')
  const [open, setOpen] = useState(!folded)
  useEffect(() => setOpen(!folded), [folded])
  return (
    <article
      className="thimble-card"
      aria-labelledby={name}
      data-kind={view.kind}
      data-key={view.key}
      data-state={view.state}
      data-tone={view.tone}
      data-folded={!open}
    >
      <header className="thimble-head">
        <KindIcon kind={view.kind} />
        <h3 id={name}>{view.title}</h3>
        <Pill view={view} />
        {folded ? (
          <button
            type="button"
            className="thimble-toggle"
            aria-expanded={open}
            onClick={() => setOpen(!open)}
          >
            {open ? words.less : words.details}
            <ChevronDown aria-hidden="true" />
          </button>
        ) : null}
      </header>
      {view.summary ? <p className="thimble-summary">{view.summary}</p> : null}
      {open ? children : null}
    </article>
  )
}

function KindIcon({ kind }) {
  const Icon = KIND_ICONS[kind] || List
  return <Icon className="thimble-kind" aria-hidden="true" />
}

// Only what changes by itself is told to a screen reader when it does.
function Pill({ view }) {
  const { kind, state_label: label, tone } = view
  if (!label) return null
  return (
    <span className="thimble-pill" data-tone={tone} role={LIVE.includes(kind) ? 'status' : undefined}>
      <span className="thimble-dot" aria-hidden="true" />
      {label}
    </span>
  )
}
