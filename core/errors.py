"""All errors this product raises on purpose, sorted by who has to act on them.

    ThimbleError
    ├── RequestRefused   whoever asked, person or model, asks differently
    ├── ServiceFailed    a machine, process or network failed; the same request may work later
    └── SettingsError    whoever runs the product changes a setting

Only the standard library here: the training worker imports this file on a bare machine.
"""


class ThimbleError(Exception):
    """Base of everything we raise on purpose.

    Args:
        message: What was given and what is wrong, in one or two sentences for a user.
        code: A stable word for programs, such as `not_found`.
        param: The argument that is wrong, when there is one.
        fix: What to do next, as an instruction.
    """

    default_code = "error"

    def __init__(
        self, message: str, *, code: str = "", param: str | None = None, fix: str | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.param = param
        self.fix = fix

    def __str__(self) -> str:
        return f"{self.message} {self.fix}" if self.fix else self.message

    def as_dict(self) -> dict[str, str | None]:
        return {
            "type": type(self).__name__,
            "code": self.code,
            "message": self.message,
            "param": self.param,
            "fix": self.fix,
            "help": help_address(self.code),
        }


def help_address(code: str) -> str:
    """Where the help tells about errors with this code, relative to the server."""
    return f"/help/errors#{code}"


class RequestRefused(ThimbleError, ValueError):
    """Cannot be done as asked. Nothing was changed."""

    default_code = "invalid_request"


class ServiceFailed(ThimbleError, RuntimeError):
    """Something we depend on failed; the asker did nothing wrong."""

    default_code = "service_failed"


class SettingsError(ThimbleError, ValueError):
    """The product cannot start, or this part of it is switched off, as it is set up."""

    default_code = "bad_setting"


def not_found(kind: str, name: str, known: list[str]) -> RequestRefused:
    """The refusal for an unknown name, listing what there is (at most 10)."""
    shown = ", ".join(known[:10]) + (", …" if len(known) > 10 else "")
    return RequestRefused(
        f"There is no {kind} {name[:80]!r}.",
        code="not_found",
        param=kind,
        fix=f"Known: {shown}." if known else f"There is no {kind} yet.",
    )
