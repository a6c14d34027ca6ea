"""The refused request that is diagnosed, the trials it is given, and what they found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple

from app.errors import Unverified
from app.intake import sources
from app.intake.message import Request, Source, WebhookTrigger
from app.intake.signatures import BAD

VERIFICATIONS = 600
"""Verifications tried for one refused request."""
HASHED_BYTES = 32 * 1_048_576
"""Bytes of bodies that these verifications may hash together: some 50 ms of work."""
FAILED = "failed"
"""Reason of a verification that raised an error that no source should raise."""


class Cause(NamedTuple):
    """A reason for which the signature was refused: a code, and a sentence for the operator."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class OtherTrigger:
    """Another trigger whose secret the sender may have used."""

    name: str
    secret: str


@dataclass(slots=True)
class Refused:
    """A refused request with its trigger, and the work that is left for trying."""

    request: Request
    trigger: WebhookTrigger
    now: datetime
    others: Sequence[OtherTrigger] = ()
    verifications_left: int = VERIFICATIONS
    bytes_left: int = HASHED_BYTES
    headers: Mapping[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.headers = self.request.headers

    @property
    def source(self) -> Source:
        """The source of the trigger."""
        return sources.named(self.trigger.source)

    @property
    def exhausted(self) -> bool:
        """Return whether the work is used up, so that not everything was tried."""
        return self.verifications_left <= 0 or self.bytes_left <= 0

    def proves(
        self,
        secret: str | None = None,
        *,
        source: Source | None = None,
        at: datetime | None = None,
        **changes: object,
    ) -> bool:
        """Return whether the request, so changed, proves the secret; its time counts with `at`."""
        return self.reason(secret, source=source, at=at, **changes) is None

    def reason(
        self,
        secret: str | None = None,
        *,
        source: Source | None = None,
        at: datetime | None = None,
        **changes: object,
    ) -> str | None:
        """Return the reason for which the changed request is refused; None if it is not."""
        request = replace(self.request, **changes) if changes else self.request  # type: ignore[arg-type]
        if self.exhausted:
            return BAD
        self.verifications_left -= 1
        self.bytes_left -= 2 * len(request.body) + 1_000
        verifier = self.trigger.verifier if source is None else None
        verify = verifier.verify if verifier else (source or self.source).verify
        tolerance = None if at is None else 1.0
        try:
            verify(request, secret or self.trigger.secret, at or self.now, tolerance)
        except Unverified as refusal:
            return refusal.reason
        except Exception:  # a source of another package may raise anything; a trial must not end
            return FAILED
        return None
