"""Tokens: shown once, stored as a hash, listed, revoked, with the time of their last use."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import sqlalchemy as sa

from app import auth, clock
from app.audit import Actor
from app.db import Database
from app.db.models import tokens
from app.errors import DatabaseUnavailable, InvalidToken, NotFound, TokenNameTaken
from tests.support.api import ROOT, Api


def test_a_token_is_shown_once_and_lets_its_holder_in(api: Api, admin: str) -> None:
    made = api.ask("POST", "/api/tokens", admin, json={"name": "deploys", "role": "operator"})
    listed = api.ask("GET", "/api/tokens", admin)

    assert made.status_code == 201
    assert api.ask("GET", "/api/session", made.json["token"]).json["role"] == "operator"
    assert made.json["token"] not in listed.text
    assert auth.hashed(made.json["token"]) not in listed.text
    assert [each["name"] for each in listed.json["tokens"]] == ["deploys", "a admin"]


def test_a_token_is_long_enough_never_to_be_guessed(api: Api) -> None:
    first, second = api.token(auth.VIEWER), api.token(auth.VIEWER)

    assert first != second
    assert len(first.removeprefix(auth.PREFIX)) * 6 >= 256


def test_a_revoked_token_is_no_good_from_now_on(api: Api, admin: str, viewer: str) -> None:
    listed = api.ask("GET", "/api/tokens", admin).json["tokens"]
    viewers = next(each["id"] for each in listed if each["role"] == "viewer")

    answer = api.ask("DELETE", f"/api/tokens/{viewers}", admin)

    assert answer.json["revoked_at"] is not None
    assert api.ask("GET", "/api/session", viewer).status_code == 401


def test_a_token_that_is_none_cannot_be_revoked(api: Api, admin: str) -> None:
    assert api.ask("DELETE", "/api/tokens/999", admin).status_code == 404


def test_revoking_twice_leaves_one_change_on_record(api: Api, admin: str, viewer: str) -> None:
    del viewer
    for _ in range(2):
        api.ask("DELETE", "/api/tokens/2", admin)

    assert len(api.changes("token.revoke")) == 1


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({}, "name is missing; role is missing"),
        ({"name": "x"}, "role is missing"),
        ({"name": "", "role": "admin"}, "name must have 1 to 200 characters"),
        ({"name": "  ", "role": "admin"}, "a token needs a name"),
        ({"name": "x", "role": "root"}, "role must be one of viewer, operator, admin"),
        ({"name": "x", "role": "admin", "expires": "soon"}, "expires must match"),
        ({"name": "x", "role": "admin", "expires": "0d"}, "expires must match"),
        ({"name": "x\0", "role": "admin"}, "a character that cannot be stored"),
        ({"name": "x", "role": "admin", "hash": "y"}, "unknown field 'hash'"),
        ({"name": 7, "role": "admin"}, "name must be text"),
    ],
)
def test_a_token_that_cannot_work_is_refused_in_a_sentence(
    api: Api, admin: str, body: object, detail: str
) -> None:
    answer = api.ask("POST", "/api/tokens", admin, json=body)

    assert (answer.status_code, answer.json["error"]) == (422, "invalid")
    assert detail in answer.json["detail"]


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("90s", timedelta(seconds=90)),
        ("15m", timedelta(minutes=15)),
        ("12h", timedelta(hours=12)),
        ("30d", timedelta(days=30)),
        ("2w", timedelta(weeks=2)),
    ],
)
def test_a_token_lives_as_long_as_it_was_made_for(
    api: Api, admin: str, text: str, length: timedelta
) -> None:
    made = {"name": "x", "role": "viewer", "expires": text}

    answer = api.ask("POST", "/api/tokens", admin, json=made)
    end = clock.moment(answer.json["expires_at"])

    assert end is not None
    assert abs(end - clock.now() - length) < timedelta(seconds=20)


@pytest.mark.parametrize("text", ["", "d", "0d", "30", "30 d", "-1d", "1y", "²d", "999999d"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(InvalidToken, match="not a duration"):
        auth.duration(text)


def test_a_token_cannot_have_expired_before_it_is_made(database: Database) -> None:
    with pytest.raises(InvalidToken, match="later than now"):
        auth.add_token(database, ROOT, "x", "viewer", clock.now())


def test_the_last_use_of_a_token_is_written(api: Api, viewer: str) -> None:
    api.ask("GET", "/api/session", viewer)

    (used,) = api.used()
    assert used is not None


def test_the_last_use_is_written_at_most_once_a_minute(api: Api, viewer: str) -> None:
    api.ask("GET", "/api/session", viewer)
    (first,) = api.used()
    api.ask("GET", "/api/session", viewer)

    assert api.used() == [first]


def test_a_second_use_within_a_minute_takes_no_write_lock(
    api: Api, viewer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.ask("GET", "/api/session", viewer)
    begun: list[None] = []
    monkeypatch.setattr(Database, "writing", lambda _database: begun.append(None))

    api.ask("GET", "/api/session", viewer)

    assert begun == []


def test_a_use_a_minute_later_is_written(api: Api, viewer: str, database: Database) -> None:
    before = clock.now() - timedelta(seconds=auth.USED_AGAIN_SECONDS + 1)
    with database.writing() as connection:
        connection.execute(sa.update(tokens).values(last_used_at=before))

    api.ask("GET", "/api/session", viewer)

    (used,) = api.used()
    assert used is not None
    assert used > before


def test_a_use_that_cannot_be_written_stops_nobody(
    api: Api, viewer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_database: Database) -> None:
        raise DatabaseUnavailable("the disk is full")

    monkeypatch.setattr(Database, "writing", full)

    assert api.ask("GET", "/api/session", viewer).status_code == 200


def test_a_token_is_found_by_its_name_while_only_one_has_it(database: Database) -> None:
    auth.add_token(database, ROOT, "once", "viewer")
    row, _ = auth.add_token(database, ROOT, "twice", "viewer")
    with database.writing() as connection:  # as an earlier version permitted it
        connection.execute(sa.update(tokens).values(name="twice"))

    with pytest.raises(InvalidToken, match="give the id, one of 1, 2"):
        auth.revoke_token(database, ROOT, "twice")
    auth.revoke_token(database, ROOT, str(row.id))

    assert auth.revoke_token(database, ROOT, "twice").id == 1


@pytest.mark.parametrize("name", ["Ada", "ada", " ADA ", "\uff21da"])
def test_the_name_of_a_token_that_can_be_used_is_taken(api: Api, admin: str, name: str) -> None:
    auth.add_token(api.database, ROOT, "Ada", "viewer")

    answer = api.ask("POST", "/api/tokens", admin, json={"name": name, "role": "viewer"})

    assert (answer.status_code, answer.json["error"]) == (409, "conflict")
    assert "'Ada'" in answer.json["detail"]


@pytest.mark.parametrize("ended", ["revoked", "expired"])
def test_the_name_of_a_token_that_cannot_be_used_is_free(database: Database, ended: str) -> None:
    row, _ = auth.add_token(database, ROOT, "Ada", "viewer", clock.now() + timedelta(hours=1))
    column = tokens.c.revoked_at if ended == "revoked" else tokens.c.expires_at
    with database.writing() as connection:
        connection.execute(sa.update(tokens).values({column.name: clock.now()}))

    again, _ = auth.add_token(database, ROOT, "Ada", "viewer")

    assert again.id != row.id


def test_of_many_requests_for_one_name_at_once_one_gets_it(database: Database) -> None:
    def add(_number: int) -> int:
        try:
            return int(auth.add_token(database, ROOT, "Ada", "viewer")[0].id)
        except TokenNameTaken:
            return 0

    with ThreadPoolExecutor(8) as threads:
        made = [each for each in threads.map(add, range(16)) if each]

    assert len(made) == 1


@pytest.mark.parametrize("name", ["cli:root", "CLI:root", " cli : x", "\uff43li\uff1aroot"])
def test_the_names_of_people_who_run_commands_are_reserved(api: Api, admin: str, name: str) -> None:
    answer = api.ask("POST", "/api/tokens", admin, json={"name": name, "role": "viewer"})

    assert answer.status_code == 422
    assert "'cli:'" in answer.json["detail"]


@pytest.mark.parametrize("character", ["\n", "\x1b", "\u202e", "\u200b"], ids=ascii)
def test_a_character_that_nobody_sees_is_in_no_name(api: Api, admin: str, character: str) -> None:
    name = f"a{character}b"
    token = api.ask("POST", "/api/tokens", admin, json={"name": name, "role": "viewer"})
    new = {"action_type": "noop", "action_payload": "x"}
    trigger = api.ask("POST", "/api/triggers", admin, json=new | {"name": name})
    agent = api.ask("POST", "/api/triggers", admin, json=new | {"name": "n", "agent": name})

    assert [each.status_code for each in (token, trigger, agent)] == [422] * 3
    for answer in (token, trigger, agent):
        assert f"U+{ord(character):04X}" in answer.json["detail"]


def test_a_token_that_there_is_not_is_not_found(database: Database) -> None:
    with pytest.raises(NotFound, match="there is no token 'nobody'"):
        auth.revoke_token(database, ROOT, "nobody")


def test_who_makes_and_revokes_tokens_is_on_record_without_the_token(api: Api, admin: str) -> None:
    made = api.ask("POST", "/api/tokens", admin, json={"name": "x", "role": "viewer"}).json
    api.ask("DELETE", f"/api/tokens/{made['id']}", admin)

    changes = api.ask("GET", "/api/audit", admin, params={"subject": f"token:{made['id']}"})

    assert [each["action"] for each in changes.json["changes"]] == ["token.revoke", "token.add"]
    assert {each["actor"] for each in changes.json["changes"]} == {"a admin"}
    token_id = api.ask("GET", "/api/tokens", admin).json["tokens"][-1]["id"]
    assert {each["token_id"] for each in changes.json["changes"]} == {token_id}
    assert made["token"] not in changes.text
    assert auth.hashed(made["token"]) not in changes.text


def test_a_name_longer_than_the_record_is_cut(api: Api, database: Database) -> None:
    auth.add_token(database, Actor("x" * 500, "y" * 500), "x", "viewer")

    (row,) = api.changes()
    assert (len(row.actor), len(row.origin)) == (200, 100)
