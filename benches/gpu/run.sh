#!/usr/bin/env bash
# Every GPU check and benchmark, in under eight minutes; part of the bundle that bundle.sh makes.
# Needs an NVIDIA driver, NVRTC and cuBLASLt (their folder in LD_LIBRARY_PATH); the comparison also torch
# and transformers, and is left out without them. Results are written to ./results.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
mkdir -p results
failed=0
# All steps together, in seconds. The usual run takes less than the limits of its steps.
whole=470

step() {
    local name=$1 limit=$2 left=$((whole - SECONDS))
    shift 2
    if ((left <= 0)); then
        echo "== $name: FAILED: the eight minutes are over"
        failed=1
        return
    fi
    if ((limit > left)); then limit=$left; fi
    echo "== $name"
    if timeout "$limit" "$@"; then echo "== $name: done"; else echo "== $name: FAILED"; failed=1; fi
}

{
    echo "commit $(cat commit)"
    nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader || true
} | tee results/machine.txt

root=$PWD
step "kernels against their twins" 90 bash -c \
    "cd crates/fillrate-kernels && '$root/programs/kernels' on_the_gpu --nocapture"
step "encoders against the processor" 60 bash -c \
    "cd crates/fillrate && '$root/programs/encoders' the_gpu_answers --nocapture"
step "the command" 25 bash -c \
    "'$root/programs/fillrate' score examples/headlines.csv --device cuda --format jsonl > results/scores.jsonl &&
     grep -q '\"device\":\"cuda:0\"' results/scores.jsonl"
# In fp8, or with the reason why not: a GPU before Ada, or a model whose answers do not bear it.
step "the command in fp8" 25 bash -c \
    "'$root/programs/fillrate' score examples/headlines.csv --device cuda --precision fp8 --timings \
         --format jsonl > results/scores-fp8.jsonl 2> results/fp8.txt
     cat results/fp8.txt
     grep -q '\"precision\":\"fp8\"' results/scores-fp8.jsonl || grep -qE 'does not compute in fp8|fp8 is refused' results/fp8.txt"
# A GPU and the processor give the same bits, so that the records are the same bytes.
for verb in "options price --right put --spot 100 --strike 95 --rate 0.03 --vol 0.2 --expiry 0.5" \
    "options iv --right call --price 4.76 --spot 42 --strike 40 --rate 0.1 --expiry 0.5" \
    "options price --kind barrier --barrier 38 --barrier-kind down-out --right call --spot 42 --strike 40 --vol 0.2 --expiry 1" \
    "options price --kind asian-geometric --right call --spot 42 --strike 40 --vol 0.2 --expiry 1" \
    "risk examples/prices.csv" \
    "montecarlo --spot 100 --drift 0.05 --vol 0.2 --expiry 1 --paths 200000" \
    "backtest examples/prices.csv --strategy ma-crossover --grid fast=5:20:5,slow=20:60:10" \
    "indicators examples/prices.csv --sma 20 --ema 20 --rsi 14 --bbands 20,2 --macd 12,26,9" \
    "portfolio examples/prices.csv --objective min-cvar --long-only --frontier 9" \
    "portfolio examples/prices.csv --objective min-variance --long-only --walk-forward train=60,test=20" \
    "waves examples/prices.csv --surrogates 500" \
    "waves examples/prices.csv --surrogates 100 --surrogate-method gbm --open-ends" \
    "waves examples/prices.csv --surrogates 100 --surrogate-method fourier --pivots atr:1.5"; do
    step "the command: ${verb%% *}" 30 bash -c \
        "'$root/programs/fillrate' $verb --device cuda --format jsonl > results/on-gpu.jsonl &&
         '$root/programs/fillrate' $verb --device cpu --format jsonl > results/on-cpu.jsonl &&
         cmp results/on-gpu.jsonl results/on-cpu.jsonl"
done
step "market benchmark" 60 bash -c \
    "'$root/programs/market_cuda' | tee results/market-cuda.json"
step "encoder benchmark" 160 bash -c \
    "'$root/programs/encoder_cuda' '$root/checkpoints' | tee results/encoder-cuda.json"
if python3 -c 'import torch, transformers' 2> /dev/null; then
    step "transformers on the same weights" 115 bash -c \
        "python3 peers/torch_encoder.py '$root/checkpoints' | tee results/torch-encoder.json"
else
    echo "== skipped: torch and transformers are not here, so there is nothing to compare with"
fi
exit $failed
