"""Refuse to start with a gunicorn or psycopg whose private parts nobody has checked.

A release with another middle number may change them, and a receiver that half works is worse than
one that does not start. pip gets the same bounds from pyproject.toml, and a test compares the two.

Private parts of gunicorn, used by app/server:
- `workers.gthread`: `TConn`, `STOP_KEEPALIVE_LINGER`, and of `ThreadWorker` `run`, `accept`,
  `set_accept_enabled`, `_accepting`, `on_pending_socket_readable`, `on_client_socket_readable`,
  `wait_for_and_dispatch_events`, `handle`, `finish_request`, `handle_request`, `handle_error`,
  `_cap_keepalive`, `poller`, `tpool`, `method_queue`, `pending_conns`, `keepalived_conns`,
  `max_keepalived`, `nr_conns`, `nr`
- `http`: `parser.RequestParser` with another `unreader.Unreader`, `message.Request` made without
  its `__init__`, its `_peer_is_trusted_proxy`, `_expected_100_continue` and `must_close`, its
  `should_close` replaced, the limits of `message`, `errors`, `wsgi.Response`,
  `wsgi.base_environ`, `wsgi.WSGIErrorsWrapper`, `util.hop_headers`
Private parts of psycopg, used by app/db/postgresql.py and app/intake/store/postgresql.py:
- `Connection.wait` and `Connection._connect_gen` replaced, `errors._WaitTimeout`,
  `generators.execute`, `Connection.pgconn`
To move to another release: read its changes to these, run the tests, change both bounds.
"""

import sys
from importlib import metadata

SUPPORTED = {"gunicorn": "27.0", "psycopg": "3.3"}
"""The release of each library that is supported; its last number may be any."""


def require_supported_versions() -> None:
    """End the process with one sentence if one of the libraries has another release."""
    for library, release in SUPPORTED.items():
        version = metadata.version(library)
        if not version.startswith(f"{release}."):
            sys.exit(
                f"Error: Hookonce needs {library} {release}.x, whose private parts it uses; "
                f"found {version}"
            )
