//! What an estimate says: bytes by category, two peaks, an interval, and where each figure is from.

use serde::Serialize;

/// Bytes by category, at the moment of the peak.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Memory {
    /// Parameters, frozen and trainable, and buffers.
    pub parameters_bytes: u64,
    /// Gradients that exist at that moment.
    pub gradients_bytes: u64,
    /// What the optimizer keeps.
    pub optimizer_bytes: u64,
    /// What the backward pass still needs, and the gradients of activations: layers, embeddings,
    /// heads, similarities, logits and the loss.
    pub activations_bytes: u64,
    /// Token ids and masks of the batch.
    pub batch_bytes: u64,
    /// What an operation needs while it runs: copies of weights in 16 bits, cuBLAS's workspace, an
    /// optimizer's temporaries.
    pub workspace_bytes: u64,
    /// The CUDA context, which no allocator sees.
    pub context_bytes: u64,
    /// The sum of the above but for the context.
    pub total_bytes: u64,
}

/// The moment of a step at which most is allocated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Moment {
    /// The forward pass or the loss.
    Forward,
    /// The backward pass.
    Backward,
    /// The optimizer's step.
    Step,
}

/// Figures between which a measurement is expected, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Interval {
    /// The lower.
    pub low_bytes: u64,
    /// The higher.
    pub high_bytes: u64,
}

/// A line of an explanation: one category's part.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Line {
    /// The category: a field of [`Memory`] without `_bytes`.
    pub category: &'static str,
    /// What it is, such as `attention probabilities, 6 layers`.
    pub what: String,
    /// The formula with its numbers.
    pub formula: String,
    /// Where the formula is from.
    pub source: &'static str,
    /// Its bytes at the peak.
    pub bytes: u64,
}

/// How long a step takes, from the maker's rates.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct StepTime {
    /// The floating-point operations of one step over all accumulated passes, on one GPU.
    pub flops: f64,
    /// The bytes that one step moves to and from memory, on one GPU.
    pub moved_bytes: f64,
    /// Seconds for a step.
    pub seconds: f64,
    /// Rows a second, over all GPUs.
    pub rows_per_second: f64,
    /// The share of the peak rate of products that the step reaches, in [0, 1].
    pub utilization: f64,
}

/// What a stage of a run takes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Estimate {
    /// The stage's name.
    pub stage: String,
    /// Its bytes by category at the peak of what tensors hold.
    pub memory: Memory,
    /// When that is.
    pub moment: Moment,
    /// The peak of `torch.cuda.max_memory_allocated`: the tensors' bytes in the allocator's rounding.
    pub allocated_bytes: u64,
    /// The peak of `torch.cuda.max_memory_reserved`: the segments that hold them.
    pub reserved_bytes: u64,
    /// Where the reserved peak and the context are expected together.
    pub interval: Interval,
    /// Its parameters that are learned.
    pub trainable_parameters: u64,
    /// Its parameters that are not.
    pub frozen_parameters: u64,
    /// How long a step takes; `None` where the GPU's rates are unknown.
    pub time: Option<StepTime>,
    /// Where each figure is from.
    pub lines: Vec<Line>,
}

impl Estimate {
    /// What the GPU must have free: the reserved peak and the context.
    #[must_use]
    pub fn required_bytes(&self) -> u64 {
        self.reserved_bytes + self.memory.context_bytes
    }

    /// The lines of an explanation, the largest category first.
    #[must_use]
    pub fn explain(&self) -> &[Line] {
        &self.lines
    }
}
