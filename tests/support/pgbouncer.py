"""A real PgBouncer in transaction mode between the service and a PostgreSQL server."""

import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.databases import PostgresServer
from tests.support.programs import require
from tests.support.service import until

SESSIONS = 2
"""Sessions of the server that all clients share."""
SETTINGS = """
[databases]
* = {place}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {sessions}
server_round_robin = 1
server_login_retry = 1
max_client_conn = 500
admin_users = postgres
{more}
"""
"""With round robin each transaction gets another session than the one before, if it can."""


class PgBouncer:
    """A PgBouncer that can be killed and started again on the same port."""

    def __init__(self, directory: Path, place: str, user: str | None, more: str = "") -> None:
        self.port = free_port()
        self._log = directory / "pgbouncer.log"
        self._settings = directory / "pgbouncer.ini"
        if user is not None:
            more += f"\nuser = {user}"  # it refuses to run as root
        text = SETTINGS.format(place=place, port=self.port, sessions=SESSIONS, more=more)
        self._settings.write_text(text)
        self._process: subprocess.Popen[bytes] | None = None

    def url(self, database: str) -> str:
        """Return the URL of a database of the server, through the pooler."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Start it; return once it takes connections."""
        command = [require("pgbouncer", package="pgbouncer"), str(self._settings)]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        until(self._listens, f"a connection to pgbouncer, see {self._log}")

    def kill(self) -> None:
        """End it at once: its clients see their connections closed."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def _listens(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self._log.read_text()
        with socket.socket() as attempt:
            return attempt.connect_ex(("127.0.0.1", self.port)) == 0


def version() -> tuple[int, ...]:
    """Return the version of the program, such as (1, 18, 0)."""
    program = require("pgbouncer", package="pgbouncer")
    printed = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    return tuple(map(int, printed.stdout.split()[1].split(".")))


@contextmanager
def running(directory: Path, server: PostgresServer, more: str = "") -> Iterator[PgBouncer]:
    """Yield a PgBouncer in front of the server, with `more` lines of settings."""
    place = f"host={server.socket_directory} user=postgres"
    made = PgBouncer(directory, place, server.system_user, more)
    made.start()
    try:
        yield made
    finally:
        made.kill()


def free_port() -> int:
    """Return a port of the loopback that nothing listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])
