//! Text in, sentiment out.

mod packed;
mod sentiment;

pub use packed::{Forward, PackedBatch};
pub use sentiment::{Label, LabelMap, Probabilities, Sentiment};
