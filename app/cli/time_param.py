"""The option type for a time: ISO 8601, or an age such as 2h."""

import re
from datetime import datetime, timedelta

import click

from app import clock

_AGE = re.compile(r"(\d{1,6})([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


class TimeParam(click.ParamType[datetime]):
    """`2h` means two hours ago, `3d` three days; `2026-03-05T09:30:00` without an offset is UTC."""

    name = "TIME"

    def convert(
        self, value: str | datetime, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Return the time with its timezone."""
        if isinstance(value, datetime):
            return value
        try:
            time = _time(value.strip())
        except OverflowError:
            time = None
        if time is None:
            self.fail(f"{value!r} is not a time: give 2h, 3d or an ISO 8601 time", param, ctx)
        return time


def _time(text: str) -> datetime | None:
    age = _AGE.fullmatch(text)
    if age:
        return clock.now() - timedelta(**{_UNITS[age[2]]: int(age[1])})
    return clock.moment(text)
