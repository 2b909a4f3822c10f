//! Model directories that cannot be used: each is told apart and says how to mend it.

use std::fs;
use std::path::Path;

use fillrate::Error;
use fillrate::text::encoder::{Encoder, EncoderClassifier, LoadOptions};
use tempfile::TempDir;

use super::directory;

/// A copy of a golden directory that may be damaged.
fn copy(name: &str) -> TempDir {
    let to = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(directory(name)).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.path().join(entry.file_name())).unwrap();
    }
    to
}

fn error(directory: &Path) -> Error {
    EncoderClassifier::load(directory, LoadOptions::default()).err().unwrap()
}

/// The message of the error with the directory's own name taken out, and the hint.
fn message(directory: &Path) -> (String, Option<String>) {
    let error = error(directory);
    let place = directory.to_str().unwrap();
    (error.to_string().replace(place, "DIR"), error.hint().map(|hint| hint.replace(place, "DIR")))
}

/// The message after replacing text in `config.json`.
fn configured(from: &str, to: &str) -> String {
    let directory = copy("bert");
    let path = directory.path().join("config.json");
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{from}");
    fs::write(&path, text.replace(from, to)).unwrap();
    message(directory.path()).0
}

#[test]
fn a_directory_without_a_configuration() {
    let directory = tempfile::tempdir().unwrap();
    let (message, hint) = message(directory.path());
    assert_eq!(message, "DIR: config.json is missing");
    assert!(hint.unwrap().contains("config.json, model.safetensors and a tokenizer"));
}

#[test]
fn a_directory_that_does_not_exist() {
    let (message, _) = message(Path::new("no/such/model"));
    assert_eq!(message, "DIR: config.json is missing");
}

#[test]
fn a_configuration_of_garbage() {
    let directory = copy("bert");
    fs::write(directory.path().join("config.json"), b"\0\xff{{{").unwrap();
    let (message, _) = message(directory.path());
    assert!(message.starts_with("DIR/config.json: not a model configuration: "), "{message}");
    fs::write(directory.path().join("config.json"), vec![b' '; (1 << 20) + 1]).unwrap();
    assert_eq!(self::message(directory.path()).0, "DIR/config.json: larger than 1048576 bytes");
}

#[test]
fn an_architecture_that_is_not_supported() {
    assert_eq!(
        configured("\"model_type\": \"bert\"", "\"model_type\": \"deberta-v2\""),
        "DIR/config.json: model_type `deberta-v2` is not supported; supported are bert, \
         distilbert, roberta, xlm-roberta"
    );
}

#[test]
fn weights_that_are_missing() {
    let directory = copy("bert");
    fs::remove_file(directory.path().join("model.safetensors")).unwrap();
    assert_eq!(message(directory.path()).0, "DIR: model.safetensors is missing");
}

#[test]
fn weights_in_a_pickle() {
    let directory = copy("bert");
    let weights = directory.path().join("model.safetensors");
    fs::rename(weights, directory.path().join("pytorch_model.bin")).unwrap();
    let (message, hint) = message(directory.path());
    assert_eq!(
        message,
        "DIR/pytorch_model.bin: pickle weights are not read, because a pickle can run any code"
    );
    assert!(hint.unwrap().contains("M.from_pretrained('DIR').save_pretrained('DIR')"));
}

#[test]
fn weights_cut_short() {
    let directory = copy("bert");
    let path = directory.path().join("model.safetensors");
    let bytes = fs::read(&path).unwrap();
    for keep in [0, 7, 8, 100, bytes.len() / 2, bytes.len() - 1] {
        fs::write(&path, &bytes[..keep]).unwrap();
        let (message, hint) = message(directory.path());
        assert!(message.starts_with("DIR/model.safetensors: "), "{message}");
        assert!(hint.unwrap().contains("fetch it again"), "{keep}: {message}");
    }
}

/// The error after the checkpoint's header was edited; both texts have the same length.
fn edited(name: &str, from: &str, to: &str) -> Error {
    let directory = copy(name);
    let path = directory.path().join("model.safetensors");
    let mut bytes = fs::read(&path).unwrap();
    assert_eq!(from.len(), to.len());
    let at = bytes.windows(from.len()).position(|window| window == from.as_bytes()).unwrap();
    bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
    fs::write(&path, &bytes).unwrap();
    error(directory.path())
}

#[test]
fn a_tensor_that_is_missing() {
    let from = "bert.encoder.layer.1.output.dense.bias";
    let error = edited("bert", from, "bert.encoder.layer.1.output.dense.bean");
    assert!(
        matches!(&error, Error::MissingTensor { tensor, expected, .. }
            if tensor == from && expected == &[48]),
        "{error}"
    );
    assert!(error.hint().unwrap().contains("same checkpoint"));
    // An encoder alone has no classifier, which is not the same as having no encoder.
    let error = self::error(&directory("bert-embedding"));
    assert!(
        matches!(&error, Error::MissingTensor { tensor, expected, .. }
            if tensor == "classifier.weight" && expected == &[2, 48]),
        "{error}"
    );
}

#[test]
fn a_tensor_of_another_shape() {
    let message = configured("\"intermediate_size\": 96", "\"intermediate_size\": 64");
    assert_eq!(
        message,
        "DIR/model.safetensors: tensor `bert.encoder.layer.0.intermediate.dense.weight` has \
         shape [96, 48], expected [64, 48]"
    );
}

#[test]
fn a_size_far_beyond_the_file_allocates_nothing() {
    let message = configured("\"vocab_size\": 160", "\"vocab_size\": 16000000");
    assert_eq!(
        message,
        "DIR/model.safetensors: tensor `bert.embeddings.word_embeddings.weight` has shape \
         [160, 48], expected [16000000, 48]"
    );
}

#[test]
fn a_type_that_is_not_a_float_of_ours() {
    let error = edited("bert-two-bf16", "\"dtype\":\"BF16\"", "\"dtype\":\"I16\" ");
    assert!(error.to_string().ends_with("is stored as I16; supported are F32, F16, BF16"));
}

#[test]
fn an_index_that_points_elsewhere() {
    let directory = copy("bert-long-sharded");
    let path = directory.path().join("model.safetensors.index.json");
    let text = fs::read_to_string(&path).unwrap();
    let secret = "../model-00002-of-00003.safetensors";
    fs::write(&path, text.replace("model-00002-of-00003.safetensors", secret)).unwrap();
    let found = message(directory.path()).0;
    assert!(found.ends_with(&format!("`{secret}` is not the name of a file beside it")), "{found}");
    fs::write(&path, "{}").unwrap();
    let found = message(directory.path()).0;
    assert!(found.contains("index.json: invalid index: missing field `weight_map`"), "{found}");
}

#[test]
fn a_shard_that_is_missing() {
    let directory = copy("bert-long-sharded");
    fs::remove_file(directory.path().join("model-00002-of-00003.safetensors")).unwrap();
    let error = error(directory.path());
    assert!(
        matches!(&error, Error::Io { path, .. } if path.ends_with("model-00002-of-00003.safetensors")),
        "{error}"
    );
}

#[test]
fn an_encoder_is_found_with_and_without_its_prefix() {
    for name in ["bert", "distilbert-f16", "roberta", "bert-embedding"] {
        Encoder::load(&directory(name), LoadOptions::default()).unwrap();
    }
}
