//! Text in, sentiment out.

pub mod batch;
pub mod encoder;
mod packed;
pub mod registry;
mod sentiment;
mod tokenize;
pub mod vader;

pub use packed::{Forward, PackedBatch};
pub use registry::{KnownModel, ModelDir, ModelSource, Registry};
pub use sentiment::{Label, LabelMap, Probabilities, Sentiment};
pub use tokenize::{Tokenizer, WordPieceOptions};
