"""A stored request as a `curl` command: without its secrets, so that it can be shared. Pure."""

import re
import shlex
from collections.abc import Mapping
from typing import Any

from app.masking import MASK

LONGEST_BODY = 20_000
"""Bytes of a body that stands in the command; a longer one is read from the downloaded file."""
LONGEST_VALUE = 500
"""Characters of a header's value; a header with a longer one is left out."""
MOST_HEADERS = 50
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_OF_CONNECTION = re.compile(
    r"(?i)(host|content-length|content-type|connection|transfer-encoding|accept-encoding|expect|te|"
    r"trailer|upgrade|keep-alive|via|forwarded|x-forwarded-.*|x-real-ip)"
)
"""Names of headers that `curl` or a proxy sets itself."""


def of(
    url: str,
    headers: Mapping[str, Any],
    content_type: str | None,
    body: bytes | None,
    *,
    file: str,
    secret_in_path: bool,
) -> str:
    """Return the command; `file` is the name under which the body is downloaded.

    The signature is not stored, and a secret at the end of the address is a variable of the shell.
    """
    sent = {"Content-Type": content_type[:LONGEST_VALUE]} if content_type else {}
    kept = [(name, value) for name, value in headers.items() if _is_sent(name, value)]
    sent |= dict(kept[:MOST_HEADERS])
    words = [f"curl -X POST {shlex.quote(url)}" + ('/"$SECRET"' if secret_in_path else "")]
    words += [f"-H {shlex.quote(f'{name}: {value}')}" for name, value in sent.items()]
    return " \\\n  ".join([*words, _data(body, file)])


def _is_sent(name: str, value: Any) -> bool:
    return (
        isinstance(value, str)
        and value != MASK
        and len(name) + len(value) <= LONGEST_VALUE
        and _TOKEN.fullmatch(name) is not None
        and _OF_CONNECTION.fullmatch(name) is None
    )


def _data(body: bytes | None, file: str) -> str:
    if body is not None and len(body) <= LONGEST_BODY and b"\0" not in body:
        try:
            # `--data-raw` takes also a text that begins with @ as it is
            return f"--data-raw {shlex.quote(body.decode())}"
        except UnicodeDecodeError:
            pass
    return f"--data-binary @{file}"
