"""A bulk replay of the page watches the first replays, keeps the pace, and shows the results."""

import time

import pytest
import sqlalchemy as sa

from app import clock
from app.db.models import trigger_executions
from app.web.pages import dead_replay
from tests.support import factories
from tests.support.api import Api
from tests.support.visitor import Visitor, hidden

NUMBER = 15


@pytest.fixture
def ada(api: Api, operator: str) -> Visitor:
    visitor = Visitor(api.client)
    visitor.log_in(operator)
    return visitor


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at a watched replay once, without waiting for it."""
    monkeypatch.setattr(dead_replay, "LOOK_SECONDS", 0.0)


def dead_letters(api: Api, number: int = NUMBER) -> list[int]:
    trigger_id = factories.trigger(api.database)
    return [factories.execution(api.database, trigger_id, "failed") for _ in range(number)]


def end_replays(api: Api, status: str) -> None:
    """Let every replay end, as a worker would."""
    columns = trigger_executions.c
    with api.database.writing() as connection:
        pending = sa.update(trigger_executions).where(columns.status == "pending")
        ended = {"status": status, "completed_at": clock.now(), "error": "no such customer"}
        connection.execute(pending.values(ended))


def statuses(api: Api) -> dict[str, int]:
    query = sa.select(trigger_executions.c.status, sa.func.count()).group_by("status")
    with api.database.reading() as connection:
        return {row[0]: row[1] for row in connection.execute(query)}


def test_the_first_three_fail_again_and_the_others_are_left_alone(api: Api, ada: Visitor) -> None:
    dead_letters(api)
    form = {"watch": "on", **hidden(ada.get("/dead/replay").text)}

    for number in (1, 2, 3):
        page = ada.post("/dead/replay", form)
        assert f"<strong>{number}</strong> of {NUMBER}" in page.text
        form = hidden(page.text)
        end_replays(api, "failed")
    page = ada.post("/dead/replay", form)

    assert "Replay stopped" in page.text
    assert "first 3 replays failed again (<bdi>no such customer</bdi>)" in page.text
    assert "data-go-on" not in page.text
    assert statuses(api) == {"failed": NUMBER, "replayed": 3}

    page = ada.post("/dead/replay", hidden(page.text))
    assert f"<strong>13</strong> of {NUMBER}" in page.text


def test_the_others_follow_once_one_has_completed_and_the_results_are_shown(
    api: Api, ada: Visitor
) -> None:
    dead_letters(api)
    form = {"watch": "on", **hidden(ada.get("/dead/replay").text)}

    page = ada.post("/dead/replay", form)
    waiting = ada.post("/dead/replay", hidden(page.text))
    assert "before the others follow" in waiting.text
    assert statuses(api) == {"failed": NUMBER - 1, "replayed": 1, "pending": 1}
    end_replays(api, "completed")
    page = ada.post("/dead/replay", hidden(waiting.text))
    page = ada.post("/dead/replay", hidden(page.text))

    assert "Replay finished" in page.text
    assert statuses(api) == {"replayed": NUMBER, "completed": 1, "pending": NUMBER - 1}
    columns = trigger_executions.c
    with api.database.reading() as connection:
        first, last = connection.execute(
            sa.select(sa.func.min(columns.id), sa.func.max(columns.id)).where(
                columns.replay_of_id.is_not(None)
            )
        ).one()
    results = f"/dead/results?first={first}&amp;last={last}"
    assert results in page.text
    assert f"{NUMBER - 1} have not ended" in ada.get(results.replace("&amp;", "&")).text
    end_replays(api, "failed")
    ended = ada.get(results.replace("&amp;", "&")).text
    assert "All have ended." in ended
    assert "data-ended" in ended


def test_one_that_does_not_end_holds_the_others_back_for_a_limited_time(
    api: Api, ada: Visitor
) -> None:
    dead_letters(api, 3)
    form = {"watch": "on", **hidden(ada.get("/dead/replay").text)}

    page = ada.post("/dead/replay", form)
    posts = 0
    while "data-go-on" in page.text:
        page, posts = ada.post("/dead/replay", hidden(page.text)), posts + 1

    assert posts == dead_replay.LOOKS_AT_MOST + 1
    assert statuses(api) == {"replayed": 3, "pending": 3}


def test_a_batch_keeps_the_pace(api: Api, ada: Visitor) -> None:
    dead_letters(api, 4)
    form = hidden(ada.get("/dead/replay").text)

    began = time.monotonic()
    ada.post("/dead/replay", form)

    assert time.monotonic() - began >= 4 / dead_replay.PACE.per_second
    assert statuses(api) == {"replayed": 4, "pending": 4}
