// An endpoint: how it does, a field to try it, how to call it. And one answer of an endpoint.
function EndpointCard({ view }) {
  return (
    <Frame view={view}>
      <Facts facts={view.facts} />
      <Notes notes={view.notes} />
      {view.form ? <TryIt form={view.form} /> : null}
      <Charts charts={view.charts} />
      <Tables tables={view.tables} name={view.title} />
      <Code code={view.code} />
      <Links links={view.links} />
      <Actions view={view} quiet={Boolean(view.form)} />
    </Frame>
  )
}
