"""A request of the answering thread uses the database without delaying the others."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from app.db import Database, time_limit
from app.db.postgresql_connection import PostgresqlConnection
from app.db.schema import SchemaWatch
from app.errors import DatabaseUnavailable, SchemaMoved
from app.executions.creation import NewExecution
from app.intake import store
from app.intake.batch import LIGHT_BYTES, BatchAdmission, Result
from app.intake.message import Admission, AdmissionRequest, Request
from app.intake.store import ExistingExecution, RowRejected
from app.intake.store.postgresql import PostgresqlAdmissionStore
from app.intake.store.sqlite import SqliteAdmissionStore
from tests.process.db.test_database_in_trouble import LOCK
from tests.support import factories
from tests.support.answering import Answering


@pytest.fixture
def answering() -> Iterator[Answering]:
    made = Answering()
    yield made
    made.close()


@pytest.fixture
def admitting(database: Database) -> BatchAdmission:
    return BatchAdmission(database, SchemaWatch(database), pre_check=True)


def entry(trigger_id: int, key: str, body: bytes = b"{}") -> AdmissionRequest:
    return AdmissionRequest(
        trigger_id, [Admission("{}", key, "d")], Request(str(trigger_id), {}, body)
    )


def row(trigger_id: int, key: str | None) -> NewExecution:
    return NewExecution(trigger_id, "{}", key, "d", None, "{}", b"")


def test_a_single_event_is_inserted_with_its_request(database: Database) -> None:
    trigger_id, schema = factories.trigger(database), SchemaWatch(database).current()

    with store.borrow(database) as borrowed:
        made = borrowed.find_or_insert(schema, row(trigger_id, "a"))

    (found,) = factories.executions(database)
    assert (found.id, found.trigger_id, found.idempotency_key) == (made, trigger_id, "a")
    assert (found.event_data, found.payload_digest, found.status) == ("{}", "d", "pending")
    assert found.received_at is not None
    assert found.next_attempt_at is not None


def test_a_single_event_with_an_existing_key_returns_its_execution(
    database: Database,
) -> None:
    trigger_id, schema = factories.trigger(database), SchemaWatch(database).current()
    other_id = factories.trigger(database)

    with store.borrow(database) as borrowed:
        made = borrowed.find_or_insert(schema, row(trigger_id, "a"))
        again = borrowed.find_or_insert(schema, row(trigger_id, "a"))
        of_another = borrowed.find_or_insert(schema, row(other_id, "a"))

    assert again == ExistingExecution(made, "d", "pending", None)
    assert isinstance(of_another, int)
    assert len(factories.executions(database)) == 2


def test_single_events_without_a_key_are_an_execution_each(database: Database) -> None:
    trigger_id, schema = factories.trigger(database), SchemaWatch(database).current()

    with store.borrow(database) as borrowed:
        made = [borrowed.find_or_insert(schema, row(trigger_id, None)) for _ in range(2)]

    assert [each.id for each in factories.executions(database)] == made


@pytest.mark.parametrize("kind", ["postgresql"])
def test_a_commit_that_fails_after_the_row_was_returned_is_an_error(
    database: Database, admitting: BatchAdmission
) -> None:
    trigger_id = factories.trigger(database)
    with database.writing() as connection:
        connection.exec_driver_sql(
            "CREATE FUNCTION late() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION USING ERRCODE = '40001', MESSAGE = 'too late'; END $$"
        )
        connection.exec_driver_sql(
            "CREATE CONSTRAINT TRIGGER late AFTER INSERT ON trigger_executions "
            "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION late()"
        )

    (alone,) = admitting.admit([entry(trigger_id, "a")])

    assert isinstance(alone, DatabaseUnavailable)
    assert "too late" in str(alone)
    assert factories.executions(database) == []


@pytest.mark.parametrize("kind", ["postgresql"])
def test_a_text_with_a_zero_byte_is_rejected_and_not_cut_off(
    database: Database, admitting: BatchAdmission
) -> None:
    event = row(factories.trigger(database), "k\0after it")
    with pytest.raises(RowRejected), store.borrow(database) as borrowed:
        borrowed.find_or_insert(admitting.schema.current(), event)

    assert factories.executions(database) == []


def test_other_requests_are_answered_while_an_event_waits_for_a_lock(
    database: Database, admitting: BatchAdmission, answering: Answering, kind: str
) -> None:
    trigger_id = factories.trigger(database)
    results: list[Result] = []
    others: list[bool] = []
    admitting.admit([entry(trigger_id, "before")])
    with database.reading(), database.reading():
        pass  # from now on there is a connection at hand beside the one that locks

    with database.writing() as connection:
        connection.exec_driver_sql(LOCK[kind])
        answering.answer(
            lambda: results.extend(admitting.admit([entry(trigger_id, "a")])),
            lambda: others.append(True),
        )
        assert (results, others) == ([], [True])
    answering.until(lambda: results)

    assert [each.idempotency_key for each in factories.executions(database)] == ["before", "a"]


@pytest.mark.parametrize("size", [1, LIGHT_BYTES + 1], ids=["light", "heavy"])
def test_only_small_batches_are_written_by_the_answering_thread(
    database: Database,
    admitting: BatchAdmission,
    answering: Answering,
    monkeypatch: pytest.MonkeyPatch,
    size: int,
) -> None:
    trigger_id = factories.trigger(database)
    writers: list[int] = []
    for each in (SqliteAdmissionStore, PostgresqlAdmissionStore):

        def told(*given: object, insert: object = each.find_or_insert) -> object:
            writers.append(threading.get_ident())
            return insert(*given)

        monkeypatch.setattr(each, "find_or_insert", told)
    results: list[Result] = []

    def request() -> None:
        results.extend(admitting.admit([entry(trigger_id, "a", bytes(size))]))

    answering.answer(request)
    answering.until(lambda: results)

    assert [each == threading.get_ident() for each in writers] == [size == 1]


def test_the_first_connection_is_opened_by_another_thread_and_kept(
    database: Database, answering: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    makers: list[int] = []
    connect = database.engine.raw_connection

    def told() -> object:
        makers.append(threading.get_ident())
        return connect()

    monkeypatch.setattr(database.engine, "raw_connection", told)
    used: list[object] = []

    def request() -> None:
        with store.borrow(database) as borrowed:
            used.append(borrowed)

    for number in (1, 2):
        answering.answer(request)
        answering.until(lambda number=number: len(used) == number)

    assert len(makers) == 1
    assert makers != [threading.get_ident()]
    assert used[0] is used[1]


def test_the_stores_connection_is_not_one_of_the_pool(database: Database) -> None:
    with store.borrow(database):
        pass

    pool = database.engine.pool
    assert isinstance(pool, sa.QueuePool)
    assert pool.checkedout() == 0
    with ExitStack() as all_of_them:
        for _ in range(pool.size()):
            all_of_them.enter_context(database.reading())
        with store.borrow(database) as borrowed:
            assert borrowed.is_alive()


def test_two_concurrent_callers_have_a_connection_each_and_one_is_kept(database: Database) -> None:
    with store.borrow(database) as one, store.borrow(database) as another:
        assert one is not another

    assert len(database.dedicated) == 1


def test_a_connection_is_kept_after_a_rejected_row_and_closed_after_any_other_error(
    database: Database, admitting: BatchAdmission
) -> None:
    schema = admitting.schema.current()
    with store.borrow(database) as kept:
        pass

    with pytest.raises(RowRejected), store.borrow(database) as refusing:
        refusing.find_or_insert(schema, row(999_999, "of no trigger"))
    with pytest.raises(SchemaMoved), store.borrow(database) as failing:
        failing._connection.execute("SELECT absent FROM nowhere")
    with store.borrow(database) as another:
        pass

    assert refusing is failing is kept
    assert another is not kept


def test_nothing_begins_after_the_time_limit_and_no_connection_is_given_up(
    database: Database,
) -> None:
    with store.borrow(database) as kept:
        pass
    begins: list[Callable[[], AbstractContextManager[object]]] = [
        lambda: store.borrow(database),
        database.reading,
        database.writing,
    ]

    for begin in begins:
        with (
            time_limit.until(time.monotonic()),
            pytest.raises(DatabaseUnavailable, match="within the time limit"),
            begin(),
        ):
            raise AssertionError("it began")

    assert database.dedicated == [kept]
    assert kept.is_alive()


def test_the_stores_connection_is_closed_with_the_database(database: Database) -> None:
    with store.borrow(database) as borrowed:
        pass
    database.dispose()

    with pytest.raises(database.engine.dialect.loaded_dbapi.Error):
        borrowed._connection.execute("SELECT 1")


@pytest.mark.parametrize("kind", ["postgresql"])
def test_a_kept_connection_that_was_lost_is_replaced(database: Database) -> None:
    with store.borrow(database) as lost:
        pass
    lost._connection.close()

    with store.borrow(database) as another:
        assert another._connection.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.parametrize("kind", ["postgresql"])
def test_a_kept_connection_that_was_ended_while_it_was_idle_costs_no_event(
    database: Database,
) -> None:
    with store.borrow(database) as ended:
        pid = ended._connection.info.backend_pid
    with database.reading() as connection:
        connection.exec_driver_sql(f"SELECT pg_terminate_backend({pid}, 10000)")

    with store.borrow(database) as another:
        assert another._connection.execute("SELECT 1").fetchone() == (1,)


def test_the_schema_is_read_by_another_thread(
    database: Database, answering: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = SchemaWatch(database)
    lookers: list[int] = []
    reading = database.reading

    def told() -> object:
        lookers.append(threading.get_ident())
        return reading()

    monkeypatch.setattr(database, "reading", told)
    seen: list[object] = []
    answering.answer(lambda: seen.extend([watch.current(), watch.current()]))
    answering.until(lambda: len(seen) == 2)

    assert len(lookers) == 1
    assert lookers != [threading.get_ident()]


def test_requests_are_admitted_one_by_one_by_another_thread(
    database: Database,
    admitting: BatchAdmission,
    answering: Answering,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    factories.trigger(database)
    there: list[int] = []
    alone = BatchAdmission._admit_alone

    def told(*given: object) -> object:
        there.append(threading.get_ident())
        return alone(*given)

    monkeypatch.setattr(BatchAdmission, "_admit_alone", told)
    results: list[Result] = []

    def request() -> None:
        results.extend(admitting.admit([entry(999_999, "of no trigger")]))

    answering.answer(request)
    answering.until(lambda: results)

    assert isinstance(results[0], IntegrityError)
    assert len(there) == 1
    assert there != [threading.get_ident()]


@pytest.mark.parametrize("kind", ["postgresql"])
def test_a_lost_connection_is_replaced_by_another_thread(
    database: Database, answering: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    makers: list[int] = []
    connect = PostgresqlConnection.connect

    def told(*given: object, **named: object) -> object:
        makers.append(threading.get_ident())
        return connect(*given, **named)

    with pytest.raises(SchemaMoved), store.borrow(database) as borrowed:
        borrowed._connection.execute("SELECT absent FROM nowhere")
    monkeypatch.setattr(PostgresqlConnection, "connect", told)
    done: list[bool] = []

    def request() -> None:
        with store.borrow(database):
            done.append(True)

    answering.answer(request)
    answering.until(lambda: done)

    assert len(makers) == 1
    assert makers != [threading.get_ident()]


def test_other_requests_are_answered_while_the_schema_is_being_read(
    database: Database, answering: Answering
) -> None:
    watch = SchemaWatch(database)
    done: list[str] = []

    def request() -> None:
        watch.forget()
        done.append("forgotten")

    with watch._lock:  # as whoever looks holds it
        answering.answer(request, lambda: done.append("other"))
        assert done == ["other"]
    answering.until(lambda: len(done) == 2)


@pytest.mark.parametrize("kind", ["postgresql"])
@pytest.mark.parametrize("in_turn", [True, False])
def test_a_server_that_does_not_respond_times_out(
    database: Database, answering: Answering, in_turn: bool
) -> None:
    said: list[str] = []

    def request() -> None:
        try:
            with store.borrow(database) as borrowed:
                borrowed._connection.silence_seconds = 0.1
                borrowed._connection.execute("SELECT pg_sleep(600)")
        except DatabaseUnavailable as error:
            said.append(str(error))

    began = time.monotonic()
    if in_turn:
        answering.answer(request)
        answering.until(lambda: said)
    else:
        request()

    assert said == ["the server has said nothing for 0.1 s"]
    assert time.monotonic() - began < 60.0
