//! What a training run is to the planner: encoders, precision, optimizer, objective, stages.

use serde::{Deserialize, Serialize};

use super::lora::Lora;
use super::shapes::{Family, Shape};
use crate::{Error, Result};

/// The largest rows, tokens or counts that a run may ask for; it keeps every product of the planner
/// well inside 64 bits.
pub const COUNT_MAX: u64 = 1 << 20;

/// The most numbers that one tensor of a run may have: petabytes, which no sum of tensors takes past 64
/// bits.
const TENSOR_MAX: u128 = 1 << 46;

/// A training run of one or more encoders under PyTorch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Training {
    /// The encoders that each text passes through; at least one.
    pub encoders: Vec<Encoder>,
    /// A mixture of experts over the pooled vectors of a text, joined; `None` if there is none.
    pub moe: Option<Moe>,
    /// The types of parameters and products.
    pub precision: Precision,
    /// What the optimizer keeps.
    pub optimizer: Optimizer,
    /// Whether each layer keeps its input alone and is computed again in the backward pass.
    pub checkpointing: bool,
    /// How attention is computed.
    pub attention: Attention,
    /// When gradients are given back.
    pub zero_grad: ZeroGrad,
    /// Over how many GPUs, and what they share.
    pub parallel: Parallel,
    /// What is learned.
    pub objective: Objective,
    /// The stages in their order; at least one.
    pub stages: Vec<Stage>,
}

/// One encoder of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Encoder {
    /// The name that reports carry.
    pub name: String,
    /// Its sizes.
    pub shape: Shape,
    /// Which of its parameters are learned.
    pub trainable: Trainable,
    /// The probabilities of dropout; a mask is kept where one is above 0.
    pub dropout: Dropout,
    /// The encoder, by index and before this one, whose weights this one uses: it then adds
    /// activations and no parameters.
    pub shares_with: Option<usize>,
    /// How many sequences of each text pass through it, such as a title and a body: 1 for most.
    pub channels: u64,
}

/// Which parameters of an encoder are learned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trainable {
    /// All.
    All,
    /// None: nothing is kept for its backward pass.
    Frozen,
    /// Low-rank matrices beside frozen ones.
    Lora(Lora),
}

/// The probabilities of dropout, in [0, 1).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Dropout {
    /// Of embeddings and of what is added to the residual stream.
    pub hidden: f64,
    /// Of attention probabilities.
    pub attention: f64,
}

/// A mixture of experts: a gate over the joined vectors of a text, and two-layer experts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moe {
    /// The number of experts.
    pub experts: u64,
    /// How many of them a text passes through.
    pub active: u64,
    /// The width of an expert's inner layer.
    pub intermediate: u64,
    /// The width of the result: that of a projection after the experts. `None`: the input's width
    /// and no projection.
    pub output: Option<u64>,
}

/// The types of parameters and products.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// All in 32 bits.
    Fp32,
    /// 32-bit parameters, products in fp16 under autocast, with a loss scale.
    Fp16Mixed,
    /// 32-bit parameters, products in bf16 under autocast.
    Bf16Mixed,
    /// Parameters, gradients and optimizer state in bf16.
    Bf16,
    /// Parameters, gradients and optimizer state in fp16.
    Fp16,
}

/// What the optimizer keeps for each trainable parameter.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Optimizer {
    /// Two moments in the parameter's type; all parameters are updated in one pass, with a
    /// temporary the size of the parameters (`torch.optim.AdamW`'s `foreach`, its default on a GPU).
    AdamW,
    /// The same in one kernel without a temporary (`fused=True`).
    AdamWFused,
    /// Two moments in 8 bits with a scale for each block of 256 (bitsandbytes).
    AdamW8bit,
    /// A row and a column of second moments for each matrix.
    Adafactor,
    /// Gradient descent.
    Sgd {
        /// Whether a running mean of gradients is kept.
        momentum: bool,
    },
}

/// How attention is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Attention {
    /// Scores and probabilities are stored: memory grows with the square of the length.
    Eager,
    /// PyTorch's fused kernels (flash or memory-efficient), which store neither.
    Sdpa,
}

/// When gradients are given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ZeroGrad {
    /// After the optimizer's step, as Hugging Face's `Trainer` does.
    AfterStep,
    /// Between the forward and the backward pass, as Lightning does: the last step's gradients
    /// are there during the forward pass.
    BeforeBackward,
}

/// GPUs that work on one batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parallel {
    /// How many; each has `Stage::batch_size` rows.
    pub devices: u64,
    /// What they share.
    pub zero: Zero,
}

/// What data-parallel GPUs share. Each stage includes those before it.
///
/// Source: Rajbhandari et al., "ZeRO: Memory Optimizations Toward Training Trillion Parameter
/// Models" (2020), section 5.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Zero {
    /// Nothing: each holds all.
    Off,
    /// The optimizer's state.
    One,
    /// Gradients too.
    Two,
    /// Parameters too.
    Three,
}

/// What is learned.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Objective {
    /// Texts of a row are drawn together and others pushed apart.
    Contrastive {
        /// Whether the texts of other rows are negatives too: similarities then grow with the
        /// square of the batch, and the batch is part of the objective.
        shared_negatives: bool,
    },
    /// A class of each text.
    Classification {
        /// How many classes.
        labels: u64,
    },
    /// Hidden tokens from those around them: logits over the vocabulary for each token.
    MaskedLm,
}

/// One stage of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    /// The name that reports carry.
    pub name: String,
    /// Rows of one forward pass on one GPU.
    pub batch_size: u64,
    /// Forward passes for one step of the optimizer.
    pub accumulate: u64,
    /// Tokens of each sequence, padded: the longest that occurs is what counts.
    pub length: u64,
    /// Positives of a row that are encoded at once: 1 for the settled convention, in which
    /// `n_positives` says how many pairs are drawn. 0 unless the objective is contrastive.
    pub positives: u64,
    /// Negatives of a row that are encoded at once. 0 unless the objective is contrastive.
    pub negatives: u64,
}

impl Training {
    /// A run of one encoder in fp32 on one GPU with AdamW, all parameters trainable, without
    /// checkpointing, with fused attention: what a program that says nothing gets.
    #[must_use]
    pub fn new(encoder: Encoder, objective: Objective, stages: Vec<Stage>) -> Self {
        Self {
            encoders: vec![encoder],
            moe: None,
            precision: Precision::Fp32,
            optimizer: Optimizer::AdamW,
            checkpointing: false,
            attention: Attention::Sdpa,
            zero_grad: ZeroGrad::AfterStep,
            parallel: Parallel { devices: 1, zero: Zero::Off },
            objective,
            stages,
        }
    }

    /// Checks that every count is in its range and that the parts go together.
    ///
    /// # Errors
    ///
    /// [`Error::Argument`] with the field's name, if a count is 0 or above [`COUNT_MAX`], a length is
    /// above an encoder's positions, a probability is outside [0, 1), there is no encoder or stage,
    /// or `shares_with` does not name an earlier encoder of the same shape.
    pub fn check(&self) -> Result<()> {
        if self.encoders.is_empty() {
            return Err(fault("encoders", "there is none".into()));
        }
        if self.stages.is_empty() {
            return Err(fault("stages", "there is none".into()));
        }
        for index in 0..self.encoders.len() {
            self.check_encoder(index)?;
        }
        if let Some(moe) = self.moe {
            count("moe.experts", moe.experts)?;
            count("moe.intermediate", moe.intermediate)?;
            count("moe.output", moe.output.unwrap_or(1))?;
            if moe.active == 0 || moe.active > moe.experts {
                let message = format!("{} of {} experts", moe.active, moe.experts);
                return Err(fault("moe.active", message));
            }
        }
        if self.objective == Objective::MaskedLm && !self.is_single() {
            let message = "masked language models have one encoder, one channel and no experts";
            return Err(fault("encoders", message.into()));
        }
        count("parallel.devices", self.parallel.devices)?;
        if let Objective::Classification { labels } = self.objective {
            count("labels", labels)?;
        }
        self.stages.iter().try_for_each(|stage| self.check_stage(stage))
    }

    /// The stage at `index`.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub fn stage(&self, index: usize) -> Result<&Stage> {
        self.stages.get(index).ok_or_else(|| {
            fault("stage", format!("there is no stage {index}: there are {}", self.stages.len()))
        })
    }

    /// Rows that one step of the optimizer sees, over all GPUs.
    #[must_use]
    pub fn effective_batch(&self, stage: &Stage) -> u64 {
        stage.batch_size * stage.accumulate * self.parallel.devices
    }

    /// Whether it is one encoder without experts, for which transformers has heads.
    pub(super) fn is_single(&self) -> bool {
        let is_one = self.encoders.len() == 1 && self.encoders[0].channels == 1;
        is_one && self.moe.is_none()
    }

    /// Whether the class of transformers that is trained has a pooler, used or not.
    pub(super) fn has_pooler(&self, family: Family) -> bool {
        match (self.objective, family) {
            (Objective::MaskedLm, _) => false,
            (Objective::Classification { .. }, Family::Bert) => true,
            (Objective::Classification { .. }, _) if self.is_single() => false,
            _ => matches!(family, Family::Bert | Family::Roberta | Family::Mpnet),
        }
    }

    fn check_encoder(&self, index: usize) -> Result<()> {
        let encoder = &self.encoders[index];
        encoder.shape.check()?;
        count("channels", encoder.channels)?;
        for (name, p) in [
            ("dropout.hidden", encoder.dropout.hidden),
            ("dropout.attention", encoder.dropout.attention),
        ] {
            if !(0.0..1.0).contains(&p) {
                return Err(fault(name, format!("{p} is not in [0, 1)")));
            }
        }
        if self.checkpointing && !encoder.shape.family.has_checkpointing() {
            let message = format!("transformers has none for `{}`", encoder.name);
            return Err(fault("checkpointing", message));
        }
        if let Trainable::Lora(lora) = &encoder.trainable {
            lora.check(&encoder.shape)?;
        }
        let Some(owner) = encoder.shares_with else { return Ok(()) };
        match self.encoders[..index].get(owner) {
            None => Err(fault("shares_with", format!("{owner} is not an earlier encoder"))),
            Some(other) if other.shape != encoder.shape => {
                Err(fault("shares_with", format!("encoder {owner} has another shape")))
            }
            Some(_) => Ok(()),
        }
    }

    fn check_stage(&self, stage: &Stage) -> Result<()> {
        count("batch_size", stage.batch_size)?;
        count("accumulate", stage.accumulate)?;
        count("length", stage.length)?;
        if stage.positives > COUNT_MAX || stage.negatives > COUNT_MAX {
            return Err(fault("negatives", format!("more than {COUNT_MAX}")));
        }
        let is_contrastive = matches!(self.objective, Objective::Contrastive { .. });
        if !is_contrastive && stage.texts_per_row() > 1 {
            let message = "positives and negatives are of contrastive objectives alone";
            return Err(fault("negatives", message.into()));
        }
        for encoder in &self.encoders {
            let longest = encoder.shape.max_length();
            if stage.length > longest {
                let message = format!(
                    "stage `{}` asks for {} tokens; `{}` has positions for {longest}",
                    stage.name, stage.length, encoder.name
                );
                return Err(fault("length", message));
            }
        }
        let largest = self.largest_tensor(stage);
        if largest > TENSOR_MAX {
            let message = format!("stage `{}` has a tensor of {largest} numbers", stage.name);
            return Err(fault("batch_size", message));
        }
        Ok(())
    }

    /// At least the numbers in the largest tensor of a stage.
    fn largest_tensor(&self, stage: &Stage) -> u128 {
        let wide = u128::from;
        let rows = wide(stage.batch_size);
        let similarities = rows * rows * wide(stage.texts_per_row());
        let of_encoder = |encoder: &Encoder| {
            let shape = &encoder.shape;
            let tokens = wide(stage.sequences()) * wide(encoder.channels) * wide(stage.length);
            let scores = wide(shape.heads) * wide(stage.length.max(2 * shape.relative_positions));
            tokens * scores.max(wide(shape.vocabulary)).max(wide(3 * shape.intermediate))
        };
        self.encoders.iter().map(of_encoder).max().unwrap_or(0).max(similarities)
    }
}

impl Encoder {
    /// An encoder of which all parameters are trained, with its shape's own dropout, one channel.
    #[must_use]
    pub fn new(name: impl Into<String>, shape: Shape) -> Self {
        Self {
            name: name.into(),
            dropout: shape.dropout,
            shape,
            trainable: Trainable::All,
            shares_with: None,
            channels: 1,
        }
    }
}

impl Stage {
    /// A stage of `batch_size` rows of one sequence of `length` tokens, without accumulation.
    #[must_use]
    pub fn new(name: impl Into<String>, batch_size: u64, length: u64) -> Self {
        let name = name.into();
        Self { name, batch_size, accumulate: 1, length, positives: 0, negatives: 0 }
    }

    /// Texts of one row: the anchor (or the only text), its positives and its negatives.
    #[must_use]
    pub fn texts_per_row(&self) -> u64 {
        1 + self.positives + self.negatives
    }

    /// Sequences that an encoder of one channel takes at once: rows × (1 + positives + negatives).
    #[must_use]
    pub fn sequences(&self) -> u64 {
        self.batch_size * self.texts_per_row()
    }
}

impl Precision {
    /// Every precision.
    pub const ALL: [Self; 5] =
        [Self::Fp32, Self::Fp16Mixed, Self::Bf16Mixed, Self::Bf16, Self::Fp16];

    /// The name: `32-true`, `16-mixed`, `bf16-mixed`, `bf16-true` or `16-true`, as Lightning's.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fp32 => "32-true",
            Self::Fp16Mixed => "16-mixed",
            Self::Bf16Mixed => "bf16-mixed",
            Self::Bf16 => "bf16-true",
            Self::Fp16 => "16-true",
        }
    }

    /// Whether products are computed under autocast in another type than the parameters'.
    #[must_use]
    pub const fn is_mixed(self) -> bool {
        matches!(self, Self::Fp16Mixed | Self::Bf16Mixed)
    }

    /// Bytes of a parameter, its gradient and each moment.
    #[must_use]
    pub const fn parameter_bytes(self) -> u64 {
        if matches!(self, Self::Bf16 | Self::Fp16) { 2 } else { 4 }
    }

    /// Bytes of a number that goes into or comes out of a product.
    #[must_use]
    pub const fn product_bytes(self) -> u64 {
        if matches!(self, Self::Fp32) { 4 } else { 2 }
    }
}

impl Optimizer {
    /// The name that reports carry.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AdamW => "adamw",
            Self::AdamWFused => "adamw_fused",
            Self::AdamW8bit => "adamw_8bit",
            Self::Adafactor => "adafactor",
            Self::Sgd { momentum: true } => "sgd_momentum",
            Self::Sgd { momentum: false } => "sgd",
        }
    }
}

/// A refusal of the field `name`.
pub(super) fn fault(name: &'static str, message: String) -> Error {
    Error::Argument { name, message }
}

/// That a count is in 1..=[`COUNT_MAX`].
pub(super) fn count(name: &'static str, value: u64) -> Result<()> {
    if (1..=COUNT_MAX).contains(&value) {
        return Ok(());
    }
    Err(fault(name, format!("{value} is not in 1..={COUNT_MAX}")))
}
