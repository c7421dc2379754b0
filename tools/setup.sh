#!/bin/sh
# Makes .venv for `make run` (embedded) or for tests and style as well (dev); does nothing when it is there.
set -eu
cd "$(dirname "$0")/.."

wanted=${1:-embedded}
venv=.venv
# Each list begins with `-r` of the one before it; constraints.txt pins what they bring along.
running="constraints.txt requirements.txt requirements-embedded.txt"
case $wanted in
embedded) lists=$running ;;
dev) lists="$running requirements-dev.txt" ;;
*) echo "usage: tools/setup.sh embedded|dev" >&2; exit 2 ;;
esac

fail() {
    printf 'wxtag: %s\n' "$1" >&2
    exit 1
}

# Which Python: "3.12" when it runs and is new enough, nothing otherwise.
version() {
    "$1" -c 'import sys; v = sys.version_info; v >= (3, 11) and print(f"{v[0]}.{v[1]}")' 2>/dev/null || true
}

# The contents of the requirement files, as one number: other contents mean another installation.
stamp() {
    cat $1 | cksum | tr ' ' -
}

usable() {
    [ -x "$venv/bin/python" ] && [ -n "$(version "$venv/bin/python")" ] || return 1
    # A copy of the folder, or the folder under another name: the scripts in it would start Python elsewhere.
    [ ! -f "$venv/.place" ] || [ "$(cat "$venv/.place")" = "$(pwd -P)" ] || return 1
    [ -z "${PYTHON:-}" ] || [ "$(version "$PYTHON")" = "$(version "$venv/bin/python")" ]
}

installed() {
    # What the tests need contains what running needs.
    [ "$(cat "$venv/.$wanted" 2>/dev/null)" = "$(stamp "$lists")" ]
}

choose() {
    if [ -n "${PYTHON:-}" ]; then
        [ -n "$(version "$PYTHON")" ] || fail "PYTHON=$PYTHON is no Python 3.11 or newer"
        echo "$PYTHON"
        return
    fi
    for name in python3.13 python3.12 python3.11 python3 python; do
        if [ -n "$(version "$name")" ]; then
            echo "$name"
            return
        fi
    done
    fail "Python 3.11 or newer is needed and was not found. Debian, Ubuntu:  sudo apt-get install python3 python3-venv
       macOS:  brew install python@3.13        or name one that is elsewhere:  make run PYTHON=/path/to/python3.12"
}

if ! usable; then
    python=$(choose)
    number=$(version "$python")
    if ! "$python" -c 'import venv, ensurepip' 2>/dev/null; then
        fail "$python cannot make virtual environments. Debian, Ubuntu:  sudo apt-get install python$number-venv   (or python3-venv)"
    fi
    echo "Python $number ($(command -v "$python")): making $venv"
    rm -rf "$venv"
    "$python" -m venv "$venv"
    pwd -P >"$venv/.place"
fi

if ! installed; then
    echo "Installing the libraries of $wanted (pip's own settings hold, such as index-url of a mirror)"
    "$venv/bin/python" -m pip install --disable-pip-version-check --only-binary :all: \
        -r "requirements-$wanted.txt" ||
        fail "pip could not install the libraries; its lines above say why. Behind a slow network, name a mirror:
       $venv/bin/pip config set --user global.index-url https://pypi.tuna.tsinghua.edu.cn/simple"
    if [ "$wanted" = dev ]; then
        stamp "$running" >"$venv/.embedded"
    fi
    stamp "$lists" >"$venv/.$wanted"
fi
