//! `fillrate score`, as it is used: in files, in pipes and with everything that can be wrong.

mod bad_input;
pub(crate) mod encoder;
mod fallback;
mod formats;

use serde_json::Value;

use crate::desk::Desk;

fn keys(record: &Value) -> Vec<&str> {
    record.as_object().unwrap().keys().map(String::as_str).collect()
}
