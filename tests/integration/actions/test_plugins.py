"""Actions of other packages, really installed: a distribution in a directory of sys.path."""

import importlib
import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from app import actions, cli, plugins
from app.db import Database
from app.errors import Absent, ActionFailed, InvalidTrigger
from app.settings import Settings, from_environment
from app.worker import run
from app.worker.loop import Worker
from tests.support import factories

Install = Callable[..., None]

GREETING = """
import builtins
from app.errors import Absent, ActionFailed, InvalidTrigger

builtins.greeting_loaded = getattr(builtins, "greeting_loaded", 0) + 1

def greet(work):
    return f"hello {work.action_payload}, {work.event_data}"

def _validate(payload):
    if payload == "nobody":
        raise InvalidTrigger("nobody cannot be greeted")
    if payload == "odd":
        raise KeyError("odd")

greet.validate = _validate

def repeat(work):
    raise KeyError(work.action_payload)

def say_nothing(work):
    return None

def count(work):
    return 42

def refuse(work):
    raise ActionFailed("we are closed", permanent=True, reason="rejected")

def interrupt(work):
    raise KeyboardInterrupt

def leave(work):
    raise SystemExit(3)

def break_down(work):
    raise ZeroDivisionError("by zero")

def overflow(work):
    return overflow(work)

no_function = "text"
"""
BROKEN = "raise RuntimeError('of no use')"
LEAVING = "raise SystemExit(4)"


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Installs a distribution with these entry points and modules, as an installer would."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def installed(package: str, points: dict[str, str], **modules: str) -> None:
        described = tmp_path / f"{package.replace('-', '_')}-1.0.dist-info"
        described.mkdir()
        (described / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n"
        )
        lines = "".join(f"{name} = {target}\n" for name, target in points.items())
        (described / "entry_points.txt").write_text(f"[hookonce.actions]\n{lines}")
        (described / "RECORD").write_text("")
        for name, text in modules.items():
            (tmp_path / f"{name}.py").write_text(text)
        forget()

    yield installed
    forget()
    for name in ("greeting", "broken", "leaving"):
        sys.modules.pop(name, None)


def forget() -> None:
    """Forget the plug-ins, as a new process has not looked for any yet."""
    importlib.invalidate_caches()
    actions.plugins.forget()


@pytest.fixture
def greeting(install: Install) -> None:
    functions = [
        "greet",
        "repeat",
        "say_nothing",
        "count",
        "refuse",
        "interrupt",
        "leave",
        "break_down",
    ]
    points = {name: f"greeting:{name}" for name in [*functions, "overflow", "no_function"]}
    missing = {"no_module": "no_such_module:run", "no_name": "greeting:no_such_name"}
    install("hookonce-greeting", points | missing, greeting=GREETING)


def ended(name: str, settings: Settings | None = None, **given: object) -> str | BaseException:
    return run.action(factories.work(settings, action_type=name, **given))


@pytest.mark.usefixtures("greeting")
def test_an_action_of_another_package_is_run_by_a_worker(
    database: Database, settings: Settings
) -> None:
    trigger_id = factories.trigger(database, action_type="greet", action_payload="you")
    factories.execution(database, trigger_id, event_data='{"a": 1}')

    Worker(database, settings).run_once()

    (row,) = factories.executions(database)
    assert (row.status, row.result_summary) == ("completed", 'hello you, {"a": 1}')


@pytest.mark.usefixtures("greeting")
@pytest.mark.parametrize("name", ["greet", "repeat"])
def test_a_secret_that_a_plugin_repeats_is_not_kept(
    database: Database, settings: Settings, name: str
) -> None:
    payload = json.dumps({"hello": "you", "headers": {"X-Home": "Bearer canary-1"}})
    trigger_id = factories.trigger(database, action_type=name, action_payload=payload)
    factories.execution(database, trigger_id)

    Worker(database, settings).run_once()

    (row,) = factories.executions(database)
    kept = f"{row.result_summary}{row.error}"
    assert "you" in kept
    assert "***" in kept
    assert "canary-1" not in kept


@pytest.mark.usefixtures("greeting")
@pytest.mark.parametrize(("name", "said"), [("say_nothing", ""), ("count", "42")])
def test_what_is_returned_is_taken_as_text(name: str, said: str) -> None:
    assert ended(name) == said


@pytest.mark.usefixtures("greeting")
@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("refuse", ActionFailed),
        ("interrupt", KeyboardInterrupt),
        ("leave", SystemExit),
        ("break_down", ZeroDivisionError),
        ("overflow", RecursionError),
    ],
)
def test_whatever_it_raises_is_recorded_and_the_worker_lives(
    database: Database, settings: Settings, name: str, error: type[BaseException]
) -> None:
    for action in (name, "greet"):
        factories.execution(database, factories.trigger(database, action_type=action))

    assert Worker(database, settings, concurrency=1).run_once() == 2

    failed, fine = factories.executions(database)
    assert (failed.status, fine.status) == ("failed", "completed")
    assert isinstance(ended(name), error)


@pytest.mark.usefixtures("greeting")
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("no_module", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("no_name", "AttributeError"),
        ("no_function", "greeting:no_function is not callable"),
    ],
)
def test_a_plugin_that_cannot_be_loaded_fails_only_its_own(name: str, said: str) -> None:
    failed = ended(name)

    assert isinstance(failed, ActionFailed)
    assert (failed.permanent, failed.reason) == (True, "configuration")
    assert f"the action {name!r} of hookonce-greeting cannot be used: " in str(failed)
    assert said in str(failed)
    assert ended("count") == "42"


def test_a_plugin_that_breaks_while_it_is_loaded_fails_only_its_own(install: Install) -> None:
    points = {"broken": "broken:run", "leaving": "leaving:run", "greet": "greeting:greet"}
    install("three", points, broken=BROKEN, leaving=LEAVING, greeting=GREETING)

    assert "RuntimeError: of no use" in str(ended("broken"))
    assert "SystemExit: 4" in str(ended("leaving"))
    assert str(ended("greet", action_payload="you")).startswith("hello you")


@pytest.mark.usefixtures("greeting")
def test_a_plugin_is_loaded_once_and_only_when_it_is_asked_for() -> None:
    import builtins

    builtins.greeting_loaded = 0  # type: ignore[attr-defined]
    assert "greet" in actions.names()
    assert "greeting" not in sys.modules

    threads = [threading.Thread(target=ended, args=["greet"]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert builtins.greeting_loaded == 1  # type: ignore[attr-defined]


def test_a_plugin_takes_no_name_that_is_built_in(install: Install) -> None:
    install("hookonce-greeting", {"script": "greeting:greet"}, greeting=GREETING)

    assert "there is no script" in str(ended("script", action_payload="you"))
    assert described()["hookonce-greeting"] == "not used: 'script' is built in"


def described() -> dict[str, str | None]:
    return {each.comes_from: each.problem for each in actions.described()}


def test_a_name_that_two_packages_offer_is_nobodys(install: Install) -> None:
    install("one", {"greet": "greeting:greet"}, greeting=GREETING)
    install("two", {"greet": "greeting:count"})

    assert "cannot be used: more than one package offers it: one, two" in str(ended("greet"))


@pytest.mark.usefixtures("greeting")
@pytest.mark.parametrize(
    ("name", "payload", "said"),
    [
        ("greet", "nobody", "nobody cannot be greeted"),
        ("greet", "odd", "the action 'greet' refuses the payload: 'odd'"),
        ("no_module", "x", "cannot be used: ModuleNotFoundError"),
        ("greet", " ", "a trigger needs a payload"),
    ],
)
def test_a_plugin_may_refuse_a_payload(name: str, payload: str, said: str) -> None:
    with pytest.raises(InvalidTrigger, match=said):
        actions.validate(name, payload)


@pytest.mark.usefixtures("greeting")
@pytest.mark.parametrize(("name", "payload"), [("greet", "you"), ("count", "anything")])
def test_a_plugin_may_accept_a_payload(name: str, payload: str) -> None:
    actions.validate(name, payload)


def test_a_plugin_that_hangs_is_left_behind_and_recorded(install: Install) -> None:
    hanging = "import threading\nended = threading.Event()\n"
    hanging += "def hang(work):\n    ended.wait(600)\n"
    install("hanging", {"hang": "greeting:hang"}, greeting=hanging)
    hasty = from_environment({"HOOKONCE_PLUGIN_TIMEOUT_SECONDS": "0.2"})

    began = time.monotonic()
    failed = ended("hang", hasty)
    sys.modules["greeting"].ended.set()

    assert time.monotonic() - began < 60
    assert isinstance(failed, ActionFailed)
    assert str(failed) == "timed out after 0.2 s, and was abandoned"
    assert (failed.permanent, failed.reason) == (False, "timeout")


@pytest.mark.usefixtures("greeting")
def test_the_command_lists_what_there_is() -> None:
    as_json = json.loads(CliRunner().invoke(cli.main, ["action", "list", "--json"]).stdout)
    lines = CliRunner().invoke(cli.main, ["action", "list"]).stdout.splitlines()

    assert {"name": "http", "comes_from": "built in", "problem": None} in as_json
    assert {"name": "greet", "comes_from": "hookonce-greeting", "problem": None} in as_json
    assert [line.split()[0] for line in lines] == [each["name"] for each in as_json]
    assert any("No module named 'no_such_module'" in line for line in lines)


def test_a_plug_in_that_is_being_installed_works_without_a_restart(
    install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plugins, "RELOAD_SECONDS", 0.0)
    install("hookonce-late", {"late": "late_module:run"})

    before = ended("late")
    (tmp_path / "late_module.py").write_text("def run(work):\n    return 'at last'\n")

    assert isinstance(before, Absent)
    assert ended("late") == "at last"


def test_a_package_that_is_installed_while_the_worker_runs_is_found(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plugins, "RELOAD_SECONDS", 0.0)

    before = ended("new_one")
    with monkeypatch.context() as patched:
        patched.setattr(sys.modules[__name__], "forget", lambda: None)  # no new process
        install("hookonce-new", {"new_one": "newly:run"}, newly="run = str")

    assert isinstance(before, Absent)
    assert "execution_id=7" in str(ended("new_one"))
