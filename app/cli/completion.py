"""Complete the values of arguments and options in a shell.

Every command imports this module, so what reads names from the database is imported when a shell
asks: it loads SQLAlchemy, which commands without a database do not need.
"""

import os
import re
from collections.abc import Callable
from typing import Any

import click
from click.shell_completion import BashComplete, CompletionItem

_CLOSED = re.compile(r"""\\.|'[^']*'|"(?:\\.|[^"\\])*\"""", re.DOTALL)
"""An escaped character, or a text in quotation marks."""
Completion = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


class WholeWords(BashComplete):
    """Completion in bash that inserts a name with blanks or a `$` as the one word that it is.

    Other shells quote what they insert; bash takes it as if it had been typed.
    """

    def format_completion(self, item: CompletionItem[Any]) -> str:
        """Return the line for the function in the shell, whose `read` takes off a backslash."""
        typed = _as_typed(item.value, _open_quote(os.environ["COMP_WORDS"]))
        return f"{item.type},{typed}".replace("\\", r"\\")


def _open_quote(words: str) -> str:
    """Return the quotation mark that is open at the end of the words; empty if there is none."""
    opened = re.search("[\"']", _CLOSED.sub("", words))
    return opened[0] if opened else ""


def _as_typed(value: str, quote: str) -> str:
    if quote == "'":
        return value.replace("'", r"'\''")
    special = r'[\\"$`]' if quote else r"[^\w@%+=:,./-]"
    return re.sub(special, r"\\\g<0>", value)


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
