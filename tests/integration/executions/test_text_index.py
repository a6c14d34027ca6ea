"""The index of trigrams that docs/operations.md describes is used by the search of payloads.

The PostgreSQL of the tests has no pg_trgm, so that another one of the machine makes it.
"""

import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from app.db import Database, has_text_index
from app.db.count_cache import CountCache
from app.db.paging import PagePosition
from app.executions import payload_search, search
from app.executions.search import ExecutionFilter
from app.settings import Settings
from tests.support import factories
from tests.support.databases import ROOT, Databases, migrate
from tests.support.programs import do_without
from tests.support.standby import Node
from tests.support.thorough import THOROUGH

DISTRIBUTIONS = Path("/usr/lib/postgresql")
NEEDLE = '{"event_type":"order.paid","data":{"note":"50%_x of a Needle"}}'
SECTION = (ROOT / "docs" / "operations.md").read_text().partition("### Searching the text")[2]
STATEMENTS = re.findall(r"`(CREATE (?:EXTENSION|INDEX)[^`]+)`", SECTION)[:2]

pytestmark = pytest.mark.skipif(not THOROUGH, reason="starts a server; TESTS_THOROUGH=1 runs it")


def programs() -> Path | None:
    """Return the programs of a PostgreSQL of this machine that brings pg_trgm."""
    libraries = sorted(DISTRIBUTIONS.glob("*/lib/pg_trgm.so"))
    return libraries[-1].parents[1] / "bin" if libraries else None


@pytest.fixture
def own_server(databases: Databases) -> Iterator[Node]:
    found = programs()
    if found is None:
        do_without("no PostgreSQL of this machine has pg_trgm", package="postgresql")
    user = databases.server.system_user
    directory = Path(tempfile.mkdtemp(prefix="hookonce-trgm-"))
    if user is not None:
        shutil.chown(directory, user)
    node = Node(found, user, directory / "data")
    node.run(
        "initdb", "-D", str(node.directory), "-U", "postgres", "-A", "trust", "-E", "UTF8", "-N"
    )
    node.configure("port = {port}\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = ''\n")
    node.start()
    try:
        with psycopg.connect(node.uri.rpartition("/")[0] + "/postgres", autocommit=True) as admin:
            admin.execute("CREATE DATABASE hookonce")
        yield node
    finally:
        node.kill()
        shutil.rmtree(directory, ignore_errors=True)


def test_with_the_documented_index_a_page_finds_a_text_however_old(
    own_server: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrate(own_server.uri)
    own_server.execute(*STATEMENTS)
    database = Database(Settings(database_url=own_server.uri))
    trigger_id = factories.trigger(database)
    wanted = factories.execution(database, trigger_id, event_data=NEEDLE)
    for number in range(300):
        factories.execution(database, trigger_id, event_data=f'{{"data": {{"n": {number}}}}}')
    monkeypatch.setattr(payload_search, "PART_ROWS", 1)
    monkeypatch.setattr(payload_search, "SCAN_ROWS", 1)

    with database.reading() as connection:
        assert has_text_index(connection, "trigger_executions", "event_data")
        asked = ExecutionFilter(text="50%_X OF A NEEDLE")
        page = search.page(connection, CountCache(), asked, PagePosition(per_page=20))
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        condition = payload_search.contains_text("50%_x of a needle")
        compiled = condition.compile(connection, compile_kwargs={"literal_binds": True})
        query = f"EXPLAIN SELECT id FROM trigger_executions WHERE {compiled}"
        plan = "\n".join(connection.exec_driver_sql(query.replace("%", "%%")).scalars())
    database.dispose()

    assert len(STATEMENTS) == 2
    assert [row.id for row in page.rows] == [wanted]
    assert page.next is None
    assert "Bitmap Index Scan on trigger_executions_text" in plan
