// A conversation with a model itself: the answers to one message, without the frame of a card, and
// the card that such a conversation begins with.
function TalkCard({ view }) {
  if (!view.exchanges.length) return <PlainCard view={view} />
  return (
    <article className="thimble-card thimble-bare" data-kind={view.kind} aria-label={view.title}>
      {view.exchanges.map((exchange, at) => (
        <Answers key={at} answers={exchange.answers} all />
      ))}
      <Notes notes={view.notes} />
      <Links links={view.links} />
      <Actions view={view} quiet />
    </article>
  )
}
