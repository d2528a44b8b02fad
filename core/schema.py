"""A plain function's signature and docstring, as something that checks and describes arguments."""

import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from core.errors import RequestRefused

CONFIG = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)
KINDS = {
    "bool_type": "true or false",
    "dict_type": "an object",
    "finite_number": "a finite number",
    "float_type": "a number",
    "int_from_float": "a whole number",
    "int_parsing_size": "a whole number of that size",
    "int_type": "a whole number",
    "list_type": "a list",
    "string_type": "a text",
    "string_unicode": "a text without half characters",
}
"""What an argument should be, by the kind of error that its check gave."""
MAX_TEXT = 1_000_000
"""Characters of one text argument."""


def arguments_model(function: Callable[..., Any]) -> type[BaseModel]:
    """A model with the function's parameters but the first (the context), strictly typed."""
    described = argument_lines(function.__doc__ or "")
    hints = get_type_hints(function, include_extras=True)
    fields: dict[str, Any] = {}
    for parameter in list(inspect.signature(function).parameters.values())[1:]:
        default = ... if parameter.default is parameter.empty else parameter.default
        description = described.get(parameter.name, "")
        fields[parameter.name] = (hints[parameter.name], Field(default, description=description))
    return create_model(function.__name__, __config__=CONFIG, **fields)


def summary(function: Callable[..., Any]) -> str:
    """The docstring up to its `Args:`, unindented: what the model reads of a tool."""
    text = inspect.cleandoc(function.__doc__ or "")
    return text.split("\nArgs:")[0].strip()


def argument_lines(doc: str) -> dict[str, str]:
    """Name to description, from the `Args:` section; further-indented lines continue one."""
    section = inspect.cleandoc(doc).partition("Args:\n")[2]
    found: dict[str, str] = {}
    name = ""
    for line in section.splitlines():
        if match := re.match(r"    (\w+): (.*)", line):
            name, found[match[1]] = match[1], match[2].strip()
        elif line.startswith("     ") and name:
            found[name] += " " + line.strip()
    return found


def check(model: type[BaseModel], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments with defaults filled in. Raises RequestRefused naming the first wrong one."""
    for name, value in arguments.items():
        if isinstance(value, str) and len(value) > MAX_TEXT:
            raise RequestRefused(
                f"{name} has {len(value):,} characters.",
                code="too_long",
                param=name,
                fix=f"Give at most {MAX_TEXT:,}.",
            )
    try:
        return model.model_validate(dict(arguments)).model_dump()
    except ValidationError as error:
        raise explain(model, error) from None


def explain(model: type[BaseModel], error: ValidationError) -> RequestRefused:
    first = error.errors(include_url=False, include_context=False)[0]
    name = str(first["loc"][0]) if first["loc"] else ""
    known = ", ".join(model.model_fields)
    if first["type"] == "extra_forbidden":
        return RequestRefused(
            f"{model.__name__} has no argument {name!r}.",
            code="unknown_argument",
            param=name,
            fix=f"It takes: {known}." if known else "It takes none.",
        )
    if first["type"] == "missing":
        return RequestRefused(
            f"{model.__name__} needs {name}.", code="missing_argument", param=name, fix="Give it."
        )
    kind = KINDS.get(first["type"], "what this tool takes there")
    return RequestRefused(
        f"{name}={short(first['input'])} is not {kind}.",
        code="invalid_argument",
        param=name,
        fix=model.model_fields[name].description or None if name in model.model_fields else None,
    )


def short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "…"
