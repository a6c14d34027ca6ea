"""The trials of a diagnosis, in order: the first that explains a refusal ends the search."""

import hmac
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from urllib.parse import unquote

from app import clock
from app.intake import sources, verify
from app.intake.diagnosis import digests, variants
from app.intake.diagnosis.findings import Cause, Refused
from app.intake.signatures import MISSING, STALE
from app.masking import is_harmless_name

NAMES_SHOWN = 3
_TIMES = re.compile(r"(?<!\d)(\d{13}|\d{10})(?!\d)")
_MOMENTS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?")
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
_NO_SIGNATURES = frozenset({"cookie", "referer", "sec-ch-ua"})

Trial = Callable[[Refused], Iterator[Cause]]


def diagnose(refused: Refused, reason: str) -> list[Cause]:
    """Return what explains the refusal, most certain first; never empty."""
    if not refused.trigger.secret:
        return [Cause("no_secret", "the trigger has no secret, so no request can be verified")]
    found: list[Cause] = []
    if not refused.trigger.enabled:
        found.append(Cause("disabled", "the trigger is disabled: enable it to receive"))
    for trial in _TRIALS:
        explained = list(trial(refused))
        found += explained
        if explained:
            return found
    if refused.exhausted:
        found.append(Cause("not_all_tried", "the body is large: not everything was tried"))
    return [*found, _unexplained(refused, reason)]


def _valid_signature(refused: Refused) -> Iterator[Cause]:
    """Find a signature that is right: only its time, or the trigger's state, was refused."""
    if not refused.proves():
        return
    if refused.trigger.enabled:
        yield _clock_cause(refused, refused.trigger.secret)
    else:
        yield Cause("signature_right", "the request proves the trigger's secret")


def _clock_cause(refused: Refused, secret: str) -> Cause:
    for moment in _signed_times(refused):
        if refused.proves(secret, at=moment):
            seconds = round((refused.now - moment).total_seconds())
            side = "before" if seconds >= 0 else "after"
            return Cause(
                "clock",
                f"the signature is right, but its time is {abs(seconds)} s {side} ours: a clock "
                "is wrong, or the delivery was late or sent again by something in between",
            )
    return Cause("clock", "the signature is right, but its time is outside the tolerance")


def _signed_times(refused: Refused) -> Iterator[datetime]:
    """Yield the times that the request's headers hold, for the one that is signed is among them."""
    text = " ".join(value[:500] for value in refused.headers.values())
    for digits in dict.fromkeys(_TIMES.findall(text)):
        seconds = int(digits) / (1000 if len(digits) == 13 else 1)
        yield datetime.fromtimestamp(seconds, UTC)
    for written in dict.fromkeys(_MOMENTS.findall(text)):
        moment = clock.moment(written)
        if moment is not None:
            yield moment


def _previous_secret(refused: Refused) -> Iterator[Cause]:
    previous = refused.trigger.previous_secret
    if not previous or not refused.proves(previous):
        return
    valid = verify.previous_secret_is_valid(refused.trigger, refused.now)
    if valid or _is_stale(refused, previous):
        yield _clock_cause(refused, previous)
    yield _previous(refused)


def _is_stale(refused: Refused, secret: str) -> bool:
    """Return True if the signed time is outside the tolerance: the secret is not all of it."""
    own = refused.trigger.tolerance_seconds
    tolerance = refused.source.tolerance_seconds if own is None else own
    timeless = refused.proves(secret, at=_LONG_AGO)  # such as a token, where its source has both
    return (
        tolerance is not None
        and not timeless
        and not any(
            abs((refused.now - moment).total_seconds()) <= tolerance
            for moment in _signed_times(refused)
            if refused.proves(secret, at=moment)
        )
    )


def _previous(refused: Refused) -> Cause:
    until = clock.text(refused.trigger.previous_secret_expires_at) or "an unknown time"
    sentence = f"the sender uses the previous secret, which was valid until {until}: give it"
    return Cause("previous_secret", f"{sentence} the current one")


def _other_trigger(refused: Refused) -> Iterator[Cause]:
    for other in refused.others:
        if other.secret and refused.proves(other.secret):
            yield Cause("other_trigger", f"the sender uses the secret of the trigger {other.name}")
            return


def _body(refused: Refused) -> Iterator[Cause]:
    for (code, sentence), body in variants.bodies(refused.request.body):
        if refused.proves(body=body):
            yield Cause(code, f"the signature fits another form of the body: {sentence}")
            return


def _header(refused: Refused) -> Iterator[Cause]:
    for name in _possible_signatures(refused):
        for (code, sentence), value in variants.values(refused.headers[name]):
            if refused.proves(headers={**refused.headers, name: value}):
                yield Cause(code, f"{sentence} ({name})")
                return


def _digest(refused: Refused) -> Iterator[Cause]:
    yield from digests.find(refused, _possible_signatures(refused), _previous(refused))


def _possible_signatures(refused: Refused) -> list[str]:
    """Return the headers that may hold a signature or a token, those that name one first."""
    names = [
        name
        for name, value in refused.headers.items()
        if not is_harmless_name(name)
        and name not in _NO_SIGNATURES
        and 4 <= len(value) <= variants.LONGEST_VALUE
    ]
    words = ("sign", "hmac", "token", "secret", "auth", "key", "hash", "digest")
    names.sort(key=lambda name: not any(word in name for word in words))
    return names[: variants.HEADERS_TRIED]


def _address(refused: Refused) -> Iterator[Cause]:
    for url in variants.addresses(refused.request):
        if url != refused.request.url and refused.proves(url=url):
            shown = url.partition("?")[0].partition("/api/")[0]
            sentence = f"the sender signs the address {shown}/...: HOOKONCE_PUBLIC_URL differs"
            yield Cause("other_address", sentence)
            return


def _secret_spelling(refused: Refused) -> Iterator[Cause]:
    secret = refused.trigger.secret
    for sentence, other in variants.secrets(secret):
        if other and other != secret and refused.proves(other):
            yield Cause("secret_spelling", sentence)
            return
    presented = refused.request.presented_secret
    for other in filter(None, ((presented or "").strip("/ "), unquote(presented or ""))):
        if other != presented and refused.proves(presented_secret=other):
            sentence = "the secret in the address has a slash, a space or an escape too many"
            yield Cause("secret_spelling", sentence)
            return


def _secret_elsewhere(refused: Refused) -> Iterator[Cause]:
    for place, value in _places(refused):
        if _is_secret(value, refused.trigger.secret):
            sentence = f"the secret itself came in {place}, where this source does not read it"
            yield Cause("secret_elsewhere", f"{sentence}: {refused.source.facts.signature}")
            return


def _places(refused: Refused) -> Iterator[tuple[str, str]]:
    for name, value in list(refused.headers.items())[:50]:
        yield f"the header {name[:60]}", value
        yield f"the header {name[:60]}", value.partition(" ")[2]
    for name, value in list(refused.request.query.items())[:50]:
        yield f"the query parameter {name[:60]}", value
    yield "the address", refused.request.presented_secret or ""


def _is_secret(value: str, secret: str) -> bool:
    sides = [text.strip().encode("utf-8", "surrogatepass") for text in (value, secret)]
    return hmac.compare_digest(*sides)


def _other_sender(refused: Refused) -> Iterator[Cause]:
    """Find the kind of sender whose signature it is: with this secret, or with any."""
    seen = []
    for name in sources.built_in():
        if name == refused.source.name:
            continue
        reason = refused.reason(source=sources.named(name))
        if reason is None:
            sentence = f"it is signed as {name} signs, and the trigger's source is"
            yield Cause("other_sender", f"{sentence} {refused.source.name}")
            return
        if reason not in (MISSING, STALE):
            seen.append(name)
    if refused.reason() == MISSING and 0 < len(seen) <= NAMES_SHOWN:
        names = " or ".join(seen)
        sentence = f"the signature is missing; the request has one as {names} sends it, with"
        yield Cause("other_sender", f"{sentence} another secret")


def _missing(refused: Refused) -> Iterator[Cause]:
    if refused.reason() == MISSING:
        sentence = "the signature is missing: this source expects"
        yield Cause("header_missing", f"{sentence} {refused.source.facts.signature}")


_TRIALS: tuple[Trial, ...] = (
    _valid_signature,
    _previous_secret,
    _other_trigger,
    _body,
    _header,
    _secret_spelling,
    _address,
    _secret_elsewhere,
    _other_sender,
    _digest,
    _missing,
)


def _unexplained(refused: Refused, reason: str) -> Cause:
    sentence = "no known mistake explains it: compare the secret that the sender has"
    return Cause("unexplained", f"{sentence} ({reason}; {refused.source.facts.signature})")
