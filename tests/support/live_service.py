"""The running service for browser tests: gunicorn, a worker, and a token for every role."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from app import auth
from app.audit import Actor
from app.db import Database
from app.settings import from_environment
from tests.support import factories
from tests.support.samples import SECRET
from tests.support.service import Service
from tests.support.socket_sender import Sender

_numbers = count(1)


@dataclass(frozen=True)
class LiveService:
    """The address of the pages, and the database and scripts of the service behind them."""

    url: str
    port: int
    database: Database
    scripts: Path
    tokens: dict[str, str] = field(default_factory=dict)

    def script(self, says: str = "done", *, works: bool = True) -> str:
        """Write a script, return its name; with `works=False` it fails until `mend` is called."""
        name = f"script-{next(_numbers)}"
        self._write(name, says, works)
        return name

    def mend(self, name: str) -> None:
        self._write(name, "mended", True)

    def trigger(self, **given: Any) -> tuple[int, Sender]:
        """Create a trigger that runs a script; return its id and a sender to it."""
        if "action_payload" not in given:
            given["action_payload"] = self.script()
        trigger_id = factories.trigger(self.database, **given)
        return trigger_id, Sender(self.port, trigger_id, SECRET)

    def _write(self, name: str, says: str, works: bool) -> None:
        text = f"#!/bin/sh\necho {says}\n" if works else "#!/bin/sh\necho broken >&2\nexit 1\n"
        fresh = self.scripts / f"{name}.new"
        fresh.write_text(text)
        fresh.chmod(0o755)
        os.replace(fresh, self.scripts / name)


@contextmanager
def running_service(url: str, directory: Path) -> Iterator[LiveService]:
    """Run the service on this database; yield it once gunicorn and a worker are ready."""
    scripts = directory / "scripts"
    scripts.mkdir()
    environment = {
        "DATABASE_URL": url,
        "HOOKONCE_SCRIPTS_DIR": str(scripts),
        "HOOKONCE_COUNTS_SECONDS": "0.1",
    }
    database = Database(from_environment(environment))
    service = Service(directory, **environment)
    try:
        server = service.gunicorn(workers=1)
        service.worker()
        tokens = {
            role: auth.add_token(database, Actor("root"), f"Ada the {role}", role)[1]
            for role in auth.ROLES
        }
        yield LiveService(f"http://127.0.0.1:{server.port}", server.port, database, scripts, tokens)
    finally:
        service.remove()
        database.dispose()


def event(key: str, **more: Any) -> bytes:
    return json.dumps({"messageId": key, **more}).encode()
