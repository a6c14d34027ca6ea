"""The simulated retry storm loses no delivery from its sums, and shows known effects."""

import math

import pytest

from bench.fleet import Fleet, Outcome, Policy, Simulation

RATE = 100.0
OUTAGE = 200
PATIENT = Policy("each 20 s", timeout=5, delays=(20,) * 20)
AMPLE = Fleet(receives=1_000, runs=1_000, connections=400)
SCARCE = Fleet(receives=120, runs=120, connections=100)


def simulated(policy: Policy = PATIENT, fleet: Fleet = AMPLE, outage: int = OUTAGE) -> Outcome:
    return Simulation(policy, fleet, RATE, outage).run()


def test_without_an_outage_each_event_is_delivered_once_and_nothing_waits() -> None:
    outcome = simulated(outage=0)

    assert outcome.deliveries == outcome.events == pytest.approx(outcome.acknowledged)
    assert (outcome.longest_wait, outcome.receiving_after, outcome.given_up) == (0, 0, 0)


@pytest.mark.parametrize(
    "policy",
    [
        PATIENT,
        Policy("jitter", timeout=5, delays=(60,) * 8, spread=0.5),
        Policy("gives up", timeout=5, delays=(1, 60)),
        Policy("a job", timeout=5, delays=(1,) * 60, every=100, connections=50),
    ],
    ids=lambda policy: policy.name,
)
@pytest.mark.parametrize(
    "fleet", [AMPLE, SCARCE, Fleet(120, 120, math.inf)], ids=["ample", "scarce", "unbounded"]
)
def test_every_event_is_acknowledged_or_given_up_or_answered_too_late(
    policy: Policy, fleet: Fleet
) -> None:
    outcome = simulated(policy, fleet)

    ended = outcome.acknowledged + outcome.given_up + outcome.too_late
    assert ended == pytest.approx(outcome.events)


def test_a_sender_that_retries_for_longer_than_the_outage_gives_nothing_up() -> None:
    assert simulated().given_up == 0
    assert simulated(Policy("short", timeout=5, delays=(20, 20))).given_up > 0


def test_a_limit_of_connections_bounds_the_wait_below_the_senders_time_out() -> None:
    bounded = simulated(fleet=SCARCE)
    unbounded = simulated(fleet=Fleet(SCARCE.receives, SCARCE.runs, math.inf))

    assert bounded.longest_wait <= 1 < PATIENT.timeout < unbounded.longest_wait
    assert bounded.deliveries < unbounded.deliveries


def test_jitter_lowers_the_peak_of_retries_that_come_together() -> None:
    each_ten_minutes = (600,) * 10
    together = simulated(Policy("together", 5, each_ten_minutes, every=600))
    spread = simulated(Policy("spread", 5, each_ten_minutes, spread=0.5))

    assert together.most_deliveries > RATE * OUTAGE
    assert spread.most_deliveries < together.most_deliveries / 50


def test_workers_that_are_slower_than_receivers_catch_up_later() -> None:
    outcome = simulated(fleet=Fleet(receives=1_000, runs=110, connections=400))

    assert outcome.caught_up_after > outcome.receiving_after
    # 200 s of events are the backlog; 10 a second more than come are run
    assert outcome.caught_up_after == pytest.approx(OUTAGE * RATE / 10, rel=0.1)
