"""Select the tests to run: nearly all if TESTS_THOROUGH is set, as in CI, otherwise a part."""

import os
from collections.abc import Sequence
from typing import TypeVar

Case = TypeVar("Case")

THOROUGH = bool(os.environ.get("TESTS_THOROUGH"))
EVERY_KILL = bool(os.environ.get("TESTS_EVERY_KILL"))
"""True if every case is tried on both databases, as a kill at every statement: too long for CI."""

COPY_EVERY_TABLE = bool(os.environ.get("TESTS_COPY_EVERY_TABLE"))
"""True if migrations of SQLite treat each table as a large one, which they copy beside writers."""

ON_BOTH = (
    "integration/executions/test_moves",
    "integration/executions/test_replay",
    "integration/intake/test_admit",
    "integration/intake/test_batch",
    "integration/intake/test_lost_index",
    "integration/worker/test_claim",
    "integration/worker/test_leases",
    "integration/worker/test_settle",
    "migrations/test_history",
)
"""Directories and modules whose tests run on both databases each time: the promise itself.

Each test of any other module runs on one of the two databases, of which its name decides, unless
every test runs.
"""
ON_BOTH_IF_THOROUGH = (
    "integration/actions",
    "integration/db",
    "integration/executions",
    "integration/intake",
    "integration/notifications",
    "integration/stats",
    "integration/triggers",
    "integration/worker",
    "process/intake/test_admitted_once",
    "process/intake/test_bodies",
    "process/worker/test_chaos",
    "process/worker/test_killed",
    "web/test_accept",
    "web/test_decisions",
    "web/test_webhook",
)
"""Those that CI adds: the rooms whose statements differ by database, and the way of an event."""


SPREAD = (
    "integration/executions/test_bulk_replay",
    "integration/executions/test_dead_letters",
    "integration/executions/test_decisions",
    "integration/executions/test_held",
    "integration/executions/test_moves",
    "integration/executions/test_prune",
    "integration/executions/test_replay",
    "integration/executions/test_search",
    "integration/executions/test_waiting_because",
    "integration/intake/test_admit",
    "integration/intake/test_batch",
    "integration/stats/test_counter_writer",
    "integration/triggers/test_removal",
    "integration/triggers/test_repeat",
    "integration/worker/test_circuit_breaker",
    "integration/worker/test_claim",
    "integration/worker/test_leases",
    "integration/worker/test_loop",
    "integration/worker/test_pauses",
    "integration/worker/test_settle",
    "web/api/test_lists",
    "web/api/test_queue",
    "web/api/test_stats",
    "web/pages/test_bulk_replay",
    "web/pages/test_exchange",
    "web/pages/test_overview",
    "web/test_accept",
    "web/test_counted",
    "web/test_decisions",
    "web/test_journal",
    "web/test_metrics",
)
"""Modules that also run on executions spread by their trigger, if all tests run.

Once on partitions, and once with the forms of statements that Citus needs.
"""
NOT_SPREAD = (
    "test_a_constraint_of_somebody_else_is_not_explained_away",
    "test_a_constraint_of_the_operators_own_costs_the_other_numbers_nothing",
    "test_a_database_that_moved_down_and_up_again_is_worked_off_as_before",
    "test_a_page_tells_how_far_it_looked_and_the_next_one_goes_on",
    "test_a_schema_that_loses_the_place_meanwhile_costs_nothing",
    "test_a_worker_starts_nothing_below_the_revision_it_needs",
    "test_an_execution_is_found_by_the_status_of_its_last_attempt",
    "test_an_older_schema_is_told_and_no_error",
    "test_an_older_schema_gets_the_numbers_once_it_has_a_place_for_them",
    "test_an_outcome_waits_for_a_migration_that_has_not_brought_everything_back",
    "test_another_unique_index_is_no_duplicate",
    "test_any_number_of_repeated_executions_makes_few_statement_texts",
    "test_each_event_of_each_request_is_an_execution_in_their_order",
    "test_on_an_older_schema_only_its_columns_are_written",
    "test_only_the_dead_are_looked_through",
    "test_the_look_up_is_answered_from_the_unique_index",
    "test_the_plan_names_the_index",
    "test_what_cannot_be_claimed_keeps_only_its_own_trigger_waiting",
    "test_what_hangs_on_an_execution_goes_with_it",
)
"""Tests of these modules that downgrade, name plain indexes, count statements, write rows as older
code does, or add a key or a database trigger that a spread table cannot have."""


def some(cases: Sequence[Case], one_in: int) -> Sequence[Case]:
    """Return the first case, the last, and one in `one_in` of the others, or three if thorough.

    A list of which one in three or less is left runs whole in CI, and each with TESTS_EVERY_KILL.
    """
    step = 1 if EVERY_KILL else max(1, one_in // 2) if THOROUGH else one_in
    return [*cases[:-1:step], cases[-1]]
