"""Who is asking. Every record has an owner and a project, and every query names both."""

from dataclasses import dataclass

ALL_SCOPES = frozenset({"read", "write", "infer", "spend", "approve"})
API_SCOPES = ALL_SCOPES - {"approve", "spend"}
"""What a program may do by default: it can ask for spending, a person decides."""


@dataclass(frozen=True)
class Caller:
    """A person or a program that asks for something."""

    user: str = "owner"
    project: str = "default"
    scopes: frozenset[str] = API_SCOPES
    actor: str = "api"
    """Where the request came in: `web`, `terminal`, `api`, `cli`."""
