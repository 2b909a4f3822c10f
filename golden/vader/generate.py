"""Reference scores of VADER, made with vaderSentiment 3.3.2.

    python golden/vader/generate.py                 write cases.jsonl and the embedded lexicon
    python golden/vader/generate.py --check         fail if either is not what would be written
    python golden/vader/generate.py --check-sdist   compare Rust with Python on the labelled sets
    python golden/vader/generate.py --fuzz 200000   compare Rust with Python on generated texts

The last two build and run the example `vader_jsonl` of the crate `fillrate`. See README.md.
"""

import argparse
import hashlib
import importlib.metadata
import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from vaderSentiment import vaderSentiment

from texts import Texts

VERSION = "3.3.2"
SEED = 20_260_101
GENERATED_CASES = 900

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
DATA = ROOT / "crates/fillrate/src/text/vader/data"

SDIST_SHA256 = "5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9"
LABELLED_ARCHIVE = f"vaderSentiment-{VERSION}/additional_resources/hutto_ICWSM_2014.tar.gz"
LABELLED_SETS = [
    "tweets_GroundTruth.txt",
    "movieReviewSnippets_GroundTruth.txt",
    "amazonReviewSnippets_GroundTruth.txt",
    "nytEditorialSnippets_GroundTruth.txt",
]


def python_scores(analyzer, text):
    scores = analyzer.polarity_scores(text)
    return [scores["neg"], scores["neu"], scores["pos"], scores["compound"]]


def rust_scores(texts):
    """The four scores of each text from the Rust program, in order."""
    lines = "".join(json.dumps(text) + "\n" for text in texts)
    # Built with the whole workspace, whose dependencies are there already with these features.
    build = ["cargo", "build", "--quiet", "--workspace", "--example", "vader_jsonl"]
    subprocess.run(build, cwd=ROOT, check=True)
    target = os.environ.get("CARGO_TARGET_DIR", os.path.join(ROOT, "target"))
    command = [os.path.join(target, "debug", "examples", "vader_jsonl")]
    done = subprocess.run(command, input=lines, stdout=subprocess.PIPE, text=True, check=True)
    scores = [json.loads(line) for line in done.stdout.splitlines()]
    if len(scores) != len(texts):
        sys.exit(f"{len(texts)} texts went in, {len(scores)} scores came out")
    return scores


def compare(name, analyzer, texts):
    """Prints and returns the number of texts whose scores differ in any digit, or in a zero's sign."""
    differences = 0
    for text, found in zip(texts, rust_scores(texts)):
        expected = python_scores(analyzer, text)
        if repr(found) != repr(expected):
            differences += 1
            if differences <= 10:
                print(f"  {text!r}\n    Python {expected}, Rust {found}")
    print(f"{name}: {len(texts)} texts, {differences} differences")
    return differences


def labelled_sets(folder):
    """Downloads the source distribution into `folder`; yields each labelled set's name and texts."""
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:"]
    subprocess.run([*pip, "--dest", folder, f"vaderSentiment=={VERSION}"], check=True)
    sdist = (Path(folder) / f"vaderSentiment-{VERSION}.tar.gz").read_bytes()
    if hashlib.sha256(sdist).hexdigest() != SDIST_SHA256:
        sys.exit("the source distribution is not the one of version " + VERSION)
    with tarfile.open(fileobj=io.BytesIO(sdist)) as outer:
        with tarfile.open(fileobj=outer.extractfile(LABELLED_ARCHIVE)) as inner:
            for name in LABELLED_SETS:
                rows = inner.extractfile(f"hutto_ICWSM_2014/{name}").read().decode("utf-8")
                # Each row is an identifier, the mean human rating and the text.
                yield name, [row.split("\t", 2)[2] for row in rows.split("\r\n") if row]


def cases(analyzer):
    sentences = (HERE / "sentences.jsonl").read_text(encoding="utf-8").splitlines()
    texts = [json.loads(line) for line in sentences]
    generator = Texts(analyzer, SEED)
    texts += [generator.text() for _ in range(GENERATED_CASES)]
    return "".join(
        json.dumps({"text": text, "scores": python_scores(analyzer, text)}) + "\n" for text in texts
    )


def lexicon(analyzer):
    """The entries that a word can match: lowered, of ASCII, without white space."""
    reachable = {
        word: valence
        for word, valence in analyzer.lexicon.items()
        if word.isascii() and word == word.lower() and word.split() == [word]
    }
    return "".join(f"{word}\t{valence}\n" for word, valence in sorted(reachable.items()))


def emoji(analyzer):
    """The emoji of one code point: Python looks one code point up at a time."""
    single = {symbol: words for symbol, words in analyzer.emojis.items() if len(symbol) == 1}
    return "".join(f"{symbol}\t{words}\n" for symbol, words in sorted(single.items()))


def main():
    parser = argparse.ArgumentParser(description="Reference scores of VADER")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--check", action="store_true", help="fail if a written file is not current")
    mode.add_argument("--check-sdist", action="store_true", help="compare on the labelled sets")
    mode.add_argument("--fuzz", type=int, metavar="N", help="compare on N generated texts")
    parser.add_argument("--seed", type=int, default=SEED + 1, help="seed of --fuzz (default %(default)s)")
    arguments = parser.parse_args()

    found = importlib.metadata.version("vaderSentiment")
    if found != VERSION:
        sys.exit(f"vaderSentiment {found} is installed; run: pip install vaderSentiment=={VERSION}")
    analyzer = vaderSentiment.SentimentIntensityAnalyzer()

    if arguments.check_sdist:
        with tempfile.TemporaryDirectory() as folder:
            sets = list(labelled_sets(folder))
        sys.exit(any([compare(name, analyzer, texts) for name, texts in sets]))
    if arguments.fuzz is not None:
        generator = Texts(analyzer, arguments.seed)
        texts = [generator.text() for _ in range(arguments.fuzz)]
        sys.exit(bool(compare(f"fuzz, seed {arguments.seed}", analyzer, texts)))

    files = {
        HERE / "cases.jsonl": cases(analyzer),
        DATA / "lexicon.tsv": lexicon(analyzer),
        DATA / "emoji.tsv": emoji(analyzer),
    }
    for path, content in files.items():
        if not arguments.check:
            path.write_text(content, encoding="utf-8", newline="\n")
        elif not path.exists() or path.read_text(encoding="utf-8") != content:
            sys.exit(f"{path.relative_to(ROOT)} is not current; run: python golden/vader/generate.py")


if __name__ == "__main__":
    main()
