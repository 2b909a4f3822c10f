"""Measures the planner's settings under PyTorch's MemTracker and writes settings.json.

Each setting is run by crates/fillrate/src/plan/verify.py in mode `fake`: three steps, in which nothing
is computed. No random number enters a size, so there is no seed.
"""

import importlib.util
import json
import pathlib
import sys

FOLDER = pathlib.Path(__file__).resolve().parent
PROGRAM = FOLDER.parents[1] / "crates/fillrate/src/plan/verify.py"

# vocabulary, hidden, layers, heads, intermediate, positions, token types, relative positions
SHAPES = {
    "minilm-l6": ("bert", (30522, 384, 6, 12, 1536, 512, 2, 0)),
    "bert-base-uncased": ("bert", (30522, 768, 12, 12, 3072, 512, 2, 0)),
    "distilbert-base-uncased": ("distil_bert", (30522, 768, 6, 12, 3072, 512, 0, 0)),
    "roberta-base": ("roberta", (50265, 768, 12, 12, 3072, 514, 1, 0)),
    "mpnet-base": ("mpnet", (30527, 768, 12, 12, 3072, 514, 0, 32)),
    "deberta-v3-small": ("deberta_v2", (128100, 768, 6, 12, 3072, 512, 0, 256)),
    "modernbert-base": ("modern_bert", (50368, 768, 22, 12, 1152, 8192, 0, 0)),
}
NAMES = ["vocabulary", "hidden", "layers", "heads", "intermediate", "positions", "token_types",
         "relative_positions"]
LORA = {"lora": {"rank": 16, "targets": ["query", "value"], "dropout": 0.1}}
CLASSES = {"classification": {"labels": 3}}
SHARED = {"contrastive": {"shared_negatives": True}}
APART = {"contrastive": {"shared_negatives": False}}


def encoder(model, trainable="all", channels=1, shares_with=None):
    family, sizes = SHAPES[model]
    p = 0.0 if family == "modern_bert" else 0.1
    dropout = {"hidden": p, "attention": p}
    shape = {"family": family, **dict(zip(NAMES, sizes)), "dropout": dropout}
    if isinstance(trainable, dict) and family == "modern_bert":
        trainable = {"lora": dict(trainable["lora"], targets=["query", "attention_output"])}
    return {"name": model, "shape": shape, "trainable": trainable, "dropout": dropout,
            "shares_with": shares_with, "channels": channels}


def setting(model, objective, precision, attention, rows, length, negatives=0, optimizer="adam_w",
            checkpointing=False, trainable="all", accumulate=1, zero_grad="after_step",
            encoders=None, moe=None):
    positives = 1 if isinstance(objective, dict) and "contrastive" in objective else 0
    stage = {"name": "stage", "batch_size": rows, "accumulate": accumulate, "length": length,
             "positives": positives, "negatives": negatives}
    return {"encoders": encoders or [encoder(model, trainable)], "moe": moe,
            "precision": precision, "optimizer": optimizer, "checkpointing": checkpointing,
            "attention": attention, "zero_grad": zero_grad,
            "parallel": {"devices": 1, "zero": "off"}, "objective": objective, "stages": [stage]}


def settings():
    """Ten settings of each model, and some of what few use."""
    sgd = {"sgd": {"momentum": True}}
    for model in SHAPES:
        yield setting(model, CLASSES, "fp32", "sdpa", 16, 128)
        yield setting(model, CLASSES, "bf16_mixed", "sdpa", 64, 128)
        yield setting(model, CLASSES, "fp16_mixed", "eager", 16, 256)
        yield setting(model, SHARED, "bf16_mixed", "sdpa", 16, 64, negatives=4)
        yield setting(model, APART, "fp32", "eager", 8, 100, negatives=2)
        yield setting(model, CLASSES, "bf16_mixed", "sdpa", 64, 128, trainable=LORA)
        yield setting(model, "masked_lm", "bf16_mixed", "sdpa", 8, 128)
        yield setting(model, CLASSES, "bf16", "eager", 32, 128, optimizer=sgd)
        if model != "mpnet-base":
            yield setting(model, CLASSES, "bf16_mixed", "sdpa", 128, 128, checkpointing=True)
            yield setting(model, SHARED, "fp32", "eager", 16, 128, negatives=4,
                          checkpointing=True, optimizer="adafactor")
    for model in ["minilm-l6", "bert-base-uncased"]:
        yield setting(model, CLASSES, "bf16_mixed", "sdpa", 32, 128, accumulate=4)
        yield setting(model, CLASSES, "fp16_mixed", "sdpa", 32, 512,
                      zero_grad="before_backward")
        yield setting(model, SHARED, "bf16_mixed", "sdpa", 512, 32, negatives=1)
        yield setting(model, APART, "fp16_mixed", "sdpa", 32, 128, trainable=LORA,
                      checkpointing=True, negatives=7)
        yield setting(model, CLASSES, "fp32", "sdpa", 32, 128, trainable="frozen")
        yield setting(model, APART, "fp16_mixed", "sdpa", 8, 64, negatives=6,
                      zero_grad="before_backward", encoders=[encoder(model, LORA) for _ in "1234"],
                      moe={"experts": 4, "active": 2, "intermediate": 1024, "output": 384})
        yield setting(model, SHARED, "bf16_mixed", "sdpa", 16, 64, negatives=1,
                      encoders=[encoder(model), encoder(model, shares_with=0, channels=2)])


def load():
    """The program as a module."""
    spec = importlib.util.spec_from_file_location("verify", PROGRAM)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main():
    verify, measured = load(), []
    for training in settings():
        request = {"training": training, "stage": 0, "steps": 3}
        result = verify.measure_fake(request, training["stages"][0]["batch_size"])
        measured.append({"training": training, "allocated_bytes": result["allocated_bytes"],
                         "parameters": result["parameters"]})
        print(len(measured), result["allocated_bytes"], file=sys.stderr, flush=True)
    lines = ",\n".join(json.dumps(entry, separators=(",", ":")) for entry in measured)
    text = f'{{"versions": {json.dumps(verify.versions())},\n"settings": [\n{lines}\n]}}\n'
    (FOLDER / "settings.json").write_text(text)


if __name__ == "__main__":
    main()
