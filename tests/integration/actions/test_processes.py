"""A program is bounded in time and output, ends with its worker, and leaves an outcome."""

import errno
import json
import os
import re
import resource
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from app.actions.work import SUMMARY_CHARACTERS, Work
from app.errors import ActionFailed, MachineTrouble
from app.lifecycle import PERMANENT, TRANSIENT
from app.settings import from_environment
from app.worker import classify, run
from tests.support import factories
from tests.support.databases import ROOT
from tests.support.shortage import free_descriptors

Ended = str | BaseException
Run = Callable[..., Ended]


def script_work(directory: Path, text: str, seconds: float = 120, **fields: object) -> Work:
    """Write the shell script; return the work that runs it."""
    path = directory / "the-script"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o700)
    settings = from_environment(
        {
            "HOOKONCE_SCRIPTS_DIR": str(directory),
            "HOOKONCE_SCRIPT_TIMEOUT_SECONDS": str(seconds),
        }
    )
    return factories.work(settings, action_payload="the-script", **fields)


@pytest.fixture
def ran(tmp_path: Path) -> Run:
    """Return a function that runs a shell script as a worker does, and returns the outcome."""

    def run_it(text: str, seconds: float = 120, **fields: object) -> Ended:
        return run.action(script_work(tmp_path, text, seconds, **fields))

    return run_it


def test_a_hundred_megabytes_of_output_fill_neither_memory_nor_disk(ran: Run) -> None:
    limit = 1_000_000  # a file of ours that grows beyond it kills us with SIGXFSZ
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        said = ran("yes 0123456789 | head -c 100000000; echo; echo the end")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert isinstance(said, str)
    assert said.endswith("\nthe end")
    assert len(said) <= SUMMARY_CHARACTERS
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000


def test_output_without_end_is_ended_in_time_and_its_end_is_kept(ran: Run) -> None:
    began = time.monotonic()
    failed = ran("yes without end", seconds=0.5)

    assert time.monotonic() - began < 60
    assert isinstance(failed, ActionFailed)
    assert (failed.permanent, failed.reason) == (False, "timeout")
    assert str(failed).startswith("timed out after 0.5 s: ")
    assert "without end" in str(failed)


def test_a_script_that_says_nothing_more_may_still_work(ran: Run) -> None:
    assert ran("echo begun; exec >&- 2>&-; sleep 0.3; exit 0") == "begun"


def test_a_script_that_says_nothing_more_is_ended_in_time(ran: Run) -> None:
    failed = ran("echo begun; exec >&- 2>&-; sleep 300", seconds=0.4)

    assert str(failed) == "timed out after 0.4 s: begun"


def test_what_escapes_into_a_session_of_its_own_keeps_nobody_waiting(
    ran: Run, tmp_path: Path
) -> None:
    began = time.monotonic()
    escaping = "setsid sh -c 'echo $$ >escaped; exec sleep 600' &"
    said = ran(f"{escaping} echo done; while [ ! -s escaped ]; do :; done")

    assert time.monotonic() - began < 60
    os.kill(int((tmp_path / "escaped").read_text()), signal.SIGKILL)
    assert said == "done"


def test_what_escapes_and_speaks_without_end_keeps_nobody_waiting(ran: Run) -> None:
    began = time.monotonic()
    escaping = "setsid sh -c 'echo $$ >escaped; exec yes' &"
    said = ran(f"{escaping} while [ ! -s escaped ]; do :; done")

    assert isinstance(said, str)
    assert len(said) <= SUMMARY_CHARACTERS
    assert time.monotonic() - began < 60


def test_a_script_may_ignore_its_input(ran: Run) -> None:
    assert ran("exit 0", event_data=json.dumps("x" * 1_000_000)) == ""


def test_a_script_that_ignores_signals_is_ended_all_the_same(ran: Run) -> None:
    began = time.monotonic()
    failed = ran("trap '' TERM INT HUP; while :; do sleep 1; done", seconds=0.4)

    assert time.monotonic() - began < 60
    assert isinstance(failed, ActionFailed)
    assert failed.reason == "timeout"


@pytest.mark.parametrize(
    ("text", "said", "permanent"),
    [
        ("echo no; exit 1", "ended with status 1: no", None),
        ("echo later; exit 75", "ended with status 75, try again later: later", False),
        ("kill -KILL $$", "was killed by signal 9", None),
    ],
)
def test_a_script_that_fails_says_so_in_its_reason(
    ran: Run, text: str, said: str, permanent: bool | None
) -> None:
    failed = ran(text)

    assert isinstance(failed, ActionFailed)
    assert (str(failed), failed.permanent, failed.reason) == (said, permanent, "script_failed")


def test_the_first_execution_of_a_replay_chain_is_named(ran: Run) -> None:
    assert ran('echo "$HOOKONCE_CHAIN_ID of $HOOKONCE_EXECUTION_ID"', chain_id=3) == "3 of 7"
    assert ran('echo "$HOOKONCE_CHAIN_ID of $HOOKONCE_EXECUTION_ID"') == "7 of 7"


WORKER = """
from contextlib import contextmanager
from app.actions import reaper
from app.settings import from_environment
from app.lifecycle import PERMANENT, TRANSIENT
from app.worker import classify, run
from tests.support import factories
watch = reaper.watching
@contextmanager
def watching(run):
    with watch(run):
        print("watched", flush=True)
        yield
reaper.watching = watching
run.action(factories.work(from_environment(), action_payload="the-script"))
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGABRT])
def test_a_script_ends_with_its_worker_however_that_ends(
    tmp_path: Path, how: signal.Signals
) -> None:
    (tmp_path / "the-script").write_text(
        "#!/bin/sh\nexec 3>alive; echo begun >&3; sleep 300 & wait\n"
    )
    (tmp_path / "the-script").chmod(0o700)
    os.mkfifo(tmp_path / "alive")
    reader = os.open(tmp_path / "alive", os.O_RDONLY | os.O_NONBLOCK)
    worker = subprocess.Popen(
        [sys.executable, "-c", WORKER],
        cwd=ROOT,
        env=os.environ | {"HOOKONCE_SCRIPTS_DIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert worker.stdout is not None
    try:
        assert worker.stdout.readline() == b"watched\n"
        assert read(reader) == b"begun\n"
        worker.send_signal(how)
        assert worker.wait(120) == -how

        assert read(reader) == b""  # nobody has the pipe open for writing any more
    finally:
        worker.kill()
        worker.communicate()
        os.close(reader)


def read(reader: int) -> bytes | None:
    """Return the next line, None if none comes before the deadline."""
    readable, _, _ = select.select([reader], [], [], 120)
    return os.read(reader, 100) if readable else None


@pytest.mark.parametrize("action", ["skill", "prompt"])
def test_a_row_of_the_older_system_goes_to_the_command_that_is_set_for_it(
    tmp_path: Path, action: str
) -> None:
    (tmp_path / "agent").write_text('#!/bin/sh\nprintf "%s " "$@"; cat\n')
    (tmp_path / "agent").chmod(0o700)
    chosen = from_environment({f"HOOKONCE_{action.upper()}_COMMAND": f"{tmp_path}/agent -x 'a b'"})
    work = factories.work(
        chosen, action_type=action, action_payload="sum up", agent="clawdia", event_data='{"a":"ü"}'
    )

    arguments, _, handed = str(run.action(work)).partition("{")

    assert arguments == "-x a b "
    assert json.loads("{" + handed) == {
        "action_type": action,
        "payload": "sum up",
        "agent": "clawdia",
        "trigger": "a-trigger",
        "execution_id": 7,
        "attempt": 1,
        "event": {"a": "ü"},
    }


def test_an_event_that_is_no_json_is_handed_on_as_text() -> None:
    chosen = from_environment({"HOOKONCE_SKILL_COMMAND": "cat"})

    handed = run.action(factories.work(chosen, action_type="skill", event_data="as it was"))

    assert json.loads(str(handed))["event"] == "as it was"


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({}, "set HOOKONCE_SKILL_COMMAND"),
        ({"HOOKONCE_PROMPT_COMMAND": "cat"}, "set HOOKONCE_SKILL_COMMAND"),
        ({"HOOKONCE_SKILL_COMMAND": "no-such-command"}, "'no-such-command' cannot be started"),
    ],
)
def test_without_its_command_an_older_row_fails_for_good(
    environ: dict[str, str], said: str
) -> None:
    failed = run.action(factories.work(from_environment(environ), action_type="skill"))

    assert isinstance(failed, ActionFailed)
    assert re.search(said, str(failed))
    assert (failed.permanent, failed.reason) == (True, "configuration")


@pytest.mark.parametrize("spare", range(12))
def test_a_machine_without_descriptors_makes_no_dead_letter(tmp_path: Path, spare: int) -> None:
    work = script_work(tmp_path, "echo done")  # written before descriptors are short

    with free_descriptors(spare):
        ended = run.action(work)

    assert ended == "done" or isinstance(ended, MachineTrouble)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.ENOENT])
def test_an_input_file_that_cannot_be_made_is_never_the_fault_of_the_event(
    ran: Run, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("os.memfd_create", fail)

    assert isinstance(ran("echo done"), MachineTrouble)


@pytest.mark.parametrize(
    ("number", "category"),
    [
        (errno.EMFILE, TRANSIENT),
        (errno.ENFILE, TRANSIENT),
        (errno.EAGAIN, TRANSIENT),
        (errno.ENOMEM, TRANSIENT),
        (errno.ENOSPC, TRANSIENT),
        (errno.ETXTBSY, TRANSIENT),
        (errno.EIO, TRANSIENT),
        (errno.ENOENT, PERMANENT),
        (errno.EACCES, PERMANENT),
        (errno.ENOEXEC, PERMANENT),
    ],
    ids=lambda value: errno.errorcode.get(value, value),
)
def test_an_error_of_the_machine_is_told_apart_from_one_of_the_action(
    ran: Run, monkeypatch: pytest.MonkeyPatch, number: int, category: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("subprocess.Popen", fail)

    ended = ran("echo done")

    assert isinstance(ended, Exception)
    assert classify.category(ended) == category


def test_a_program_that_is_still_being_written_is_tried_again(tmp_path: Path) -> None:
    settings = from_environment({"HOOKONCE_SCRIPTS_DIR": str(tmp_path)})
    path = tmp_path / "a-program"
    shutil.copy("/bin/true", path)
    path.chmod(0o700)

    with path.open("ab"):  # as a deployment has it that copies over the program
        ended = run.action(factories.work(settings, action_payload="a-program"))

    assert isinstance(ended, ActionFailed)
    assert classify.category(ended) == TRANSIENT
