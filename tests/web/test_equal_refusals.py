"""Refused requests cost the same work: the same SQL statements and the same digests.

Counted while it happens, by Python's own profiler and by the database driver, so that no way of
computing one more thing for a trigger that exists goes unseen.
"""

import json
import sys
import threading
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import jwt
import pytest
import sqlalchemy as sa
from falcon import testing

from app import clock
from app.db import Database
from app.intake import signatures, sources, trigger_cache
from tests.support import factories, preset_proofs, samples, tokens
from tests.support.in_process_sender import post, signed
from tests.support.samples import Sent

PROOFS = {"hmac_digest", "hmac_new", "verify"}
"""Python functions through which OpenSSL and the curve's library are called."""
OTHER_SECRETS = {
    "adyen": "ab" * 32,
    "discord": "cd" * 32,
    "standard": "whsec_" + b64encode(b"another").decode(),
}
SHAPES = ["4711", "0", "x", "99999999999", "-1", "%00", "%ff", "1%0A", "١", "1.0", "0x1", "a" * 999]
OUT_OF_ORDER: dict[str, dict[str, Any]] = {
    "disabled": {"enabled": False},
    "no secret": {"secret": None},
    "another secret": {},
    "two other secrets": {"previous_secret_expires_at": clock.now().replace(year=2999)},
    "of type event": {"type": "event"},
}


@dataclass(frozen=True, slots=True)
class Cost:
    """The response to a request, and the work that it took."""

    answer: tuple[str, bytes, str]
    statements: int
    proofs: tuple[tuple[str, int], ...]
    digested_bytes: int


@pytest.fixture
def cost(
    client: testing.TestClient, database: Database, monkeypatch: pytest.MonkeyPatch
) -> Callable[[object, Sent], Cost]:
    """Send to an address and return the work; the first request includes the trigger's look-up."""
    monkeypatch.setattr(trigger_cache, "FRESH_SECONDS", 3600.0)  # however slow the machine
    client.app.schema.current()  # a thread of each receiver keeps it read
    digested: list[int] = []
    digest = signatures.hmac.digest

    def counted(key: bytes, message: bytes, algorithm: str) -> bytes:
        digested.append(len(message))
        return digest(key, message, algorithm)

    monkeypatch.setattr(signatures.hmac, "digest", counted)

    def send(trigger_id: object, sent: Sent) -> Cost:
        digested.clear()
        with statements(database) as asked, calls() as made:
            said = post(client, trigger_id, sent)
        answer = (said.status, said.content, str(sorted(said.headers.items())))
        return Cost(answer, len(asked), tuple(sorted(made.items())), sum(digested))

    return send


@contextmanager
def statements(database: Database) -> Iterator[list[str]]:
    """Statements of this thread: another one writes counts and the journal after the answers."""
    asked: list[str] = []
    answering = threading.get_ident()

    def ask(*given: Any) -> None:
        if threading.get_ident() == answering:
            asked.append(given[2])

    sa.event.listen(database.engine, "before_cursor_execute", ask)
    try:
        yield asked
    finally:
        sa.event.remove(database.engine, "before_cursor_execute", ask)


@contextmanager
def calls() -> Iterator[Counter[str]]:
    """Number of calls of each verification function."""
    made: Counter[str] = Counter()

    def see(_frame: object, what: str, function: Any) -> None:
        if what == "c_call" and getattr(function, "__name__", "") in PROOFS:
            made[function.__name__] += 1

    before = sys.getprofile()
    sys.setprofile(see)
    try:
        yield made
    finally:
        sys.setprofile(before)


def requests(source: str) -> dict[str, Sent]:
    """Requests: correctly signed, unsigned, empty, and large."""
    case = next(case for name, case in samples.names() if name == source)
    sent = samples.sample(source, case)
    large = replace(sent, body=b'{"a": "' + b"b" * 100_000 + b'"}')
    return {
        "signed": replace(signed(source, sent), query={}),
        "unsigned": sent,
        "empty": Sent(),
        "large": large,
    }


def trigger(database: Database, source: str, given: dict[str, Any]) -> int:
    other = OTHER_SECRETS.get(source, "another")
    right = samples.trigger_secret(source)
    secret = right if given.get("enabled") is False or "type" in given else other
    values = {"source": source, "secret": secret, "previous_secret": other}
    return factories.trigger(database, **(values | given))


@pytest.mark.parametrize("source", [*preset_proofs.tried(sources.names()), "of an older system"])
def test_who_proves_nothing_costs_the_same_as_who_calls_nobody(
    database: Database, cost: Callable[[object, Sent], Cost], source: str
) -> None:
    sent_as = source if sources.known(source) else "custom"
    for number, (name, sent) in enumerate(requests(sent_as).items()):
        unknown = cost(4000 + number, sent)
        assert unknown.answer[:2] == ("401 Unauthorized", b'{"error": "unauthorized"}')
        assert unknown.statements == 1
        for reason, given in OUT_OF_ORDER.items():
            trigger_id = trigger(database, source, given)

            cold, warm = cost(trigger_id, sent), cost(trigger_id, sent)

            assert comparable(cold, source) == comparable(unknown, source), (name, reason)
            assert comparable(replace(warm, statements=1), source) == comparable(unknown, source)
            assert warm.statements == 0, (name, reason)


DESCRIPTIONS: dict[str, dict[str, Any]] = {
    "hmac": {
        "method": "hmac",
        "header": "X-Webhook-Signature",
        "signed": "{timestamp}.{body}",
        "timestamp_header": "X-Time",
    },
    "token": {"method": "token", "header": "X-Webhook-Signature"},
    "basic": {"method": "basic", "user": "hook"},
    "none": {"method": "none", "allow": "192.0.2.1"},
    "HS256": {"method": "jwt", "algorithm": "HS256", "header": "X-Webhook-Signature"},
    "RS256": {
        "method": "jwt",
        "algorithm": "RS256",
        "header": "X-Webhook-Signature",
        "key": tokens.public(tokens.RSA),
    },
    "ES256": {
        "method": "jwt",
        "algorithm": "ES256",
        "header": "X-Webhook-Signature",
        "key": tokens.public(tokens.EC["ES256"]),
    },
}
PROOFS_OF = {
    "HS256": lambda: jwt.encode({}, "another" * 5, "HS256"),
    "RS256": lambda: jwt.encode({}, tokens.OTHER_RSA, "RS256"),
    "ES256": lambda: jwt.encode({}, tokens.OTHER_EC, "ES256"),
}


@pytest.mark.parametrize("method", DESCRIPTIONS)
def test_a_described_sender_that_proves_nothing_costs_the_same(
    database: Database, cost: Callable[[object, Sent], Cost], method: str
) -> None:
    proof = PROOFS_OF.get(method, lambda: "0" * 64)()
    headers = {"X-Webhook-Signature": proof, "X-Time": "1772703000", "Authorization": "Basic eDp5"}
    for number, body in enumerate((b"{}", b"b" * 100_000)):
        for sent in (Sent(headers, body), Sent({}, body)):
            unknown = cost(5000 + 2 * number + bool(sent.headers), sent)
            for reason, given in OUT_OF_ORDER.items():
                described = {"verification": json.dumps(DESCRIPTIONS[method])} | given
                trigger_id = trigger(database, "custom", described)

                assert cost(trigger_id, sent) == unknown, (method, reason)


QUESTION = {"hub.mode": "subscribe", "hub.verify_token": "x" * 32, "hub.challenge": "1"}


@pytest.mark.parametrize(
    "given",
    [{"source": "github"}, *({"source": "whatsapp"} | other for other in OUT_OF_ORDER.values())],
)
def test_a_question_that_proves_nothing_costs_the_same_as_one_to_nobody(
    client: testing.TestClient, database: Database, given: dict[str, Any]
) -> None:
    ids = [4711, factories.trigger(database, **({"previous_secret": "before"} | given))]
    costs = []
    client.simulate_get("/api/triggers/webhook/4712", params=QUESTION)  # reads the schema

    for trigger_id in ids:
        with statements(database) as asked, calls() as made:
            said = client.simulate_get(f"/api/triggers/webhook/{trigger_id}", params=QUESTION)
        costs.append((said.status_code, said.content, len(asked), made))

    assert costs[0][:3] == (403, b'{"error": "forbidden"}', 1)
    assert costs[1] == costs[0]


def test_head_costs_the_same_for_every_address(
    client: testing.TestClient, database: Database
) -> None:
    ids = [factories.trigger(database, **given) for given in OUT_OF_ORDER.values()]
    addresses = [*ids, factories.trigger(database), *SHAPES]
    costs = []

    for address in addresses:
        with statements(database) as asked, calls() as made:
            said = client.simulate_head(f"/api/triggers/webhook/{address}")
        costs.append((said.status_code, sorted(said.headers.items()), len(asked), made))

    assert costs[0][0] == 200
    assert costs[0][2:] == (0, Counter())
    assert [
        each for each in costs if without_request_id(each) != without_request_id(costs[0])
    ] == []


def without_request_id(cost: Any) -> Any:
    status, headers, *work = cost
    return (status, [each for each in headers if each[0].lower() != "x-request-id"], *work)


def comparable(each: Cost, source: str) -> Cost:
    """Twilio's signature is checked for each spelling of the URL: more work, as documented."""
    return replace(each, digested_bytes=0) if source == "twilio" else each


@pytest.mark.parametrize("shape", SHAPES, ids=ascii)
def test_an_id_of_any_shape_costs_the_same(
    database: Database, cost: Callable[[object, Sent], Cost], shape: str
) -> None:
    sent = samples.json_request("custom", {"messageId": "m-1"})
    existing = factories.trigger(database, secret="another")

    cold, warm = cost(shape, sent), cost(shape, sent)

    assert cold == cost(existing, sent)
    assert warm == replace(cold, statements=0)


def test_who_proves_it_is_not_made_to_wait(
    database: Database, cost: Callable[[object, Sent], Cost]
) -> None:
    trigger_id = factories.trigger(database)

    accepted = cost(trigger_id, samples.json_request("custom", {}))

    assert accepted.answer[0] == "200 OK"
    assert accepted.proofs == (("hmac_digest", 1),)


@pytest.mark.parametrize("shape", ["0", "x", "-1", "99999999999"])
def test_no_shape_reaches_a_trigger_of_another_id(
    database: Database, cost: Callable[[object, Sent], Cost], shape: str
) -> None:
    factories.trigger(database, id=0)

    refused = cost(shape, samples.json_request("custom", {}))

    assert refused.answer[0] == "401 Unauthorized"
    assert factories.executions(database) == []


def test_a_trigger_of_type_event_has_no_address(
    database: Database, cost: Callable[[object, Sent], Cost]
) -> None:
    trigger_id = factories.trigger(database, type="event")

    refused = cost(trigger_id, samples.json_request("custom", {}))

    assert refused.answer[0] == "401 Unauthorized"
    assert factories.executions(database) == []
