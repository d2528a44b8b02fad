// A run: one card from the queue to its report. The verdict comes first, the details are folded.
function RunCard({ view }) {
  const { words } = useRoom()
  const share = view.progress ? view.progress.share : null
  const curves = view.charts.filter((chart) => chart.kind === 'line')
  const compared = view.charts.filter((chart) => chart.kind !== 'line')
  return (
    <Frame view={view}>
      <Progress progress={view.progress} />
      <Charts charts={view.progress ? view.charts : compared} share={share} />
      <Facts facts={view.facts} />
      <Notes notes={view.notes} />
      <Exchanges exchanges={view.exchanges} title={words.side_by_side} />
      <Tables tables={view.tables} name={view.title} />
      {view.progress ? null : curves.map((curve) => (
        <details key={curve.title} className="thimble-fold">
          <summary>{curve.title}</summary>
          <Curve chart={curve} />
        </details>
      ))}
      <Links links={view.links} />
      <Actions view={view} quiet={Boolean(view.progress)} />
    </Frame>
  )
}
