"""Simulate a fleet in a retry storm: senders redeliver everything after an outage.

    python -m bench.storm [--rate 1000] [--outage 3600]

The same arguments give the same table, which docs/scale.md explains.
"""

import argparse
import math
from dataclasses import replace

from bench.figures import markdown
from bench.fleet import PATIENCE_SECONDS, Fleet, Policy, Simulation

HEADINGS = (
    "sender",
    "fleet",
    "deliveries for each event",
    "most deliveries in a second",
    "longest wait, s",
    "receiving is back to normal after, min",
    "workers have caught up after, min",
    "acknowledged too late",
    "given up by the sender",
)
MINUTE, HOUR = 60, 3_600
POLICIES = (
    Policy("doubling from 10 s to 1 h", 10, (10, 20, 40, 80, 160, 320, 640, 1280, *[HOUR] * 40)),
    Policy("the same, 50 % jitter", 10, (10, 20, 40, 80, 160, 320, 640, 1280, *[HOUR] * 40), 0.5),
    Policy("each minute, for two hours", 10, (MINUTE,) * 120),
    Policy("a job each hour, 500 connections", 10, (1,) * 48, every=HOUR, connections=500),
    Policy("after 1, 60 and 300 s, then never", 5, (1, MINUTE, 5 * MINUTE)),
)
HEADROOMS = (1.2, 2.0, 5.0)
"""Capacities of the fleets, in multiples of the undisturbed rate."""
CONNECTIONS_PER_RATE = 0.4
"""Connections for each new event a second that a fleet can receive.

A process of ours has 1,000 and receives some 2,500 a second.
"""


def main() -> None:
    """Simulate each sender against each fleet, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rate", type=float, default=1_000, help="new events a second")
    parser.add_argument("--outage", type=int, default=HOUR, help="seconds of the outage")
    options = parser.parse_args()
    fleets = [_fleet(options.rate * headroom) for headroom in HEADROOMS]
    fleets.append(replace(fleets[0], connections=math.inf))
    cells = [
        _cells(Simulation(policy, fleet, options.rate, options.outage))
        for policy in POLICIES
        for fleet in fleets
    ]
    print(markdown(HEADINGS, cells))


def _fleet(capacity: float) -> Fleet:
    return Fleet(capacity, capacity, CONNECTIONS_PER_RATE * capacity)


def _cells(simulation: Simulation) -> tuple[str, ...]:
    outcome, fleet = simulation.run(), simulation.fleet
    limit = "" if math.isfinite(fleet.connections) else ", connections without limit"
    return (
        simulation.policy.name,
        f"{fleet.receives / simulation.rate:g} times the rate{limit}",
        f"{outcome.deliveries / outcome.events:.2f}",
        f"{outcome.most_deliveries:,.0f}",
        str(outcome.longest_wait),
        _minutes(outcome.receiving_after),
        _minutes(outcome.caught_up_after),
        f"{outcome.too_late / outcome.events:.2%}",
        f"{outcome.given_up / outcome.events:.2%}",
    )


def _minutes(seconds: int) -> str:
    if seconds >= PATIENCE_SECONDS - MINUTE:
        return f"more than {PATIENCE_SECONDS / HOUR:g} h"
    return f"{seconds / MINUTE:.0f}"


if __name__ == "__main__":
    main()
