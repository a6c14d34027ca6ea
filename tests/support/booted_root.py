"""A Debian root that a real systemd boots, in namespaces of its own.

It has its own processes, mounts, control groups and network, which ends with it: the ports of the
deploy guide are free, and nothing of this machine can be reached.
"""

import os
import signal
import subprocess
import time
from pathlib import Path

import psutil

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Path of a new Debian."""
SECONDS = 1_800.0
"""Seconds that a boot, a command and the end may take on a busy machine."""
# a control group of its own, made through a mount that works with any layout of this machine
_ENTER = """
set -eu
mount --make-rprivate /
groups=$ROOT/mnt
mount -t cgroup2 cgroup2 "$groups"
mkdir "$groups/$NAME"
echo $$ > "$groups/$NAME/cgroup.procs"
exec unshare --pid --cgroup --uts --ipc --net --fork --kill-child sh -euc "$BOOT"
"""
_BOOT = """
mount --bind "$ROOT" "$ROOT"
mount -t proc proc "$ROOT/proc"
mount -t sysfs sysfs "$ROOT/sys"
mount -t cgroup2 cgroup2 "$ROOT/sys/fs/cgroup"
mount -t tmpfs -o mode=755 tmpfs "$ROOT/run"
mount -t tmpfs -o mode=755 tmpfs "$ROOT/dev"
cd "$ROOT/dev"
mknod -m 666 null c 1 3
mknod -m 666 zero c 1 5
mknod -m 666 full c 1 7
mknod -m 666 random c 1 8
mknod -m 666 urandom c 1 9
mknod -m 666 tty c 5 0
mknod -m 600 console c 1 3
mkdir pts shm
mount -t devpts -o newinstance,ptmxmode=666,mode=620,gid=5 devpts pts
mount -t tmpfs -o mode=1777 tmpfs shm
ln -s pts/ptmx ptmx
ln -s /proc/self/fd fd
ln -s fd/0 stdin
ln -s fd/1 stdout
ln -s fd/2 stderr
ip link set lo up
cd "$ROOT"
mkdir -p .before
pivot_root . .before
umount -l /.before
ln -sfn /dev/null /etc/systemd/system/console-getty.service
# or what a child of systemd mounts for a service, such as credentials, is not seen by others
mount --make-rshared /
exec env -i container=hookonce PATH="$PATH_WITHIN" /lib/systemd/systemd
"""
_REMOVE_GROUPS = """
mount -t cgroup2 cgroup2 "$ROOT/mnt"
for _ in $(seq 100); do
    find "$ROOT/mnt/$NAME"-* -depth -type d -exec rmdir {} ';' 2>/dev/null || true
    ls -d "$ROOT/mnt/$NAME"-* >/dev/null 2>&1 || exit 0
    sleep 0.1  # a killed process is in its group until it has ended
done
"""
_MARK = "booted-by"
"""File at the top of the root: no command for it may run on this machine by mistake."""
_WITHIN = ("--mount", "--pid", "--cgroup", "--uts", "--ipc", "--net")


class BootedRoot:
    """A root in which systemd runs, until `end`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._name = f"hookonce-{os.getpid()}-{root.parent.name}"
        (root / _MARK).write_text(self._name)
        self._running: subprocess.Popen[bytes] | None = None

    def boot(self) -> None:
        """Start systemd; return once all units of the boot have started or failed."""
        environ = {"PATH": PATH, "PATH_WITHIN": PATH, "ROOT": str(self.root)}
        self._running = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "sh", "-euc", _ENTER],
            env=environ | {"NAME": f"{self._name}-{time.monotonic_ns()}", "BOOT": _BOOT},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        self.wait("test -S /run/systemd/private")
        # exit status 1 if a unit failed, which a test may want
        self.run("systemctl is-system-running --wait || true")

    def wait(self, condition: str) -> None:
        """Wait until the command succeeds in the root."""
        deadline = time.monotonic() + SECONDS
        while self._enter(condition).returncode:
            assert self._running
            assert self._running.poll() is None, self._running.communicate()
            assert time.monotonic() < deadline, condition
            time.sleep(0.1)

    def run(self, script: str, status: int = 0) -> str:
        """Run the script in the root as its administrator would; return the output."""
        ended = self._enter(script)
        assert ended.returncode == status, f"{script}\n{ended.stdout[-6000:]}"
        return ended.stdout

    def reboot(self) -> None:
        """Shut down in order, and boot again."""
        self._signal_end()
        self.boot()

    def end(self) -> None:
        """Kill everything that runs in the root."""
        if self._running is not None and self._running.poll() is None:
            self._running.kill()
            self._running.communicate()
        remove = ["unshare", "--mount", "sh", "-euc", _REMOVE_GROUPS]
        environ = {"PATH": PATH, "ROOT": str(self.root), "NAME": self._name}
        subprocess.run(remove, env=environ, check=False)

    def _signal_end(self) -> None:
        # halt, see systemd(1): in a process namespace its end is the end of all
        os.kill(self._pid(), signal.SIGRTMIN + 3)
        assert self._running
        self._running.communicate(timeout=SECONDS)

    def _enter(self, script: str) -> "subprocess.CompletedProcess[str]":
        pid = self._pid()
        guarded = f'[ "$(cat /{_MARK} 2>/dev/null)" = "{self._name}" ] || exit 99\n{script}'
        inside = ["env", "-i", f"PATH={PATH}", "HOME=/root", "bash", "-euo", "pipefail"]
        return subprocess.run(
            ["nsenter", "--target", str(pid), *_WITHIN, *inside, "-c", guarded],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS,
            check=False,
        )

    def _pid(self) -> int:
        """Return the id of systemd's process on this machine."""
        assert self._running
        children = psutil.Process(self._running.pid).children()
        return children[0].pid if children else self._running.pid
