// Which kind of view is drawn how. A kind that is not named here is drawn plainly.
const KINDS = {
  quote: Plan,
  approval: Plan,
  run: RunCard,
  dataset: DatasetCard,
  check: DatasetCard,
  endpoint: EndpointCard,
  passages: PassagesCard,
  model: PlainCard,
  answer: PlainCard,
  talk: TalkCard,
  list: PlainCard,
  file: PlainCard,
  documents: PlainCard,
  error: PlainCard,
}

function Card({ view, words, callAction, sendUserMessage }) {
  const Kind = KINDS[view.kind] || PlainCard
  return (
    <Room.Provider value={{ words, callAction, sendUserMessage }}>
      <Kind view={view} />
    </Room.Provider>
  )
}

window.thimbleCards.Card = Card
export default null
