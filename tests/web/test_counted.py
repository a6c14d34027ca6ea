"""Every response to a sender is counted by trigger, hour and outcome."""

from collections import Counter
from dataclasses import replace

import pytest
from falcon import testing

from app.db import Database
from app.settings import Settings
from app.stats import outcomes
from app.stats.counters import NOBODY, Counters
from app.web.application import create_app
from tests.support import factories, samples
from tests.support.in_process_sender import message, post, signed, signed_sample
from tests.support.samples import SECRET, Sent

JSON = {"Content-Type": "application/json"}
HUB = {"hub.mode": "subscribe", "hub.verify_token": SECRET, "hub.challenge": "7"}


@pytest.fixture
def counters() -> Counters:
    return Counters()


@pytest.fixture
def client(settings: Settings, database: Database, counters: Counters) -> testing.TestClient:
    small = replace(settings, hookonce_max_body_bytes=2_000)
    return testing.TestClient(create_app(small, database, counters))


def counted(counters: Counters) -> Counter[tuple[int, str]]:
    """Return the counts since the last call, by trigger and outcome."""
    batch = counters.take()
    found: Counter[tuple[int, str]] = Counter()
    for numbers in (batch.counts, batch.claimed):
        for place, number in numbers.items():
            if place.outcome in outcomes.ALL:
                found[place.trigger_id, place.outcome] += number
    return found


CASES = {
    outcomes.ACCEPTED: ({}, message()),
    outcomes.FILTERED: ({"event_filter": '{"event": "paid"}'}, message()),
    outcomes.MISSING_KEY: ({"missing_key": "refuse"}, samples.json_request("custom", {"a": 1})),
    outcomes.DISABLED_TRIGGER: ({"enabled": False}, message()),
    outcomes.NO_SECRET: ({"secret": None}, message()),
    outcomes.BAD_SIGNATURE: ({"secret": "another"}, message()),
    outcomes.MISSING_SIGNATURE: ({}, Sent(JSON, b"{}")),
    outcomes.MALFORMED: ({}, signed("custom", Sent(JSON, b"{"))),
    outcomes.TOO_LARGE: ({}, Sent(JSON, b"x" * 2_001)),
}


@pytest.mark.parametrize("outcome", CASES)
def test_each_outcome_is_counted_under_its_trigger(
    client: testing.TestClient, database: Database, counters: Counters, outcome: str
) -> None:
    given, sent = CASES[outcome]
    trigger_id = factories.trigger(database, **given)

    for _ in range(2):
        post(client, trigger_id, sent)

    again = outcomes.DUPLICATE if outcome == outcomes.ACCEPTED else outcome
    assert counted(counters) == Counter([(trigger_id, outcome), (trigger_id, again)])


def test_an_old_signature_is_counted_as_stale(
    client: testing.TestClient, database: Database, counters: Counters
) -> None:
    trigger_id = factories.trigger(database, source="stripe")
    old = samples.signed("stripe", Sent(JSON, b'{"id": "evt_1"}'), at=samples.NOW)

    post(client, trigger_id, old)

    assert counted(counters) == {(trigger_id, outcomes.STALE): 1}


def test_a_handshake_is_counted(
    client: testing.TestClient, database: Database, counters: Counters
) -> None:
    trigger_id = factories.trigger(database, source="slack")

    answer = post(client, trigger_id, signed_sample("slack", "ping"))

    assert answer.status_code == 200
    assert counted(counters) == {(trigger_id, outcomes.HANDSHAKE): 1}


@pytest.mark.parametrize(
    ("given", "outcome"),
    [
        ({}, outcomes.HANDSHAKE),
        ({"secret": "another"}, outcomes.BAD_SIGNATURE),
        ({"source": "custom"}, outcomes.BAD_SIGNATURE),
        ({"secret": None}, outcomes.NO_SECRET),
        ({"enabled": False}, outcomes.DISABLED_TRIGGER),
    ],
    ids=str,
)
def test_a_question_for_the_challenge_is_counted(
    client: testing.TestClient,
    database: Database,
    counters: Counters,
    given: dict[str, object],
    outcome: str,
) -> None:
    trigger_id = factories.trigger(database, **({"source": "whatsapp"} | given))

    client.simulate_get(f"/api/triggers/webhook/{trigger_id}", params=HUB)
    client.simulate_get("/api/triggers/webhook/4711", params=HUB)

    assert counted(counters) == {(trigger_id, outcome): 1, (NOBODY, outcomes.UNKNOWN_TRIGGER): 1}


@pytest.mark.parametrize("trigger_id", ["4711", "0", "x", "99999999999", "1%0Aevt=admitted"])
def test_a_strangers_id_is_never_kept(
    client: testing.TestClient, counters: Counters, trigger_id: str
) -> None:
    post(client, trigger_id, message())

    assert counted(counters) == {(NOBODY, outcomes.UNKNOWN_TRIGGER): 1}


def test_a_compressed_body_is_counted_as_malformed(
    client: testing.TestClient, database: Database, counters: Counters
) -> None:
    trigger_id = factories.trigger(database)
    sent = Sent({"Content-Encoding": "gzip"}, b"x")

    post(client, trigger_id, sent)

    assert counted(counters) == {(trigger_id, outcomes.MALFORMED): 1}


def test_each_event_of_a_batch_is_counted(
    client: testing.TestClient, database: Database, counters: Counters
) -> None:
    trigger_id = factories.trigger(database, source="whatsapp", event_filter='{"a": "never"}')
    sent = signed_sample("whatsapp", "messages_and_statuses")

    post(client, trigger_id, sent)

    assert counted(counters) == {(trigger_id, outcomes.FILTERED): 4}


def test_a_database_in_trouble_is_counted_as_ours(
    settings: Settings, database: Database, counters: Counters, kind: str
) -> None:
    hasty = Database(replace(settings, hookonce_database_timeout_seconds=0.5))
    client = testing.TestClient(create_app(settings, hasty, counters))
    trigger_id = factories.trigger(database)
    post(client, trigger_id, message("m-1"))
    counters.take()

    with database.writing() as connection:
        if kind == "postgresql":
            connection.exec_driver_sql("LOCK TABLE execution_requests IN ACCESS EXCLUSIVE MODE")
        answer = post(client, trigger_id, message("m-2"))

    hasty.dispose()
    assert answer.status_code == 503
    assert counted(counters) == {(trigger_id, outcomes.UNAVAILABLE): 1}
