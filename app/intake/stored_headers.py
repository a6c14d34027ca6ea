"""The headers of a request that may be stored: those on the allow list, without secrets."""

from urllib.parse import unquote

from app.intake import json_text
from app.intake.message import Request
from app.masking import is_harmless_name

_encode = json_text.encoding()


def stored_headers(request: Request) -> str:
    """Return the headers by the allow list: a sender's other headers may hold its secrets."""
    secret = request.presented_secret
    headers = {
        name: value
        for name, value in request.headers.items()
        if is_harmless_name(name) and not (secret and _contains_secret(value, secret))
    }
    if request.request_context is not None:
        headers.setdefault("x-request-id", request.request_context.request_id)
    return _encode(headers)


def _contains_secret(value: str, secret_in_address: str) -> bool:
    """Return whether a header repeats the address with its secret: proxies send X-Original-URI."""
    return f"/{secret_in_address}" in unquote(value)
