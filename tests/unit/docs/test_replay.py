"""docs/replay.md says what the code does: every option, default, limit and exit status."""

import re

import click
import pytest

from app.cli import dead, decisions
from app.db import REPLAY_INDEX
from app.executions import replay
from app.executions.bulk_replay import Pace
from app.executions.dead_letters import UNKNOWN
from tests.support.databases import ROOT

TEXT = (ROOT / "docs" / "replay.md").read_text()
OPTIONS = sorted(
    {
        option
        for command in (*dead.group.commands.values(), decisions.run_again)
        for parameter in command.params
        if isinstance(parameter, click.Option)
        for option in parameter.opts
    }
)


@pytest.mark.parametrize("option", OPTIONS)
def test_every_option_is_explained(option: str) -> None:
    assert f"`{option}`" in TEXT


def test_no_other_option_is_named() -> None:
    assert set(re.findall(r"--[a-z][a-z-]+", TEXT)) <= set(OPTIONS)


def test_the_defaults_are_those_of_the_code() -> None:
    pace = Pace()

    assert f"| `--pace` | {pace.per_second:g} |" in TEXT
    assert f"| `--stop-after` | {pace.stop_after} |" in TEXT
    assert f"| `--wait` | {pace.wait_seconds:g} |" in TEXT
    given = {each.name: each.default for each in dead.group.commands["replay"].params}
    assert (given["pace"], given["stop_after"], given["wait"]) == (
        pace.per_second,
        pace.stop_after,
        pace.wait_seconds,
    )


def test_the_names_and_numbers_are_those_of_the_code() -> None:
    assert f"less than {replay.PAUSE_SECONDS} s ago" in TEXT
    assert f"below revision {replay.SINCE_REVISION}" in TEXT
    assert f"`{REPLAY_INDEX}`" in TEXT
    assert f"`{UNKNOWN}`" in TEXT
    assert f"| {dead.INTERRUPTED} | stopped by Ctrl-C |" in TEXT
