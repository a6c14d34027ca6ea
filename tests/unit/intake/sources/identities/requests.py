"""Build requests whose identity is in their headers, or whose body is a form."""

import json
from typing import Any
from urllib.parse import urlencode

from app.intake.message import FORM
from tests.support.samples import Sent


def with_headers(payload: Any, **headers: str) -> Sent:
    """Return a request with JSON and these headers; `_` in a name stands for a hyphen."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Sent({"Content-Type": "application/json"} | named, json.dumps(payload).encode())


def form(fields: dict[str, str], **headers: str) -> Sent:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Sent({"Content-Type": FORM} | named, urlencode(fields).encode())
