//! `Tokenizer` against `tokenizers`, and against files that are not what they should be.

use std::fs;
use std::path::Path;

use fillrate::Error;
use fillrate::text::{Tokenizer, WordPieceOptions};
use serde_json::{Value, json};
use tokenizers::TruncationParams;

use crate::token_texts::{Texts, golden_dir};

const TEXTS: usize = 20_000;
const SEED: u64 = 1;

fn encode(tokenizer: &Tokenizer, text: &str) -> Vec<u32> {
    let mut ids = Vec::new();
    tokenizer.encode_into(text, &mut ids).unwrap();
    ids
}

/// The truth: `tokenizers` with the same file, the same truncation and no padding.
fn exact(dir: &Path, max_length: usize) -> tokenizers::Tokenizer {
    let mut exact = tokenizers::Tokenizer::from_file(dir.join("tokenizer.json")).unwrap();
    let truncation = TruncationParams { max_length, ..TruncationParams::default() };
    exact.with_truncation(Some(truncation)).unwrap();
    exact.with_padding(None);
    exact
}

/// Compares both on generated texts, with room for all of a text, for some of it, and for one
/// token beside the special ones.
fn compare(name: &str) {
    let dir = golden_dir().join(name);
    let pairs = [512, 24, 3].map(|max_length| {
        let tokenizer = Tokenizer::from_dir(&dir, Some(max_length)).unwrap();
        assert!(tokenizer.is_fast());
        (tokenizer, exact(&dir, max_length))
    });
    let mut texts = Texts::new(SEED);
    let mut ids = Vec::new();
    for i in 0..TEXTS {
        let text = texts.text();
        let (tokenizer, exact) = &pairs[if i % 8 < 6 { 0 } else { i % 8 - 5 }];
        ids.clear();
        tokenizer.encode_into(&text, &mut ids).unwrap();
        let expected = exact.encode_fast(text.as_str(), true).unwrap();
        assert_eq!(ids, expected.get_ids(), "{name}, text {i}: {text:?}");
    }
}

#[test]
fn uncased_wordpiece_equals_tokenizers() {
    compare("wordpiece-uncased");
}

#[test]
fn cased_wordpiece_equals_tokenizers() {
    compare("wordpiece-cased");
}

#[test]
fn byte_level_bpe_equals_tokenizers() {
    compare("byte-level-bpe");
}

/// Every combination of the normalizer's options, and the prefix space of byte-level BPE.
#[test]
fn options_equal_tokenizers() {
    let variants = [
        ("wordpiece-uncased", "normalizer", json!({"clean_text": false})),
        ("wordpiece-uncased", "normalizer", json!({"strip_accents": false})),
        ("wordpiece-uncased", "normalizer", json!({"handle_chinese_chars": false})),
        ("wordpiece-cased", "normalizer", json!({"strip_accents": true})),
        (
            "wordpiece-cased",
            "normalizer",
            json!({"clean_text": false, "handle_chinese_chars": false}),
        ),
        ("wordpiece-cased", "model", json!({"max_input_chars_per_word": 8})),
        ("byte-level-bpe", "pre_tokenizer", json!({"add_prefix_space": true})),
    ];
    for (name, part, settings) in variants {
        let changed = changed_copy(name, |tokenizer| {
            for (key, value) in settings.as_object().unwrap() {
                tokenizer[part][key] = value.clone();
            }
        });
        let tokenizer = Tokenizer::from_dir(changed.path(), Some(128)).unwrap();
        assert!(tokenizer.is_fast(), "{name} {settings}");
        let exact = exact(changed.path(), 128);
        let mut texts = Texts::new(SEED + 1);
        for _ in 0..2_000 {
            let text = texts.text();
            let expected = exact.encode_fast(text.as_str(), true).unwrap();
            assert_eq!(
                encode(&tokenizer, &text),
                expected.get_ids(),
                "{name} {settings}: {text:?}"
            );
        }
    }
}

/// A tokenizer that differs in any part from the known forms is left to `tokenizers`.
#[test]
fn unknown_forms_take_the_slow_path_and_still_agree() {
    let variants = [
        ("wordpiece-uncased", "/normalizer", json!({"type": "Lowercase"})),
        ("wordpiece-uncased", "/pre_tokenizer", json!({"type": "Whitespace"})),
        ("wordpiece-uncased", "/model/max_input_chars_per_word", json!(1000)),
        ("wordpiece-uncased", "/added_tokens/4/normalized", json!(true)),
        ("wordpiece-cased", "/post_processor", Value::Null),
        ("wordpiece-cased", "/model/continuing_subword_prefix", json!("@@")),
        ("byte-level-bpe", "/normalizer", json!({"type": "NFC"})),
        ("byte-level-bpe", "/pre_tokenizer/use_regex", json!(false)),
        ("byte-level-bpe", "/model/ignore_merges", json!(true)),
        ("byte-level-bpe", "/model/byte_fallback", json!(true)),
    ];
    for (name, pointer, value) in variants {
        let changed = changed_copy(name, |tokenizer| {
            *tokenizer.pointer_mut(pointer).unwrap() = value.clone();
        });
        let tokenizer = Tokenizer::from_dir(changed.path(), Some(64)).unwrap();
        assert!(!tokenizer.is_fast(), "{name} {pointer}");
        let exact = exact(changed.path(), 64);
        let mut texts = Texts::new(SEED + 2);
        for _ in 0..200 {
            let text = texts.text();
            let expected = exact.encode_fast(text.as_str(), true).unwrap();
            assert_eq!(encode(&tokenizer, &text), expected.get_ids(), "{name} {pointer}: {text:?}");
        }
    }
}

/// A copy of a golden tokenizer with a changed `tokenizer.json`.
fn changed_copy(name: &str, change: impl FnOnce(&mut Value)) -> tempfile::TempDir {
    let json = fs::read(golden_dir().join(name).join("tokenizer.json")).unwrap();
    let mut tokenizer = serde_json::from_slice(&json).unwrap();
    change(&mut tokenizer);
    dir_with(&[("tokenizer.json", &serde_json::to_vec(&tokenizer).unwrap())])
}

/// Names and contents.
type Files<'a> = &'a [(&'a str, &'a [u8])];

fn dir_with(files: Files) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, contents) in files {
        fs::write(dir.path().join(name), contents).unwrap();
    }
    dir
}

/// What `transformers` answered, also for directories without a `tokenizer.json`.
#[test]
fn answers_are_those_of_transformers() {
    let expected = fs::read_to_string(golden_dir().join("expected.jsonl")).unwrap();
    let mut loaded: Option<(String, Tokenizer)> = None;
    for line in expected.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let (name, text) = (case["dir"].as_str().unwrap(), case["text"].as_str().unwrap());
        let max_length = case["max_length"].as_u64().unwrap() as usize;
        if loaded.as_ref().is_none_or(|(loaded, _)| loaded != name) {
            let tokenizer =
                Tokenizer::from_dir(&golden_dir().join(name), Some(max_length)).unwrap();
            assert!(tokenizer.is_fast());
            loaded = Some((name.to_owned(), tokenizer));
        }
        let ids: Vec<u32> = serde_json::from_value(case["ids"].clone()).unwrap();
        assert_eq!(encode(&loaded.as_ref().unwrap().1, text), ids, "{name}: {text:?}");
    }
}

#[test]
fn a_vocabulary_in_memory_is_that_of_the_directory() {
    let dir = golden_dir().join("vocab-txt");
    let vocab = fs::read(dir.join("vocab.txt")).unwrap();
    let mut options = WordPieceOptions::default();
    options.max_length = 64;
    let embedded = Tokenizer::from_wordpiece(&vocab, &options).unwrap();
    let loaded = Tokenizer::from_dir(&dir, None).unwrap();
    assert_eq!((loaded.max_length(), embedded.max_length()), (64, 64));
    assert_eq!(loaded.vocab_size(), embedded.vocab_size());
    assert_eq!(loaded.vocab_size(), vocab.split(|byte| *byte == b'\n').count() - 1);
    let mut texts = Texts::new(SEED + 3);
    for _ in 0..500 {
        let text = texts.text();
        assert_eq!(encode(&loaded, &text), encode(&embedded, &text), "{text:?}");
    }
}

#[test]
fn ids_are_appended() {
    let tokenizer = Tokenizer::from_dir(&golden_dir().join("byte-level-bpe"), None).unwrap();
    let mut ids = vec![7];
    tokenizer.encode_into("", &mut ids).unwrap();
    assert_eq!((ids.as_slice(), tokenizer.max_length()), (&[7, 0, 2][..], 512));
}

/// 10 MB of anything cost no more than 250 characters for each token, and come out as these do.
#[test]
fn huge_texts_are_cut_before_they_are_read() {
    for name in ["wordpiece-uncased", "wordpiece-cased", "byte-level-bpe"] {
        let dir = golden_dir().join(name);
        let tokenizer = Tokenizer::from_dir(&dir, Some(16)).unwrap();
        let exact = exact(&dir, 16);
        for unit in ["a", "é", " ", "\0", "word ", "[SEP]", "<mask> ", "日本", "\u{1D165}", "🚀\n"]
        {
            let text = unit.repeat(10_000_000 / unit.len());
            let capped: String = text.chars().take(16 * 250).collect();
            let expected = exact.encode_fast(capped, true).unwrap();
            assert_eq!(encode(&tokenizer, &text), expected.get_ids(), "{name}: {unit:?}");
        }
    }
}

#[test]
fn a_tokenizer_is_shared_between_threads() {
    fn shared<T: Send + Sync>(_: &T) {}
    shared(&Tokenizer::from_dir(&golden_dir().join("wordpiece-cased"), None).unwrap());
}

/// The message and the hint of an error about a model's files.
fn refusal(dir: &Path, max_length: Option<usize>) -> (String, String) {
    let error = Tokenizer::from_dir(dir, max_length).unwrap_err();
    (error.to_string(), error.hint().unwrap_or_default().to_owned())
}

#[test]
fn a_directory_without_a_tokenizer_is_refused() {
    let dir = dir_with(&[("config.json", b"{}"), ("vocab.json", b"{}")]);
    let (message, hint) = refusal(dir.path(), None);
    assert!(message.ends_with("no tokenizer in this directory"), "{message}");
    assert!(hint.contains("tokenizer.json") && hint.contains("merges.txt"), "{hint}");
    assert!(matches!(
        Tokenizer::from_dir(&dir.path().join("absent"), None),
        Err(Error::Model { .. })
    ));
}

#[test]
fn broken_files_are_refused_with_their_names() {
    let json = fs::read(golden_dir().join("byte-level-bpe/tokenizer.json")).unwrap();
    let cases: &[(Files, &str)] = &[
        (&[("tokenizer.json", b"")], "tokenizer.json: not a tokenizer"),
        (&[("tokenizer.json", b"\x00\xFFgarbage")], "tokenizer.json: not a tokenizer"),
        (&[("tokenizer.json", b"{}")], "tokenizer.json: not a tokenizer"),
        (&[("tokenizer.json", &json[..json.len() / 2])], "tokenizer.json: not a tokenizer"),
        (&[("vocab.txt", b"")], "vocab.txt: the vocabulary has no `[UNK]`"),
        (&[("vocab.txt", b"[CLS]\n[SEP]\na\n")], "vocab.txt: the vocabulary has no `[UNK]`"),
        (&[("vocab.txt", b"[CLS]\n[UNK]\na\n")], "vocab.txt: the vocabulary has no `[SEP]`"),
        (&[("vocab.txt", b"[UNK]\n\xFF\n")], "vocab.txt: not a vocabulary"),
        (
            &[("vocab.txt", b"[UNK]\n"), ("tokenizer_config.json", b"{\"do_lower_case\": 3}")],
            "tokenizer_config.json: not the JSON that was expected",
        ),
        (
            &[("vocab.txt", b"[UNK]\n"), ("added_tokens.json", b"{\"<new>\": 9}")],
            "added_tokens.json: tokens beside the vocabulary",
        ),
        (&[("vocab.json", b"[]"), ("merges.txt", b"")], "vocab.json: not the JSON"),
        (
            &[("vocab.json", b"{\"a\": 0}"), ("merges.txt", b"#version: 0.2\na b c\n")],
            "merges.txt:2: a merge is two tokens",
        ),
        (
            &[("vocab.json", b"{\"a\": 0}"), ("merges.txt", b"a a\n")],
            "merges.txt: merge 1 needs `aa`",
        ),
        (
            &[("vocab.json", b"{\"a\": 0}"), ("merges.txt", b"")],
            "vocab.json: the vocabulary has no `</s>`",
        ),
    ];
    for (files, expected) in cases {
        let dir = dir_with(files);
        let (message, _) = refusal(dir.path(), None);
        assert!(message.contains(expected), "{message}\nshould contain: {expected}");
    }
}

#[test]
fn a_tokenizer_json_that_could_not_encode_every_text_is_refused() {
    let without_unk = changed_copy("wordpiece-uncased", |tokenizer| {
        tokenizer["model"]["vocab"].as_object_mut().unwrap().remove("[UNK]");
    });
    let (message, hint) = refusal(without_unk.path(), None);
    assert!(message.contains("the vocabulary has no `[UNK]`"), "{message}");
    assert!(!hint.is_empty());
    let overlong_merge = changed_copy("byte-level-bpe", |tokenizer| {
        tokenizer["model"]["vocab"] = json!({"aaaa": 0, "bbbb": 1});
        tokenizer["model"]["merges"] = json!([["aaaa", "bbbb"]]);
    });
    let (message, _) = refusal(overlong_merge.path(), None);
    assert!(message.contains("merge 1 needs `aaaabbbb`"), "{message}");
}

#[test]
fn a_length_without_room_for_text_is_refused() {
    for max_length in [0, 2] {
        let (message, hint) = refusal(&golden_dir().join("wordpiece-cased"), Some(max_length));
        assert!(message.contains("no room beside 2 special tokens"), "{message}");
        assert!(hint.contains("at least 3"), "{hint}");
    }
}
