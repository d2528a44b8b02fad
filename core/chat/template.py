"""A base model's chat template: the conversation as the one text that its tokenizer reads.

Templates are Jinja and come with the model, so they are programs of strangers. They run in
Jinja's sandbox, with nothing to reach, and stop at limits of time and size. What they print is
what transformers' `apply_chat_template` prints (tests compare them).
"""

import json
import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import wraps
from typing import Any, NoReturn

from jinja2 import nodes
from jinja2.exceptions import SecurityError, TemplateError, TemplateSyntaxError
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace

from core.chat.messages import Message
from core.errors import RequestRefused

MAX_SOURCE = 500_000
"""Characters of a template; the longest seen has 30,000."""
MAX_OUTPUT = 20_000_000
"""Characters of a rendered conversation, five times what a conversation may have."""
MAX_SECONDS = 5.0
"""Of processor time for one rendering; the usual one takes a thousandth."""
MAX_WIDTH = 1_000_000
MAX_POWER = 1_000
WIDE = re.compile(r"[{%][^{}%]*(\d{5,}|\*)")
FAULTS = (
    TemplateError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    MemoryError,
    RecursionError,
    TypeError,
    ValueError,
)
"""All that a template can raise by what it does."""


class Template:
    """One chat template with the special tokens it may print.

    Args:
        source: Jinja, as saved with the model.
        specials: Such as {"bos_token": "<s>", "eos_token": "</s>"}.
        now: The clock behind `strftime_now`.
        seconds: Of processor time for one rendering.

    Raises:
        RequestRefused: (code `bad_template`) The source is no template or too long.
    """

    def __init__(
        self,
        source: str,
        specials: Mapping[str, str],
        now: Callable[[], datetime] = datetime.now,
        seconds: float = MAX_SECONDS,
    ) -> None:
        if len(source) > MAX_SOURCE:
            raise bad_template(f"it has {len(source):,} characters")
        self.source = source
        self.specials = dict(specials)
        self.budget = Budget(seconds)
        environment = make_environment(self.budget, now)
        try:
            self.compiled = environment.from_string(source)
        except TemplateSyntaxError as error:
            raise bad_template(f"line {error.lineno}: {error.message}") from None
        except (TemplateError, SyntaxError, RecursionError, MemoryError) as error:
            # Jinja writes Python, which has limits of its own, such as on nested blocks.
            raise bad_template(str(error)) from None

    def render(
        self,
        messages: Sequence[Message],
        *,
        generate: bool = False,
        tools: list[dict[str, Any]] | None = None,
    ) -> str:
        """The conversation as text; with `generate` it ends where the assistant begins to answer.

        Raises:
            RequestRefused: (code `template_refused`) The template refuses the conversation, or
                used too much time or room.
        """
        self.budget.renewed()
        seen = [seen_by_template(message) for message in messages]
        try:
            return self.run(seen, generate, tools)
        except TypeError as error:
            # Some templates print the arguments of a call as they are, so they must be text.
            if not any(message.get("tool_calls") for message in seen):
                raise template_refused(error) from None
        except FAULTS as error:
            raise template_refused(error) from None
        try:
            return self.run([with_text(message) for message in seen], generate, tools)
        except FAULTS as error:
            raise template_refused(error) from None

    def run(
        self, messages: list[Message], generate: bool, tools: list[dict[str, Any]] | None
    ) -> str:
        pieces = []
        for piece in self.compiled.generate(
            **self.specials,
            messages=messages,
            tools=tools,
            documents=None,
            add_generation_prompt=generate,
        ):
            self.budget.take(len(piece))
            pieces.append(piece)
        return "".join(pieces)


def with_text(message: Message) -> Message:
    """The message with the arguments of its calls as JSON text."""
    if "tool_calls" not in message:
        return message
    return message | {"tool_calls": [call_with_text(call) for call in message["tool_calls"]]}


def call_with_text(call: dict[str, Any]) -> dict[str, Any]:
    function = call["function"]
    arguments = function["arguments"]
    text = arguments if isinstance(arguments, str) else to_json(arguments)
    return call | {"function": function | {"arguments": text}}


def template_refused(error: BaseException) -> RequestRefused:
    return RequestRefused(
        f"The base's chat template refuses this conversation: {words_of(error)}.",
        code="template_refused",
        param="messages",
        fix="Change the conversation to what this base can take (such as no system "
        "message, or user and assistant in turn), or choose another base.",
    )


def seen_by_template(message: Message) -> Message:
    """Without our own field, and with the reasoning under both names that templates read."""
    seen = {name: value for name, value in message.items() if name != "weight"}
    if "reasoning_content" in seen:
        seen["thinking"] = seen["reasoning_content"]
    return seen


def words_of(error: BaseException) -> str:
    words = str(error).strip().rstrip(".") or type(error).__name__
    return words[:300]


def bad_template(why: str) -> RequestRefused:
    return RequestRefused(
        f"The base's chat template cannot be used: {why[:300]}.",
        code="bad_template",
        param="source",
        fix="Save a correct chat_template.jinja beside the model.",
    )


class Budget(threading.local):
    """What one rendering may still use, in each thread its own. Every loop counts against it."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def renewed(self) -> "Budget":
        self.characters = MAX_OUTPUT
        self.until = time.thread_time() + self.seconds
        return self

    def take(self, characters: int) -> None:
        self.characters -= characters
        if self.characters < 0:
            raise SecurityError(f"it printed more than {MAX_OUTPUT:,} characters")
        if time.thread_time() > self.until:
            raise SecurityError(f"it took longer than {self.seconds:g} seconds")


class Sandbox(ImmutableSandboxedEnvironment):
    """Jinja's sandbox, with limits on loops and on what one short expression may blow up."""

    intercepted_binops = frozenset({"*", "**", "%"})

    def __init__(self, budget: Budget) -> None:
        super().__init__(
            trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols]
        )
        self.budget = budget

    def tick(self) -> str:
        """Called at every turn of every loop; prints nothing."""
        self.budget.take(0)
        return ""

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        if operator == "**" and max(abs(left), abs(right)) > MAX_POWER:
            raise SecurityError(f"{left} ** {right} is too large")
        if operator == "%" and isinstance(left, str):
            check_format(left)
        if operator == "*":
            check_repeated(left, right)
            check_repeated(right, left)
        return super().call_binop(context, operator, left, right)

    def call(self, context: Any, function: Any, *args: Any, **kwargs: Any) -> Any:
        check_widths(args, kwargs)
        return super().call(context, function, *args, **kwargs)

    def wrap_str_format(self, value: Any) -> Callable[..., str] | None:
        wrapped = super().wrap_str_format(value)
        if wrapped is not None:
            check_format(str(value.__self__))
        return wrapped

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        parsed = super()._parse(source, name, filename)
        for loop in parsed.find_all(nodes.For):
            # By attribute of the environment, so that a template cannot set it to something else.
            tick = nodes.Call(nodes.EnvironmentAttribute("tick"), [], [], None, None)
            counted = nodes.Output([tick]).set_lineno(loop.lineno)
            loop.body.insert(0, counted.set_environment(self))
        return parsed


def check_repeated(many: Any, times: Any) -> None:
    if isinstance(many, str | list | tuple) and isinstance(times, int):
        length = len(many) * times
        if length > MAX_OUTPUT:
            raise SecurityError(f"it made a text of {length:,} characters")


def check_widths(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
    """No method or filter is asked to pad to a width that fills the memory."""
    for value in (*args, *kwargs.values()):
        if isinstance(value, int) and value > MAX_WIDTH:
            raise SecurityError(f"the number {value} is too large here")


def check_format(form: str) -> None:
    if WIDE.search(form):
        raise SecurityError("a width in a format is too large")


def bounded(function: Callable[..., Any]) -> Callable[..., Any]:
    """A filter that refuses huge numbers among its arguments."""

    @wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        check_widths(args[1:], kwargs)
        return function(*args, **kwargs)

    return run


class Generation(Extension):
    """`{% generation %}` marks what the assistant wrote; it prints what is inside."""

    tags = {"generation"}  # noqa: RUF012 - Jinja reads it from the class

    def parse(self, parser: Parser) -> list[nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


class SafeNamespace(Namespace):
    """Jinja's namespace without names that begin with an underscore."""

    def __setitem__(self, name: str, value: Any) -> None:
        if name.startswith("_"):
            raise SecurityError(f"{name!r} cannot be set")
        super().__setitem__(name, value)


def make_environment(budget: Budget, now: Callable[[], datetime]) -> Sandbox:
    """Set up as transformers sets up its own, less what only serves to fill memory."""
    environment = Sandbox(budget)
    for name in ("center", "indent", "batch", "slice", "wordwrap"):
        environment.filters[name] = bounded(environment.filters[name])
    environment.filters["tojson"] = to_json
    for name in ("format", "random"):
        environment.filters.pop(name)
    environment.globals.pop("lipsum")
    environment.globals |= {
        "raise_exception": raise_exception,
        "strftime_now": lambda form: now().strftime(form),
        "namespace": SafeNamespace,
    }
    return environment


def raise_exception(message: Any) -> NoReturn:
    raise TemplateError(str(message))


def to_json(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    """JSON as models were trained on it: Jinja's own filter would write `<` as `\\u003c`."""
    return json.dumps(
        value,
        ensure_ascii=ensure_ascii,
        indent=indent,
        separators=separators,
        sort_keys=sort_keys,
    )
