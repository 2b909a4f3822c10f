"""One peer of the race of the encoders, in a process of its own.

    python worker.py '{"engine": …, "model": …, "precision": …, "threads": …, "texts": …, …}'

Answers one JSON object a line on standard output: first what it is, after choosing the size of its
batches, then one for each line of standard input: `run N` (scores the first N texts and says how
many seconds that took, from strings to probabilities), `answers FILE N` (writes the probabilities of
the first N texts, little-endian float32), `quit`.
"""

import json
import os
import sys
import time

# Standard output is for the driver alone; what libraries print goes to standard error.
ANSWERS = os.fdopen(os.dup(1), "w", buffering=1)
os.dup2(2, 1)

SETTINGS = json.loads(sys.argv[1])
THREADS = SETTINGS["threads"]
# Before any library starts its threads.
for name in ["OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS"]:
    os.environ[name] = str(THREADS)
os.environ["TOKENIZERS_PARALLELISM"] = "true"
os.environ["HF_HUB_OFFLINE"] = "1"

from concurrent.futures import ThreadPoolExecutor  # noqa: E402

import numpy as np  # noqa: E402
import tokenizers  # noqa: E402

from engines import ENGINES  # noqa: E402

TRIAL_SECONDS = 0.3
# A candidate this much slower than a smaller batch is the last of its row.
GIVE_UP = 0.9


class Batches:
    """What every engine gets: all texts tokenised at once, sorted by length, cut into batches that
    are padded to their longest, shared by one or more streams."""

    def __init__(self, folder, engine, streams, batch):
        self.tokenizer = tokenizers.Tokenizer.from_file(os.path.join(folder, "tokenizer.json"))
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(512)
        self.engine, self.batch, self.streams = engine, batch, streams
        self.pool = ThreadPoolExecutor(streams) if streams > 1 else None

    def logits(self, encodings):
        lengths = [len(encoding) for encoding in encodings]
        ids = np.zeros((len(encodings), max(lengths)), np.int64)
        mask = np.zeros_like(ids)
        for row, (encoding, length) in enumerate(zip(encodings, lengths)):
            ids[row, :length] = encoding.ids
            mask[row, :length] = 1
        return self.engine.logits(ids, mask)

    def probabilities(self, texts):
        encodings = self.tokenizer.encode_batch_fast(texts)
        # Longest first, so that streams end together.
        order = sorted(range(len(texts)), key=lambda text: -len(encodings[text]))
        batches = [order[start : start + self.batch] for start in range(0, len(order), self.batch)]
        parts = ([encodings[text] for text in batch] for batch in batches)
        logits = np.concatenate(list((self.pool.map if self.pool else map)(self.logits, parts)))
        shifted = np.exp(logits - logits.max(1, keepdims=True))
        answers = np.empty_like(shifted)
        answers[order] = shifted / shifted.sum(1, keepdims=True)
        return answers


class Pipeline:
    """The pipeline of `transformers`, as its documentation shows it."""

    def __init__(self, folder):
        import torch
        from transformers import pipeline

        torch.set_num_threads(THREADS)
        self.pipeline = pipeline("text-classification", model=folder, device="cpu", top_k=None)
        self.labels = self.pipeline.model.config.label2id

    def with_batch(self, batch):
        self.batch = batch
        return self

    def probabilities(self, texts):
        if self.batch == 1:
            answers = [self.pipeline(text) for text in texts]
            answers = [answer[0] if isinstance(answer[0], list) else answer for answer in answers]
        else:
            # Sorted, or it would pad each batch to a long text by chance.
            order = sorted(range(len(texts)), key=lambda text: -len(texts[text]))
            found = self.pipeline([texts[text] for text in order], batch_size=self.batch)
            answers = [None] * len(texts)
            for text, answer in zip(order, found):
                answers[text] = answer
        rows = np.empty((len(texts), len(self.labels)), np.float32)
        for row, answer in zip(rows, answers):
            for entry in answer:
                row[self.labels[entry["label"]]] = entry["score"]
        return rows


def timed(peer, texts):
    start = time.perf_counter()
    peer.probabilities(texts)
    return time.perf_counter() - start


def candidates(folder):
    """Makes every way to run the engine, in rows: within a row the batch grows."""
    engine = SETTINGS["engine"]
    if engine.startswith("pipeline"):
        shared = Pipeline(folder)
        for batch in [1] if engine == "pipeline-single" else SETTINGS["batches"]:
            yield 1, batch, lambda batch=batch: shared.with_batch(batch)
        return
    for streams in sorted({1, THREADS}):
        made = ENGINES[engine](folder, SETTINGS["precision"], THREADS // streams, streams)
        for batch in SETTINGS["batches"]:
            yield streams, batch, lambda batch=batch: Batches(folder, made, streams, batch)


def choose(folder, texts):
    """The fastest way to run the engine, and all that were tried.

    Each is timed on texts of about the median length, so that how well so few texts can be sorted
    into batches has no part in it.
    """
    best, best_rate, tried = None, 0, []
    best_of_row, row = 0, None
    for streams, batch, make in candidates(folder):
        if streams != row:
            best_of_row, row = 0, streams
        if best_of_row == float("inf"):
            continue
        peer = make()
        middle = (len(texts) - streams * batch) // 2
        sample = texts[middle : middle + streams * batch]
        timed(peer, sample)
        seconds = [timed(peer, sample), timed(peer, sample)]
        while sum(seconds) < TRIAL_SECONDS:
            seconds.append(timed(peer, sample))
        rate = len(sample) / min(seconds)
        tried.append({"streams": streams, "batch": batch, "texts_per_s": rate})
        if rate > best_rate:
            best, best_rate = peer, rate
        # Past the knee a larger batch is not going to be better.
        best_of_row = float("inf") if rate < GIVE_UP * best_of_row else max(best_of_row, rate)
    return best, tried


def main():
    with open(SETTINGS["texts"], encoding="utf-8") as file:
        texts = json.load(file)
    start = time.perf_counter()
    tokenizer = tokenizers.Tokenizer.from_file(os.path.join(SETTINGS["model"], "tokenizer.json"))
    tokenizer.no_padding()
    lengths = [len(encoding) for encoding in tokenizer.encode_batch_fast(texts)]
    by_length = [text for _, text in sorted(zip(lengths, texts))]
    peer, tried = choose(SETTINGS["model"], by_length)
    how = max(tried, key=lambda trial: trial["texts_per_s"])
    about = {**how, "tried": tried, "seconds": time.perf_counter() - start}
    if isinstance(peer, Pipeline):
        peer.with_batch(how["batch"])
    print(json.dumps(about), file=ANSWERS)
    for line in sys.stdin:
        match line.split():
            case ["run", count]:
                print(json.dumps({"seconds": timed(peer, texts[: int(count)])}), file=ANSWERS)
            case ["answers", path, count]:
                peer.probabilities(texts[: int(count)]).astype("<f4").tofile(path)
                print("{}", file=ANSWERS)
            case ["quit"]:
                break
            case _:
                sys.exit(f"no such request: {line!r}")


if __name__ == "__main__":
    main()
