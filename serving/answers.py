"""What comes back from a model: labels of texts, or an answer that is written bit by bit."""

from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass


@dataclass(frozen=True)
class Classified:
    """Answers of one model."""

    model: str
    """The version that answered, such as `banking77@1`."""
    answers: list[list[tuple[str, float]]]
    """For each text the likeliest labels with their probabilities, best first."""
    latency_ms: float


@dataclass(frozen=True)
class Began:
    """The model is writing; nothing that it wrote has been told yet."""

    model: str
    """The version that answers, or the name of an untuned base."""


@dataclass(frozen=True)
class Wrote:
    """The next piece of the answer."""

    text: str


@dataclass(frozen=True, kw_only=True)
class Ended:
    """The answer is complete."""

    finish_reason: str
    """`stop`: it came to its end or to a stop text. `length`: max_tokens were written."""
    prompt_tokens: int
    completion_tokens: int
    ttft_ms: float
    """From the question to the first token."""
    latency_ms: float
    """From the question to the end."""

    @property
    def tokens_per_s(self) -> float | None:
        """How fast it wrote after the first token; None for an answer of one."""
        writing_s = (self.latency_ms - self.ttft_ms) / 1000
        if self.completion_tokens < 2 or writing_s <= 0:
            return None
        return round((self.completion_tokens - 1) / writing_s, 2)


Event = Began | Wrote | Ended


@dataclass(frozen=True)
class Generated:
    """A whole answer."""

    model: str
    text: str
    ended: Ended


def whole(events: Generator[Event, None, None]) -> Generated:
    """All of an answer in one piece."""
    model, pieces = "", []
    with closing(events):
        for event in events:
            match event:
                case Began():
                    model = event.model
                case Wrote():
                    pieces.append(event.text)
                case Ended():
                    return Generated(model, "".join(pieces), event)
    raise AssertionError("an answer ended without saying so")
