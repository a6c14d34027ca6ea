"""Send a mail through the operator's server, within the egress rules and a time limit."""

import logging
import smtplib
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.message import EmailMessage
from typing import Any

from app import log
from app.actions.http_client import Client
from app.alerting import MailServer
from app.errors import ActionFailed

SECONDS = 30.0
"""Seconds that a mail may take, from the look-up of the name to the last answer."""

logger = logging.getLogger("hookonce.notifications")


def send(mail: EmailMessage, server: MailServer, client: Client, tls: ssl.SSLContext) -> None:
    """Hand the mail to the server; raises ActionFailed with its answer if it is not taken."""
    try:
        _send(mail, server, client, tls)
    except smtplib.SMTPRecipientsRefused as error:
        raise ActionFailed(f"{server.host} refused every recipient: {_codes(error)}") from error
    except smtplib.SMTPResponseException as error:
        raise ActionFailed(f"{server.host} {_answer(error.smtp_code)}") from error
    except (smtplib.SMTPException, OSError) as error:
        raise ActionFailed(f"{server.host}:{server.port}: {_problem(error)}") from error


def _send(mail: EmailMessage, server: MailServer, client: Client, tls: ssl.SSLContext) -> None:
    sock = client.connect(server.host, server.port, SECONDS)
    with _shut_after(sock, SECONDS):
        if server.security == "smtps":
            sock = tls.wrap_socket(sock, server_hostname=server.host)
        with _Session(sock, server.host) as session:
            session.ehlo_or_helo_if_needed()
            if server.security == "smtp":
                session.starttls(context=tls)
                session.ehlo()
            if server.user is not None and server.password is not None:
                session.login(server.user, server.password)
            refused = session.send_message(mail)
    if refused:  # the others have the mail: a second try would repeat it to them
        codes = _codes(smtplib.SMTPRecipientsRefused(refused))
        log.event(
            logger, logging.WARNING, "mail_recipient_refused", number=len(refused), codes=codes
        )


class _Session(smtplib.SMTP):
    """A session on a connection that was made within the egress rules."""

    def __init__(self, sock: socket.socket, host: str) -> None:
        self._connected = sock
        super().__init__(host, local_hostname="hookonce")

    def __exit__(self, *error: Any) -> None:
        """Quit; no answer of the server to that says anything about a mail that it took."""
        with suppress(smtplib.SMTPResponseException):
            super().__exit__(*error)

    def _get_socket(self, _host: str, _port: int, _timeout: float) -> socket.socket:
        return self._connected


@contextmanager
def _shut_after(sock: socket.socket, seconds: float) -> Iterator[None]:
    """Shut the connection down after these seconds: a timeout begins anew with each byte."""
    same = sock.dup()  # TLS takes the socket over; the connection stays the same

    def shut() -> None:
        with suppress(OSError):
            same.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, shut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        same.close()
        sock.close()


def _codes(error: smtplib.SMTPRecipientsRefused) -> str:
    """Return the status codes: a server may repeat the addresses, and whatever it likes."""
    return ", ".join(sorted({str(code) for code, _ in error.recipients.values()}))


def _answer(code: int) -> str:
    """Describe an answer by its status code, which is -1 if it has none."""
    return f"answered {code}" if code > 0 else "answered something that is not SMTP"


def _problem(error: Exception) -> str:
    if isinstance(error, TimeoutError | smtplib.SMTPServerDisconnected):
        return "the connection was closed, or no answer came in time"
    return f"{type(error).__name__}: {error}"
