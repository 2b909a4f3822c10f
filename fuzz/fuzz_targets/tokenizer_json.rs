//! Any bytes as a `tokenizer.json`: a tokenizer or an error, never a panic.
#![no_main]

use fillrate::text::Tokenizer;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(folder) = tempfile::tempdir() else { return };
    if std::fs::write(folder.path().join("tokenizer.json"), bytes).is_err() {
        return;
    }
    if let Ok(tokenizer) = Tokenizer::from_dir(folder.path(), Some(16)) {
        let _ = tokenizer.encode_into("Profits SOAR, l'été [SEP] 株", &mut Vec::new());
    }
});
