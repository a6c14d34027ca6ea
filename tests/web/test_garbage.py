"""An answered request leaves nothing in memory that only the garbage collector finds.

Such garbage is kept, with the body of the request, until the collector runs, which is seldom.
"""

import gc
from collections.abc import Callable, Iterator

import falcon
import pytest
from falcon import testing

from app.db import Database
from app.intake.message import Request
from tests.support import factories, samples
from tests.support.in_process_sender import message, post, signed
from tests.support.samples import Sent
from tests.support.thorough import some


@pytest.fixture
def kind() -> str:
    """Use SQLite only: the database makes no difference."""
    return "sqlite"


@pytest.fixture
def garbage() -> Iterator[Callable[[], list[object]]]:
    """Return the requests that the collector finds unreachable."""

    def found() -> list[object]:
        gc.collect()
        requests = [each for each in gc.garbage if isinstance(each, Request | falcon.Request)]
        gc.garbage.clear()
        return requests

    gc.collect()
    gc.set_debug(gc.DEBUG_SAVEALL)
    yield found
    gc.set_debug(0)
    gc.garbage.clear()


REQUESTS: dict[str, tuple[dict[str, object], Sent]] = {
    "accepted": ({}, message()),
    "wrong signature": ({"secret": "another"}, message()),
    "two wrong secrets": ({"secret": "another", "previous_secret": "more"}, message()),
    "no signature": ({}, Sent({}, b"{}")),
    "disabled": ({"enabled": False}, message()),
    "no secret": ({"secret": None}, message()),
    "forged for Discord": (
        {"source": "discord", "secret": "cd" * 32},
        signed("discord", Sent({}, b'{"type": 1}')),
    ),
    "not JSON": ({}, signed("custom", Sent({"Content-Type": "application/json"}, b"{"))),
    "without a key": ({"missing_key": "refuse"}, samples.json_request("custom", {"a": 1})),
    "compressed": ({}, Sent({"Content-Encoding": "gzip"}, b"{}")),
}


@pytest.mark.parametrize("name", some([*REQUESTS, "unknown id"], one_in=4))
def test_a_request_leaves_no_garbage(
    client: testing.TestClient,
    database: Database,
    garbage: Callable[[], list[object]],
    name: str,
) -> None:
    values, sent = REQUESTS.get(name, ({}, message()))
    trigger_id = 4711 if name == "unknown id" else factories.trigger(database, **values)

    for _ in range(3):
        post(client, trigger_id, sent)

    assert garbage() == []


def test_a_request_that_the_database_refuses_leaves_no_garbage(
    client: testing.TestClient, database: Database, garbage: Callable[[], list[object]]
) -> None:
    trigger_id = factories.trigger(database)
    post(client, trigger_id, message())
    with database.writing() as connection:
        connection.exec_driver_sql("ALTER TABLE trigger_executions RENAME TO away")
    garbage()

    answers = {post(client, trigger_id, message()).status_code for _ in range(3)}

    assert answers == {503}
    assert garbage() == []
