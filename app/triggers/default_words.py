"""Say in words what a field that is left empty means, where code or settings decide it."""

import dataclasses
from itertools import groupby

from app.executions import retry_policy
from app.intake import sources
from app.settings import Settings


def tolerances() -> str:
    """Return the tolerance of each source that has one, in words."""
    known = [(sources.named(name).tolerance_seconds, name) for name in sources.built_in()]
    limited = sorted((limit, name) for limit, name in known if limit is not None)
    parts = [
        f"{limit:g} s for {', '.join(name for _, name in group)}"
        for limit, group in groupby(limited, key=lambda each: each[0])
    ]
    return f"{'; '.join(parts)}; no limit for every other source"


def days(setting: str) -> str:
    """Return the setting with its default, in words."""
    defaults = {each.name: each.default for each in dataclasses.fields(Settings)}
    return f"`{setting.upper()}` ({defaults[setting]:g} days unless set)"


def retries() -> str:
    """Return the retry policy of a trigger that has none of its own, in words."""
    policy = retry_policy.DEFAULT
    first = f"{policy.max_attempts} attempts, {policy.base_seconds:g} s apart at first"
    longest = f"at most {policy.cap_seconds:g} s"
    return f"{first}, each wait {policy.factor:g} times the last, {longest}, at any age"
