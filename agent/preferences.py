"""What a user has chosen for the chat: language, model, spending limit, theme."""

from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args, get_type_hints

from agent.language import Language
from core.errors import RequestRefused
from core.identity import Caller
from core.records.database import Database
from core.records.tables import Preference
from core.settings import Settings

LanguageChoice = Literal["auto", "en", "zh"]
ModelChoice = Literal["auto", "planner"]
Theme = Literal["system", "light", "dark"]


@dataclass(frozen=True, kw_only=True)
class Preferences:
    """Raises RequestRefused for a value that is none of the choices."""

    language: LanguageChoice = "auto"
    """`auto`: that of the page for what it shows, that of the user's words for answers."""
    model: ModelChoice = "auto"
    """`auto`: the one that THIMBLE_LLM names, if any; `planner`: ours, whatever is set."""
    daily_limit: float | None = None
    """Most that the language model may use in a day, above 0: in the currency of its price, or in
    thousands of tokens where no price is set."""
    theme: Theme = "system"

    def __post_init__(self) -> None:
        hints = get_type_hints(type(self))
        for name in ("language", "model", "theme"):
            check_choice(name, getattr(self, name), get_args(hints[name]))
        if self.daily_limit is not None and not 0 < self.daily_limit < float("inf"):
            raise RequestRefused(
                f"A daily limit of {self.daily_limit:g} is not above 0.",
                code="invalid_argument",
                param="daily_limit",
                fix="Give a number above 0, or none for no limit.",
            )

    def speaks(self, page: Language) -> Language:
        """The language that was chosen, or that of the page."""
        return page if self.language == "auto" else self.language

    def llm(self, settings: Settings) -> str | None:
        """The language model that answers; None: our planner."""
        return settings.llm if self.model == "auto" else None


def check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise RequestRefused(
            f"{name}={str(value)[:80]!r} is not a choice.",
            code="invalid_argument",
            param=name,
            fix=f"Choose one of {', '.join(choices)}.",
        )


def load(database: Database, caller: Caller) -> Preferences:
    """The caller's; the defaults where nothing was chosen. What we no longer know is left out."""
    with database.read() as session:
        row = session.get(Preference, (caller.user, caller.project))
    known = {one.name for one in fields(Preferences)}
    chosen: dict[str, Any] = row.values if row else {}
    return Preferences(**{name: value for name, value in chosen.items() if name in known})


def save(database: Database, caller: Caller, preferences: Preferences) -> None:
    with database.write() as session:
        session.merge(
            Preference(owner=caller.user, project=caller.project, values=asdict(preferences))
        )
