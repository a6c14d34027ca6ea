"""A script can read neither the variables nor the memory of a worker or a receiver."""

import os
import shutil
from pathlib import Path

import pytest

from app.db import Database
from tests.support import factories
from tests.support.service import Running, Service, until

SECRETS = {"HOOKONCE_SECRET_KEY": "canary-key-of-the-operator", "OF_OTHERS": "canary-of-others"}
SEARCH = """#!/bin/sh
for pid in $(cat /proc/$PPID/task/*/children); do
    [ $pid = $$ ] || set -- "$@" $pid
done
for pid in "$@" $PPID; do
    echo $pid
    grep -a -q -e canary- -e DATABASE_URL=[a-z] /proc/$pid/environ && echo "environment of $pid"
    (exec 3</proc/$pid/mem) && echo "memory of $pid"
done 2>/dev/null
echo searched
"""
WITHOUT_RIGHTS = ("--bounding-set=-all", "--inh-caps=-all")


@pytest.fixture
def kind() -> str:
    return "sqlite"


def started(service: Service, *command: str, **settings: str) -> Running:
    """Start the command; root gives up its capabilities, since they open every memory."""
    if os.getuid() == 0:
        command = (str(shutil.which("setpriv")), *WITHOUT_RIGHTS, *command)
    return service.start(*command, **settings)


@pytest.mark.skipif(not shutil.which("setpriv") and os.getuid() == 0, reason="root needs setpriv")
def test_a_script_reads_neither_variables_nor_memory_of_our_processes(
    service: Service, database: Database, tmp_path: Path
) -> None:
    (tmp_path / "the-script").write_text(SEARCH)
    (tmp_path / "the-script").chmod(0o755)
    gunicorn = started(service, "gunicorn", "-b", "127.0.0.1:0", "-w", "1", **SECRETS)
    worker = started(service, "hookonce", "worker", **SECRETS)
    gunicorn.wait_for("evt=serving")
    worker.wait_for("evt=worker_started")
    pids = [gunicorn.pid, *gunicorn.children()]
    payload = " ".join(["the-script", *map(str, pids)])
    trigger_id = factories.trigger(database, action_payload=payload, max_concurrency=1)

    for _ in range(2):  # at the second script the process beside the worker has begun for certain
        factories.execution(database, trigger_id)
    until(
        lambda: {row.status for row in factories.executions(database)} == {"completed"},
        "the scripts have searched",
    )

    searched = factories.executions(database)[1].result_summary.splitlines()
    assert {str(each) for each in (*pids, worker.pid, *worker.children())} <= set(searched)
    helpers = {f"memory of {pid}" for pid in worker.children()}  # which has none of our secrets
    assert [line for line in searched if " of " in line and line not in helpers] == []
    if os.getuid() == 0:  # with every right: there is nothing left to read
        for pid in (*pids, worker.pid):
            assert b"canary-" not in Path(f"/proc/{pid}/environ").read_bytes()
