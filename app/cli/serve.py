"""`hookonce serve`: become gunicorn with the configuration that comes with this installation."""

import os
import sys

import click

from app import installation


@click.command(
    "serve",
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[GUNICORN OPTIONS]...")
def command(arguments: tuple[str, ...]) -> None:
    """Receive webhooks with gunicorn, from any directory.

    It is `gunicorn` with the gunicorn.conf.py of this installation. Options are passed to gunicorn:
    `hookonce serve -b 0.0.0.0:8000 -w 4`. The process becomes gunicorn, so that it gets the signals
    and the sockets of the program that started it.
    """
    configured = ["-m", "gunicorn", "-c", str(installation.GUNICORN_CONF)]
    # replaced, not started: a supervisor knows this process by its id
    os.execv(sys.executable, [sys.executable, *configured, *arguments])  # noqa: S606
