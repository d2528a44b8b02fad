"""Cards of what went wrong, and where the help tells more about it."""

from typing import Any

from agent.language import Words
from agent.views import Link, View
from core.errors import help_address

Json = dict[str, Any]


def error_view(error: Json, w: Words) -> View:
    """What was refused or failed, what to do next, and a link to what it means."""
    return View(
        title=w("That did not work"),
        kind="error",
        state=str(error.get("code") or "error"),
        state_label=str(error.get("code") or ""),
        tone="bad",
        summary=message(error, w),
        links=help_links(error, w),
        notes=fixes(error, w),
    )


def message(error: Json | None, w: Words) -> str:
    return w.told(str((error or {}).get("message") or ""))


def fixes(error: Json | None, w: Words) -> list[str]:
    fix = (error or {}).get("fix")
    return [w.told(str(fix))] if fix else []


def help_links(error: Json | None, w: Words) -> list[Link]:
    code = (error or {}).get("code")
    return [Link(w("What this means"), help_url(str(code), w))] if code else []


def help_url(code: str, w: Words) -> str:
    """The section of the page of errors, in the reader's language."""
    address = help_address(code)
    return address.replace("/help/", "/help/zh/", 1) if w.language == "zh" else address
