"""docs/actions.md says what the code does: every action, option, reason, place and limit."""

import re

import pytest

from app import actions, lifecycle
from app.actions import descendants, evolution_go, http, output, process, script
from app.actions.work import SUMMARY_CHARACTERS
from app.worker.classify import TRANSIENT_MARKERS
from tests.support.databases import ROOT

TEXT = (ROOT / "docs" / "actions.md").read_text()
FLAT = " ".join(TEXT.split())


def section(heading: str) -> str:
    """Return the text under the heading, on one line."""
    found = re.search(rf"^## .*{re.escape(heading)}.*\n(?P<text>(?:(?!^## ).*\n)*)", TEXT, re.M)
    assert found, f"docs/actions.md has no section {heading}"
    return " ".join(found["text"].split())


@pytest.mark.parametrize("name", sorted(actions.ACTIONS))
def test_every_action_has_a_section(name: str) -> None:
    assert section(f"`{name}`")


def test_every_reason_is_explained_and_no_other() -> None:
    listed = re.findall(r"\| `(\w+)` \|", section("Reasons for failure"))

    assert listed == list(lifecycle.REASONS)


@pytest.mark.parametrize(
    ("name", "option"),
    [
        *(("http", each) for each in http.OPTIONS),
        *(("script", each) for each in script.OPTIONS),
        *(("evolution_go", each) for each in evolution_go.OPTIONS),
    ],
)
def test_every_option_is_named(name: str, option: str) -> None:
    assert re.search(rf"[`\"]{option}[`\"]", section(f"`{name}`"))


def test_the_places_in_an_event_are_named_in_their_order() -> None:
    for places in (evolution_go.NUMBER_FROM, evolution_go.TEXT_FROM):
        assert ", ".join(f"`{each}`" for each in places) in section("`evolution_go`")


def test_what_a_script_is_given_is_named() -> None:
    names = [*process._PASSED_ON, "HOOKONCE_EXECUTION_ID", "HOOKONCE_CHAIN_ID", "HOOKONCE_TRIGGER"]
    names += [descendants.TAG_NAME]

    assert all(f"`{name}`" in section("`script`") for name in names)
    assert ", ".join(f"`{each}`" for each in TRANSIENT_MARKERS) in section("`script`")


def test_the_limits_are_those_of_the_code() -> None:
    assert f"the first {SUMMARY_CHARACTERS:,} characters" in FLAT
    assert f"{output.OUTPUT_CHARACTERS:,} characters" in FLAT


@pytest.mark.parametrize("name", ["docs/settings.md", "docs/operations.md"])
@pytest.mark.parametrize(
    "setting",
    [
        "HOOKONCE_EGRESS_ALLOW",
        "HOOKONCE_SKILL_COMMAND",
        "HOOKONCE_PROMPT_COMMAND",
        "HOOKONCE_PLUGIN_TIMEOUT_SECONDS",
    ],
)
def test_the_settings_of_actions_stand_where_an_operator_looks(name: str, setting: str) -> None:
    assert f"`{setting}" in (ROOT / name).read_text()
