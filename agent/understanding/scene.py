"""What a request can refer to: the records, what was said before, and what this plan will make."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from agent.understanding.names import BASELINES, Mentions, bare, mentions, root
from agent.understanding.plan import Turn
from agent.world import EndpointName, FileName, RunName, World

TABLES = (".csv", ".tsv", ".jsonl", ".json", ".ndjson", ".parquet", ".txt.csv", ".xlsx", ".xls")
DOCUMENTS = (".md", ".txt", ".html", ".htm", ".zip", ".pdf", ".rst", ".markdown", ".docx")


NTH_DATASET = re.compile(
    r"\b(first|second|third|last) (?:dataset|one)\b|(第一|第二|第三|最后一)个(?:数据集|\W*$)"
)
PLACES = {"first": 0, "second": 1, "third": 2, "last": -1}
PLACES |= {"第一": 0, "第二": 1, "第三": 2, "最后一": -1}


@dataclass
class Scene:
    """Answers "which one?". Names that this very plan makes come first."""

    world: World
    request: str = ""
    """The user's words as they were typed."""
    history: Sequence[Turn] = ()
    files: Sequence[FileName] = ()
    made: list[str] = field(default_factory=list)
    """The datasets that are made of the attached files."""
    made_dataset: str = ""
    """The one, where it is one."""
    made_model: str = ""
    made_endpoint: str = ""
    _focus: dict[str, str] = field(default_factory=dict)

    def spoken(self, kind: str) -> str:
        """The thing of this kind spoken of last in the conversation, or an empty text."""
        if kind not in self._focus:
            self._focus[kind] = self._look_back(kind)
        return self._focus[kind]

    def _look_back(self, kind: str) -> str:
        for turn in reversed(self.history):
            found: list[str] = getattr(mentions(turn.text, self.world), f"{kind}s")
            if found:
                return found[-1] if kind == "run" else bare(found[-1])
        return ""

    # Datasets -------------------------------------------------------------------------

    def datasets(self) -> list[str]:
        """Bare names, the newest last, each once."""
        return unique(self.world.datasets)

    def dataset(
        self, named: Mentions, *, pointed: bool = False, among: list[str] | None = None
    ) -> str:
        """The dataset meant, or an empty text when that cannot be told.

        Args:
            pointed: It was referred to by `it` or `this`: the newest will do.
            among: Those that it can be where none is named or was spoken of; all without them.
        """
        if named.datasets:
            return named.datasets[0]
        if self.made_dataset:
            return self.made_dataset
        if named.runs and self.run_dataset(named.runs[0]):
            return self.run_dataset(named.runs[0])
        related = root((named.models or named.endpoints or [""])[0])
        if related in self.datasets():
            return related
        spoken = self.spoken("dataset")
        if spoken and (pointed or among is None or spoken in among):
            return spoken
        return only(self.datasets() if among is None else among, newest=pointed)

    def other_dataset(self, text: str) -> str:
        """What `the other one` means where there are two and one was spoken of."""
        others = [name for name in self.datasets() if name != self.spoken("dataset")]
        pointed = re.search(r"\bthe other (?:one|dataset)\b|另一个|另外一个|另外那个", text.lower())
        return others[0] if pointed and self.spoken("dataset") and len(others) == 1 else ""

    def nth_dataset(self, text: str) -> str:
        """What `the first dataset` or `the second one` means, the oldest being the first."""
        nth = NTH_DATASET.search(text.lower())
        at = PLACES[nth[1] or nth[2]] if nth else 99
        return self.datasets()[at] if at < len(self.datasets()) and self.datasets() else ""

    def remember(self, named: Mentions) -> None:
        """What was just named is what later parts of the same request are about."""
        for kind in ("dataset", "model", "endpoint", "run"):
            found: list[str] = getattr(named, f"{kind}s")
            if found:
                self._focus[kind] = found[-1] if kind == "run" else bare(found[-1])

    def run_dataset(self, run_id: str) -> str:
        return next((run.dataset for run in self.world.runs if run.id == run_id), "")

    # Runs -----------------------------------------------------------------------------

    def newest_run(self, dataset: str = "", *, active: bool = False) -> RunName | None:
        """The newest run, of that dataset where runs say theirs."""
        runs = [
            run
            for run in self.world.runs
            if (not dataset or not run.dataset or run.dataset == root(dataset))
            and (not active or run.active or not run.state)
        ]
        return runs[-1] if runs else None

    def run(self, named: Mentions, *, active: bool = False) -> str:
        """The id of the run meant; `last` when no run is known."""
        if named.runs:
            return named.runs[0]
        name = (named.datasets + named.models + [""])[0]
        found = self.newest_run(name, active=active) or self.newest_run(name)
        spoken = "" if name else self.spoken("run")
        if active and spoken and self.ended(spoken):
            spoken = ""
        return spoken or (found.id if found else "last")

    def ended(self, run_id: str) -> bool:
        return any(run.id == run_id and run.state and not run.active for run in self.world.runs)

    # Models ---------------------------------------------------------------------------

    def models(self) -> list[str]:
        """Bare names of fine-tuned models, the newest last; baselines are left out."""
        return [name for name in unique(self.world.models) if name == root(name)]

    def model(self, named: Mentions, *, pointed: bool = False) -> str:
        """The model meant: a name of one, or of the dataset it was made from."""
        if named.models:
            return named.models[0]
        if named.datasets:
            return named.datasets[0]
        if named.runs:
            return self.run_dataset(named.runs[0])
        if self.made_model:
            return self.made_model
        known = self.models() or unique(self.world.models)
        return self.spoken("model") or only(known, newest=pointed) or self.trained()

    def trained(self) -> str:
        """What the newest run made, for when the models themselves are not told."""
        newest = self.newest_run()
        return newest.dataset if newest else ""

    def baseline(self, kind: str, named: Mentions) -> str:
        """The name of a baseline model; without a kind the recommended one."""
        stem = root((named.models + named.datasets + [""])[0] or self.made_model)
        stem = (
            stem or root(self.spoken("model")) or self.trained() or only(self.stems(), newest=True)
        )
        if not stem:
            return ""
        return f"{stem}-{kind or self.recommended(stem)}"

    def stems(self) -> list[str]:
        return unique([root(model) for model in self.world.models]) or self.datasets()

    def recommended(self, stem: str) -> str:
        """`frozen` or `tfidf`: what the last report recommends, what was spoken of, what exists."""
        newest = self.newest_run(stem)
        if newest and newest.recommended in ("frozen", "tfidf"):
            return newest.recommended
        for turn in reversed(self.history):
            said = turn.text.lower().replace("tf-idf", "tfidf")
            told = [kind for kind in ("tfidf", "frozen") if kind in said]
            if len(told) == 1:
                return told[0]
        names = unique(self.world.models)
        there = [kind for kind in BASELINES if f"{stem}{kind}" in names]
        return there[0][1:] if len(there) == 1 else "frozen"

    # Endpoints ------------------------------------------------------------------------

    def live(self) -> list[str]:
        return self.world.live

    def endpoint(self, named: Mentions, *, pointed: bool = True) -> str:
        """The endpoint meant, or an empty text."""
        if named.endpoints:
            return bare(named.endpoints[0])
        if self.made_endpoint:
            return self.made_endpoint
        serving = [name for name in self.live() if name in map(bare, named.models + named.datasets)]
        if serving:
            return serving[0]
        spoken = self.spoken("endpoint")
        return spoken if spoken in self.live() else only(self.live(), newest=pointed)

    def endpoint_named(self, name: str) -> EndpointName | None:
        return next((found for found in self.world.endpoints if found.name == bare(name)), None)

    def just_deployed(self) -> str:
        """The endpoint that the last words were about, or an empty text."""
        recent = " ".join(turn.text.lower() for turn in list(self.history)[-3:])
        told = "endpoint" in recent or "deploy" in recent
        return self.endpoint(Mentions()) if told else ""

    # Files ----------------------------------------------------------------------------

    def tables(self) -> list[FileName]:
        """Attached files that may hold rows; one without an ending may."""
        return [file for file in self.files if not is_document(file)]

    def documents(self) -> list[FileName]:
        return [file for file in self.files if is_document(file)]

    def earlier_file(self, text: str) -> FileName | None:
        """A file uploaded before: the one named in the text, else the newest one with rows."""
        lowered = text.lower()
        named = [file for file in self.world.files if file.filename.lower() in lowered]
        rows = [file for file in self.world.files if file.filename.lower().endswith(TABLES)]
        found = named or rows
        return found[-1] if found else None


def is_document(file: FileName) -> bool:
    return file.filename.lower().endswith(DOCUMENTS)


def unique(refs: Sequence[str]) -> list[str]:
    """Bare names in the order in which each was last used."""
    return list(dict.fromkeys(bare(ref) for ref in reversed(refs)))[::-1]


def only(names: Sequence[str], *, newest: bool = False) -> str:
    """The one name there is, or the newest where that will do; else an empty text."""
    return names[-1] if len(names) == 1 or (newest and names) else ""
