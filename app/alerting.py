"""The settings of notifications: their limits, and the mail server. Pure."""

import re
from dataclasses import dataclass, field, fields, replace
from urllib.parse import parse_qsl, unquote, urlsplit

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3_600, "d": 86_400, "k": 1 << 10, "M": 1 << 20, "G": 1 << 30}
_ENTRY = re.compile(r"(?P<name>[a-z_]+)=(?P<number>[0-9]{1,12})(?P<unit>[a-zA-Z]?)")
_SIZES, _TIMES = frozenset("kMG"), frozenset("smhd")
_SHORTEST = {"again": 60, "pause": 1, "round": 1}
_PORTS = {"smtps": 465, "smtp": 587, "smtp+plain": 25}
MAIL_ADDRESS = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.][A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{0,63}"
    r"@[A-Za-z0-9][A-Za-z0-9.-]{0,252}"
)
"""A mail address that needs no quoting."""


@dataclass(frozen=True, slots=True)
class AlertLimits:
    """The thresholds beyond which a notification is sent, and the times between two of them."""

    dead_letters: int = 1
    """Executions of a trigger that fail for good in this hour and the hour before."""
    dead_total: int = 1_000
    """Dead letters of all triggers together."""
    oldest: int = 300
    """Seconds that an execution has been due."""
    refusals: int = 20
    """Refused deliveries to a trigger in this hour and the hour before."""
    disk_free: int = 1 << 30
    """Bytes that are free on the disk of the embedded database."""
    again: int = 21_600
    """Seconds until a condition that lasts is notified again."""
    pause: int = 60
    """Seconds between two messages of one channel; the news meanwhile is one message."""
    round: int = 15
    """Seconds between two looks at the conditions."""


DEFAULT_LIMITS = AlertLimits()
_SIZED = frozenset({"disk_free"})
_TIMED = frozenset({"oldest", *_SHORTEST})


def read(text: str) -> AlertLimits:
    """Read limits such as `oldest=10m, disk_free=2G`; those that are left out keep their defaults.

    Raises ValueError with a sentence that names the first invalid entry.
    """
    known = {each.name for each in fields(AlertLimits)}
    values: dict[str, int] = {}
    for entry in (each.strip() for each in text.split(",")):
        match = _ENTRY.fullmatch(entry)
        if match is None or match["unit"] not in _UNITS:
            raise ValueError(f"{entry!r} is not a limit such as oldest=10m or disk_free=2G")
        name = match["name"]
        if name not in known:
            raise ValueError(f"there is no limit {name!r}; there are {', '.join(sorted(known))}")
        if name in values:
            raise ValueError(f"the limit {name!r} is given twice")
        values[name] = _number(name, match["number"], match["unit"])
    return replace(DEFAULT_LIMITS, **values)


def _number(name: str, digits: str, unit: str) -> int:
    if (unit in _SIZES and name not in _SIZED) or (unit in _TIMES and name not in _TIMED):
        raise ValueError(f"the limit {name!r} has no unit {unit!r}")
    number = int(digits) * _UNITS[unit]
    least = _SHORTEST.get(name, 1)
    if not least <= number < 1 << 53:
        raise ValueError(f"the limit {name!r} must be at least {least}")
    return number


@dataclass(frozen=True, slots=True)
class MailServer:
    """The server that takes our mail, and the address that we send from."""

    host: str
    port: int
    security: str
    """`smtps`: TLS from the beginning; `smtp`: STARTTLS, required; `smtp+plain`: no encryption."""
    sender: str
    user: str | None = None
    password: str | None = field(default=None, repr=False)

    def secrets(self) -> tuple[str, ...]:
        """Return the password, if there is one."""
        return () if self.password is None else (self.password,)


def read_mail_server(text: str) -> MailServer:
    """Read `smtp://user:password@host:587?from=hookonce@example.org`.

    Raises ValueError with a sentence that repeats no part of the text: it may hold a password.
    """
    try:
        parts = urlsplit(text)
        port = parts.port
        options = dict(parse_qsl(parts.query, strict_parsing=True))
    except ValueError:
        raise ValueError(f"it is not an address such as {_EXAMPLE}") from None
    if parts.scheme not in _PORTS or not parts.hostname or port == 0 or parts.path.strip("/"):
        raise ValueError(f"it is not an address such as {_EXAMPLE}")
    if options.keys() != {"from"} or not MAIL_ADDRESS.fullmatch(options["from"]):
        raise ValueError("it must end with ?from= and the address that the mail is sent from")
    user = unquote(parts.username) if parts.username else None
    password = unquote(parts.password) if parts.password else None
    if (user is None) != (password is None):
        raise ValueError("it must have both a user and a password, or neither")
    if user is not None and parts.scheme == "smtp+plain":
        raise ValueError("a password is sent over TLS only: use smtp:// or smtps://")
    port = port or _PORTS[parts.scheme]
    return MailServer(parts.hostname, port, parts.scheme, options["from"], user, password)


_EXAMPLE = "smtp://user:password@mail.example.org:587?from=hookonce@example.org"
