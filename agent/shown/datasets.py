"""Cards of datasets: how the file was read, labels, lengths, problems."""

from typing import Any

from agent.language import Words
from agent.shown.figures import count, excerpt, percent
from agent.views import Action, Chart, Sample, Table, View

Json = dict[str, Any]
MOST_LABELS = 30
MOST_PROBLEMS = 20


def dataset_view(result: Json, w: Words) -> View:
    """A dataset version with its profile."""
    profile, name = result["profile"], result["dataset"]
    return View(
        title=f"Dataset {name}",
        kind="dataset",
        key=f"dataset/{name}",
        facts=[*reading_facts(profile), *content_facts(result, profile)],
        tables=[problems_table(result.get("problems") or []), conflicts_table(profile)],
        charts=[labels_chart(profile), lengths_chart(profile)],
        notes=more_labels(profile),
        actions=[
            Action("Fine-tune a classifier on it", say=f"Fine-tune a classifier on {name}"),
            Action("What will it take?", say=f"How long would fine-tuning on {name} take?"),
            Action("Check the data", say=f"Check {name}"),
        ],
    )


def reading_facts(profile: Json) -> list[tuple[str, str]]:
    """How the file was understood, and why."""
    facts = [(title, in_words(str(profile[key]))) for title, key in READ if profile.get(key)]
    for role, chosen in (profile.get("columns") or {}).items():
        facts.append((f"{role.capitalize()} column", f"{chosen['column']} ({chosen['why']})"))
    return facts


def in_words(value: str) -> str:
    """A sign by its name, a short name of a format or encoding in capitals."""
    return SIGNS.get(value, value.upper())


SIGNS = {
    ",": "comma",
    ";": "semicolon",
    "\t": "tab",
    "|": "vertical bar",
    ":": "colon",
    "@": "at sign",
    "jsonl": "JSON Lines",
    "parquet": "Parquet",
}
READ = (("Format", "format"), ("Encoding", "encoding"), ("Delimiter", "delimiter"))


def content_facts(result: Json, profile: Json) -> list[tuple[str, str]]:
    lengths = profile["lengths"]
    splits = ", ".join(f"{count(rows)} {name}" for name, rows in result["splits"].items())
    facts = [
        ("Rows", count(result["rows"])),
        ("Classes", count(profile["classes"])),
        ("Splits", f"{splits}; they never change"),
        (
            "Text length",
            f"{lengths['median']} {lengths['unit']} in the middle, 95 % up to {lengths['p95']}, "
            f"longest {count(lengths['max'])}",
        ),
        ("Copies", count(profile["duplicates"]["rows"])),
        ("Contradicting labels", f"{count(profile['conflicts']['groups'])} texts"),
    ]
    return facts + script_fact(profile.get("language") or {})


def script_fact(language: Json) -> list[tuple[str, str]]:
    shares = sorted(
        ((share, name) for name, share in language.items() if share >= 0.05), reverse=True
    )
    named = {"latin": "Latin letters", "han": "Chinese characters", "other": "other scripts"}
    text = ", ".join(f"{percent(share)} {named.get(name, name)}" for share, name in shares)
    return [("Script", text)] if text else []


def labels_chart(profile: Json) -> Chart:
    labels = profile["labels"][:MOST_LABELS]
    return Chart(
        "bar",
        "Rows by label"
        if len(labels) == len(profile["labels"])
        else f"The {MOST_LABELS} largest labels",
        [line["label"] for line in labels],
        [line["rows"] for line in labels],
        "label",
        "rows",
    )


def more_labels(profile: Json) -> list[str]:
    left = profile["labels"][MOST_LABELS:]
    if not left:
        return []
    return [f"{len(left)} more labels have {left[-1]['rows']:,} to {left[0]['rows']:,} rows each."]


def lengths_chart(profile: Json) -> Chart:
    bins = profile["lengths"]["histogram"]
    return Chart(
        "bar",
        "Rows by length of the text",
        [f"{low:,}–{high - 1:,}" for low, high, _ in bins],
        [rows for _, _, rows in bins],
        profile["lengths"]["unit"],
        "rows",
    )


def problems_table(problems: list[Json]) -> Table:
    rows: list[list[Any]] = [
        [one["severity"], one["message"], first_rows(one), one["fix"]]
        for one in problems[:MOST_PROBLEMS]
    ]
    return Table("Problems", ["severity", "what", "rows", "what to do"], rows)


def first_rows(problem: Json) -> str:
    shown = ", ".join(str(row) for row in problem["rows"][:5])
    more = problem["count"] - min(5, len(problem["rows"]))
    return f"{shown} and {more:,} more" if shown and more > 0 else shown


def conflicts_table(profile: Json) -> Table:
    rows: list[list[Any]] = [
        [excerpt(one["text"]), ", ".join(one["labels"]), ", ".join(map(str, one["rows"]))]
        for one in profile["conflicts"].get("examples", [])
    ]
    return Table("The same text with different labels", ["text", "labels", "rows"], rows)


def check_view(result: Json, w: Words) -> View:
    """The doctor's findings."""
    name = result["dataset"]
    return View(
        title=f"Check of {name}",
        kind="check",
        key=f"check/{name}",
        facts=[
            ("Verdict", str(result.get("verdict", ""))),
            (
                "Errors, warnings, notes",
                f"{result['errors']}, {result['warnings']}, {result['notes']}",
            ),
            ("For base model", str(result.get("base_model", ""))),
        ],
        tables=[problems_table(result["problems"])],
        actions=[Action("Fine-tune a classifier on it", say=f"Fine-tune a classifier on {name}")],
    )


def list_view(result: Json, w: Words) -> View:
    rows: list[list[Any]] = [
        [one["dataset"], one["rows"], one["classes"], one["problems"]]
        for one in reversed(result["datasets"])
    ]
    return View(
        title="Datasets",
        kind="list",
        tables=[Table("", ["dataset", "rows", "classes", "problems"], rows)],
        notes=[] if rows else ["None yet. Drop a file here and say “make a dataset from this”."],
    )


def sample_view(result: Json, w: Words) -> View:
    """A page of a dataset's rows."""
    return View(
        title=f"Rows of {result['dataset']}", kind="dataset", sample=sample_of(result, [], w)
    )


def sample_of(page: Json, labels: list[str], w: Words) -> Sample:
    return Sample(
        title="Rows",
        dataset=page["dataset"],
        columns=["row", "split", "text", "label"],
        rows=[[one["row"], one["split"], one["text"], one["label"]] for one in page["rows"]],
        page=page["page"],
        pages=page["pages"],
        total=page["total"],
        labels=labels,
    )
