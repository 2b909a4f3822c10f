//! The hot loops of Fillrate.

mod error;

pub use error::{Error, Result};
