//! The record of a stage; programs read its field names.

use fillrate::plan::config::Config;
use fillrate::plan::{Estimate, Gpu, Memory, Training};
use serde::Serialize;

/// A stage as it is, or as it is suggested.
#[derive(Clone, Debug, Serialize)]
pub(super) struct StageRecord {
    pub(super) name: String,
    pub(super) batch_size: u64,
    pub(super) accumulate_grad_batches: u64,
    pub(super) effective_batch: u64,
    /// Pairs drawn for an anchor, as the configuration says.
    pub(super) n_positives: Option<u64>,
    /// `None` where a row is one text.
    pub(super) n_negatives: Option<u64>,
    pub(super) memory: Memory,
    /// What the GPU must have free, as a share of its memory.
    pub(super) utilization: f64,
    /// The suggestion's name; `None` for the configuration as it stands.
    pub(super) suggestion: Option<String>,
    pub(super) max_length: u64,
    pub(super) precision: &'static str,
    pub(super) gradient_checkpointing: bool,
    /// The largest batch that fits; `None` if not even one row does.
    pub(super) largest_batch: Option<u64>,
    pub(super) allocated_bytes: u64,
    pub(super) reserved_bytes: u64,
    pub(super) required_bytes: u64,
    pub(super) required_low_bytes: u64,
    pub(super) required_high_bytes: u64,
    pub(super) budget_bytes: u64,
    /// `None` where the GPU's rates are unknown.
    pub(super) step_seconds: Option<f64>,
    pub(super) rows_per_second: Option<f64>,
    pub(super) warnings: Vec<String>,
}

/// A stage whose memory was estimated.
pub(super) struct Planned<'a> {
    /// The run that the stage is of.
    pub(super) training: &'a Training,
    /// Its index.
    pub(super) index: usize,
    pub(super) estimate: &'a Estimate,
    pub(super) largest_batch: Option<u64>,
    pub(super) suggestion: Option<String>,
    pub(super) warnings: Vec<String>,
}

impl StageRecord {
    /// The record of a stage of `config`, on `gpu`, of which `budget_bytes` may be taken.
    pub(super) fn new(planned: Planned<'_>, config: &Config, gpu: &Gpu, budget_bytes: u64) -> Self {
        let Planned { training, index, estimate, largest_batch, suggestion, warnings } = planned;
        let stage = &training.stages[index];
        let is_contrastive = stage.positives + stage.negatives > 0;
        let required_bytes = estimate.required_bytes();
        Self {
            name: stage.name.clone(),
            batch_size: stage.batch_size,
            accumulate_grad_batches: stage.accumulate,
            effective_batch: training.effective_batch(stage),
            n_positives: config
                .n_positives(index)
                .or_else(|| is_contrastive.then_some(stage.positives)),
            n_negatives: is_contrastive.then_some(stage.negatives),
            memory: estimate.memory,
            utilization: required_bytes as f64 / gpu.memory_bytes as f64,
            suggestion,
            max_length: stage.length,
            precision: training.precision.as_str(),
            gradient_checkpointing: training.checkpointing,
            largest_batch,
            allocated_bytes: estimate.allocated_bytes,
            reserved_bytes: estimate.reserved_bytes,
            required_bytes,
            required_low_bytes: estimate.interval.low_bytes,
            required_high_bytes: estimate.interval.high_bytes,
            budget_bytes,
            step_seconds: estimate.time.map(|time| time.seconds),
            rows_per_second: estimate.time.map(|time| time.rows_per_second),
            warnings,
        }
    }

    /// Whether it is within what may be taken.
    pub(super) fn fits(&self) -> bool {
        self.required_bytes <= self.budget_bytes
    }

    /// The parts of its memory by name, in the order of a bar. The segments that the allocator
    /// holds beyond its tensors are the last but one.
    pub(super) fn parts(&self) -> [(&'static str, u64); 8] {
        let memory = &self.memory;
        let slack = self.reserved_bytes.saturating_sub(memory.total_bytes);
        [
            ("parameters", memory.parameters_bytes),
            ("gradients", memory.gradients_bytes),
            ("optimizer", memory.optimizer_bytes),
            ("activations", memory.activations_bytes),
            ("batch", memory.batch_bytes),
            ("workspace", memory.workspace_bytes),
            ("allocator", slack),
            ("CUDA context", memory.context_bytes),
        ]
    }
}
