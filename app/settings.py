"""Every setting, its default and its unit: the only module that reads the environment."""

import os
import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from app import egress
from app.egress import Egress
from app.errors import InvalidSetting

EMBEDDED_DATABASE = "sqlite:///var/hookonce.db"
SHORTEST_SECRET_KEY = 16
POSTGRESQL_DRIVER = "postgresql+psycopg"
_HOUR, _DAY, _MONTH, _YEAR = 3_600, 86_400, 30 * 86_400, 365 * 86_400
_CENTURY_DAYS = 36_500
_Reader = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Settings:
    """What an operator can decide. Each field is the environment variable of the same name."""

    database_url: str = field(default=EMBEDDED_DATABASE, repr=False)
    hookonce_database_timeout_seconds: float = 5.0
    """How long a request waits for a locked or silent database before it answers 503."""
    hookonce_pool_size: int = 16
    """Connections per process; at least gunicorn's threads, or requests wait for each other."""
    hookonce_public_url: str = "http://127.0.0.1:8000"
    """Where senders reach this service: the beginning of every webhook_url."""
    hookonce_max_body_bytes: int = 1_048_576
    hookonce_read_seconds: float = 5.0
    """How long a sender may fall silent in the middle of a request before it is cut off."""
    hookonce_refusal_status: int = 401
    """401, or 200 for the older system's uniform answer, which tells a sender nothing."""
    hookonce_pre_check: bool = True
    """Off leaves the unique index as the only guard: as safe, slower for duplicates."""
    hookonce_counts_seconds: float = 2.0
    """How often counts of deliveries are written down: what a crash can lose of them."""
    hookonce_scripts_dir: Path = Path("var/scripts")
    hookonce_script_timeout_seconds: float = 300.0
    hookonce_http_timeout_seconds: float = 30.0
    hookonce_plugin_timeout_seconds: float = 300.0
    """How long an action of another package may take; then its worker waits no longer."""
    hookonce_egress_allow: Egress = egress.PUBLIC_ONLY
    """What actions may call beyond public addresses: networks, names, host:port."""
    hookonce_skill_command: tuple[str, ...] = ()
    hookonce_prompt_command: tuple[str, ...] = ()
    hookonce_lease_seconds: float = 60.0
    hookonce_breaker_failures: int = 10
    """After so many failures in a row a trigger's executions wait; 0: they never do."""
    hookonce_breaker_seconds: float = 30.0
    """How long they wait until one of them asks again."""
    hookonce_shutdown_seconds: float = 20.0
    """How long a worker told to stop lets running actions finish."""
    hookonce_secret_key: tuple[str, ...] = field(default=(), repr=False)
    """What secrets are sealed with in the database; the first seals, every one of them opens."""
    hookonce_session_seconds: float = 43_200.0
    """How long a browser stays logged in."""
    hookonce_secret_grace_seconds: float = 86_400.0
    """How long a trigger's old secret stays good when the API or a page makes a new one."""
    hookonce_proxy_count: int = 0
    """How many proxies in front add to X-Forwarded-For: whom to believe about an address."""
    hookonce_command_watermark: int = 50
    """Above so many messages of people in the window asked for, the statistics say so."""
    hookonce_metrics: str = "public"
    """Who may read /metrics: anyone, or whoever holds a token."""
    hookonce_keep_payload_days: float = 14.0
    """How long the payload of what has finished is kept; its row stays for longer."""
    hookonce_keep_rows_days: float = 30.0
    """How long what has finished is kept, and its key counts; longer where the sender retries."""
    hookonce_keep_dead_days: float = 90.0
    """How long a dead letter waits, whole, for a person to replay it."""
    hookonce_keep_counts_days: float = 400.0
    hookonce_keep_audit_days: float = 730.0
    hookonce_prune: bool = True
    """Whether workers remove what is kept no longer; off leaves it to `hookonce prune`."""
    hookonce_log_level: str = "INFO"
    hookonce_log_format: str = "text"
    """`text`: key=value; or `json`: one object a line."""

    @property
    def embedded(self) -> bool:
        """True when the database is a SQLite file beside the service."""
        return self.database_url.startswith("sqlite")


def from_environment(environ: Mapping[str, str] = os.environ) -> Settings:
    """The settings as the environment has them.

    Raises InvalidSetting, with one sentence that names the variable, for a value that cannot be
    used. An empty value counts as not set.
    """
    given = {}
    for setting in fields(Settings):
        name = setting.name.upper()
        text = environ.get(name, "").strip()
        if text:
            given[setting.name] = _read(name, text)
    return Settings(**given)  # type: ignore[arg-type]


def secret_named(name: str, environ: Mapping[str, str] = os.environ) -> str | None:
    """What the environment holds under a name that a file of triggers gives; None for nothing."""
    return environ.get(name) or None


def unknown_names(environ: Mapping[str, str] = os.environ) -> list[str]:
    """HOOKONCE_* variables that no setting reads: most often a slip of the pen."""
    known = {setting.name.upper() for setting in fields(Settings)}
    return sorted(name for name in environ if name.startswith("HOOKONCE_") and name not in known)


def _read(name: str, text: str) -> object:
    reader = _READERS[name]
    try:
        return reader(text)
    except (ValueError, ArgumentError) as error:
        shown = name if name in _secret_names() else f"{name}={text!r}"
        raise InvalidSetting(f"{shown} cannot be used: {error}") from error


def _secret_names() -> set[str]:
    """Return the variables that may hold a password or key: those that `repr` leaves out too."""
    return {setting.name.upper() for setting in fields(Settings) if not setting.repr}


def _database_url(text: str) -> str:
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        # the original message repeats the value or a part of it, which may be the password
        raise ValueError("it is not a database URL such as sqlite:///var/hookonce.db") from None
    backend, _, driver = url.drivername.partition("+")
    if backend in ("postgres", "postgresql"):
        return _postgresql_url(url.set(drivername=POSTGRESQL_DRIVER))
    if backend != "sqlite":
        raise ValueError(f"{backend} is not supported; use sqlite or postgresql")
    if url.database in (None, "", ":memory:"):
        raise ValueError("a database in memory forgets every event; name a file")
    if driver not in ("", "pysqlite") or url.query:
        raise ValueError("sqlite takes a file and nothing else, such as sqlite:///var/hookonce.db")
    return text


def _postgresql_url(url: URL) -> str:
    """As the driver will understand it: else its complaint would come with the first connection."""
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


def _number(minimum: float, maximum: float, kind: type[int] | type[float]) -> _Reader:
    """Between the least that makes sense and the most that a database, socket or clock takes."""

    def read(text: str) -> float:
        try:
            number = kind(text)
        except ValueError:
            raise ValueError(f"it is not {'a whole' if kind is int else 'a'} number") from None
        if not minimum <= number <= maximum:
            raise ValueError(f"it must be from {minimum} to {maximum}")
        return number

    return read


def _choice(*choices: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in choices:
            raise ValueError(f"it must be one of {', '.join(choices)}")
        return text

    return read


def _switch(text: str) -> bool:
    return _choice("on", "off")(text.lower()) == "on"


def _command(text: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(text))
    except ValueError as error:
        raise ValueError(f"the command line cannot be read: {error}") from None


def _keys(text: str) -> tuple[str, ...]:
    keys = tuple(key.strip() for key in text.split(","))
    if min(map(len, keys)) < SHORTEST_SECRET_KEY:
        raise ValueError(
            f"a key has at least {SHORTEST_SECRET_KEY} characters; separate keys with commas"
        )
    return keys


def _web_address(text: str) -> str:
    try:
        parts = urlsplit(text)
        sound = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        sound = False
    if not sound or re.search(r"[\s?#@]", text):
        raise ValueError("it must be http:// or https://, a host, and at most a port and a path")
    return text.rstrip("/")


_READERS: dict[str, _Reader] = {
    "DATABASE_URL": _database_url,
    "HOOKONCE_DATABASE_TIMEOUT_SECONDS": _number(0.05, _HOUR, float),
    "HOOKONCE_POOL_SIZE": _number(1, 1_000, int),
    "HOOKONCE_PUBLIC_URL": _web_address,
    "HOOKONCE_MAX_BODY_BYTES": _number(1, 1 << 30, int),
    "HOOKONCE_READ_SECONDS": _number(0.1, _HOUR, float),
    "HOOKONCE_REFUSAL_STATUS": lambda text: int(_choice("401", "200")(text)),
    "HOOKONCE_PRE_CHECK": _switch,
    "HOOKONCE_COUNTS_SECONDS": _number(0.05, _HOUR, float),
    "HOOKONCE_SCRIPTS_DIR": Path,
    "HOOKONCE_SCRIPT_TIMEOUT_SECONDS": _number(0.1, _MONTH, float),
    "HOOKONCE_HTTP_TIMEOUT_SECONDS": _number(0.1, _DAY, float),
    "HOOKONCE_PLUGIN_TIMEOUT_SECONDS": _number(0.1, _MONTH, float),
    "HOOKONCE_EGRESS_ALLOW": egress.read,
    "HOOKONCE_SKILL_COMMAND": _command,
    "HOOKONCE_PROMPT_COMMAND": _command,
    "HOOKONCE_LEASE_SECONDS": _number(1, _DAY, float),
    "HOOKONCE_BREAKER_FAILURES": _number(0, 1_000_000, int),
    "HOOKONCE_BREAKER_SECONDS": _number(0.1, _DAY, float),
    "HOOKONCE_SHUTDOWN_SECONDS": _number(0, _DAY, float),
    "HOOKONCE_SECRET_KEY": _keys,
    "HOOKONCE_SESSION_SECONDS": _number(60, _YEAR, float),
    "HOOKONCE_SECRET_GRACE_SECONDS": _number(0, _YEAR, float),
    "HOOKONCE_PROXY_COUNT": _number(0, 100, int),
    "HOOKONCE_COMMAND_WATERMARK": _number(0, 1_000_000_000, int),
    "HOOKONCE_KEEP_PAYLOAD_DAYS": _number(0, _CENTURY_DAYS, float),
    "HOOKONCE_KEEP_ROWS_DAYS": _number(0, _CENTURY_DAYS, float),
    "HOOKONCE_KEEP_DEAD_DAYS": _number(0, _CENTURY_DAYS, float),
    "HOOKONCE_KEEP_COUNTS_DAYS": _number(0, _CENTURY_DAYS, float),
    "HOOKONCE_KEEP_AUDIT_DAYS": _number(0, _CENTURY_DAYS, float),
    "HOOKONCE_PRUNE": _switch,
    "HOOKONCE_METRICS": _choice("public", "token"),
    "HOOKONCE_LOG_FORMAT": lambda text: _choice("text", "json")(text.lower()),
    "HOOKONCE_LOG_LEVEL": lambda text: _choice("DEBUG", "INFO", "WARNING", "ERROR")(text.upper()),
}
