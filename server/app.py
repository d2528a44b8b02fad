"""The rooms put together, and the application that serves them."""

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from fastapi import FastAPI
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse

import launchers
from agent import notes
from agent.channels import web
from core import home, plugins
from core.events import Bus, QuoteReady
from core.records.database import Database
from core.settings import Settings
from core.storage import Storage
from data.datasets import Datasets
from data.files import Files
from finetune.bases import Bases
from finetune.follow import Follower
from finetune.quote import Quotes
from finetune.runs import Runs
from knowledge.embedder import Embedder, Embeds
from knowledge.search import Library
from launchers.base import Launcher
from server import errors, help_pages, openai_api, openai_chat, rest
from server.chat_bases import base_files
from server.gate import App, Gate
from serving.supervisor import Supervisor
from tools import base


def build_house(
    settings: Settings,
    base_url: str,
    launcher: Launcher | None = None,
    embedder: Embeds | None = None,
) -> base.House:
    """Every room, wired by plain arguments; nothing is started yet.

    Args:
        launcher: Default: what the settings name.
        embedder: Default: the one that was exported into the home.
    """
    storage = Storage(settings.home)
    database = Database(settings.home / "records.sqlite")
    bus = Bus()
    launcher = launcher or plugins.load(launchers, settings.launcher).create(settings)
    embedder = embedder or Embedder(settings.home / "embedder")
    datasets = Datasets(database, storage)
    bases = Bases(settings.home)
    quotes = Quotes(database, storage, datasets, bases, launcher, bus)
    runs = Runs(database, storage, datasets, bases, launcher, bus)
    return base.House(
        settings=settings,
        database=database,
        storage=storage,
        bus=bus,
        launcher=launcher,
        files=Files(database, storage, settings.max_upload_bytes),
        datasets=datasets,
        bases=bases,
        quotes=quotes,
        runs=runs,
        follower=Follower(runs, quotes),
        supervisor=Supervisor(database, storage, launcher, bus, partial(base_files, bases)),
        library=Library(database, storage, embedder),
        base_url=base_url,
    )


def create_app(house: base.House) -> App:
    """The application with its chat, behind its gate. The home must be prepared."""
    inner = api(house)

    @inner.get("/", include_in_schema=False)
    async def to_the_chat() -> RedirectResponse:
        return RedirectResponse("/chat/")

    web.mount(inner, house)
    return behind_gate(inner, house)


def api(house: base.House) -> FastAPI:
    """Everything but the chat."""
    made = FastAPI(
        title="Thimble", lifespan=lambda _: lifespan(house), docs_url=None, redoc_url=None
    )
    errors.install(made)
    for routes in (rest.routes, openai_api.routes, openai_chat.routes, help_pages.routes):
        made.include_router(routes(house))
    return made


def behind_gate(inner: App, house: base.House) -> App:
    return Gate(inner, house.settings.api_key, home.owner_token(house.settings.home))


@asynccontextmanager
async def lifespan(house: base.House) -> AsyncIterator[None]:
    """Take up what an earlier server left, and let go in order."""
    unsubscribe = house.bus.subscribe(lambda event: on_event(house, event))
    forget = notes.follow(house)
    await run_in_threadpool(start, house)
    try:
        yield
    finally:
        forget()
        unsubscribe()
        await run_in_threadpool(stop, house)


def start(house: base.House) -> None:
    house.files.sweep()
    house.datasets.sweep()
    base.quote_made(house)
    house.follower.start()
    house.supervisor.start()
    # Finishing a deployment can take seconds; the chat need not wait for it.
    threading.Thread(target=base.finish_interrupted, args=(house,), daemon=True).start()


def stop(house: base.House) -> None:
    house.follower.stop()
    house.supervisor.stop()
    house.library.close()
    house.database.close()


def on_event(house: base.House, event: Any) -> None:
    if isinstance(event, QuoteReady):
        base.quote_made(house)
