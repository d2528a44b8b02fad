"""A dataset version as plain data, for chat, API and programs."""

from typing import Any

from core.records.tables import Dataset


def line(dataset: Dataset) -> dict[str, Any]:
    """What a list shows of it."""
    return {
        "dataset": dataset.ref,
        "name": dataset.name,
        "version": dataset.version,
        "task": dataset.task,
        "rows": dataset.rows,
        "classes": dataset.profile.get("classes"),
        "splits": dataset.splits,
        "problems": len(dataset.problems),
        "created_at": dataset.created_at,
    }


def full(dataset: Dataset) -> dict[str, Any]:
    """Everything about it: the line, its files and columns, profile and problems."""
    return line(dataset) | {
        "columns": dataset.columns,
        "file_id": dataset.file_id,
        "validation_file_id": dataset.validation_file_id,
        "test_file_id": dataset.test_file_id,
        "fingerprint": dataset.fingerprint,
        "profile": dataset.profile,
        "problems": dataset.problems,
    }
