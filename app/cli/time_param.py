"""A moment as a person types it: an ISO 8601 time, or how long ago."""

import re
from datetime import datetime, timedelta

import click

from app import clock

_AGO = re.compile(r"(\d{1,6})([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


class TimeParam(click.ParamType[datetime]):
    """`2h` and `3d` are so long ago; `2026-03-05T09:30:00` is UTC where it has no offset."""

    name = "TIME"

    def convert(
        self, value: str | datetime, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """The moment, aware."""
        if isinstance(value, datetime):
            return value
        try:
            read = _moment(value.strip())
        except OverflowError:
            read = None
        if read is None:
            self.fail(f"{value!r} is neither 2h, 3d or the like nor an ISO 8601 time", param, ctx)
        return read


def _moment(text: str) -> datetime | None:
    ago = _AGO.fullmatch(text)
    if ago:
        return clock.now() - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    return clock.moment(text)
