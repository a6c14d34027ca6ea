"""Read a program's output while it runs, and keep the end of each stream.

Unread output would block the program, and output that is kept whole would fill memory.
"""

import os
import selectors
from collections.abc import Callable
from typing import IO

from app.actions.work import SUMMARY_CHARACTERS, summary

OUTPUT_CHARACTERS = SUMMARY_CHARACTERS - 100
"""Characters of the output that are kept, from its end: a program prints its error last."""
_KEPT_BYTES = 4 * OUTPUT_CHARACTERS + 4096
"""Bytes of each stream that are kept: a character has at most four, and a secret at its beginning
must be whole to be found."""
_PIPE_BYTES = 1 << 20
"""Bytes that a pipe holds at most on Linux (fs.pipe-max-size): unread output after an exit."""


class _Stream:
    def __init__(self, pipe: IO[bytes] | None, hidden: Callable[[str], str]) -> None:
        assert pipe is not None  # noqa: S101 - the program was started with pipes
        self._hidden = hidden
        os.set_blocking(pipe.fileno(), False)
        self.pipe = pipe
        self._kept = bytearray()

    def read(self) -> bool:
        """Read the available output, a pipe full at most; return False at the end of output."""
        left = _PIPE_BYTES
        while left > 0:
            chunk = self.pipe.read(64 * 1024)
            if chunk is None:
                return True
            if not chunk:
                return False
            left -= len(chunk)
            self._kept += chunk
            del self._kept[:-_KEPT_BYTES]
        return True

    def text(self) -> str:
        text = bytes(self._kept).decode("utf-8", "replace").rstrip()
        return self._hidden(text)[-OUTPUT_CHARACTERS:]


class Output:
    """The two output streams of a running program; `hidden` removes secrets from their text."""

    def __init__(
        self,
        standard: IO[bytes] | None,
        errors: IO[bytes] | None,
        hidden: Callable[[str], str],
    ) -> None:
        self._standard = _Stream(standard, hidden)
        self._errors = _Stream(errors, hidden)
        self._open = selectors.PollSelector()  # it takes no descriptor, and so cannot lack one
        for stream in (self._standard, self._errors):
            self._open.register(stream.pipe, selectors.EVENT_READ, stream)

    def wait(self, seconds: float) -> bool:
        """Read what comes within `seconds`; return False once both streams are at their end."""
        for key, _ in self._open.select(seconds):
            if not key.data.read():
                self._open.unregister(key.fileobj)
        return bool(self._open.get_map())

    def close(self) -> None:
        """Read what the ended program left, and close both streams."""
        for key in self._open.get_map().values():
            key.data.read()
        self._open.close()
        for stream in (self._standard, self._errors):
            stream.pipe.close()

    def result(self) -> str:
        """Return the end of the standard output."""
        return summary(self._standard.text())

    def everything(self) -> str:
        """Return the end of standard output, then of the errors; half of each if both are long."""
        standard, errors = self._standard.text(), self._errors.text()
        errors = errors[-max(OUTPUT_CHARACTERS // 2, OUTPUT_CHARACTERS - len(standard)) :]
        return summary(standard[-(OUTPUT_CHARACTERS - len(errors)) :] + errors)

    def reason(self) -> str:
        """Return the error output; without any the last line of the standard output."""
        return summary(self._errors.text()) or self.result().rpartition("\n")[2]
