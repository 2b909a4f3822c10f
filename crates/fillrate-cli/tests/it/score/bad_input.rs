//! Bad input: one line that says what and where, one that says how to mend it, exit 1, and no
//! file that was not there before.

use super::Desk;

/// Scores `bytes` into a file that is already there; the complaint must be this, and the file
/// must be as it was.
#[track_caller]
fn refuses(name: &str, bytes: &[u8], message: &str, hint: &str) {
    for out in ["out.csv", "out.parquet"] {
        let desk = Desk::with(name, bytes);
        std::fs::write(desk.path(out), "before").unwrap();
        let ended = desk.run(&[name, "-o", out]);
        ended.complains(message, hint);
        assert!(ended.stdout.is_empty());
        assert_eq!(std::fs::read_to_string(desk.path(out)).unwrap(), "before");
        let mut expected = [name, out];
        expected.sort_unstable();
        assert_eq!(desk.files(), expected, "nothing half-written is left");
    }
}

/// The texts that are scored when malformed rows are skipped, and what is said of the others.
fn skips(name: &str, bytes: &[u8]) -> (Vec<String>, Vec<String>) {
    let ended = Desk::with(name, bytes).run(&[name, "--on-error", "skip"]).succeeds();
    let records = ended.records();
    let texts = records.iter().map(|record| record["text"].as_str().unwrap().to_owned()).collect();
    let warnings = ended.stderr.lines().filter_map(|line| line.strip_prefix("warning: skipped "));
    (texts, warnings.map(str::to_owned).collect())
}

const SKIP: &str = "--on-error skip";

#[test]
fn broken_utf8() {
    let csv = b"id,text\n1,good\n2,b\xFFd\n3,fine\n";
    let message = "news.csv:3: column `text` is not valid UTF-8";
    refuses("news.csv", csv, message, SKIP);
    assert_eq!(skips("news.csv", csv).0, ["good", "fine"]);
    let jsonl = b"{\"text\":\"\xFF\"}\n";
    refuses("news.jsonl", jsonl, "news.jsonl:1: not valid UTF-8 (byte 10)", SKIP);
    let utf16 = b"\xFF\xFEt\0e\0x\0t\0\n\0";
    refuses("news.csv", utf16, "news.csv: the text is UTF-16, not UTF-8", "iconv");
}

#[test]
fn nul_bytes() {
    let csv = b"text\na\0b\nfine\n";
    refuses("news.csv", csv, "news.csv:2: column `text` contains a NUL byte", SKIP);
    let (texts, skipped) = skips("news.csv", csv);
    assert_eq!(texts, ["fine"]);
    assert_eq!(skipped, ["news.csv:2: column `text` contains a NUL byte"]);
}

#[test]
fn rows_that_do_not_fit_the_header() {
    let csv = b"id,text\n1,a\n2\n3,c,d\n";
    refuses("news.csv", csv, "news.csv:3: 1 cell where the header has 2", SKIP);
    assert_eq!(skips("news.csv", csv).1.len(), 2);
    refuses(
        "news.csv",
        b"text\n\"open\nand never closed\n",
        "news.csv:2: the quote that opens in this row is never closed",
        SKIP,
    );
    refuses(
        "news.csv",
        b"text,id,text\n",
        "news.csv:1: columns 1 and 3 are both named `text`; rename one",
        "mend the header",
    );
}

#[test]
fn wrong_types() {
    for (line, what) in [
        ("{\"text\":12}", "column `text` is a number, not text"),
        ("{\"text\":null}", "column `text` is null, not text"),
        ("{\"other\":\"a\"}", "column `text` is missing"),
        ("[\"text\"]", "the line holds an array, not an object"),
        ("{\"text\":\"a", "truncated JSON: EOF while parsing a string (byte 10)"),
    ] {
        let jsonl = format!("{{\"text\":\"first\"}}\n{line}\n{{\"text\":\"last\"}}\n");
        let message = format!("news.jsonl:2: {what}");
        refuses("news.jsonl", jsonl.as_bytes(), &message, SKIP);
        let (texts, skipped) = skips("news.jsonl", jsonl.as_bytes());
        assert_eq!((texts, skipped), (vec!["first".into(), "last".into()], vec![message]));
    }
}

#[test]
fn missing_columns() {
    refuses(
        "news.csv",
        b"date,body\n1,a\n",
        "news.csv: no column `text`, `title` or `headline`; the columns are: date, body",
        "--text-column NAME",
    );
    let ended = Desk::with("news.csv", "date,body\n1,a\n").run(&["news.csv", "--text-column", "x"]);
    ended.complains("news.csv: no column `x`; the columns are: date, body", "--text-column");
}

#[test]
fn truncated_parquet() {
    let desk = Desk::with("news.csv", "text\ngreat\n");
    desk.run(&["news.csv", "-o", "news.parquet"]).succeeds();
    let whole = std::fs::read(desk.path("news.parquet")).unwrap();
    for bytes in [&whole[..whole.len() / 2], b"text\nno Parquet at all\n"] {
        std::fs::write(desk.path("cut.parquet"), bytes).unwrap();
        let ended = desk.run(&["cut.parquet"]);
        assert_eq!(ended.code, Some(1));
        assert!(ended.stderr.starts_with("error: cut.parquet: not a whole Parquet file"));
        assert!(ended.stdout.is_empty());
    }
}

#[test]
fn files_that_are_not_there_or_cannot_be_told() {
    let desk = Desk::with("news.txt", "text\n");
    let ended = desk.run(&["none.csv"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.starts_with("error: none.csv: No such file"), "{}", ended.stderr);
    let ended = desk.run(&["news.txt"]);
    ended.complains("news.txt: the file's name does not tell its format", "--input-format");
    desk.run(&["news.txt", "--input-format", "csv"]).succeeds();
    let ended = desk.run(&["news.txt", "--input-format", "csv", "-o", "scores.dat"]);
    ended.complains("scores.dat: the extension tells no format", "--format");
    let ended = desk.run(&["news.txt", "--input-format", "csv", "-o", "none/scores.csv"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("none/scores.csv: there is no folder none"), "{}", ended.stderr);
    assert_eq!(desk.files(), ["news.txt"]);
}

#[test]
fn rows_that_the_output_cannot_hold() {
    let mut jsonl = "{\"text\":\"a\"}\n".repeat(300);
    jsonl.push_str("{\"text\":\"a\",\"new\":1}\n");
    let message = "news.jsonl:301: column `new` is new, but the rows before have set the columns";
    refuses("news.jsonl", jsonl.as_bytes(), message, "write jsonl");
}

#[test]
fn empty_input_is_a_success_without_records() {
    for (name, bytes) in [("a.csv", ""), ("b.csv", "id,text\n"), ("c.jsonl", ""), ("d.parquet", "")]
    {
        let desk = Desk::with(name, bytes);
        assert!(desk.run(&[name]).succeeds().stdout.is_empty());
        desk.run(&[name, "-o", "out.json"]).succeeds();
        assert_eq!(std::fs::read_to_string(desk.path("out.json")).unwrap(), "[]\n");
    }
}

#[test]
fn empty_texts_are_scored_like_any_other() {
    let ended = Desk::with("news.csv", "id,text\n1,\n2,great\n").run(&["news.csv"]).succeeds();
    let records = ended.records();
    assert_eq!(records[0]["text"], "");
    assert_eq!(records[0]["label"], "neutral");
    assert_eq!(records[1]["label"], "positive");
}

#[test]
fn a_text_of_ten_megabytes_is_a_text() {
    let text = "a great and wonderful quarter ".repeat(350_000);
    let ended = Desk::with("news.csv", format!("text\n{text}\nshort\n")).run(&["news.csv"]);
    let records = ended.succeeds().records();
    assert_eq!(records[0]["text"].as_str().unwrap().len(), text.len());
    assert_eq!(records[1]["text"], "short");
}

#[test]
fn what_this_build_cannot_do_is_refused() {
    let desk = Desk::with("news.csv", "text\na\n");
    let ended = desk.run(&["news.csv", "--device", "cpu", "--precision", "fp16"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("fp16 is computed on GPUs only"), "{}", ended.stderr);
    let ended = desk.run(&["news.csv", "--memory-fraction", "1.5"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("expected a number above 0, at most 1"), "{}", ended.stderr);
}

/// No machine has so many GPUs; most that run this have no driver, and are told what is missing.
#[test]
fn a_gpu_that_is_not_there_is_an_error_that_says_what_is_missing() {
    let desk = Desk::with("news.csv", "text\na\n");
    let ended = desk.run(&["news.csv", "--device", "cuda:4095", "-o", "out.csv"]);
    assert_eq!(ended.code, Some(1));
    let said = &ended.stderr;
    assert!(said.contains("is not installed: it ") || said.contains("no GPU 4095"), "{said}");
    assert!(!desk.path("out.csv").exists());
}
