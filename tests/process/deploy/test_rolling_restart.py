"""Receivers that share a port, as deploy/systemd starts them, restart under load."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.ledger import Ledger
from tests.support.load import ACKNOWLEDGED, Load, sending
from tests.support.service import COMMANDS, environment
from tests.support.socket_sender import Sender

AS_SYSTEMD = (
    "import os, sys; os.dup2(int(sys.argv[1]), 3); os.environ |= "
    "{'LISTEN_PID': str(os.getpid()), 'LISTEN_FDS': '1'}; os.execv(sys.argv[2], sys.argv[2:])"
)
"""Program that passes a socket to the command that it becomes, see sd_listen_fds(3)."""
START_SECONDS = 120.0
"""Seconds in which a receiver must report that it serves; systemd allows 90."""


class Supervisor:
    """Starts and stops receivers on one listening socket, as systemd does with our units."""

    def __init__(self, directory: Path, **settings: str) -> None:
        self._directory = directory
        self._settings = settings
        self._count = 0
        self.running: list[subprocess.Popen[bytes]] = []
        self.listening = socket.create_server(("127.0.0.1", 0), backlog=4096)
        self.port = int(self.listening.getsockname()[1])

    def start(self) -> subprocess.Popen[bytes]:
        """Start a receiver; return when it has reported that it serves."""
        self._count += 1
        log = self._directory / f"receiver-{self._count}.log"
        address = f"\0hookonce-{os.getpid()}-{self.port}-{self._count}"
        descriptor = self.listening.fileno()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as reports, log.open("wb") as output:
            reports.bind(address)
            reports.settimeout(START_SECONDS)
            settings = self._settings | {"NOTIFY_SOCKET": address.replace("\0", "@")}
            serve = [str(COMMANDS / "hookonce"), "serve", "-w", "1"]
            receiver = subprocess.Popen(
                [sys.executable, "-c", AS_SYSTEMD, str(descriptor), *serve],
                cwd=self._directory,
                env=environment(settings),
                pass_fds=(descriptor,),
                stderr=output,
                start_new_session=True,
            )
            self.running.append(receiver)
            # gunicorn's own report comes before a process has its application
            assert reports.recv(100) == b"READY=1\nSTATUS=serving", log.read_text()
        return receiver

    def restart(self, receiver: subprocess.Popen[bytes]) -> subprocess.Popen[bytes]:
        """Stop a receiver as systemd does, wait for its end, and start its successor."""
        receiver.send_signal(signal.SIGTERM)
        assert receiver.wait(START_SECONDS) == 0
        self.running.remove(receiver)
        return self.start()

    def end(self) -> None:
        """Kill what still runs."""
        for receiver in self.running:
            with suppress(ProcessLookupError):
                os.killpg(receiver.pid, signal.SIGKILL)
            receiver.wait()
        self.listening.close()


@pytest.fixture
def supervisor(database_url: str, tmp_path: Path) -> Iterator[Supervisor]:
    made = Supervisor(tmp_path, DATABASE_URL=database_url, HOOKONCE_SCRIPTS_DIR=str(tmp_path))
    yield made
    made.end()


def test_receivers_that_restart_one_after_the_other_refuse_nothing(
    supervisor: Supervisor, ledger: Ledger
) -> None:
    trigger = ledger.trigger()
    receivers = [supervisor.start(), supervisor.start()]
    load = Load(Sender(supervisor.port, trigger.id, trigger.secret))

    with sending(load, 4):
        load.until_delivered(30)
        for number, receiver in enumerate(receivers):
            receivers[number] = supervisor.restart(receiver)
        at_the_end = load.deliveries
        load.until_delivered(at_the_end + 30)

    assert set(load.answers) == {ACKNOWLEDGED}
    assert ledger.rows_by_key().keys() == load.acknowledged.keys()
    assert set(ledger.rows_by_key().values()) == {1}
