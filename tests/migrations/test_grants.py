"""A role that may use `triggers` may use each table that a migration makes, whichever runs it."""

from collections.abc import Iterator

import pytest

from app.db import Database
from app.db.version_table import FOUND_RECORD, NAME
from app.health import remarks
from app.settings import from_environment
from tests.support import factories
from tests.support import found_databases as found
from tests.support.databases import Databases, migrate
from tests.support.schema_dump import execute, schema, stashes

pytestmark = pytest.mark.parametrize("kind", ["postgresql"])
ROLE, MEMBER = "a service", "an_administrator"
TABLES = f"""SELECT relname::text, pg_get_userbyid(relowner)::text, ARRAY(
        SELECT privilege FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS privilege
        WHERE NOT has_table_privilege('{ROLE}', oid, privilege))
    FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"""


@pytest.fixture
def role_url(databases: Databases, empty_url: str) -> Iterator[str]:
    """The URL with which a role that owns nothing and may do nothing logs in."""
    databases.server.execute(f'CREATE ROLE "{ROLE}" LOGIN')
    yield empty_url.replace("postgres@", "a%20service@")
    execute(empty_url, f'DROP OWNED BY "{ROLE}" CASCADE')
    databases.server.execute(f'DROP ROLE "{ROLE}"')


@pytest.fixture
def member_url(databases: Databases, empty_url: str, role_url: str) -> Iterator[str]:
    """The URL of a role that may do what the owner may, and is no superuser."""
    databases.server.execute(f'CREATE ROLE {MEMBER} LOGIN IN ROLE "{ROLE}"')
    yield role_url.replace("a%20service@", f"{MEMBER}@")
    execute(empty_url, f"DROP OWNED BY {MEMBER} CASCADE")
    databases.server.execute(f"DROP ROLE {MEMBER}")


def test_who_may_use_all_tables_may_use_those_of_later_revisions(
    empty_url: str, role_url: str
) -> None:
    migrate(empty_url, to="0003")
    execute(
        empty_url,
        f'GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO "{ROLE}"',
        f'GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO "{ROLE}"',
    )

    migrate(empty_url)

    assert {row for row in tables(empty_url) if row[2]} == set()
    migrated = Database(from_environment({"DATABASE_URL": role_url}))
    factories.execution(migrated, factories.trigger(migrated), "running")  # and its attempt
    migrated.dispose()


@pytest.mark.parametrize("is_superuser", [True, False], ids=["superuser", "member"])
def test_the_owner_of_a_found_database_may_use_what_an_administrator_adds(
    empty_url: str, role_url: str, member_url: str, is_superuser: bool
) -> None:
    execute(empty_url, f'GRANT ALL ON SCHEMA public TO "{ROLE}", {MEMBER}')
    found.make(role_url)
    # a member may give a table to those alone who may create one
    execute(empty_url, f'REVOKE CREATE ON SCHEMA public FROM "{ROLE}"')

    migrate(empty_url if is_superuser else member_url)

    found_by_name = {name: (owner, missing) for name, owner, missing in tables(empty_url)}
    assert {name for name, (_, missing) in found_by_name.items() if missing} == set()
    assert {NAME, FOUND_RECORD, "execution_attempts"} <= found_by_name.keys()
    assert found_by_name["execution_attempts"][0] == (ROLE if is_superuser else MEMBER)


@pytest.mark.parametrize(
    "statement",
    [
        f'GRANT SELECT, INSERT ON triggers TO "{ROLE}"',
        f'ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON TABLES TO "{ROLE}"',
    ],
    ids=["grants", "default privileges"],
)
def test_a_found_database_with_other_roles_is_given_back_as_it_was(
    empty_url: str, role_url: str, statement: str
) -> None:
    assert role_url
    found.make(empty_url)
    execute(empty_url, statement)
    before = schema(empty_url)

    migrate(empty_url)
    migrate(empty_url, to="base", down=True)

    assert schema(empty_url) == before
    adopted = ("triggers", "trigger_executions")
    assert {name for name in stashes(empty_url) if not name.endswith(adopted)} == set()


def test_an_empty_table_with_a_grant_of_its_own_is_kept_beside_a_found_database(
    empty_url: str, role_url: str
) -> None:
    assert role_url
    found.make(empty_url)
    migrate(empty_url)
    execute(empty_url, f'GRANT SELECT ON delivery_journal TO "{ROLE}"')

    migrate(empty_url, to="base", down=True)
    migrate(empty_url)

    missing = {name: missing for name, _, missing in tables(empty_url)}["delivery_journal"]
    assert "SELECT" not in missing


def test_the_check_names_the_tables_that_its_role_may_not_use_and_what_to_run(
    empty_url: str, role_url: str
) -> None:
    migrate(empty_url)
    execute(
        empty_url,
        f'GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO "{ROLE}"',
        f'GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO "{ROLE}"',
        f'REVOKE DELETE ON hookonce_workers FROM "{ROLE}"',
        f'REVOKE ALL ON SEQUENCE delivery_journal_id_seq FROM "{ROLE}"',
    )

    (note,) = rights_missing(role_url)
    assert "on delivery_journal, hookonce_workers;" in note
    execute(empty_url, *note.split("`")[1::2])

    assert rights_missing(role_url) == rights_missing(empty_url) == []


def rights_missing(url: str) -> list[str]:
    """Return what `hookonce check` says about rights with this URL."""
    database = Database(from_environment({"DATABASE_URL": url}))
    found_notes = remarks.notes(database)
    database.dispose()
    return [note for note in found_notes if note.startswith("WEBHOOKS MAY BE ANSWERED 503")]


def tables(url: str) -> list[tuple[str, str, list[str]]]:
    """Return each table, its owner, and the rights on it that the role does not have."""
    return [(name, owner, missing) for name, owner, missing in execute(url, TABLES)]
