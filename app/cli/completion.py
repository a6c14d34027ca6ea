"""Complete the values of arguments and options in a shell.

Every command imports this module, so what reads names from the database is imported when a shell
asks: it loads SQLAlchemy, which commands without a database do not need.
"""

from collections.abc import Callable

import click
from click.shell_completion import CompletionItem

Completion = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def among(names: Callable[[], list[str]] | None) -> Completion | None:
    """Return the completion by one of these names; None if there are none to choose from."""
    if names is None:
        return None
    return lambda _, __, typed: [CompletionItem(n) for n in names() if n.startswith(typed)]


def triggers(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the slugs that begin so, each with its name; none if the database cannot be read."""
    from app.cli import stored_names

    return stored_names.triggers(incomplete)


def channels(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the names of channels of notifications that begin so."""
    from app.cli import stored_names

    return stored_names.channels(incomplete)


def tokens(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the names of access tokens that begin so and are not revoked."""
    from app.cli import stored_names

    return stored_names.tokens(incomplete)


def sources(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the sources that begin so."""
    from app.intake import sources as known  # they are slow to load

    return [CompletionItem(name) for name in known.names() if name.startswith(incomplete)]


trigger_option = click.option(
    "--trigger", shell_complete=triggers, help="Only of this trigger (id, slug or name)."
)
source_option = click.option("--source", shell_complete=sources, help="Only of this sender.")
