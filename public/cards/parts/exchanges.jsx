// Prompts with the answers to them side by side. The first answer is the one that matters.
import { useState } from 'react'

const FIRST_EXCHANGES = 3

function Exchanges({ exchanges, title }) {
  const { words } = useRoom()
  const [all, setAll] = useState(false)
  if (!exchanges.length) return null
  const shown = all ? exchanges : exchanges.slice(0, FIRST_EXCHANGES)
  return (
    <section className="thimble-part">
      {title ? <h4>{title}</h4> : null}
      <ul className="thimble-talks">
        {shown.map((exchange, at) => (
          <li key={at}>
            {exchange.title ? <p className="thimble-quiet">{exchange.title}</p> : null}
            <Turns turns={exchange.turns} />
            <Answers answers={exchange.answers} />
          </li>
        ))}
      </ul>
      {exchanges.length > FIRST_EXCHANGES ? (
        <button type="button" className="thimble-small" aria-expanded={all} onClick={() => setAll(!all)}>
          {all ? words.fewer : fill(words.all, { count: exchanges.length })}
        </button>
      ) : null}
    </section>
  )
}

function Answers({ answers, all }) {
  if (!answers.length) return null
  return (
    <div className="thimble-answers" data-count={answers.length}>
      {answers.map((answer, at) => (
        <AnswerBox key={at} answer={answer} first={at === 0} all={all} />
      ))}
    </div>
  )
}

function AnswerBox({ answer, first, all }) {
  const { words } = useRoom()
  const { who, text, note, tone, writing } = answer
  return (
    <div className="thimble-told" data-first={first} data-tone={tone} aria-busy={writing || undefined}>
      <p className="thimble-quiet">
        <span className="thimble-who">{who}</span>
        {note ? <span className="thimble-note">{note}</span> : null}
      </p>
      {writing && !text ? (
        <p className="thimble-message thimble-waits">
          <span className="thimble-unseen">{words.writing}</span>
        </p>
      ) : text || tone !== 'bad' ? (
        <Message text={text} all={all} />
      ) : null}
    </div>
  )
}
