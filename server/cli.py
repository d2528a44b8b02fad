"""The command `thimble`: serve a home, and be a client of the server that runs on it."""

import json
import logging
import os
import sys
import uuid
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, ParamSpec

import typer

from core import settings
from core.errors import RequestRefused, ThimbleError
from core.strict_json import parse_object

app = typer.Typer(
    help="Thimble: from a file to a fine-tuned, measured, served model, in one conversation.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
bases = typer.Typer(help="Base models that may be fine-tuned.", no_args_is_help=True)
app.add_typer(bases, name="base")
P = ParamSpec("P")


def explained(command: Callable[P, None]) -> Callable[P, None]:
    """Errors of ours become one line on standard error and exit code 2, without a trace."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except ThimbleError as error:
            typer.secho(f"thimble: {error}", fg="red", err=True)
            raise typer.Exit(2) from None

    return run


@app.command()
@explained
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65535)] = 8000,
) -> None:
    """Serve the chat, the API and the endpoints.

    Beyond this machine (any host but 127.0.0.1) only with THIMBLE_API_KEY set.
    """
    read = settings.read()
    from server.serve import serve_home  # the web stack takes a while to import

    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s: %(message)s")
    serve_home(read, host, port, say)


@app.command()
@explained
def upload(file: Annotated[Path, typer.Argument(help="The file to upload.")]) -> None:
    """Upload a file and print its id."""
    with connected() as thimble:
        typer.echo(thimble.upload(file))


@app.command()
@explained
def tools() -> None:
    """List the tools: name, effect, and what it does."""
    with connected() as thimble:
        for tool in thimble.tools():
            first = tool["description"].splitlines()[0]
            typer.echo(f"{tool['name']:<18} {tool['effect']:<9} {first}")


@app.command()
@explained
def call(
    tool: Annotated[str, typer.Argument(help="Name of the tool; `thimble tools` lists them.")],
    arguments: Annotated[
        str, typer.Argument(help='Arguments as JSON; "@FILE" as a value uploads the file.')
    ] = "{}",
    yes: Annotated[bool, typer.Option("--yes", help="Approve at once what it asks for.")] = False,
) -> None:
    """Call a tool and print its result as JSON.

    A tool that spends or destroys prints an approval instead; `thimble approve ID` runs it.
    """
    with connected() as thimble:
        given = parse_object(arguments)
        given = {name: uploaded(thimble, value) for name, value in given.items()}
        show(thimble.run_approved(tool, **given) if yes else thimble.call(tool, given))


def uploaded(thimble: Any, value: Any) -> Any:
    """`"@FILE"` becomes the id of the uploaded file; anything else stays."""
    if isinstance(value, str) and value.startswith("@"):
        return thimble.upload(value[1:])
    return value


@app.command()
@explained
def approve(
    identifier: Annotated[str, typer.Argument(metavar="ID", help="Such as ap_1.")],
    reject: Annotated[bool, typer.Option("--reject", help="Say no instead.")] = False,
) -> None:
    """Decide what waits for approval, and print what came of it."""
    with connected() as thimble:
        decided = thimble.reject(identifier) if reject else thimble.approve(identifier)
    show({"approval": decided})
    if decided["state"] == "failed":
        raise typer.Exit(1)


@app.command()
@explained
def chat(
    thread: Annotated[str, typer.Option(help="Go on with an earlier thread.")] = "",
    language: Annotated[str, typer.Option(help="en or zh; without it, the terminal's.")] = "",
) -> None:
    """Talk to Thimble in the terminal. `/file PATH` attaches a file, `/quit` ends."""
    import readline  # noqa: F401  line editing and history for `input`

    from agent.channels.terminal import chosen_language, talk

    spoken = chosen_language(language, os.environ)
    with connected() as thimble:
        thread_id = thread or str(uuid.uuid4())
        talk(thimble, thread_id, ask, typer.echo, spoken, asked=bool(language))


@app.command()
@explained
def doctor(
    file: Annotated[
        Path, typer.Argument(help="A table with a text and a label, or conversations.")
    ],
    base: Annotated[str, typer.Option(help="Read it as this base model does.")] = "",
    row: Annotated[int, typer.Option(help="Of conversations: show this row.", min=0)] = 0,
) -> None:
    """Read a file as a dataset would, and print what was found. Needs no server.

    Of conversations it shows what a training would learn, underlined on a terminal.
    """
    from server.examination import examination, marked

    found = examination(file, settings.read().home, base, row)
    show(found)
    if sys.stderr.isatty():
        for line in marked(found.get("check", {}).get("preview", [])):
            typer.echo(line, err=True)


@app.command()
@explained
def understand(
    text: Annotated[str, typer.Argument(help="A request in words.")] = "",
    file: Annotated[Path | None, typer.Option(help="Cases, one JSON object a line.")] = None,
) -> None:
    """Print what the planner would do with a request, as JSON. Nothing runs; needs no server."""
    from agent.understanding.cases import run_case

    if file is None:
        typer.echo(json.dumps(run_case({"text": text}), ensure_ascii=False))
        return
    for line in read_lines(file):
        typer.echo(json.dumps(run_case(parse_object(line)), ensure_ascii=False))


def read_lines(file: Path) -> list[str]:
    try:
        return [line for line in file.read_text("utf-8").split("\n") if line.strip()]
    except OSError as error:
        raise RequestRefused(f"{str(file)!r} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError as error:
        raise RequestRefused(
            f"{str(file)!r} is not UTF-8: byte {error.start} does not fit.", fix="Save it as UTF-8."
        ) from None


@bases.command("add")
@explained
def base_add(
    name: Annotated[str, typer.Argument(help="How requests will call it.")],
    source: Annotated[str, typer.Argument(help="A folder, or HUB_ID@REVISION.")],
) -> None:
    """Register a base model: safetensors only, its code is never run, its hash is kept."""
    from finetune.bases import Bases

    home = settings.read().home
    home.mkdir(parents=True, exist_ok=True)
    show(Bases(home).add(name, source).as_dict())


@bases.command("list")
@explained
def base_list() -> None:
    """List the base models that may be fine-tuned."""
    from finetune.bases import Bases

    for base in Bases(settings.read().home).list():
        show(base.as_dict())


def connected() -> Any:
    from server.client import connect

    return connect()


def ask(prompt: str) -> str:
    return input(f"{prompt}> ")


def say(text: str) -> None:
    typer.echo(text)


def show(value: Any) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2))


def main() -> None:
    os.environ.setdefault("ANONYMIZED_TELEMETRY", "False")
    sys.setrecursionlimit(10_000)
    app()


if __name__ == "__main__":
    main()
