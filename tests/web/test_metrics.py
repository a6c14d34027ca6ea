"""/metrics: counters and gauges are the same from every process."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from falcon import testing
from prometheus_client.parser import text_string_to_metric_families

from app import auth
from app.db import Database, models, utc_now
from app.db.models import delivery_counts, trigger_breakers, trigger_executions
from app.executions import due
from app.intake import sources
from app.settings import Settings
from app.stats import outcomes, totals
from app.stats.counter_writer import CounterWriter
from app.stats.counters import NOBODY, Counters
from app.triggers import pausing
from app.web import metrics as web_metrics
from app.web.application import create_app
from app.web.metrics import FAMILIES
from tests.integration.db.test_plans import rows_read
from tests.support import factories, samples
from tests.support.api import Api
from tests.support.databases import migrate
from tests.support.in_process_sender import message, post, signed_sample
from tests.support.plans import explain

WAITING_OF_ALL = totals.waiting_query().params(low=0, high=totals.LAST_TRIGGER_ID, at_most=10_000)


@pytest.fixture
def counters() -> Counters:
    return Counters()


@pytest.fixture
def client(settings: Settings, database: Database, counters: Counters) -> testing.TestClient:
    return testing.TestClient(create_app(settings, database, counters))


@pytest.fixture
def writer(counters: Counters, database: Database) -> CounterWriter:
    return CounterWriter(counters, database, seconds=3600)


@pytest.fixture(autouse=True)
def _always_fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_metrics, "FRESH_SECONDS", 0.0)


def read(client: testing.TestClient) -> dict[str, float]:
    """Return the samples as Prometheus parses them, by name and labels: `name{a=b,c=d}`."""
    answer = client.simulate_get("/metrics")
    assert answer.status_code == 200
    found = {}
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}"] = sample.value
    return found


def without_age(found: dict[str, float]) -> dict[str, float]:
    return {name: number for name, number in found.items() if "oldest" not in name}


def test_each_metric_is_exposed_as_it_is_declared(
    client: testing.TestClient, database: Database, writer: CounterWriter
) -> None:
    post(client, factories.trigger(database), message())
    writer.flush()

    answer = client.simulate_get("/metrics")

    families = {f.name: f for f in text_string_to_metric_families(answer.text)}
    named = {name.removesuffix("_total"): family for name, family in FAMILIES.items()}
    assert families.keys() == named.keys()
    assert {n: f.type for n, f in families.items()} == {n: f.kind for n, f in named.items()}
    for name, family in families.items():
        labels = {label for sample in family.samples for label in sample.labels} - {"le"}
        assert labels <= set(named[name].labels)
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")


def test_what_becomes_of_requests_is_counted_by_source(
    client: testing.TestClient, database: Database, writer: CounterWriter
) -> None:
    custom, slack = factories.trigger(database), factories.trigger(database, source="slack")
    for _ in range(3):
        post(client, custom, message())
    post(client, custom, replace(message("m-2"), headers={}))
    post(client, 4711, message())
    post(client, slack, signed_sample("slack", "ping"))
    writer.flush()

    found = read(client)

    assert found["hookonce_admissions_total{source=custom}"] == 1
    assert found["hookonce_duplicates_total{layer=pre_check,source=custom}"] == 2
    assert found["hookonce_duplicates_total{layer=index,source=custom}"] == 0
    assert found["hookonce_refusals_total{reason=missing_signature,source=custom}"] == 1
    assert found["hookonce_refusals_total{reason=unknown_trigger,source=none}"] == 1
    assert found["hookonce_handshakes_total{source=slack}"] == 1


def test_what_can_fail_stands_at_nought_before_it_fails_for_the_first_time(
    client: testing.TestClient, database: Database
) -> None:
    factories.trigger(database, source="slack")

    found = read(client)

    for source in ("none", "slack"):
        assert found[f"hookonce_errors_total{{reason=unavailable,source={source}}}"] == 0
        assert found[f"hookonce_refusals_total{{reason=bad_signature,source={source}}}"] == 0
        assert found[f"hookonce_attempts_total{{outcome=exhausted,source={source}}}"] == 0
        assert found[f"hookonce_duplicates_total{{layer=mismatch,source={source}}}"] == 0
    assert found["hookonce_dead_letters{reason=timeout}"] == 0
    assert not [name for name in found if "source=github" in name and "limit" not in name]


def test_answer_times_are_a_histogram_by_source(
    client: testing.TestClient, database: Database, writer: CounterWriter, counters: Counters
) -> None:
    trigger_id = factories.trigger(database, source="github")
    for seconds in (0.001, 0.004, 0.3, 60):
        counters.answered(trigger_id, seconds)
    writer.flush()

    found = read(client)

    name = "hookonce_answer_seconds"
    assert found[f"{name}_bucket{{le=0.002,source=github}}"] == 1
    assert found[f"{name}_bucket{{le=0.5,source=github}}"] == 3
    assert found[f"{name}_bucket{{le=+Inf,source=github}}"] == 4
    assert found[f"{name}_count{{source=github}}"] == 4
    assert found[f"{name}_sum{{source=github}}"] == pytest.approx(60.305)
    assert found["hookonce_answer_limit_seconds{source=github}"] == 10


def test_every_webhook_request_is_timed_once_whatever_its_answer(
    client: testing.TestClient, database: Database, writer: CounterWriter
) -> None:
    trigger_id = factories.trigger(database)
    post(client, trigger_id, message())
    post(client, trigger_id, replace(message(), headers={}))
    post(client, trigger_id, samples.Sent({"Content-Encoding": "gzip"}, b"x"))
    post(client, 4711, message())
    writer.flush()

    found = read(client)

    assert found["hookonce_answer_seconds_count{source=custom}"] == 3
    assert found["hookonce_answer_seconds_count{source=none}"] == 1


def test_sums_of_two_processes_add_up(
    client: testing.TestClient, database: Database, writer: CounterWriter, settings: Settings
) -> None:
    trigger_id, other = factories.trigger(database), Counters()
    second = testing.TestClient(create_app(settings, database, other))
    post(client, trigger_id, message("m-1"))
    post(second, trigger_id, message("m-2"))
    writer.flush()
    CounterWriter(other, database, seconds=3600).flush()

    found = read(second)
    assert without_age(found) == without_age(read(client))
    assert found["hookonce_admissions_total{source=custom}"] == 2


def test_no_sum_becomes_smaller_when_hours_are_pruned_and_triggers_removed(
    client: testing.TestClient, database: Database, writer: CounterWriter
) -> None:
    trigger_id = factories.trigger(database)
    post(client, trigger_id, message())
    writer.flush()
    before = read(client)
    with database.writing() as connection:
        hours = delivery_counts.c.hour > models.ALL_TIME
        connection.execute(sa.delete(delivery_counts).where(hours))
        connection.exec_driver_sql("DELETE FROM triggers")

    after = read(client)

    counted = {name: number for name, number in before.items() if "_total" in name}
    assert counted["hookonce_admissions_total{source=custom}"] == 1
    assert counted == {name: after[name] for name in counted}


def test_a_found_source_of_any_shape_is_one_label(
    client: testing.TestClient, database: Database, writer: CounterWriter
) -> None:
    post(client, factories.trigger(database, source='a "name" of 30 characters\n'), message())
    writer.flush()

    assert read(client)["hookonce_admissions_total{source=other}"] == 1


def test_how_things_stand_is_told(client: testing.TestClient, database: Database) -> None:
    trigger_id = factories.trigger(database)
    for status in ("pending", "retrying", "running", "completed"):
        factories.execution(database, trigger_id, status)
    factories.execution(database, trigger_id, next_attempt_at=utc_now(3600))
    factories.execution(database, trigger_id, next_attempt_at=None)
    factories.execution(database, trigger_id, next_attempt_at=utc_now(-90))
    factories.execution(database, trigger_id, "failed", error_reason="auth")
    factories.execution(database, trigger_id, "failed_retryable")
    broken_id = factories.trigger(database)
    with database.writing() as connection:
        values = {"trigger_id": broken_id, "opened_at": utc_now(), "probe_at": utc_now()}
        connection.execute(sa.insert(trigger_breakers).values(values))

    found = read(client)

    assert [
        found[f"hookonce_queue_executions{{state={state}}}"]
        for state in ("due", "scheduled", "running", "held")
    ] == [3, 1, 1, 1]
    assert 90 <= found["hookonce_oldest_due_seconds{}"] < 150
    assert found["hookonce_dead_letters{reason=auth}"] == 1
    assert found["hookonce_dead_letters{reason=unknown}"] == 1
    assert found["hookonce_breakers_open{}"] == 1


def test_what_waits_behind_a_pause_or_a_breaker_is_a_state_of_its_own_and_not_overdue(
    client: testing.TestClient, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(totals, "LOOKED_THROUGH", 5)
    first, broken, paused, last = (factories.trigger(database) for _ in range(4))
    for each, number in ((first, 1), (broken, 2), (paused, 9), (last, 1)):
        for _ in range(number):
            factories.execution(database, each, next_attempt_at=factories.LONG_AGO)
    factories.execution(database, broken, "retrying", next_attempt_at=utc_now(60))
    pausing.pause(database, paused)
    with database.writing() as connection:
        values = {"trigger_id": broken, "opened_at": utc_now(), "probe_at": utc_now()}
        connection.execute(sa.insert(trigger_breakers).values(values))
        ends = sa.update(trigger_executions).values(next_attempt_at=utc_now(-20))
        connection.execute(ends.where(trigger_executions.c.trigger_id.in_([first, last])))

    found = read(client)

    assert [
        found[f"hookonce_queue_executions{{state={state}}}"]
        for state in ("due", "scheduled", "paused", "breaker_open")
    ] == [2, 0, 5, 3]
    assert found["hookonce_oldest_due_seconds{}"] < 600
    assert found["hookonce_triggers_paused{}"] == 1
    assert found["hookonce_workers{}"] == found["hookonce_all_paused{}"] == 0


def test_all_that_waits_is_paused_while_all_triggers_are(
    client: testing.TestClient, database: Database
) -> None:
    for _ in range(2):
        factories.execution(database, factories.trigger(database))
    pausing.pause_all(database)

    found = read(client)

    assert found["hookonce_all_paused{}"] == 1
    assert found["hookonce_queue_executions{state=paused}"] == 2
    assert found["hookonce_queue_executions{state=due}"] == 0
    assert found["hookonce_oldest_due_seconds{}"] == 0


def test_what_older_code_wrote_has_not_waited_since_1970(
    client: testing.TestClient, database: Database
) -> None:
    factories.execution(
        database,
        factories.trigger(database),
        next_attempt_at=sa.literal_column("'1970-01-01 00:00:00'"),
    )

    found = read(client)

    assert found["hookonce_oldest_due_seconds{}"] == 0
    assert found["hookonce_queue_executions{state=due}"] == 1


def test_a_database_that_is_away_is_a_number_and_no_error(
    settings: Settings, tmp_path: Path
) -> None:
    elsewhere = (
        f"sqlite:///{tmp_path}/none.db"
        if settings.embedded
        else f"postgresql+psycopg://postgres@/postgres?host={tmp_path}"
    )
    away = Database(replace(settings, database_url=elsewhere))
    client = testing.TestClient(create_app(settings, away))

    found = read(client)

    away.dispose()
    assert found["hookonce_database_up{}"] == 0
    assert found["hookonce_schema_current{}"] == 0
    assert not any(name.startswith("hookonce_queue") for name in found)


@pytest.mark.parametrize("revision", ["0013", "0002", "base"])
def test_an_older_schema_is_told_and_no_error(
    client: testing.TestClient, database_url: str, revision: str
) -> None:
    migrate(database_url, to=revision, down=True)

    found = read(client)

    assert found["hookonce_database_up{}"] == 1
    assert found["hookonce_schema_current{}"] == 0
    shown = "none" if revision == "base" else revision
    assert any(f"database_revision={shown}" in name for name in found)


def test_metrics_can_be_kept_for_those_with_a_token(settings: Settings, database: Database) -> None:
    closed = replace(settings, hookonce_metrics="token")
    api = Api(testing.TestClient(create_app(closed, database)), database)

    assert api.ask("GET", "/metrics").status_code == 401
    assert api.ask("GET", "/metrics", api.token(auth.VIEWER)).status_code == 200


def test_no_trigger_is_named(
    client: testing.TestClient, database: Database, writer: CounterWriter
) -> None:
    trigger_id = factories.trigger(database, id=918273, name="acme payroll", slug="acme-payroll")
    post(client, trigger_id, message("a-key"))
    writer.flush()

    text = client.simulate_get("/metrics").text

    assert not re.search(r"918273|acme|a-key", text)


def test_who_asks_again_within_a_second_costs_the_database_nothing(
    client: testing.TestClient, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_metrics, "FRESH_SECONDS", 60.0)
    first = client.simulate_get("/metrics").text
    factories.execution(database, factories.trigger(database))

    assert client.simulate_get("/metrics").text == first


def test_the_limits_of_sources_are_what_their_facts_say_in_words() -> None:
    for name in sources.names():
        facts = sources.named(name).facts
        written = re.search(r"within (\d+) s", facts.answer)

        assert facts.answer_seconds == (int(written[1]) if written else None), name


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (totals.sums_query(), "pk_delivery_counts|sqlite_autoindex_delivery_counts_1"),
        (WAITING_OF_ALL, "ix_trigger_executions_turn"),
        (totals.running_query(), "ix_trigger_executions_leased"),
        (totals.dead_query(), "ix_trigger_executions_dead"),
        (due.query(), "ix_trigger_executions_turn"),
    ],
    ids=["sums", "waiting", "running", "dead", "turns"],
)
def test_the_plan_names_the_index(database: Database, query: sa.Select[object], index: str) -> None:
    with database.reading() as connection:
        plan = explain(connection, query)

    assert re.search(index, plan)
    assert not re.search(r"SCAN trigger_executions(?! USING)|Seq Scan on trigger_executions", plan)


def test_no_more_is_looked_through_than_the_bound(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(totals, "LOOKED_THROUGH", 100)
    waiting = WAITING_OF_ALL.params(at_most=100)
    trigger_id = factories.trigger(database)
    values = {"trigger_id": trigger_id, "next_attempt_at": factories.LONG_AGO}
    dead = {"trigger_id": trigger_id, "status": "failed", "completed_at": factories.LONG_AGO}
    with database.writing() as connection:
        connection.execute(sa.insert(trigger_executions), [values] * 2_000)
        connection.execute(sa.insert(trigger_executions), [dead] * 2_000)
        connection.exec_driver_sql("ANALYZE")

    with database.reading() as connection:
        assert totals.present(connection, due.find_triggers(connection)).due == 100
        touched = [rows_read(connection, query) for query in (waiting, totals.dead_query())]

    assert max(touched) < 1_000


def test_numbers_of_single_hours_are_not_read(database: Database) -> None:
    rows = [
        {
            "hour": factories.LONG_AGO,
            "trigger_id": number,
            "outcome": outcomes.ACCEPTED,
            "number": 1,
        }
        for number in range(2_000)
    ]
    with database.writing() as connection:
        connection.execute(sa.insert(delivery_counts), rows)
        ever = {"hour": models.ALL_TIME, "trigger_id": NOBODY, "outcome": "custom/accepted"}
        connection.execute(sa.insert(delivery_counts), ever | {"number": 2_000})
        connection.exec_driver_sql("ANALYZE")

    with database.reading() as connection:
        assert totals.sums(connection) == {"custom": {outcomes.ACCEPTED: 2_000}, "none": {}}
        assert rows_read(connection, totals.sums_query()) < 50


def test_the_statistics_hold_answer_times_against_each_sources_limit(
    api: Api, viewer: str, database: Database, counters: Counters, writer: CounterWriter
) -> None:
    slack, custom = factories.trigger(database, source="slack"), factories.trigger(database)
    for _ in range(98):
        counters.answered(slack, 0.004)
    for _ in range(2):
        counters.answered(slack, 2.9)
    counters.answered(custom, 0.001)
    counters.answered(NOBODY, 0.001)
    writer.flush()

    stats = api.ask("GET", "/api/triggers/stats", viewer).json

    of_custom, of_slack = stats["answer_times"]
    assert (of_custom["source"], of_custom["number"]) == ("custom", 1)
    assert of_custom["limit_seconds"] is None
    assert (of_slack["source"], of_slack["number"], of_slack["limit_seconds"]) == ("slack", 100, 3)
    assert 0.002 < of_slack["p50_seconds"] <= 0.005
    assert 1 < of_slack["p99_seconds"] <= 3
    assert stats["deliveries"] == []
