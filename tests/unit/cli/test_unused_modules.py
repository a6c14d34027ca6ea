"""SQLAlchemy works with the stand-ins, and everybody else gets the modules themselves."""

import subprocess
import sys

import pytest

USES = {
    "a module is itself after the block, also to whoever imported it in the block": """
import asyncio
assert asyncio is not early and asyncio.run is early.run
import importlib.metadata
assert importlib.metadata.version("click") == early_metadata.version("click")
""",
    "SQLAlchemy's own use loads the module": """
from sqlalchemy.util import concurrency, langhelpers
assert concurrency.is_exit_exception(KeyboardInterrupt())
import asyncio
assert concurrency.is_cancellation_exception(asyncio.CancelledError())
async def waits(): pass
waiting = waits()
assert concurrency.iscoroutine(waiting) and not concurrency.iscoroutine(1)
waiting.close()
assert sqlalchemy.util.compat.importlib_metadata_get("console_scripts")
""",
    "a part of a module is found, first imported while its stand-in is there": """
with deferred():
    import asyncio.events
assert asyncio.events.get_event_loop_policy
""",
    "a failure of the database is reported": """
try:
    sqlalchemy.create_engine("sqlite:////nowhere/x.db").connect()
except sqlalchemy.exc.OperationalError as error:
    assert "unable to open" in str(error)
else:
    raise AssertionError
""",
}
BEGIN = """
import importlib, sys
from app.cli.unused_modules import NAMES, deferred
with deferred():
    import asyncio as early
    from importlib import metadata as early_metadata
    import sqlalchemy
    assert [sys.modules[name] for name in NAMES] == [early, early_metadata]
assert not set(NAMES) & set(sys.modules), set(NAMES) & set(sys.modules)
"""


@pytest.mark.parametrize("use", USES)
def test_a_stand_in_serves_as_the_module(use: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-c", BEGIN + USES[use]], capture_output=True, text=True
    )

    assert (ended.returncode, ended.stderr) == (0, "")
