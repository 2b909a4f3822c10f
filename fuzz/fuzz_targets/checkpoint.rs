//! Any bytes as the weights of a small model: a model or an error, never a panic and never more
//! memory than the file justifies.
#![no_main]

use fillrate::text::encoder::{EncoderClassifier, LoadOptions};
use fillrate_kernels::{Cpu, Precision};
use libfuzzer_sys::fuzz_target;

const CONFIG: &str = r#"{"model_type": "bert", "vocab_size": 4, "hidden_size": 4,
    "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 4,
    "max_position_embeddings": 4, "type_vocab_size": 1, "hidden_act": "gelu",
    "layer_norm_eps": 1e-12, "num_labels": 2}"#;

fuzz_target!(|bytes: &[u8]| {
    let Ok(folder) = tempfile::tempdir() else { return };
    let written = std::fs::write(folder.path().join("config.json"), CONFIG)
        .and_then(|()| std::fs::write(folder.path().join("model.safetensors"), bytes));
    if written.is_ok() {
        let options = LoadOptions { precision: Some(Precision::Fp32), cpu: Cpu::detect() };
        let _ = EncoderClassifier::load(folder.path(), options);
    }
});
