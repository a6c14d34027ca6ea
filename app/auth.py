"""Who may do what: tokens, the roles that they give, and the sessions of browsers.

A token and a session are 256 bits of chance, so their SHA-256 is enough to keep: nothing that could
be guessed is hashed.
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
"""Each may do what the ones before it may."""
VIEWER, OPERATOR, ADMIN = ROLES
PREFIX = "hookonce_"
"""What a token begins with, so that a search for leaked secrets finds it."""
SECRET_BYTES = 32
LONGEST_NAME = 200
LONGEST_TOKEN = 200
USED_AGAIN_SECONDS = 60.0
"""How old a token's last use may be before it is written again: a write for each call is dear."""
_DURATION = re.compile(r"([0-9]{1,5})([smhdw])")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


@dataclass(frozen=True, slots=True)
class Identity:
    """Who asks, proven: by a token, or by a browser's session that a token began."""

    token_id: int
    name: str
    role: Role
    session_hash: str | None = None
    csrf_token: str | None = None
    expires_at: datetime | None = None
    """When the session, or else the token, ends."""


def require(identity: Identity, role: Role) -> None:
    """Return if the person's role is as large; else Forbidden."""
    if ROLES.index(identity.role) < ROLES.index(role):
        raise Forbidden(f"this takes the role {role}, and {identity.name} is {identity.role}")


def duration(text: str) -> timedelta:
    """`30d`, `12h`, `90m`: seconds, minutes, hours, days or weeks.

    Raises InvalidToken for anything else.
    """
    found = _DURATION.fullmatch(text.strip())
    if not found or not int(found[1]):
        raise InvalidToken(f"{text!r} is no duration such as 30d, 12h or 90m")
    return timedelta(seconds=int(found[1]) * _UNITS[found[2]])


def add_token(
    database: Database, actor: Actor, name: str, role: str, expires_at: datetime | None = None
) -> tuple[sa.Row[Any], str]:
    """The token's row, and the token itself, which nobody can read again.

    Raises InvalidToken with a sentence for each description that cannot work.
    """
    _require_valid(name, role, expires_at)
    token = PREFIX + secrets.token_urlsafe(SECRET_BYTES)
    made = {
        "name": name.strip(),
        "role": role,
        "token_hash": hashed(token),
        "created_at": clock.now(),
        "created_by": actor.name[:LONGEST_NAME],
        "expires_at": expires_at,
    }
    with database.writing() as connection:
        row = connection.execute(sa.insert(tokens).values(made).returning(*tokens.c)).one()
        audit.record(connection, actor, "token.add", f"token:{row.id}", after=made)
    return row, token


def revoke_token(database: Database, actor: Actor, name_or_id: str | int) -> sa.Row[Any]:
    """The token is no good from now on, nor is any session that it began; NotFound without it."""
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
    """Every token there ever was, newest first."""
    return list(connection.execute(sa.select(tokens).order_by(tokens.c.id.desc())))


def of_token(database: Database, token: str) -> Identity:
    """Who holds the token; Unauthenticated if it is not known, expired or revoked."""
    columns = tokens.c
    query = sa.select(tokens).where(columns.token_hash == hashed(token))
    with database.reading() as connection:
        row = connection.execute(query).one_or_none()
    now = clock.now()
    if row is None or not _good(row, now):
        raise Unauthenticated("the token is not known, has expired or was revoked")
    _remember_use(database, row, now)
    return Identity(row.id, row.name, row.role, expires_at=row.expires_at)


def begin_session(
    database: Database, token: str, origin: str | None, seconds: float
) -> tuple[Identity, str]:
    """Who holds the token, and a session's secret for the browser's cookie.

    Raises Unauthenticated as `of_token` does. Sessions that have ended are cleared away.
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
        connection.execute(sa.delete(sessions).where(sessions.c.expires_at <= now))
        connection.execute(sa.insert(sessions).values(session))
        actor = Actor(holder.name, origin)
        audit.record(connection, actor, "session.begin", f"token:{holder.token_id}")
    return _in_session(holder.token_id, holder.name, holder.role, session), secret


def of_session(database: Database, secret: str) -> Identity:
    """Who began the session; Unauthenticated if it has ended, or its token is no good any more."""
    query = (
        sa.select(tokens, sessions.c.session_hash, sessions.c.csrf_token)
        .add_columns(sessions.c.expires_at.label("session_expires_at"))
        .join(sessions, sessions.c.token_id == tokens.c.id)
        .where(sessions.c.session_hash == hashed(secret))
    )
    with database.reading() as connection:
        row = connection.execute(query).one_or_none()
    now = clock.now()
    if row is None or not _good(row, now) or row.session_expires_at <= now:
        raise Unauthenticated("the session has ended: log in again")
    _remember_use(database, row, now)
    ending = dict(row._mapping) | {"expires_at": row.session_expires_at}
    return _in_session(row.id, row.name, row.role, ending)


def end_session(database: Database, identity: Identity, origin: str | None) -> None:
    """The person's session is over; one without a session has nothing to end."""
    if identity.session_hash is None:
        return
    with database.writing() as connection:
        same = sessions.c.session_hash == identity.session_hash
        connection.execute(sa.delete(sessions).where(same))
        actor = Actor(identity.name, origin)
        audit.record(connection, actor, "session.end", f"token:{identity.token_id}")


def hashed(secret: str) -> str:
    """What is kept of a token or a session."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _in_session(token_id: int, name: str, role: Role, session: Any) -> Identity:
    return Identity(
        token_id,
        name,
        role,
        session_hash=session["session_hash"],
        csrf_token=session["csrf_token"],
        expires_at=session["expires_at"],
    )


def _good(token: Any, now: datetime) -> bool:
    return token.revoked_at is None and (token.expires_at is None or now < token.expires_at)


def _remember_use(database: Database, token: Any, now: datetime) -> None:
    """Written at most once a minute; that it could not be written stops nobody."""
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
    """By id, or by the name where only one good token has it."""
    columns = tokens.c
    text = str(name_or_id)
    by_id = text.isascii() and text.isdigit() and len(text) < 10
    if by_id:
        row = connection.execute(sa.select(tokens).where(columns.id == int(text))).one_or_none()
        if row is not None or isinstance(name_or_id, int):
            return _there(row, text)
    named = sa.select(tokens).where(columns.name == text, columns.revoked_at.is_(None))
    rows = connection.execute(named.order_by(columns.id)).all()
    if len(rows) > 1:
        ids = ", ".join(str(row.id) for row in rows)
        raise InvalidToken(f"several tokens are named {text!r}: name one by its id, of {ids}")
    return _there(rows[0] if rows else None, text)


def _there(row: sa.Row[Any] | None, name: str) -> sa.Row[Any]:
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
