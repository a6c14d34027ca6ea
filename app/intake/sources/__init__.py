"""The senders we know, by the name an operator picks."""

from app.intake.message import Source
from app.intake.sources import (
    custom,
    discord,
    evolution,
    github,
    linear,
    stripe,
    telegram,
)

_SOURCES = {
    module.SOURCE.name: module.SOURCE
    for module in (custom, discord, evolution, github, linear, stripe, telegram)
}
_SOURCES["evolution_go"] = evolution.GO


def names() -> list[str]:
    """Every source there is, in order."""
    return sorted(_SOURCES)


def known(name: str) -> bool:
    """Whether there is a source of this name."""
    return name in _SOURCES


def named(name: str) -> Source:
    """The source of this name; one that is not known is read like `custom`.

    Rows of the older system may carry any name there.
    """
    return _SOURCES.get(name) or custom.like(name)
