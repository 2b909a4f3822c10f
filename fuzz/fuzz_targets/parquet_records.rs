//! Any bytes read as Parquet: rows or errors, never a panic.
#![no_main]

use fillrate::records::InputFormat;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| fillrate_fuzz::read_records(bytes, InputFormat::Parquet));
