//! The words that training programs have for the planner's choices.

use crate::plan::{Attention, Optimizer, Precision, Zero, ZeroGrad};

/// A precision by Lightning's names (old and new), PyTorch's types or Hugging Face's words.
///
/// Source: Lightning, `Trainer(precision=…)`: `16` and `bf16` are the mixed kinds.
pub(super) fn precision(word: &str) -> Option<Precision> {
    Some(match word.trim().to_ascii_lowercase().as_str() {
        "32" | "32-true" | "fp32" | "float32" | "float" | "no" => Precision::Fp32,
        "16" | "16-mixed" | "fp16" | "fp16-mixed" | "float16" | "half" => Precision::Fp16Mixed,
        "bf16" | "bf16-mixed" | "bfloat16" => Precision::Bf16Mixed,
        "bf16-true" => Precision::Bf16,
        "16-true" | "fp16-true" => Precision::Fp16,
        _ => return None,
    })
}

/// An optimizer by its class, Hugging Face's `optim` or our own name.
///
/// Source: `transformers.training_args.OptimizerNames`; `torch.optim`.
pub(super) fn optimizer(word: &str) -> Option<Optimizer> {
    let word = word.trim().to_ascii_lowercase();
    // A class is named with its module: `torch.optim.AdamW`, `bitsandbytes.optim.AdamW8bit`.
    let name = word.rsplit('.').next().unwrap_or(&word).replace('-', "_");
    Some(match name.as_str() {
        "adamw" | "adam" | "adamw_torch" | "adamw_hf" => Optimizer::AdamW,
        "adamw_fused" | "adamw_torch_fused" | "fusedadam" => Optimizer::AdamWFused,
        "adamw_8bit" | "adamw8bit" | "adam8bit" | "adamw_bnb_8bit" => Optimizer::AdamW8bit,
        "adafactor" => Optimizer::Adafactor,
        "sgd" => Optimizer::Sgd { momentum: false },
        "sgd_momentum" => Optimizer::Sgd { momentum: true },
        _ => return None,
    })
}

/// A way to compute attention, in `transformers`' words.
pub(super) fn attention(word: &str) -> Option<Attention> {
    Some(match word.trim().to_ascii_lowercase().as_str() {
        "eager" => Attention::Eager,
        "sdpa" | "flash_attention_2" | "flash_attention_3" | "flash" | "mem_efficient" => {
            Attention::Sdpa
        }
        _ => return None,
    })
}

/// What GPUs share, by a number or a strategy's name in Lightning.
pub(super) fn zero(word: &str) -> Option<Zero> {
    let word = word.trim().to_ascii_lowercase();
    Some(match word.as_str() {
        "0" | "auto" | "ddp" | "dp" | "single_device" | "none" => Zero::Off,
        "1" => Zero::One,
        // Lightning's plain name is stage 2.
        "2" | "deepspeed" => Zero::Two,
        "3" | "fsdp" => Zero::Three,
        other if other.starts_with("ddp_") => Zero::Off,
        other => match other.strip_prefix("deepspeed_stage_")?.split('_').next()? {
            "1" => Zero::One,
            "2" => Zero::Two,
            "3" => Zero::Three,
            _ => return None,
        },
    })
}

/// When gradients are given back.
pub(super) fn zero_grad(word: &str) -> Option<ZeroGrad> {
    match word {
        "after_step" => Some(ZeroGrad::AfterStep),
        "before_backward" => Some(ZeroGrad::BeforeBackward),
        _ => None,
    }
}

/// True or false, as YAML's readers and people write it.
pub(super) fn truth(word: &str) -> Option<bool> {
    match word.trim().to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" => Some(true),
        "false" | "no" | "off" | "0" => Some(false),
        _ => None,
    }
}

/// What is learned, without its numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Task {
    Contrastive,
    Classification,
    MaskedLm,
}

/// A task by our words, others' words, or the class of a model in `config.json`.
pub(super) fn task(word: &str) -> Option<Task> {
    let word = word.trim().to_ascii_lowercase();
    Some(match word.as_str() {
        "contrastive" | "triplet" | "retrieval" | "embedding" => Task::Contrastive,
        "classification" | "sequence-classification" | "text-classification" => {
            Task::Classification
        }
        "mlm" | "masked-lm" | "masked_lm" | "fill-mask" => Task::MaskedLm,
        class if class.ends_with("forsequenceclassification") => Task::Classification,
        class if class.ends_with("formaskedlm") => Task::MaskedLm,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_several_programs_mean_the_same() {
        for word in ["16", "16-mixed", "fp16"] {
            assert_eq!(precision(word), Some(Precision::Fp16Mixed));
        }
        for known in Precision::ALL {
            assert_eq!(precision(known.as_str()), Some(known));
        }
        assert_eq!(precision("64-true"), None);
        for (word, expected) in [
            ("torch.optim.AdamW", Optimizer::AdamW),
            ("adamw_torch_fused", Optimizer::AdamWFused),
            ("bitsandbytes.optim.AdamW8bit", Optimizer::AdamW8bit),
        ] {
            assert_eq!(optimizer(word), Some(expected));
            assert_eq!(optimizer(expected.as_str()), Some(expected));
        }
        assert_eq!(optimizer("lion"), None);
        for (word, expected) in [
            ("ddp_find_unused_parameters_true", Some(Zero::Off)),
            ("deepspeed_stage_2_offload", Some(Zero::Two)),
            ("fsdp", Some(Zero::Three)),
            ("horovod", None),
        ] {
            assert_eq!(zero(word), expected, "{word}");
        }
        assert_eq!(task("BertForMaskedLM"), Some(Task::MaskedLm));
        assert_eq!(task("BertModel"), None);
    }
}
