"""The commands of README.md and of the Containerfile, as printed, in a bare Debian.

The commands run in namespaces of their own: port 8000 is free, there is no network, and everything
that they started ends with them.
"""

import re
import shutil
import stat
from pathlib import Path

from tests.support import bare_root
from tests.support.bare_root import IN_NAMESPACES, PATH
from tests.support.databases import ROOT

ENTER = """
set -eu
ip link set lo up
mount -t proc proc "$ROOT/proc"
mkdir -p "$ROOT/dev/shm"
mount -t tmpfs -o mode=1777 tmpfs "$ROOT/dev/shm"
exec chroot "$ROOT" /usr/bin/env PATH="$PATH_WITHIN" {become} /bin/bash -euo pipefail /script
"""
AS_USER = "setpriv --reuid=1000 --regid=1000 --clear-groups"
pytestmark = bare_root.needed


def _in_root(root: Path, script: str, become: str = "", **variables: str) -> str:
    """Run the script in the root, with nothing of this machine's environment; return its output."""
    (root / "script").write_text(script)
    within = variables.pop("PATH", PATH)
    environ = {"PATH": PATH, "HOME": "/root", **variables, "PATH_WITHIN": within}
    enter = ENTER.format(become=become)
    return bare_root.run([*IN_NAMESPACES, "sh", "-c", enter], env={**environ, "ROOT": str(root)})


def test_what_root_installs_with_a_strict_umask_can_be_read_by_the_service(
    archive: Path, tmp_path: Path
) -> None:
    """The directory has a space in its name, and the command is run from elsewhere."""
    directory = tmp_path / "in here"
    directory.mkdir()
    bare_root.run(["tar", "-xzf", str(archive), "--directory", str(directory)], umask=0o077)
    (unpacked,) = directory.iterdir()

    said = bare_root.run([str(unpacked / "install.sh")], cwd="/", umask=0o077)

    hidden = [each for each in unpacked.rglob("*") if not each.lstat().st_mode & stat.S_IROTH]
    closed = [each for each in unpacked.rglob("*/") if not each.stat().st_mode & stat.S_IXOTH]
    assert (said, hidden, closed) == ("hookonce, version 0.1.0\n", [], [])


def test_the_first_commands_of_the_readme_work_for_an_ordinary_user(
    root: Path, archive: Path
) -> None:
    bare_root.run(["tar", "-xzf", str(archive), "--directory", str(root / "srv")])
    home = root / "home" / "me"
    of_this_machine = shutil.ignore_patterns(".*", "var", "dist", "__pycache__")
    shutil.copytree(ROOT, home / "hookonce", ignore=of_this_machine)
    bare_root.run(["chown", "-R", "1000:1000", str(home)])
    run, add, send, again, *_ = bare_root.commands("README.md", "Three commands to the first event")
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
    bare_root.run(["tar", "-xzf", str(archive), "--directory", str(root / "srv")])
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
