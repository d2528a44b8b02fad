import threading
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from core.errors import RequestRefused
from core.identity import Caller
from core.records import queries
from core.records.database import Database, next_id
from core.records.tables import Dataset, File, Table

ANN = Caller(user="ann")
BOB = Caller(user="bob")


@pytest.fixture
def database(tmp_path: Path) -> Database:
    made = Database(tmp_path / "records.sqlite")
    made.migrate()
    return made


def test_the_migrations_make_exactly_the_tables_of_the_code(database: Database) -> None:
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection)
        chat = {"users", "threads", "steps", "elements", "feedbacks"}
        differences = [
            difference
            for difference in compare_metadata(context, Table.metadata)
            if not (difference[0] == "remove_table" and difference[1].name in chat)
            and not (difference[0] == "remove_index" and difference[1].table.name in chat)
        ]
    assert differences == []


def test_migrating_twice_changes_nothing(database: Database) -> None:
    database.migrate()


def test_ids_given_from_many_threads_at_once_are_all_different(database: Database) -> None:
    given: list[str] = []

    def take() -> None:
        for _ in range(25):
            with database.write() as session:
                given.append(next_id(session, "run"))

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(given) == sorted(f"run_{n}" for n in range(1, 101))


def test_an_exception_in_a_write_leaves_nothing_behind(database: Database) -> None:
    with pytest.raises(ZeroDivisionError), database.write() as session:
        session.add(a_file("file-1", ANN))
        raise ZeroDivisionError
    with database.read() as session:
        assert session.get(File, "file-1") is None


def test_another_owners_record_is_as_unknown_as_none(database: Database) -> None:
    with database.write() as session:
        session.add(a_file("file-1", ANN))
    with database.read() as session:
        assert queries.get(session, File, ANN, "file-1").filename == "a.csv"
        with pytest.raises(RequestRefused, match="There is no file 'file-1'") as refused:
            queries.get(session, File, BOB, "file-1")
    assert refused.value.code == "not_found"


def test_a_name_means_its_newest_version_and_an_unknown_one_lists_what_there_is(
    database: Database,
) -> None:
    with database.write() as session:
        for version in (1, 2, 10):
            session.add(a_dataset(version))
    with database.read() as session:
        assert queries.versioned(session, Dataset, ANN, "bank").version == 10
        assert queries.versioned(session, Dataset, ANN, "bank@2").version == 2
        assert queries.next_version(session, Dataset, ANN, "bank") == 11
        with pytest.raises(RequestRefused, match=r"'bank@7'.* Known: bank@10, bank@2, bank@1"):
            queries.versioned(session, Dataset, ANN, "bank@7")


@pytest.mark.parametrize(
    "ref", ["bank@" + "9" * 20, "bank@" + "9" * 5000, "bank@-1", "bank@01", "bank@٣", "bank@", "@1"]
)
def test_what_is_no_version_is_as_unknown_as_a_version_that_is_not_there(
    database: Database, ref: str
) -> None:
    with database.read() as session, pytest.raises(RequestRefused) as refused:
        queries.versioned(session, Dataset, ANN, ref)
    assert (refused.value.code, refused.value.param) == ("not_found", "dataset")
    assert len(str(refused.value)) < 300


def a_file(identifier: str, caller: Caller) -> File:
    return File(id=identifier, filename="a.csv", bytes=1, sha256="0" * 64, **queries.stamp(caller))


def a_dataset(version: int) -> Dataset:
    return Dataset(
        id=f"dataset_{version}",
        name="bank",
        version=version,
        task="classification",
        fingerprint=str(version),
        file_id="file-1",
        columns={},
        rows=1,
        splits={},
        profile={},
        problems=[],
        created_at=float(version),
        **queries.stamp(ANN),
    )
