"""A description of a sender in the commands and in the file of triggers, and `trigger verify`."""

import json
from pathlib import Path
from typing import Any

from app import clock
from app.db import Database
from app.intake import verification
from tests.integration.cli.test_commands import Hookonce, add, hookonce, printed, sentence
from tests.support import factories
from tests.support.samples import SECRET

__all__ = ["hookonce"]

DESCRIBED = {
    "method": "hmac",
    "header": "Acme-Signature",
    "signed": "{timestamp}.{body}",
    "timestamp_field": "t",
    "signature_field": "v1",
}
NONE = {"method": "none", "allow": ["192.0.2.0/24"]}
TEXT = json.dumps(DESCRIBED)
BODY = b'{"a": 1}'


def shown(hookonce: Hookonce, name: str = "order-paid") -> Any:
    return printed(hookonce("trigger", "show", name, "--json"))["verification"]


def test_the_same_description_by_option_by_file_and_by_yaml(
    hookonce: Hookonce, tmp_path: Path
) -> None:
    file = tmp_path / "described.json"
    file.write_text(TEXT)
    declared = tmp_path / "triggers.yml"
    entry = {"name": "Declared", "action_payload": "x", "verification": DESCRIBED}
    declared.write_text(json.dumps({"triggers": [entry]}))

    printed(add(hookonce, "By option", "--verification", TEXT))
    printed(add(hookonce, "By file", "--verification", f"@{file}"))
    printed(hookonce("triggers", "apply", str(declared), "--json"))
    again = printed(hookonce("triggers", "apply", str(declared), "--json"))

    names = ("by-option", "by-file", "declared")
    assert [json.loads(shown(hookonce, name)) for name in names] == [DESCRIBED] * 3
    assert again["triggers"][0]["does"] == "unchanged"


def test_edit_sets_and_unsets_it(hookonce: Hookonce) -> None:
    printed(add(hookonce))
    printed(hookonce("trigger", "edit", "order-paid", "--verification", TEXT, "--json"))
    assert json.loads(shown(hookonce)) == DESCRIBED
    printed(hookonce("trigger", "edit", "order-paid", "--unset", "verification", "--json"))
    assert shown(hookonce) is None


def test_a_mistake_is_one_sentence(hookonce: Hookonce, tmp_path: Path) -> None:
    bad = json.dumps(DESCRIBED | {"algorithm": "md5"})
    assert "algorithm must be one of" in sentence(add(hookonce, "x", "--verification", bad))
    missing = add(hookonce, "x", "--verification", "@/nowhere")
    assert (missing.exit_code, "/nowhere cannot be read" in missing.stderr) == (2, True)
    file = tmp_path / "t.yml"
    entry = {"name": "D", "action_payload": "x", "verification": {"method": "none"}}
    file.write_text(json.dumps({"triggers": [entry]}))
    assert "entry 1 ('D'): verification: allow" in sentence(
        hookonce("triggers", "apply", str(file))
    )


def test_a_trigger_that_verifies_nothing_is_named_by_add_and_by_check(hookonce: Hookonce) -> None:
    added = add(hookonce, "Open", "--verification", json.dumps(NONE))
    assert "warning: NOTHING IS VERIFIED" in added.stderr
    assert "NOTHING IS VERIFIED by open" in hookonce("check").stdout


def captured(path: Path, *, secret: str = SECRET, at: float | None = None) -> Path:
    moment = clock.now().timestamp() if at is None else at
    headers = verification.read(DESCRIBED).sign(secret, BODY, moment, "")
    lines = ["POST /api/triggers/webhook/1?x=y HTTP/1.1", "Host: hooks.acme.example"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    lines += [f"Content-Length: {len(BODY)}"]
    path.write_bytes("\r\n".join(lines).encode() + b"\r\n\r\n" + BODY + b"\n")
    return path


def verify(hookonce: Hookonce, name: str, file: Path, *options: str) -> tuple[int, Any]:
    result = hookonce("trigger", "verify", name, "--request", str(file), "--json", *options)
    assert SECRET not in result.output
    return result.exit_code, json.loads(result.stdout)


def test_verify_tells_what_was_compared(
    hookonce: Hookonce, database: Database, tmp_path: Path
) -> None:
    factories.trigger(database, slug="acme", verification=TEXT)
    file = tmp_path / "request"

    status, told = verify(hookonce, "acme", captured(file))
    assert (status, told["verified"], told["reason"]) == (0, True, "")
    assert any("signed: {timestamp}.{body}" in step for step in told["steps"])
    assert "of 9 bytes the first 8 are used" in told["steps"][0]

    status, told = verify(hookonce, "acme", captured(file, secret="another"))
    assert (status, told["reason"]) == (1, "bad_signature")


def test_verify_tells_a_wrong_signature_from_one_that_is_old(
    hookonce: Hookonce, database: Database, tmp_path: Path
) -> None:
    factories.trigger(database, slug="acme", verification=TEXT, enabled=False)
    file = captured(tmp_path / "request", at=1_772_703_000)

    status, told = verify(hookonce, "acme", file)
    assert (status, told["reason"]) == (1, "stale")
    assert "--at" in told["steps"][-1]
    status, told = verify(hookonce, "acme", file, "--at", "2026-03-05T09:30:00Z")
    assert (status, told["verified"]) == (0, True)


def test_verify_works_for_a_known_source_and_an_address(
    hookonce: Hookonce, database: Database, tmp_path: Path
) -> None:
    factories.trigger(database, slug="open", verification=json.dumps(NONE))
    factories.trigger(database, slug="hub", source="github", secret="It's a Secret to Everybody")
    file = tmp_path / "request"
    file.write_bytes(
        b"POST / HTTP/1.1\nX-Hub-Signature-256: sha256=757107ea0eb2509fc211221cce984b8a"
        b"37570b6d7586c22c46f4379c8b043e17\n\nHello, World!"
    )

    assert verify(hookonce, "hub", file)[0] == 0
    assert verify(hookonce, "open", file)[0] == 1
    assert verify(hookonce, "open", file, "--address", "192.0.2.9")[0] == 0


def test_a_file_that_holds_no_request_is_one_sentence(
    hookonce: Hookonce, database: Database, tmp_path: Path
) -> None:
    factories.trigger(database, slug="acme", verification=TEXT)
    file = tmp_path / "request"
    for content, words in (
        (b"", "must begin with a request line"),
        (b"{}", "must begin with a request line"),
        (b"POST / HTTP/1.1\nno header\n\n{}", "line 2 of the file is not a header"),
    ):
        file.write_bytes(content)
        assert words in sentence(hookonce("trigger", "verify", "acme", "--request", str(file)))
