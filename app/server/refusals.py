"""Answer requests that never reach the application, without gunicorn's text.

gunicorn's own words repeat the request line, in which a webhook's address may hold a secret, to the
log and to the peer.
"""

import ssl
from http import HTTPStatus

from gunicorn.http import errors

_STATUSES: dict[type[Exception], HTTPStatus] = {
    errors.LimitRequestLine: HTTPStatus.REQUEST_URI_TOO_LONG,
    errors.LimitRequestHeaders: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    errors.ExpectationFailed: HTTPStatus.EXPECTATION_FAILED,
    errors.ForbiddenProxyRequest: HTTPStatus.FORBIDDEN,
}
_OUR_FAULT = (
    errors.ConfigurationProblem,
    errors.InvalidResponseHeader,
    errors.InvalidResponseHeaderName,
)
RETRY_AFTER_SECONDS = 1


def status_of(error: BaseException) -> HTTPStatus:
    """Return the status for an error of gunicorn's parser; 500 for an error of ours.

    An unknown transfer coding is 400, for which gunicorn answers 501: anyone can send one, and a
    status above 499 counts as our failure, which alerts an operator. The same holds for what a TLS
    port cannot read.
    """
    if isinstance(error, ssl.SSLError):
        return HTTPStatus.BAD_REQUEST
    if isinstance(error, _OUR_FAULT) or not isinstance(error, errors.ParseException):
        return HTTPStatus.INTERNAL_SERVER_ERROR
    return next(
        (status for kind, status in _STATUSES.items() if isinstance(error, kind)),
        HTTPStatus.BAD_REQUEST,
    )


def response(status: HTTPStatus) -> bytes:
    """Return a response that says its status and closes the connection."""
    body = f"{status.phrase}\n"
    retry = status == HTTPStatus.SERVICE_UNAVAILABLE
    lines = [
        f"HTTP/1.1 {status.value} {status.phrase}",
        "Connection: close",
        *([f"Retry-After: {RETRY_AFTER_SECONDS}"] if retry else []),
        "Content-Type: text/plain",
        f"Content-Length: {len(body)}",
        "",
        body,
    ]
    return "\r\n".join(lines).encode()
