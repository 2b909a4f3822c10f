//! Batches: from texts to answers at full speed, in input order, whatever fails on the way.
//!
//! - A [`Scorer`] answers texts, as a list, as a stream of any length in bounded memory, or
//!   through a [`ScoreQueue`] that a program fills item by item.
//! - It drives a [`Classifier`]: a [`PackedClassifier`] around an encoder
//!   ([`Forward`](super::Forward)) and its tokenizer ([`Tokenize`]), or a [`DirectClassifier`]
//!   around a model that reads single texts. A second classifier may stand in for texts on which
//!   the first one fails; such answers say so.
//! - [`BatchOptions`] say what for ([`Mode`]), how large ([`Budget`]) and how far ahead
//!   ([`LookAhead`]).
//!
//! The way of a text: `window → tokens → sorted by length → batch within the budget → answer in
//! its place`. The automatic budget starts small, doubles while the cost line
//! `duration = a·tokens + b` is unknown ([`CostLine`]), and is then the smallest one whose
//! overhead `b / (a·tokens + b)` is within the mode's bound, as far as memory allows.

mod budget;
mod classifier;
mod clock;
mod cost;
mod direct_classifier;
mod in_flight;
mod intake;
mod options;
mod packed_classifier;
mod packer;
mod queue;
mod schedule;
mod scorer;
mod statistics;
#[cfg(test)]
mod tests;
mod worker;

pub use budget::{BUDGET_TOKENS_MAX, BUDGET_TOKENS_MIN, Budget, Mode};
pub use classifier::{
    Answer, Answers, Classifier, ItemError, ItemResult, Pending, Provenance, StandIn,
};
pub use clock::{Clock, ManualClock, SystemClock};
pub use cost::CostLine;
pub use direct_classifier::DirectClassifier;
pub use intake::Tokenize;
pub use options::{BatchOptions, LookAhead};
pub use packed_classifier::PackedClassifier;
pub use queue::ScoreQueue;
pub use scorer::{ScoreIter, Scored, Scorer};
pub use statistics::Statistics;
