"""How well the library finds, and how fast: nDCG@10 and hits on two public test collections, and
whether questions to the built-in help find their page, in both languages.

    python -m benchmarks.search help                 help_questions.json beside this file
    python -m benchmarks.search cranfield FOLDER     corpus.jsonl, queries.jsonl, qrels.tsv
    python -m benchmarks.search aws FOLDER           docs_14_guides.tar.gz, QA_true.csv, qrels.tsv

Options: --embedder FOLDER (default: the one in THIMBLE_HOME); --home FOLDER to keep the index and
be quick the next time; --guides A,B to index only those of the AWS guides, so that the questions
about the others cannot be answered. Prints a table; the figures are in README.md beside this file.
"""

import argparse
import csv
import json
import shutil
import statistics
import tarfile
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import log2
from pathlib import Path

from benchmarks import help_questions
from core import settings
from core.identity import Caller
from core.records.database import Database
from core.storage import Storage
from knowledge.embedder import Embedder
from knowledge.passages import Passage, Scope
from knowledge.search import DOCS, POOL, Library
from knowledge.words import terms

ME = Caller(user="benchmark")
SCOPE = Scope.of(ME, DOCS)
Gains = dict[str, float]
Ranker = Callable[[str], list[str]]


@dataclass(frozen=True)
class Question:
    text: str
    gains: Gains
    """Source of a relevant document to how relevant it is."""


def cranfield(folder: Path, documents: Path) -> list[Question]:
    """1,400 abstracts and 225 questions of engineers, from 1967."""
    for line in (folder / "corpus.jsonl").read_text().splitlines():
        row = json.loads(line)
        text = row["text"].removeprefix(row["title"]).strip()
        (documents / f"{row['_id']}.md").write_text(f"# {row['title']}\n\n{text}\n")
    queries = [json.loads(line) for line in (folder / "queries.jsonl").read_text().splitlines()]
    gains: dict[str, Gains] = {}
    for row in rows_of(folder / "qrels.tsv", "\t"):
        if float(row["score"]) > 0:
            gains.setdefault(row["query-id"], {})[f"{row['corpus-id']}.md"] = float(row["score"])
    return [Question(one["text"], gains[one["_id"]]) for one in queries if one["_id"] in gains]


def aws(folder: Path, documents: Path) -> list[Question]:
    """2,809 pages of 14 guides and 50 questions of customers."""
    with tarfile.open(folder / "docs_14_guides.tar.gz") as archive:
        archive.extractall(documents, filter="data")
    gains: dict[str, Gains] = {}
    for row in rows_of(folder / "qrels.tsv", "\t"):
        gains.setdefault(row["query-id"], {})[row["doc"]] = float(row["score"])
    asked = [row["Question"].strip() for row in rows_of(folder / "QA_true.csv", ",")]
    return [
        Question(text, gains[str(number)])
        for number, text in enumerate(asked, start=1)
        if str(number) in gains
    ]


def keep_guides(documents: Path, guides: Sequence[str]) -> None:
    for guide in documents.iterdir():
        if guide.name not in guides:
            shutil.rmtree(guide)


def rows_of(path: Path, delimiter: str) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter=delimiter))


def ndcg(found: Sequence[str], gains: Gains, at: int = 10) -> float:
    best = sorted(gains.values(), reverse=True)[:at]
    ideal = sum(gain / log2(rank + 2) for rank, gain in enumerate(best))
    got = sum(gains.get(source, 0.0) / log2(rank + 2) for rank, source in enumerate(found[:at]))
    return got / ideal


def hit(found: Sequence[str], gains: Gains, at: int) -> bool:
    return any(source in gains for source in found[:at])


def sources(passages: Sequence[Passage]) -> list[str]:
    """Documents in the order of their best passage."""
    return list(dict.fromkeys(passage.source for passage in passages))


def rankers(library: Library) -> dict[str, Ranker]:
    names = {one["id"]: one["source"] for one in library.documents(ME, DOCS)}
    words, vectors = library.shelf.words, library.shelf.vectors

    def by_page(question: str) -> list[str]:
        return [names[one] for one in words.rank_documents(SCOPE, terms(question), POOL)]

    def by_chunk(question: str) -> list[str]:
        found = words.rank_chunks(SCOPE, terms(question), POOL)
        return list(dict.fromkeys(names[key.document_id] for key in found))

    def by_meaning(question: str) -> list[str]:
        found = vectors.rank(SCOPE, library.embed.embed([question])[0], POOL)
        return list(dict.fromkeys(names[key.document_id] for key, _ in found))

    def fused(question: str) -> list[str]:
        return sources(library.search(ME, question, DOCS, 50))

    return {
        "words, whole documents": by_page,
        "words, chunks": by_chunk,
        "vectors, chunks": by_meaning,
        "fused (what search does)": fused,
    }


def report(name: str, ranker: Ranker, questions: Sequence[Question]) -> str:
    found, took = [], []
    for question in questions:
        start = time.perf_counter()
        found.append(ranker(question.text))
        took.append(1000 * (time.perf_counter() - start))
    pairs = list(zip(found, (question.gains for question in questions), strict=True))
    figures = (
        statistics.fmean(ndcg(*pair) for pair in pairs),
        statistics.fmean(hit(*pair, at=1) for pair in pairs),
        statistics.fmean(hit(*pair, at=5) for pair in pairs),
    )
    cells = " | ".join(f"{figure:.3f}" for figure in figures)
    return f"| {name} | {cells} | {statistics.median(took):.0f} ms |"


def evidence(library: Library, question: Question) -> float:
    """What `answerable` compares with its threshold."""
    return library.evidence(ME, question.text, library.search(ME, question.text))


def told_apart(library: Library, good: Sequence[Question], others: Sequence[Question]) -> str:
    """How well the questions that the collection answers are told from those it does not."""
    whole = [evidence(library, question) for question in good]
    empty = [evidence(library, question) for question in others]
    auc = statistics.fmean((a > b) + (a == b) / 2 for a in whole for b in empty)
    lines = [f"{len(others)} unanswerable questions, AUC {auc:.3f}"]
    for tenths in range(10, 22, 1):
        threshold = tenths / 10
        kept = statistics.fmean(one >= threshold for one in whole)
        wrong = statistics.fmean(one >= threshold for one in empty)
        lines.append(f"  at {threshold:.1f}: {kept:.0%} of answerable, {wrong:.0%} of others pass")
    return "\n".join(lines)


def opened(home: Path, embedder: Path) -> Library:
    storage = Storage(home)
    storage.prepare()
    database = Database(home / "records.sqlite")
    database.migrate()
    return Library(database, storage, Embedder(embedder))


def measure(home: Path, chosen: argparse.Namespace) -> None:
    if chosen.collection == "help":
        return help_questions.measure(opened(home, chosen.embedder))
    documents = home / "documents"
    documents.mkdir(exist_ok=True)
    questions = {"cranfield": cranfield, "aws": aws}[chosen.collection](chosen.folder, documents)
    if chosen.guides:
        keep_guides(documents, chosen.guides.split(","))
    library = opened(home, chosen.embedder)
    start = time.perf_counter()
    counts = library.add_folder(ME, documents, DOCS)
    library.shelf.finish()
    print(f"{counts}, indexed in {time.perf_counter() - start:.0f} s", flush=True)
    show(library, questions, {one["source"] for one in library.documents(ME, DOCS)})
    library.close()


def show(library: Library, questions: Sequence[Question], there: set[str]) -> None:
    good = [question for question in questions if there.intersection(question.gains)]
    others = [question for question in questions if not there.intersection(question.gains)]
    print(f"{len(good)} questions\n")
    print("| ranking | nDCG@10 | hit@1 | hit@5 | median |\n|---|---|---|---|---|")
    for name, ranker in rankers(library).items():
        print(report(name, ranker, good), flush=True)
    if others:
        print("\n" + told_apart(library, good, others))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("collection", choices=("cranfield", "aws", "help"))
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--embedder", type=Path, default=settings.read().home / "embedder")
    parser.add_argument("--home", type=Path, default=None)
    parser.add_argument("--guides", default="")
    chosen = parser.parse_args()
    if chosen.collection != "help" and chosen.folder is None:
        parser.error("name the folder of the collection")
    if chosen.home is not None:
        chosen.home.mkdir(parents=True, exist_ok=True)
        return measure(chosen.home, chosen)
    with tempfile.TemporaryDirectory() as home:
        measure(Path(home), chosen)


if __name__ == "__main__":
    main()
