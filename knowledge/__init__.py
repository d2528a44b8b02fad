"""Documents to cited answers: ingest, index, search, and the built-in help under docs/."""
