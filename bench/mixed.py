"""Mixed traffic: every kind of request that outsiders send to a receiver, in random order."""

import json
import random
from collections.abc import Callable, Mapping

from app.db import Database
from tests.support import factories, samples
from tests.support.samples import SECRET, Sent, sha256_hex

SOURCES = ("custom", "custom", "github", "gitlab", "telegram", "linear")
PAGES = ("/", "/triggers", "/executions", "/dead", "/login", "/executions?status=pending", "/none")
API = (
    "/api/triggers",
    "/api/triggers/1",
    "/api/executions?limit=20",
    "/api/executions/1",
    "/api/executions/999999999",
    "/api/none",
)
REPEATED = 2_000
"""Number of the last events that a duplicate may repeat."""

_WEIGHTS = {
    "accepted": 450,
    "duplicate": 120,
    "wrong_signature": 120,
    "unknown_id": 120,
    "unsigned": 40,
    "unparseable": 50,
    "large": 8,
    "large_refused": 2,
    "api": 10,
    "api_refused": 8,
    "page": 6,
    "monitoring": 30,
    "wrong_method": 20,
    "malformed": 16,
}
"""Requests of each kind in a thousand."""
MALFORMED = (
    b"GET / HTTP/9.9\r\n\r\n",
    b"POST /api/triggers/webhook/1 HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    b"POST /api/triggers/webhook/1 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nbad header\r\n\r\n",
)


def triggers(database: Database) -> Mapping[int, str]:
    """Create a trigger for each source; return the sources by id."""
    return {
        factories.trigger(database, source=source, secret=samples.trigger_secret(source)): source
        for source in SOURCES
    }


class MixedTraffic:
    """The requests, one after the other; the same random numbers make the same traffic."""

    def __init__(self, triggers: Mapping[int, str], token: str, numbers: random.Random) -> None:
        self._triggers = list(triggers.items())
        self._custom = next(id_ for id_, source in self._triggers if source == "custom")
        self._authorization = {"Authorization": f"Bearer {token}"}
        self._numbers = numbers
        self._last = 0
        self._kinds: list[Callable[[], bytes]] = [getattr(self, f"_{name}") for name in _WEIGHTS]

    def request(self) -> bytes:
        """Return the bytes of the next request."""
        (kind,) = self._numbers.choices(self._kinds, _WEIGHTS.values())
        return kind()

    def _accepted(self) -> bytes:
        self._last += 1
        return self._event(self._last)

    def _duplicate(self) -> bytes:
        return self._event(max(1, self._last - self._numbers.randrange(REPEATED)))

    def _event(self, number: int) -> bytes:
        trigger_id, source = self._triggers[number % len(self._triggers)]
        payload = {
            "idempotency_key": f"mixed-{number}",
            "data": {"total": number, "note": "x" * 90},
        }
        return _post(trigger_id, samples.signed(source, Sent({}, _json(payload))))

    def _wrong_signature(self) -> bytes:
        body = _json({"idempotency_key": str(self._numbers.random())})
        return _post(self._custom, Sent({"X-Webhook-Signature": sha256_hex("wrong", body)}, body))

    def _unknown_id(self) -> bytes:
        return _post(
            self._numbers.randrange(1_000, 2**31), samples.signed("custom", Sent({}, b"{}"))
        )

    def _unsigned(self) -> bytes:
        return _post(self._custom, Sent({}, b"{}"))

    def _unparseable(self) -> bytes:
        return _post(self._custom, samples.signed("custom", Sent({}, b'{"a": ' * 9)))

    def _large(self) -> bytes:
        self._last += 1
        items = [{"id": n, "text": "y" * 90} for n in range(self._numbers.randrange(150, 3_000))]
        body = _json({"idempotency_key": f"mixed-{self._last}", "data": items})
        return _post(self._custom, samples.signed("custom", Sent({}, body)))

    def _large_refused(self) -> bytes:
        size = self._numbers.choice((100_000, 1_500_000))
        return _post(
            self._custom, Sent({"X-Webhook-Signature": "0" * 64}, b'"' + b"z" * size + b'"')
        )

    def _api(self) -> bytes:
        return _get(self._numbers.choice(API), self._authorization)

    def _api_refused(self) -> bytes:
        return _get(self._numbers.choice(API), {"Authorization": "Bearer of a stranger"})

    def _page(self) -> bytes:
        return _get(self._numbers.choice(PAGES), self._authorization | {"Accept": "text/html"})

    def _monitoring(self) -> bytes:
        path = self._numbers.choice(("/healthz", "/healthz", "/healthz", "/readyz", "/metrics"))
        return _get(path, self._authorization)

    def _wrong_method(self) -> bytes:
        return _get(f"/api/triggers/webhook/{self._custom}", {})

    def _malformed(self) -> bytes:
        return self._numbers.choice(MALFORMED)


def _post(trigger_id: int, sent: Sent) -> bytes:
    headers = {"Content-Type": "application/json"} | sent.headers
    return _request(f"POST /api/triggers/webhook/{trigger_id}", headers, sent.body)


def _get(target: str, headers: Mapping[str, str]) -> bytes:
    return _request(f"GET {target}", headers, b"")


def _request(line: str, headers: Mapping[str, str], body: bytes) -> bytes:
    fields = {"Host": "127.0.0.1", **headers} | ({"Content-Length": str(len(body))} if body else {})
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"{line} HTTP/1.1\r\n{head}\r\n".encode() + body


def _json(payload: object) -> bytes:
    return json.dumps(payload).encode()


__all__ = ["SECRET", "MixedTraffic", "triggers"]
