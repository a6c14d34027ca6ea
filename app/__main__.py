"""`python -m app` is `hookonce`."""

from app.cli import main

main()
