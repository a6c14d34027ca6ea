"""A terminal gets tables that fit it; a pipe gets every column in full."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios

import pytest

from app import clock
from app.db import Database
from tests.support import factories
from tests.support.service import COMMANDS, environment
from tests.support.thorough import some

KEY = "k" * 60
ERROR = "the target answered 503 Service Unavailable and asked to come back much later " * 2
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
LISTED = ("execution", "list")


@pytest.fixture
def rows(database: Database) -> None:
    trigger = factories.trigger(database)
    for status in ("completed", "failed", "retrying"):
        values = {"idempotency_key": KEY + status, "error": ERROR, "received_at": clock.now()}
        factories.execution(database, trigger, status, **values)


def on_terminal(url: str, *arguments: str, columns: int = 80, **variables: str) -> str:
    """Return what the command prints at a pseudo-terminal of this width."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    variables |= {"DATABASE_URL": url}
    command = subprocess.Popen(
        [COMMANDS / "hookonce", *arguments],
        env=environment(variables),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    printed = b""
    while chunk := _read(ours):
        printed += chunk
    os.close(ours)
    assert command.wait(120) == 0, printed
    return printed.decode()


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65_536)
    except OSError:  # the other side is closed
        return b""


def in_pipe(url: str, *arguments: str) -> str:
    variables = environment({"DATABASE_URL": url})
    command = [COMMANDS / "hookonce", *arguments]
    return subprocess.run(command, env=variables, capture_output=True, text=True, check=True).stdout


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize("columns", [80, 120])
def test_a_table_fits_the_terminal_without_empty_columns(database_url: str, columns: int) -> None:
    lines = COLOUR.sub("", on_terminal(database_url, *LISTED, columns=columns)).splitlines()

    assert len(lines) == 4
    assert max(map(len, lines)) <= columns
    assert "status" in lines[0]
    assert "error_reason" not in lines[0]
    assert any("… " in line for line in lines)


@pytest.mark.usefixtures("rows")
def test_a_terminal_too_narrow_for_the_columns_gets_each_row_as_a_record(database_url: str) -> None:
    lines = COLOUR.sub("", on_terminal(database_url, *LISTED, columns=40)).splitlines()

    assert [line.split() for line in lines if line.startswith("id ")] == [["id", n] for n in "321"]
    assert lines.count("") == 2
    assert [line.split()[1] for line in lines if line.startswith("status ")] == [
        *("retrying", "failed", "completed")
    ]


@pytest.mark.parametrize("columns", [20, 80])
def test_a_list_without_rows_is_a_sentence_at_a_terminal(database_url: str, columns: int) -> None:
    lists = (LISTED, ("dead", "list"), ("trigger", "list"), ("delivery", "list"))
    for command in some(lists, one_in=3):
        assert on_terminal(database_url, *command, columns=columns) == "No rows.\r\n"
        assert in_pipe(database_url, *command).startswith("id  ")


@pytest.mark.usefixtures("rows")
def test_times_are_relative_and_words_have_colours_unless_no_color(database_url: str) -> None:
    coloured = on_terminal(database_url, *LISTED, columns=200)
    plain = on_terminal(database_url, *LISTED, columns=200, NO_COLOR="1")

    assert " ago" in plain
    assert "\x1b[31mfailed" in coloured
    assert "\x1b[" not in plain
    headings = [each.split("\n")[0].split() for each in (coloured, plain)]  # times may get wider
    assert headings[0] == headings[1]


@pytest.mark.usefixtures("rows")
def test_a_pipe_and_wide_get_every_column_and_whole_times(database_url: str) -> None:
    piped = in_pipe(database_url, *LISTED)
    wide = on_terminal(database_url, *LISTED, "--wide")

    assert "error_reason" in piped
    assert "Z  " in piped
    assert KEY + "completed" in piped
    assert ERROR.strip() in piped
    assert wide.replace("\r\n", "\n") == piped


@pytest.mark.usefixtures("rows")
def test_a_record_at_a_terminal_has_no_empty_fields_and_says_how_long_ago(
    database_url: str,
) -> None:
    show = ("execution", "show", "1")
    names = re.findall(r"^(\w+) ", on_terminal(database_url, *show), re.MULTILINE)
    piped = in_pipe(database_url, *show)

    assert "received_at" in names
    assert "replay_of_id" not in names
    assert "replay_of_id" in piped
