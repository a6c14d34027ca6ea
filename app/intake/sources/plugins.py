"""Sources of other packages, found by the entry-point group `hookonce.sources`.

Such a package makes one Source and names it; docs/sources/plugins.md has an example. It needs
nothing but the names that this module exports. Its functions are called on the thread that answers
all webhooks, so they must not wait for anything.
"""

import logging
from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from importlib.metadata import EntryPoint
from typing import Any, ParamSpec, TypeVar

from app.errors import HookonceError, SourceFailed, Unverified
from app.intake.message import (
    EMPTY,
    NO_CONTENT,
    OK,
    Event,
    Json,
    Request,
    Source,
    SourceFacts,
    WebhookResponse,
)
from app.intake.signatures import (
    hmac_sha256_base64,
    hmac_sha256_hex,
    require_fresh,
    require_match,
)
from app.plugins import Plugin, PluginGroup

__all__ = [
    "EMPTY",
    "NO_CONTENT",
    "OK",
    "Event",
    "Json",
    "Request",
    "Source",
    "SourceFacts",
    "Unverified",
    "WebhookResponse",
    "hmac_sha256_base64",
    "hmac_sha256_hex",
    "require_fresh",
    "require_match",
]

GROUP = "hookonce.sources"
_CALLED = ("verify", "events", "handshake", "greeting", "unsigned", "response", "sign")
"""Functions of a Source besides `provider_key`."""

logger = logging.getLogger("hookonce.sources")

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def _fault(point: EntryPoint, source: Any) -> str | None:
    if not isinstance(source, Source):
        return f"{point.value} is no app.intake.sources.plugins.Source"
    if source.name != point.name:
        return f"{point.value} has the name {source.name!r}"
    return None


group = PluginGroup(GROUP, _fault)
_usable: dict[str, Source] = {}


def named(name: str) -> Source | None:
    """Return the plug-in source of this name; None if no package offers it.

    One that cannot be used refuses nothing: its webhooks are answered 503 and come again.
    """
    plugin = group.named(name, look_again=False)
    if plugin is None:
        return None
    if plugin.problem is not None:
        return _broken(plugin)
    if name not in _usable:
        _usable[name] = _guarded(plugin.value)
    return _usable[name]


def unusable(name: str) -> str | None:
    """Return a sentence if a package offers this source and it cannot be used; else None."""
    plugin = group.named(name, look_again=False)
    return None if plugin is None or plugin.problem is None else _sentence(plugin)


def _sentence(plugin: Plugin) -> str:
    return f"the source {plugin.name!r} of {plugin.package} cannot be used: {plugin.problem}"


def _broken(plugin: Plugin) -> Source:
    def fail(*_: object) -> Any:
        raise SourceFailed(_sentence(plugin))

    return Source(plugin.name, verify=fail, events=fail, unsigned=fail)


def _guarded(source: Source) -> Source:
    """Return the source with an error of its code told from a refusal."""
    functions: dict[str, Any] = {each: getattr(source, each) for each in _CALLED}
    if source.has_event_id:
        functions["provider_key"] = source.provider_key
    guarded: dict[str, Any] = {
        each: _safe(source.name, call) for each, call in functions.items() if call
    }
    return replace(source, **guarded)


def _safe(name: str, function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    @wraps(function)
    def called(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        try:
            return function(*args, **kwargs)
        except HookonceError:
            raise
        except Exception as error:
            logger.exception("evt=source_failed source=%s", name)
            raise SourceFailed(f"the source {name!r} failed: {type(error).__name__}") from error

    return called
