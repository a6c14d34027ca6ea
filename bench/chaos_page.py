"""Render the results of bench.chaos as a page for the docs. Pure."""

from dataclasses import dataclass

BROKEN = "**A promise was not kept**: see the rows with a limit."
BEGINNING = """# Results of killing, freezing and restarting

Written by `make chaos` from one run; do not edit. Seed {seed}; {machine}.

Senders sign each event, repeat it under the same key until they read a 200, and after every second
new event send an acknowledged one again. Each event runs an `http` action on a target that keeps
every request it receives. Leases last {lease:g} s.
Finally the responses that the senders read are compared with the rows and with the requests that
the target received.
"""
ENDING = """## How to read it
- Delivery to the target is at least once across a crash: a worker that dies between the target's
  response and its own commit leaves an attempt `lost`, and another worker runs the execution again.
  The target receives the same `Idempotency-Key` and can recognise it. Each such run has a lost or
  failed attempt before it; the last promise counts those that have none.
- A lost attempt delays its execution by the lease time, and by the time that workers need to start
  again. While PostgreSQL is away no worker can renew a lease or settle.
- No power cut was tried: `synchronous=FULL` and `fsync` protect against it, and no kill can test
  them.
- The same seed picks the same victims in the same order, not at the same microseconds.
"""

Row = tuple[str, str]
"""The name of a count, and its number."""


@dataclass(frozen=True)
class Part:
    """The results of one experiment on one database."""

    title: str
    kind: str
    seconds: float
    rows: list[Row]
    kept: bool


def written(parts: list[Part], seed: int, machine: str, lease_seconds: float) -> str:
    """Return the page, with a table for each experiment."""
    titles = list(dict.fromkeys(part.title for part in parts))
    tables = [table([part for part in parts if part.title == title]) for title in titles]
    verdict = "Every promise was kept." if all(part.kept for part in parts) else BROKEN
    beginning = BEGINNING.format(seed=seed, machine=machine, lease=lease_seconds)
    return "\n".join([beginning, verdict + "\n", *tables, ENDING])


def table(parts: list[Part]) -> str:
    """Return the table of one experiment, with a column for each database."""
    kinds = " | ".join(part.kind for part in parts)
    lines = [f"## {parts[0].title}", f"| | {kinds} |", f"|---|{'---|' * len(parts)}"]
    numbers = [dict(part.rows) for part in parts]
    for name, _ in parts[0].rows:
        lines.append(f"| {name} | {' | '.join(each[name] for each in numbers)} |")
    lines.append(f"| minutes in all | {' | '.join(f'{p.seconds / 60:.1f}' for p in parts)} |")
    kept = " | ".join("yes" if part.kept else "**NO**" for part in parts)
    return "\n".join([*lines, f"| every promise kept | {kept} |", ""])
