"""Only a request that proves the secret over its very bytes gets through."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from app.errors import Unverified
from app.intake import sources, verify
from app.intake.message import WebhookTrigger
from tests.support import factories, samples
from tests.support.samples import NOW, SECRET, Sent

BODY = b'{"messageId": "m-1",\n "text": "berth 7"}'
HERE = (
    "custom",
    "discord",
    "evolution",
    "evolution_go",
    "github",
    "linear",
    "stripe",
    "telegram",
)
"""The sources that are tested here; the others have each a file of its own."""
OTHER_SECRET = "another-secret"
PROOF = {
    "custom": "X-Webhook-Signature",
    "discord": "X-Signature-Ed25519",
    "github": "X-Hub-Signature-256",
    "linear": "Linear-Signature",
    "stripe": "Stripe-Signature",
    "telegram": "X-Telegram-Bot-Api-Secret-Token",
}
SIGNS_THE_BODY = ("custom", "discord", "github", "linear", "stripe")
BY_SECRET_ALONE = ("evolution", "evolution_go", "telegram")


def check(sent: Sent, source: str = "custom", **trigger: object) -> None:
    values = {"id": 1, "source": source, "enabled": True}
    secret = samples.trigger_secret(source)
    found = WebhookTrigger(**({"secret": secret} | values | trigger))
    verify.check(found, factories.request(sent), NOW)


def refusal(sent: Sent, source: str = "custom", **trigger: object) -> str:
    with pytest.raises(Unverified) as caught:
        check(sent, source, **trigger)
    return caught.value.reason


def signed(source: str, secret: str = SECRET) -> Sent:
    return samples.signed(source, Sent({"Content-Type": "application/json"}, BODY), secret=secret)


def with_header(sent: Sent, name: str, value: str) -> Sent:
    return replace(sent, headers=sent.headers | {name: value})


@pytest.mark.parametrize("source", HERE)
def test_a_signed_request_is_verified(source: str) -> None:
    check(signed(source), source)


@pytest.mark.parametrize(("source", "case"), samples.names())
def test_every_sample_is_verified_as_its_sender_signs_it(source: str, case: str) -> None:
    check(samples.signed(source, samples.sample(source, case)), source)


@pytest.mark.parametrize("source", SIGNS_THE_BODY)
@pytest.mark.parametrize(
    "alter",
    [
        lambda body: body.replace(b"7", b"8"),
        lambda body: body + b"\n",
        lambda body: body.replace(b",\n ", b","),
        lambda _body: b"",
    ],
    ids=["a digit", "a newline more", "white space less", "all gone"],
)
def test_an_altered_body_is_refused(source: str, alter: Callable[[bytes], bytes]) -> None:
    altered = replace(signed(source), body=alter(BODY))

    assert refusal(altered, source) == "bad_signature"


@pytest.mark.parametrize("source", [name for name in HERE if name != "discord"])
def test_another_secret_is_refused(source: str) -> None:
    forged = signed(source, OTHER_SECRET)

    assert refusal(forged, source) == "bad_signature"


def test_another_discord_applications_key_is_refused() -> None:
    assert refusal(signed("discord"), "discord", secret="ab" * 32) == "bad_signature"


@pytest.mark.parametrize("secret", ["not hex", "ab", "é" * 64], ids=["text", "short", "letters"])
def test_a_discord_secret_that_is_no_public_key_refuses_everyone(secret: str) -> None:
    assert refusal(signed("discord"), "discord", secret=secret) == "bad_signature"


@pytest.mark.parametrize("source", HERE)
def test_a_request_without_proof_is_refused(source: str) -> None:
    unsigned = Sent({"Content-Type": "application/json"}, BODY)

    assert refusal(unsigned, source) == "missing_signature"


@pytest.mark.parametrize(("source", "header"), PROOF.items())
def test_an_empty_proof_is_no_proof(source: str, header: str) -> None:
    assert refusal(with_header(signed(source), header, ""), source) == "missing_signature"


@pytest.mark.parametrize(("source", "header"), PROOF.items())
@pytest.mark.parametrize(
    "value", ["schlüssel", "\udcff", "0" * 64, "sha256=", "t=1,v1=ü", "🔑"], ids=ascii
)
def test_a_proof_of_any_letters_is_refused_without_an_error(
    source: str, header: str, value: str
) -> None:
    odd = with_header(signed(source), header, value)

    assert refusal(odd, source) in {"bad_signature", "missing_signature"}


@pytest.mark.parametrize("source", HERE)
def test_a_trigger_without_a_secret_refuses_even_what_an_empty_secret_signed(source: str) -> None:
    assert refusal(signed(source, ""), source, secret="") == "no_secret"


@pytest.mark.parametrize("source", BY_SECRET_ALONE)
def test_an_empty_secret_presented_to_a_trigger_that_has_one_is_missing(source: str) -> None:
    assert refusal(signed(source, ""), source) == "missing_signature"


@pytest.mark.parametrize("source", HERE)
def test_a_beginning_of_the_proof_is_not_enough(source: str) -> None:
    whole = signed(source)
    header = PROOF.get(source)
    cut = (
        with_header(whole, header, whole.headers[header][:-1].partition(",v0")[0][:-1])
        if header
        else replace(whole, path_secret=SECRET[:-1])
    )

    assert refusal(cut, source) == "bad_signature"


@pytest.mark.parametrize("source", ["stripe", "discord"])
@pytest.mark.parametrize(
    ("seconds", "reason"),
    [(-301, "stale"), (301, "stale"), (-300, None), (300, None), (0, None)],
    ids=["old", "from the future", "just in time", "a clock ahead", "now"],
)
def test_a_signature_counts_for_five_minutes_either_way(
    source: str, seconds: int, reason: str | None
) -> None:
    sent = samples.signed(source, Sent(body=BODY), at=NOW + timedelta(seconds=seconds))

    if reason is None:
        check(sent, source)
    else:
        assert refusal(sent, source) == reason


@pytest.mark.parametrize("timestamp", ["", "abc", "-1", "1e9", "٣", "9" * 400], ids=ascii)
@pytest.mark.parametrize(
    ("source", "header", "value"),
    [("stripe", "Stripe-Signature", "t={t},v1={v}"), ("discord", "X-Signature-Timestamp", "{t}")],
)
def test_a_timestamp_that_is_no_time_is_refused(
    source: str, header: str, value: str, timestamp: str
) -> None:
    v1 = samples.sha256_hex(SECRET, f"{timestamp}.".encode() + BODY)
    sent = with_header(signed(source), header, value.format(t=timestamp, v=v1))

    assert refusal(sent, source) in {"bad_signature", "missing_signature"}


def test_a_replaced_stripe_timestamp_is_refused() -> None:
    sent = signed("stripe")
    old = f"t={int(NOW.timestamp())}"
    moved = sent.headers["Stripe-Signature"].replace(old, f"t={int(NOW.timestamp()) + 1}")

    assert refusal(with_header(sent, "Stripe-Signature", moved), "stripe") == "bad_signature"


@pytest.mark.parametrize("good_first", [True, False])
def test_one_good_v1_among_several_is_enough_while_stripe_rolls_a_secret(good_first: bool) -> None:
    at = str(int(NOW.timestamp()))
    values = [samples.sha256_hex(SECRET, f"{at}.".encode() + BODY), "0" * 64]
    ordered = values if good_first else values[::-1]
    header = f"t={at}," + ",".join(f"v1={value}" for value in ordered)

    check(Sent({"Stripe-Signature": header}, BODY), "stripe")


def test_stripes_v0_proves_nothing() -> None:
    at = str(int(NOW.timestamp()))
    v0 = samples.sha256_hex(SECRET, f"{at}.".encode() + BODY)
    sent = Sent({"Stripe-Signature": f"t={at},v0={v0}"}, BODY)

    assert refusal(sent, "stripe") == "missing_signature"


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Signature": "{good}"},
        {"X-Webhook-Signature": "sha256={good}"},
        {"X-Signature": "sha256={good}"},
        {"X-Webhook-Signature": "{good}", "X-Signature": "someone else's"},
        {"X-Webhook-Signature": "someone else's", "X-Signature": "{good}"},
    ],
    ids=["the short name", "with prefix", "short and prefix", "the long one", "the other one"],
)
def test_a_custom_sender_may_sign_under_either_name(headers: dict[str, str]) -> None:
    good = samples.sha256_hex(SECRET, BODY)
    sent = Sent({name: value.format(good=good) for name, value in headers.items()}, BODY)

    check(sent, "custom")


def test_linear_may_sign_under_the_name_that_the_older_system_read() -> None:
    check(Sent({"X-Linear-Signature": samples.sha256_hex(SECRET, BODY)}, BODY), "linear")


@pytest.mark.parametrize("source", ["evolution", "evolution_go"])
@pytest.mark.parametrize(
    "sent",
    [
        Sent({"X-Webhook-Secret": SECRET}),
        Sent({"apikey": SECRET}),
        Sent({"Authorization": f"Bearer {SECRET}"}),
        Sent(path_secret=SECRET),
        Sent({"apikey": "the sender's own"}, path_secret=SECRET),
    ],
    ids=["its own header", "apikey", "bearer", "path", "path beside a header"],
)
def test_a_sender_that_signs_nothing_presents_the_secret(source: str, sent: Sent) -> None:
    check(sent, source)


@pytest.mark.parametrize("source", [*SIGNS_THE_BODY, "telegram"])
def test_the_secret_in_the_path_proves_nothing_for_a_sender_that_signs(source: str) -> None:
    sent = Sent({}, BODY, path_secret=samples.trigger_secret(source))

    assert refusal(sent, source) == "missing_signature"


@pytest.mark.parametrize("name", ["whatsapp-old", "", "CUSTOM"])
def test_a_source_of_the_older_system_is_verified_like_custom(name: str) -> None:
    check(signed("custom"), name, secret=SECRET)


def test_an_unknown_trigger_is_refused() -> None:
    with pytest.raises(Unverified, match="unknown_trigger"):
        verify.check(None, factories.request(signed("custom")), NOW)


def test_a_disabled_trigger_refuses_a_good_signature() -> None:
    assert refusal(signed("custom"), enabled=False) == "disabled_trigger"


@pytest.mark.parametrize(
    "trigger",
    [
        None,
        WebhookTrigger(1, "custom", SECRET, enabled=False),
        WebhookTrigger(1, "custom", "", enabled=True),
        WebhookTrigger(1, "custom", OTHER_SECRET, enabled=True),
    ],
    ids=["unknown", "disabled", "no secret", "forged"],
)
def test_every_refusal_costs_the_work_of_one_signature(
    trigger: WebhookTrigger | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed = []
    real = sources.custom.hmac_sha256_hex

    def counted(secret: str, body: bytes) -> str:
        hashed.append((bool(secret), body))
        return real(secret, body)

    monkeypatch.setattr(sources.custom, "hmac_sha256_hex", counted)

    with pytest.raises(Unverified):
        verify.check(trigger, factories.request(signed("custom")), NOW)

    assert hashed == [(True, BODY)]


@pytest.mark.parametrize(
    "trigger", [{}, {"enabled": False}, {"secret": ""}], ids=["forged", "disabled", "no secret"]
)
def test_discord_is_refused_with_the_one_status_that_it_understands(
    trigger: dict[str, object],
) -> None:
    with pytest.raises(Unverified) as caught:
        check(replace(signed("discord"), body=b"{}"), "discord", **trigger)

    assert caught.value.status == 401
