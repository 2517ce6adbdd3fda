#!/bin/sh
# Makes .venv in the project root with the `standings` command in it. Does nothing if that is there already
# and neither requirements.txt nor pyproject.toml has changed. PYTHON=/path/to/python3 chooses the Python.
set -eu

cd "$(dirname "$0")/.."
venv=.venv
stamp=$venv/.standings-setup

say() { printf '%s\n' "$*" >&2; }
stop() {
    say ""
    say "setup stopped: $1"
    shift
    for line in "$@"; do say "  $line"; done
    exit 1
}

suitable() {
    "$1" -c 'import sys; sys.exit(not ((3, 11) <= sys.version_info[:2] < (3, 15)))' 2>/dev/null
}

find_python() {
    if [ -n "${PYTHON:-}" ]; then
        suitable "$PYTHON" || stop "PYTHON=$PYTHON is not a Python 3.11 to 3.14." \
            "$("$PYTHON" --version 2>&1 || true)"
        printf '%s\n' "$PYTHON"
        return
    fi
    for name in python3.14 python3.13 python3.12 python3.11 python3 python; do
        if command -v "$name" >/dev/null 2>&1 && suitable "$name"; then
            printf '%s\n' "$name"
            return
        fi
    done
    found=$(python3 --version 2>&1 || echo "no python3")
    stop "Python 3.11 to 3.14 is needed; found: $found." \
        "Debian, Ubuntu:  sudo apt install python3 python3-venv     (Ubuntu 22.04: python3.11 python3.11-venv)" \
        "Fedora, RHEL:    sudo dnf install python3.12" \
        "macOS:           brew install python@3.13" \
        "anywhere:        uv python install 3.13, then  make setup PYTHON=\"\$(uv python find 3.13)\"" \
        "A Python that is not on the PATH:  make setup PYTHON=/path/to/python3"
}

fingerprint() {
    # Of what decides about the content of .venv, and of where it stands: its scripts hold absolute paths.
    "$1" - <<'PYTHON_END'
import hashlib, os, sys
digest = hashlib.sha256(repr((sys.version_info[:3], os.getcwd())).encode())
for name in ("requirements.txt", "pyproject.toml", "scripts/setup.sh"):
    with open(name, "rb") as file:
        digest.update(file.read())
print(digest.hexdigest())
PYTHON_END
}

explain_pip_failure() {
    tail -n 15 "$log" >&2
    if grep -qiE 'certificate|SSLError|CERTIFICATE_VERIFY_FAILED|self.signed' "$log"; then
        stop "the packages could not be downloaded: a certificate is not trusted." \
            "Behind a proxy that opens TLS, name a file with its certificate (PEM):" \
            "  export PIP_CERT=/path/to/ca.pem REQUESTS_CA_BUNDLE=/path/to/ca.pem SSL_CERT_FILE=/path/to/ca.pem"
    fi
    if grep -qiE 'ProxyError|Tunnel connection failed|407' "$log"; then
        stop "the packages could not be downloaded: the proxy refuses." \
            "Look at HTTPS_PROXY (now: ${HTTPS_PROXY:-${https_proxy:-not set}})."
    fi
    if grep -qiE 'DO NOT MATCH THE HASHES' "$log"; then
        stop "a package differs from the one that requirements.txt names." \
            "The index or a proxy on the way has changed it; try another one: export PIP_INDEX_URL=https://.../simple"
    fi
    if grep -qiE 'NewConnectionError|Temporary failure in name resolution|Network is unreachable|timed out|ConnectionResetError|nodename nor servname|Failed to establish|No matching distribution|Could not fetch URL|RemoteDisconnected' "$log"; then
        stop "the packages could not be downloaded: no way to the package index." \
            "- no network:        connect, then run it again; what is downloaded already stays" \
            "- behind a proxy:    export HTTPS_PROXY=http://host:port" \
            "- TLS-opening proxy: export PIP_CERT=/path/to/ca.pem REQUESTS_CA_BUNDLE=/path/to/ca.pem SSL_CERT_FILE=/path/to/ca.pem" \
            "- a mirror:          export PIP_INDEX_URL=https://mirror/simple"
    fi
    if grep -qiE 'No space left' "$log"; then
        stop "the disk is full; about 1 GB is needed."
    fi
    stop "the packages could not be installed; all of it is in $log."
}

# Shows that it is alive while a long step runs.
run_step() {
    title=$1
    shift
    if [ -t 2 ]; then
        "$@" >>"$log" 2>&1 &
        step=$!
        trap 'kill "$step" 2>/dev/null; exit 130' INT TERM
        seconds=0
        while kill -0 "$step" 2>/dev/null; do
            printf '\r%s ... %ss' "$title" "$seconds" >&2
            sleep 1
            seconds=$((seconds + 1))
        done
        trap - INT TERM
        printf '\r%s ... ' "$title" >&2
        if wait "$step"; then say "done      "; else say "failed    "; return 1; fi
    else
        say "$title ..."
        "$@" >>"$log" 2>&1
    fi
}

make_venv() {
    rm -rf "$venv"
    if ! "$python" -c 'import venv, ensurepip' 2>/dev/null; then
        version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
        stop "this Python ($python, $version) has no venv or no ensurepip module." \
            "Debian, Ubuntu:  sudo apt install python$version-venv" \
            "or choose another Python:  make setup PYTHON=/path/to/python3"
    fi
    if ! run_step "Making .venv" "$python" -m venv "$venv"; then
        tail -n 5 "$log" >&2
        stop ".venv could not be made with $python." \
            "Debian, Ubuntu:  sudo apt install python3-venv" "Is this folder writable, and is there room on the disk?"
    fi
}

python=$(find_python) || exit 1
wanted=$(fingerprint "$python")
if [ -x "$venv/bin/standings" ] && [ "$(cat "$stamp" 2>/dev/null || true)" = "$wanted" ]; then
    exit 0
fi
log=$(mktemp "${TMPDIR:-/tmp}/standings-setup.XXXXXX")

say "Setting up .venv with $("$python" --version 2>&1) (once; downloads about 110 MB)"
make_venv
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1
run_step "Installing packages" "$venv/bin/python" -m pip install --require-hashes -r requirements.txt || explain_pip_failure
run_step "Installing standings" "$venv/bin/python" -m pip install --no-deps --no-build-isolation -e . || explain_pip_failure
printf '%s\n' "$wanted" >"$stamp"
rm -f "$log"
say "Ready: $venv/bin/standings"
