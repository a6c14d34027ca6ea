"""Durations as a person reads and enters them in a form: `30d`, `12h`, `5m`, `90s`. Pure."""

import re

UNITS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
"""Seconds of each unit that can be entered."""
SHOWN = ("d", "h", "m")
"""Units in which a duration is shown, if it is a whole number of them; else in seconds."""
MISTAKE = "give a number with a unit, such as 90s, 5m, 12h or 30d"
PATTERN = r"[0-9]{1,10}(\.[0-9]{1,9})? ?[wdhms]?"
_ENTERED = re.compile(r"([0-9]{1,10}(?:\.[0-9]{1,9})?) ?([wdhms]?)")


def text(seconds: float | None) -> str:
    """Return the duration with one unit, such that `seconds` returns the same number."""
    if seconds is None:
        return ""
    for unit in SHOWN:
        if seconds and seconds % UNITS[unit] == 0:
            return f"{seconds / UNITS[unit]:.0f}{unit}"
    return f"{seconds:.15g}s"


def seconds(entered: str) -> float | None:
    """Return the duration in seconds; None if the text is none. Without a unit it is seconds."""
    match = _ENTERED.fullmatch(entered.strip().lower())
    if match is None:
        return None
    number = float(match[1]) * UNITS[match[2] or "s"]
    return int(number) if number.is_integer() else number
