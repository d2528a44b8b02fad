"""Why a turn could not be finished, in words for the user. Texts of exceptions stay in the log."""

from collections.abc import Callable

from agent.language import Words
from agent.shown.cost import amount
from agent.trouble import AskedToWait, Kind, OverLimit, kind_of
from core.errors import ThimbleError
from core.settings import Settings


def in_plain_words(error: Exception, settings: Settings, w: Words) -> str:
    """What happened and what to do about it."""
    if isinstance(error, ThimbleError):
        return w.told(str(error))
    if isinstance(error, OverLimit):
        return over_limit(error, w)
    kept = w("What was done so far is kept.")
    return joined_with(w, happened(error, settings, w), kept)


def code_of(error: Exception) -> str:
    """The code under which the help explains it."""
    return error.code if isinstance(error, ThimbleError) else str(kind_of(error))


def happened(error: Exception, settings: Settings, w: Words) -> str:
    kind = kind_of(error)
    if isinstance(error, AskedToWait):
        return asked_to_wait(error, w)
    if kind in OF_MODEL:
        return OF_MODEL[kind](w, settings.llm or "")
    return OF_TURN[kind](w)


def joined_with(w: Words, *sentences: str) -> str:
    """Sentences in a row, as the language writes them."""
    return ("" if w.language == "zh" else " ").join(sentences)


def over_limit(error: OverLimit, w: Words) -> str:
    if error.currency is None:
        used = w(
            "Today's limit for the language model is used up: {used} of {limit} thousand tokens.",
            used=f"{error.used:.1f}",
            limit=f"{error.limit:g}",
        )
    else:
        used = w(
            "Today's limit for the language model is used up: {used} of {limit} {currency}.",
            used=amount(error.used),
            limit=f"{error.limit:g}",
            currency=error.currency,
        )
    todo = w(
        "Raise the daily limit in the settings, choose the built-in planner there, or go on"
        " tomorrow."
    )
    return joined_with(w, used, todo)


def asked_to_wait(error: AskedToWait, w: Words) -> str:
    return w(
        "The language model's server is limiting requests and asks to wait {pause}. Try again"
        " then.",
        pause=pause(error.seconds, w),
    )


def pause(seconds: float, w: Words) -> str:
    if seconds < 90:
        return w("{count} seconds", count=max(1, round(seconds)))
    return w("{count} minutes", count=round(seconds / 60))


def waiting(kind: Kind, seconds: float, attempt: int, tries: int, w: Words) -> str:
    """What is said while a pause before the next try lasts."""
    why = {
        Kind.LIMITED: w("The language model's server is limiting requests."),
        Kind.UNREACHABLE: w("The language model's server cannot be reached."),
        Kind.TIMEOUT: w("The language model did not answer in time."),
        Kind.FAULT: w("The language model's server has a fault."),
        Kind.CUT: w("The language model's answer broke off."),
        Kind.SILENT: w("The language model's answer was empty."),
    }[kind]
    then = w(
        "I try again in {pause} (try {attempt} of {tries}).",
        pause=pause(seconds, w),
        attempt=attempt,
        tries=tries,
    )
    return joined_with(w, why, then)


OF_MODEL: dict[Kind, Callable[[Words, str], str]] = {
    Kind.UNREACHABLE: lambda w, model: w(
        "The language model {model} cannot be reached. Check THIMBLE_LLM_BASE_URL and whether its"
        " server runs.",
        model=model,
    ),
    Kind.TIMEOUT: lambda w, model: w(
        "The language model {model} did not answer in time. Try again, or look whether its server"
        " is overloaded.",
        model=model,
    ),
    Kind.LIMITED: lambda w, model: w(
        "The language model {model} is limiting requests. I tried three times; try again in a"
        " minute.",
        model=model,
    ),
    Kind.QUOTA: lambda w, model: w(
        "The language model {model} says that the quota is used up. Trying again does not help;"
        " raise the quota at its provider, or choose the built-in planner in the settings.",
        model=model,
    ),
    Kind.KEY: lambda w, model: w(
        "The language model {model} refused our key. Check THIMBLE_LLM_API_KEY.", model=model
    ),
    Kind.UNKNOWN: lambda w, model: w(
        "The language model {model} is not known at its address. Check THIMBLE_LLM and"
        " THIMBLE_LLM_BASE_URL (it mostly ends in /v1).",
        model=model,
    ),
    Kind.FAULT: lambda w, model: w(
        "The language model {model} has a fault on its server's side. Try again later.",
        model=model,
    ),
    Kind.REFUSED: lambda w, model: w(
        "The language model {model} refused the request. The server's log has the details; mostly"
        " the model cannot call tools, or its server was started without them.",
        model=model,
    ),
    Kind.PROTOCOL: lambda w, model: w(
        "The language model {model} does not speak the OpenAI protocol at its address. Check"
        " THIMBLE_LLM_BASE_URL (it mostly ends in /v1).",
        model=model,
    ),
    Kind.CUT: lambda w, model: w(
        "The answer was cut off: the connection to the language model {model} broke. Ask me to go"
        " on, or ask again.",
        model=model,
    ),
    Kind.LENGTH: lambda w, model: w(
        "The answer was cut off: it was longer than one answer of {model} may be. Ask for a part"
        " of it.",
        model=model,
    ),
    Kind.WITHHELD: lambda w, model: w(
        "The provider of {model} withheld the answer: its filter did not let it through. Say it in"
        " other words, or choose the built-in planner in the settings.",
        model=model,
    ),
    Kind.SILENT: lambda w, model: w(
        "The language model {model} answered with nothing, three times. Ask in other words.",
        model=model,
    ),
    Kind.CONTEXT: lambda w, model: w(
        "This is more than the language model {model} can read at once, even without the earlier"
        " conversation. Ask in a new chat, put long texts into a file, or use a model that reads"
        " more.",
        model=model,
    ),
}
OF_TURN: dict[Kind, Callable[[Words], str]] = {
    Kind.LOOPING: lambda w: w("The model asked for the same thing three times, so I stopped it."),
    Kind.GARBLED: lambda w: w(
        "The model made calls that cannot be read, three times, so I stopped it."
    ),
    Kind.STEPS: lambda w: w("This took more steps than one answer may, so I stopped."),
    Kind.TURN: lambda w: w(
        "This took longer than one answer may, so I stopped. Ask for one step at a time."
    ),
    Kind.OURS: lambda w: w("Something failed inside Thimble; the server's log has the details."),
}
