"""A language model at an OpenAI-compatible address, held to what an answer may be.

Nothing is guessed: a call runs only when it came whole, an answer counts only when the server said
that it was over. What fails before anything was shown is tried again, within limits.
"""

import json
import ssl
from collections.abc import AsyncGenerator, AsyncIterator
from functools import cache
from typing import Any, cast

import httpx
import openai
from langchain_core.messages import AIMessageChunk, BaseMessage, merge_message_runs
from langchain_core.outputs import ChatGenerationChunk
from langchain_openai import ChatOpenAI
from pydantic import Field, SecretStr

from agent.budget import LIMITS, Limits
from agent.llm.attempts import LENGTH_NAMES, Attempts, Request, Watch
from agent.llm.pieces import calls_in, thoughts_in, tidied
from agent.llm.streamed import CALLS, THOUGHTS, Answer, paced
from agent.trouble import STOPS, CutOff, NotTheProtocol
from core.settings import Settings

OPENAI = "https://api.openai.com/v1"
"""Where a model is without THIMBLE_LLM_BASE_URL."""
CONNECT_S = 10.0
Json = dict[str, Any]


class OutsideModel(ChatOpenAI):
    """A chat model whose streamed answers are whole, or end in a `Trouble` that says why not.

    LangChain completes a cut `{"dataset": "a", "ran` to something valid; that must not run.
    """

    watch: Any = Field(default=None, exclude=True)
    """An `agent.llm.attempts.Watch`, or None."""
    limits: Limits = Field(default=LIMITS, exclude=True)

    async def aclose(self) -> None:
        """Close the connections. An answer that is still coming is broken off."""
        if isinstance(self.http_async_client, httpx.AsyncClient):
            await self.http_async_client.aclose()

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: Any = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        own = self.openai_api_base == OPENAI
        # Some servers insist that person and model take turns; in a thread, notes stand between.
        messages = merge_message_runs(messages, chunk_separator="\n\n")
        request = Request(messages, LENGTH_NAMES[1] if own else LENGTH_NAMES[0])
        attempts = Attempts(request, self.limits, self.watch)
        while True:
            shown = False
            try:
                async for chunk in self._once(request, stop=stop, **kwargs):
                    shown = shown or not chunk.text.isspace()
                    yield chunk
                return
            except STOPS as error:
                if shown:
                    raise
                await attempts.after(error)

    async def _once(self, request: Request, **kwargs: Any) -> AsyncIterator[ChatGenerationChunk]:
        """One request: its words as they come, then its calls, all at once."""
        answer = Answer(self.limits)
        source = self._chunks(request, **kwargs)
        try:
            async for _ in paced(source, answer, self.limits):
                if said := answer.said():
                    yield words(said)
            answer.end()
            if said := answer.said():
                yield words(said)
            calls = answer.calls()
        except openai.APIConnectionError as error:
            if answer.began:
                raise CutOff from error
            raise
        finally:
            await source.aclose()
            if self.watch is not None and answer.began:
                self.watch.used(answer.use(request.messages))
        if calls:
            message = AIMessageChunk(content="", tool_call_chunks=calls)
            yield ChatGenerationChunk(message=message)

    async def _chunks(
        self, request: Request, stop: list[str] | None = None, **kwargs: Any
    ) -> AsyncGenerator[ChatGenerationChunk, None]:
        """LangChain's chunks, also of a server that sends its answer as one piece of JSON."""
        asked = request.options(self.limits.output_tokens)
        payload = self._get_request_payload(
            request.messages, stop=stop, stream=True, **asked, **kwargs
        )
        try:
            async with await self.async_client.create(**payload) as stream:
                async for piece in stream:
                    yield self._chunk(raw_of(piece))
        except WholeAnswer as whole:
            yield self._chunk(whole.body)

    def _chunk(self, raw: Json) -> ChatGenerationChunk:
        """LangChain's chunk, carrying along what it has no field for."""
        made = self._convert_chunk_to_generation_chunk(tidied(raw), AIMessageChunk, None)
        assert made is not None, "a tidied chunk always has a delta"
        extra = {THOUGHTS: thoughts_in(raw), CALLS: calls_in(raw)}
        made.message.additional_kwargs |= extra
        return made


def words(text: str) -> ChatGenerationChunk:
    return ChatGenerationChunk(message=AIMessageChunk(content=text))


def raw_of(piece: Any) -> Json:
    """The data of a streamed piece; the client checks nothing of it. Raises NotTheProtocol."""
    if not isinstance(piece, openai.BaseModel):
        raise NotTheProtocol
    return piece.model_dump(warnings=False)


def outside_model(
    settings: Settings, name: str, watch: Watch | None, limits: Limits
) -> OutsideModel:
    """The model at the address that the settings give. Close it after use.

    Only the settings decide where text goes: variables of the environment that LangChain and the
    client would follow by themselves are overridden by saying each explicitly. A proxy of the
    shell may only pass on what it cannot read: plain HTTP goes straight to its server.
    """
    address = settings.llm_base_url or OPENAI
    client = httpx.AsyncClient(
        timeout=httpx.Timeout(limits.first_s, connect=min(CONNECT_S, limits.first_s)),
        event_hooks={"response": [look_at]},
        verify=trusted(),
        trust_env=address.lower().startswith("https:"),
    )
    return OutsideModel(
        model=name,
        base_url=address,
        # Servers on the own network mostly need no key, but the client insists on one.
        api_key=SecretStr(settings.llm_api_key or "none"),
        max_retries=0,
        stream_usage=True,
        stream_chunk_timeout=None,
        use_responses_api=False,
        http_async_client=client,
        watch=watch,
        limits=limits,
    )


@cache
def trusted() -> ssl.SSLContext:
    """Who is believed to be who they say. Made once: reading all certificates takes a while."""
    return httpx.create_ssl_context()


class WholeAnswer(Exception):
    """The server sent its answer in one piece, although a stream was asked for."""

    def __init__(self, body: Json) -> None:
        super().__init__()
        self.body = body


async def look_at(response: httpx.Response) -> None:
    """Tell a page and a whole answer from a stream, by what the server says that it sends.

    Raises NotTheProtocol for a page, WholeAnswer for an answer, APIError for an error in a body
    that claims success.
    """
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if not response.is_success:
        return
    if kind in ("text/html", "application/xhtml+xml"):
        raise NotTheProtocol
    if kind != "application/json":
        return
    try:
        # Once read, it can still be read as a stream: some servers name a stream JSON.
        body = json.loads(await response.aread())
    except ValueError:
        return
    if not isinstance(body, dict):
        raise NotTheProtocol
    if error := body.get("error"):
        raise openai.APIError(str(error), request=cast(Any, response.request), body=error)
    raise WholeAnswer(body)
