"""The help in the browser, in both languages, and where citations lead."""

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from html import escape
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse, HTMLResponse

from core.errors import not_found
from core.records.tables import Document
from knowledge import builtin
from knowledge.builtin import Language
from server.bodies import caller_of
from server.help_html import (
    POLICY,
    STATIC,
    Lines,
    after_introduction,
    anchors_of,
    contents,
    lines_of,
    markdown,
    text_of,
)
from tools.base import House

FILES = Path(__file__).parent / "help_static"
STATIC_FILES = ("page.css", "page.js")
GROUPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("begin", ("first-app", "data-formats", "the-chat", "plans-and-approvals")),
    (
        "train",
        (
            *("what-lora-does", "chat-models", "settings-of-a-run", "reading-a-report"),
            "when-not-to-tune",
        ),
    ),
    ("use", ("endpoints", "api", "terminal-and-code", "documents")),
    ("operate", ("language-models", "gpu", "privacy", "closed-networks", "backup")),
    ("mend", ("troubleshooting", "errors")),
)
"""The pages in the order in which they are listed."""
WORDS: dict[Language, dict[str, str]] = {
    "en": {
        "help": "Thimble help", "back": "Back to the chat", "switch": "中文", "pages": "All pages",
        "contents": "On this page", "next": "Next:", "previous": "Before:", "copy": "Copy",
        "copied": "Copied", "skip": "To the text", "cited": "The cited passage is marked.",
        "begin": "Begin", "train": "Train", "use": "Use", "operate": "Run Thimble",
        "mend": "When something is wrong",
        "intro": "What Thimble does and how, a page for each question. You can also ask in the "
        "chat: it answers from these pages and says where.",
    },
    "zh": {
        "help": "Thimble 帮助", "back": "回到对话", "switch": "English", "pages": "所有页面",
        "contents": "本页内容", "next": "下一页：", "previous": "上一页：", "copy": "复制",
        "copied": "已复制", "skip": "跳到正文", "cited": "引用的段落已标出。",
        "begin": "开始", "train": "训练", "use": "使用", "operate": "运行 Thimble",
        "mend": "出了问题",
        "intro": "Thimble 能做什么、怎么做，每个问题一页。你也可以在对话里直接问："
        "它会根据这些页面回答，并说明出处。",
    },
}  # fmt: skip
NAMES = tuple(name for _, names in GROUPS for name in names)
SHELL = """<!doctype html>
<html lang="{lang}"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="{static}/page.css"><script src="{static}/page.js"></script></head>
<body data-copy="{copy}" data-copied="{copied}"><a class="skip" href="#text">{skip}</a>
<header><a href="/chat/">← {back}</a><a class="home" href="{index}">{help}</a>{switch}</header>
{body}</body></html>"""


@dataclass(frozen=True)
class Built:
    """A page of the built-in help as it is listed."""

    name: str
    title: str
    about: str
    """Its first paragraph."""
    text: str


def routes(house: House) -> APIRouter:
    router = APIRouter()

    @router.get("/help")
    async def index(request: Request) -> HTMLResponse:
        """All pages, in the language that the browser asks for first."""
        return answer(index_page(preferred(request.headers.get("accept-language", ""))))

    @router.get("/help/en")
    async def english_index() -> HTMLResponse:
        return answer(index_page("en"))

    @router.get("/help/zh")
    async def chinese_index() -> HTMLResponse:
        return answer(index_page("zh"))

    @router.get(STATIC + "/{name}")
    async def static(name: str) -> FileResponse:
        if name not in STATIC_FILES:
            raise not_found("file", name, list(STATIC_FILES))
        return FileResponse(FILES / name)

    @router.get("/help/zh/{page}")
    async def chinese(page: str, start: int = 0, end: int = 0) -> HTMLResponse:
        return answer(built_in(page.removesuffix(".md"), "zh", start, end))

    @router.get("/help/{page}")
    async def show(page: str, request: Request, start: int = 0, end: int = 0) -> HTMLResponse:
        """A page of the help by its name, or a document by its id, as citations name it.

        Characters `start` to `end` are marked as the passage.
        """
        if page.endswith(".md") or page in NAMES:
            return answer(built_in(page.removesuffix(".md"), "en", start, end))
        document = await run_in_threadpool(house.library.document, caller_of(request), page)
        return answer(document_page(document, start, end))

    return router


def answer(html: str) -> HTMLResponse:
    return HTMLResponse(html, headers={"Content-Security-Policy": POLICY})


def preferred(accepted: str) -> Language:
    """The first of our languages in an Accept-Language header, which browsers write in order."""
    for wanted in accepted.split(","):
        tag = wanted.partition(";")[0].strip().lower()
        if tag.startswith(("zh", "en")):
            return "zh" if tag.startswith("zh") else "en"
    return "en"


@cache
def built(name: str, language: Language) -> Built:
    """Raises RequestRefused for a name that no page has."""
    if name not in NAMES:
        raise not_found("help page", name, sorted(NAMES))
    text = (builtin.folder_of(language) / f"{name}.md").read_text("utf-8")
    title, about, *_ = text.split("\n\n")
    about = markdown.renderInline(" ".join(about.split("\n")))
    return Built(name, title.removeprefix("# "), about, text)


@cache
def anchors_for(name: str) -> list[str]:
    return anchors_of(built(name, "en").text)


def built_in(name: str, language: Language, start: int = 0, end: int = 0) -> str:
    """A page of the help. Both languages have the anchors of the English one."""
    marked = lines_of(built(name, language).text, start, end)
    return whole(name, language, marked)


@lru_cache(maxsize=2 * len(NAMES))
def whole(name: str, language: Language, marked: Lines | None = None) -> str:
    """The longest page takes a tenth of a second to make, so those that are read are kept."""
    page = built(name, language)
    text = text_of(builtin.readable(page.text), marked, anchors_for(name), base_of(language))
    listed = contents(text.sections, WORDS[language]["contents"])
    body = after_introduction(text.html, listed) + neighbours(name, language)
    note = f'<p class="where">{WORDS[language]["cited"]}</p>' if marked else ""
    main = f'<main id="text">{note}{body}</main>'
    frame = f'<div class="frame">{page_list(name, language)}{main}</div>'
    return shell(page.title, frame, language, switch_to(name, language))


def document_page(document: Document, start: int, end: int) -> str:
    """Where a citation leads: the document with the passage marked."""
    for language, collection in builtin.COLLECTIONS.items():
        name = document.source.removesuffix(".md")
        if document.collection == collection and name in NAMES:
            return built_in(name, language, start, end)
    text = text_of(document.text, lines_of(document.text, start, end))
    source = f'<p class="where">{escape(document.source)}</p>'
    body = f'<div class="frame alone"><main id="text">{source}{text.html}</main></div>'
    return shell(document.title, body, "en", "")


def index_page(language: Language) -> str:
    words = WORDS[language]
    groups = "".join(
        f"<h2>{words[group]}</h2><dl>{''.join(listed(name, language) for name in names)}</dl>"
        for group, names in GROUPS
    )
    main = f'<main id="text" class="index"><h1>{words["help"]}</h1><p>{words["intro"]}</p>'
    body = f'<div class="frame alone">{main}{groups}</main></div>'
    return shell(words["help"], body, language, switch_to("", language))


def listed(name: str, language: Language) -> str:
    page = built(name, language)
    link = f'<a href="{base_of(language)}/{name}">{escape(page.title)}</a>'
    return f"<dt>{link}</dt><dd>{page.about}</dd>"


def page_list(current: str, language: Language) -> str:
    words = WORDS[language]
    groups = "".join(
        f"<h2>{words[group]}</h2><ul>{''.join(line(name, current, language) for name in names)}"
        "</ul>"
        for group, names in GROUPS
    )
    return f'<details class="pages" open><summary>{words["pages"]}</summary>{groups}</details>'


def line(name: str, current: str, language: Language) -> str:
    here = ' aria-current="page"' if name == current else ""
    title = escape(re.split("[:：]", built(name, language).title)[0])
    return f'<li><a href="{base_of(language)}/{name}"{here}>{title}</a></li>'


def neighbours(name: str, language: Language) -> str:
    """The pages before and after, for who reads on."""
    at, words = NAMES.index(name), WORDS[language]
    before = NAMES[at - 1] if at else None
    after = NAMES[at + 1] if at + 1 < len(NAMES) else None
    links = [
        f'<a href="{base_of(language)}/{other}">{words[which]} '
        f"{escape(built(other, language).title)}</a>"
        for which, other in (("previous", before), ("next", after))
        if other is not None
    ]
    return f"<footer>{''.join(links)}</footer>"


def base_of(language: Language) -> str:
    return "/help" if language == "en" else f"/help/{language}"


def switch_to(name: str, language: Language) -> str:
    """The link to the same page in the other language."""
    other: Language = "en" if language == "zh" else "zh"
    address = f"{base_of(other)}/{name}" if name else f"/help/{other}"
    label = WORDS[language]["switch"]
    return f'<a class="switch" hreflang="{other}" lang="{other}" href="{address}">{label}</a>'


def shell(title: str, body: str, language: Language, switch: str) -> str:
    words = {name: WORDS[language][name] for name in ("copy", "copied", "skip", "back", "help")}
    return SHELL.format(
        lang="zh-CN" if language == "zh" else "en",
        title=escape(title),
        static=STATIC,
        index=f"/help/{language}",
        switch=switch,
        body=body,
        **words,
    )
