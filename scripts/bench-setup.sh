#!/bin/sh
# Makes an environment for each peer that the benchmarks compare with: .bench/NAME from bench/peers/NAME.txt, whose
# packages are locked by hash. Does nothing for a peer whose environment is there and whose file has not changed.
# A peer that can't be set up does not keep the others from it; its figure is then missing.
set -eu

cd "$(dirname "$0")/.."
base=.venv/bin/python
root=.bench
peers="faust_stock naive quix"

say() { printf '%s\n' "$*" >&2; }

if [ ! -x "$base" ]; then
    say "bench-setup needs .venv: run  make setup  first"
    exit 1
fi

fingerprint() {
    # Of what decides about an environment: its packages, the Python, and where it stands.
    "$base" - "$1" <<'PYTHON_END'
import hashlib, os, sys
digest = hashlib.sha256(repr((sys.version_info[:3], os.getcwd())).encode())
with open(sys.argv[1], "rb") as file:
    digest.update(file.read())
print(digest.hexdigest())
PYTHON_END
}

# Shows that it is alive while a long step runs.
run_step() {
    title=$1
    shift
    if [ ! -t 2 ]; then
        say "$title ..."
        "$@" >>"$log" 2>&1
        return
    fi
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
    if wait "$step"; then
        printf '\r%s ... done      \n' "$title" >&2
    else
        printf '\r%s ... failed    \n' "$title" >&2
        return 1
    fi
}

install() {
    rm -rf "$root/$1"
    "$base" -m venv "$root/$1" || return 1
    "$root/$1/bin/python" -m pip install --require-hashes -r "bench/peers/$1.txt"
}

export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1
mkdir -p "$root"
failed=""
for peer in $peers; do
    stamp=$root/$peer/.ready
    wanted=$(fingerprint "bench/peers/$peer.txt")
    if [ "$(cat "$stamp" 2>/dev/null || true)" = "$wanted" ]; then
        say "$peer: ready"
        continue
    fi
    log=$root/$peer.log
    : >"$log"
    if run_step "$peer: installing its packages" install "$peer"; then
        printf '%s\n' "$wanted" >"$stamp"
        rm -f "$log"
    else
        tail -n 8 "$log" >&2
        failed="$failed $peer"
    fi
done

if [ -n "$failed" ]; then
    say ""
    say "These peers could not be set up:$failed; all that pip said is in $root/NAME.log."
    say "Without a way to the package index, behind a proxy or with a mirror: see what  make setup  says about it."
    say "The benchmarks run without them; their figures are missing then."
    exit 1
fi
say "Ready: $root (run  make bench)"
