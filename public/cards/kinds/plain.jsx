// Everything that is read and done with: lists, models, answers, passages, files and errors.
import { useState } from 'react'

const NUMBERED = /^\[(\d+)\] (.*)$/

function PlainCard({ view }) {
  return (
    <Frame view={view}>
      <Facts facts={view.facts} />
      <Charts charts={view.charts} />
      <Tables tables={view.tables} name={view.title} drawn={view.kind === 'answer'} />
      <Exchanges exchanges={view.exchanges} />
      <Code code={view.code} />
      <Notes notes={view.notes} />
      <Links links={view.links} />
      <Actions view={view} />
    </Frame>
  )
}

// The passages that an answer cites, under the numbers it cites them by.
const FIRST_PASSAGES = 5

function PassagesCard({ view }) {
  const { words } = useRoom()
  const [all, setAll] = useState(false)
  const shown = all ? view.links : view.links.slice(0, FIRST_PASSAGES)
  return (
    <Frame view={view}>
      <ol className="thimble-passages">
        {shown.map(({ text, url }) => {
          const [, number, place] = NUMBERED.exec(text) || [null, '', text]
          return (
            <li key={url}>
              <span>{number}</span>
              <Away url={url}>{place}</Away>
            </li>
          )
        })}
      </ol>
      {view.links.length > FIRST_PASSAGES ? (
        <button type="button" className="thimble-small" aria-expanded={all} onClick={() => setAll(!all)}>
          {all ? words.fewer : fill(words.all, { count: view.links.length })}
        </button>
      ) : null}
      <Notes notes={view.notes} />
      <Actions view={view} />
    </Frame>
  )
}
