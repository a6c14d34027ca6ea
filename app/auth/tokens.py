"""Tokens of people and programs.

A token and a session are 256 random bits, so storing their SHA-256 is enough: a slow hash protects
only what can be guessed.
"""

import hashlib
import re
import secrets
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app import audit, clock, db, names
from app.audit import Actor
from app.auth.identity import ROLES, Identity
from app.db import Database
from app.db.models import sessions, tokens
from app.errors import (
    DatabaseUnavailable,
    InvalidToken,
    TokenNameTaken,
    Unauthenticated,
    existing,
)

PREFIX = "hookonce_"
"""Prefix of every token: a scanner for leaked secrets finds it."""
RESERVED_PREFIX = "cli:"
"""Prefix of the names by which the audit record knows the users of commands."""
TOKEN_NAMES_LOCK = 0x746F6B656E73
SECRET_BYTES = 32
"""Random bytes of a token, a session and a CSRF token."""
LONGEST_NAME = 200
LONGEST_TOKEN = 200
USED_AGAIN_SECONDS = 60.0
"""Seconds until a token's last use is stored again: a write for each request costs too much."""
_DURATION = re.compile(r"([0-9]{1,5})([smhdw])")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


def duration(text: str) -> timedelta:
    """Read `30d`, `12h` or `90m` (units s, m, h, d, w); raise InvalidToken for anything else."""
    match = _DURATION.fullmatch(text.strip())
    if not match or not int(match[1]):
        raise InvalidToken(f"{text!r} is not a duration such as 30d, 12h or 90m")
    return timedelta(seconds=int(match[1]) * _UNITS[match[2]])


def add_token(
    database: Database, actor: Actor, name: str, role: str, expires_at: datetime | None = None
) -> tuple[sa.Row[Any], str]:
    """Create a token; return its row and the token, which is not stored and cannot be read again.

    Raises InvalidToken with a sentence for a description that cannot work, TokenNameTaken if
    another token that can be used has the name: the audit record names who made a change.
    """
    _require_valid(name, role, expires_at)
    token = PREFIX + secrets.token_urlsafe(SECRET_BYTES)
    values = {
        "name": name.strip(),
        "role": role,
        "token_hash": hashed(token),
        "created_at": clock.now(),
        "created_by": actor.name[:LONGEST_NAME],
        "expires_at": expires_at,
    }
    with database.writing() as connection:
        _require_free(connection, name)
        row = connection.execute(sa.insert(tokens).values(values).returning(*tokens.c)).one()
        audit.record(connection, actor, "token.add", f"token:{row.id}", after=values)
    return row, token


def revoke_token(database: Database, actor: Actor, name_or_id: str | int) -> sa.Row[Any]:
    """Revoke a token and end the sessions that it began; NotFound if there is no such token."""
    with database.writing() as connection:
        before = _find(connection, name_or_id)
        if before.revoked_at is not None:
            return before
        revoke = sa.update(tokens).where(tokens.c.id == before.id).values(revoked_at=clock.now())
        row = connection.execute(revoke.returning(*tokens.c)).one()
        connection.execute(sa.delete(sessions).where(sessions.c.token_id == row.id))
        audit.record(
            connection,
            actor,
            "token.revoke",
            f"token:{row.id}",
            before=before._mapping,
            after=row._mapping,
        )
        return row


def all_tokens(connection: Connection) -> list[sa.Row[Any]]:
    """Return every token, expired and revoked ones too, newest first."""
    return list(connection.execute(sa.select(tokens).order_by(tokens.c.id.desc())))


def of_token(database: Database, token: str) -> Identity:
    """Return the token's holder; Unauthenticated if it is unknown, expired or revoked."""
    columns = tokens.c
    query = sa.select(tokens).where(columns.token_hash == hashed(token))
    with database.reading() as connection:
        row = connection.execute(query).one_or_none()
    now = clock.now()
    if row is None or not valid(row, now):
        raise Unauthenticated("the token is unknown, has expired or was revoked")
    remember_use(database, row, now)
    return Identity(row.id, row.name, row.role, expires_at=row.expires_at)


def hashed(secret: str) -> str:
    """Return the hash that is stored of a token or a session."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def valid(token: Any, now: datetime) -> bool:
    """Return True if the token is neither revoked nor expired."""
    return token.revoked_at is None and (token.expires_at is None or now < token.expires_at)


def remember_use(database: Database, token: Any, now: datetime) -> None:
    """Store the time of use, at most once a minute; if that fails, the request goes on."""
    stale = now - timedelta(seconds=USED_AGAIN_SECONDS)
    if token.last_used_at is not None and token.last_used_at > stale:
        return
    columns = tokens.c
    unwritten = sa.or_(columns.last_used_at.is_(None), columns.last_used_at <= stale)
    use = sa.update(tokens).where(columns.id == token.id, unwritten).values(last_used_at=now)
    try:
        with database.writing() as connection:
            connection.execute(use)
    except DatabaseUnavailable:
        return


def _find(connection: Connection, name_or_id: str | int) -> sa.Row[Any]:
    """Return the token of this id, or the only one of this name that is not revoked."""
    columns = tokens.c
    text = str(name_or_id)
    by_id = text.isascii() and text.isdigit() and len(text) < 10
    if by_id:
        row = connection.execute(sa.select(tokens).where(columns.id == int(text))).one_or_none()
        if row is not None or isinstance(name_or_id, int):
            return _existing(row, text)
    named = sa.select(tokens).where(columns.name == text, columns.revoked_at.is_(None))
    rows = connection.execute(named.order_by(columns.id)).all()
    if len(rows) > 1:
        ids = ", ".join(str(row.id) for row in rows)
        raise InvalidToken(f"several tokens are named {text!r}: give the id, one of {ids}")
    return _existing(rows[0] if rows else None, text)


def _existing(row: sa.Row[Any] | None, name: str) -> sa.Row[Any]:
    return existing(row, f"there is no token {name!r}; `hookonce token list` shows all")


def _require_free(connection: Connection, name: str) -> None:
    """Raise TokenNameTaken if a token that is neither revoked nor expired has such a name.

    The lock makes two requests for one name wait for each other.
    """
    db.advisory_lock(connection, TOKEN_NAMES_LOCK)
    columns = tokens.c
    usable = sa.or_(columns.expires_at.is_(None), columns.expires_at > clock.now())
    query = sa.select(columns.id, columns.name).where(columns.revoked_at.is_(None), usable)
    for row in connection.execute(query):
        if names.comparable(row.name) == names.comparable(name):
            raise TokenNameTaken(f"token {row.id} is named {row.name!r} and can still be used")


def _require_valid(name: str, role: str, expires_at: datetime | None) -> None:
    if not name.strip() or len(name) > LONGEST_NAME:
        raise InvalidToken(f"a token needs a name of 1 to {LONGEST_NAME} characters")
    if character := names.invisible_character(name):
        raise InvalidToken(f"a token's name must not have the invisible character {character}")
    if names.comparable(name).replace(" ", "").startswith(RESERVED_PREFIX):
        raise InvalidToken(f"names with {RESERVED_PREFIX!r} are those of people who run commands")
    if role not in ROLES:
        raise InvalidToken(f"there is no role {role!r}; there are {', '.join(ROLES)}")
    if expires_at is not None and expires_at <= clock.now():
        raise InvalidToken("a token must expire later than now")
