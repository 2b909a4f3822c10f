"""Makes the tokenizers that the tests of `fillrate::text::Tokenizer` use, and what they must answer.

    cargo xtask golden tokenizers     (tokenizers 0.23.3, transformers 5.23.0; seed 20250601)

Everything is trained on headlines that this program makes up, so nothing here is anyone else's text:

- headlines.txt             2,000 made-up headlines
- wordpiece-uncased/        tokenizer.json: BERT, lower-casing, accents stripped
- wordpiece-cased/          tokenizer.json: BERT, cased
- byte-level-bpe/           tokenizer.json: RoBERTa
- vocab-txt/                vocab.txt + tokenizer_config.json of the uncased one
- vocab-merges/             vocab.json + merges.txt of the byte-level one
- expected.jsonl            {"dir", "max_length", "text", "ids"}: the answers of `transformers`
"""

import json
import random
import shutil
from pathlib import Path

from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from transformers import BertTokenizer, RobertaTokenizer

HERE = Path(__file__).parent
SEED = 20250601

COMPANIES = """Alder Bank|Brightwater Energy|Café Lumière|Corvane Systems|Delft Optics|Eastmoor Airlines|Fjord Shipping
|Granite Peak Mining|Halcyon Pharma|Ibex Motors|Juniper Foods|Kestrel Aerospace|Lindqvist & Söhne|Marlowe Retail|Northgate Steel
|O'Hara Holdings|Pemberton plc|Quillon Networks|Redfern Semiconductors|São Bento Telecom|Tidewell Insurance|Umbra Robotics
|Vantage Rail|Westerly REIT|Xylem Labs|Yarrow Biotech|Zürcher Kantonalgas|T-Nova Inc.|3Q Logistics""".replace("\n", "").split("|")
MOVES = """jumps|slides|surges|tumbles|edges higher|slips|rallies|plunges|steadies|climbs|sinks|rebounds|whipsaws|gaps down""".split("|")
REASONS = """after quarterly earnings beat estimates|as margins disappoint|on takeover talk|amid weaker guidance|following a profit warning
|after regulators open an investigation|as bond yields fall|on record free cash flow|despite downgrade by two brokers|as lawsuit is settled
|after the central bank's surprise rate cut|on stronger-than-expected orders|as the CFO resigns|after naming a new chief executive
|amid a shortage of chips|as restructuring charges weigh|on dividend increase|after a $TICK short-seller report|as inflation cools
|on news of a buyback programme|after refinancing its debt|as tariffs bite|on hopes of an acquisition""".replace("\n", "").split("|")
OPENERS = """UPDATE 1-|BREAKING: |Exclusive: |Factbox: |RPT-|Analysis - |UPDATE 2-|BRIEF-|||||||||""".split("|")
TWEETS = """$TICK to the moon 🚀🚀 who else is holding?|Don't catch a falling knife, $TICK isn't done yet|shorted $TICK at NUM, let's see... 😬
|I can't believe they've diluted us AGAIN!!! #TICK|"We're very confident," says $TICK's CEO. Sure.|$TICK calls printing 💰 +PCT% today
|Earnings tonight: $TICK @ NUM, implied move ±PCT%|just sold everything :( $TICK|RT @desk_NUM: $TICK halted -- news pending https://ex.am/ple?q=NUM
|Is $TICK oversold? RSI at NUM, MACD crossing; 200-day MA holds|€NUMm hole found in TICK's accounts, per FT""".replace("\n", "").split("|")


def headline(rng: random.Random) -> str:
    ticker = "".join(rng.choice("ABCDEFGHIKLMNOPRSTVXZ") for _ in range(rng.randint(2, 5)))
    number = f"{rng.uniform(0.5, 900):,.2f}" if rng.random() < 0.5 else str(rng.randint(1, 4000))
    percent = f"{rng.uniform(0.1, 28):.1f}"
    company = rng.choice(COMPANIES)
    kind = rng.random()
    if kind < 0.25:
        text = rng.choice(TWEETS)
    elif kind < 0.5:
        text = f"{rng.choice(OPENERS)}{company} {rng.choice(MOVES)} PCT% {rng.choice(REASONS)}"
    elif kind < 0.7:
        text = f"{company} ($TICK) {rng.choice(MOVES)} to ${number} {rng.choice(REASONS)}"
    elif kind < 0.85:
        text = f"{company} sees FY{rng.randint(2019, 2031)} revenue of ${number} {rng.choice(['million', 'billion', 'mln', 'bn'])}, vs. analysts' PCT% growth view"
    else:
        text = f"{company} and {rng.choice(COMPANIES)} shares {rng.choice(['fall', 'rise', 'diverge', 'trade flat'])} {rng.choice(REASONS)}; {rng.choice(COMPANIES)} {rng.choice(MOVES)}"
    return text.replace("TICK", ticker).replace("NUM", number).replace("PCT", percent)


def wordpiece(headlines: list[str], lowercase: bool) -> Tokenizer:
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    trainer = trainers.WordPieceTrainer(vocab_size=2000, special_tokens=special, show_progress=False)
    # A few letters of other scripts, so that not every foreign word is unknown.
    tokenizer.train_from_iterator([*headlines, "日本銀行 株価 финансы банк αβγ ΔΣ 한국 café ﬁ ß ø"], trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(t, tokenizer.token_to_id(t)) for t in ("[CLS]", "[SEP]")])
    return tokenizer


def byte_level(headlines: list[str]) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    mask = AddedToken("<mask>", lstrip=True, normalized=False, special=True)
    trainer = trainers.BpeTrainer(
        vocab_size=2000, special_tokens=["<s>", "<pad>", "</s>", "<unk>", mask],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    tokenizer.train_from_iterator(headlines, trainer)
    tokenizer.post_processor = processors.RobertaProcessing(
        ("</s>", tokenizer.token_to_id("</s>")), ("<s>", tokenizer.token_to_id("<s>")),
        trim_offsets=True, add_prefix_space=False)
    return tokenizer


def save(tokenizer: Tokenizer, name: str) -> Path:
    directory = HERE / name
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()
    tokenizer.save(str(directory / "tokenizer.json"), pretty=False)
    return directory


TEXTS = ["", " ", "\n\t ", "hello world", "Café Lumière's FY2024: ±3.5%", "it's they're I'll we'd  don't", "a [SEP] b[MASK]c", "x <mask> y</s>z  <mask>",
         "naïve ÅNGSTRÖM İstanbul Straße ΑΣ", "日本銀行が金利を上げた。", "🚀🚀👩‍👩‍👧 to the moon", "e\u0301 a\u0308\u0323 \u0344", "zero\u200bwidth\u00a0nbsp\u3000ideographic",
         "supercalifragilistic" * 6, "tab\tand\r\nnew lines  and   runs \n", "don’t “quote” – dash … €100 £20", "\u0000null\ufffdreplacement", "١٢٣ Ⅷ ½ ²"]


def main() -> None:
    rng = random.Random(SEED)
    headlines = [headline(rng) for _ in range(2000)]
    (HERE / "headlines.txt").write_text("\n".join(headlines) + "\n", encoding="utf-8")

    uncased = save(wordpiece(headlines, lowercase=True), "wordpiece-uncased")
    cased = save(wordpiece(headlines, lowercase=False), "wordpiece-cased")
    roberta = save(byte_level(headlines), "byte-level-bpe")

    vocab_txt = HERE / "vocab-txt"
    shutil.rmtree(vocab_txt, ignore_errors=True)
    vocab_txt.mkdir()
    vocab = json.loads((uncased / "tokenizer.json").read_text())["model"]["vocab"]
    (vocab_txt / "vocab.txt").write_text("\n".join(sorted(vocab, key=vocab.get)) + "\n", encoding="utf-8")
    config = {"do_lower_case": True, "model_max_length": 64, "strip_accents": None, "tokenize_chinese_chars": True}
    (vocab_txt / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n")

    vocab_merges = HERE / "vocab-merges"
    shutil.rmtree(vocab_merges, ignore_errors=True)
    vocab_merges.mkdir()
    model = json.loads((roberta / "tokenizer.json").read_text())["model"]
    (vocab_merges / "vocab.json").write_text(json.dumps(model["vocab"], ensure_ascii=False) + "\n", encoding="utf-8")
    merges = [" ".join(merge) if isinstance(merge, list) else merge for merge in model["merges"]]
    (vocab_merges / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n", encoding="utf-8")

    # A flag of a special token is kept where the configuration spells it out, as that of roberta-base does.
    mask = {"__type": "AddedToken", "content": "<mask>", "lstrip": True, "normalized": False, "rstrip": False, "single_word": False}
    (vocab_merges / "tokenizer_config.json").write_text(json.dumps({"mask_token": mask, "add_prefix_space": True}, indent=2) + "\n")

    with (HERE / "expected.jsonl").open("w", encoding="utf-8") as out:
        def expect(name: str, encode, max_length: int) -> None:
            for text in [*TEXTS, *headlines[:40]]:
                ids = encode(text, max_length)
                out.write(json.dumps({"dir": name, "max_length": max_length, "text": text, "ids": ids}) + "\n")

        for directory in (uncased, cased, roberta):
            raw = Tokenizer.from_file(str(directory / "tokenizer.json"))

            def encode(text: str, max_length: int, raw: Tokenizer = raw) -> list[int]:
                raw.enable_truncation(max_length)
                return raw.encode(text).ids

            expect(directory.name, encode, 24)
        bert = BertTokenizer.from_pretrained(str(vocab_txt))
        expect("vocab-txt", lambda text, n: bert(text, truncation=True, max_length=n)["input_ids"], 24)
        robert = RobertaTokenizer.from_pretrained(str(vocab_merges))
        expect("vocab-merges", lambda text, n: robert(text, truncation=True, max_length=n)["input_ids"], 24)


main()
