"""What benches/encoder_cuda measures, with Hugging Face transformers on the same weights and shapes.

    python3 torch_encoder.py FOLDER

FOLDER is the one that `encoder_cuda` wrote its checkpoints to. Attention is SDPA, the type fp16, and all
texts of a batch are of one length, so that nothing is padded: the peer at its best. Needs torch with
CUDA and transformers; prints one JSON document.
"""

import json
import pathlib
import statistics
import sys
import time

import torch
import transformers

HEADLINE_TOKENS = 24
MEASURE_S = 5.0
LATENCY_PASSES = 200


def ids(headlines: int) -> torch.Tensor:
    rows = [[(h * 31 + t * 7) % 30000 + 100 for t in range(HEADLINE_TOKENS)] for h in range(headlines)]
    return torch.tensor(rows, device="cuda")


def throughput(model, headlines: int) -> float:
    batch = ids(headlines)
    for _ in range(6):
        model(batch).logits.cpu()
    torch.cuda.synchronize()
    start, passes = time.perf_counter(), 0
    while time.perf_counter() - start < MEASURE_S:
        # Enough passes between two waits that launching does not count.
        for _ in range(4):
            logits = model(batch).logits
        logits.cpu()
        passes += 4
    return passes * headlines / (time.perf_counter() - start)


def latency(model) -> dict:
    batch, times = ids(1), []
    for turn in range(20 + LATENCY_PASSES):
        start = time.perf_counter()
        model(batch).logits.cpu()
        if turn >= 20:
            times.append((time.perf_counter() - start) * 1e3)
    return {"p50_ms": statistics.median(times)}


def main() -> None:
    folder = pathlib.Path(sys.argv[1])
    results = []
    with torch.inference_mode():
        for name in ("bert-base", "distilbert"):
            model = transformers.AutoModelForSequenceClassification.from_pretrained(
                folder / name, dtype=torch.float16, attn_implementation="sdpa"
            )
            model = model.cuda().eval()
            for kind, run in (("sdpa", model), ("compile", torch.compile(model))):
                rates = [
                    {"batch_tokens": tokens, "headlines_per_s": throughput(run, tokens // HEADLINE_TOKENS)}
                    for tokens in (8192, 32768)
                ]
                results.append(
                    {"model": name, "engine": f"transformers {kind}", "precision": "fp16",
                     "throughput": rates, "latency": latency(run)}
                )
    print(json.dumps({
        "gpu": torch.cuda.get_device_name(), "torch": torch.__version__,
        "transformers": transformers.__version__, "results": results,
    }, indent=2))


if __name__ == "__main__":
    main()
