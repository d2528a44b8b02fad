"""The data room on an empty home."""

from pathlib import Path

from core.identity import Caller
from core.records.database import Database
from core.storage import Storage
from data.datasets import Datasets
from data.files import Files

CALLER = Caller()


class Room:
    def __init__(self, home: Path) -> None:
        self.home = home
        self.storage = Storage(home)
        self.storage.prepare()
        self.database = Database(home / "records.sqlite")
        self.database.migrate()
        self.files = Files(self.database, self.storage, 10 * 2**20)
        self.datasets = Datasets(self.database, self.storage)

    def upload(self, filename: str, content: bytes | str) -> str:
        raw = content.encode() if isinstance(content, str) else content
        return self.files.save_bytes(CALLER, filename, raw).id

    def upload_file(self, path: Path) -> str:
        return self.upload(path.name, path.read_bytes())

    def everything(self) -> list[str]:
        """Every name below the home, to see that nothing changed."""
        return sorted(str(path.relative_to(self.home)) for path in self.home.rglob("*"))
