"""What can `tiny-chat` be taught? Rows of a simple regular task, tuned as a user would.

    python benchmarks/tiny_chat.py [--task orders|stock|next] [--home FOLDER] [--set epochs=5 …]

It makes 2,000 rows of questions and answers, uploads them, asks for a quote (which builds
`tiny-chat` first when the home has none), starts the run with the default settings, and prints
what the run's own evaluation found: the share of held-out questions answered exactly, by the tuned
and by the untuned model. No question of the test rows was ever seen.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

from core.events import Bus
from core.identity import Caller
from core.records import tables
from core.records.database import Database
from core.settings import Settings
from core.storage import Storage
from data.datasets import Datasets
from data.files import Files
from finetune.bases import Bases
from finetune.follow import Follower
from finetune.quote import Quotes
from finetune.runs import Runs
from launchers import local

ROWS = 2000
CALLER = Caller()
words = str.split
COLOURS = words(
    "amber azure beige black blue bronze brown copper coral cream crimson cyan emerald gold green "
    "grey indigo ivory jade khaki lilac lime maroon mauve navy ochre olive orange peach pink plum "
    "purple red rose ruby rust salmon sand scarlet silver tan teal violet white yellow"
)
THINGS = words(
    "anvil axle basket belt bolt brush bucket candle carpet chisel clamp crank drill easel file "
    "funnel gear goblet hammer hinge hose inkwell jigsaw kayak ladder lantern lever mallet nail "
    "napkin oar pliers pulley pump quilt rake rope saw shovel sponge spring torch trowel urn "
    "violin washer whistle wrench yoyo"
)
NAMES = words(
    "Agnes Basil Cyril Doreen Edith Fergus Gwen Harold Imogen Jasper Kenji Lorna Mabel Nigel Opal "
    "Percy Quentin Rhoda Silas Thelma Ursula Vernon Wilma Xavier Yvonne Zelda"
)
CITIES = words(
    "Aberdeen Bristol Calais Dresden Exeter Florence Granada Hamburg Innsbruck Jena Krakow Lille "
    "Marseille Nantes Oporto Pisa Rouen Salzburg Toulouse Ulm Valencia Weimar York Zadar"
)


def stock(random: Random) -> tuple[str, str]:
    """Where something lies: the shelf follows from the colour, the box from the thing. Both were
    seen in training, this pair was not."""
    colour, thing = random.choice(COLOURS), random.choice(THINGS)
    shelf = "ABCDEFGH"[COLOURS.index(colour) * 5 % 8]
    box = THINGS.index(thing) * 7 % 50 + 10
    return f"Where do I find the {colour} {thing}?", f"Shelf {shelf}, box {box}."


def orders(random: Random) -> tuple[str, str]:
    """An order as one line of a list: what is carried over was never seen together."""
    name, city, thing = random.choice(NAMES), random.choice(CITIES), random.choice(THINGS)
    number, count = random.randrange(1000, 9999), random.randint(2, 99)
    asked = f"Order {number}: please send {count} {thing}s to {name} in {city}."
    return asked, f"{count} x {thing}s | {city} | {name}"


def following(random: Random) -> tuple[str, str]:
    number = random.randrange(10, 9999)
    return f"What number comes after {number}?", str(number + 1)


TASKS: dict[str, Callable[[Random], tuple[str, str]]] = {
    "stock": stock,
    "orders": orders,
    "next": following,
}


def jsonl(task: str, rows: int = ROWS, seed: int = 0) -> bytes:
    """So many different questions with their answers, as an OpenAI chat file."""
    random = Random(seed)
    found: dict[str, str] = {}
    while len(found) < rows:
        question, answer = TASKS[task](random)
        found[question] = answer
    lines = [
        {
            "messages": [
                {"role": "user", "content": question},
                {"role": "assistant", "content": answer},
            ]
        }
        for question, answer in found.items()
    ]
    return "\n".join(json.dumps(line) for line in lines).encode()


class Workplace:
    """Everything of one home that a fine-tuning needs."""

    def __init__(self, home: Path) -> None:
        storage, self.database = Storage(home), Database(home / "records.sqlite")
        storage.prepare()
        self.database.migrate()
        launcher, bus = local.create(Settings(home=home)), Bus()
        self.files = Files(self.database, storage, 10**8)
        self.datasets, self.bases = Datasets(self.database, storage), Bases(home)
        rest = (self.database, storage, self.datasets, self.bases, launcher, bus)
        self.quotes, self.runs = Quotes(*rest), Runs(*rest)
        self.follower = Follower(self.runs, self.quotes)

    def upload(self, name: str, content: bytes) -> None:
        file = self.files.save_bytes(CALLER, f"{name}.jsonl", content)
        self.datasets.create(CALLER, name=name, file_id=file.id)

    def quote(self, dataset: str, **arguments: Any) -> tables.Quote:
        """A measured one; says on the way what it waits for."""
        quote = self.quotes.quote(CALLER, dataset=dataset, base_model="tiny-chat", **arguments)
        while quote.state == "measuring":
            time.sleep(1)
            quote = self.quotes.get(CALLER, quote.id)
        if quote.error:
            raise SystemExit(f"{quote.error['message']} {quote.error['fix']}")
        return quote

    def run(self, quote: tables.Quote) -> tables.Run:
        """The run of a quote, ended."""
        arguments = quote.result["arguments"]
        run = self.runs.start(CALLER, arguments, f"for_{quote.id}", None, quote.result)
        while run.state not in ("succeeded", "failed", "cancelled"):
            time.sleep(1)
            run = self.runs.get(CALLER, run.id)
        if run.error:
            raise SystemExit(f"{run.error['message']} {run.error['fix']}")
        return run


@contextmanager
def workplace(home: Path) -> Iterator[Workplace]:
    made = Workplace(home)
    made.follower.start()
    try:
        yield made
    finally:
        made.follower.stop()
        made.database.close()


def main() -> None:
    asked = arguments()
    home = Path(asked.home) if asked.home else Path(tempfile.mkdtemp(prefix="tiny-chat-"))
    with workplace(home) as place:
        start = time.monotonic()
        place.upload(asked.task, jsonl(asked.task, asked.rows))
        quote = place.quote(asked.task, **dict(pair.split("=", 1) for pair in asked.set))
        print(f"quoted after {time.monotonic() - start:.0f} s", flush=True)
        run = place.run(quote)
    print(report(asked.task, run, time.monotonic() - start))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--task", choices=TASKS, default="orders")
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--home", help="a THIMBLE_HOME to use again; the base is built once in it")
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE")
    return parser.parse_args()


def scores(run: tables.Run) -> tuple[float, float]:
    """Share of held-out questions answered exactly: tuned, untuned."""
    result = run.result or {}
    untuned = next(one for one in result["baselines"] if one["name"] == "base")
    return result["answers"]["score"], untuned["score"]


def report(task: str, run: tables.Run, seconds: float) -> str:
    tuned, untuned = scores(run)
    answers = (run.result or {})["answers"]
    parameters = {name: run.recipe[name] for name in ("epochs", "rank", "learning_rate")}
    return (
        f"{task}: {answers['metric']} tuned {tuned:.1%} {answers['interval']}, untuned "
        f"{untuned:.1%}, on {answers['rows']} held-out rows; {parameters}; {seconds:.0f} s in all"
    )


if __name__ == "__main__":
    main()
