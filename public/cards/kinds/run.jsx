// A run: one card from the queue to its report. The verdict comes first, the details are folded.
function RunCard({ view }) {
  const share = view.progress ? view.progress.share : null
  return (
    <Frame view={view}>
      <Progress progress={view.progress} />
      <Charts charts={view.charts} share={share} />
      <Facts facts={view.facts} />
      <Notes notes={view.notes} />
      <Tables tables={view.tables} name={view.title} />
      <Links links={view.links} />
      <Actions view={view} />
    </Frame>
  )
}
