"""The errors of the product: each is named for the condition that its docstring describes."""

import errno
import sys
from collections.abc import Mapping
from typing import TypeVar

Value = TypeVar("Value")


class HookonceError(Exception):
    """An error whose message is a sentence for a person; base of all others."""


class InvalidSetting(HookonceError):
    """A setting has a value that cannot be used."""


class DatabaseUnavailable(HookonceError):
    """The database is unreachable, locked, full, or its schema is too old to admit events."""


class CannotBackUp(HookonceError):
    """The database cannot be copied, or the copy is not sound; there is no backup."""


class CannotRestore(HookonceError):
    """The backup is not sound, or the database is in use or has rows; nothing was changed."""


class CannotMove(HookonceError):
    """The rows cannot be moved to another database, or not yet; none was lost or changed."""


class StashInUse(HookonceError):
    """A view, trigger or the like of somebody else uses a stashed column; nothing was dropped."""


class SessionNeeded(HookonceError):
    """A migration needs a session of its own, which a pooler does not give; nothing was changed."""


class NoDatabase(DatabaseUnavailable):
    """The file of the embedded database does not exist; only a migration creates it."""


class SecretSealed(DatabaseUnavailable):
    """A secret is sealed (encrypted) with a key that is not in HOOKONCE_SECRET_KEY."""


class VerificationUnreadable(DatabaseUnavailable):
    """A trigger's stored description of its verification cannot be used: set it anew."""


class Deadlocked(DatabaseUnavailable):
    """Two transactions waited for each other, and the database ended this one: try it again."""


class SchemaMoved(HookonceError):
    """A migration removed or added a column or table since this process last read the schema."""


class WrongRevision(HookonceError):
    """The database is at another revision than this code needs."""


class Unverified(HookonceError):
    """The request does not prove that it comes from the sender.

    `reason` is one word for the operator; the sender never sees it. `status` is the status that
    this sender needs; None: HOOKONCE_REFUSAL_STATUS.
    """

    def __init__(self, reason: str, status: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status


class SourceFailed(HookonceError):
    """A source of another package cannot be loaded, or its code raised an unexpected error."""


class Unreadable(HookonceError):
    """The body does not fit its Content-Type, or nests deeper than the limit."""


class KeyMissing(HookonceError):
    """The event has no idempotency key, and its trigger requires one."""


class TooLarge(HookonceError):
    """The body is larger than the trigger allows, or has too many events or values."""


class FieldMistakes(HookonceError):
    """Values have mistakes; `fields` maps each known wrong field to its sentence."""

    def __init__(self, sentences: str, fields: Mapping[str, str] | None = None) -> None:
        super().__init__(sentences)
        self.fields = dict(fields or {})


class InvalidTrigger(FieldMistakes):
    """The description of a trigger has mistakes; a sentence for each."""


class NotFound(HookonceError):
    """No such trigger, execution, token or other thing exists."""


def existing(value: Value | None, sentence: str) -> Value:
    """Return the value; raise NotFound with the sentence if it is None."""
    if value is None:
        raise NotFound(sentence)
    return value


class NotReplayable(HookonceError):
    """The execution is not a dead letter, or no longer one; `current_status` is its status."""

    def __init__(self, execution_id: int, current_status: str) -> None:
        super().__init__(f"execution {execution_id} is {current_status}, not a dead letter")
        self.current_status = current_status


class NotPossible(HookonceError):
    """The state of the execution does not permit this; `current_status` is its status, if known."""

    def __init__(self, sentence: str, current_status: str | None = None) -> None:
        super().__init__(sentence)
        self.current_status = current_status


class NotAcceptable(HookonceError):
    """The delivery cannot be accepted: it already was, or its stored body is not complete."""


class RateLimited(HookonceError):
    """The execution, or one of its replay chain, was replayed less than a minute ago."""

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__(f"it was replayed a moment ago; try again in {retry_after_seconds} s")
        self.retry_after_seconds = retry_after_seconds


class NameTaken(InvalidTrigger):
    """Another trigger has this name or slug."""


class InvalidRequest(FieldMistakes):
    """The request has invalid parameters or fields; a sentence for each mistake."""


class InvalidChannel(HookonceError):
    """The description of a notification channel has a mistake."""


class InvalidToken(HookonceError):
    """The description of a token has mistakes."""


class TokenNameTaken(InvalidToken):
    """Another token that is neither revoked nor expired has this name."""


class Unauthenticated(HookonceError):
    """The request has no valid token or session."""


class Forbidden(HookonceError):
    """The role of the token does not permit this."""


class TooManyAttempts(HookonceError):
    """Too many logins of an address failed; `seconds` is the time to wait before the next."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"too many failed logins; try again in {seconds} s")
        self.seconds = seconds


class SchemaBehind(DatabaseUnavailable):
    """The console and the API need a newer schema; events are admitted all the same."""


class ActionFailed(HookonceError):
    """An action failed; its status and message decide whether another attempt follows.

    `permanent` decides it instead, if it is set. `reason` is one of lifecycle.REASONS; without it
    the reason follows from the status or from the message. `output` is the result that the action
    had until then; it is kept beside the error.
    """

    def __init__(
        self,
        message: str,
        *,
        http_status: int | None = None,
        retry_after: str | None = None,
        permanent: bool | None = None,
        reason: str | None = None,
        output: str | None = None,
    ) -> None:
        super().__init__(message)
        # an action of another package may pass any value; what is recorded must fit the columns
        number = int(http_status) if isinstance(http_status, int) else 0
        self.http_status = number if 100 <= number <= 599 else None
        self.retry_after = None if retry_after is None else str(retry_after)
        self.permanent = permanent
        self.reason = reason
        self.output = None if output is None else str(output)


class MachineTrouble(ActionFailed):
    """This machine lacks descriptors, processes, memory or disk; the action was not started."""

    def __init__(self, message: str, *, reason: str | None = None) -> None:
        super().__init__(message, permanent=False, reason=reason)


class Absent(ActionFailed):
    """A file, program or module that the action needs does not exist; a deployment may add it."""

    def __init__(self, message: str, *, reason: str | None = None) -> None:
        super().__init__(message, permanent=True, reason=reason)


class LeaseLost(HookonceError):
    """The lease expired while the action ran, and another worker took the execution over."""


_MACHINE_TROUBLE = frozenset(
    {
        errno.EMFILE,
        errno.ENFILE,
        errno.EAGAIN,
        errno.ENOMEM,
        errno.ENOSPC,
        errno.EDQUOT,
        errno.EROFS,
        errno.ETXTBSY,
        errno.EIO,
        errno.ESTALE,
        errno.ENOBUFS,
        errno.EADDRNOTAVAIL,
    }
)
_RESOLVER_TROUBLE = ("EAI_AGAIN", "EAI_MEMORY", "EAI_SYSTEM")
_NO_THREAD = "can't start new thread"


def is_machine_trouble(error: BaseException) -> bool:
    """Return True if this machine lacks descriptors, processes, memory, ports or disk.

    Such an error says nothing about the event or the action, and passes. The numbers of a
    TLS error mean something else.
    """
    if isinstance(error, MemoryError | MachineTrouble):
        return True
    if isinstance(error, RuntimeError):
        return _NO_THREAD in str(error)
    if not isinstance(error, OSError):
        return False
    # an error of these modules exists only once they are loaded, which takes a command a while
    sockets, tls = sys.modules.get("socket"), sys.modules.get("ssl")
    if sockets is not None and isinstance(error, sockets.gaierror):
        return error.errno in {getattr(sockets, name) for name in _RESOLVER_TROUBLE}
    if tls is not None and isinstance(error, tls.SSLError):
        return False
    return error.errno in _MACHINE_TROUBLE
