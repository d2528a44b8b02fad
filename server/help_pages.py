"""Where citations lead: a document with the cited passage marked."""

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse
from markdown_it import MarkdownIt

from core.records.tables import Document
from server.bodies import caller_of
from tools.base import House

CSP = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; base-uri 'none'"
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 16px/1.6 system-ui, sans-serif; max-width: 44rem; margin: 2rem auto; }}
body {{ padding: 0 1rem; }}
#passage {{ border-left: 4px solid #0f766e; background: #0f766e1a; padding: .1rem 1rem; }}
code, pre {{ font-size: .9em; background: #8883; border-radius: 4px; padding: .1em .3em; }}
pre {{ padding: .8rem; overflow-x: auto; }} pre code {{ background: none; padding: 0; }}
table {{ border-collapse: collapse; }} td, th {{ border: 1px solid #8886; padding: .3rem .6rem; }}
</style></head>
<body><p><a href="/chat">Back to the chat</a> · {source}</p>{body}</body></html>"""

markdown = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")


def routes(house: House) -> APIRouter:
    router = APIRouter()

    @router.get("/help/{page}.md")
    async def show_page(page: str) -> HTMLResponse:
        """A page of the built-in help, by the name that other pages link to."""
        document = await run_in_threadpool(house.library.help_page, f"{page}.md")
        return answer(document)

    @router.get("/help/{document_id}")
    async def show(
        document_id: str, request: Request, start: int = 0, end: int = 0
    ) -> HTMLResponse:
        """The document as a page; characters `start` to `end` are marked as the passage."""
        document = await run_in_threadpool(house.library.document, caller_of(request), document_id)
        return answer(document, start, end)

    return router


def answer(document: Document, start: int = 0, end: int = 0) -> HTMLResponse:
    return HTMLResponse(render(document, start, end), headers={"Content-Security-Policy": CSP})


def render(document: Document, start: int, end: int) -> str:
    """The page. A span outside the text marks nothing."""
    text = document.text
    start, end = (start, end) if 0 <= start < end <= len(text) else (0, 0)
    marked = f'<div id="passage">{markdown.render(text[start:end])}</div>' if end else ""
    body = markdown.render(text[:start]) + marked + markdown.render(text[end:])
    return PAGE.format(
        title=markdown.renderInline(document.title),
        source=markdown.renderInline(document.source),
        body=body,
    )
