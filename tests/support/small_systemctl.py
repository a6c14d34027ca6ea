#!/usr/bin/python3
"""Stand in for systemctl in a root without systemd: start units as systemd does, and no more.

Understood: sockets, EnvironmentFile, Environment, LoadCredential, User, WorkingDirectory, Wants of
the migration, Type=oneshot and notify. `reload nginx` starts nginx.
"""

import os
import pwd
import re
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

UNITS = Path("/etc/systemd/system")
LOGS = Path("/var/log/units")


def main(arguments: list[str]) -> int:
    """Run one command line of systemctl; return its exit status."""
    command, *names = [each for each in arguments if not each.startswith("--")]
    if command == "daemon-reload":
        return 0
    if (command, names) == ("reload", ["nginx"]):
        return subprocess.run(["nginx"], check=False).returncode
    assert command == "enable", arguments
    listening = [_socket(name) for name in names if name.endswith(".socket")]
    status = _start("hookonce-migrate", [])
    for name in names:
        if not name.endswith(".socket"):
            _start(name, listening if "receiver" in name else [])
    return status


def _socket(name: str) -> socket.socket:
    address = _values(name)["ListenStream"][0]
    host, _, port = address.rpartition(":")
    return socket.create_server((host, int(port)), backlog=128)


def _values(name: str) -> dict[str, list[str]]:
    template = re.sub(r"@\d+", "@", name)
    file = UNITS / (template if "." in template else f"{template}.service")
    found: dict[str, list[str]] = {}
    for key, value in re.findall(r"^(\w+)=(.*)$", file.read_text(), re.M):
        found.setdefault(key, []).append(value)
    return found


def _start(name: str, listening: list[socket.socket]) -> int:
    """Start a service; return when it has ended (oneshot), reported (notify) or begun."""
    unit = _values(name)
    user = pwd.getpwnam(unit["User"][0])
    environ = _environment(unit)
    command = [
        environ[each[2:-1]] if each.startswith("${") else each
        for each in shlex.split(unit["ExecStart"][0])
    ]
    environ["CREDENTIALS_DIRECTORY"] = _credentials(unit, user)
    reports = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    reports.bind(f"\0{name}")
    environ["NOTIFY_SOCKET"] = f"@{name}"
    LOGS.mkdir(exist_ok=True)

    def become() -> None:
        os.chdir(unit["WorkingDirectory"][0])
        os.initgroups(user.pw_name, user.pw_gid)
        os.setgid(user.pw_gid)
        os.setuid(user.pw_uid)
        os.umask(int(unit["UMask"][0], 8))

    if listening:
        os.dup2(listening[0].fileno(), 3)
        command = ["sh", "-c", 'LISTEN_PID=$$ LISTEN_FDS=1 exec "$@"', "sh", *command]
    with (LOGS / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            command,
            env=environ,
            pass_fds=[3] if listening else [],
            stdout=log,
            stderr=log,
            preexec_fn=become,
        )
    if unit["Type"] == ["oneshot"]:
        return process.wait()
    if unit["Type"] == ["notify"]:
        reports.settimeout(120)
        assert reports.recv(100).startswith(b"READY=1")
    return 0


def _environment(unit: dict[str, list[str]]) -> dict[str, str]:
    lines = [
        line for file in unit["EnvironmentFile"] for line in Path(file).read_text().splitlines()
    ]
    lines += unit.get("Environment", [])
    pairs = [line.split("=", 1) for line in lines if line and not line.startswith("#")]
    return {"PATH": "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", **dict(pairs)}


def _credentials(unit: dict[str, list[str]], user: pwd.struct_passwd) -> str:
    directory = Path(tempfile.mkdtemp(prefix="credentials-"))
    for each in unit["LoadCredential"]:
        name, _, source = each.partition(":")
        shutil.copy(source, directory / name)
    for path in (*directory.iterdir(), directory):
        shutil.chown(path, user.pw_uid, user.pw_gid)
    return str(directory)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
