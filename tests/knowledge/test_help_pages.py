"""The built-in help stays true: both languages say the same, links lead somewhere, names exist."""

import ast
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import tools
from agent.trouble import Kind
from agent.understanding.cases import run_case
from core import plugins
from core.settings import KNOWN
from data.examine import examine
from data.reading import read_table
from knowledge import builtin
from knowledge.markup import markdown_headings
from server.errors import STATUS
from server.help_html import anchors_of
from server.help_pages import NAMES

ROOT = Path(builtin.__file__).parents[1]
ROOMS = (
    "agent",
    "core",
    "data",
    "finetune",
    "knowledge",
    "launchers",
    "server",
    "serving",
    "tools",
)
EN, ZH = builtin.folder_of("en"), builtin.folder_of("zh")
PAGES = [folder / f"{name}.md" for folder in (EN, ZH) for name in NAMES]
TOOL = re.compile(
    r"\b(?:add|ask|check|compare|create|delete|deploy|describe|endpoint|export|list|predict|quote"
    r"|retry|run|search|start|stop)_[a-z]+\b"
)
NO_TOOLS = {"compare_with", "run_approved", "quote_measuring", "run_ended", "export_differs"}
FENCE = re.compile(r"^ *```([^\n]*)\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
HAN = re.compile("[\u4e00-\u9fff]")
HIDDEN = re.compile("<!--.*?-->")
"""How a section is asked for: searched, never shown."""
LIMIT_WORDS, LIMIT_SIGNS = 1_000, 3_000

each_page = pytest.mark.parametrize(
    "page", PAGES, ids=lambda page: f"{page.parent.name}/{page.stem}"
)
each_name = pytest.mark.parametrize("name", NAMES)


def fences(text: str) -> list[tuple[str, str]]:
    """Info string and content of each block of code."""
    return [(info, content) for info, content in FENCE.findall(text)]


def both(name: str) -> tuple[str, str]:
    return (EN / f"{name}.md").read_text("utf-8"), (ZH / f"{name}.md").read_text("utf-8")


def test_every_page_is_listed_in_both_languages() -> None:
    for folder in (EN, ZH):
        assert {page.stem for page in folder.glob("*.md")} == set(NAMES)
    assert len(NAMES) >= 15


@each_name
def test_both_languages_have_the_same_sections_links_and_tables(name: str) -> None:
    english, chinese = both(name)

    levels = [[heading.level for heading in markdown_headings(text)] for text in (english, chinese)]
    assert levels[0] == levels[1]
    assert links(english) == links(chinese)
    assert rows(english) == rows(chinese)
    assert HAN.search(chinese)
    assert not HAN.search(english)


def links(text: str) -> list[str]:
    return re.findall(r"\]\(([^)]+)\)", text)


def rows(text: str) -> list[int]:
    """Cells of each row of each table."""
    return [line.count("|") for line in text.splitlines() if line.startswith("|")]


@each_name
def test_both_languages_have_the_same_examples(name: str) -> None:
    english, chinese = both(name)

    assert [shape(*block) for block in fences(english)] == [
        shape(*block) for block in fences(chinese)
    ]


def shape(info: str, code: str) -> tuple[str, str]:
    """A block without what may be said in another language: comments, and the texts of data."""
    if info.startswith(("csv", "json")):
        return info, re.sub(r"[^\n{}\[\]:,\"]", "", code)
    lines = [re.sub(r"(^|\s)#.*", "", line).rstrip() for line in code.splitlines()]
    return info, "\n".join(lines)


@each_page
def test_a_page_has_one_title_and_begins_with_a_short_paragraph(page: Path) -> None:
    text = page.read_text("utf-8")

    assert text.startswith("# ")
    assert [one.level for one in markdown_headings(text)].count(1) == 1
    intro = text.split("\n\n")[1]
    assert not intro.startswith(("#", "-", "|", "`", "1."))
    assert 25 <= len(intro) <= 400


@each_page
def test_a_page_is_read_in_a_few_minutes(page: Path) -> None:
    text = HIDDEN.sub("", page.read_text("utf-8"))

    if page.stem != "errors":  # looked up, not read
        assert len(text.split()) < LIMIT_WORDS
        assert len(HAN.findall(text)) < LIMIT_SIGNS


@each_page
def test_links_lead_to_a_section_of_a_page(page: Path) -> None:
    for link in links(page.read_text("utf-8")):
        target, _, anchor = link.partition("#")
        english = EN / target
        assert english.is_file(), link
        # Chinese pages bear the anchors of the English ones.
        assert not anchor or anchor in anchors_of(english.read_text("utf-8")), link


@each_page
def test_every_tool_that_is_named_exists(page: Path) -> None:
    named = set(TOOL.findall(page.read_text("utf-8"))) - NO_TOOLS

    assert sorted(named - set(plugins.names(tools))) == []


@each_page
def test_every_setting_that_is_named_exists(page: Path) -> None:
    text = page.read_text("utf-8").replace("THIMBLE_HOM=", "")
    named = set(re.findall(r"THIMBLE_[A-Z_]+", text))

    assert sorted(named - KNOWN) == []


@each_page
def test_examples_that_are_not_run_can_be_read(page: Path, tmp_path: Path) -> None:
    for number, (info, code) in enumerate(fences(page.read_text("utf-8"))):
        if info == "json":
            for line in code.splitlines() if "\n{" in code else [code]:
                json.loads(line)
        elif info == "csv":
            file = tmp_path / f"{number}.csv"
            file.write_text(code, "utf-8")
            assert len(read_table(file, file.name).columns) == 2
        elif info == "python":
            compile(code, page.name, "exec")
        else:
            assert info in ("bash", "bash norun")


TEXTS = {"content", "value", "prompt", "completion", "instruction", "output"}


@pytest.mark.parametrize("folder", [EN, ZH], ids=["en", "zh"])
@pytest.mark.parametrize(
    ("place", "shape"), list(enumerate(["openai_chat", "sharegpt", "alpaca", "prompt_completion"]))
)
def test_the_conversations_that_the_help_shows_can_be_trained_on(
    folder: Path, place: int, shape: str, tmp_path: Path
) -> None:
    examples = [code for info, code in fences((folder / "chat-models.md").read_text("utf-8"))
                if info == "json"]  # fmt: skip
    row = json.loads(examples[place])
    file = tmp_path / "rows.jsonl"
    file.write_text("\n".join(json.dumps(numbered(row, n)) for n in range(12)), "utf-8")

    found = examine(file)

    assert (found["task"], found["profile"]["shape"], found["rows"]) == ("chat", shape, 12)


def numbered(value: Any, number: int) -> Any:
    """The same row with other texts, so that no row is a copy of another."""
    match value:
        case dict():
            return {
                key: f"{one} {number}"
                if key in TEXTS and isinstance(one, str)
                else numbered(one, number)
                for key, one in value.items()
            }
        case list():
            return [numbered(one, number) for one in value]
    return value


SAID = (
    ("first-app", "make a dataset from this", "用这个文件做一个数据集", "create_dataset"),
    ("first-app", "fine-tune a classifier on it", "用它微调一个分类器", "start_finetune"),
    ("first-app", "deploy it", "部署它", "deploy_endpoint"),
    ("first-app", "ask it: my card has not arrived", "问它：我的卡还没有到", "ask_endpoint"),
    ("first-app", "What waits for approval?", "有什么等我批准？", "list_approvals"),
    ("first-app", "What takes room on the disk?", "什么占了磁盘？", "disk_usage"),
    ("first-app", "Stop the endpoint.", "停掉这个端点。", "stop_endpoint"),
    ("first-app", "Cancel it", "取消它", "cancel_run"),
    ("chat-models", "make a dataset from this", "用这个文件做一个数据集", "create_dataset"),
    ("chat-models", "Check orders", "检查 orders", "check_dataset"),
    ("chat-models", "fine-tune on orders", "微调 orders", "start_finetune"),
    ("chat-models", "deploy it", "部署它", "deploy_endpoint"),
    ("data-formats", "is my data good enough?", "我的数据有问题吗？", "check_dataset"),
    ("settings-of-a-run", "fine-tune tickets with 5 epochs and rank 8",
     "微调 tickets，5 轮，rank 8", "start_finetune"),
    ("reading-a-report", "compare the last two runs", "比较最近两次训练", "compare_runs"),
    ("endpoints", "deploy tickets@1 as support", "把 tickets@1 部署成 support", "deploy_endpoint"),
    ("endpoints", "Compare it with the base: my card has not arrived",
     "问它：我的卡还没有到，和基础模型比较", "ask_endpoint"),
    ("endpoints", "Label this file with tickets", "用 tickets 给这个文件打标签", "predict_file"),
    ("documents", "add these documents", "添加这些文档", "add_documents"),
    ("documents", "delete handbook.md from my documents", "从我的文档里删除 handbook.md",
     "delete_documents"),
    ("troubleshooting", "Retry it", "重试", "retry_run"),
    ("troubleshooting", "What is live?", "有什么在线？", "list_endpoints"),
)  # fmt: skip
CHAT = {"datasets": ["orders"], "models": ["orders"], "endpoints": ["orders"]}
THERE = {"datasets": ["tickets"], "models": ["tickets"], "endpoints": ["tickets"]}
WITH_FILE = {"create_dataset": "a.csv", "predict_file": "a.csv", "add_documents": "a.md"}
RUNS = {"cancel_run", "retry_run", "compare_runs"}


@pytest.mark.parametrize(("name", "english", "chinese", "tool"), SAID)
def test_what_a_page_tells_to_say_is_understood(
    name: str, english: str, chinese: str, tool: str
) -> None:
    for sentence, page in zip((english, chinese), both(name), strict=True):
        assert sentence in " ".join(page.split())
        case = {"text": sentence, **(CHAT if name == "chat-models" else THERE)}
        if tool in WITH_FILE:
            case["file"] = WITH_FILE[tool]
        if tool in RUNS:
            case = {"text": sentence, "runs": ["run_1", "run_2"]}
        steps = run_case(case)["steps"]
        assert [step["tool"] for step in steps] == [tool], sentence


# Errors


def sections(page: Path) -> dict[str, str]:
    """Code to the text below its heading."""
    text = page.read_text("utf-8")
    found = re.split(r"^## `([a-z0-9_]+)`\n", text, flags=re.MULTILINE)[1:]
    return dict(zip(found[::2], found[1::2], strict=True))


@pytest.mark.parametrize("folder", [EN, ZH], ids=["en", "zh"])
def test_every_error_code_has_a_section_and_every_section_a_code(folder: Path) -> None:
    explained = set(sections(folder / "errors.md"))

    assert sorted(codes_in_use() - explained) == []
    assert sorted(explained - codes_in_use()) == []


@pytest.mark.parametrize(
    ("folder", "parts"), [(EN, ("**Do:** ", "**Example:** ")), (ZH, ("**怎么办**：", "**例子**："))]
)
def test_every_section_says_what_to_do_and_gives_an_example(
    folder: Path, parts: tuple[str, str]
) -> None:
    for code, text in sections(folder / "errors.md").items():
        what, do, example = text.strip().split("\n\n")
        assert what, code
        assert do.startswith(parts[0]), code
        assert example.startswith(parts[1]), code


@cache
def codes_in_use() -> set[str]:
    """Every code that the source gives an error, those of a language model's troubles included."""
    found = {*STATUS, *Kind}
    for room in ROOMS:
        for path in (ROOT / room).rglob("*.py"):
            found |= set(codes_of(ast.parse(path.read_text("utf-8"))))
    return found


def codes_of(tree: ast.Module) -> Iterator[str]:
    places = imported_positions(tree) | code_positions(tree)
    named = constants(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            given = [word.value for word in node.keywords if word.arg == "code"]
            name = getattr(node.func, "id", None)
            if name in places and len(node.args) > places[name]:
                given.append(node.args[places[name]])
            for value in given:
                known = named.get(value.id, value) if isinstance(value, ast.Name) else value
                yield from literals(known)
        elif isinstance(node, ast.Assign) and is_named(node.targets, "default_code"):
            yield from literals(node.value)
        elif isinstance(node, ast.Dict) and keys_of(node) == {"code", "message", "fix"}:
            yield from literals(dict(zip(keys(node), node.values, strict=True))["code"])
        elif isinstance(node, ast.FunctionDef) and "code" in (names := arguments(node)):
            defaults = dict(zip(names[::-1], node.args.defaults[::-1], strict=False))
            if "code" in defaults:
                yield from literals(defaults["code"])


def constants(tree: ast.Module) -> dict[str, ast.expr]:
    """The module's own names for values, such as a code that others ask for."""
    return {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def imported_positions(tree: ast.Module) -> dict[str, int]:
    """The same as `code_positions`, of functions that come from another module of ours."""
    found: dict[str, int] = {}
    for node in tree.body:
        path = ROOT / f"{(getattr(node, 'module', None) or '').replace('.', '/')}.py"
        if isinstance(node, ast.ImportFrom) and path.is_file():
            there = code_positions(ast.parse(path.read_text("utf-8")))
            brought = {name.name for name in node.names}
            found |= {name: place for name, place in there.items() if name in brought}
    return found


def code_positions(tree: ast.Module) -> dict[str, int]:
    """The module's own functions that take a code, but those for problems of datasets."""
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    return {
        node.name: arguments(node).index("code")
        for node in functions
        if "code" in arguments(node) and node.name not in ("problem", "note")
    }


def arguments(node: ast.FunctionDef) -> list[str]:
    return [argument.arg for argument in node.args.args]


def is_named(targets: list[ast.expr], name: str) -> bool:
    return any(isinstance(target, ast.Name) and target.id == name for target in targets)


def keys(node: ast.Dict) -> list[str]:
    return [str(key.value) if isinstance(key, ast.Constant) else "" for key in node.keys]


def keys_of(node: ast.Dict) -> set[str]:
    return set(keys(node))


def literals(value: ast.expr) -> Iterator[str]:
    """The codes that an expression can be; an f-string is one for each role of a column."""
    if isinstance(value, ast.Constant) and isinstance(value.value, str) and value.value:
        yield value.value
    elif isinstance(value, ast.IfExp):
        yield from literals(value.body)
        yield from literals(value.orelse)
    elif isinstance(value, ast.JoinedStr):
        for role in ("text", "label"):
            yield "".join(
                str(part.value) if isinstance(part, ast.Constant) else role for part in value.values
            )
