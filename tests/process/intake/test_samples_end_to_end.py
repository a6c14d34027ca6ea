"""Every sample, signed and posted over a socket as its sender does, runs in a real worker."""

import http.client
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest

from app import clock
from tests.support import expectations, factories, samples
from tests.support.ledger import Ledger
from tests.support.samples import Sent
from tests.support.service import DEADLINE_SECONDS, Gunicorn, Service
from tests.support.sink import Sink, listening

TELL = 'cat > "told-$HOOKONCE_EXECUTION_ID"; echo "$HOOKONCE_TRIGGER"'
SAMPLES = [name for name in samples.names() if name[1] != "ping"]
PINGS = [name for name in samples.names() if name[1] == "ping"]


@pytest.fixture
def sink() -> Iterator[Sink]:
    with listening() as made:
        yield made


def triggers(ledger: Ledger, **action: str) -> dict[str, int]:
    """Create a trigger for each source; return them by name."""
    return {
        source: factories.trigger(
            ledger.database, slug=source, source=source, secret=secret_of(source), **action
        )
        for source in {source for source, _ in samples.names()}
    }


def secret_of(source: str) -> str:
    return samples.trigger_secret(source)


def as_it_is(source: str, case: str) -> bool:
    """Return True if the action receives the body of the sample unchanged.

    A signature inside the body changes with the time, and a body of several events is split.
    """
    changed = expectations.REDACTED | expectations.SIGNED_INSIDE
    return source not in changed and (source, case) not in expectations.SEVERAL_EVENTS


def post(gunicorn: Gunicorn, trigger_id: int, sent: Sent) -> tuple[int, Any]:
    """Post the request; return status and body of the answer."""
    secret = f"/{sent.path_secret}" if sent.path_secret else ""
    query = f"?{urlencode(sent.query)}" if sent.query else ""
    path = f"/api/triggers/webhook/{trigger_id}{secret}{query}"
    connection = http.client.HTTPConnection("127.0.0.1", gunicorn.port, timeout=DEADLINE_SECONDS)
    try:
        connection.request("POST", path, sent.body, sent.headers)
        response = connection.getresponse()
        is_json = (response.getheader("Content-Type") or "").startswith("application/json")
        body = response.read()
        return response.status, json.loads(body) if is_json else body.decode()
    finally:
        connection.close()


def signed(source: str, case: str, trigger_id: int) -> Sent:
    """Return the sample signed with the current time; some senders sign the trigger's address."""
    address = f"http://127.0.0.1:8000/api/triggers/webhook/{trigger_id}"
    sent = replace(samples.sample(source, case), url=address)
    return samples.signed(source, sent, at=clock.now())


def test_every_sample_is_acknowledged_and_given_to_a_script(
    service: Service, ledger: Ledger
) -> None:
    ledger.trigger("tell", TELL)
    ids = triggers(ledger, action_payload="tell")
    gunicorn, worker = service.gunicorn(), service.worker()

    answers = [
        post(gunicorn, ids[source], signed(source, case, ids[source])) for source, case in SAMPLES
    ]
    ledger.wait_until_done()

    assert worker.stop() == 0
    assert answers == [(200, expectations.answer(*each)) for each in SAMPLES]
    rows = ledger.executions()
    assert {row.id: row.status for row in rows} == {row.id: "completed" for row in rows}
    told: Counter[str] = Counter(
        json.loads((ledger.directory / f"told-{row.id}").read_bytes())["source"] for row in rows
    )
    assert told == expectations.events_by_source()


def test_every_sample_is_sent_on_byte_for_byte(
    service: Service, ledger: Ledger, sink: Sink
) -> None:
    ids = triggers(ledger, action_type="http", action_payload=sink.url)
    gunicorn = service.gunicorn()
    service.worker()

    for source, case in SAMPLES:
        post(gunicorn, ids[source], signed(source, case, ids[source]))
    ledger.wait_until_done()

    expected = {samples.sample(*each).body for each in SAMPLES if as_it_is(*each)}
    assert expected <= {received.body for received in sink.received}
    assert len(sink.received) == expectations.events_by_source().total()


def test_a_sample_sent_again_runs_again_only_if_its_sender_gave_no_key(
    service: Service, ledger: Ledger
) -> None:
    ledger.trigger("tell", TELL)
    ids = triggers(ledger, action_payload="tell")
    gunicorn = service.gunicorn()

    for source, case in [*SAMPLES, *SAMPLES]:
        post(gunicorn, ids[source], signed(source, case, ids[source]))

    keyed = sum(expectations.event_count(*each) for each in SAMPLES if expectations.has_key(*each))
    unkeyed = [each for each in SAMPLES if not expectations.has_key(*each)]
    keys = Counter(row.idempotency_key for row in ledger.executions())
    assert keys.pop(None) == 2 * len(unkeyed)
    assert list(keys.values()) == [1] * keyed
    assert len(gunicorn.lines("idempotent_replay")) == keyed


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_a_ping_is_answered_and_an_unsigned_sample_is_not_let_in(
    service: Service, ledger: Ledger
) -> None:
    ids = triggers(ledger)
    gunicorn = service.gunicorn()

    pings = [post(gunicorn, ids[name], signed(name, case, ids[name])) for name, case in PINGS]
    unsigned = [
        post(gunicorn, ids[source], samples.sample(source, case))
        for source, case in SAMPLES
        if source not in expectations.SIGNED_INSIDE
    ]

    assert [status for status, _ in pings] == [200] * len(PINGS)
    assert pings[:2] == [(200, {"type": 1}), (200, {"status": "ok"})]
    assert unsigned == [(401, {"error": "unauthorized"})] * len(unsigned)
    assert ledger.executions() == []
    assert samples.SECRET not in gunicorn.log()
