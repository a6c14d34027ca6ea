"""The types of options and arguments for a number, such as an id or seconds."""

import math
from typing import Any

import click

POSITIVE = click.IntRange(1, 2**63 - 1)
"""A whole number from 1 to the largest that both databases hold."""


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
