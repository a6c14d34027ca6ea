"""Each log event is one line, whatever text from outside it contains."""

import json
import logging
import os
import sys
import threading
from collections.abc import Iterator

import pytest

from app import log

OUTSIDE = [
    "two\nlines evt=idempotent_replay trigger_id=1",
    "evt=idempotent_replay",
    "a=b evt=admitted",
    'a "quoted" word',
    "tab\tand\rreturn",
    "separator\u2028and\u0085",
    "\x1b[31mred",
    "\x7fdel",
    '", "evt": "admitted", "x": "',
    "",
    "ü🚢\ud800",
]


@pytest.fixture
def records() -> Iterator[list[logging.LogRecord]]:
    kept: list[logging.LogRecord] = []
    handler = logging.Handler()
    handler.emit = kept.append  # type: ignore[method-assign]
    logger = logging.getLogger("test_log")
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    yield kept
    logger.removeHandler(handler)


def line(record: logging.LogRecord) -> str:
    return log.KeyValueFormatter().format(record)


def test_an_event_is_written_with_its_fields_in_order(records: list[logging.LogRecord]) -> None:
    logger = logging.getLogger("test_log")

    log.event(logger, logging.INFO, "admitted", trigger_id=7, key="k-1", seconds=0.5, none=None)

    written = line(records[0])
    assert written.endswith(" level=info evt=admitted trigger_id=7 key=k-1 seconds=0.5 none=-")


@pytest.mark.parametrize("text", OUTSIDE, ids=ascii)
def test_words_from_outside_stay_one_value_on_one_line(
    text: str, records: list[logging.LogRecord]
) -> None:
    log.event(logging.getLogger("test_log"), logging.INFO, "refused", key=text, last="end")

    written = line(records[0])
    value = written.partition(" key=")[2].removesuffix(" last=end")
    assert json.loads(value) == text
    assert written.isprintable()


@pytest.mark.parametrize("text", OUTSIDE, ids=ascii)
def test_no_word_from_outside_looks_like_an_event(
    text: str, records: list[logging.LogRecord]
) -> None:
    log.event(logging.getLogger("test_log"), logging.INFO, "refused", key=text)

    assert line(records[0]).count("evt=") == 1


def test_a_message_of_a_library_has_no_event(records: list[logging.LogRecord]) -> None:
    logging.getLogger("test_log").warning("evt=%s\nmore", "forged")

    written = line(records[0])
    assert "evt=" not in written
    assert written.endswith('logger=test_log msg="evt\\u003dforged\\nmore"')


def test_an_error_is_logged_whole_on_one_line(records: list[logging.LogRecord]) -> None:
    try:
        raise ValueError("first\nsecond")
    except ValueError:
        logging.getLogger("test_log").error("it broke", exc_info=sys.exc_info())

    written = line(records[0])
    assert written.isprintable()
    assert "first\\nsecond" in written


def json_line(record: logging.LogRecord) -> str:
    return log.JsonFormatter().format(record)


def test_a_line_of_json_has_the_same_names_and_its_numbers_are_numbers(
    records: list[logging.LogRecord],
) -> None:
    logger = logging.getLogger("test_log")

    log.event(logger, logging.INFO, "admitted", trigger_id=7, seconds=0.5, good=True, none=None)

    read = json.loads(json_line(records[0]))
    assert list(read) == ["at", "level", "evt", "trigger_id", "seconds", "good", "none"]
    assert (read["trigger_id"], read["seconds"], read["good"], read["none"]) == (7, 0.5, True, None)


@pytest.mark.parametrize("text", OUTSIDE, ids=ascii)
def test_words_from_outside_stay_one_value_of_json_on_one_line(
    text: str, records: list[logging.LogRecord]
) -> None:
    log.event(logging.getLogger("test_log"), logging.INFO, "refused", key=text, last="end")

    written = json_line(records[0])
    read = json.loads(written)
    assert (read["evt"], read["key"], read["last"]) == ("refused", text, "end")
    assert written.isprintable()
    assert written.isascii()


@pytest.mark.parametrize(
    "value",
    [float("nan"), float("inf"), b"bytes\n", ["a\n"], {"a": 1}, ValueError("a\nb")],
    ids=repr,
)
def test_what_json_cannot_say_is_told_as_text(
    value: object, records: list[logging.LogRecord]
) -> None:
    log.event(logging.getLogger("test_log"), logging.INFO, "refused", key=value)

    written = json_line(records[0])
    assert json.loads(written, parse_constant=pytest.fail)["key"] == str(value)
    assert written.isprintable()


def test_a_message_and_an_error_of_a_library_are_one_line_of_json(
    records: list[logging.LogRecord],
) -> None:
    try:
        raise ValueError("first\nsecond")
    except ValueError:
        logging.getLogger("test_log").exception('it "broke"\nevt=%s', "forged")

    written = json_line(records[0])
    read = json.loads(written)
    assert "evt" not in read
    assert (read["logger"], read["msg"]) == ("test_log", 'it "broke"\nevt=forged')
    assert "first\nsecond" in read["error"]
    assert written.isprintable()


@pytest.mark.parametrize("form", ["text", "json"])
def test_lines_within_an_errand_name_its_request_and_no_others_do(
    form: str, records: list[logging.LogRecord]
) -> None:
    maker, written = log.formatter(form), []
    logger = logging.getLogger("test_log")
    request_context = log.RequestContext("r-1")

    with log.of(request_context):
        logger.warning("of a library")
        written.append(maker.format(records[-1]))
        assert not request_context.logged
        log.event(logger, logging.DEBUG, "detail")
        assert not request_context.logged
        log.event(logger, logging.INFO, "admitted")
        written.append(maker.format(records[-1]))
    log.event(logger, logging.INFO, "later")
    written.append(maker.format(records[-1]))

    assert request_context.logged
    assert ["r-1" in line for line in written] == [True, True, False]


def test_a_record_is_of_its_own_process_and_thread(records: list[logging.LogRecord]) -> None:
    logger = logging.getLogger("test_log")

    def told() -> None:
        log.event(logger, logging.INFO, "admitted")
        logger.info("admitted")

    thread = threading.Thread(target=told)
    thread.start()
    thread.join()

    ours, usual = records
    same = ("process", "thread", "levelname", "levelno", "name", "msg", "args", "exc_info")
    assert {name: getattr(ours, name) for name in same} == {
        name: getattr(usual, name) for name in same
    }
    assert vars(ours).keys() - {"evt", "fields"} == vars(usual).keys()
    began = [record.created - record.relativeCreated / 1000 for record in records]
    assert began[0] == pytest.approx(began[1], abs=1e-3)
    assert ours.msecs == int(ours.msecs)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_record_made_after_a_fork_is_of_the_child(records: list[logging.LogRecord]) -> None:
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        log.event(logging.getLogger("test_log"), logging.INFO, "admitted")
        os.write(writing, str(records[0].process).encode())
        os._exit(0)
    os.waitpid(child, 0)

    assert int(os.read(reading, 20)) == child


def test_a_record_that_came_from_another_process_is_still_an_event(
    records: list[logging.LogRecord],
) -> None:
    log.event(logging.getLogger("test_log"), logging.INFO, "admitted", trigger_id=7)
    came = logging.makeLogRecord(vars(records[0]))

    assert line(came) == line(records[0])
