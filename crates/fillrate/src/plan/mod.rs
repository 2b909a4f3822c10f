//! Training memory: what fits on a GPU, where every byte goes, and how long a step takes.
//!
//! A [`Training`] says what is trained and how; [`estimate`] what a stage of it takes on a [`Gpu`];
//! [`largest_batch`] and [`suggest`] what fits; [`advise`] what should be known of it; [`check`] sets
//! estimates beside PyTorch. [`config`] reads a run from a configuration that somebody has, and
//! [`edit`] writes better settings into it.
//!
//! ```
//! use fillrate::plan::{
//!     Encoder, Gpu, Margin, Objective, Precision, Shape, Stage, Training, largest_batch,
//! };
//!
//! let mut training = Training::new(
//!     Encoder::new("encoder", Shape::named("all-MiniLM-L6-v2").unwrap()),
//!     Objective::Contrastive { shared_negatives: true },
//!     vec![Stage { positives: 1, negatives: 4, ..Stage::new("stage", 8, 128) }],
//! );
//! let gpu = Gpu::named("rtx-4090")?;
//! let plain = largest_batch(&training, 0, &gpu, &Margin::default())?.batch_size();
//! training.precision = Precision::Bf16Mixed;
//! training.checkpointing = true;
//! let less = largest_batch(&training, 0, &gpu, &Margin::default())?.batch_size();
//! assert!(less > 2 * plain);
//! # Ok::<(), fillrate::Error>(())
//! ```
//!
//! # How
//!
//! Nothing is fitted. The encoder's operations run on sizes alone, as PyTorch's autograd would run
//! them: each allocates its result and keeps what its derivative needs, under the rules of autocast;
//! the backward pass goes through the formulas in the engine's order; the optimizer takes its step. The
//! sequence of allocations and releases is then replayed by a copy of PyTorch's caching allocator. The
//! forward passes are those of `transformers` 5; batches are taken to have padding, so masks are
//! there.
//!
//! What is not known without a GPU: the CUDA context, which is a round figure with a wide interval, and
//! workspaces inside kernels. Times are from the makers' rates and round shares of them.

mod allocator;
pub mod check;
pub mod config;
pub mod document;
pub mod edit;
mod estimate;
mod gpu;
mod head;
mod lora;
mod memory;
mod model;
mod optimizer;
mod remedy;
mod run;
mod search;
mod shapes;
mod suggest;
mod tape;
mod time;
mod training;

#[cfg(test)]
mod check_tests;
#[cfg(test)]
mod tests;

pub use self::estimate::{estimate, watched_peak_bytes};
pub use self::gpu::{Gpu, Margin};
pub use self::lora::{Lora, Target};
pub use self::memory::{Estimate, Interval, Line, Memory, Moment, StepTime};
pub use self::remedy::{CachedGradients, Remedy, TooBig, Warning, advise};
pub use self::search::{LargestBatch, largest_batch};
pub use self::shapes::{Family, Shape};
pub use self::suggest::{Axes, StagePlan, SuggestOptions, Suggestion, suggest};
pub use self::training::{
    Attention, COUNT_MAX, Dropout, Encoder, Moe, Objective, Optimizer, Parallel, Precision, Stage,
    Trainable, Training, Zero, ZeroGrad,
};
