//! Low-rank adapters: which matrices get one, and what each adds.

use serde::{Deserialize, Serialize};

use super::shapes::{Family, Shape};
use super::training::{count, fault};
use crate::Result;

/// Low-rank adapters beside frozen matrices: y = W x + (α/r) B A dropout(x), A of `[rank, in]` and B of
/// `[out, rank]`, in 32 bits.
///
/// Source: Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models" (2021), section 4.1; the
/// `peft` library keeps adapters in 32 bits (`autocast_adapter_dtype`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lora {
    /// The rank of the product B A.
    pub rank: u64,
    /// The matrices of each layer that get an adapter, without repetition.
    pub targets: Vec<Target>,
    /// The probability of dropout before A, in [0, 1).
    pub dropout: f64,
}

/// A matrix of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// The queries' projection; where one matrix makes queries, keys and values (ModernBERT), that.
    Query,
    /// The keys' projection.
    Key,
    /// The values' projection.
    Value,
    /// The projection of attention's result.
    AttentionOutput,
    /// The first matrix of the feed-forward network (ModernBERT: the gate is part of it).
    Intermediate,
    /// The second matrix of the feed-forward network.
    Output,
}

impl Target {
    /// Every target, in the order of the forward pass.
    pub const ALL: [Self; 6] = [
        Self::Query,
        Self::Key,
        Self::Value,
        Self::AttentionOutput,
        Self::Intermediate,
        Self::Output,
    ];

    /// The matrices of `family` that `peft`'s target `name` stands for, such as `query`, `q_lin`,
    /// `output.dense` or `all-linear`: those whose module's path ends with it. Empty if there is none.
    #[must_use]
    pub fn named(family: Family, name: &str) -> Vec<Self> {
        if name == "all-linear" {
            return Self::ALL.into_iter().filter(|target| target.path(family).is_some()).collect();
        }
        let ends = |path: &str| {
            path == name || path.strip_suffix(name).is_some_and(|rest| rest.ends_with('.'))
        };
        Self::ALL.into_iter().filter(|target| target.path(family).is_some_and(ends)).collect()
    }

    /// The path of the matrix's module within a layer of `family`, as `transformers` names it;
    /// `None` where the family has no such matrix.
    #[must_use]
    pub const fn path(self, family: Family) -> Option<&'static str> {
        Some(match (family, self) {
            (Family::Bert | Family::Roberta, Self::Query) => "attention.self.query",
            (Family::Bert | Family::Roberta, Self::Key) => "attention.self.key",
            (Family::Bert | Family::Roberta, Self::Value) => "attention.self.value",
            (Family::DistilBert, Self::Query) => "attention.q_lin",
            (Family::DistilBert, Self::Key) => "attention.k_lin",
            (Family::DistilBert, Self::Value) => "attention.v_lin",
            (Family::DistilBert, Self::AttentionOutput) => "attention.out_lin",
            (Family::DistilBert, Self::Intermediate) => "ffn.lin1",
            (Family::DistilBert, Self::Output) => "ffn.lin2",
            (Family::Mpnet, Self::Query) => "attention.attn.q",
            (Family::Mpnet, Self::Key) => "attention.attn.k",
            (Family::Mpnet, Self::Value) => "attention.attn.v",
            (Family::Mpnet, Self::AttentionOutput) => "attention.attn.o",
            (Family::DebertaV2, Self::Query) => "attention.self.query_proj",
            (Family::DebertaV2, Self::Key) => "attention.self.key_proj",
            (Family::DebertaV2, Self::Value) => "attention.self.value_proj",
            (Family::ModernBert, Self::Query) => "attn.Wqkv",
            (Family::ModernBert, Self::Key | Self::Value) => return None,
            (Family::ModernBert, Self::AttentionOutput) => "attn.Wo",
            (Family::ModernBert, Self::Intermediate) => "mlp.Wi",
            (Family::ModernBert, Self::Output) => "mlp.Wo",
            (_, Self::AttentionOutput) => "attention.output.dense",
            (_, Self::Intermediate) => "intermediate.dense",
            (_, Self::Output) => "output.dense",
        })
    }
}

impl Lora {
    /// That the rank is a count and each target is a matrix of the shape's family, named once.
    pub(super) fn check(&self, shape: &Shape) -> Result<()> {
        count("lora.rank", self.rank)?;
        if !(0.0..1.0).contains(&self.dropout) {
            return Err(fault("lora.dropout", format!("{} is not in [0, 1)", self.dropout)));
        }
        if self.targets.is_empty() {
            return Err(fault("lora.targets", "there is none".into()));
        }
        for (index, target) in self.targets.iter().enumerate() {
            if target.path(shape.family).is_none() {
                let message = format!("{:?} has no matrix {target:?}", shape.family);
                return Err(fault("lora.targets", message));
            }
            if self.targets[..index].contains(target) {
                return Err(fault("lora.targets", format!("{target:?} is named twice")));
            }
        }
        Ok(())
    }
}
