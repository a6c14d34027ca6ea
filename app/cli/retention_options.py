"""The type of options that take days."""

import click

from app.executions.retention import DAY_SECONDS

BY_DEFAULT = -1.0
"""The value of the word `default`; None means that the option was not given."""


class Days(click.ParamType[float]):
    """A number of days, converted to seconds; or the word `default`."""

    name = "DAYS"

    def convert(
        self, value: str | float, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the seconds; refuse text that is no number of days."""
        if value == "default":
            return BY_DEFAULT
        try:
            days = float(value)
        except ValueError:
            days = -1
        if not 0 <= days < float("inf"):
            self.fail(f"{value!r} is neither a number of days nor `default`", param, ctx)
        return days * DAY_SECONDS
