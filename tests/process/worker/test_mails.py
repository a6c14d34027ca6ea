"""A real worker sends mails through a server with TLS, and through none that it cannot trust."""

import json
from pathlib import Path

import pytest

from app.db import Database
from tests.support import factories, mail_server, targets
from tests.support.service import Service, until
from tests.support.thorough import THOROUGH

ADDRESS = "ops@acme.example"


@pytest.mark.parametrize("scheme", ["smtp", "smtps"] if THOROUGH else ["smtp"])
def test_a_worker_mails_a_dead_letter_through_a_server_with_a_certificate_of_our_own(
    service: Service, database: Database, tmp_path: Path, scheme: str
) -> None:
    tls, _ = targets.certified(tmp_path, "localhost")
    ours = {"SSL_CERT_FILE": str(tmp_path / "certificate.pem")}
    with mail_server.listening(tls, from_the_beginning=scheme == "smtps") as box:
        url = f"{scheme}://u:p%40ss@localhost:{box.port}?from=hookonce@acme.example"
        mail = {"HOOKONCE_SMTP_URL": url, "HOOKONCE_NOTIFY": "round=1, pause=1"}
        service.run("hookonce", "notify", "add", "ops", ADDRESS, **mail)

        distrusted = service.run("hookonce", "notify", "test", "--json", **mail)
        refused = json.loads(distrusted.stdout)[0]["error"]
        tested = service.run("hookonce", "notify", "test", **mail, **ours)
        assert (distrusted.returncode, "certificate" in refused, box.mails[1:]) == (1, True, [])
        assert (tested.returncode, len(box.mails)) == (0, 1)

        factories.execution(database, factories.trigger(database, action_payload="no-such-script"))
        service.worker(**mail, **ours)
        until(lambda: len(box.mails) > 1, "the worker's mail")

    assert "failed for good" in box.mails[1]
    assert all(box.encrypted)
    assert all(ADDRESS in each for each in box.recipients)
