"""What is wrong or worth knowing about a dataset, each with its rows and what to do."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from data.rows import FIRST, Rows
from data.splits import Splits

IMBALANCED = 20.0
RARE_ROWS = 5
SMALL_DATASET = 100
SMALL_TEST = 50
"""Below it, the 95 % interval of an accuracy is wider than 20 points."""
FORMULA = ("=", "+", "@", "\t", "\r")


def problem(
    code: str, severity: str, message: str, fix: str, rows: Sequence[int] = (), count: int = -1
) -> dict[str, Any]:
    """One problem as plain data. `count` defaults to the number of rows."""
    return {
        "code": code,
        "severity": severity,
        "message": message,
        "rows": list(rows[:FIRST]),
        "count": len(rows) if count < 0 else count,
        "fix": fix,
    }


def find(main: Rows, splits: Splits) -> list[dict[str, Any]]:
    """All problems of the rows, the heavier first."""
    return heavier_first([*of_rows(main), *of_classes(main), *of_splits(splits)])


def heavier_first(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    order = {"error": 0, "warning": 1, "note": 2}
    return sorted(found, key=lambda entry: order[entry["severity"]])


def of_rows(main: Rows) -> Iterator[dict[str, Any]]:
    if main.without_text:
        yield problem(
            "missing_text",
            "warning",
            f"{rows_have(len(main.without_text))} no text; left out.",
            "Fill in the text, or remove them.",
            main.without_text,
        )
    extra = [main.numbers[at] for group in main.repeated.values() for at in group[1:]]
    if extra:
        yield problem(
            "duplicates",
            "note",
            f"{rows_have(len(extra))} a text that occurs earlier. Copies are kept in one split, "
            "so that the test stays honest.",
            "Remove copies if they are there by mistake; they weigh more in training.",
            sorted(extra),
        )
    formulas = [
        number
        for number, text in zip(main.numbers, main.texts, strict=True)
        if text.startswith(FORMULA)
    ]
    if formulas:
        yield problem(
            "formula",
            "note",
            f"{len(formulas):,} {'text begins' if len(formulas) == 1 else 'texts begin'} like a "
            "spreadsheet's formula; kept as text.",
            "Take care when opening exports of this dataset in a spreadsheet.",
            formulas,
        )
    yield from contradictions(main)


def contradictions(main: Rows) -> Iterator[dict[str, Any]]:
    groups = conflicting(main)
    rows = sorted(main.numbers[at] for group in groups for at in group)
    if rows:
        yield problem(
            "conflicts",
            "warning",
            f"{len(groups):,} {'text occurs' if len(groups) == 1 else 'texts occur'} with "
            f"different labels ({len(rows):,} rows). No model can get all of these right.",
            "Decide on one label for each.",
            rows,
        )


def conflicting(main: Rows) -> list[list[int]]:
    """Positions of each group of equal texts with more than one label."""
    return [group for group in main.repeated.values() if len({main.labels[at] for at in group}) > 1]


def of_classes(main: Rows) -> Iterator[dict[str, Any]]:
    rare = [label for label, count in main.classes.items() if count < RARE_ROWS]
    if rare:
        yield problem(
            "rare_class",
            "warning",
            f"{len(rare):,} of {len(main.classes):,} classes have fewer than {RARE_ROWS} rows: "
            f"{listed(rare)}.",
            "Add rows for them, or merge them into other classes.",
            [n for n, label in zip(main.numbers, main.labels, strict=True) if label in set(rare)],
        )
    ratio = imbalance(main.classes)
    if ratio >= IMBALANCED:
        most, least = main.classes.most_common()[0], main.classes.most_common()[-1]
        yield problem(
            "imbalance",
            "warning",
            f"The class {most[0]!r} has {most[1]:,} rows and {least[0]!r} has {least[1]:,}: "
            f"{ratio:.0f} times as many.",
            "Look at macro F1 and the report by class, not only at accuracy.",
            count=0,
        )
    yield from alike(main)
    if len(main) < SMALL_DATASET:
        yield problem(
            "small_dataset",
            "warning",
            f"There are only {len(main)} rows.",
            f"Add rows, if you can: {SMALL_DATASET} at least, better 50 in each class.",
            count=0,
        )


def imbalance(classes: Counter[str]) -> float:
    """How many times more rows the largest class has than the smallest."""
    return round(max(classes.values()) / min(classes.values()), 1)


def alike(main: Rows) -> Iterator[dict[str, Any]]:
    spellings: dict[str, list[str]] = {}
    for label in main.classes:
        spellings.setdefault(" ".join(label.casefold().split()), []).append(label)
    double = [names for names in spellings.values() if len(names) > 1]
    if double:
        yield problem(
            "labels_alike",
            "warning",
            f"Some labels differ only by case or spacing: {listed(double[0])}. "
            "They are taken as different classes.",
            "Write each label in one way.",
            [
                number
                for number, label in zip(main.numbers, main.labels, strict=True)
                if any(label in names[1:] for names in double)
            ],
        )


def of_splits(splits: Splits) -> Iterator[dict[str, Any]]:
    if splits.leaked:
        yield problem(
            "leak",
            "warning",
            f"{rows_have(len(splits.leaked))} a text that is also in the validation or test file; "
            "left out of training, so that the score is honest.",
            "Nothing needs to be done.",
            splits.leaked,
        )
    for name in ("validation", "test"):
        part = splits.parts[name]
        unseen = sorted(set(part.labels) - set(splits.parts["train"].labels))
        if unseen:
            yield problem(
                "unseen_label",
                "warning",
                f"The {name} split has {'a class' if len(unseen) == 1 else 'classes'} that "
                f"training never sees: {listed(unseen)}. These rows will be counted as wrong.",
                "Add training rows for them, or correct their labels.",
                [n for n, lab in zip(part.numbers, part.labels, strict=True) if lab in set(unseen)],
            )
    if len(splits.parts["test"]) < SMALL_TEST:
        yield problem(
            "small_test",
            "warning",
            f"The test split has {len(splits.parts['test'])} rows, so its score is rough.",
            "Give more rows, or a test file of your own.",
            count=0,
        )


def rows_have(count: int) -> str:
    return "1 row has" if count == 1 else f"{count:,} rows have"


def listed(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name[:60]) for name in names[:FIRST])
    return shown + (f" and {len(names) - FIRST:,} more" if len(names) > FIRST else "")
