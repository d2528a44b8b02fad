"""The kind `train`: baselines, tuning, evaluation, and `result.json` last of all.

Each stage stores what it found; an attempt that resumes goes on with the first that is missing.
The untuned base answers before anything is trained: what cannot be served is refused before it
costs. One model is in memory at a time.
"""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from core import job
from core.chat.tokens import ChatTokenizer
from core.job import write_json
from finetune.worker.causal.rows import ChatRows, read_chats
from finetune.worker.journal import Journal
from finetune.worker.loop import Stop
from finetune.worker.machine import (
    Device,
    Stopwatch,
    choose_device,
    give_memory_back,
    peak_memory_bytes,
)
from finetune.worker.spec import TrainSpec
from finetune.worker.stages import ADAPTER, figures, once, own_steps, totals, tune
from finetune.worker.tasks.chat import questions, replay, trainer, ways
from finetune.worker.tasks.chat.answers import Speaker
from finetune.worker.tasks.chat.lookup import looked_up
from finetune.worker.tasks.chat.plain import Exported, PlainTask
from finetune.worker.tasks.chat.questions import Question
from finetune.worker.tasks.chat.result import Found, build
from finetune.worker.tasks.chat.task import ChatTask
from finetune.worker.tasks.chat.ways import Way

STAGES = "stages"
"""Folder of what each stage found."""
ANSWER_S = 60.0
"""Seconds in which the untuned base begins answers; the tuned model gets the same questions."""


class Training:
    """One run in one job folder."""

    def __init__(self, folder: Path, spec: TrainSpec, journal: Journal, stop: Stop) -> None:
        self.folder, self.spec, self.journal, self.stop = folder, spec, journal, stop
        self.watch = Stopwatch()
        self._phase = ""
        self._enter("loading")
        self.device: Device = choose_device(spec.device, spec.threads)
        self.tokenizer = ChatTokenizer.load(spec.base.path)
        self.splits: dict[str, ChatRows] = read_chats(
            folder, self.tokenizer, spec.recipe.max_length
        )
        self.used = {
            name: questions.conversations(folder / f"{name}.jsonl", self.splits[name].numbers)
            for name in ("train", "test")
        }
        self.questions = questions.choose(self.used["test"], self.tokenizer)

    def run(self) -> None:
        """Do all of it and write `result.json`."""
        way = Way(**self._once("way", lambda: asdict(ways.choose(self.spec, self.device))))
        self._enter("baselines")
        found = self._once("base", self._base)
        asked = self._asked(found)
        cheap = self._once("lookup", lambda: looked_up(self.used["train"], asked, self.tokenizer))
        self._enter("training")
        tuned = self._once("training", lambda: self._train(way))
        self._enter("evaluating")
        said = self._once("tuned", lambda: self._answers(asked))
        self._enter("exporting")
        self._once("replayed", lambda: self._replay(tuned["test"]["tuned"], asked, said))
        stages = Found(base=found, cheap=cheap, tuned=tuned, said=said)
        result = build(self.spec, self.splits, asked, stages) | {"export": self._export()}
        result["training"]["peak_memory_bytes"] = peak_memory_bytes()
        write_json(self.folder / job.RESULT_FILE, result | totals(self.watch, self.device))
        self._enter("done")

    def _enter(self, phase: str) -> None:
        """Say what is done now, once."""
        if phase != self._phase:
            self._phase = phase
            self.journal.phase(phase)

    def _once(self, name: str, make: Any) -> Any:
        return once(self.folder / STAGES / f"{name}.json", make)

    # --- the base ---

    def _base(self) -> dict[str, Any]:
        """What the untuned base answers, as far as it comes in time."""
        watch = Stopwatch()
        speaker = Speaker(self.spec.base, self.device, self.spec.threads, None)
        asked = speaker.fitting(self.questions)
        said = speaker.answer(asked, questions.allowed_tokens(self.questions), ANSWER_S)
        return {
            "asked": [one.row for one in asked[: len(said)]],
            "answers": [asdict(answer) for answer in said],
            "seconds": round(watch.seconds, 2),
        }

    def _asked(self, found: dict[str, Any]) -> list[Question]:
        """The questions that the base answered, in order."""
        by_row = {one.row: one for one in self.questions}
        return [by_row[row] for row in found["asked"]]

    # --- tuning ---

    def _train(self, way: Way) -> dict[str, Any]:
        task = ways.make_task(way, self.spec, self.tokenizer, self.splits, self.device)
        steps = own_steps if isinstance(task, ChatTask) else trainer.run
        progress = tune(
            self.folder,
            task,
            self.spec.recipe,
            task.write_adapter,
            task.read_adapter,
            self.journal,
            self.stop,
            steps,
        )
        recipe = self.spec.recipe
        batches = len(task.batches(0)) * recipe.epochs
        told = figures(progress, recipe, batches, sum(v.numel() for v in task.trained().values()))
        told |= {"loop": way.loop, "loop_why": way.why}
        told["trained_tokens"] = self.splits["train"].trained_tokens * recipe.epochs
        self._enter("evaluating")
        return {"training": told, **self._losses(task)}

    def _losses(self, task: ChatTask | PlainTask) -> dict[str, Any]:
        """By row: sums of losses and counts of tokens."""
        validation, counts = task.nll("validation")
        test, test_counts = task.nll("test")
        base, _ = task.nll("test", tuned=False)
        return {
            "validation": {"tuned": validation.tolist(), "tokens": counts.tolist()},
            "test": {
                "tuned": test.tolist(),
                "base": base.tolist(),
                "tokens": test_counts.tolist(),
            },
        }

    # --- what was exported ---

    def _answers(self, asked: list[Question]) -> dict[str, Any]:
        give_memory_back()
        watch = Stopwatch()
        adapter = self.folder / ADAPTER
        speaker = Speaker(self.spec.base, self.device, self.spec.threads, adapter)
        said = speaker.answer(asked, questions.allowed_tokens(self.questions))
        return {
            "answers": [asdict(answer) for answer in said],
            "seconds": round(watch.seconds, 2),
        }

    def _replay(
        self, measured: list[float], asked: list[Question], said: dict[str, Any]
    ) -> dict[str, Any]:
        give_memory_back()
        exported = Exported(self.spec.base, self.folder / ADAPTER, self.device)
        found = replay.losses(exported, self.splits["test"], measured, self.device)
        ids = [answer["ids"] for answer in said["answers"]]
        return found | replay.answers(exported, self.tokenizer, asked, ids, self.device)

    def _export(self) -> dict[str, Any]:
        files = (self.folder / ADAPTER).iterdir()
        size = sum(file.stat().st_size for file in files)
        return {"folder": ADAPTER, "engine": "torch_lm", "bytes": size}


def run(folder: Path, spec: TrainSpec, journal: Journal, stop: Stop) -> None:
    """Train in the job folder, from the start or from where an earlier attempt was."""
    Training(folder, spec, journal, stop).run()
