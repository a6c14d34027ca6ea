"""Read a setting from text, or raise ValueError with the reason as a sentence."""

import re
import shlex
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from app.settings import several_hosts

if TYPE_CHECKING:  # a command without a database loads no SQLAlchemy
    from sqlalchemy.engine import URL

Reader = Callable[[str], object]
SHORTEST_SECRET_KEY = 16
"""Characters of the shortest key that HOOKONCE_SECRET_KEY may hold."""
POSTGRESQL_DRIVER = "postgresql+psycopg"


def database_url(text: str) -> str:
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        without_hosts, hosts = several_hosts.cut_out(text)
        url = make_url(without_hosts)
    except (ArgumentError, ValueError):
        # the original message repeats a part of the value, which may be the password
        raise ValueError("it is not a database URL such as sqlite:///var/hookonce.db") from None
    backend, _, driver = url.drivername.partition("+")
    if backend in ("postgres", "postgresql"):
        if "@" in (url.host or ""):  # the message of a failed look-up would show this much of it
            raise ValueError("an @ in its user or password must be written as %40")
        url = several_hosts.put_in(url, hosts)
        return postgresql_url(url.set(drivername=POSTGRESQL_DRIVER))
    if backend != "sqlite":
        raise ValueError(f"{backend} is not supported; use sqlite or postgresql")
    if backend == "sqlite" and url.host:
        path = f"{url.host}/{url.database or ''}".rstrip("/")
        raise ValueError(
            "the address of a SQLite file has three slashes before a relative path, and four "
            f"before an absolute one: sqlite:///{path} or sqlite:////{path}"
        )
    if url.database in (None, "", ":memory:"):
        raise ValueError("a database in memory loses every event; name a file")
    if driver not in ("", "pysqlite") or "?" in text:
        raise ValueError(
            "sqlite takes only a file, such as sqlite:///var/hookonce.db; a ? in its name is %3F"
        )
    return text


def postgresql_url(url: "URL") -> str:
    """Return the URL for the driver, which checks it now rather than at the first connection."""
    import psycopg
    from psycopg.conninfo import make_conninfo

    _, options = url.get_dialect()().create_connect_args(url)
    try:
        make_conninfo(**options)
    except psycopg.ProgrammingError as error:
        raise ValueError(" ".join(str(error).split())) from None
    if url.port is not None and not 1 <= url.port <= 65535:
        raise ValueError("its port is not from 1 to 65535")
    return url.render_as_string(hide_password=False)


def direct_url(text: str) -> str:
    """Return the URL of PostgreSQL itself, which only a service behind a pooler needs."""
    url = database_url(text)
    if not url.startswith(POSTGRESQL_DRIVER):
        raise ValueError("it must be the URL of PostgreSQL itself, without the pooler")
    return url


def number(minimum: float, maximum: float, kind: type[int] | type[float]) -> Reader:
    """Return a reader of numbers; databases, sockets and clocks accept none above the maximum."""

    def read(text: str) -> float:
        try:
            number = kind(text)
        except ValueError:
            raise ValueError(f"it is not {'a whole' if kind is int else 'a'} number") from None
        if not minimum <= number <= maximum:
            raise ValueError(f"it must be from {minimum} to {maximum}")
        return number

    return read


def choice(*choices: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in choices:
            raise ValueError(f"it must be one of {', '.join(choices)}")
        return text

    return read


def switch(text: str) -> bool:
    return choice("on", "off")(text.lower()) == "on"


def command(text: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(text))
    except ValueError as error:
        raise ValueError(f"it is not a command line: {error}") from None


def keys(text: str) -> tuple[str, ...]:
    keys = tuple(key.strip() for key in text.split(","))
    if min(map(len, keys)) < SHORTEST_SECRET_KEY:
        least = f"at least {SHORTEST_SECRET_KEY} characters"
        raise ValueError(f"a key has {least}; separate keys with commas")
    return keys


def short_text(text: str) -> str:
    """Return the text, which fits the header of a page."""
    if len(text) > 40 or not text.isprintable():
        raise ValueError("it has more than 40 characters, or one that cannot be printed")
    return text


def web_address(text: str) -> str:
    try:
        parts = urlsplit(text)
        valid = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        valid = False
    if not valid or re.search(r"[\s?#@]", text):
        raise ValueError("it must be http:// or https://, a host, and at most a port and a path")
    return text.rstrip("/")
