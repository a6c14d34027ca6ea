"""The option type for a time: ISO 8601, an age such as 2h, or a time of day such as 14:00."""

import re
from collections.abc import Callable, Iterable
from datetime import date, datetime, time, timedelta

import click

from app import clock

Choose = Callable[[Iterable[datetime]], datetime]
_AGE = re.compile(r"(\d{1,6})([smhdw])", re.ASCII)
_TIME_OF_DAY = re.compile(r"([01]?\d|2[0-3]):[0-5]\d(:[0-5]\d)?", re.ASCII)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


class TimeParam(click.ParamType[datetime]):
    """`2h` means two hours ago; `14:00` the last such time of day in the zone of this machine.

    A date and time without an offset, such as `2026-03-05T09:30:00`, is UTC, as in the API. Where
    clocks change, a time of day occurs twice or never: a range begins at the first moment that may
    be meant, and `--until` ends it at the last one.
    """

    name = "TIME"

    def convert(
        self, value: str | datetime, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Return the time with its timezone."""
        if isinstance(value, datetime):
            return value
        try:
            is_end = param is not None and param.name == "until"
            moment = _moment(value.strip(), max if is_end else min)
        except OverflowError:
            moment = None
        if moment is None:
            self.fail(f"{value!r} is not a time: give 2h, 3d, 14:00 or ISO 8601", param, ctx)
        return moment


def _moment(text: str, choose: Choose) -> datetime | None:
    age = _AGE.fullmatch(text)
    if age:
        return clock.now() - timedelta(**{_UNITS[age[2]]: int(age[1])})
    if _TIME_OF_DAY.fullmatch(text):
        return _last(time.fromisoformat(text if text[2] == ":" else f"0{text}"), choose)
    return clock.moment(text)


def _last(of_day: time, choose: Choose) -> datetime:
    """Return the last such time of day before now, in the zone of this machine.

    Where clocks change, its last reading may be yet to come: then the range ends there.
    """
    now = clock.now().astimezone()
    has_been = _at(now.date(), of_day, min) <= now
    return _at(now.date() if has_been else now.date() - timedelta(days=1), of_day, choose)


def _at(day: date, of_day: time, choose: Choose) -> datetime:
    """Return the moment; `choose` decides between the readings where clocks change."""
    readings = (datetime.combine(day, of_day.replace(fold=fold)) for fold in (0, 1))
    return choose(each.astimezone() for each in readings)
