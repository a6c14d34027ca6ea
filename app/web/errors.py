"""Map errors to HTTP responses; the only place where an error becomes a status."""

import logging
from collections.abc import Callable
from typing import Any

import falcon
from falcon import Request, Response
from sqlalchemy.exc import DataError, IntegrityError

from app import log
from app.errors import (
    DatabaseUnavailable,
    Forbidden,
    HookonceError,
    InvalidChannel,
    InvalidRequest,
    InvalidToken,
    InvalidTrigger,
    KeyMissing,
    NameTaken,
    NotAcceptable,
    NotFound,
    NotPossible,
    NotReplayable,
    RateLimited,
    SchemaBehind,
    SchemaMoved,
    SourceFailed,
    TokenNameTaken,
    TooLarge,
    TooManyAttempts,
    Unauthenticated,
    Unreadable,
    Unverified,
)
from app.installation import migration_command
from app.web import body

RETRY_AFTER_SECONDS = "5"
BEHIND = f"The database needs a newer schema: run `{migration_command('upgrade head')}`."

REFUSALS: dict[type[HookonceError], tuple[int, str]] = {
    Unreadable: (400, "malformed"),
    KeyMissing: (422, "missing_key"),
    TooLarge: (413, "too_large"),
}
"""Status and code of a request with a mistake of its sender's, by the error."""

logger = logging.getLogger("hookonce.web")

Params = dict[str, Any]
Handler = Callable[[Request, Response, Any, Params], None]


def install(app: falcon.App[Any, Any], refusal_status: int) -> None:
    """Register a handler for every error that a resource can raise."""
    app.add_error_handler(Exception, _unexpected)
    app.add_error_handler(falcon.HTTPError, _http_error)
    for failure in (DatabaseUnavailable, SchemaMoved, SourceFailed, IntegrityError, DataError):
        app.add_error_handler(failure, _unavailable)
    app.add_error_handler(Unverified, _refusal(refusal_status))
    for kind, (status, code) in REFUSALS.items():
        app.add_error_handler(kind, _logged(status, code))
    app.add_error_handler(NotReplayable, _not_replayable)
    app.add_error_handler(RateLimited, _rate_limited)
    app.add_error_handler(SchemaBehind, _behind)
    app.add_error_handler(Unauthenticated, _unauthenticated)
    app.add_error_handler(Forbidden, _logged(403, "forbidden"))
    app.add_error_handler(TooManyAttempts, _too_many_attempts)
    app.add_error_handler(NotFound, _unlogged(404, "not_found"))
    app.add_error_handler(NotAcceptable, _unlogged(409, "not_acceptable"))
    app.add_error_handler(NotPossible, _not_possible)
    for taken in (NameTaken, TokenNameTaken):
        app.add_error_handler(taken, _unlogged(409, "conflict"))
    for mistake in (InvalidChannel, InvalidRequest, InvalidToken, InvalidTrigger):
        app.add_error_handler(mistake, _unlogged(422, "invalid"))


def _refusal(status: int) -> Handler:
    """Return a handler that answers every refused sender alike; only the log has the reason."""

    def handle(_req: Request, resp: Response, error: Unverified, params: Params) -> None:
        trigger_id = params.get("trigger_id", "")
        log.event(logger, logging.WARNING, "refused", reason=error.reason, trigger_id=trigger_id)
        resp.status = error.status or status
        if resp.status_code == 401:
            resp.media = {"error": "unauthorized"}
        else:  # in the bytes, and in the order of the headers, of an admitted event's response
            resp.data = body.OK_BODY

    return handle


def _logged(status: int, code: str) -> Handler:
    def handle(_req: Request, resp: Response, error: Exception, params: Params) -> None:
        log.event(logger, logging.WARNING, code, detail=error, **_log_fields(params))
        resp.status = status
        resp.media = {"error": code, "detail": str(error)}

    return handle


def _unlogged(status: int, code: str) -> Handler:
    """Return a handler that does not log: the caller made a mistake, the service is fine."""

    def handle(_req: Request, resp: Response, error: Exception, *_: Any) -> None:
        resp.status = status
        resp.media = {"error": code, "detail": str(error)}

    return handle


def _unauthenticated(req: Request, resp: Response, error: Unauthenticated, *_: Any) -> None:
    """Answer 401 with a challenge: https://www.rfc-editor.org/rfc/rfc6750#section-3"""
    log.event(logger, logging.WARNING, "unauthenticated", path=req.path, detail=error)
    resp.status = 401
    invalid = ', error="invalid_token"' if req.auth else ""
    resp.set_header("WWW-Authenticate", f'Bearer realm="hookonce"{invalid}')
    resp.media = {"error": "unauthorized", "detail": str(error)}


def _too_many_attempts(req: Request, resp: Response, error: TooManyAttempts, *_: Any) -> None:
    log.event(logger, logging.WARNING, "too_many_attempts", path=req.path)
    resp.status = 429
    resp.set_header("Retry-After", str(error.seconds))
    resp.media = {"error": "rate_limited", "detail": str(error)}


def _behind(_req: Request, resp: Response, error: SchemaBehind, params: Params) -> None:
    """Answer 503 without the revisions, which only the log has: no caller is known yet."""
    log.event(logger, logging.WARNING, "schema_behind", detail=error, **_log_fields(params))
    resp.status = 503
    resp.set_header("Retry-After", RETRY_AFTER_SECONDS)
    resp.media = {"error": "unavailable", "detail": BEHIND}


def _not_replayable(_req: Request, resp: Response, error: NotReplayable, *_: Any) -> None:
    resp.status = 400
    resp.media = {"error": "not_replayable", "current_status": error.current_status}


def _not_possible(_req: Request, resp: Response, error: NotPossible, *_: Any) -> None:
    resp.status = 409
    status = {} if error.current_status is None else {"current_status": error.current_status}
    resp.media = {"error": "not_possible", "detail": str(error), **status}


def _rate_limited(_req: Request, resp: Response, error: RateLimited, *_: Any) -> None:
    resp.status = 429
    resp.set_header("Retry-After", str(error.retry_after_seconds))
    resp.media = {"error": "rate_limited", "retry_after_seconds": error.retry_after_seconds}


def _unavailable(_req: Request, resp: Response, error: Exception, params: Params) -> None:
    """Answer 503 with Retry-After: nothing was acknowledged, so the sender has to retry."""
    log.event(logger, logging.ERROR, "unavailable", detail=error, **_log_fields(params))
    resp.status = 503
    resp.set_header("Retry-After", RETRY_AFTER_SECONDS)
    resp.media = {"error": "unavailable", "detail": "The service cannot store events right now."}


def _unexpected(_req: Request, resp: Response, error: Exception, *_: Any) -> None:
    logger.exception("unexpected error", exc_info=error)
    resp.status = 500
    resp.set_header("Retry-After", RETRY_AFTER_SECONDS)
    resp.media = {"error": "internal", "detail": "Internal error; see the service's log."}


def _http_error(_req: Request, resp: Response, error: falcon.HTTPError, *_: Any) -> None:
    resp.status = error.status
    for name, value in (error.headers or {}).items() if isinstance(error.headers, dict) else ():
        resp.set_header(name, value)
    phrase = str(error.status).partition(" ")[2] or "Error"
    code = phrase.lower().replace(" ", "_")
    resp.media = {"error": code, "detail": error.description or f"{phrase}."}


def _log_fields(params: Params) -> dict[str, Any]:
    return {"trigger_id": params["trigger_id"]} if "trigger_id" in params else {}
