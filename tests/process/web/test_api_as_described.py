"""The running API matches /openapi.json: schemathesis sends requests that it allows.

And what it does not: both come to an answer that is described, and never to an error of ours.
"""

import subprocess
from pathlib import Path

import pytest

from tests.support.service import COMMANDS, Service, environment
from tests.support.thorough import THOROUGH

EXAMPLES = "10"
PATIENCE_SECONDS = 300.0
"""Seconds before a run fails; it takes twenty on an idle machine."""
LEFT_OUT = "^/api/session$|^/api/tokens/{token_id}$"
"""Paths left out: a session needs no token header, and the test's token must not be revoked."""
NOT_CHECKED = "positive_data_acceptance"
"""A check left out: the schema does not list the valid sources, actions and payloads."""


@pytest.mark.parametrize(
    ("kind", "phase"),
    [("sqlite", "fuzzing"), *([("postgresql", "coverage")] * THOROUGH)],
    indirect=["kind"],
)
def test_every_answer_is_as_described(service: Service, tmp_path: Path, phase: str) -> None:
    made = service.run("hookonce", "token", "add", "conformance", "--role", "admin", "--json")
    token = made.stdout.partition('"token": "')[2].partition('"')[0]
    add = ("trigger", "add", "a trigger", "--action", "http")
    service.run("hookonce", *add, "--payload", "https://orders.acme.example/")
    # the channels that it adds have addresses that are made up: nothing is sent to them
    server = service.gunicorn(workers=1, HOOKONCE_NOTIFY="round=1d")

    checked = schemathesis(
        tmp_path,
        "run",
        f"http://127.0.0.1:{server.port}/openapi.json",
        f"--header=Authorization: Bearer {token}",
        f"--phases={phase}",
        f"--max-examples={EXAMPLES}",
        f"--exclude-path-regex={LEFT_OUT}",
        f"--exclude-checks={NOT_CHECKED}",
        "--generation-database=none",
        "--no-color",
        "--seed=1",
    )

    assert checked.returncode == 0, checked.stdout


def schemathesis(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run schemathesis in the directory, because it writes files into the current one."""
    return subprocess.run(
        [str(COMMANDS / "schemathesis"), *arguments],
        cwd=directory,
        env=environment({}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
