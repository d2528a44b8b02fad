"""A small true engine that talks: run as a process, it speaks the wire of `serving.engines`.

The base repeats the last message word by word; an adapter's `meta.json` may say a word that it
answers in place of each. A word is a token. Some first words make it misbehave:

    slowly …    20 ms a word
    forever     "on" without end, until somebody closes the connection
    die         the process ends before it answers; `die-late` after the first word
    break       an error line after the first word
    refuse      a refusal, as of a prompt that is too long

What it answered, and whether to the end, is written to `told.jsonl` in its folder.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from core.errors import RequestRefused, ServiceFailed
from serving.engines import _host
from serving.engines.base import verify

CONTEXT = 64
"""Tokens that prompt and answer may have together."""


class Talker:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.models: dict[str, str | None] = {}

    def app(self) -> Starlette:
        one = "/models/{id}"
        return Starlette(
            routes=[
                Route(one, self.load, methods=["POST"]),
                Route(one, self.unload, methods=["DELETE"]),
                Route(one + "/generate", self.generate, methods=["POST"]),
                Route("/healthz", self.health),
            ],
            exception_handlers={RequestRefused: _host.refuse},
        )

    async def load(self, request: Request) -> Response:
        asked = await request.json()
        assert Path(asked["base"]["folder"]).is_dir() and asked["base"]["sha256"]
        word = None
        if asked["folder"] is not None:
            verify(Path(asked["folder"]), asked["sha256"])
            word = json.loads((Path(asked["folder"]) / "meta.json").read_text())["says"]
        self.models[request.path_params["id"]] = word
        return JSONResponse({})

    async def unload(self, request: Request) -> Response:
        self.models.pop(request.path_params["id"], None)
        return JSONResponse({})

    async def health(self, _: Request) -> Response:
        return JSONResponse({"models": sorted(self.models)})

    async def generate(self, request: Request) -> Response:
        identifier = request.path_params["id"]
        if identifier not in self.models:
            raise RequestRefused("This model is not loaded.", code="not_loaded")
        asked = await request.json()
        prompt = asked.get("prompt") or asked["messages"][-1]["content"]
        words = prompt.split()
        room = CONTEXT - len(words)
        if words[0] == "die":
            os._exit(1)
        if words[0] == "refuse" or (asked.get("max_tokens") or 0) > room:
            raise RequestRefused("Too long.", code="prompt_too_long", param="max_tokens")
        lines = self.lines(identifier, words, asked, room)
        return StreamingResponse(lines, media_type="application/x-ndjson")

    async def lines(
        self, identifier: str, words: list[str], asked: dict[str, Any], room: int
    ) -> AsyncIterator[str]:
        started, said = time.perf_counter(), 0
        limit = asked.get("max_tokens") or room
        ttft_ms, finished = 0.0, False
        try:
            for word in self.answer(identifier, words):
                if said == limit:
                    break
                if word in asked.get("stop", []):
                    break
                if words[0] in ("slowly", "forever"):
                    await asyncio.sleep(0.02)
                ttft_ms = ttft_ms or (time.perf_counter() - started) * 1000
                said += 1
                yield line({"text": (" " if said > 1 else "") + word})
                if words[0] == "die-late":
                    await asyncio.sleep(0.1)
                    os._exit(1)
                if words[0] == "break":
                    yield line({"error": ServiceFailed("It broke.").as_dict()})
                    return
            reason = "length" if said == limit and said < self.length(words) else "stop"
            usage = {"prompt_tokens": len(words), "completion_tokens": said}
            finished = True
            yield line({"finish_reason": reason, "usage": usage, "ttft_ms": ttft_ms})
        finally:
            told = {"id": identifier, "prompt": " ".join(words), "words": said, "whole": finished}
            with (self.folder / "told.jsonl").open("a") as file:
                file.write(line(told))

    def answer(self, identifier: str, words: list[str]) -> Any:
        while True:
            yield from (self.models.get(identifier) or word for word in words)
            if words[0] != "forever":
                return

    def length(self, words: list[str]) -> int:
        return 10**9 if words[0] == "forever" else len(words)


def line(value: dict[str, Any]) -> str:
    return json.dumps(value) + "\n"


if __name__ == "__main__":
    _host.serve(Talker(Path(sys.argv[1])), Path(sys.argv[1]))
