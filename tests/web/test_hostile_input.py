"""Hostile bodies get one defined response on both databases, and never a 5xx."""

import hashlib
import json

import pytest

from tests.support.in_process_receiver import Receiver
from tests.support.in_process_sender import signed
from tests.support.samples import Sent

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
LIMIT = 1_048_576
BOM = b"\xef\xbb\xbf"
A_BYTE = b"x"
MULTIPART = b'--x\r\nContent-Disposition: form-data; name="messageId"\r\n\r\nm-1\r\n--x--\r\n'

Keys = list[str | None]
KEYLESS: Keys = [None]
NOTHING: Keys = []


def sent(body: bytes, content_type: str | None = JSON, **headers: str) -> Sent:
    named = {} if content_type is None else {"Content-Type": content_type}
    return signed("custom", Sent(named | headers, body))


def keyed(key: str) -> bytes:
    """Return an ASCII body that contains the key."""
    return json.dumps({"messageId": key}).encode()


def digest(key: str) -> str:
    return "sha256:" + hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def nested(depth: int, opening: bytes, closing: bytes) -> bytes:
    return opening * depth + b"0" + closing * depth


def names(count: int) -> bytes:
    return json.dumps({f"n{number}": 0 for number in range(count)} | {"messageId": "m"}).encode()


def form_names(count: int) -> bytes:
    return b"&".join(b"n%d=0" % number for number in range(count)) + b"&messageId=m"


MALFORMED = {
    "opened and never closed": b"{",
    "closed and never opened": b"}",
    "a name without a value": b'{"a"}',
    "a name that is no text": b"{1: 2}",
    "single quotes": b"{'a': 1}",
    "a comma too many": b'{"a": 1,}',
    "a comma too many in a list": b"[1,]",
    "a comment": b'{"a": 1 /* b */}',
    "words": b"plain words",
    "a form": b"messageId=m-1",
    "trailing letters": b'{"messageId": "m-1"} x',
    "a trailing object": b'{"messageId": "m-1"}{"messageId": "m-2"}',
    "a trailing brace": b'{"messageId": "m-1"}}',
    "a trailing NUL": b'{"messageId": "m-1"}\0',
    "a leading NUL": b'\0{"messageId": "m-1"}',
    "only a NUL": b"\0",
    "only a BOM": BOM,
    "two BOMs": BOM + BOM + b"{}",
    "a BOM after a space": b" " + BOM + b"{}",
    "a raw line break in text": b'{"a": "\n"}',
    "a raw NUL in text": b'{"a": "\0"}',
    "an unknown escape": b'{"a": "\\x41"}',
    "a cut escape": b'{"a": "\\u00"}',
    "text without an end": b'{"a": "b',
    "NaN": b'{"a": NaN}',
    "NaN at the top": b"NaN",
    "NaN as the key": b'{"messageId": NaN}',
    "Infinity": b'{"a": Infinity}',
    "minus Infinity": b'{"a": -Infinity}',
    "nan in small letters": b'{"a": nan}',
    "1e400": b'{"a": 1e400}',
    "minus 1e400": b'{"a": [-1e400]}',
    "1e400 as the key": b'{"messageId": 1e400}',
    "a number with a plus": b'{"a": +1}',
    "a number with a leading zero": b'{"a": 01}',
    "a number with a bare point": b'{"a": 1.}',
    "a hexadecimal number": b'{"a": 0x1}',
    "a number in Arabic digits": '{"a": ١}'.encode(),
    "an integer of 4301 digits": b'{"a": ' + b"1" * 4301 + b"}",
    "a negative integer of 4301 digits": b'{"a": -' + b"1" * 4301 + b"}",
    "an integer of 4301 digits as the key": b'{"messageId": ' + b"1" * 4301 + b"}",
    "an integer of a million digits": b"1" * 1_000_000,
    "a bare continuation byte": b'{"a": "\x80"}',
    "a byte that UTF-8 never has": b'{"a": "\xff"}',
    "an overlong slash": b'{"a": "\xc0\xaf"}',
    "an overlong NUL": b'{"a": "\xc0\x80"}',
    "a letter beyond Unicode": b'{"a": "\xf4\x90\x80\x80"}',
    "a letter cut in two": b'{"a": "\xe2\x82"}',
    "invalid UTF-8 in a name": b'{"\xff": 1}',
    "Latin-1": '{"a": "é"}'.encode("latin-1"),
    "UTF-16 cut in two": '{"a": 1}'.encode("utf-16")[:-1],
    "UTF-7": b"+AHs-",
    "gzip": b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xab\xae\x05\x00\x43\xbf\xa6\xa3\x02",
    "lists 101 deep": nested(101, b"[", b"]"),
    "objects 101 deep": nested(101, b'{"a":', b"}"),
    "lists 1,100 deep": nested(1_100, b"[", b"]"),
    "objects 100,000 deep": nested(100_000, b'{"a":', b"}"),
    "lists half a million deep": nested(500_000, b"[", b"]"),
    "a million lists opened": b"[" * 1_000_000,
    "200,000 objects opened": b'{"a":' * 200_000,
}

ACCEPTED: dict[str, tuple[bytes, Keys]] = {
    "nothing": (b"", KEYLESS),
    "only space": (b" \r\n\t", KEYLESS),
    "an empty object": (b"{}", KEYLESS),
    "an empty list": (b"[]", KEYLESS),
    "a list with a key in it": (b'[{"messageId": "m-1"}]', KEYLESS),
    "text": (b'"messageId"', KEYLESS),
    "empty text": (b'""', KEYLESS),
    "a number": (b"7", KEYLESS),
    "minus zero": (b"-0", KEYLESS),
    "true": (b"true", KEYLESS),
    "null": (b"null", KEYLESS),
    "a BOM": (BOM + keyed("m-1"), ["m-1"]),
    "UTF-16 with a BOM": ('{"messageId": "é"}'.encode("utf-16"), ["é"]),
    "UTF-16, big end first": ('{"messageId": "é"}'.encode("utf-16-be"), ["é"]),
    "UTF-32 with a BOM": ('{"messageId": "é"}'.encode("utf-32"), ["é"]),
    "space around": (b"\r\n " + keyed("m-1") + b"\t\n", ["m-1"]),
    "lists 100 deep": (nested(100, b"[", b"]"), KEYLESS),
    "objects 100 deep": (nested(100, b'{"a":', b"}"), KEYLESS),
    "brackets in text": (json.dumps({"a": "[{" * 10_000}).encode(), KEYLESS),
    "60,000 names": (names(60_000), ["m"]),
    "a name of 100,000 letters": (json.dumps({"a" * 100_000: 1}).encode(), KEYLESS),
    "an empty name": (b'{"": 1}', KEYLESS),
    "names of Python's own": (b'{"__class__": {"__init__": 1}}', KEYLESS),
    "names of JavaScript's own": (b'{"__proto__": {"messageId": "m-1"}}', KEYLESS),
    "a NUL in a value": (b'{"a": "\\u0000"}', KEYLESS),
    "a NUL in a name": (b'{"\\u0000": 1}', KEYLESS),
    "a lone surrogate in a value": (b'{"a": "\\ud800"}', KEYLESS),
    "a lone surrogate in a name": (b'{"\\udfff": 1}', KEYLESS),
    "a surrogate in UTF-8": (b'{"a": "\xed\xa0\x80"}', KEYLESS),
    "surrogates the wrong way round": (b'{"a": "\\udc00\\ud800"}', KEYLESS),
    "an integer of 4,300 digits": (b'{"a": ' + b"1" * 4300 + b"}", KEYLESS),
    "an integer beyond 64 bits": (b'{"a": 18446744073709551616}', KEYLESS),
    "1e308": (b'{"a": 1e308}', KEYLESS),
    "1e-400": (b'{"a": 1e-400}', KEYLESS),
    "a point with 100,000 digits": (b'{"a": 0.' + b"1" * 100_000 + b"}", KEYLESS),
    "an event type that is an object": (b'{"event": {"a": []}}', KEYLESS),
    "an event type with a NUL": (b'{"event": "\\u0000\\ud800"}', KEYLESS),
    "SQL": (b'{"messageId": "\'; DROP TABLE triggers; --"}', ["'; DROP TABLE triggers; --"]),
    "a placeholder": (b'{"messageId": "%s :id ? {0} $1"}', ["%s :id ? {0} $1"]),
    "a line of a log": (b'{"messageId": "a\\nevt=admitted x=1"}', ["a\nevt=admitted x=1"]),
    "the key twice": (b'{"messageId": "m-1", "messageId": "m-2"}', ["m-2"]),
    "the key twice, the last empty": (b'{"messageId": "m-1", "messageId": ""}', KEYLESS),
    "the key twice, the last null": (b'{"messageId": "m-1", "messageId": null}', KEYLESS),
    "data twice": (b'{"data": {"messageId": "m-1"}, "data": {}}', KEYLESS),
    "the key's name escaped": (b'{"message\\u0049d": "m-1"}', ["m-1"]),
    "the key's name in other case": (b'{"messageid": "m-1"}', KEYLESS),
    "the key's name with a space": (b'{"messageId ": "m-1"}', KEYLESS),
    "two keys": (b'{"messageId": "m-1", "idempotency_key": "k-1"}', ["k-1"]),
    "a first key that is none": (b'{"messageId": "m-1", "idempotency_key": []}', ["m-1"]),
    "a key in data": (b'{"data": {"messageId": "m-1"}}', ["m-1"]),
    "data that is a list": (b'{"data": [{"messageId": "m-1"}]}', KEYLESS),
    "data that is text": (b'{"data": "messageId"}', KEYLESS),
    "an empty key": (b'{"messageId": ""}', KEYLESS),
    "a key of one space": (b'{"messageId": " "}', [" "]),
    "a key that is null": (b'{"messageId": null}', KEYLESS),
    "a key that is true": (b'{"messageId": true}', KEYLESS),
    "a key that is false": (b'{"messageId": false}', KEYLESS),
    "a key that is a list": (b'{"messageId": ["m-1"]}', KEYLESS),
    "a key that is an object": (b'{"messageId": {"a": "m-1"}}', KEYLESS),
    "a key that is 0": (b'{"messageId": 0}', ["0"]),
    "a key that is -0": (b'{"messageId": -0}', ["0"]),
    "a key that is 1": (b'{"messageId": 1}', ["1"]),
    "a key that is 1.0": (b'{"messageId": 1.0}', KEYLESS),
    "a key that is 1e2": (b'{"messageId": 1e2}', KEYLESS),
    "a key of 4,300 digits": (b'{"messageId": ' + b"1" * 4300 + b"}", [digest("1" * 4300)]),
    "a key beyond 64 bits": (b'{"messageId": 18446744073709551616}', ["18446744073709551616"]),
    "a key of 255 letters": (keyed("k" * 255), ["k" * 255]),
    "a key of 256 letters": (keyed("k" * 256), [digest("k" * 256)]),
    "a key of 10,000 letters": (keyed("k" * 10_000), [digest("k" * 10_000)]),
    "a key of a million letters": (keyed("k" * 1_000_000), [digest("k" * 1_000_000)]),
    "a key of 255 ships": (keyed("🚢" * 255), ["🚢" * 255]),
    "a key of 256 ships": (keyed("🚢" * 256), [digest("🚢" * 256)]),
    "a key of 255 spaces": (keyed(" " * 255), [" " * 255]),
    "a key with a NUL": (keyed("a\0b"), [digest("a\0b")]),
    "a key of a NUL": (keyed("\0"), [digest("\0")]),
    "a key with a lone surrogate": (keyed("\ud800"), [digest("\ud800")]),
    "a key from right to left": (keyed("\u202e1-m"), ["\u202e1-m"]),
    "a key of no width": (keyed("\u200b"), ["\u200b"]),
    "a key of a non-character": (keyed("\uffff"), ["\uffff"]),
    "a key that looks like a digest": (keyed("sha256:00"), ["sha256:00"]),
}

LABELLED: dict[str, tuple[str | None, bytes, Keys]] = {
    "no label": (None, keyed("m-1"), ["m-1"]),
    "no label, and empty": (None, b"", KEYLESS),
    "no label, and words": (None, b"hello", KEYLESS),
    "no label, and no UTF-8": (None, b"\xff\xfe\xfd", KEYLESS),
    "no label, and a NUL": (None, b"\0", KEYLESS),
    "an empty label": ("", keyed("m-1"), ["m-1"]),
    "a label in capitals": ("APPLICATION/JSON", keyed("m-1"), ["m-1"]),
    "a label with a charset": ("application/json; charset=utf-16", keyed("m-1"), ["m-1"]),
    "a charset that is none": ("application/json; charset=klingon", keyed("m-1"), ["m-1"]),
    "a vendor's label": ("application/vnd.acme.v1+json", keyed("m-1"), ["m-1"]),
    "a label of semicolons": (";;;;", keyed("m-1"), ["m-1"]),
    "nonsense": ("nonsense", keyed("m-1"), ["m-1"]),
    "a label of 5,000 letters": ("a" * 5_000, keyed("m-1"), ["m-1"]),
    "a label outside ASCII": ("application/\xff", keyed("m-1"), ["m-1"]),
    "text that is JSON": ("text/plain", keyed("m-1"), ["m-1"]),
    "text that is nearly JSON": ("text/plain", b'{"messageId": "m-1"', KEYLESS),
    "text that nests too deep": ("text/plain", nested(101, b"[", b"]"), KEYLESS),
    "text of a million brackets": ("text/plain", b"[" * 1_000_000, KEYLESS),
    "text that says NaN": ("text/plain", b'{"messageId": NaN}', KEYLESS),
    "text that says 1e400": ("text/plain", b'{"messageId": "m", "a": 1e400}', KEYLESS),
    "a form that says 1e400": (FORM, b'{"messageId": "m", "a": 1e400}', KEYLESS),
    "XML": ("application/xml", b"<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///'>]><a>&b;</a>", KEYLESS),
    "a picture": ("image/png", b"\x89PNG\r\n\x1a\n\0\xff", KEYLESS),
    "multipart": ("multipart/form-data; boundary=x", MULTIPART, KEYLESS),
    "multipart without a boundary": ("multipart/form-data", MULTIPART, KEYLESS),
    "multipart that breaks off": ("multipart/form-data; boundary=x", MULTIPART[:20], KEYLESS),
    "a form": (FORM, b"messageId=m-1", ["m-1"]),
    "a form that is JSON": (FORM, keyed("m-1"), ["m-1"]),
    "a form that is nearly JSON": (FORM, b'{"messageId": "m-1"', KEYLESS),
    "a form with the key twice": (FORM, b"messageId=m-1&messageId=m-2", ["m-2"]),
    "a form with an empty key": (FORM, b"messageId=", KEYLESS),
    "a form with a bare name": (FORM, b"messageId", KEYLESS),
    "a form with a NUL": (FORM, b"messageId=%00", [digest("\0")]),
    "a form with a raw NUL": (FORM, b"messageId=\0", [digest("\0")]),
    "a form that is no UTF-8": (FORM, b"messageId=%ff", ["\N{REPLACEMENT CHARACTER}"]),
    "a form with a broken escape": (FORM, b"messageId=%zz%", ["%zz%"]),
    "a form of 60,000 names": (FORM, form_names(60_000), ["m"]),
    "a form of half a million ampersands": (FORM, b"&" * 500_000, KEYLESS),
    "a form with semicolons": (FORM, b"a=1;messageId=m-1", KEYLESS),
}

PAIRS: dict[str, tuple[bytes, bytes, Keys]] = {
    "the same again": (keyed("m-1"), keyed("m-1"), ["m-1"]),
    "the same key, another payload": (keyed("m-1"), b'{"messageId":"m-1","a":1}', ["m-1"]),
    "the key escaped": (keyed("m-1"), b'{"messageId": "\\u006d-1"}', ["m-1"]),
    "the key in another place": (keyed("m-1"), b'{"idempotency_key": "m-1"}', ["m-1"]),
    "the key in another encoding": (
        '{"messageId": "é"}'.encode(),
        '{"messageId": "é"}'.encode("utf-16"),
        ["é"],
    ),
    "number and text": (b'{"messageId": 1}', b'{"messageId": "1"}', ["1"]),
    "minus zero and zero": (b'{"messageId": -0}', b'{"messageId": 0}', ["0"]),
    "true and 1": (b'{"messageId": true}', b'{"messageId": 1}', [None, "1"]),
    "1.0 and 1": (b'{"messageId": 1.0}', b'{"messageId": 1}', [None, "1"]),
    "one and a leading zero": (b'{"messageId": 1}', b'{"messageId": "01"}', ["1", "01"]),
    "none and none": (b"{}", b"{}", [None, None]),
    "capital and small": (keyed("Key"), keyed("key"), ["Key", "key"]),
    "Turkish i": (keyed("I"), keyed("ı"), ["I", "ı"]),
    "sharp s": (keyed("ß"), keyed("ss"), ["ß", "ss"]),
    "a space behind": (keyed("k"), keyed("k "), ["k", "k "]),
    "a space in front": (keyed("k"), keyed(" k"), ["k", " k"]),
    "a space that does not break": (keyed("a b"), keyed("a\u00a0b"), ["a b", "a\u00a0b"]),
    "a line break behind": (keyed("k"), keyed("k\n"), ["k", "k\n"]),
    "another normal form": (keyed("\u00e9"), keyed("e\u0301"), ["\u00e9", "e\u0301"]),
    "letters of full width": (keyed("a"), keyed("\uff41"), ["a", "\uff41"]),
    "a Cyrillic a": (keyed("a"), keyed("\u0430"), ["a", "\u0430"]),
    "a letter of no width": (keyed("k"), keyed("k\u200b"), ["k", "k\u200b"]),
    "a NUL behind": (keyed("k"), keyed("k\0"), ["k", digest("k\0")]),
    "two lone surrogates": (
        keyed("\ud800"),
        keyed("\udfff"),
        [digest("\ud800"), digest("\udfff")],
    ),
    "long keys alike but for their end": (
        keyed("k" * 300 + "a"),
        keyed("k" * 300 + "b"),
        [digest("k" * 300 + "a"), digest("k" * 300 + "b")],
    ),
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED)
def test_what_calls_itself_json_and_is_none_is_refused(receiver: Receiver, body: bytes) -> None:
    trigger_id = receiver.trigger()

    status = receiver.post(trigger_id, sent(body))

    assert (status, receiver.keys(trigger_id)) == (400, NOTHING)


@pytest.mark.parametrize(("body", "keys"), ACCEPTED.values(), ids=ACCEPTED)
def test_json_of_any_shape_is_admitted_with_its_key(
    receiver: Receiver, body: bytes, keys: Keys
) -> None:
    trigger_id = receiver.trigger()

    status = receiver.post(trigger_id, sent(body))

    assert (status, receiver.keys(trigger_id)) == (200, keys)


@pytest.mark.parametrize(("content_type", "body", "keys"), LABELLED.values(), ids=LABELLED)
def test_a_body_under_any_label_is_admitted_with_its_key(
    receiver: Receiver, content_type: str | None, body: bytes, keys: Keys
) -> None:
    trigger_id = receiver.trigger()

    status = receiver.post(trigger_id, sent(body, content_type))

    assert (status, receiver.keys(trigger_id)) == (200, keys)


@pytest.mark.parametrize(("first", "second", "keys"), PAIRS.values(), ids=PAIRS)
def test_only_the_very_same_key_makes_a_duplicate(
    receiver: Receiver, first: bytes, second: bytes, keys: Keys
) -> None:
    trigger_id = receiver.trigger()

    statuses = [receiver.post(trigger_id, sent(body)) for body in (first, second)]

    assert (statuses, receiver.keys(trigger_id)) == ([200, 200], keys)


@pytest.mark.parametrize("announced", [True, False], ids=["announced", "not announced"])
@pytest.mark.parametrize(
    ("size", "status", "keys"), [(LIMIT, 200, KEYLESS), (LIMIT + 1, 413, NOTHING)]
)
def test_a_body_may_be_as_large_as_the_limit(
    receiver: Receiver, size: int, status: int, keys: Keys, announced: bool
) -> None:
    trigger_id = receiver.trigger()
    more = {} if announced else {"extras": {"CONTENT_LENGTH": ""}}

    answered = receiver.post(trigger_id, sent(A_BYTE * size, "text/plain"), **more)

    assert (answered, receiver.keys(trigger_id)) == (status, keys)


@pytest.mark.parametrize(
    ("announced", "status"), [(0, 401), (2, 401), (100, 400), (LIMIT, 400), (LIMIT + 1, 413)]
)
def test_a_length_that_is_not_the_bodys_is_refused(
    receiver: Receiver, announced: int, status: int
) -> None:
    trigger_id = receiver.trigger()
    length = {"CONTENT_LENGTH": str(announced)}

    answered = receiver.post(trigger_id, sent(keyed("m-1")), extras=length)

    assert (answered, receiver.keys(trigger_id)) == (status, NOTHING)


@pytest.mark.parametrize(
    ("coding", "status", "keys"),
    [
        ("", 200, ["m-1"]),
        ("identity", 200, ["m-1"]),
        ("IDENTITY", 200, ["m-1"]),
        ("gzip", 415, NOTHING),
        ("x-gzip", 415, NOTHING),
        ("GZIP", 415, NOTHING),
        ("deflate", 415, NOTHING),
        ("br", 415, NOTHING),
        ("identity, gzip", 415, NOTHING),
        ("gzip, gzip, gzip", 415, NOTHING),
        ("\xff", 415, NOTHING),
    ],
)
def test_a_body_must_come_uncompressed(
    receiver: Receiver, coding: str, status: int, keys: Keys
) -> None:
    trigger_id = receiver.trigger()

    answered = receiver.post(trigger_id, sent(keyed("m-1"), **{"Content-Encoding": coding}))

    assert (answered, receiver.keys(trigger_id)) == (status, keys)


@pytest.mark.parametrize(("number", "status", "rows"), [(1_000, 200, 1_000), (1_001, 413, 0)])
def test_a_batch_may_carry_as_many_events_as_the_largest_sender_sends(
    receiver: Receiver, number: int, status: int, rows: int
) -> None:
    trigger_id = receiver.trigger("whatsapp")
    messages = [{"id": str(each)} for each in range(number)]
    body = json.dumps({"entry": [{"changes": [{"value": {"messages": messages}}]}]}).encode()

    answered = receiver.post(trigger_id, signed("whatsapp", Sent({"Content-Type": JSON}, body)))

    assert (answered, len(receiver.keys(trigger_id))) == (status, rows)
