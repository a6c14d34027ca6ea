"""The commands of docs/deploy.md, README.md and the Containerfile, as printed, in a bare Debian.

mmdebstrap makes the root. The commands run in namespaces of their own: ports 443 and 8000 are free,
there is no network, and everything that they started ends with them.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.databases import ROOT
from tests.support.programs import require

PACKAGES = "python3-venv,make,ca-certificates,curl,nginx-light,openssl"
SOURCES = ("/etc/apt/sources.list.d/debian.sources", "/etc/apt/sources.list")
MADE_BEFORE = os.environ.get("TESTS_BARE_ROOT")
"""Tarball of such a root, to save the minutes of making one; CI makes it."""
IN_NAMESPACES = ("unshare", "--mount", "--net", "--pid", "--fork", "--kill-child")
ENTER = """
set -eu
ip link set lo up
mount -t proc proc "$ROOT/proc"
mkdir -p "$ROOT/dev/shm"
mount -t tmpfs -o mode=1777 tmpfs "$ROOT/dev/shm"
exec chroot "$ROOT" /usr/bin/env PATH="$PATH_WITHIN" {become} /bin/bash -euo pipefail /script
"""
AS_USER = "setpriv --reuid=1000 --regid=1000 --clear-groups"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Path of a new Debian."""
SECONDS = 600
pytestmark = pytest.mark.skipif(
    not (MADE_BEFORE or os.environ.get("TESTS_REQUIRE_DEPLOY")),
    reason="makes a Debian root: set TESTS_REQUIRE_DEPLOY=1, or TESTS_BARE_ROOT to a tarball",
)


@pytest.fixture(scope="module")
def tarball(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the tarball of a minimal Debian with Python, make, nginx and nothing of ours."""
    if subprocess.run([*IN_NAMESPACES, "true"], check=False, capture_output=True).returncode:
        pytest.skip("this machine gives no namespaces to this user")
    if MADE_BEFORE:
        return Path(MADE_BEFORE)
    made = tmp_path_factory.mktemp("debian") / "root.tar"
    sources = next(each for each in SOURCES if os.path.exists(each))
    options = ["--variant=minbase", "--dpkgopt=force-unsafe-io", f"--include={PACKAGES}"]
    mmdebstrap = require("mmdebstrap", package="mmdebstrap")
    make = [mmdebstrap, *options, _codename(), str(made), sources]
    try:
        _run(make)
    except AssertionError:  # a mirror that failed once
        made.unlink(missing_ok=True)
        _run(make)
    return made


@pytest.fixture(scope="module")
def archive() -> Path:
    """Return the archive of `make dist`."""
    _run(["make", "-s", "dist"], cwd=ROOT)
    return max((ROOT / "dist").glob("hookonce-*.tar.gz"), key=lambda each: each.stat().st_mtime)


@pytest.fixture
def root(tarball: Path, tmp_path: Path) -> Iterator[Path]:
    """Yield the directory of a fresh root with the fake systemctl and a host name of ours."""
    directory = tmp_path / "root"
    directory.mkdir()
    _run(["tar", "--extract", "--file", str(tarball), "--directory", str(directory)])
    (directory / "etc" / "hosts").write_text("127.0.0.1 localhost hooks.example.com\n")
    systemctl = directory / "usr" / "local" / "bin" / "systemctl"
    shutil.copy(ROOT / "tests" / "support" / "small_systemctl.py", systemctl)
    systemctl.chmod(0o755)
    yield directory
    shutil.rmtree(directory, ignore_errors=True)  # half a gigabyte


def _codename() -> str:
    release = Path("/etc/os-release").read_text()
    named = re.search(r"^VERSION_CODENAME=(\w+)", release, re.M)
    assert named, release
    return named[1]


def _run(command: list[str], **options: object) -> str:
    ended = subprocess.run(  # type: ignore[call-overload]
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS,
        check=False,
        **options,
    )
    assert ended.returncode == 0, f"{command}\n{ended.stdout[-6000:]}"
    return str(ended.stdout)


def _in_root(root: Path, script: str, become: str = "", **variables: str) -> str:
    """Run the script in the root, with nothing of this machine's environment; return its output."""
    (root / "script").write_text(script)
    within = variables.pop("PATH", PATH)
    environ = {"PATH": PATH, "HOME": "/root", **variables, "PATH_WITHIN": within}
    enter = ENTER.format(become=become)
    return _run([*IN_NAMESPACES, "sh", "-c", enter], env={**environ, "ROOT": str(root)})


def _blocks(page: str, *headings: str) -> list[str]:
    """Return the shell commands of the sections, as they are printed."""
    text = (ROOT / page).read_text()
    sections = [text.split(f"\n## {heading}\n")[1].split("\n## ")[0] for heading in headings]
    return [block for each in sections for block in re.findall(r"```sh\n(.*?)```", each, re.DOTALL)]


def test_the_deploy_guide_leads_from_a_bare_root_to_an_event_behind_tls(
    root: Path, archive: Path
) -> None:
    shutil.copy(archive, root / "root")
    guide = _blocks(
        "docs/deploy.md", "2. Install", "3. Configure", "4. Start", "5. TLS", "6. The first event"
    )
    *before, event = guide
    probe = "curl --fail --cacert $SSL_CERT_FILE https://hooks.example.com/readyz\n"

    said = _in_root(root, "cd /root\n" + "".join(before) + event + probe)

    assert '200 {"status": "ok"}' in said
    assert "demo-1" in said.split('200 {"status": "ok"}')[1]
    assert "FAILED" not in said


def test_the_first_commands_of_the_readme_work_for_an_ordinary_user(
    root: Path, archive: Path
) -> None:
    _run(["tar", "-xzf", str(archive), "--directory", str(root / "srv")])
    home = root / "home" / "me"
    of_this_machine = shutil.ignore_patterns(".*", "var", "dist", "__pycache__")
    shutil.copytree(ROOT, home / "hookonce", ignore=of_this_machine)
    _run(["chown", "-R", "1000:1000", str(home)])
    run, add, send, again, *_ = _blocks("README.md", "Three commands to the first event")
    assert again.startswith(".venv/bin/hookonce trigger show")
    wheels = next((root / "srv").glob("hookonce-*")) / "wheels"
    index = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": f"/{wheels.relative_to(root)}"}

    said = _in_root(
        root,
        f"cd /home/me/hookonce\n{run.strip()} > ../log 2>&1 &\n"
        "until curl --silent --fail http://127.0.0.1:8000/readyz; do\n"
        "  kill -0 $! || { cat /home/me/log; exit 1; }; sleep 0.2; done\n"
        f"cd /home/me/hookonce\n{add}{send}{send}{again}",
        become=AS_USER,
        HOME="/home/me",
        **index,
    )

    assert said.count('200 {"status": "ok"}') == 2
    assert said.count("demo-1") == 1


def test_the_steps_of_the_containerfile_make_an_image_that_serves_as_another_user(
    root: Path, archive: Path
) -> None:
    """No image registry is asked: the steps run in this root, which is the same Debian."""
    steps = (ROOT / "deploy" / "container" / "Containerfile").read_text()
    _run(["tar", "-xzf", str(archive), "--directory", str(root / "srv")])
    (unpacked,) = (root / "srv").glob("hookonce-*")
    unpacked.rename(root / "srv" / "hookonce")
    commands = [each for each in re.findall(r"^RUN (.*)$", steps, re.M) if "apt-get" not in each]
    packages = {
        name for each in re.findall(r"recommends ([\w -]+)", steps) for name in each.split()
    }
    assert packages == {"python3", "python3-venv"}
    _in_root(root, "\n".join(commands))
    user = re.search(r"^USER (\d+)$", steps, re.M)
    path = re.search(r"PATH=(\S+)", steps)
    assert user
    assert path

    said = _in_root(
        root,
        "cd /var/lib/hookonce\nhookonce migrate\nhookonce serve --bind 0.0.0.0:8000 &\n"
        "until curl --silent --fail http://127.0.0.1:8000/readyz; do\n"
        "  kill -0 $!; sleep 0.2; done\n! touch /srv/hookonce/written 2>/dev/null\n",
        become=f"setpriv --reuid={user[1]} --regid={user[1]} --clear-groups",
        PATH=path[1],
        DATABASE_URL="sqlite:////var/lib/hookonce/hookonce.db",
    )

    assert "Using worker: CooperativeWorker" in said
