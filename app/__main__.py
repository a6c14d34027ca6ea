"""`python -m app` is `hookonce`."""

import gc
import os
import sys


def main() -> None:
    """Run the command; no garbage is collected while modules load, since they leave none.

    A collection in between takes a large part of a short command's time. `LateGroup` turns
    collection on again before the command runs.
    """
    gc.disable()
    _open_closed_streams()
    from app import cli

    try:
        cli.main()
    except OSError as error:  # a full disk behind the output, or a file that cannot be written
        file = f": {error.filename}" if error.filename else ""
        sys.exit(f"Error: {error.strerror or error}{file}")


def _open_closed_streams() -> None:
    """Put /dev/null in place of each closed stream (`>&-`): Python has None in its place."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.open(os.devnull, os.O_RDWR), mode))  # noqa: SIM115


if __name__ == "__main__":
    main()
