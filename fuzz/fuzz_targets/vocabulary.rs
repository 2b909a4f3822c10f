//! Any text tokenised with a small vocabulary, fast and exact: never a panic, never too long.
#![no_main]

use std::sync::LazyLock;

use fillrate::text::{Tokenizer, WordPieceOptions};
use libfuzzer_sys::fuzz_target;

static TOKENIZER: LazyLock<Tokenizer> = LazyLock::new(|| {
    let vocabulary = b"[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nprofit\n##s\nsoar\n,\n.\na\n##a\n##b\n";
    Tokenizer::from_wordpiece(vocabulary, &WordPieceOptions::default()).expect("a vocabulary")
});

fuzz_target!(|text: &str| {
    let mut ids = Vec::new();
    if TOKENIZER.encode_into(text, &mut ids).is_ok() {
        assert!(ids.len() <= TOKENIZER.max_length());
        assert!(ids.iter().all(|id| (*id as usize) < TOKENIZER.vocab_size()));
    }
});
