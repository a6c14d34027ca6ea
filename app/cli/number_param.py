"""The option type for a number, such as seconds or replays a second."""

import math
from typing import Any

import click


class NumberParam(click.FloatRange):
    """A range without the words for infinity and for no number, which click takes."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the number."""
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a number", param, ctx)
        return number
