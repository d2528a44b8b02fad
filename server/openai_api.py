"""The routes that OpenAI's clients know: files and models; and `/v1/classify` beside them."""

import hashlib
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, BinaryIO

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse, JSONResponse, Response
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive

from core.errors import RequestRefused
from core.identity import Caller
from core.records.tables import File
from data.files import name_in_form
from server import pages
from server.bodies import announced, caller_of, fields, once, read_limited
from serving.gateway import classify as labels
from tools.base import House

CHUNK_BYTES = 2**20
MULTIPART_OVERHEAD_BYTES = 2**16
PURPOSE = re.compile(r"[A-Za-z0-9_-]{1,64}")


def routes(house: House) -> APIRouter:
    router = APIRouter(prefix="/v1")

    @router.post("/files")
    async def upload(request: Request) -> Response:
        """Take a file in (multipart: `file`, `purpose`); it is on the disk when this answers."""
        limit = house.settings.max_upload_bytes + MULTIPART_OVERHEAD_BYTES
        if announced(request) > limit:
            raise file_too_large(limit)
        async with uploaded(Request(request.scope, limited(request.receive, limit))) as form:
            file, purpose = file_in(form), purpose_in(form)
            digest = await run_in_threadpool(hash_of, file.file)
            body = f"{file.filename}\n{purpose}\n{digest}".encode()
            answer = partial(keep, house, caller_of(request), file, purpose)
            return await once(request, house.database, body, answer)

    @router.get("/files")
    async def list_files(request: Request) -> dict[str, Any]:
        """A page of the files: `limit`, `after`, `order` and `purpose` as OpenAI has them."""
        wanted = pages.wanted(request.query_params)
        found = await run_in_threadpool(house.files.list, caller_of(request))
        return pages.page([file_object(one) for one in found], wanted)

    @router.get("/files/{identifier}")
    async def read_file(identifier: str, request: Request) -> dict[str, Any]:
        return file_object(await run_in_threadpool(house.files.get, caller_of(request), identifier))

    @router.get("/files/{identifier}/content")
    async def content(identifier: str, request: Request) -> FileResponse:
        file = await run_in_threadpool(house.files.get, caller_of(request), identifier)
        path = house.files.path(caller_of(request), identifier)
        return FileResponse(path, media_type="application/octet-stream", filename=file.filename)

    @router.delete("/files/{identifier}")
    async def remove(identifier: str, request: Request) -> dict[str, Any]:
        await run_in_threadpool(house.files.delete, caller_of(request), identifier)
        return {"id": identifier, "object": "file", "deleted": True}

    @router.get("/models")
    async def models(request: Request) -> dict[str, Any]:
        """Bases that can be fine-tuned, model versions, and live endpoints."""
        found = await run_in_threadpool(all_models, house, caller_of(request))
        return {"object": "list", "data": found}

    @router.post("/classify")
    async def classify(request: Request) -> Response:
        """Labels with probabilities for one text or up to 256."""
        raw = await read_limited(request)
        return await once(request, house.database, raw, partial(answer, house, request, raw))

    return router


async def answer(house: House, request: Request, raw: bytes) -> Response:
    body = fields(raw, "model", "input", "top_k")
    return JSONResponse(await labels.classify(house.supervisor, caller_of(request), body))


@asynccontextmanager
async def uploaded(request: Request) -> AsyncIterator[FormData]:
    """The form, its parts spooled to the disk; they are gone when the block ends."""
    try:
        form = await request.form(max_files=1, max_fields=4)
    except HTTPException as error:
        raise RequestRefused(
            f"The form cannot be read: {error.detail}",
            code="bad_form",
            fix="Send multipart/form-data with one part `file` and, if you like, one `purpose`.",
        ) from None
    try:
        yield form
    finally:
        await form.close()


def purpose_in(form: FormData) -> str:
    for name in form:
        if name not in ("file", "purpose"):
            raise RequestRefused(
                f"There is no field {name[:80]!r} here.",
                code="unknown_argument",
                param=name[:80],
                fix="Known: file, purpose.",
            )
    purpose = form.get("purpose") or "user_data"
    if not isinstance(purpose, str) or not PURPOSE.fullmatch(purpose):
        raise RequestRefused(
            "purpose is not a word of at most 64 letters.",
            code="invalid_argument",
            param="purpose",
            fix="Leave it out, or give a word such as fine-tune.",
        )
    return purpose


def file_in(form: FormData) -> UploadFile:
    file = form.get("file")
    if not isinstance(file, UploadFile):
        raise RequestRefused(
            "There is no file in the form.",
            code="missing_argument",
            param="file",
            fix="Send multipart/form-data with a part named `file`.",
        )
    return file


def limited(receive: Receive, limit: int) -> Receive:
    """The same body, refused as soon as it grows past the limit, announced or not."""
    seen = 0

    async def counted() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > limit:
            raise file_too_large(limit)
        return message

    return counted


def file_too_large(limit: int) -> RequestRefused:
    return RequestRefused(
        f"The file is larger than {limit >> 20} MiB.",
        code="file_too_large",
        param="file",
        fix="Split it, or raise THIMBLE_MAX_UPLOAD_MB.",
    )


async def keep(house: House, caller: Caller, file: UploadFile, purpose: str) -> Response:
    saved = await run_in_threadpool(
        house.files.save, caller, name_in_form(file.filename or ""), chunks(file.file), purpose
    )
    return JSONResponse(file_object(saved))


def chunks(file: BinaryIO) -> Iterator[bytes]:
    file.seek(0)
    while chunk := file.read(CHUNK_BYTES):
        yield chunk


def hash_of(file: BinaryIO) -> str:
    digest = hashlib.sha256()
    for chunk in chunks(file):
        digest.update(chunk)
    return digest.hexdigest()


def file_object(file: File) -> dict[str, Any]:
    """OpenAI's file object, with the hash added."""
    return {
        "id": file.id,
        "object": "file",
        "bytes": file.bytes,
        "created_at": int(file.created_at),
        "filename": file.filename,
        "purpose": file.purpose,
        "status": "processed",
        "sha256": file.sha256,
    }


def all_models(house: House, caller: Caller) -> list[dict[str, Any]]:
    bases = [
        model_object(base.name, "base", base.added, kind=base.kind) for base in house.bases.list()
    ]
    versions = [
        model_object(model.ref, "model", model.created_at, kind=model.kind, task=model.task)
        for model in house.runs.models.list(caller)
    ]
    live = [
        model_object(endpoint.name, "endpoint", endpoint.created_at, model=endpoint.model)
        for endpoint in house.supervisor.list(caller)
        if endpoint.state == "live"
    ]
    return bases + versions + live


def model_object(identifier: str, role: str, created: float, **more: str) -> dict[str, Any]:
    common = {"id": identifier, "object": "model", "created": int(created), "owned_by": "thimble"}
    return {**common, "role": role, **more}
