"""The rules of the house that a machine can check."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from core import plugins

ROOT = Path(__file__).parent.parent
CODE_LOADERS = {"pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib"}
HEAVY = ("torch", "transformers", "peft", "sentence_transformers")


def test_the_server_starts_without_the_training_stack(tmp_path: Path) -> None:
    code = f"import sys, server.app; print([m for m in {HEAVY} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.stdout.strip() == "[]", done.stderr


def test_importing_the_house_makes_no_file_and_prints_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import server.app, server.cli, server.client"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert (done.stdout, done.stderr, list(tmp_path.iterdir())) == ("", "", [])


def test_nothing_in_the_house_runs_what_a_client_could_send() -> None:
    folders = ("agent", "core", "data", "finetune", "knowledge", "launchers", "server", "serving")
    sources = [path for folder in (*folders, "tools") for path in (ROOT / folder).rglob("*.py")]
    assert len(sources) > 100
    found = [f"{path}:{what}" for path in sources for what in dangers(ast.parse(path.read_text()))]
    assert found == []


def dangers(tree: ast.AST) -> Iterator[str]:
    """Calls that run text as code, imports that load code, and switches that allow it."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id="eval" | "exec" | "compile")):
                yield f"{node.lineno} {node.func.id}"
            case ast.Import(names=names) if {name.name for name in names} & CODE_LOADERS:
                yield f"{node.lineno} import"
            case ast.ImportFrom(module=module) if module in CODE_LOADERS:
                yield f"{node.lineno} import"
            case ast.keyword(arg="shell" | "trust_remote_code", value=ast.Constant(value=True)):
                yield f"{node.value.lineno} {node.arg}"


def test_a_registry_folder_holds_nothing_but_its_choices() -> None:
    import agent.channels
    import data.formats
    import launchers
    import serving.engines
    import tools

    assert plugins.names(data.formats) == ["csv", "json", "jsonl", "parquet"]
    assert plugins.names(launchers) == ["local"]
    assert plugins.names(serving.engines) == ["linear", "onnx", "torch_lm"]
    assert plugins.names(agent.channels) == ["terminal", "web"]
    assert "list_approvals" in plugins.names(tools)
