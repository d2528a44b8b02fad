"""Chat templates: rendered as transformers does, and harmless whatever they try."""

import time
from datetime import datetime

import pytest

from core.chat.template import Template
from core.errors import RequestRefused

ASKED = [{"role": "user", "content": "Hi"}]


def rendered(source: str) -> str:
    return Template(source, {"bos_token": "<s>"}).render(ASKED)


def test_it_sees_messages_special_tokens_and_tools() -> None:
    template = Template(
        "{{ bos_token }}{{ messages[0].content }}{{ tools | length }}", {"bos_token": "<s>"}
    )
    assert template.render(ASKED, tools=[{"a": 1}]) == "<s>Hi1"


def test_json_is_not_escaped_as_for_a_web_page() -> None:
    assert rendered("{{ {'a': '<é>'} | tojson }}") == '{"a": "<é>"}'


def test_the_weight_of_an_answer_is_not_seen() -> None:
    template = Template("{{ messages[0] | tojson }}", {})
    message = {"role": "assistant", "content": "x", "weight": 0, "reasoning_content": "r"}
    seen = '{"role": "assistant", "content": "x", "reasoning_content": "r", "thinking": "r"}'
    assert template.render([message]) == seen


def test_the_day_comes_from_the_clock_it_is_given() -> None:
    template = Template("{{ strftime_now('%Y') }}", {}, now=lambda: datetime(1999, 1, 1))
    assert template.render(ASKED) == "1999"


def test_a_block_of_generation_prints_what_is_inside() -> None:
    source = (
        "{% for m in messages %}{% generation %}{{ m.content }}{% endgeneration %}!{% endfor %}"
    )
    assert rendered(source) == "Hi!"


def test_loops_may_break_off_and_go_on() -> None:
    source = "{% for n in range(9) %}{% if n == 1 %}{% continue %}{% elif n == 3 %}{% break %}"
    assert rendered(source + "{% endif %}{{ n }}{% endfor %}") == "02"


def test_what_a_template_says_is_handed_on() -> None:
    with pytest.raises(RequestRefused, match="Roles must alternate") as refusal:
        rendered("{{ raise_exception('Roles must alternate.') }}")
    assert refusal.value.code == "template_refused"


@pytest.mark.parametrize(
    "source",
    [
        "{{ messages[0].nothing.at_all }}",
        "{{ 1 / 0 }}",
        "{{ 'a' + 1 }}",
        "{{ messages[9]['role'] }}",
        "{{ [].pop() }}",
    ],
)
def test_a_template_that_fails_refuses_the_conversation(source: str) -> None:
    with pytest.raises(RequestRefused, match="refuses this conversation"):
        rendered(source)


def test_a_template_that_wants_the_arguments_of_a_call_as_text_gets_text() -> None:
    template = Template("{{ 'f' + messages[0].tool_calls[0].function.arguments }}", {})
    call = {"type": "function", "function": {"name": "f", "arguments": {"a": "é"}}}
    message = {"role": "assistant", "content": "", "tool_calls": [call]}
    assert template.render([message]) == 'f{"a": "é"}'
    assert call["function"] == {"name": "f", "arguments": {"a": "é"}}


DEEP = "{% for a in [1] %}" * 40 + "{% endfor %}" * 40


@pytest.mark.parametrize(
    "source", ["{% if %}", "{{ x", "{% nothing %}", "x" * 600_000, DEEP, "{{ " + "(" * 9000]
)
def test_what_is_no_template_is_refused(source: str) -> None:
    with pytest.raises(RequestRefused, match="template cannot be used") as refusal:
        Template(source, {})
    assert refusal.value.code == "bad_template"


@pytest.mark.parametrize(
    "source",
    [
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ messages.__init__.__globals__ }}",
        "{{ raise_exception.__globals__['json'] }}",
        "{{ strftime_now.__globals__['re'] }}",
        "{{ namespace.__init__.__globals__ }}",
        "{% set ns = namespace() %}{% set ns.__class__ = 1 %}",
        "{{ messages.append(1) }}",
        "{{ messages[0].update({'role': 'system'}) }}",
        "{% include '/etc/passwd' %}",
        "{{ self.environment }}{{ self.environment.loader.x }}",
        "{{ 'x{0.__class__.__mro__}'.format(1) }}",
        "{{ cycler.__init__.__globals__.os }}",
        "{{ lipsum.__globals__ }}",
    ],
)
def test_a_template_reaches_nothing_but_the_conversation(source: str) -> None:
    with pytest.raises(RequestRefused):
        rendered(source)
    assert ASKED == [{"role": "user", "content": "Hi"}]


def nested(inner: str) -> str:
    return "{% for a in range(9999) %}" * 4 + inner + "{% endfor %}" * 4


@pytest.mark.parametrize(
    "source",
    [
        nested(""),
        nested("{{ a }}"),
        "{% set x %}" + nested("") + "{% endset %}",
        "{% set tick = 1 %}{% set environment = 1 %}" + nested(""),
        "{% macro m(x) %}{% for a in range(9) %}{{ m(x) }}{% endfor %}{% endmacro %}{{ m(1) }}",
        "{{ 'a' * 10**12 }}",
        "{{ 10**12 * ['a'] }}",
        "{{ 9**9**9 }}",
        "{{ '%999999999d' % 1 }}",
        "{{ '%*d' % (999999999, 1) }}",
        "{{ '{:999999999}'.format(1) }}",
        "{{ 'a'.center(10**9) }}",
        "{{ 'a' | center(10**9) }}",
        "{{ 'a' | indent(width=10**9, first=true) }}",
        "{{ [1] | batch(10**9, 0) | list }}",
        "{{ range(10**9) | list }}",
    ],
)
def test_a_template_that_would_run_or_grow_without_end_is_stopped(
    source: str,
) -> None:
    begun = time.thread_time()
    with pytest.raises(RequestRefused, match="refuses this conversation"):
        Template(source, {}, seconds=0.2).render(ASKED)
    assert time.thread_time() - begun < 2


def test_a_large_conversation_is_rendered_whole() -> None:
    messages = [{"role": "user", "content": "x" * 4000}] * 1000
    text = Template("{% for m in messages %}{{ m.content }}{% endfor %}", {}).render(messages)
    assert len(text) == 4_000_000
