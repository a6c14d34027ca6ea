"""The options by which a trigger says how long what it finished is kept, and their warning."""

from collections.abc import Callable
from typing import Any

import click
import sqlalchemy as sa

from app.executions import retention
from app.executions.retention import DAY_SECONDS
from app.intake import sources

BY_DEFAULT = -1.0
"""What `default` is read as; None is an option that was not given."""


class Days(click.ParamType[float]):
    """A number of days, in seconds; or `default`."""

    name = "DAYS"

    def convert(
        self, value: str | float, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """The seconds; what is no number of days at all is refused."""
        if value == "default":
            return BY_DEFAULT
        try:
            days = float(value)
        except ValueError:
            days = -1
        if not 0 <= days < float("inf"):
            self.fail(f"{value!r} is neither a number of days nor `default`", param, ctx)
        return days * DAY_SECONDS


_payload = click.option("--keep-payload", type=Days(), help="After so many days payloads go.")
_rows = click.option("--keep-rows", type=Days(), help="After so many days rows and keys go.")


def options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Hands the command `keep_payload` and `keep_rows`, to be read by `given`."""
    return _payload(_rows(command))


def given(keep_payload: float | None, keep_rows: float | None) -> dict[str, float | None]:
    """The columns that the options speak of."""
    columns = {"keep_payload_seconds": keep_payload, "keep_rows_seconds": keep_rows}
    return {name: stored(seconds) for name, seconds in columns.items() if seconds is not None}


def stored(seconds: float | None) -> float | None:
    """As the trigger has it: None is by default."""
    return None if seconds == BY_DEFAULT else seconds


def warn(trigger: sa.Row[Any]) -> None:
    """Say so where the trigger forgets a key before its sender stops trying."""
    facts = sources.named(trigger.source).facts
    warning = retention.warning(trigger.source, facts.retry_seconds, trigger.keep_rows_seconds)
    if warning:
        click.echo(f"warning: {warning}", err=True)
