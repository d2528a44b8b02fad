// Everything that is read and done with: lists, models, answers, passages, files and errors.
const NUMBERED = /^\[(\d+)\] (.*)$/

function PlainCard({ view }) {
  return (
    <Frame view={view}>
      <Facts facts={view.facts} />
      <Charts charts={view.charts} />
      <Tables tables={view.tables} name={view.title} drawn={view.kind === 'answer'} />
      <Code code={view.code} />
      <Notes notes={view.notes} />
      <Links links={view.links} />
      <Actions view={view} />
    </Frame>
  )
}

// The passages that an answer cites, under the numbers it cites them by.
function PassagesCard({ view }) {
  return (
    <Frame view={view}>
      <ol className="thimble-passages">
        {view.links.map(({ text, url }) => {
          const [, number, place] = NUMBERED.exec(text) || [null, '', text]
          return (
            <li key={url}>
              <span>{number}</span>
              <Away url={url}>{place}</Away>
            </li>
          )
        })}
      </ol>
      <Notes notes={view.notes} />
      <Actions view={view} />
    </Frame>
  )
}
