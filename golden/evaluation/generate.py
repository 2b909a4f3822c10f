"""Reference figures of classifiers, made with scikit-learn.

    python golden/evaluation/generate.py            write cases.json

Each case has the labels of some texts, the probabilities that a model gave them, and what
scikit-learn makes of both. The answer of the model is the most probable class, except in the cases
that say `answers`, which are those of a model with another rule. The expected calibration error is
not in scikit-learn: it is computed here bin by bin from its definition (Guo et al., ICML 2017).
"""

import json
from pathlib import Path

import numpy as np
from sklearn.metrics import (
    accuracy_score,
    brier_score_loss,
    confusion_matrix,
    f1_score,
    log_loss,
    precision_recall_fscore_support,
)

SEED = 20_260_301
CLASSES = [0, 1, 2]
BINS = 15


def expected_calibration_error(confidence, right):
    edges = np.linspace(0.0, 1.0, BINS + 1)
    error = 0.0
    for low, high in zip(edges[:-1], edges[1:]):
        inside = (confidence > low) & (confidence <= high)
        if inside.any():
            gap = abs(right[inside].mean() - confidence[inside].mean())
            error += inside.mean() * gap
    return float(error)


def case(name, truth, probabilities, answers=None):
    # Six digits, so that the file holds exactly what was computed with; f32 holds the rest.
    probabilities = np.round(probabilities, 6).astype(np.float32)
    rule = answers is not None
    answers = answers if rule else probabilities.argmax(axis=1)
    precision, recall, f1, support = precision_recall_fscore_support(
        truth, answers, labels=CLASSES, zero_division=np.nan
    )
    wide = probabilities.astype(np.float64)
    confidence = wide[np.arange(len(truth)), answers]
    clipped = np.clip(wide, np.finfo(np.float32).eps, 1 - np.finfo(np.float32).eps)
    nll = -np.log(clipped[np.arange(len(truth)), truth]).mean()
    normalised = wide / wide.sum(axis=1, keepdims=True)
    # scikit-learn's own figure is computed in the 32 bits of its input.
    assert abs(nll - log_loss(truth, probabilities, labels=CLASSES)) < 1e-5 * max(nll, 1.0)
    number = lambda value: None if np.isnan(value) else float(value)
    return {
        "name": name,
        "truth": truth.tolist(),
        "probabilities": [[round(float(p), 6) for p in row] for row in probabilities],
        "answers": answers.tolist(),
        "confusion": confusion_matrix(truth, answers, labels=CLASSES).tolist(),
        "accuracy": accuracy_score(truth, answers),
        # The classes are those that occur in either, as by default.
        "macro_f1": f1_score(truth, answers, average="macro", zero_division=0.0),
        "precision": [number(value) for value in precision],
        "recall": [number(value) for value in recall],
        "f1": [number(value) for value in f1],
        "support": [int(texts) for texts in support],
        "ece": expected_calibration_error(confidence, answers == truth),
        "nll": float(nll),
        "brier": brier_score_loss(truth, normalised, labels=CLASSES, scale_by_half=False),
    }


def main():
    rng = np.random.default_rng(SEED)

    def probabilities(texts, truth, skill):
        scores = rng.normal(size=(texts, 3))
        scores[np.arange(texts), truth] += skill
        exp = np.exp(scores)
        return exp / exp.sum(axis=1, keepdims=True)

    cases = []
    for name, texts, weights, skill in [
        ("balanced", 200, [1 / 3, 1 / 3, 1 / 3], 1.5),
        ("mostly neutral", 300, [0.1, 0.8, 0.1], 1.0),
        ("sure", 100, [0.4, 0.2, 0.4], 6.0),
        ("by chance", 60, [0.3, 0.4, 0.3], 0.0),
        ("one text", 1, [0.0, 0.0, 1.0], 0.0),
    ]:
        truth = rng.choice(3, size=texts, p=weights)
        cases.append(case(name, truth, probabilities(texts, truth, skill)))

    truth = rng.choice([0, 2], size=80)
    two = probabilities(80, truth, 1.0)
    two[:, 1] = 0.0
    two /= two.sum(axis=1, keepdims=True)
    cases.append(case("no neutral anywhere", truth, two))

    truth = rng.choice([0, 2], size=80)
    cases.append(case("neutral only in the answers", truth, probabilities(80, truth, 0.3)))

    truth = rng.choice(3, size=80)
    never = probabilities(80, truth, 1.0)
    never[:, 1] = 0.0
    never /= never.sum(axis=1, keepdims=True)
    cases.append(case("neutral only in the labels", truth, never))

    truth = rng.choice(3, size=90)
    other = probabilities(90, truth, 1.0)
    cases.append(case("answers by another rule", truth, other, answers=rng.choice(3, size=90)))

    path = Path(__file__).parent / "cases.json"
    lines = ",\n".join(json.dumps(case) for case in cases)
    path.write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    main()
