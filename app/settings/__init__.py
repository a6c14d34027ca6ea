"""Every setting, its default and its unit: no other module reads one from the environment.

Nothing is read at import: an entry point calls `from_environment` and passes the result on.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import lru_cache
from pathlib import Path

from app import alerting, egress
from app.egress import Egress
from app.errors import InvalidSetting
from app.settings import credentials, readers

EMBEDDED_DATABASE = "sqlite:///var/hookonce.db"
_HOUR, _DAY, _MONTH, _YEAR = 3_600, 86_400, 30 * 86_400, 365 * 86_400
_CENTURY_DAYS = 36_500
_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
DEFAULT_PORT = 8000


@dataclass(frozen=True, slots=True)
class Settings:
    """The operator's settings. Each field is the environment variable of the same name."""

    database_url: str = field(default=EMBEDDED_DATABASE, repr=False)
    """URL of the database: a SQLite file by default, or PostgreSQL. It may hold a password."""
    hookonce_direct_database_url: str = field(default="", repr=False)
    """URL of PostgreSQL itself, if DATABASE_URL leads to a pooler: migrations and LISTEN need a
    session of their own. It may hold a password."""
    hookonce_pooler: str = "auto"
    """Pooler that gives each transaction to another session: `yes`, `no` (none, or one that keeps
    sessions), or `auto`, which asks on every new connection."""
    hookonce_database_timeout_seconds: float = 5.0
    """Seconds that a request waits for a locked or silent database before it answers 503."""
    hookonce_pool_size: int = 16
    """Connections of a process; fewer than gunicorn's threads make requests wait for each other."""
    hookonce_replica_lag_bytes: int = 268_435_456
    """Bytes of PostgreSQL's log that a replica may be behind before a migration that copies rows
    waits for it. 0: it never waits. 256 MiB by default."""
    port: int = DEFAULT_PORT
    """Port of 127.0.0.1 on which `gunicorn` listens unless it is given `-b`."""
    hookonce_public_url: str = f"http://127.0.0.1:{DEFAULT_PORT}"
    """Address at which senders reach this service: the beginning of every webhook_url. The default
    has the port above."""
    hookonce_name: str = ""
    """Name of this installation, such as `staging`, in the header and title of every page."""
    hookonce_max_body_bytes: int = 1_048_576
    """Bytes of a webhook's body; a larger one is answered 413. 1 MiB by default."""
    hookonce_max_head_bytes: int = 32_768
    """Bytes of a request's head, its line and headers; a larger one is answered 431. 32 KiB."""
    hookonce_read_seconds: float = 5.0
    """Seconds that a sender has for the head of a request, and for a pause within the body; then
    its connection is closed. The same for a reader of a response."""
    hookonce_refusal_status: int = 401
    """Status of refused requests: 401, or 200, the older system's answer to every sender."""
    hookonce_pre_check: bool = True
    """On: look the key up before the insert. Off: only the unique index finds duplicates, which is
    as safe and slower for duplicates."""
    hookonce_counts_seconds: float = 2.0
    """Seconds between two writes of delivery counts: a crash loses at most the counts since."""
    hookonce_journal_bytes: int = 67_108_864
    """Bytes of the journal of deliveries in the database; the oldest go first. 0: none is kept.
    64 MiB by default."""
    hookonce_scripts_dir: Path = Path("var/scripts")
    """Directory of the scripts that the action `script` may run."""
    hookonce_script_interpreter: tuple[str, ...] = ()
    """Command line that runs a script which is not executable or does not begin with `#!`, such as
    `python3`; if it is empty, such a script fails for good."""
    hookonce_script_timeout_seconds: float = 300.0
    """Seconds that a script or a command may run before it is killed."""
    hookonce_http_timeout_seconds: float = 30.0
    """Seconds that an HTTP action waits for the response; a trigger may set its own limit."""
    hookonce_plugin_timeout_seconds: float = 300.0
    """Seconds that an action of another package may run; then its worker stops waiting for it."""
    hookonce_egress_allow: Egress = egress.PUBLIC_ONLY
    """Addresses that actions may call beyond the public ones: networks, names, host:port."""
    hookonce_skill_command: tuple[str, ...] = ()
    """Command line of the action `skill`; if it is empty, the action fails for good."""
    hookonce_prompt_command: tuple[str, ...] = ()
    """Command line of the action `prompt`; if it is empty, the action fails for good."""
    hookonce_lease_seconds: float = 60.0
    """Seconds until an unrenewed lease expires and another worker takes the execution over."""
    hookonce_breaker_failures: int = 10
    """Failures in a row that open a trigger's circuit breaker; 0: it never opens."""
    hookonce_breaker_seconds: float = 30.0
    """Seconds that an open breaker waits before it lets one execution through as a probe."""
    hookonce_shutdown_seconds: float = 20.0
    """Seconds that a stopping worker lets its running actions finish."""
    hookonce_secret_key: tuple[str, ...] = field(default=(), repr=False)
    """Keys that triggers' secrets are sealed with; the first seals, each of them opens. If it is
    empty, secrets are stored in clear text."""
    hookonce_session_seconds: float = 43_200.0
    """Seconds that a browser stays logged in; 12 hours by default."""
    hookonce_secret_grace_seconds: float = 86_400.0
    """Seconds that a trigger's old secret stays valid after the API or a page rotated it; one day
    by default."""
    hookonce_proxy_count: int = 0
    """Proxies in front that append to X-Forwarded-For: the client's address is that many from the
    end; 0: the address of the connection."""
    hookonce_command_watermark: int = 50
    """Chat messages in a window of the statistics above which they show and log a warning."""
    hookonce_metrics: str = "public"
    """Access to /metrics: `public`, or `token` for holders of a token only."""
    hookonce_keep_payload_days: float = 14.0
    """Days that the payload of a finished execution is kept; its row stays longer."""
    hookonce_keep_rows_days: float = 30.0
    """Days that a finished execution is kept and its key finds duplicates; longer if the source
    retries longer."""
    hookonce_keep_dead_days: float = 90.0
    """Days that a dead letter is kept, payload included, for a person to replay it."""
    hookonce_keep_counts_days: float = 400.0
    """Days that the hourly counts of deliveries are kept."""
    hookonce_keep_journal_days: float = 30.0
    """Days that an entry of the journal of deliveries is kept."""
    hookonce_keep_audit_days: float = 730.0
    """Days that the rows of the audit log are kept."""
    hookonce_prune: bool = True
    """On: workers delete rows beyond their retention. Off: only `hookonce prune` does."""
    hookonce_notify: alerting.AlertLimits = alerting.DEFAULT_LIMITS
    """Limits beyond which a notification is sent, such as `oldest=10m,disk_free=2G`."""
    hookonce_smtp_url: alerting.MailServer | None = field(default=None, repr=False)
    """Mail server of notifications: smtp://user:password@host:587?from=address. Empty: no mail."""
    hookonce_ready_needs_worker: bool = False
    """On: `/readyz` and `hookonce check` fail while no worker is alive. Off: they only say so,
    because a receiver admits events without one."""
    hookonce_log_level: str = "INFO"
    """Lowest level that is logged: DEBUG, INFO, WARNING or ERROR."""
    hookonce_log_format: str = "text"
    """Format of the log: `text` for key=value, or `json` for one object on a line."""

    @property
    def embedded(self) -> bool:
        """Return True if the database is a SQLite file beside the service."""
        return self.database_url.startswith("sqlite")

    @property
    def direct(self) -> "Settings":
        """Return these settings with the direct URL, if there is one, as that of the database.

        HOOKONCE_POOLER=yes is about the other URL.
        """
        if not self.hookonce_direct_database_url:
            return self
        pooler = "auto" if self.hookonce_pooler == "yes" else self.hookonce_pooler
        url = self.hookonce_direct_database_url
        return replace(self, database_url=url, hookonce_pooler=pooler)

    def secrets(self) -> tuple[str, ...]:
        """Return the secrets in these settings, which no output may repeat."""
        mail = self.hookonce_smtp_url.secrets() if self.hookonce_smtp_url else ()
        urls = (self.database_url, self.hookonce_direct_database_url)
        passwords = [each for url in urls if url for each in _passwords(url)]
        return (*self.hookonce_secret_key, *passwords, *mail)


def from_environment(environ: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings from the environment and the credentials; an empty value is not set.

    Raises InvalidSetting, with one sentence that names the variable, for an invalid value.
    """
    values = {}
    for setting in fields(Settings):
        name = setting.name.upper()
        text = environ.get(name, "").strip() or credentials.read(name, environ)
        if text:
            values[setting.name] = _read(name, text)
    values.setdefault("hookonce_public_url", f"http://127.0.0.1:{values.get('port', DEFAULT_PORT)}")
    chosen = Settings(**values)  # type: ignore[arg-type]
    if chosen.embedded and chosen.hookonce_direct_database_url:
        raise InvalidSetting(
            "HOOKONCE_DIRECT_DATABASE_URL names PostgreSQL, and DATABASE_URL a SQLite file: "
            "migrations would change another database than the service's"
        )
    return chosen


def secret_named(name: str, environ: Mapping[str, str] = os.environ) -> str | None:
    """Return the variable that a file of triggers names as its secret; None if unset or empty."""
    return environ.get(name) or None


def sqlite_path(settings: Settings) -> str:
    """Return the path of the file of a SQLite database."""
    from sqlalchemy.engine import make_url

    return make_url(settings.database_url).database or ""


def unknown_names(environ: Mapping[str, str] = os.environ) -> list[str]:
    """Return the HOOKONCE_* variables that no setting reads: mostly typing mistakes."""
    known = {setting.name.upper() for setting in fields(Settings)}
    return sorted(name for name in environ if name.startswith("HOOKONCE_") and name not in known)


def _read(name: str, text: str) -> object:
    reader = _READERS[name]
    try:
        text.encode()  # bytes that are not UTF-8 fit into no address, page or mail
        return reader(text)
    except ValueError as error:
        shown = name if name in _secret_names() else f"{name}={text!r}"
        raise InvalidSetting(f"{shown} cannot be used: {error}") from error


@lru_cache(maxsize=8)
def _passwords(database_url: str) -> tuple[str, ...]:
    """Return the passwords in a URL, also a parameter that is repeated."""
    from sqlalchemy.engine import make_url

    url = make_url(database_url)
    names = ("password", "sslpassword")
    in_query = [value for name in names for value in url.normalized_query.get(name, ())]
    return tuple(value for value in (url.password, *in_query) if value)


def _secret_names() -> set[str]:
    """Return the variables that may hold a password or key: those that `repr` leaves out too."""
    return {setting.name.upper() for setting in fields(Settings) if not setting.repr}


_READERS: dict[str, readers.Reader] = {
    "DATABASE_URL": readers.database_url,
    "HOOKONCE_DIRECT_DATABASE_URL": readers.direct_url,
    "HOOKONCE_POOLER": lambda text: readers.choice("auto", "yes", "no")(text.lower()),
    "HOOKONCE_DATABASE_TIMEOUT_SECONDS": readers.number(0.05, _HOUR, float),
    "HOOKONCE_POOL_SIZE": readers.number(1, 1_000, int),
    "HOOKONCE_REPLICA_LAG_BYTES": readers.number(0, 1 << 40, int),
    "PORT": readers.number(0, 65_535, int),
    "HOOKONCE_PUBLIC_URL": readers.web_address,
    "HOOKONCE_NAME": readers.short_text,
    "HOOKONCE_MAX_BODY_BYTES": readers.number(1, 1 << 30, int),
    "HOOKONCE_MAX_HEAD_BYTES": readers.number(1024, 1 << 20, int),
    "HOOKONCE_READ_SECONDS": readers.number(0.1, _HOUR, float),
    "HOOKONCE_REFUSAL_STATUS": lambda text: int(readers.choice("401", "200")(text)),
    "HOOKONCE_PRE_CHECK": readers.switch,
    "HOOKONCE_COUNTS_SECONDS": readers.number(0.05, _HOUR, float),
    "HOOKONCE_JOURNAL_BYTES": readers.number(0, 1 << 40, int),
    "HOOKONCE_SCRIPTS_DIR": Path,
    "HOOKONCE_SCRIPT_INTERPRETER": readers.command,
    "HOOKONCE_SCRIPT_TIMEOUT_SECONDS": readers.number(0.1, _MONTH, float),
    "HOOKONCE_HTTP_TIMEOUT_SECONDS": readers.number(0.1, _DAY, float),
    "HOOKONCE_PLUGIN_TIMEOUT_SECONDS": readers.number(0.1, _MONTH, float),
    "HOOKONCE_EGRESS_ALLOW": egress.read,
    "HOOKONCE_SKILL_COMMAND": readers.command,
    "HOOKONCE_PROMPT_COMMAND": readers.command,
    "HOOKONCE_LEASE_SECONDS": readers.number(1, _DAY, float),
    "HOOKONCE_BREAKER_FAILURES": readers.number(0, 1_000_000, int),
    "HOOKONCE_BREAKER_SECONDS": readers.number(0.1, _DAY, float),
    "HOOKONCE_SHUTDOWN_SECONDS": readers.number(0, _DAY, float),
    "HOOKONCE_SECRET_KEY": readers.keys,
    "HOOKONCE_SESSION_SECONDS": readers.number(60, _YEAR, float),
    "HOOKONCE_SECRET_GRACE_SECONDS": readers.number(0, _YEAR, float),
    "HOOKONCE_PROXY_COUNT": readers.number(0, 100, int),
    "HOOKONCE_COMMAND_WATERMARK": readers.number(0, 1_000_000_000, int),
    "HOOKONCE_KEEP_PAYLOAD_DAYS": readers.number(0, _CENTURY_DAYS, float),
    "HOOKONCE_KEEP_ROWS_DAYS": readers.number(0, _CENTURY_DAYS, float),
    "HOOKONCE_KEEP_DEAD_DAYS": readers.number(0, _CENTURY_DAYS, float),
    "HOOKONCE_KEEP_COUNTS_DAYS": readers.number(0, _CENTURY_DAYS, float),
    "HOOKONCE_KEEP_JOURNAL_DAYS": readers.number(0, _CENTURY_DAYS, float),
    "HOOKONCE_KEEP_AUDIT_DAYS": readers.number(0, _CENTURY_DAYS, float),
    "HOOKONCE_PRUNE": readers.switch,
    "HOOKONCE_READY_NEEDS_WORKER": readers.switch,
    "HOOKONCE_METRICS": readers.choice("public", "token"),
    "HOOKONCE_NOTIFY": alerting.read,
    "HOOKONCE_SMTP_URL": alerting.read_mail_server,
    "HOOKONCE_LOG_FORMAT": lambda text: readers.choice("text", "json")(text.lower()),
    "HOOKONCE_LOG_LEVEL": lambda text: readers.choice("DEBUG", "INFO", "WARNING", "ERROR")(
        text.upper()
    ),
}
