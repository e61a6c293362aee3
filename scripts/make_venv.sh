#!/bin/sh
# Makes a virtual environment, or keeps the one that is there and works: scripts/make_venv.sh DIRECTORY
# Takes $PYTHON if set, else the first Python from 3.10 to 3.13 among the names below.
set -eu

fits() { "$1" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; }

directory=$1
# A changed list of packages is then installed over what is there: seconds instead of a new copy of torch.
if [ -x "$directory/bin/python" ] && fits "$directory/bin/python" && "$directory/bin/python" -m pip --version >/dev/null 2>&1; then
    exit 0
fi

chosen=
for candidate in ${PYTHON:-python3.11 python3 python3.13 python3.12 python3.10}; do
    if fits "$candidate"; then
        chosen=$candidate
        break
    fi
done
if [ -z "$chosen" ]; then
    echo "Tympan needs Python 3.10 to 3.13, and found none (looked for: ${PYTHON:-python3.11, python3, python3.13, python3.12, python3.10})." >&2
    echo "On Debian or Ubuntu: sudo apt install python3 python3-venv. Another place: make PYTHON=/path/to/python3 ..." >&2
    exit 1
fi

# Debian ships Python without ensurepip, and venv then fails halfway.
if ! "$chosen" -c 'import ensurepip, venv' 2>/dev/null; then
    package=$("$chosen" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
    echo "$chosen cannot make virtual environments: the Debian package $package is missing." >&2
    echo "Run: sudo apt install $package" >&2
    exit 1
fi

echo "Making $directory with $("$chosen" --version)"
rm -rf "$directory"
"$chosen" -m venv "$directory"
