"""For generated requests both databases respond alike and store acknowledged events once."""

import hashlib
import json
import math
import os
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Never
from urllib.parse import parse_qsl

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support import arbitrary
from tests.support.in_process_receiver import Receiver
from tests.support.in_process_sender import signed
from tests.support.samples import Sent
from tests.support.thorough import THOROUGH

EXAMPLES = int(os.environ.get("TESTS_EXAMPLES", "300" if THOROUGH else "120"))
"""Number of requests per database; `make hostile` sends many more."""
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
REFUSALS = (400, 413, 415, 422)
POLICIES = {
    "default": {},
    "required": {"missing_key": "refuse"},
    "hash": {"idempotency_key_from": "hash"},
    "header": {"idempotency_key_from": "header:X-Key"},
    "none": {"idempotency_key_from": "none"},
}
KEYS = (
    st.sampled_from(["a", "A", "a ", "1", "01", "é", "e\u0301", "\0", "k" * 255, "k" * 256])
    | st.integers()
    | st.text(max_size=300)
    | st.none()
    | st.booleans()
    | st.floats()
)
LATIN_1 = st.text(st.characters(max_codepoint=255, exclude_characters="\0\r\n"), max_size=40)


@dataclass(frozen=True, slots=True)
class Shot:
    """A generated request, the trigger that it goes to, and whether it is properly signed."""

    policy: str
    sent: Sent
    honest: bool


@dataclass
class Books:
    """Acknowledged events by trigger: the keys, and the number of events without one."""

    keys: dict[str, set[str]] = field(default_factory=lambda: {name: set() for name in POLICIES})
    keyless: Counter[str] = field(default_factory=Counter)

    def enter(self, shot: Shot) -> None:
        key = _key(shot)
        if key is None:
            self.keyless[shot.policy] += 1
        else:
            self.keys[shot.policy].add(key)

    def rows(self, policy: str) -> Counter[str | None]:
        """Return how many rows each key must have; None stands for the rows without a key."""
        return Counter(self.keys[policy]) + Counter({None: self.keyless[policy]})


def payloads() -> st.SearchStrategy[bytes]:
    names = ("idempotency_key", "messageId", "data", "event", "type")
    keyed = st.fixed_dictionaries(
        {}, optional={"idempotency_key": KEYS, "messageId": KEYS, "event": KEYS}
    )
    written = keyed | keyed.map(lambda inside: {"data": inside}) | arbitrary.payloads(*names)
    beyond = st.sampled_from([b"1e400", b"[1e400]", b'{"messageId": "a", "b": -1e400}'])
    return st.one_of(*[written.map(_written)] * 9, beyond)


def bodies() -> st.SearchStrategy[bytes]:
    return st.one_of(
        payloads(),
        payloads(),
        payloads().map(lambda body: b"\xef\xbb\xbf" + body),
        st.tuples(payloads(), st.binary(max_size=3)).map(b"".join),
        st.binary(max_size=200),
        st.text(max_size=50).map(lambda key: b"messageId=" + key.encode("utf-8", "replace")),
    )


@st.composite
def shots(draw: st.DrawFn) -> Shot:
    kinds = st.sampled_from([JSON, JSON, "a/b+json", FORM, "text/plain", None]) | LATIN_1
    content_type = draw(kinds)
    headers = {} if content_type is None else {"Content-Type": content_type}
    headers |= draw(st.dictionaries(st.sampled_from(["X-Key", "X-Other", "Cookie"]), LATIN_1))
    headers |= draw(st.sampled_from([{}] * 9 + [{"Content-Encoding": "gzip"}]))
    honest = draw(st.sampled_from([True] * 5 + [False]))
    sent = signed("custom", Sent(headers, draw(bodies())))
    spoiled = sent.headers | {"X-Webhook-Signature": draw(LATIN_1)}
    policy = draw(st.sampled_from(sorted(POLICIES)))
    return Shot(policy, sent if honest else Sent(spoiled, sent.body), honest)


def test_whatever_is_sent_both_databases_hold_what_they_acknowledged(both: list[Receiver]) -> None:
    triggers = {name: [each.trigger(**given) for each in both] for name, given in POLICIES.items()}
    books = Books()

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(shots())
    def send(shot: Shot) -> None:
        targets = zip(both, triggers[shot.policy], strict=True)
        one, other = (receiver.post(trigger_id, shot.sent) for receiver, trigger_id in targets)
        assert one == other
        assert one in (200, *REFUSALS) if shot.honest else one in (401, 415)
        if one == 200:
            books.enter(shot)

    send()

    for policy, ids in triggers.items():
        found = [Counter(each.keys(id_)) for each, id_ in zip(both, ids, strict=True)]
        assert found == [books.rows(policy)] * 2


def _written(payload: Any) -> bytes:
    """Return JSON, in ASCII or not; a lone surrogate can only be written in ASCII."""
    text = json.dumps(payload, ensure_ascii=False)
    try:
        return text.encode()
    except UnicodeEncodeError:
        return json.dumps(payload).encode()


def _key(shot: Shot) -> str | None:
    """Return the key by the documented rules, computed independently of the application."""
    if shot.policy == "none":
        return None
    if shot.policy == "hash":
        digest = hashlib.sha256(shot.sent.body).hexdigest()
        return f"body-sha256:{digest}" if shot.sent.body.strip() else None
    if shot.policy == "header":
        return shot.sent.headers.get("X-Key", "").strip() or None
    payload = _payload(shot.sent)
    data = payload.get("data") if isinstance(payload.get("data"), dict) else {}
    found = (payload.get("idempotency_key"), payload.get("messageId"), data.get("messageId"))
    texts = [str(each) for each in found if type(each) in (str, int)]
    return next((_stored(text) for text in texts if text), None)


def _payload(sent: Sent) -> dict[str, Any]:
    """Return the accepted body as an object; an empty one if the body is not an object."""
    kind = sent.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    try:
        said = json.loads(sent.body, parse_constant=_refused, parse_float=_finite)
    except ValueError:
        text = sent.body.decode("utf-8", "replace")
        said = dict(parse_qsl(text, keep_blank_values=True)) if kind == FORM else {}
    return said if isinstance(said, dict) else {}


def _refused(name: str) -> Never:
    raise ValueError(name)


def _finite(digits: str) -> float:
    return float(digits) if math.isfinite(float(digits)) else _refused(digits)


def _stored(key: str) -> str:
    encoded = key.encode("utf-8", "surrogatepass")
    plain = len(key) <= 255 and "\0" not in key and encoded.decode("utf-8", "ignore") == key
    return key if plain else "sha256:" + hashlib.sha256(encoded).hexdigest()
