"""What can be true that stops the work: each name says it, each docstring puts it in words."""


class HookonceError(Exception):
    """Something that Hookonce can put into words."""


class InvalidSetting(HookonceError):
    """A setting has a value that cannot be used."""


class DatabaseUnavailable(HookonceError):
    """The database is away, locked, full, or its schema is too old to admit anything."""


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
        known = isinstance(http_status, int) and 100 <= http_status <= 599
        self.http_status = http_status if known else None
        self.retry_after = None if retry_after is None else str(retry_after)
        self.permanent = permanent
        self.reason = reason


class LeaseLost(HookonceError):
    """The lease ran out while the action ran, and another worker has taken the execution over."""
