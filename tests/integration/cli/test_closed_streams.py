"""A shell or a service manager may start a command with a closed stream (`>&-`)."""

import os
import subprocess

import pytest

from app.db import Database
from tests.support import factories
from tests.support.service import COMMANDS, environment


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("command", "status"),
    [
        ("hookonce trigger list >&-", 0),
        ("hookonce trigger list --json >&- 2>&- <&-", 0),
        ("hookonce trigger remove orders <&-", 1),
    ],
)
def test_a_command_ends_without_a_traceback_if_a_stream_is_closed(
    database: Database, database_url: str, command: str, status: int
) -> None:
    factories.trigger(database, slug="orders")
    path = f"{COMMANDS}{os.pathsep}{os.environ['PATH']}"

    ended = subprocess.run(
        ["bash", "-c", command],
        env=environment({"DATABASE_URL": database_url, "PATH": path}),
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == status
    assert "Traceback" not in ended.stderr
