//! What the planner needs to know of a run, by the names that a map and `--set` use.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// A thing that a configuration says of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// The encoder: a known name, or a folder with `config.json`.
    Model,
    /// Rows of one forward pass on one GPU.
    BatchSize,
    /// Forward passes for one step of the optimizer.
    AccumulateGradBatches,
    /// Tokens of the longest sequence.
    MaxLength,
    /// Positives of a row that are encoded at once.
    Positives,
    /// Pairs that are drawn for an anchor; they are encoded one at a time.
    NPositives,
    /// Negatives of a row.
    NNegatives,
    /// The types of parameters and products.
    Precision,
    /// The optimizer.
    Optimizer,
    /// Whether layers are computed again in the backward pass.
    GradientCheckpointing,
    /// How attention is computed.
    Attention,
    /// Sequences of each text.
    Channels,
    /// What is learned.
    Objective,
    /// Whether the texts of other rows are negatives too.
    SharedNegatives,
    /// Classes, for a classifier.
    Labels,
    /// Whether the encoder itself is not trained.
    Frozen,
    /// The rank of low-rank adapters.
    LoraRank,
    /// The matrices that get one.
    LoraTargets,
    /// Dropout before an adapter.
    LoraDropout,
    /// The experts of a mixture.
    MoeExperts,
    /// Those that a text passes through.
    MoeActive,
    /// The width of an expert's inner layer.
    MoeIntermediate,
    /// The width of the mixture's result.
    MoeOutput,
    /// GPUs that work on one batch.
    Devices,
    /// The stage of `ZeRO`, 0 to 3.
    Zero,
    /// When gradients are given back.
    ZeroGrad,
}

impl Field {
    /// Every field.
    pub const ALL: [Self; 26] = [
        Self::Model,
        Self::BatchSize,
        Self::AccumulateGradBatches,
        Self::MaxLength,
        Self::Positives,
        Self::NPositives,
        Self::NNegatives,
        Self::Precision,
        Self::Optimizer,
        Self::GradientCheckpointing,
        Self::Attention,
        Self::Channels,
        Self::Objective,
        Self::SharedNegatives,
        Self::Labels,
        Self::Frozen,
        Self::LoraRank,
        Self::LoraTargets,
        Self::LoraDropout,
        Self::MoeExperts,
        Self::MoeActive,
        Self::MoeIntermediate,
        Self::MoeOutput,
        Self::Devices,
        Self::Zero,
        Self::ZeroGrad,
    ];

    /// The name in maps, flags and reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::BatchSize => "batch_size",
            Self::AccumulateGradBatches => "accumulate_grad_batches",
            Self::MaxLength => "max_length",
            Self::Positives => "positives",
            Self::NPositives => "n_positives",
            Self::NNegatives => "n_negatives",
            Self::Precision => "precision",
            Self::Optimizer => "optimizer",
            Self::GradientCheckpointing => "gradient_checkpointing",
            Self::Attention => "attention",
            Self::Channels => "channels",
            Self::Objective => "objective",
            Self::SharedNegatives => "shared_negatives",
            Self::Labels => "labels",
            Self::Frozen => "frozen",
            Self::LoraRank => "lora_rank",
            Self::LoraTargets => "lora_targets",
            Self::LoraDropout => "lora_dropout",
            Self::MoeExperts => "moe_experts",
            Self::MoeActive => "moe_active",
            Self::MoeIntermediate => "moe_intermediate",
            Self::MoeOutput => "moe_output",
            Self::Devices => "devices",
            Self::Zero => "zero",
            Self::ZeroGrad => "zero_grad",
        }
    }

    /// What it is, for a message that asks for it.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Model => "the encoder, a known name or a folder with config.json",
            Self::BatchSize => "the rows of one forward pass on one GPU",
            Self::AccumulateGradBatches => "the forward passes of one optimizer step",
            Self::MaxLength => "the tokens of the longest sequence",
            Self::Positives => "the positives of a row that are encoded at once",
            Self::NPositives => "the pairs drawn for an anchor",
            Self::NNegatives => "the negatives of a row",
            Self::Precision => "32-true, 16-mixed, bf16-mixed, bf16-true or 16-true",
            Self::Optimizer => "adamw, adamw_fused, adamw_8bit, adafactor, sgd or sgd_momentum",
            Self::GradientCheckpointing => "true or false",
            Self::Attention => "eager or sdpa",
            Self::Channels => "the sequences of each text",
            Self::Objective => "contrastive, classification or mlm",
            Self::SharedNegatives => "whether other rows' texts are negatives, true or false",
            Self::Labels => "the classes of a classifier",
            Self::Frozen => "whether the encoder is not trained, true or false",
            Self::LoraRank => "the rank of the adapters",
            Self::LoraTargets => "the adapted matrices, with commas between",
            Self::LoraDropout => "the adapters' dropout, from 0 up to 1",
            Self::MoeExperts => "the experts of the mixture",
            Self::MoeActive => "the experts that a text passes through",
            Self::MoeIntermediate => "the width of an expert's inner layer",
            Self::MoeOutput => "the width of the mixture's result",
            Self::Devices => "the GPUs that work on one batch",
            Self::Zero => "the stage of ZeRO, 0 to 3",
            Self::ZeroGrad => "after_step or before_backward",
        }
    }

    /// The field of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.as_str() == name)
    }

    /// Whether stages may differ in it.
    #[must_use]
    pub const fn is_of_stage(self) -> bool {
        matches!(
            self,
            Self::BatchSize
                | Self::AccumulateGradBatches
                | Self::MaxLength
                | Self::Positives
                | Self::NPositives
                | Self::NNegatives
        )
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Field {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl FromStr for Field {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::named(name).ok_or_else(|| {
            let near = nearest(name, Self::ALL.into_iter().map(Self::as_str), SLIPS_MAX);
            let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            format!("unknown field `{name}`{near}")
        })
    }
}

/// Slips of the pen that are forgiven where something is missing anyway.
pub(super) const SLIPS_MAX: usize = 2;

/// The name among `known` that `name` is most likely a slip of the pen of.
pub(super) fn nearest<'a>(
    name: &str,
    known: impl Iterator<Item = &'a str>,
    slips_max: usize,
) -> Option<&'a str> {
    known
        .map(|known| (strsim::damerau_levenshtein(name, known), known))
        .filter(|(slips, known)| *slips <= slips_max && *slips < known.len() / 2)
        .min_by_key(|(slips, _)| *slips)
        .map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_to_their_fields() {
        for field in Field::ALL {
            assert_eq!(field.as_str().parse(), Ok(field));
        }
        let error = "bach_size".parse::<Field>().unwrap_err();
        assert_eq!(error, "unknown field `bach_size`; did you mean `batch_size`?");
        assert_eq!("zzz".parse::<Field>().unwrap_err(), "unknown field `zzz`");
    }
}
