"""What can be true that stops the work: each name says it, each docstring puts it in words."""


class HookonceError(Exception):
    """Something that Hookonce can put into words."""


class InvalidSetting(HookonceError):
    """A setting has a value that cannot be used."""


class DatabaseUnavailable(HookonceError):
    """The database is away, locked, full, or its schema is too old to admit anything."""


class NoDatabase(DatabaseUnavailable):
    """Where the embedded database should be there is none; making one is for migrations."""


class SecretSealed(DatabaseUnavailable):
    """A secret is sealed, and the key that opens it is not ours."""


class Deadlocked(DatabaseUnavailable):
    """Two transactions waited for each other, and the database gave this one up: try it again."""


class SchemaMoved(HookonceError):
    """A migration took away, or brought, a column or table since this process last looked."""


class WrongRevision(HookonceError):
    """The database stands at another revision than this code was written for."""


class Unverified(HookonceError):
    """The request does not prove that it comes from the sender.

    `reason` is one word for the operator; the sender never sees it. `status` is set where the
    sender needs a certain one, whatever the operator chose.
    """

    def __init__(self, reason: str, status: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status


class Unreadable(HookonceError):
    """The body is not what its Content-Type says, or nests deeper than anything real does."""


class KeyMissing(HookonceError):
    """The event has no idempotency key, and its trigger admits none without."""


class TooLarge(HookonceError):
    """The body is larger than HOOKONCE_MAX_BODY_BYTES, or carries too many events."""


class InvalidTrigger(HookonceError):
    """The trigger as described cannot work."""


class NotFound(HookonceError):
    """There is nothing by that name or id."""


class NotReplayable(HookonceError):
    """The execution is no dead letter, or no longer; its status says what it is."""

    def __init__(self, execution_id: int, current_status: str) -> None:
        super().__init__(f"execution {execution_id} is {current_status}, no dead letter")
        self.current_status = current_status


class RateLimited(HookonceError):
    """The chain was replayed a moment ago."""

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__(f"it was replayed a moment ago; try again in {retry_after_seconds} s")
        self.retry_after_seconds = retry_after_seconds


class NameTaken(InvalidTrigger):
    """Another trigger has this name or slug."""


class InvalidRequest(HookonceError):
    """The request says something that it may not say; a sentence for each mistake."""


class InvalidToken(HookonceError):
    """The token as described cannot work."""


class Unauthenticated(HookonceError):
    """The request does not prove who asks."""


class Forbidden(HookonceError):
    """Who asks may not do this."""


class TooManyAttempts(HookonceError):
    """There were too many failed attempts to log in; `seconds` is how long to wait."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"too many attempts to log in failed; come again in {seconds} s")
        self.seconds = seconds


class SchemaBehind(DatabaseUnavailable):
    """A migration is due before a person can do anything; events are admitted all the same."""


class ActionFailed(HookonceError):
    """An action ran and did not succeed; what it says decides whether it is tried again.

    `reason` is one of lifecycle.REASONS; left out, the status or the words suggest one.
    """

    def __init__(
        self,
        message: str,
        *,
        http_status: int | None = None,
        retry_after: str | None = None,
        permanent: bool | None = None,
        reason: str | None = None,
    ) -> None:
        super().__init__(message)
        # an action of another package may pass what it likes; what is recorded must fit
        number = int(http_status) if isinstance(http_status, int) else 0
        self.http_status = number if 100 <= number <= 599 else None
        self.retry_after = None if retry_after is None else str(retry_after)
        self.permanent = permanent
        self.reason = reason


class LeaseLost(HookonceError):
    """The lease ran out while the action ran, and another worker has taken the execution over."""
