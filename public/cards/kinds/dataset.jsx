// A dataset: what is in it, what is wrong with it, what is learnt from it, and a look at its rows.
function DatasetCard({ view }) {
  const findings = view.tables.filter(({ tones, rows }) => tones && tones.length && rows.length)
  const tables = view.tables.filter((table) => !findings.includes(table))
  return (
    <Frame view={view}>
      <Facts facts={view.facts} />
      {findings.map((table) => (
        <Findings key={table.title} table={table} />
      ))}
      <div className="thimble-pair">
        <Charts charts={view.charts} />
      </div>
      <Tables tables={tables} name={view.title} />
      {view.preview ? <PreviewPart preview={view.preview} /> : null}
      {view.sample ? <SamplePart sample={view.sample} /> : null}
      <Notes notes={view.notes} />
      <Links links={view.links} />
      <Actions view={view} />
    </Frame>
  )
}
