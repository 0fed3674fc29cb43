"""What the gateway answers by itself when there is nothing to pass on: errors in OpenAI's shape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.responses import JSONResponse, Response

from ..http.problem import shown

_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "invalid_request_error",
    415: "invalid_request_error",
    429: "rate_limit_error",
}


class GatewayError(Exception):
    """The gateway cannot pass a request on. *code* is for programs, *message* says what happened and what to do."""

    status, code = 500, "gateway_error"

    def __init__(self, message: str, param: str | None = None) -> None:
        self.message, self.param = message, param
        super().__init__(message)

    @property
    def response(self) -> Response:
        return openai_error(self.status, self.message, self.code, self.param)


class BadRequest(GatewayError):
    """The body is no request that could be passed on."""

    status, code = 400, "invalid_request"


class Refused(GatewayError):
    """The caller may not do this."""

    status, code = 403, "forbidden"


class UnknownModel(GatewayError):
    """No endpoint is configured for the model."""

    status, code = 404, "model_not_found"

    def __init__(self, model: str | None, remedy: str) -> None:
        named = f"the model {shown(model)}" if model is not None else "a request that names no model"
        super().__init__(f"no upstream is configured for {named}. {remedy}", "model")


class NoUpstream(GatewayError):
    """No endpoint is configured at all."""

    status, code = 503, "no_upstream"

    def __init__(self) -> None:
        super().__init__(
            "this gateway has no upstream to ask. Set MEMORYOPS_UPSTREAM_BASE or MEMORYOPS_UPSTREAM_PROVIDER "
            "and start the server again"
        )


class UpstreamUnreachable(GatewayError):
    """The endpoint could not be reached, or broke off before it answered."""

    status, code = 502, "upstream_unreachable"


class UpstreamTimeout(GatewayError):
    """The endpoint did not answer in time."""

    status, code = 504, "upstream_timeout"


class Loop(GatewayError):
    """The endpoint is this gateway itself."""

    status, code = 508, "loop_detected"


def of_problem(status: int, given: Mapping[str, Any]) -> Response:
    """A problem document as OpenAI's clients read it; what else it says stays beside."""
    message = ". ".join(str(given[name]).rstrip(". ") for name in ("detail", "remedy") if given.get(name))
    return openai_error(status, message, str(given.get("kind") or _TYPES.get(status) or "refused"))


def openai_error(
    status: int, message: str, code: str | None, param: str | None = None, headers: Mapping[str, str] | None = None
) -> Response:
    """An error as OpenAI's clients read it."""
    kind = _TYPES.get(status, "api_error" if status >= 500 else "invalid_request_error")
    error: dict[str, Any] = {"message": message, "type": kind, "param": param, "code": code}
    return JSONResponse({"error": error}, status, headers)
