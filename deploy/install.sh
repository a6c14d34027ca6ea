#!/bin/sh
# Install Hookonce into .venv beside this file, from the wheels beside it: no package index is asked.
# PYTHON names the interpreter (default: python3).
set -eu
# The service runs this as another user: it has no secrets, and root's umask may hide what is installed.
umask 022
cd "$(dirname "$0")"
python=${PYTHON:-python3}
built_for=$(cat built-for)
here=$("$python" -c 'import sys, sysconfig; print("{}.{}".format(*sys.version_info), sysconfig.get_platform())') || {
    echo "install.sh: $python cannot be run; name an interpreter with PYTHON=..." >&2
    exit 1
}
if [ "$here" != "$built_for" ]; then
    echo "install.sh: these wheels are for Python $built_for, but $python is Python $here" >&2
    exit 1
fi
"$python" -m venv --clear .venv
export PIP_CONFIG_FILE=/dev/null
install() {
    # by its absolute path, which becomes the first line of the installed commands
    "$PWD/.venv/bin/python" -m pip --isolated --quiet --disable-pip-version-check --no-input install \
        --no-index --no-deps --no-warn-script-location -f wheels "$@"
}
install --require-hashes -r requirements/run.lock
install wheels/hookonce-*.whl
.venv/bin/hookonce --version
