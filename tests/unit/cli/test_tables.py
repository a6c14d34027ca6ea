"""A table keeps headings and ids whole, and its columns in line, at a terminal and in a pipe."""

import inspect
import os
import shutil
from typing import Any

import click
import pytest

from app import clock
from app.cli import main, tables, terminal

ROW = {
    "id": 12_345_678,
    "trigger_id": 1234,
    "status": "failed_retryable",
    "idempotency_key": "k" * 60,
    "received_at": "2026-01-31T23:59:59.000000Z",
    "attempt_count": 8,
    "error": "the target answered 503 " * 5,
}
COLUMNS = tuple(ROW)


@pytest.fixture
def at_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terminal, "is_used", lambda: True)
    monkeypatch.setenv("NO_COLOR", "1")


def shown(monkeypatch: pytest.MonkeyPatch, columns: int, *rows: dict[str, Any]) -> list[str]:
    size = os.terminal_size((columns, 24))
    monkeypatch.setattr(shutil, "get_terminal_size", lambda *_, **__: size)
    return list(tables.lines(rows, COLUMNS))


@pytest.mark.usefixtures("at_terminal")
@pytest.mark.parametrize("columns", [80, 100, 200])
def test_headings_and_ids_are_whole_at_any_width(
    monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    heading, line = shown(monkeypatch, columns, ROW)

    assert heading.split() == ["id", "trigger", "status", "key", "received", "attempts", "error"]
    assert max(len(heading), len(line)) <= columns
    assert line.startswith("12345678  1234 ")


@pytest.mark.usefixtures("at_terminal")
def test_states_and_times_are_whole_while_other_columns_can_give_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _, line = shown(monkeypatch, 80, ROW)

    assert " failed_retryable " in line
    assert f" {clock.ago(ROW['received_at'])} " in line


@pytest.mark.usefixtures("at_terminal")
def test_no_row_is_wider_than_the_terminal_if_it_takes_a_record(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lines = shown(monkeypatch, 50, ROW, ROW | {"error": None})

    assert lines[0] == "id        12345678"
    assert lines[lines.index("") + 1] == "id        12345678"
    assert len(lines) == 2 * len(ROW)  # an empty line between the two, and no empty error


@pytest.mark.usefixtures("at_terminal")
def test_wide_characters_stay_in_their_column(monkeypatch: pytest.MonkeyPatch) -> None:
    wide = ROW | {"idempotency_key": "鍵" * 60, "error": None}
    narrow = ROW | {"idempotency_key": "k", "error": None}

    _, first, second = shown(monkeypatch, 80, wide, narrow)

    cut = first.index("鍵")
    assert first[cut:].startswith("鍵" * 5)
    columns_of_first = sum(2 if each == "鍵" else 1 for each in first.rstrip())
    assert columns_of_first == len(second.rstrip())


def test_in_a_pipe_every_cell_is_whole_and_below_its_heading() -> None:
    long = ROW | {"idempotency_key": "k" * 255, "status": None}

    heading, first, second = tables.lines([long, ROW], COLUMNS)

    assert heading.split() == list(COLUMNS)
    for line, row in ((first, long), (second, ROW)):
        starts = [heading.index(column) for column in COLUMNS]
        cells = [line[a:b].strip() for a, b in zip(starts, [*starts[1:], None], strict=True)]
        assert cells == [str(row[each] or "-").strip() for each in COLUMNS]


def test_every_command_that_prints_a_table_prints_it_wide_too() -> None:
    for path, command in _commands(main, ()):
        names = {name for each in command.params for name in each.opts}
        code = command.callback and _source(command.callback)
        if code and ("output.table(" in code or "output.page(" in code or "output.stream(" in code):
            assert "--wide" in names, " ".join(path)


def _commands(group: click.Group, path: tuple[str, ...]) -> list[tuple[tuple[str, ...], Any]]:
    found: list[tuple[tuple[str, ...], Any]] = []
    for name in group.commands:
        command = group.commands[name]
        if isinstance(command, click.Group):
            found += _commands(command, (*path, name))
        else:
            found.append(((*path, name), command))
    return found


def _source(callback: Any) -> str:
    return inspect.getsource(inspect.unwrap(callback))


@pytest.mark.usefixtures("at_terminal")
@pytest.mark.parametrize("columns", [24, 32, 40])
def test_a_record_at_a_narrow_terminal_fits_it_and_keeps_its_id(
    monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    lines = shown(monkeypatch, columns, ROW | {"error": "鍵" * 50})

    assert max(len(each) + each.count("鍵") for each in lines) <= columns
    assert lines[0].split() == ["id", "12345678"]
    assert any(line.endswith("…") for line in lines)
