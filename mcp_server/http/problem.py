"""What a caller is told when the HTTP layer refuses: a problem document (RFC 9457) with a remedy."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..errors import LONGEST, Answer

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"


def problem(
    status: int, detail: str, remedy: str = "", headers: Mapping[str, str] | None = None, **more: Any
) -> Response:
    """The answer of *status*: *detail* says what happened, *remedy* what to do next, *more* are further members."""
    content = {"title": HTTPStatus(status).phrase, "status": status, "detail": detail, **more}
    if remedy:
        content["remedy"] = remedy
    return JSONResponse(content, status, headers, MEDIA_TYPE)


def told(answer: Answer) -> Response:
    """The answer to an error of the domain; its *kind* is for programs."""
    retry = {"Retry-After": "1"} if answer.status == HTTPStatus.SERVICE_UNAVAILABLE else None
    return problem(answer.status, answer.message[:LONGEST], answer.remedy, retry, kind=answer.kind)


def from_starlette(request: Request, error: Exception) -> Response:
    """The router's own refusals: a path that is not there, a method that a path does not take."""
    assert isinstance(error, HTTPException)
    if error.status_code == HTTPStatus.NOT_FOUND:
        return problem(
            404, f"there is nothing at {shown(request.url.path)}", "/docs lists what is here; MCP is at /mcp"
        )
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = ", ".join(value for name, value in (error.headers or {}).items() if name.lower() == "allow")
        detail = f"{shown(request.url.path)} does not take {shown(request.method)}"
        return problem(405, detail, f"Use {allowed}" if allowed else "", error.headers)
    return problem(error.status_code, error.detail, "", error.headers)


def from_defect(request: Request, error: Exception) -> Response:
    """What nobody foresaw. The log has its place; the caller is told nothing of it."""
    return problem(500, "MemoryOps failed inside, which is a defect of ours", "`memoryops doctor` says more")


class Caught:
    """Answers for *app* where a defect keeps it from answering, so that such an answer, too, has an id and the form of
    its path; the log has the defect's place."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self.app(scope, receive, watched)
        except Exception as error:
            if scope["type"] != "http" or started:
                raise
            log.exception("a request failed inside, which is a defect of ours")
            await from_defect(Request(scope), error)(scope, receive, send)


def shown(value: str) -> str:
    """*value*, which a stranger may have written, quoted and cut for a message."""
    return repr(value if len(value) <= 100 else f"{value[:100]}…")
