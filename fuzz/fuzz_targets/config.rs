//! Any bytes as a model's `config.json`: a configuration or an error, never a panic.
#![no_main]

use std::path::Path;

use fillrate::text::encoder::EncoderConfig;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = EncoderConfig::parse(bytes, Path::new("config.json"));
});
