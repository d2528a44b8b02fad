"""The rooms of one home for the tests: real records and storage, a fake launcher."""

from dataclasses import dataclass
from pathlib import Path

from core.events import Bus
from core.identity import Caller
from core.records import tables
from core.records.database import Database
from core.storage import Storage
from finetune.bases import Bases
from finetune.follow import Follower
from finetune.quote import Quotes
from finetune.runs import Runs
from tests.fakes import FakeDatasets, FakeLauncher


@dataclass
class Rooms:
    """The rooms of one home, and what the bus said."""

    home: Path
    database: Database
    storage: Storage
    bus: Bus
    launcher: FakeLauncher
    datasets: FakeDatasets
    bases: Bases
    quotes: Quotes
    runs: Runs
    said: list[object]
    caller: Caller

    def follower(self) -> Follower:
        """A new one each time, as after a restart of the server."""
        return Follower(self.runs, self.quotes)

    def start(self, approval_id: str = "ap_1") -> tables.Run:
        """A run on `tickets@1` with the default arguments."""
        quote = self.quotes.quote(self.caller, dataset="tickets")
        arguments = quote.result["arguments"]
        return self.runs.start(self.caller, arguments, approval_id, None, quote.result)
