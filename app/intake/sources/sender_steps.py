"""Steps at each sender that connect it to a trigger, with the names of the sender's own menus.

The console shows them, and the pages in docs/sources/ hold the same sentences: a test compares.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SenderSteps:
    """The steps of one sender. A step says `the webhook URL` and `the secret` for the trigger's."""

    title: str
    """The sender's name for people."""
    steps: tuple[str, ...]
    credential: str = ""
    """The sender's own name of a secret that it makes; empty: Hookonce makes the secret."""
    credential_form: str = ""
    """The beginning or form of such a secret."""
    test: str = ""
    """The way to a test delivery at the sender; empty: only a real event proves the connection."""

    @property
    def sender_makes_secret(self) -> bool:
        return bool(self.credential)
