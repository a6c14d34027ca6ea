"""The deploy guide, as printed, on a bare Debian that a real systemd has booted."""

import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import bare_root
from tests.support.bare_root import commands
from tests.support.booted_root import BootedRoot
from tests.support.databases import ROOT
from tests.support.revisions import NAMES

GUIDE = "docs/deploy.md"
SERVICES = "hookonce.socket hookonce-receiver@1 hookonce-receiver@2 hookonce-worker"
READY = "curl --silent --fail http://127.0.0.1:8000/readyz"
READY_STATUS = (
    "curl --silent --output /dev/null --write-out '%{http_code}' http://127.0.0.1:8000/readyz"
)
RESTART = "/srv/hookonce/current/deploy/systemd/rolling-restart"
SEND = """
export SSL_CERT_FILE=/etc/ssl/hookonce/certificate.pem
rm -f /root/stop /root/results
/srv/hookonce/current/.venv/bin/python /root/steady_sender.py \\
    https://hooks.example.com/api/triggers/webhook/1 s3cret /root/stop /root/results &
until [ -s /root/results ]; do sleep 0.1; done
{meanwhile}
touch /root/stop
wait
cat /root/results
"""
"""Shell script that sends through the proxy while other commands run."""
ADMITTED = """python3 -c "
import sqlite3
database = sqlite3.connect('file:/var/lib/hookonce/hookonce.db?mode=ro', uri=True)
for key, in database.execute('SELECT idempotency_key FROM trigger_executions'):
    print(key)"
"""
PATIENCE = """[Service]
TimeoutStartSec=10min
Environment=HOOKONCE_DATABASE_TIMEOUT_SECONDS=25
"""
"""Drop-in for a busy machine: a slow start or disk fails no start, and answers no event 503."""
REVISION = """python3 -c "
import sqlite3
with sqlite3.connect('/var/lib/hookonce/hookonce.db') as database:
    database.execute('UPDATE hookonce_alembic_version SET version_num = ?', ['{}'])"
"""
pytestmark = bare_root.needed


@pytest.fixture
def machine(root: Path, archive: Path) -> Iterator[BootedRoot]:
    """Yield a machine as new, with the archive in root's home directory."""
    shutil.copy(archive, root / "root")
    shutil.copy(ROOT / "tests" / "support" / "steady_sender.py", root / "root")
    patience = root / "etc" / "systemd" / "system" / "hookonce-receiver@.service.d"
    patience.mkdir()
    (patience / "patience.conf").write_text(PATIENCE)
    booted = BootedRoot(root)
    try:
        booted.boot()
        yield booted
    finally:
        booted.end()


def test_the_deploy_guide_leads_from_a_bare_root_to_a_service_that_systemd_keeps_running(
    machine: BootedRoot,
) -> None:
    _install(machine)
    _restart_under_load(machine)
    _rotate_logs_and_back_up(machine)
    _recover_from_a_missing_credential(machine)
    _stop_and_start(machine)
    _refuse_to_restart_after_a_failed_migration(machine)
    _boot_with_a_migration_that_fails(machine)


def _install(machine: BootedRoot) -> None:
    steps = ("2. Install", "3. Configure", "4. Start", "5. TLS", "6. The first event")
    *before, event = commands(GUIDE, *steps)
    probe = "curl --fail --cacert $SSL_CERT_FILE https://hooks.example.com/readyz\n"

    output = machine.run("cd /root\n" + "".join(before) + event + probe)

    assert '200 {"status": "ok"}' in output
    assert "demo-1" in output.split('200 {"status": "ok"}')[1]
    assert "FAILED" not in output


def _restart_under_load(machine: BootedRoot) -> None:
    """Restart and reload the receivers while events arrive: none is refused, lost or doubled."""
    reload = "systemctl reload hookonce-receiver@1\nsleep 2\n"
    results = machine.run(SEND.format(meanwhile=f"{RESTART} > /dev/null 2>&1\n{reload}"))

    statuses = dict(line.split() for line in results.splitlines())
    admitted = Counter(machine.run(ADMITTED).split())
    assert set(statuses.values()) == {"200"}, machine.run(
        "journalctl --unit 'hookonce-*' --no-pager --output cat | grep -v evt=admitted | tail -40"
    )
    assert {key: admitted[key] for key in statuses} == dict.fromkeys(statuses, 1)


def _refuse_to_restart_after_a_failed_migration(machine: BootedRoot) -> None:
    running = "systemctl show --property MainPID hookonce-receiver@1 hookonce-receiver@2"
    before = machine.run(running)
    machine.run(REVISION.format("9999"))

    output = machine.run(RESTART, status=1)

    assert "FAILED: Can't locate revision identified by '9999'" in output
    assert "nothing was restarted" in output
    assert machine.run(running) == before


def _boot_with_a_migration_that_fails(machine: BootedRoot) -> None:
    """Boot on a schema that cannot be migrated: senders are answered 503, not left waiting."""
    machine.reboot()

    assert "hookonce-migrate.service" in machine.run("systemctl --failed --plain --no-legend")
    assert "Can't locate" in machine.run("systemctl status hookonce-migrate || true")
    assert machine.run(f"{READY_STATUS}") == "503"
    machine.run(REVISION.format(NAMES[-1]))
    machine.wait(READY)
    machine.run("systemctl start hookonce-migrate")
    machine.wait(f"systemctl is-active hookonce-backup.timer {SERVICES}")
    assert "hookonce" not in machine.run("systemctl --failed --plain --no-legend")


def _rotate_logs_and_back_up(machine: BootedRoot) -> None:
    (machine.root / "guide").write_text("".join(commands(GUIDE, "7. Backups and monitoring")))
    machine.run(". /guide")

    machine.run("logrotate --force /etc/logrotate.d/hookonce")
    machine.run("systemctl restart hookonce-worker")

    files = machine.run("ls /var/log/hookonce /var/backups/hookonce").split()
    assert "hookonce-receiver.log.1" in files
    assert [each for each in files if each.endswith(".db")]
    machine.wait("grep -q evt=worker_started /var/log/hookonce/hookonce-worker.log")


def _recover_from_a_missing_credential(machine: BootedRoot) -> None:
    """Let receivers fail at once, again and again: the port stays open, and they recover."""
    credential = "/etc/hookonce/credentials/DATABASE_URL"
    machine.run(f"mv {credential} /root/\nsystemctl stop hookonce-receiver@2 2>&1")
    machine.run("systemctl restart hookonce-receiver@1", status=1)
    restarts = "systemctl show --property NRestarts --value hookonce-receiver@1"
    # systemd gives up after 5 starts in 10 seconds unless the unit forbids it
    machine.wait(f'[ "$({restarts})" -gt 5 ] || systemctl is-failed hookonce-receiver@1')

    machine.run(f"systemctl is-active hookonce.socket\nmv /root/DATABASE_URL {credential}")
    machine.wait(READY)


def _stop_and_start(machine: BootedRoot) -> None:
    stop, start = commands(GUIDE, "Stop and start")
    machine.run(stop)
    machine.run(READY, status=7)  # refused
    machine.run(start + READY)
