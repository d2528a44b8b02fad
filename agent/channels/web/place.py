"""What Chainlit finds on the disk and in the environment before it is first imported.

Chainlit reads its configuration when it is imported, makes folders in its root and takes keys
that happen to be in the shell. So it gets a root of its own below THIMBLE_HOME, filled afresh
from the repository at every start:

chat/app/        configuration, public files, the page, and uploads on their way
chat/elements/   the charts of stored messages, by id
chat/secret      signs the login cookies
"""

import hashlib
import importlib.util
import os
import re
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path

from agent.channels.web import elements
from core.errors import SettingsError
from core.settings import Settings

REPOSITORY = Path(__file__).resolve().parents[3]
URL_PATH = "/chat"
WELCOMES = (
    ("chainlit.md", "chainlit.md"),
    ("chainlit.md", "chainlit_en-US.md"),
    ("chainlit_zh-CN.md", "chainlit_zh-CN.md"),
)
"""The page on how it works, by the names that Chainlit looks for."""
FROM_THE_SHELL = (
    "DATABASE_URL",
    "LITERAL_API_KEY",
    "SLACK_BOT_TOKEN",
    "SLACK_SIGNING_SECRET",
    "SLACK_WEBSOCKET_TOKEN",
    "TEAMS_APP_ID",
    "TEAMS_APP_PASSWORD",
    "DISCORD_BOT_TOKEN",
    "CHAINLIT_CUSTOM_AUTH",
    "CHAINLIT_DEBUG",
    "CHAINLIT_URL",
    "CHAINLIT_PARENT_ROOT_PATH",
)
"""Variables that would switch something of Chainlit's on by being there."""
REMOTE_LINK = re.compile(r"<link\b[^>]*\bhref=\"https?://[^>]*>", re.DOTALL)
CSP = "; ".join(
    (
        "default-src 'self'",
        # The cards are JSX compiled in the browser, which needs eval.
        "script-src 'self' 'unsafe-inline' 'unsafe-eval'",
        "style-src 'self' 'unsafe-inline'",
        # What a message links to is never fetched: an address can carry data out.
        "img-src 'self' data: blob:",
        "connect-src 'self' data: blob:",
        "font-src 'self' data:",
        "worker-src 'self' blob:",
        "frame-src 'none'",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
    )
)


@dataclass(frozen=True)
class Place:
    """Where the chat keeps what is not in the records."""

    home: Path

    @property
    def app(self) -> Path:
        return self.home / "chat" / "app"

    @property
    def elements(self) -> Path:
        return self.home / "chat" / "elements"

    @property
    def secret(self) -> Path:
        return self.home / "chat" / "secret"


def prepare(settings: Settings) -> Place:
    """Fill Chainlit's root and set its environment. Call it before Chainlit is imported."""
    place = Place(settings.home)
    place.elements.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(place.app, ignore_errors=True)
    copy_configuration(place.app)
    write_page(place.app)
    set_environment(place)
    return place


def copy_configuration(app: Path) -> None:
    if not (REPOSITORY / ".chainlit" / "config.toml").is_file():
        raise SettingsError(
            f"The chat's configuration is missing in {REPOSITORY}.",
            code="chat_not_installed",
            fix="Install Thimble from a clone of its repository (`make setup`).",
        )
    shutil.copytree(REPOSITORY / ".chainlit", app / ".chainlit")
    shutil.copytree(REPOSITORY / "public", app / "public")
    elements.assemble(app / "public")
    for source, name in WELCOMES:
        shutil.copyfile(REPOSITORY / source, app / name)


def write_page(app: Path) -> None:
    """Chainlit's page with ours, without the links that would fetch fonts and styles elsewhere."""
    found = importlib.util.find_spec("chainlit")
    assert found is not None and found.origin is not None
    frontend = Path(found.origin).parent / "frontend" / "dist"
    page = REMOTE_LINK.sub("", (frontend / "index.html").read_text(encoding="utf-8"))
    policy = f'<meta http-equiv="Content-Security-Policy" content="{CSP}" />'
    build = app / "build"
    build.mkdir()
    # Our scripts run before Chainlit's, our styles count after its own.
    page = page.replace("<head>", "\n".join(["<head>", policy, *scripts(app / "public")]), 1)
    page = page.replace("</head>", "\n".join([*styles(app / "public"), "</head>"]), 1)
    (build / "index.html").write_text(page, "utf-8")
    (build / "assets").symlink_to(frontend / "assets", target_is_directory=True)


def scripts(public: Path) -> list[str]:
    found = sorted((public / "scripts").glob("*.js"))
    return [f'<script src="{address(public, path)}" defer></script>' for path in found]


def styles(public: Path) -> list[str]:
    """In the order of the folders: the base, the cards, what depends on the screen."""
    found = sorted((public / "styles").rglob("*.css"))
    return [f'<link rel="stylesheet" href="{address(public, path)}" />' for path in found]


def address(public: Path, path: Path) -> str:
    """It changes with the content: no browser goes on with what it kept from an older Thimble."""
    mark = hashlib.sha256(path.read_bytes()).hexdigest()[:12]
    return f"/public/{path.relative_to(public).as_posix()}?v={mark}"


def set_environment(place: Place) -> None:
    """Chainlit knows no other way to be told these."""
    mark = hashlib.sha256(os.fsencode(place.home)).hexdigest()[:8]
    os.environ.update(dict.fromkeys(FROM_THE_SHELL, ""))
    os.environ.update(
        CHAINLIT_ROOT_PATH=URL_PATH,
        CHAINLIT_APP_ROOT=str(place.app),
        CHAINLIT_ENV_FILE=str(place.app / "no.env"),
        CHAINLIT_AUTH_SECRET=read_secret(place.secret),
        CHAINLIT_COOKIE_SAMESITE="strict",
        # Cookies do not know ports: two homes on one machine must not log each other out.
        CHAINLIT_AUTH_COOKIE_NAME=f"thimble_{mark}",
    )


def read_secret(path: Path) -> str:
    """The key of the login cookies, made at the first start; only the owner can read it."""
    if not path.exists():
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(32))
    return path.read_text()
