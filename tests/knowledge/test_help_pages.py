"""The built-in help stays true: its links lead somewhere, its names exist, its examples parse."""

import json
import re
from pathlib import Path

import pytest

import knowledge
import tools
from core import plugins
from core.settings import KNOWN
from knowledge.markup import markdown_headings

ROOT = Path(knowledge.__file__).parents[1]
PAGES = sorted((ROOT / "knowledge" / "docs" / "en").glob("*.md"))
TOOL = re.compile(
    r"\b(?:add|ask|check|compare|create|delete|deploy|describe|endpoint|export|list|predict|quote"
    r"|retry|run|search|start|stop)_[a-z]+\b"
)
NO_TOOLS = {"run_approved", "quote_measuring"}
CODE_ROOMS = ("core", "data", "finetune", "knowledge", "launchers", "server", "serving", "tools")

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)


def fences(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def test_there_is_a_page_for_each_need() -> None:
    assert {page.stem for page in PAGES} >= {
        "first-app", "data-formats", "what-lora-does", "plans-and-approvals", "reading-a-report",
        "when-not-to-tune", "endpoints", "privacy", "api", "troubleshooting", "backup",
    }  # fmt: skip


@each_page
def test_a_page_has_one_title_and_begins_with_a_short_paragraph(page: Path) -> None:
    text = page.read_text()

    assert text.startswith("# ")
    assert [one.level for one in markdown_headings(text)].count(1) == 1
    intro = text.split("\n\n")[1]
    assert not intro.startswith(("#", "-", "|", "`", "1."))
    assert 60 <= len(intro) <= 400


@each_page
def test_a_page_is_read_in_a_few_minutes(page: Path) -> None:
    assert len(page.read_text().split()) < 1_000


@each_page
def test_links_lead_to_other_pages(page: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", page.read_text()):
        assert (page.parent / target).is_file(), target


@each_page
def test_every_tool_that_is_named_exists(page: Path) -> None:
    named = set(TOOL.findall(page.read_text())) - NO_TOOLS

    assert sorted(named - set(plugins.names(tools))) == []


@each_page
def test_every_setting_that_is_named_exists(page: Path) -> None:
    named = set(re.findall(r"THIMBLE_[A-Z_]+", page.read_text()))

    assert sorted(named - KNOWN) == []


@each_page
def test_examples_in_json_and_python_can_be_read(page: Path) -> None:
    text = page.read_text()
    for example in fences(text, "json"):
        for line in example.splitlines() if example.count("\n{") else [example]:
            json.loads(line)
    for example in fences(text, "python"):
        compile(example, page.name, "exec")
    for body in re.findall(r"-d '(.*?)'", text, re.DOTALL):
        json.loads(body)


def test_every_error_code_in_troubleshooting_is_one_of_ours() -> None:
    text = (ROOT / "knowledge" / "docs" / "en" / "troubleshooting.md").read_text()
    first_cells = re.findall(r"^\| ([^|]+) \|", text, re.MULTILINE)
    named = {code for cell in first_cells for code in re.findall(r"`([a-z0-9_]+)`", cell)}
    source = "\n".join(
        path.read_text() for room in CODE_ROOMS for path in (ROOT / room).rglob("*.py")
    ).replace('f"missing_{role}"', '"missing_label" "missing_text"')

    assert len(named) > 25
    assert sorted(code for code in named if f'"{code}"' not in source) == []
