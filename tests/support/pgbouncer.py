"""A real PgBouncer in transaction mode between the service and a PostgreSQL server."""

import os
import random
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.support.databases import PostgresServer
from tests.support.programs import require
from tests.support.service import until

SESSIONS = 2
"""Sessions of the server that all clients share."""
SETTINGS = """
[databases]
* = host={directory} user=postgres {place}
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
NEWER = "trixie"
"""Debian release whose PgBouncer knows the prepared statements of its clients."""
SOURCES = ("/etc/apt/sources.list.d/debian.sources", "/etc/apt/sources.list")


Command = tuple[str, ...]


class PgBouncer:
    """A PgBouncer that can be killed and started again on the same port."""

    def __init__(
        self,
        command: Command,
        directory: Path,
        server: PostgresServer,
        more: str = "",
        *,
        place: str = "",
    ) -> None:
        self._command = command
        self.port = free_port()
        self._log = directory / "pgbouncer.log"
        self._settings = directory / "pgbouncer.ini"
        if server.system_user is not None:
            more += f"\nuser = {server.system_user}"  # it refuses to run as root
        text = SETTINGS.format(
            directory=server.socket_directory,
            place=place,
            port=self.port,
            sessions=SESSIONS,
            more=more,
        )
        self._settings.write_text(text)
        self._process: subprocess.Popen[bytes] | None = None

    def url(self, database: str) -> str:
        """Return the URL of a database of the server, through the pooler."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Start it; return once it takes connections."""
        command = [*self._command, str(self._settings)]
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


def installed() -> Command:
    """Return the command of the PgBouncer of this system."""
    return (require("pgbouncer", package="pgbouncer"),)


def newer(directory: Path) -> Command:
    """Return the command of a PgBouncer of 1.21 or newer, with prepared statements of its own.

    It is that of a newer Debian with the libraries of that one, in TESTS_PGBOUNCER_ROOT or made
    here. Skips without either, but not in CI.
    """
    made_before = os.environ.get("TESTS_PGBOUNCER_ROOT")
    if not made_before and not os.environ.get("TESTS_REQUIRE_DEPLOY"):
        pytest.skip("makes a newer Debian: set TESTS_REQUIRE_DEPLOY=1, or TESTS_PGBOUNCER_ROOT")
    root = Path(made_before) if made_before else _extracted(directory)
    libraries = next((root / "usr" / "lib").glob("*/libc.so.6")).parent
    loader = next(libraries.glob("ld-linux*.so.*"))
    program = root / "usr" / "sbin" / "pgbouncer"
    return (str(loader), "--library-path", str(libraries), str(program))


def _extracted(directory: Path) -> Path:
    """Unpack PgBouncer of the newer Debian, and what it needs, from this system's mirror."""
    source = next(each for each in map(Path, SOURCES) if each.exists())
    release = Path("/etc/os-release").read_text()
    codename = release.partition("VERSION_CODENAME=")[2].splitlines()[0]
    sources = directory / source.name
    sources.write_text(source.read_text().replace(codename, NEWER))
    options = ("--variant=extract", "--dpkgopt=force-unsafe-io", "--include=pgbouncer")
    root = directory / "root"
    mmdebstrap = require("mmdebstrap", package="mmdebstrap")
    subprocess.run([mmdebstrap, "--quiet", *options, NEWER, str(root), str(sources)], check=True)
    return root


@contextmanager
def running(
    command: Command, directory: Path, server: PostgresServer, more: str = "", *, place: str = ""
) -> Iterator[PgBouncer]:
    """Yield a PgBouncer in front of the server, with `more` lines of settings.

    `place` follows the address of the server in the entry of the databases.
    """
    made = PgBouncer(command, directory, server, more, place=place)
    made.start()
    try:
        yield made
    finally:
        made.kill()


def free_port() -> int:
    """Return a port of the loopback that nothing uses.

    It is below those that the system gives to clients: one of those may be in use a moment later.
    """
    while True:
        port = random.randrange(10_240, 32_768)
        with socket.socket() as attempt, suppress(OSError):
            attempt.bind(("127.0.0.1", port))
            return port
