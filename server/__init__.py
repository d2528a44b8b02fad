"""One process, one gate: the rooms put together and reached over HTTP."""
