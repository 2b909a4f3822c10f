#!/usr/bin/env bash
# Every GPU check and benchmark, in under eight minutes; part of the bundle that bundle.sh makes.
# Needs an NVIDIA driver, NVRTC and cuBLASLt (their folder in LD_LIBRARY_PATH); the comparison also torch
# and transformers, and is left out without them. Results are written to ./results.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
mkdir -p results
failed=0

step() {
    local name=$1 limit=$2
    shift 2
    echo "== $name"
    if timeout "$limit" "$@"; then echo "== $name: done"; else echo "== $name: FAILED"; failed=1; fi
}

{
    echo "commit $(cat commit)"
    nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader || true
} | tee results/machine.txt

root=$PWD
step "kernels against their twins" 100 bash -c \
    "cd crates/fillrate-kernels && '$root/programs/kernels' on_the_gpu --nocapture"
step "encoders against the processor" 60 bash -c \
    "cd crates/fillrate && '$root/programs/encoders' the_gpu_answers --nocapture"
step "the command" 30 bash -c \
    "'$root/programs/fillrate' score examples/headlines.csv --device cuda --format jsonl > results/scores.jsonl &&
     grep -q '\"device\":\"cuda:0\"' results/scores.jsonl"
step "encoder benchmark" 160 bash -c \
    "'$root/programs/encoder_cuda' '$root/checkpoints' | tee results/encoder-cuda.json"
if python3 -c 'import torch, transformers' 2> /dev/null; then
    step "transformers on the same weights" 130 bash -c \
        "python3 peers/torch_encoder.py '$root/checkpoints' | tee results/torch-encoder.json"
else
    echo "== skipped: torch and transformers are not here, so there is nothing to compare with"
fi
exit $failed
