"""The receivers that the benchmark of receiving compares, and how each is started."""

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import sqlalchemy as sa

from app.db import Database
from app.settings import from_environment
from bench import machine, traffic
from tests.support.databases import Databases, migrate
from tests.support.service import LISTENING, Running, tree, until

CEILING = "ceiling"
WORKERS = 2
_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Contestant:
    """A receiver under gunicorn, with the settings of gunicorn.conf.py."""

    name: str
    application: str
    database: str
    traffics: tuple[str, ...] = (traffic.UNIQUE,)
    rollback_journal: bool = False
    """True for SQLite's default journal instead of the write-ahead log."""
    settings: Mapping[str, str] = field(default_factory=dict)
    stores: bool = True

    @property
    def ours(self) -> bool:
        return self.application.startswith("app.")


STORELESS: Mapping[str, Any] = {
    "database": "sqlite",
    "traffics": (traffic.DUPLICATE,),  # they store nothing, so repeated keys will do
    "stores": False,
}
CONTESTANTS = (
    Contestant(CEILING, "bench.ceiling:application()", **STORELESS),
    Contestant("ceiling on one thread", "bench.ceiling:cooperative()", **STORELESS),
    Contestant("checks, stores nothing", "bench.ceiling:verifying()", **STORELESS),
    Contestant("flask-style, SQLite", "bench.older:application()", "sqlite", rollback_journal=True),
    Contestant("flask-style, PostgreSQL", "bench.older:application()", "postgresql"),
    Contestant("hookonce, SQLite", "app.wsgi:application()", "sqlite", traffic.KINDS),
    Contestant("hookonce, PostgreSQL", "app.wsgi:application()", "postgresql", traffic.KINDS),
)


class Receiver(Running):
    """A contestant that is running and listens."""

    def __init__(self, log: Path, application: str, **settings: str) -> None:
        command = ("gunicorn", "-b", "127.0.0.1:0", "-w", str(WORKERS), application)
        super().__init__(log, *command, **settings)
        until(lambda: self._serving() or not self.alive, f"{WORKERS} workers, see {log}")
        assert self.alive, f"gunicorn ended:\n{self.log()}"
        match = LISTENING.search(self.log())
        assert match, f"gunicorn did not log its port:\n{self.log()}"
        self.port = int(match[1])

    @property
    def pid(self) -> int:
        return self._process.pid

    def _serving(self) -> bool:
        return len(self.lines("serving")) >= WORKERS


class Installation:
    """Durable databases on the disk that the product would use, and logs beside them."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._databases = Databases(directory)
        self._count = 0

    @contextmanager
    def database(self, contestant: Contestant) -> Iterator[str]:
        """Yield a database of this run, with the trigger that the sender uses."""
        with self._databases.empty(contestant.database) as url:
            migrate(url)
            self._make_trigger(url, contestant)
            yield url

    @contextmanager
    def receiver(self, contestant: Contestant, url: str) -> Iterator[Receiver]:
        """Start the contestant; yield it once it serves."""
        self._count += 1
        log = self._directory / f"{self._count}.log"
        inherited = {name: os.environ[name] for name in os.environ if name.startswith("GUNICORN_")}
        receiver = Receiver(
            log, contestant.application, DATABASE_URL=url, **inherited, **contestant.settings
        )
        try:
            yield receiver
        finally:
            receiver.kill()

    def cpu_seconds(self, receiver: Receiver, contestant: Contestant) -> tuple[float, float]:
        """Return the CPU seconds of the receiver's and of the database's processes so far."""
        database = 0.0
        if contestant.database == "postgresql":
            database = cpu_seconds(self.postmaster_pid())
        return cpu_seconds(receiver.pid), database

    def postmaster_pid(self) -> int:
        """Return the process of PostgreSQL whose children serve the connections."""
        pid_file = self._databases.server.directory / "postmaster.pid"
        return int(pid_file.read_text().split()[0])

    def machine(self) -> str:
        """Return a line about the machine and the versions."""
        return machine.described(self._databases.server.uri)

    def remove(self) -> None:
        """Stop PostgreSQL and remove every file."""
        self._databases.remove()
        shutil.rmtree(self._directory, ignore_errors=True)

    def _make_durable(self) -> None:
        """Switch fsync on, as in production: the tests' server does not wait for the disk."""
        with psycopg.connect(self._databases.server.uri, autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET fsync = on")
            connection.execute("SELECT pg_reload_conf()")

    def _make_trigger(self, url: str, contestant: Contestant) -> None:
        if contestant.database == "postgresql":
            self._make_durable()
        database = Database(from_environment({"DATABASE_URL": url}))
        with database.writing() as connection:
            connection.execute(
                sa.text(
                    "INSERT INTO triggers (name, slug, source, action_type, action_payload, secret)"
                    " VALUES ('bench', 'bench', 'custom', 'script', 'none', :secret)"
                ),
                {"secret": traffic.SECRET},
            )
        if contestant.rollback_journal:
            with database.engine.connect() as connection:
                connection.exec_driver_sql("PRAGMA journal_mode = DELETE")
        database.dispose()


def cpu_seconds(root: int) -> float:
    """Return user and system time of the process and all its children, ended ones included."""
    ticks = 0
    for pid in tree(root):
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except FileNotFoundError:
            continue  # ended; its time is counted in its parent
        ticks += sum(map(int, fields[11:15]))
    return ticks / _TICKS_A_SECOND
