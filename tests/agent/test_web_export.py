"""A saved conversation, read as a viewer of Markdown reads it: what is data is shown as text."""

from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest
from markdown_it import MarkdownIt

from agent.channels.web.drawing import draw
from agent.channels.web.markdown_text import address, escaped, tamed
from agent.channels.web.transcript import markdown
from agent.language import words_in
from agent.view_text import as_text
from agent.views import (
    Action,
    Chart,
    Field,
    Form,
    Link,
    Phase,
    Progress,
    Sample,
    Table,
    View,
)

Json = dict[str, Any]
EN = words_in("en")
HOST = "http://127.0.0.1:8000"
ATTACKS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "![p](http://evil/x.png)",
    "[l](javascript:alert(1))",
    "![p][r]",
    "`code`",
    "``` x",
    "# heading",
    "#heading",
    "a | b",
    "a \\| b",
    "back\\slash\\",
    "*bold* _em_ ~~gone~~",
    "> said",
    "- point",
    "+ point",
    "1. point",
    "12) point",
    "---",
    "===",
    "***",
    "&lt;b&gt; &#33;",
    "<!-- gone -->",
    "<http://evil/x>",
    "[r]: http://evil/x.png",
    "- [ ] to do",
]
PLAIN = ["banking77@1", "run_1", "tickets.csv", "87.2 % of 3,080", "2026-11-20", "-0.5", "C#", "好"]


def rendered(text: str) -> str:
    return str(MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(text))


class Seen(HTMLParser):
    """The tags of a page and its words."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.links: list[str] = []
        self.words = ""
        self.feed(rendered(text))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [str(value) for name, value in attrs if name in ("href", "src")]

    def handle_data(self, data: str) -> None:
        self.words += data


def everywhere(text: str) -> View:
    """A card in which each part says the text."""
    return View(
        title=text,
        state_label=text,
        summary=text,
        progress=Progress(text, 0.5, [Phase(text, "now")], [(text, text)]),
        facts=[(text, text), (text, text)],
        fields=[Field(name="x", kind="int", label=text, value=text, origin=text, reason=text)],
        charts=[
            Chart("bar", text, [text, "b"], [1.0, 2.0]),
            Chart("line", text, [1, 2], [1.0, 2.0]),
            Chart("interval", text, [text], [1.0], low=[0.5], high=[1.5]),
        ],
        tables=[
            Table(text, [text, text], [[text, text], [text, 1]]),
            Table(text, [text, text, text], [["wide " * 20, text, text], [text, text, text]]),
        ],
        sample=Sample(
            title=text, dataset="d@1", columns=[text], rows=[[text]], page=1, pages=2, total=9
        ),
        form=Form(text, text, text, text, text),
        code=[("bash", text)],
        links=[Link(text, "/help/errors#not_found")],
        notes=[text, f"{text}\n{text}"],
        actions=[Action(text, say=text)],
    )


def thread(*steps: tuple[str, str], view: View | None = None, name: str = "Title") -> Json:
    said = [
        {"id": str(at), "type": kind, "output": text, "metadata": {}}
        for at, (kind, text) in enumerate(steps)
    ]
    if view:
        card = {"key": "", "view": draw(view, EN).view}
        said.append({"id": "card", "type": "assistant_message", "output": "", "metadata": card})
    return {"name": name, "createdAt": "2026-11-20T20:00:00Z", "steps": said, "elements": []}


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_a_card_quotes_is_text_in_the_saved_file(attack: str) -> None:
    plain = Seen(markdown(thread(view=everywhere("harmless")), EN, HOST))
    seen = Seen(markdown(thread(view=everywhere(attack)), EN, HOST))
    assert seen.tags == plain.tags
    assert set(seen.links) == {f"{HOST}/help/errors#not_found"}
    assert seen.words.count(attack) >= 35


@pytest.mark.parametrize("attack", ATTACKS)
def test_names_of_threads_and_files_are_text_in_the_saved_file(attack: str) -> None:
    told = thread(("user_message", "hi"), name=attack)
    told["elements"] = [{"type": "file", "forId": "0", "name": attack}]
    seen = Seen(markdown(told, EN, HOST))
    assert seen.tags == {"h1", "h2", "p"} and not seen.links
    assert seen.words.count(attack) == 2


@pytest.mark.parametrize("attack", ["a\n# b", "a\r\n\r\n<b>", "a\u2028- b", "a\n\n    b"])
def test_a_text_with_several_lines_stays_in_its_place(attack: str) -> None:
    plain = Seen(markdown(thread(view=everywhere("harmless")), EN, HOST))
    assert Seen(markdown(thread(view=everywhere(attack)), EN, HOST)).tags == plain.tags


@pytest.mark.parametrize("text", PLAIN)
def test_ordinary_text_is_not_made_ugly(text: str) -> None:
    assert escaped(text) == text
    assert f"- {text}: {text}" in as_text(View(title="x", facts=[(text, text)]), EN)


def test_the_terminal_prints_what_stands_there() -> None:
    told = as_text(View(title="x", facts=[("Label", "*a* <b> [c]")]), EN)
    assert "- Label: *a* <b> [c]" in told


def test_code_that_has_fences_stays_code() -> None:
    view = replace(everywhere("x"), code=[("bash", "a\n```\n<img src=x>\n````")])
    assert "img" not in Seen(markdown(thread(view=view), EN, HOST)).tags


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "//evil/x", "/\\evil", "data:text/html,x", "/\t/evil", "x"]
)
def test_a_link_of_a_card_leads_to_a_page_or_nowhere(url: str) -> None:
    assert address(url) in ("#", "/%5Cevil", "/%09/evil")
    assert address("/v1/files/file-1/a b).csv") == "/v1/files/file-1/a%20b%29.csv"


@pytest.mark.parametrize(
    "message",
    [
        "<script>alert(1)</script>",
        "text <img src=x> ![p](http://evil/x.png)",
        "![p][r]\n\n[r]: http://evil/x.png",
        "``` a`b\n<img src=x>",
        "```\ncode\n```\n<img src=x>",
        "``` a b\n```\n<img src=x>\n```",
        "````\n```\n````\n![p](http://evil/x.png)",
        "~~~\n```\n~~~\n<img src=x>",
        "- x\n\n  ```\n<img src=x>",
        "> ```\n<img src=x>",
        "- ```\n  a\n  ```\n<img src=x>\n```\n<img src=x>",
        "    ```\n<img src=x>\n    ```",
        "\t```\n<img src=x>",
        "```\nnever closed",
        "\\![p](http://evil/x.png) \\<img src=x>",
        "`![p](http://evil/x.png)",
    ],
)
@pytest.mark.parametrize("speaker", ["user_message", "assistant_message"])
def test_a_message_has_no_live_html_and_no_picture(message: str, speaker: str) -> None:
    told = thread((speaker, message), ("assistant_message", "<img src=x> **after**"))
    seen = Seen(markdown(told, EN, HOST))
    assert not seen.tags & {"script", "img"}
    assert "strong" in seen.tags, "a block that never ends takes in what comes after it"


def test_a_message_keeps_its_markdown_and_its_code() -> None:
    said = "**so**, if a < b:\n\n```html\n<b>![x](y)</b>\n```\n- [this](/help/errors#not_found)"
    assert tamed(said, HOST) == said.replace("](/", f"]({HOST}/")
