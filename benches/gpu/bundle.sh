#!/usr/bin/env bash
# Makes target/gpu-bundle: every GPU check and benchmark as programs, for a machine without Rust and
# without a network. There, `./run.sh` runs them all.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
bundle=target/gpu-bundle
rm -rf "$bundle"
mkdir -p "$bundle/crates/fillrate" "$bundle/crates/fillrate-kernels" "$bundle/programs"

# The program that a package's target is built as.
program() {
    local package=$1 kind=$2 name=$3
    cargo build --release --locked -p "$package" "$kind" "$name" --message-format=json |
        python3 -c '
import json, sys
found = [m["executable"] for m in map(json.loads, sys.stdin) if m.get("executable") and m["target"]["name"] == sys.argv[1]]
print(found[-1])' "$name"
}

cp "$(program fillrate-kernels --test it)" "$bundle/programs/kernels"
cp "$(program fillrate --test it)" "$bundle/programs/encoders"
cp "$(program fillrate --bench encoder_cuda)" "$bundle/programs/encoder_cuda"
cp "$(program fillrate --bench market_cuda)" "$bundle/programs/market_cuda"
cargo build --release --locked -p fillrate-cli
cp "${CARGO_TARGET_DIR:-target}/release/fillrate" "$bundle/programs/"
mkdir -p "$bundle/golden" "$bundle/peers" "$bundle/examples"
cp -r golden/encoder "$bundle/golden/"
cp benches/peers/torch_encoder.py "$bundle/peers/"
cp examples/headlines.csv examples/prices.csv "$bundle/examples/"
cp benches/gpu/run.sh "$bundle/"
git rev-parse HEAD > "$bundle/commit"
echo "made $bundle; copy it to the machine with the GPU and run ./run.sh there"
