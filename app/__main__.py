"""`python -m app` is `hookonce`."""

import gc
import sys


def main() -> None:
    """Run the command; no garbage is collected while modules load, since they leave none.

    A collection in between takes a large part of a short command's time. `LateGroup` turns
    collection on again before the command runs.
    """
    gc.disable()
    from app import cli

    try:
        cli.main()
    except OSError as error:  # a full disk behind the output, or a file that cannot be written
        file = f": {error.filename}" if error.filename else ""
        sys.exit(f"Error: {error.strerror or error}{file}")


if __name__ == "__main__":
    main()
