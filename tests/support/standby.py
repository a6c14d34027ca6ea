"""A PostgreSQL primary and its synchronous standby, of which either can be killed or frozen."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import psycopg

from tests.support.databases import PostgresServer
from tests.support.pgbouncer import free_port
from tests.support.service import runs, until

DATABASE = "hookonce"
_SETTINGS = """
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
port = {port}
fsync = off
max_connections = 200
wal_receiver_timeout = 2s
wal_receiver_status_interval = 1s
"""
_STANDBY_SETTINGS = """
primary_conninfo = 'host=127.0.0.1 port={port} user=postgres application_name=standby'
"""


class Node:
    """One PostgreSQL server of a pair, on a port of the loopback."""

    def __init__(self, programs: Path, user: str | None, directory: Path) -> None:
        self._programs, self._user = programs, user
        self.directory = directory
        self.port = free_port()

    @property
    def uri(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{DATABASE}"

    def run(self, program: str, *arguments: str) -> None:
        """Run a program of PostgreSQL as the user that the servers run as."""
        options: dict[str, Any] = {} if self._user is None else {"user": self._user}
        command = [str(self._programs / program), *arguments]
        # pg_ctl's server keeps what it inherits open: a pipe would never end
        subprocess.run(
            command, check=True, stdout=subprocess.DEVNULL, cwd=self.directory.parent, **options
        )

    def configure(self, text: str) -> None:
        """Append settings to those of the server; the last one of a name counts."""
        with (self.directory / "postgresql.conf").open("a") as settings:
            settings.write(text.format(port=self.port))

    def start(self) -> None:
        log = str(self.directory / "log")
        self.run("pg_ctl", "-D", str(self.directory), "-w", "-l", log, "start")

    def promote(self) -> None:
        """Make this standby a primary; return once it takes writes."""
        self.run("pg_ctl", "-D", str(self.directory), "-w", "promote")

    def processes(self) -> list[int]:
        """Return the ids of all processes of the server, the first of which starts the others."""
        pid = int((self.directory / "postmaster.pid").read_text().split()[0])
        return [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]

    def kill(self) -> None:
        """End every process of the server at once."""
        pids = self.processes()
        _signal(pids, signal.SIGKILL)
        until(lambda: not any(map(runs, pids)), "the end of the server's processes")

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Stop every process of the server until the block ends."""
        pids = self.processes()
        _signal(pids, signal.SIGSTOP)
        try:
            yield
        finally:
            _signal(pids, signal.SIGCONT)

    def execute(self, *statements: str) -> None:
        """Run each statement outside of a transaction."""
        with psycopg.connect(self.uri, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)

    def value(self, query: str) -> object:
        """Return the only value of the query's only row; None without a row."""
        with psycopg.connect(self.uri, autocommit=True) as connection:
            row = connection.execute(query).fetchone()
        return None if row is None else row[0]


class Pair:
    """A primary and a standby that has each commit before it is acknowledged."""

    def __init__(self, server: PostgresServer, directory: Path) -> None:
        self.primary = Node(server.programs, server.system_user, directory / "primary")
        self.standby = Node(server.programs, server.system_user, directory / "standby")

    @property
    def uri(self) -> str:
        """Return the URL of both, in libpq's form."""
        hosts = f"127.0.0.1:{self.primary.port},127.0.0.1:{self.standby.port}"
        return f"postgresql://postgres@{hosts}/{DATABASE}"

    @property
    def other_uri(self) -> str:
        """Return the same in SQLAlchemy's form."""
        hosts = f"host=127.0.0.1:{self.primary.port}&host=127.0.0.1:{self.standby.port}"
        return f"postgresql://postgres@/{DATABASE}?{hosts}"

    def start(self) -> None:
        """Make and start both; the primary has an empty database."""
        place = str(self.primary.directory)
        self.primary.run("initdb", "-D", place, "-U", "postgres", "-A", "trust", "-E", "UTF8", "-N")
        self.primary.configure(_SETTINGS)
        self.primary.start()
        maintenance = self.primary.uri.replace(DATABASE, "postgres")
        with psycopg.connect(maintenance, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {DATABASE}")
        self._copy()
        self.standby.start()
        self.replicate()

    def _copy(self) -> None:
        """Copy the primary, and have the copy follow it."""
        source = f"host=127.0.0.1 port={self.primary.port} user=postgres"
        place = str(self.standby.directory)
        self.standby.run("pg_basebackup", "-d", source, "-D", place, "-c", "fast", "-X", "stream")
        self.standby.configure(_SETTINGS)
        with (self.standby.directory / "postgresql.conf").open("a") as settings:
            settings.write(_STANDBY_SETTINGS.format(port=self.primary.port))
        (self.standby.directory / "standby.signal").touch()

    def replicate(self) -> None:
        """Let no commit of the primary be acknowledged before the standby has it."""
        self.primary.execute("ALTER SYSTEM SET synchronous_standby_names = 'standby'")
        self.primary.execute("SELECT pg_reload_conf()")
        state = "SELECT sync_state FROM pg_stat_replication WHERE application_name = 'standby'"
        until(lambda: self.primary.value(state) == "sync", "a synchronous standby")

    def remove(self) -> None:
        for node in (self.primary, self.standby):
            with suppress(FileNotFoundError, psutil.NoSuchProcess):  # it was killed before
                _signal(node.processes(), signal.SIGCONT)
                node.kill()


@contextmanager
def pair(server: PostgresServer) -> Iterator[Pair]:
    """Yield a running primary and standby, with programs and user of the tests' own server."""
    directory = Path(tempfile.mkdtemp(prefix="hookonce-pair-"))
    if server.system_user is not None:
        shutil.chown(directory, server.system_user)
    made = Pair(server, directory)
    try:
        made.start()
        yield made
    finally:
        made.remove()
        shutil.rmtree(directory, ignore_errors=True)


def _signal(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)
