"""How much one answer may take: tries, calls, time, length. Tests hand in smaller numbers."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Of one turn. Times are seconds."""

    tries: int = 3
    """To get one answer of the model, the first included."""
    repairs: int = 2
    """Answers with unreadable calls that are sent back with what was wrong."""
    same_call: int = 3
    """The same call for this time stops the turn."""
    model_calls: int = 12
    """A plan of a few steps needs fewer."""
    turn_s: float = 600.0
    """Everything together, tools included."""
    first_s: float = 90.0
    """Until the first piece of an answer: a model on a processor reads a long prompt slowly."""
    gap_s: float = 60.0
    """Between two pieces that carry something."""
    pace_s: float = 120.0
    pace_characters: int = 60
    """Fewer than these in `pace_s` seconds is a drip that would never end."""
    wait_s: float = 60.0
    """The longest pause that a server may ask for before the next try."""
    backoff_s: float = 1.0
    """About the first pause where the server asks for none; it doubles."""
    output_tokens: int = 8_000
    """Of one answer, thinking included."""


LIMITS = Limits()
