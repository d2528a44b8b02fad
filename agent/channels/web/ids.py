"""Ids that come from a browser."""

import uuid


def is_uuid(value: object) -> bool:
    """Whether it is a UUID in its one canonical spelling, which is safe as a file name."""
    try:
        return isinstance(value, str) and str(uuid.UUID(value)) == value
    except ValueError:
        return False
