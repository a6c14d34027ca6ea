"""Sessions of browsers: each belongs to a token, and ends with it."""

import secrets
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app import audit, clock
from app.audit import Actor
from app.auth.identity import Identity, Role
from app.auth.tokens import SECRET_BYTES, hashed, of_token, remember_use, valid
from app.db import Database
from app.db.models import sessions, tokens
from app.errors import Unauthenticated

SESSIONS_PER_TOKEN = 20
"""Sessions of one token that are kept: a further one ends the oldest."""
SESSION_ROWS_PER_HOUR = 60
"""Audit rows on the sessions of one token within an hour; the last one says that more may follow.

A holder of any role could otherwise fill the database by logging in again and again.
"""
_SESSION_ACTIONS = ("session.begin", "session.end")


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
    if row is None or not valid(row, now) or row.session_expires_at <= now:
        raise Unauthenticated("the session has ended: log in again")
    remember_use(database, row, now)
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
    audit.record(
        connection, Actor(holder.name, origin, holder.token_id), action, subject, after=after
    )


def _in_session(token_id: int, name: str, role: Role, session: Any) -> Identity:
    return Identity(
        token_id,
        name,
        role,
        session_hash=session["session_hash"],
        csrf_token=session["csrf_token"],
        expires_at=session["expires_at"],
    )
