"""Lists of triggers, executions, dead letters and changes: order, paging, filters and totals."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from app import clock, lifecycle
from app.db import Database, count_cache, paging
from app.db.models import execution_repeats, key_mismatches, trigger_executions
from app.executions import listing
from tests.support import factories
from tests.support.api import Api


@pytest.fixture
def seven(database: Database) -> list[int]:
    """Return the ids of one trigger's executions, newest first, interleaved with another's."""
    one, other = factories.trigger(database), factories.trigger(database)
    ids = []
    for number in range(7):
        ids.append(factories.execution(database, one, "completed", idempotency_key=f"k-{number}"))
        factories.execution(database, other)
    return ids[::-1]


def listed(api: Api, token: str, path: str = "/api/triggers/1/executions", **query: Any) -> Any:
    answer = api.ask("GET", path, token, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json


def ids(answer: Any, name: str = "executions") -> list[int]:
    return [each["id"] for each in answer[name]]


def test_pages_by_number_hold_every_row_once(api: Api, viewer: str, seven: list[int]) -> None:
    pages = [listed(api, viewer, page=number, per_page=3) for number in (1, 2, 3, 4)]

    assert [ids(page) for page in pages] == [seven[:3], seven[3:6], seven[6:], []]
    assert {(page["total"], page["pages"], page["total_exact"]) for page in pages} == {(7, 3, True)}
    assert [page["page"] for page in pages] == [1, 2, 3, 4]
    assert [page["next"] for page in pages] == [seven[2], seven[5], None, None]


def test_pages_by_id_hold_every_row_once(api: Api, viewer: str, seven: list[int]) -> None:
    found, before = [], None
    while True:
        query = {} if before is None else {"before_id": before}
        page = listed(api, viewer, per_page=3, **query)
        found += ids(page)
        if (before := page["next"]) is None:
            break

    assert found == seven


def test_a_page_after_an_id_begins_right_after_it(api: Api, viewer: str, seven: list[int]) -> None:
    page = listed(api, viewer, per_page=2, after_id=seven[4])

    assert ids(page) == [seven[2], seven[3]]
    assert listed(api, viewer, after_id=seven[0])["executions"] == []


def test_new_rows_do_not_move_a_page_that_begins_at_an_id(
    api: Api, viewer: str, seven: list[int], database: Database
) -> None:
    first = listed(api, viewer, per_page=3)
    factories.execution(database, 1)

    assert ids(listed(api, viewer, per_page=3, before_id=first["next"])) == seven[3:6]


def test_executions_are_chosen_by_key(api: Api, viewer: str, seven: list[int]) -> None:
    assert ids(listed(api, viewer, key="k-2")) == [seven[4]]
    assert listed(api, viewer, key="nobody's")["total"] == 0


@pytest.mark.parametrize("status", lifecycle.STATUSES)
def test_executions_are_chosen_by_status(
    api: Api, viewer: str, database: Database, status: str
) -> None:
    trigger_id = factories.trigger(database)
    made = {each: factories.execution(database, trigger_id, each) for each in lifecycle.STATUSES}
    factories.execution(
        database, trigger_id, "completed", replay_of_id=made["replayed"], chain_id=made["replayed"]
    )

    page = listed(api, viewer, status=status)

    assert [each["status"] for each in page["executions"]] == [status] * page["total"]
    assert page["total"] == (2 if status == "completed" else 1)


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ({"page": "501"}, "use before_id for older ones"),
        ({"offset": "10000"}, "use before_id for older ones"),
        ({"before_id": "-1"}, "before_id must be at least 1"),
        ({"before_id": str(2**63)}, "before_id must be at most"),
        ({"status": "lost"}, "status must be one of pending, running"),
        ({"key": ""}, "key must have 1 to 255 characters"),
        ({"key": "\0"}, "a character that cannot be stored"),
        ({"colour": "red"}, "unknown field 'colour'"),
        ({"status": "x", "before_id": "y"}, "; "),
    ],
)
def test_a_question_that_cannot_be_answered_is_refused_in_a_sentence(
    api: Api, viewer: str, seven: list[int], query: dict[str, Any], detail: str
) -> None:
    del seven
    answer = api.ask("GET", "/api/triggers/1/executions", viewer, params=query, params_csv=False)

    assert (answer.status_code, answer.json["error"]) == (422, "invalid")
    assert detail in answer.json["detail"]


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ({"page": "0"}, "page must be at least 1"),
        ({"page": "x"}, "page must be a whole number"),
        ({"page": ["1", "2"]}, "page may be given only once"),
        ({"per_page": "101"}, "per_page must be at most 100"),
        ({"per_page": "1" * 30}, "per_page must be a whole number"),
        ({"limit": "5"}, "unknown field 'limit'"),
    ],
)
def test_a_list_that_the_older_system_did_not_have_corrects_no_number(
    api: Api, viewer: str, query: dict[str, Any], detail: str
) -> None:
    answer = api.ask("GET", "/api/triggers/executions", viewer, params=query, params_csv=False)

    assert answer.status_code == 422
    assert detail in answer.json["detail"]


@pytest.mark.parametrize(
    ("query", "page", "rows"),
    [
        ({"page": "0"}, 1, 7),
        ({"page": "-3", "per_page": "3"}, 1, 3),
        ({"page": "x", "per_page": "y"}, 1, 7),
        ({"page": ["2", "1"], "per_page": ["3", "1"]}, 2, 3),
        ({"per_page": "0"}, 1, 1),
        ({"per_page": "101"}, 1, 7),
        ({"per_page": "9" * 19}, 1, 7),
        ({"per_page": "9" * 30}, 1, 7),
        ({"per_page": ""}, 1, 7),
        ({"per_page": " 2 "}, 1, 2),
        ({"limit": "abc", "offset": "-1"}, 1, 7),
        ({"limit": "3", "offset": "3"}, 2, 3),
        ({"limit": "-5"}, 1, 1),
    ],
)
def test_a_list_of_the_older_system_corrects_its_numbers(
    api: Api, viewer: str, seven: list[int], query: dict[str, Any], page: int, rows: int
) -> None:
    path = "/api/triggers/1/executions"
    answer = api.ask("GET", path, viewer, params=query, params_csv=False)

    assert answer.status_code == 200, answer.text
    assert answer.json["page"] == page
    first = (page - 1) * rows
    assert ids(answer.json) == seven[first : first + rows]


def test_a_page_of_triggers_has_as_many_as_in_the_older_system(
    api: Api, viewer: str, database: Database
) -> None:
    """Its page asks for no number, and would not show the others."""
    for _ in range(51):
        factories.trigger(database)

    assert len(listed(api, viewer, "/api/triggers")["triggers"]) == 50


def test_triggers_are_chosen_as_by_the_older_system(
    api: Api, viewer: str, database: Database
) -> None:
    path = "/api/triggers"
    plain = factories.trigger(database)
    of_plugin = factories.trigger(database, source_plugin="crm")

    assert ids(listed(api, viewer, path, source_plugin="crm"), "triggers") == [of_plugin]
    assert ids(listed(api, viewer, path, source_plugin="other"), "triggers") == []
    assert ids(listed(api, viewer, path, enabled="maybe"), "triggers") == [of_plugin, plain]
    for name in ("type", "source", "source_plugin", "enabled"):
        assert ids(listed(api, viewer, path, **{name: ""}), "triggers") == [of_plugin, plain]
    assert ids(listed(api, viewer, path, type="cron"), "triggers") == []
    assert ids(listed(api, viewer, path, limit="x", offset="-1"), "triggers") == [of_plugin, plain]


def test_triggers_are_listed_newest_first_and_chosen(
    api: Api, viewer: str, database: Database
) -> None:
    path = "/api/triggers"
    one = factories.trigger(database, source="github", enabled=False)
    two = factories.trigger(database, source="custom", type="event")
    factories.execution(database, one)

    assert ids(listed(api, viewer, path), "triggers") == [two, one]
    assert ids(listed(api, viewer, path, source="github"), "triggers") == [one]
    assert ids(listed(api, viewer, path, type="event"), "triggers") == [two]
    assert ids(listed(api, viewer, path, enabled="false"), "triggers") == [one]
    assert ids(listed(api, viewer, path, enabled="1"), "triggers") == [two]
    assert listed(api, viewer, path, source="github")["triggers"][0]["execution_count"] == 1
    assert listed(api, viewer, path, page=2, per_page=1)["pages"] == 2


def many(database: Database, trigger_id: int, number: int, status: str = "completed") -> None:
    row: dict[str, Any] = {"trigger_id": trigger_id, "status": status}
    row |= {"next_attempt_at": factories.LONG_AGO} if status == "pending" else {}
    row |= {} if status == "pending" else {"completed_at": factories.LONG_AGO}
    with database.writing() as connection:
        connection.execute(sa.insert(trigger_executions), [row] * number)


def test_a_large_number_is_counted_up_to_a_limit_and_says_so(
    api: Api, viewer: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "EXACT_UP_TO", 50)
    trigger_id = factories.trigger(database)
    many(database, trigger_id, 60)

    page = listed(api, viewer, path=f"/api/triggers/{trigger_id}/executions", status="pending")
    shown = listed(api, viewer, path=f"/api/triggers/{trigger_id}")

    assert (page["total"], page["total_exact"]) == (0, True)
    assert shown["execution_count"] == 50


def test_a_status_without_an_index_is_looked_for_so_far_and_then_further(
    api: Api, viewer: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "SCAN_ROWS", 10)
    trigger_id = factories.trigger(database)
    wanted = factories.execution(database, trigger_id, "completed")
    many(database, trigger_id, 25, "pending")
    path = f"/api/triggers/{trigger_id}/executions"

    first = listed(api, viewer, path, status="completed")
    second = listed(api, viewer, path, status="completed", before_id=first["next"])
    third = listed(api, viewer, path, status="completed", before_id=second["next"])

    assert (ids(first), first["total_exact"]) == ([], False)
    assert ids(second) == []
    assert (ids(third), third["next"]) == ([wanted], None)


@pytest.mark.parametrize("looked_through", [3, 10, 100])
def test_the_way_back_leaves_out_no_row_however_far_up_the_newest_are(
    api: Api,
    viewer: str,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    looked_through: int,
) -> None:
    monkeypatch.setattr(paging, "SCAN_ROWS", looked_through)
    trigger_id = factories.trigger(database)
    made = [factories.execution(database, trigger_id, "completed") for _ in range(20)]
    path = f"/api/triggers/{trigger_id}/executions"

    back = listed(api, viewer, path, status="completed", after_id=made[4], per_page=3)

    assert ids(back) == made[7:4:-1]
    assert back["next"] == made[5]


def test_changes_that_no_index_knows_are_looked_for_so_far_and_then_further(
    api: Api, admin: str, operator: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    trigger_id = factories.trigger(database)
    monkeypatch.setattr(paging, "SCAN_ROWS", 2)
    api.ask("PATCH", f"/api/triggers/{trigger_id}", operator, json={"enabled": False})
    for agent in "abc":
        api.ask("PATCH", f"/api/triggers/{trigger_id}", admin, json={"agent": agent})

    first = listed(api, admin, "/api/audit", actor="a operator")
    second = listed(api, admin, "/api/audit", actor="a operator", before_id=first["next"])
    of_subject = listed(
        api, admin, "/api/audit", actor="a operator", subject=f"trigger:{trigger_id}"
    )

    assert (first["changes"], first["total_exact"]) == ([], False)
    assert [each["after"]["enabled"] for each in second["changes"]] == [False]
    assert [each["id"] for each in of_subject["changes"]] == [second["changes"][0]["id"]]


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_a_large_count_is_up_to_seconds_old_and_a_small_one_never() -> None:
    now = Clock()
    counter = count_cache.CountCache(now)
    large = count_cache.ALWAYS_FRESH_UP_TO + 1

    def kept(key: str, number: int) -> int:
        return int(counter.get_or_count(key, lambda: number, int))

    assert [kept("large", large), kept("large", 0)] == [large, large]
    assert [kept("small", 5), kept("small", 6)] == [5, 6]
    now.seconds += count_cache.REMEMBERED_SECONDS
    assert kept("large", 0) == 0


@pytest.mark.parametrize(("took", "remembered"), [(0.001, 10.0), (0.05, 50.0), (3.0, 300.0)])
def test_a_count_that_took_long_is_remembered_for_longer(took: float, remembered: float) -> None:
    now = Clock()
    counter = count_cache.CountCache(now)

    def slow() -> int:
        now.seconds += took
        return 5_000

    counter.get_or_count("slow", slow, int)
    now.seconds += remembered - 0.1
    before = counter.get_or_count("slow", lambda: 1, int)
    now.seconds += 0.1

    assert (before, counter.get_or_count("slow", lambda: 1, int)) == (5_000, 1)


def test_a_small_count_that_read_many_rows_is_remembered() -> None:
    counter = count_cache.CountCache(Clock())

    counter.get_or_count("few of many", lambda: 1, lambda _counted: 1_000_000)

    assert counter.get_or_count("few of many", lambda: 2, lambda _counted: 1_000_000) == 1


def test_an_execution_shows_all_that_is_known_of_it(
    api: Api, viewer: str, database: Database
) -> None:
    at = clock.now()
    trigger_id = factories.trigger(database, idempotency_key_from="header:X-Id")
    first = factories.execution(database, trigger_id, "replayed", idempotency_key="k")
    second = factories.execution(
        database, trigger_id, "running", idempotency_key="k", replay_of_id=first, chain_id=first
    )
    with database.writing() as connection:
        connection.execute(
            sa.insert(execution_repeats).values(
                execution_id=first, trigger_id=trigger_id, number=3, last_at=at
            )
        )
        connection.execute(
            sa.insert(key_mismatches).values(
                execution_id=first,
                trigger_id=trigger_id,
                digest="d",
                number=2,
                first_at=at,
                last_at=at,
            )
        )

    shown = api.ask("GET", f"/api/triggers/executions/{second}", viewer).json

    assert shown["event_data"] == {}
    assert [each["id"] for each in shown["chain"]] == [first, second]
    assert [each["outcome"] for each in shown["attempts"]] == [None]
    assert [each["duration_seconds"] for each in shown["attempts"]] == [None]
    assert shown["repeats"] == {"number": 3, "last_at": clock.text(at)}
    assert [each["digest"] for each in shown["mismatches"]] == ["d"]
    assert shown["duplicate_key"] == {
        "key": "k",
        "found_at": ["header:X-Id"],
        "first_execution_id": first,
    }
    assert shown["received_at"] is None


@pytest.fixture
def found_executions(database: Database) -> dict[str, int]:
    """Return executions of two triggers that differ in every field that can be filtered."""
    orders = factories.trigger(database, name="Orders")
    others = factories.trigger(database, name="Others")
    day = [datetime(2026, 3, day, 12, tzinfo=UTC) for day in range(1, 6)]
    timed_out = {"error_reason": "timeout", "error_category": "transient"}
    refused = {"error_reason": "rejected", "error_category": "permanent"}
    make = factories.execution
    return {
        "first": make(database, orders, "completed", received_at=day[0], idempotency_key="k"),
        "slow": make(database, orders, "failed_retryable", received_at=day[1], **timed_out),
        "other": make(database, others, "failed", received_at=day[2], **refused),
        "nobody knows why": make(database, others, "failed", received_at=day[3]),
        "last": make(database, others, "pending", received_at=day[4], idempotency_key="k"),
    }


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({}, ["last", "nobody knows why", "other", "slow", "first"]),
        ({"trigger_id": 1}, ["slow", "first"]),
        ({"status": "failed"}, ["nobody knows why", "other"]),
        ({"status": "failed", "reason": "rejected"}, ["other"]),
        ({"category": "transient"}, ["slow"]),
        ({"reason": "timeout"}, ["slow"]),
        ({"reason": "unknown"}, ["nobody knows why"]),
        ({"key": "k"}, ["last", "first"]),
        ({"since": "2026-03-03T12:00:00Z"}, ["last", "nobody knows why", "other"]),
        ({"until": "2026-03-03T13:00:00+01:00"}, ["slow", "first"]),
        ({"since": "2026-03-02", "until": "2026-03-04T00:00"}, ["other", "slow"]),
        ({"per_page": 2}, ["last", "nobody knows why"]),
        ({"trigger_id": 99}, []),
    ],
)
def test_executions_are_sought_over_all_triggers(
    api: Api,
    viewer: str,
    found_executions: dict[str, int],
    query: dict[str, Any],
    names: list[str],
) -> None:
    answer = listed(api, viewer, "/api/triggers/executions", **query)

    assert ids(answer) == [found_executions[name] for name in names]
    assert all("event_data" not in each for each in answer["executions"])
    assert {each["trigger"] for each in answer["executions"]} <= {"Orders", "Others"}


@pytest.mark.parametrize(
    "query", [{"since": "yesterday"}, {"until": ""}, {"reason": "bad luck"}, {"trigger": "one"}]
)
def test_a_search_that_makes_no_sense_is_refused_in_a_sentence(
    api: Api, viewer: str, query: dict[str, str]
) -> None:
    answer = api.ask("GET", "/api/triggers/executions", viewer, params=query)

    assert (answer.status_code, answer.json["error"]) == (422, "invalid")
    assert next(iter(query)) in answer.json["detail"]


def test_an_execution_that_there_is_not_is_not_found(api: Api, viewer: str) -> None:
    answer = api.ask("GET", "/api/triggers/executions/9", viewer)

    assert (answer.status_code, answer.json["error"]) == (404, "not_found")


def test_a_replay_answers_as_agreed(api: Api, operator: str, database: Database) -> None:
    dead = factories.execution(database, factories.trigger(database), "failed")
    path = f"/api/triggers/executions/{dead}/replay"

    answer = api.ask("POST", path, operator)
    again = api.ask("POST", path, operator)
    missing = api.ask("POST", "/api/triggers/executions/99/replay", operator)

    assert (answer.status_code, answer.json) == (
        200,
        {"status": "ok", "new_execution_id": dead + 1},
    )
    assert (again.status_code, again.json) == (
        400,
        {"error": "not_replayable", "current_status": "replayed"},
    )
    assert (missing.status_code, missing.json["error"]) == (404, "not_found")


def test_a_replay_too_soon_says_when_to_come_again(
    api: Api, operator: str, database: Database
) -> None:
    at = clock.now() - timedelta(seconds=20)
    dead = factories.execution(database, factories.trigger(database), "failed", last_replay_at=at)

    answer = api.ask("POST", f"/api/triggers/executions/{dead}/replay", operator)

    assert (answer.status_code, answer.json["error"]) == (429, "rate_limited")
    assert 0 < answer.json["retry_after_seconds"] <= 40
    assert answer.headers["Retry-After"] == str(answer.json["retry_after_seconds"])


@pytest.fixture
def letters(database: Database) -> dict[str, int]:
    """Return dead letters of every kind, and one execution that is not a dead letter."""
    one = factories.trigger(database, name="One!", slug="one")
    two = factories.trigger(database, slug="two")
    yesterday = clock.now() - timedelta(days=1)
    give = {
        "rejected": {"error_reason": "rejected", "error_category": "permanent"},
        "timeout": {"error_reason": "timeout", "error_category": "transient"},
        "other": {"error_reason": "timeout", "error_category": "transient"},
        "old": {"idempotency_key": "k"},
        "new": {"completed_at": yesterday},
    }
    factories.execution(database, one, "completed")
    return {
        name: factories.execution(database, two if name == "other" else one, "failed", **given)
        for name, given in give.items()
    }


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({}, ["new", "old", "other", "timeout", "rejected"]),
        ({"trigger": "two"}, ["other"]),
        ({"trigger": "One!"}, ["new", "old", "timeout", "rejected"]),
        ({"reason": "timeout"}, ["other", "timeout"]),
        ({"reason": "timeout", "trigger": "one"}, ["timeout"]),
        ({"reason": "unknown"}, ["new", "old"]),
        ({"category": "permanent"}, ["rejected"]),
        ({"key": "k"}, ["old"]),
        ({"since": "2021-01-01"}, ["new"]),
        ({"since": "2021-01-01T00:00:00+02:00"}, ["new"]),
        ({"until": "2021-01-01"}, ["old", "other", "timeout", "rejected"]),
    ],
)
def test_dead_letters_are_chosen_and_counted(
    api: Api, viewer: str, letters: dict[str, int], query: dict[str, str], names: list[str]
) -> None:
    answer = listed(api, viewer, "/api/dead", **query)

    assert ids(answer, "dead") == [letters[name] for name in names]
    assert answer["total"] == len(names) == sum(each["executions"] for each in answer["groups"])


def test_dead_letters_are_leafed_through(api: Api, viewer: str, letters: dict[str, int]) -> None:
    first = listed(api, viewer, "/api/dead", per_page=3)
    second = listed(api, viewer, "/api/dead", per_page=3, before_id=first["next"])

    assert ids(first, "dead") + ids(second, "dead") == sorted(letters.values(), reverse=True)
    assert second["next"] is None


@pytest.mark.parametrize(
    ("query", "status"),
    [({"since": "tomorrow"}, 422), ({"reason": "bad luck"}, 422), ({"trigger": "nobody"}, 404)],
)
def test_a_choice_of_dead_letters_that_makes_no_sense_is_refused(
    api: Api, operator: str, query: dict[str, str], status: int
) -> None:
    assert api.ask("GET", "/api/dead", operator, params=query).status_code == status
    assert api.ask("POST", "/api/dead/replay", operator, json=query).status_code == status


def test_a_preview_says_what_would_be_sent_and_sends_nothing(
    api: Api, operator: str, letters: dict[str, int], database: Database
) -> None:
    body = {"trigger": "one", "preview": True}

    answer = api.ask("POST", "/api/dead/replay", operator, json=body).json

    assert (answer["preview"], answer["total"], answer["replayed"]) == (True, 4, [])
    assert {each["reason"] for each in answer["groups"]} == {"rejected", "timeout", "unknown"}
    assert len(factories.executions(database)) == len(letters) + 1
    assert api.changes() == []


def test_many_are_sent_again_some_in_each_request(
    api: Api, operator: str, letters: dict[str, int], database: Database
) -> None:
    first = api.ask("POST", "/api/dead/replay", operator, json={"limit": 3}).json
    rest = {"limit": 3, "before_id": first["next"]}
    second = api.ask("POST", "/api/dead/replay", operator, json=rest).json

    sent = [each["execution_id"] for each in first["replayed"] + second["replayed"]]
    assert sent == sorted(letters.values(), reverse=True)
    assert second["next"] is None
    assert listed(api, operator, "/api/dead")["total"] == 0
    assert len(api.changes("execution.replay")) == len(letters)
    assert [each.status for each in factories.executions(database)].count("pending") == len(letters)


def test_one_that_cannot_be_sent_does_not_keep_the_others(
    api: Api, operator: str, letters: dict[str, int], database: Database
) -> None:
    with database.writing() as connection:
        same = trigger_executions.c.id == letters["timeout"]
        connection.execute(
            sa.update(trigger_executions).where(same).values(last_replay_at=clock.now())
        )

    answer = api.ask("POST", "/api/dead/replay", operator).json

    (refused,) = answer["refused"]
    assert (refused["execution_id"], refused["error"]) == (letters["timeout"], "rate_limited")
    assert len(answer["replayed"]) == len(letters) - 1


def test_changes_are_leafed_through_newest_first(
    api: Api, admin: str, operator: str, database: Database
) -> None:
    trigger_id = factories.trigger(database)
    for enabled in (False, True, False):
        api.ask("PATCH", f"/api/triggers/{trigger_id}", operator, json={"enabled": enabled})

    first = listed(api, admin, "/api/audit", actor="a operator", per_page=2)
    second = listed(api, admin, "/api/audit", actor="a operator", before_id=first["next"])

    assert [each["after"]["enabled"] for each in first["changes"] + second["changes"]] == [
        False,
        True,
        False,
    ]
    assert first["total"] == 3
