"""`python -m app` is `hookonce`."""

import gc


def main() -> None:
    """Run the command; no garbage is collected while modules load, since they leave none.

    A collection in between takes a large part of a short command's time. `LateGroup` turns
    collection on again before the command runs.
    """
    gc.disable()
    from app import cli

    cli.main()


if __name__ == "__main__":
    main()
