"""Record what an attempt sent and got back, bounded and without secrets."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from app import masking
from app.masking import MASK, is_harmless_name
from app.masking.text import BODY_CHARACTERS, cut
from app.tolerant_json import json_value

TEXT_CHARACTERS = 500
"""Characters of one header or of one word of a command that are stored."""
LIST_CHARACTERS = 4_000
"""Characters of all headers, or of a whole command, that are stored."""
_SEARCHED_BYTES = 4 * BODY_CHARACTERS + 4096
"""Bytes of a body that are searched for secrets: one at the cut must be whole to be found."""
_SEPARATOR = "\0"
"""Character between texts that are searched together; no header or word can have it."""

BodyOrigin = Literal["request", "event", "own"]
"""Place of a sent body: the stored request, the stored event, or made for this attempt alone."""
Hidden = Callable[[str], str]
"""A function that replaces the secrets in a text."""


class SentRequest(NamedTuple):
    """A request of which at least a part has left."""

    url: str
    headers: Mapping[str, str]
    body: bytes
    idempotency_key: str


class StartedProgram(NamedTuple):
    """A program that was started, with its standard input."""

    words: Sequence[str]
    body: bytes
    idempotency_key: str


class HttpResponse(NamedTuple):
    """Status and headers of a target's response; its body is the attempt's result or error."""

    status: int
    headers: Mapping[str, str]


class ProgramExit(NamedTuple):
    """Exit status of a program; negative: the number of the signal that killed it."""

    status: int


@dataclass(slots=True)
class Exchange:
    """The request and the response of one attempt; its action notes both as they happen."""

    sent: SentRequest | StartedProgram | None = None
    received: HttpResponse | ProgramExit | None = None

    @property
    def http_status(self) -> int | None:
        """Return the status of the response; None without one, and for a program."""
        return self.received.status if isinstance(self.received, HttpResponse) else None


class StoredExchange(NamedTuple):
    """An exchange as columns of the attempt; None where nothing was sent or came back."""

    sent: str | None = None
    """JSON object."""
    sent_body: str | None = None
    """Beginning of a body that is stored nowhere else."""
    response: str | None = None
    """JSON object."""


NOTHING = StoredExchange()


def stored(
    exchange: Exchange, hidden: Hidden, origin_of: Callable[[bytes], BodyOrigin]
) -> StoredExchange:
    """Return the exchange as it is stored: shortened, and without secrets."""
    sent, received = exchange.sent, exchange.received
    if sent is None:
        return NOTHING
    origin = origin_of(sent.body)
    is_request = isinstance(sent, SentRequest)
    described = _request(sent, hidden) if isinstance(sent, SentRequest) else _program(sent, hidden)
    described |= {
        "idempotency_key": sent.idempotency_key,
        "body_bytes": len(sent.body),
        "body_sha256": hashlib.sha256(sent.body).hexdigest(),
        "body_from": origin,
    }
    # the own input of a program repeats the trigger's payload: its command says enough
    body = _beginning(sent.body, hidden) if is_request and origin == "own" else None
    return StoredExchange(
        json.dumps(described),
        body,
        None if received is None else json.dumps(_response(received, hidden)),
    )


def _request(sent: SentRequest, hidden: Hidden) -> dict[str, Any]:
    url, *headers = _without_secrets([_masked_url(sent.url), *_flat(sent.headers)], hidden)
    return {"method": "POST", "url": cut(url, LIST_CHARACTERS), **_headers(headers)}


def _program(sent: StartedProgram, hidden: Hidden) -> dict[str, Any]:
    words = _without_secrets(_masked_command(tuple(sent.words)), hidden)
    kept = _fitting((word,) for word in words)
    return {"command": [word for (word,) in kept], "words_left_out": len(words) - len(kept)}


def _response(received: HttpResponse | ProgramExit, hidden: Hidden) -> dict[str, Any]:
    if isinstance(received, ProgramExit):
        status = received.status
        return {"exit_status": status} if status >= 0 else {"signal": -status}
    headers = _without_secrets(_flat(received.headers), hidden)
    return {"status": received.status, **_headers(headers)}


@lru_cache(maxsize=256)
def _masked_url(url: str) -> str:
    return masking.masked(url) or ""


@lru_cache(maxsize=256)
def _masked_command(words: tuple[str, ...]) -> list[str]:
    """Return the words of a command, masked as the payload of its trigger is."""
    shown = json_value(masking.masked(json.dumps(words)))
    return [str(word) for word in shown] if isinstance(shown, list) else [MASK] * len(words)


def _flat(headers: Mapping[str, str]) -> list[str]:
    """Return names and values in turn; the value is masked unless its name is harmless."""
    flat: list[str] = []
    for name, value in headers.items():
        flat += (name, value if is_harmless_name(name) else MASK)
    return flat


def _headers(flat: Sequence[str]) -> dict[str, Any]:
    pairs = list(zip(flat[::2], flat[1::2], strict=True))
    kept = _fitting(pairs)
    shown = {pair[0]: pair[1] for pair in kept}
    return {"headers": shown, "headers_left_out": len(pairs) - len(kept)}


def _fitting(items: Iterable[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Return the first items, each of their texts shortened, until all are too long together."""
    kept, left = [], LIST_CHARACTERS
    for item in items:
        short = tuple(cut(text, TEXT_CHARACTERS) for text in item)
        left -= sum(map(len, short))
        if left < 0:
            break
        kept.append(short)
    return kept


def _without_secrets(texts: Sequence[str], hidden: Hidden) -> list[str]:
    """Return the texts without secrets, by one search; mask all if one has the separator."""
    joined = _SEPARATOR.join(texts).encode("utf-8", "replace").decode()
    found = hidden(joined).split(_SEPARATOR)
    return found if len(found) == len(texts) else [MASK] * len(texts)


def _beginning(body: bytes, hidden: Hidden) -> str:
    text = hidden(body[:_SEARCHED_BYTES].decode("utf-8", "replace"))
    return cut(text.replace("\0", "\N{REPLACEMENT CHARACTER}"), BODY_CHARACTERS)
