"""Judges news-mini on texts that no training saw, and writes `metrics.json` and the tables of
README.md.

    python evaluate.py              # of what quantize.py wrote, through Fillrate itself

Against it stand VADER and a logistic regression on the embeddings of the encoder as it was before
training (a frozen encoder). Both see the same texts; the regression learns from the same training
part, a set at a time.
"""

import argparse
import json
import os
import re
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import torch
from transformers import AutoTokenizer, BertForSequenceClassification
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

import data
import train

ROOT = data.HERE.parents[1]
VADER_THRESHOLD = 0.05
BINS = 15


def of_fillrate(model, texts):
    """Probabilities [texts, 3] from the command line program."""
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    build = ["cargo", "build", "--quiet", "--release", "--workspace"]
    subprocess.run(build, cwd=ROOT, check=True)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "texts.jsonl"
        lines = "".join(json.dumps({"text": text}) + "\n" for text in texts)
        path.write_text(lines, encoding="utf-8")
        command = [target / "release" / "fillrate", "score", path, "--model", model, "--quiet"]
        done = subprocess.run([*command, "--format", "jsonl"], stdout=subprocess.PIPE, check=True)
    records = [json.loads(line) for line in done.stdout.decode().splitlines()]
    return np.array([[record["probabilities"][label] for label in data.LABELS] for record in records])


def of_checkpoint(directory, texts):
    """The same from PyTorch in fp32, before quantisation."""
    model = BertForSequenceClassification.from_pretrained(directory)
    examples = [data.Example(text, 0, "test") for text in texts]
    logits = train.logits_of(model, train.encode(AutoTokenizer.from_pretrained(directory), examples))
    return torch.tensor(logits).softmax(1).numpy()


def of_vader(texts):
    analyzer = SentimentIntensityAnalyzer()
    compounds = np.array([analyzer.polarity_scores(text)["compound"] for text in texts])
    return np.where(compounds >= VADER_THRESHOLD, 2, np.where(compounds <= -VADER_THRESHOLD, 0, 1))


@torch.no_grad()
def embeddings(model, tokenizer, texts):
    model.eval()
    rows = torch.zeros(len(texts), model.config.hidden_size)
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    for at in range(0, len(order), 128):
        group = order[at : at + 128]
        batch = tokenizer(
            [texts[i] for i in group], padding=True, truncation=True, max_length=train.TOKENS_MAX, return_tensors="pt"
        )
        states = model.bert(**batch).last_hidden_state
        mask = batch["attention_mask"][:, :, None]
        rows[group] = torch.nn.functional.normalize((states * mask).sum(1) / mask.sum(1), dim=1)
    return rows


def of_frozen(model, tokenizer, examples, texts):
    """A logistic regression on frozen embeddings, by L-BFGS with an L2 penalty."""
    torch.manual_seed(train.SEED)
    inputs = embeddings(model, tokenizer, [example.text for example in examples])
    labels = torch.tensor([example.label for example in examples])
    head = torch.nn.Linear(inputs.shape[1], len(data.LABELS))
    optimizer = torch.optim.LBFGS(head.parameters(), max_iter=500, line_search_fn="strong_wolfe")

    def loss():
        optimizer.zero_grad()
        value = torch.nn.functional.cross_entropy(head(inputs), labels)
        value = value + head.weight.square().sum() / (2 * len(labels))
        value.backward()
        return value

    optimizer.step(loss)
    with torch.no_grad():
        return head(embeddings(model, tokenizer, texts)).argmax(1).numpy()


def calibration_error(probabilities, labels):
    """Expected calibration error over equal bins of the confidence."""
    confidence, predicted = probabilities.max(1), probabilities.argmax(1)
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    error = 0.0
    for index in range(BINS):
        inside = bins == index
        if inside.any():
            gap = abs(confidence[inside].mean() - (predicted[inside] == labels[inside]).mean())
            error += inside.mean() * gap
    return float(error)


def confusion(labels, predicted):
    table = np.zeros((3, 3), dtype=int)
    np.add.at(table, (labels, predicted), 1)
    return table.tolist()


def measured(labels, predicted):
    return {"accuracy": float((labels == predicted).mean()), "macro_f1": train.macro_f1(labels, predicted)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--checkpoint", type=Path, default=data.HERE / "checkpoint")
    arguments = parser.parse_args()
    sets = data.load()
    with tempfile.TemporaryDirectory() as folder:
        frozen, tokenizer = train.start(folder)
    metrics = {}
    for name, examples in sets.items():
        test = [example for example in examples if example.split == "test"]
        seen = [example for example in examples if example.split == "train"]
        texts, labels = [e.text for e in test], np.array([e.label for e in test])
        shipped = of_fillrate(data.HERE, texts)
        metrics[name] = {
            "texts": {split: sum(e.split == split for e in examples) for split in ("train", "validation", "test")},
            "news_mini_int8": {
                **measured(labels, shipped.argmax(1)),
                "calibration_error": calibration_error(shipped, labels),
                "confusion": confusion(labels, shipped.argmax(1)),
            },
            "vader": measured(labels, of_vader(texts)),
            "frozen_encoder": measured(labels, of_frozen(frozen, tokenizer, seen, texts)),
        }
        if arguments.checkpoint.exists():
            exact = of_checkpoint(arguments.checkpoint, texts)
            metrics[name]["news_mini_fp32"] = {
                **measured(labels, exact.argmax(1)),
                "calibration_error": calibration_error(exact, labels),
            }
        print(name, json.dumps(metrics[name]), flush=True)
    (data.HERE / "metrics.json").write_text(json.dumps(metrics, indent=2) + "\n")
    write_tables(metrics)


def write_tables(metrics):
    head = "| set | test texts | news-mini, int8 | before quantisation | frozen encoder | VADER |"
    lines = [head, "|---|---|---|---|---|---|"]
    figures = lambda scores: f"{scores['accuracy']:.3f} / {scores['macro_f1']:.3f}" if scores else "–"
    keys = ("news_mini_int8", "news_mini_fp32", "frozen_encoder", "vader")
    for name, scores in metrics.items():
        cells = [name, str(scores["texts"]["test"]), *(figures(scores.get(key)) for key in keys)]
        lines.append("| " + " | ".join(cells) + " |")
    lines += ["", "| set | calibration error | confusion (rows: true; negative, neutral, positive) |", "|---|---|---|"]
    for name, scores in metrics.items():
        shipped = scores["news_mini_int8"]
        rows = "; ".join(" ".join(map(str, row)) for row in shipped["confusion"])
        lines.append(f"| {name} | {shipped['calibration_error']:.3f} | {rows} |")
    readme = data.HERE / "README.md"
    marked = r"(<!-- metrics -->\n).*?(<!-- /metrics -->)"
    table = "\n".join(lines) + "\n"
    text = re.sub(marked, lambda match: match[1] + table + match[2], readme.read_text(encoding="utf-8"), flags=re.S)
    readme.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
