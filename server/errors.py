"""Every error becomes one JSON shape, and nothing of our insides goes out with it."""

import logging
import uuid

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from core.errors import RequestRefused, ServiceFailed, ThimbleError

log = logging.getLogger(__name__)

STATUS = {
    "unauthorized": 401,
    "forbidden": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "already_decided": 409,
    "approval_mismatch": 409,
    "approval_waiting": 409,
    "quote_measuring": 409,
    "in_use": 409,
    "approval_expired": 410,
    "file_too_large": 413,
    "too_large": 413,
    "unsupported_media_type": 415,
    "idempotency_key_reused": 422,
    "too_many": 429,
    "client_left": 499,
    "disk_full": 507,
}
SHAPES = "GET /openapi.json lists what there is."


def status_of(error: ThimbleError) -> int:
    if error.code in STATUS:
        return STATUS[error.code]
    if isinstance(error, RequestRefused):
        return 400
    return 503 if isinstance(error, ServiceFailed) else 500


def body_of(error: ThimbleError, request_id: str) -> dict[str, object]:
    return {"error": error.as_dict() | {"request_id": request_id}}


def new_request_id() -> str:
    return f"req_{uuid.uuid4().hex[:16]}"


def respond(error: ThimbleError) -> JSONResponse:
    request_id = new_request_id()
    status = status_of(error)
    headers = {"Retry-After": "2"} if status in (429, 503) else None
    return JSONResponse(body_of(error, request_id), status, headers)


def install(app: FastAPI) -> None:
    @app.exception_handler(ThimbleError)
    async def ours(_: Request, error: ThimbleError) -> JSONResponse:
        return respond(error)

    @app.exception_handler(HTTPException)
    async def of_the_framework(_: Request, error: HTTPException) -> JSONResponse:
        code = {404: "not_found", 405: "method_not_allowed"}.get(
            error.status_code, "invalid_request"
        )
        refusal = RequestRefused(
            "There is no such address." if code == "not_found" else "This cannot be done here.",
            code=code,
            fix=SHAPES,
        )
        return JSONResponse(body_of(refusal, new_request_id()), error.status_code)

    @app.exception_handler(RequestValidationError)
    async def wrong_shape(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        name = str(first["loc"][-1]) if first["loc"] else None
        refusal = RequestRefused(
            f"The parameter {name!r} is wrong: {first['msg'].lower()}.",
            code="invalid_argument",
            param=name,
            fix=SHAPES,
        )
        return respond(refusal)

    @app.exception_handler(Exception)
    async def unexpected(_: Request, error: Exception) -> JSONResponse:
        request_id = new_request_id()
        log.error("%s", request_id, exc_info=error)
        failure = ServiceFailed(
            "It failed inside Thimble.",
            code="internal_error",
            fix=f"The server's log has the details under {request_id}.",
        )
        return JSONResponse(body_of(failure, request_id), 500)
