"""The settings, read once from the environment and passed down."""

import difflib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from core.errors import SettingsError

KNOWN = {
    "THIMBLE_HOME",
    "THIMBLE_LLM",
    "THIMBLE_LLM_BASE_URL",
    "THIMBLE_LLM_API_KEY",
    "THIMBLE_LLM_PRICE",
    "THIMBLE_API_KEY",
    "THIMBLE_DATABASE_URL",
    "THIMBLE_STORAGE_URL",
    "THIMBLE_LAUNCHER",
    "THIMBLE_RAY_ADDRESS",
    "THIMBLE_MAX_UPLOAD_MB",
}
NOT_YET = {
    "THIMBLE_DATABASE_URL": "records are kept in SQLite under THIMBLE_HOME",
    "THIMBLE_STORAGE_URL": "files are kept under THIMBLE_HOME",
    "THIMBLE_RAY_ADDRESS": "jobs run on this machine",
    "MLFLOW_TRACKING_URI": "runs are kept in Thimble's own records",
}
MIN_KEY_LENGTH = 16
PRICE = re.compile(r"(\d+(?:\.\d+)?)/(\d+(?:\.\d+)?) ([A-Z]{3})")


@dataclass(frozen=True)
class Price:
    """What a language model costs, per million tokens."""

    input: float
    output: float
    currency: str
    """ISO 4217, such as `USD`."""

    def of(self, input_tokens: int, output_tokens: int) -> float:
        return (self.input * input_tokens + self.output * output_tokens) / 1e6


@dataclass(frozen=True, kw_only=True)
class Settings:
    home: Path
    """All state: records, files, jobs, models, indexes."""
    llm: str | None = None
    """Model name at an OpenAI-compatible endpoint. Unset: the built-in planner answers."""
    llm_base_url: str | None = None
    llm_api_key: str | None = None
    llm_price: Price | None = None
    """Unset: the use of the model is told in tokens alone."""
    api_key: str | None = None
    """When set, every request needs it; required to listen beyond this machine."""
    launcher: str = "local"
    max_upload_mb: int = 200
    """Largest file taken in, in MiB."""

    @property
    def max_upload_bytes(self) -> int:
        return self.max_upload_mb * 2**20


def read(environ: Mapping[str, str] = os.environ) -> Settings:
    """Raises SettingsError for a setting that is misspelt, malformed or not supported yet."""
    given = {name: value for name, value in environ.items() if value.strip()}
    refuse_unknown(given)
    refuse_unsupported(given)
    return Settings(
        home=Path(given.get("THIMBLE_HOME", "~/.thimble")).expanduser().absolute(),
        llm=given.get("THIMBLE_LLM"),
        llm_base_url=address(given.get("THIMBLE_LLM_BASE_URL")),
        llm_api_key=llm_key(given.get("THIMBLE_LLM_API_KEY")),
        llm_price=price(given.get("THIMBLE_LLM_PRICE")),
        api_key=api_key(given.get("THIMBLE_API_KEY")),
        launcher=launcher(given.get("THIMBLE_LAUNCHER", "local")),
        max_upload_mb=positive("THIMBLE_MAX_UPLOAD_MB", given.get("THIMBLE_MAX_UPLOAD_MB", "200")),
    )


def refuse_unknown(given: Mapping[str, str]) -> None:
    for name in given:
        if not name.startswith("THIMBLE_") or name in KNOWN or name.startswith("THIMBLE_TEST_"):
            continue
        near = difflib.get_close_matches(name, KNOWN, n=1)
        raise SettingsError(
            f"{name} is not a setting of Thimble.",
            param=name,
            fix=f"Did you mean {near[0]}?" if near else f"Known: {', '.join(sorted(KNOWN))}.",
        )


def refuse_unsupported(given: Mapping[str, str]) -> None:
    for name, instead in NOT_YET.items():
        if name in given:
            raise SettingsError(
                f"{name} is set but not supported yet: {instead}.",
                param=name,
                fix=f"Unset {name}.",
            )


def api_key(value: str | None) -> str | None:
    if value is not None and len(value) < MIN_KEY_LENGTH:
        raise SettingsError(
            f"THIMBLE_API_KEY has {len(value)} characters, which can be guessed.",
            param="THIMBLE_API_KEY",
            fix=f"Use at least {MIN_KEY_LENGTH} random characters.",
        )
    return value


def address(value: str | None) -> str | None:
    """The address of a language model. It may hold a password, so that errors do not repeat it."""
    if value is None:
        return None
    try:
        parts = urlsplit(value.strip())
        valid = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        valid = False
    if not valid or re.search(r"\s", value.strip()):
        raise SettingsError(
            "THIMBLE_LLM_BASE_URL is not the address of a server.",
            param="THIMBLE_LLM_BASE_URL",
            fix="Give one such as http://127.0.0.1:11434/v1.",
        )
    return value.strip()


def llm_key(value: str | None) -> str | None:
    if value is not None and not (value.strip().isascii() and value.strip().isprintable()):
        raise SettingsError(
            "THIMBLE_LLM_API_KEY has characters that no key has.",
            param="THIMBLE_LLM_API_KEY",
            fix="Copy the key again from where it was made.",
        )
    return value.strip() if value is not None else None


def price(value: str | None) -> Price | None:
    if value is None:
        return None
    match = PRICE.fullmatch(value.strip())
    if match is None:
        raise SettingsError(
            f"THIMBLE_LLM_PRICE={value!r} is not a price.",
            param="THIMBLE_LLM_PRICE",
            fix="Write what a million tokens in and out cost, and the currency: 0.15/0.60 USD.",
        )
    return Price(float(match[1]), float(match[2]), match[3])


def launcher(value: str) -> str:
    if value != "local":
        raise SettingsError(
            f"THIMBLE_LAUNCHER={value!r} is not supported yet.",
            param="THIMBLE_LAUNCHER",
            fix="Use THIMBLE_LAUNCHER=local, or unset it.",
        )
    return value


def positive(name: str, value: str) -> int:
    if not value.isascii() or not value.isdigit() or int(value) == 0:
        raise SettingsError(
            f"{name}={value!r} is not a whole number above 0.",
            param=name,
            fix="Give such a number.",
        )
    return int(value)
