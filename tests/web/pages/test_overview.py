"""The overview says in one line if all is well, and otherwise what is wrong and since when."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
from falcon import testing

from app import clock
from app.db import Database
from app.db.models import delivery_counts, notification_states, trigger_breakers
from app.notifications.conditions import DEAD_LETTERS
from app.settings import Settings
from app.stats import outcomes
from app.web.application import create_app
from tests.support import factories
from tests.support.visitor import Visitor

LINE = re.compile(
    r'<section class="headline (good|bad)".*?<h2 id="state">(.*?)</h2>(.*?)</section>', re.DOTALL
)


@pytest.fixture
def visitor(client: testing.TestClient, viewer: str) -> Visitor:
    made = Visitor(client)
    made.log_in(viewer)
    return made


def headline(visitor: Visitor) -> tuple[str, str]:
    """Return the word of the headline, and the text below it."""
    found = LINE.search(visitor.get("/").text)
    assert found
    return found[2], re.sub(r"\s+", " ", re.sub(r"<[^>]*>", "", found[3]))


def test_with_a_worker_and_nothing_wrong_all_is_well(visitor: Visitor, database: Database) -> None:
    factories.worker(database)

    assert headline(visitor)[0] == "OK"


def test_an_open_breaker_is_named_with_its_time(visitor: Visitor, database: Database) -> None:
    factories.worker(database)
    trigger_id = factories.trigger(database, name="Orders <b>paid</b>")
    opened = clock.now() - timedelta(minutes=7)
    values = {
        "trigger_id": trigger_id,
        "failure_count": 12,
        "opened_at": opened,
        "probe_at": clock.now(),
    }
    with database.writing() as connection:
        connection.execute(sa.insert(trigger_breakers).values(**values))

    word, text = headline(visitor)

    assert word == "Degraded"
    assert "breaker of Orders &lt;b&gt;paid&lt;/b&gt; is open" in text
    assert "failed 12 times in a row since " in text
    assert "7 min ago" in text


def test_a_trouble_that_is_only_a_number_lasts_since_it_was_first_noticed(
    visitor: Visitor, database: Database
) -> None:
    factories.worker(database)
    trigger_id = factories.trigger(database, name="Orders")
    now = clock.now()
    hour = now.replace(minute=0, second=0, microsecond=0)
    counted = {"trigger_id": trigger_id, "hour": hour, "outcome": outcomes.ATTEMPT_FAILED}
    noticed = {"kind": DEAD_LETTERS, "trigger_id": trigger_id, "seen_at": now}
    with database.writing() as connection:
        connection.execute(sa.insert(delivery_counts).values(**counted, number=3))
        connection.execute(
            sa.insert(notification_states).values(**noticed, opened_at=now - timedelta(minutes=9))
        )

    text = headline(visitor)[1]

    assert "3 execution(s) of Orders failed for good" in text
    assert "9 min ago" in text


def test_without_a_worker_it_is_degraded_at_once(visitor: Visitor) -> None:
    word, text = headline(visitor)

    assert word == "Degraded"
    assert "No worker is alive" in text


def test_triggers_with_dead_letters_are_listed_with_their_last_error(
    visitor: Visitor, database: Database
) -> None:
    busy, quiet = (factories.trigger(database, name=name) for name in ("busy", "quiet"))
    for error in ("the first error", "the last error"):
        factories.execution(database, busy, "failed", error=error)
    factories.execution(database, quiet, "completed")

    section = visitor.get("/").text.split('id="failing"')[1].split("</section>")[0]

    assert "busy" in section
    assert "quiet" not in section
    assert ">2</a>" in section
    assert "the last error" in section
    assert "the first error" not in section


def test_the_success_rate_counts_what_finished(visitor: Visitor, database: Database) -> None:
    trigger = factories.trigger(database)
    for status in ("completed", "completed", "failed", "failed_retryable", "pending"):
        factories.execution(database, trigger, status, received_at=clock.now())

    assert "50.0 %" in visitor.get("/").text


def test_an_empty_installation_says_the_first_steps(visitor: Visitor, database: Database) -> None:
    assert 'id="first-steps"' in visitor.get("/").text

    factories.trigger(database)

    assert 'id="first-steps"' not in visitor.get("/").text


def test_the_name_of_the_installation_is_in_header_and_title(
    settings: Settings, database: Database, viewer: str
) -> None:
    named = testing.TestClient(create_app(replace(settings, hookonce_name="<EU>"), database))
    visitor = Visitor(named)
    visitor.log_in(viewer)
    page = visitor.get("/").text

    assert "<title>Overview · Hookonce &lt;EU&gt;</title>" in page
    assert '<span class="note">&lt;EU&gt;</span>' in page


def test_an_execution_links_to_its_neighbours_of_the_same_trigger(
    visitor: Visitor, database: Database
) -> None:
    trigger, other = factories.trigger(database), factories.trigger(database)
    first, _, second, third = (
        factories.execution(database, each) for each in (trigger, other, trigger, trigger)
    )

    def links(number: int) -> list[tuple[str, str]]:
        page = visitor.get(f"/executions/{number}").text
        return re.findall(r'<a href="/executions/(\d+)" rel="(prev|next)">', page)

    assert links(first) == [(str(second), "next")]
    assert links(second) == [(str(first), "prev"), (str(third), "next")]
    assert links(third) == [(str(second), "prev")]
