#!/bin/sh
# Runs `fillrate profile --llm` against llama.cpp, over both protocols. See README.md.
#
#   run.sh [REQUESTS [CONCURRENCY [TOKENS]]]
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
work=$root/target/bench-llm
requests=${1:-20} concurrency=${2:-2} tokens=${3:-64}
fillrate=${FILLRATE:-$root/target/release/fillrate}

[ -x "$fillrate" ] || { echo "build it first: cargo build --release" >&2; exit 1; }
mkdir -p "$work"
cp "$here/package.json" "$here/server.mjs" "$work"
[ -d "$work/node_modules" ] ||
    (cd "$work" && npm install --omit=optional --ignore-scripts --no-audit --no-fund)
[ -x "$work/venv/bin/python" ] || {
    python3 -m venv "$work/venv"
    "$work/venv/bin/pip" install --quiet -r "$here/requirements.txt"
}
"$work/venv/bin/python" "$here/make_gguf.py" "$work/random.gguf"

server=
trap '[ -z "$server" ] || kill "$server"' EXIT
for protocol in openai ollama; do
    log=$work/$protocol.log
    : >"$log"
    (cd "$work" && exec node server.mjs random.gguf "$protocol" "$concurrency") >"$log" &
    server=$!
    until grep -q '^listening' "$log"; do
        kill -0 "$server" || exit 1
        sleep 0.2
    done
    port=$(sed -n 's/^listening //p' "$log")
    for format in table json; do
        echo "== $protocol, $format"
        "$fillrate" profile --llm "http://127.0.0.1:$port" --llm-model random \
            --requests "$requests" --concurrency "$concurrency" --max-tokens "$tokens" \
            --format "$format" -o "$work/$protocol.$format.out"
    done
    cat "$work/$protocol.table.out"
    # The last run's answers, as the server and as Fillrate timed them.
    "$work/venv/bin/python" "$here/check.py" "$log" "$work/$protocol.json.out"
    kill "$server"
    wait "$server" 2>/dev/null || true
    server=
done
