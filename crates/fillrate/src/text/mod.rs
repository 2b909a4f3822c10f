//! Text in, sentiment out.

pub mod batch;
mod columns;
mod embedded;
pub mod encoder;
pub mod evaluation;
mod fp8;
mod model;
mod packed;
pub mod registry;
mod routed;
mod sentiment;
mod table;
mod tokenize;
pub mod vader;

pub use columns::ScoreColumns;
pub use embedded::{EmbeddedFiles, NEWS_MINI};
pub use fp8::Fp8Check;
pub use model::{DeviceOptions, Model};
pub use packed::{Forward, PackedBatch};
pub use registry::{KnownModel, ModelDir, ModelSource, Registry};
pub use routed::{RoutedModel, RoutedOptions, Sense};
pub use sentiment::{Label, LabelMap, Probabilities, Sentiment};
pub use table::{ScoredChunk, ScoredChunks, score_table};
pub use tokenize::{Tokenizer, WordPieceOptions};
