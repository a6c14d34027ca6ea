"""Tokens, the roles that they give, and the sessions of browsers.

A token and a session are 256 random bits, so storing their SHA-256 is enough: a slow hash protects
only what can be guessed.
"""

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app import audit, clock
from app.audit import Actor
from app.db import Database
from app.db.models import sessions, tokens
from app.errors import DatabaseUnavailable, Forbidden, InvalidToken, NotFound, Unauthenticated

Role = Literal["viewer", "operator", "admin"]
ROLES: Final[tuple[Role, ...]] = ("viewer", "operator", "admin")
"""The roles, ascending: each may also do everything that the ones before it may."""
VIEWER, OPERATOR, ADMIN = ROLES
PREFIX = "hookonce_"
"""Prefix of every token: a scanner for leaked secrets finds it."""
SECRET_BYTES = 32
"""Random bytes of a token, a session and a CSRF token."""
LONGEST_NAME = 200
LONGEST_TOKEN = 200
USED_AGAIN_SECONDS = 60.0
"""Seconds until a token's last use is stored again: a write for each request costs too much."""
SESSIONS_PER_TOKEN = 20
"""Sessions of one token that are kept: a further one ends the oldest."""
SESSION_ROWS_PER_HOUR = 60
"""Audit rows on the sessions of one token within an hour; the last one says that more may follow.

A holder of any role could otherwise fill the database by logging in again and again.
"""
_DURATION = re.compile(r"([0-9]{1,5})([smhdw])")
_SESSION_ACTIONS = ("session.begin", "session.end")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


@dataclass(frozen=True, slots=True)
class Identity:
    """The authenticated caller: by a token, or by a browser's session that a token began."""

    token_id: int
    name: str
    role: Role
    session_hash: str | None = None
    csrf_token: str | None = None
    expires_at: datetime | None = None
    """The time when the session, or else the token, expires."""


def require(identity: Identity, role: Role) -> None:
    """Return if the caller's role permits what `role` permits; else raise Forbidden."""
    if ROLES.index(identity.role) < ROLES.index(role):
        raise Forbidden(f"this needs the role {role}; {identity.name} has the role {identity.role}")


def duration(text: str) -> timedelta:
    """Read `30d`, `12h` or `90m`: seconds, minutes, hours, days or weeks.

    Raises InvalidToken for anything else.
    """
    match = _DURATION.fullmatch(text.strip())
    if not match or not int(match[1]):
        raise InvalidToken(f"{text!r} is not a duration such as 30d, 12h or 90m")
    return timedelta(seconds=int(match[1]) * _UNITS[match[2]])


def add_token(
    database: Database, actor: Actor, name: str, role: str, expires_at: datetime | None = None
) -> tuple[sa.Row[Any], str]:
    """Create a token; return its row and the token, which is not stored and cannot be read again.

    Raises InvalidToken with a sentence for a description that cannot work.
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
    if row is None or not _valid(row, now):
        raise Unauthenticated("the token is unknown, has expired or was revoked")
    _remember_use(database, row, now)
    return Identity(row.id, row.name, row.role, expires_at=row.expires_at)


def begin_session(
    database: Database, token: str, origin: str | None, seconds: float
) -> tuple[Identity, str]:
    """Begin a session; return the token's holder and the session's secret for the cookie.

    Raises Unauthenticated as `of_token` does. Expired sessions are deleted, and of the token's own
    all but the newest.
    """
    holder = of_token(database, token)
    now = clock.now()
    secret = secrets.token_urlsafe(SECRET_BYTES)
    end = now + timedelta(seconds=seconds)
    if holder.expires_at is not None:
        end = min(end, holder.expires_at)
    session = {
        "session_hash": hashed(secret),
        "token_id": holder.token_id,
        "csrf_token": secrets.token_urlsafe(SECRET_BYTES),
        "created_at": now,
        "expires_at": end,
    }
    with database.writing() as connection:
        _lock(connection, holder.token_id)
        connection.execute(sa.delete(sessions).where(sessions.c.expires_at <= now))
        connection.execute(sa.insert(sessions).values(session))
        _end_oldest(connection, holder.token_id)
        _record_session(connection, holder, origin, "session.begin")
    return _in_session(holder.token_id, holder.name, holder.role, session), secret


def of_session(database: Database, secret: str) -> Identity:
    """Return the holder of the session; Unauthenticated if it or its token is no longer valid."""
    query = (
        sa.select(tokens, sessions.c.session_hash, sessions.c.csrf_token)
        .add_columns(sessions.c.expires_at.label("session_expires_at"))
        .join(sessions, sessions.c.token_id == tokens.c.id)
        .where(sessions.c.session_hash == hashed(secret))
    )
    with database.reading() as connection:
        row = connection.execute(query).one_or_none()
    now = clock.now()
    if row is None or not _valid(row, now) or row.session_expires_at <= now:
        raise Unauthenticated("the session has ended: log in again")
    _remember_use(database, row, now)
    ending = dict(row._mapping) | {"expires_at": row.session_expires_at}
    return _in_session(row.id, row.name, row.role, ending)


def end_session(database: Database, identity: Identity, origin: str | None) -> None:
    """End the caller's session; nothing happens if the caller presented a token."""
    if identity.session_hash is None:
        return
    with database.writing() as connection:
        _lock(connection, identity.token_id)
        same = sessions.c.session_hash == identity.session_hash
        connection.execute(sa.delete(sessions).where(same))
        _record_session(connection, identity, origin, "session.end")


def hashed(secret: str) -> str:
    """Return the hash that is stored of a token or a session."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _lock(connection: Connection, token_id: int) -> None:
    """Let one transaction at a time change the sessions of the token."""
    connection.execute(sa.select(tokens.c.id).where(tokens.c.id == token_id).with_for_update())


def _end_oldest(connection: Connection, token_id: int) -> None:
    columns = sessions.c
    newest = (
        sa.select(columns.session_hash)
        .where(columns.token_id == token_id)
        .order_by(columns.created_at.desc(), columns.session_hash)
        .limit(SESSIONS_PER_TOKEN)
    )
    oldest = sa.and_(columns.token_id == token_id, columns.session_hash.not_in(newest))
    connection.execute(sa.delete(sessions).where(oldest))


def _record_session(
    connection: Connection, holder: Identity, origin: str | None, action: str
) -> None:
    """Write the audit row, unless the token has so many of this hour already."""
    subject = f"token:{holder.token_id}"
    recent = audit.count_since(
        connection, subject, _SESSION_ACTIONS, clock.now() - timedelta(hours=1)
    )
    if recent >= SESSION_ROWS_PER_HOUR:
        return
    last = recent + 1 == SESSION_ROWS_PER_HOUR
    after = {"further_sessions": "not recorded for up to an hour"} if last else None
    audit.record(connection, Actor(holder.name, origin), action, subject, after=after)


def _in_session(token_id: int, name: str, role: Role, session: Any) -> Identity:
    return Identity(
        token_id,
        name,
        role,
        session_hash=session["session_hash"],
        csrf_token=session["csrf_token"],
        expires_at=session["expires_at"],
    )


def _valid(token: Any, now: datetime) -> bool:
    return token.revoked_at is None and (token.expires_at is None or now < token.expires_at)


def _remember_use(database: Database, token: Any, now: datetime) -> None:
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
            return _require_found(row, text)
    named = sa.select(tokens).where(columns.name == text, columns.revoked_at.is_(None))
    rows = connection.execute(named.order_by(columns.id)).all()
    if len(rows) > 1:
        ids = ", ".join(str(row.id) for row in rows)
        raise InvalidToken(f"several tokens are named {text!r}: give the id, one of {ids}")
    return _require_found(rows[0] if rows else None, text)


def _require_found(row: sa.Row[Any] | None, name: str) -> sa.Row[Any]:
    if row is None:
        raise NotFound(f"there is no token {name!r}; `hookonce token list` shows all")
    return row


def _require_valid(name: str, role: str, expires_at: datetime | None) -> None:
    if not name.strip() or len(name) > LONGEST_NAME:
        raise InvalidToken(f"a token needs a name of 1 to {LONGEST_NAME} characters")
    if role not in ROLES:
        raise InvalidToken(f"there is no role {role!r}; there are {', '.join(ROLES)}")
    if expires_at is not None and expires_at <= clock.now():
        raise InvalidToken("a token must expire later than now")
