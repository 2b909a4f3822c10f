"""Made-up headlines, all different, whose lengths in tokens vary as those of headlines do."""

import math
import random
import statistics

# Each block of this many texts has the same lengths, so that passes over fewer texts are alike.
BLOCK = 64
LENGTH_MIN, LENGTH_MAX = 8, 40
MEDIAN, SPREAD = 19, 0.33

COMPANIES = """
Calder Systems|Brightwell Foods|Halden Pharma|Tern Airlines|Ostrava Steel|Kestrel Semiconductors
Northgate Bancorp|Marlowe & Finch|Quillon Energy|Sable Robotics|Pinemont Realty|Aurum Minerals
Vantor Logistics|Lumen Biologics|Redwater Utilities|Arclight Media|Fenwick Capital|Orrin Motors
Silvercrest Insurance|Tallis Networks|Glenrock Retail|Harrow Aerospace|Indigo Payments|Juniper Dairy
""".replace("\n", "|").strip("|").split("|")
EVENTS = """
beats quarterly estimates|misses revenue forecasts|raises full-year guidance|cuts its dividend
wins regulatory approval for a new drug|is sued over a delayed recall|announces a share buyback
agrees to be acquired by a rival|names a new finance chief|reports a surprise loss|reopens a plant
launches a cheaper subscription|suspends its outlook|files for an initial public offering
sells a stake in its cloud unit|warns of weaker demand|posts record bookings|halts production
settles with creditors|wins a defence contract|loses a patent appeal|delays its annual report
""".replace("\n", "|").strip("|").split("|")
REASONS = """
as costs rise|on strong exports|after an activist campaign|despite higher tariffs|amid a strike
as margins narrow|following an audit|on softer consumer spending|after a cyberattack|as rates fall
before the vote|on currency swings|as inventories shrink|after months of talks|under a new chairman
""".replace("\n", "|").strip("|").split("|")
TAILS = """
analysts remain divided|shares slip in early trading|bonds rally|the stock jumps after hours
management expects a slow recovery|investors shrug|regulators have yet to comment
traders had priced in less|the board meets again next week|peers trade lower in sympathy
the chief executive called the quarter "solid but uneven"|options imply a larger move
""".replace("\n", "|").strip("|").split("|")


def headline(choose):
    text = f"{choose.choice(COMPANIES)} {choose.choice(EVENTS)}"
    if choose.random() < 0.5:
        text += f" by {choose.randint(1, 60)}.{choose.randint(0, 9)}%"
    if choose.random() < 0.6:
        text += f" {choose.choice(REASONS)}"
    if choose.random() < 0.5:
        text += f", {choose.choice(COMPANIES)} {choose.choice(EVENTS)}"
    for tail in choose.sample(TAILS, choose.choice([0, 0, 1, 1, 2])):
        text += f"; {tail}"
    return text


def lengths():
    """The lengths of a block: quantiles of a log-normal distribution, special tokens included."""
    normal = statistics.NormalDist()
    quantiles = (normal.inv_cdf((i + 0.5) / BLOCK) for i in range(BLOCK))
    return [min(max(round(MEDIAN * math.exp(SPREAD * q)), LENGTH_MIN), LENGTH_MAX) for q in quantiles]


def headlines(count, tokenizer, seed=7):
    """`count` texts, a multiple of `BLOCK`; `tokenizer` is one of the package `tokenizers`."""
    choose = random.Random(seed)
    wanted = lengths() * (count // BLOCK)
    missing = {length: wanted.count(length) for length in set(wanted)}
    found = {length: [] for length in missing}
    seen = set()
    while any(missing.values()):
        text = headline(choose)
        length = len(tokenizer.encode(text).ids)
        if missing.get(length) and text not in seen:
            seen.add(text)
            missing[length] -= 1
            found[length].append(text)
    texts = []
    for _ in range(count // BLOCK):
        block = [found[length].pop() for length in lengths()]
        choose.shuffle(block)
        texts += block
    return texts
