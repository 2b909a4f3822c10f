//! What is known of GPUs by name, and the settings that follow from it.
//!
//! A GPU that is not in the list gets its settings from what its driver says of it. The figures are
//! the makers' peaks, which no program reaches: they rank GPUs and bound what to expect, and no
//! measurement is replaced by them.

mod settings;
mod table;

use serde::Serialize;

pub use self::settings::{GpuPrecision, GpuSettings};
use self::table::GPUS;
use crate::probe::{Gpu, Version};

/// A GPU as its maker describes it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct GpuModel {
    /// Its name here.
    pub name: &'static str,
    /// Words that stand in this order in the name the driver gives it.
    #[serde(skip)]
    words: &'static [&'static str],
    /// Memory, in GiB as sold.
    pub memory_gib: u32,
    /// Memory bandwidth, in GB/s (10⁹).
    pub bandwidth_gb_s: f64,
    /// The compute capability.
    pub compute_capability: Version,
    /// Peak rates.
    pub peak: Peak,
    /// Where the figures are from.
    pub source: &'static str,
}

/// Peak rates in TFLOP/s or TOP/s (10¹²) without sparsity; matrix products accumulate in 32 bits.
/// `None` where the matrix units do not take the type.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Peak {
    /// 32-bit floats outside the matrix units.
    pub fp32: f64,
    /// 32-bit floats rounded to 19 bits.
    pub tf32: Option<f64>,
    /// 16-bit floats.
    pub fp16: f64,
    /// 16-bit brain floats.
    pub bf16: Option<f64>,
    /// 8-bit floats.
    pub fp8: Option<f64>,
    /// 8-bit integers.
    pub int8: Option<f64>,
}

/// A GPU's memory differs from what is sold by what the driver and error correction take: this much
/// of it at most.
const MEMORY_TOLERANCE: f64 = 0.12;

/// Words that make another GPU of a name.
const OTHER_MODELS: [&str; 8] = ["ti", "super", "d", "laptop", "mobile", "max", "nvl", "mig"];

impl GpuModel {
    /// All that are known.
    #[must_use]
    pub fn all() -> &'static [Self] {
        &GPUS
    }

    /// The model of a GPU, if its name and its memory are those of one that is known. A part of a
    /// divided GPU is none.
    #[must_use]
    pub fn of(gpu: &Gpu) -> Option<&'static Self> {
        let name = gpu.name.as_deref()?.to_ascii_lowercase();
        let words: Vec<&str> = name.split(|c: char| !c.is_alphanumeric()).collect();
        GPUS.iter().find(|model| {
            model.is_named(&words) && gpu.memory_total_bytes.is_none_or(|bytes| model.has(bytes))
        })
    }

    /// The settings that follow.
    #[must_use]
    pub fn settings(&self) -> GpuSettings {
        let bytes = u64::from(self.memory_gib) << 30;
        GpuSettings::derive(Some(self.compute_capability), Some(bytes), Some(self))
    }

    fn is_named(&self, words: &[&str]) -> bool {
        let mut rest = words.iter();
        let is_named = self.words.iter().all(|word| rest.any(|found| found == word));
        is_named && !rest.any(|found| OTHER_MODELS.contains(found))
    }

    fn has(&self, bytes: u64) -> bool {
        let sold = (u64::from(self.memory_gib) << 30) as f64;
        (bytes as f64 / sold - 1.0).abs() <= MEMORY_TOLERANCE
    }
}

/// The settings for a GPU: of its model if that is known, else from its capability and memory.
#[must_use]
pub fn settings_for(gpu: &Gpu) -> GpuSettings {
    GpuSettings::derive(gpu.compute_capability, gpu.memory_total_bytes, GpuModel::of(gpu))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gpu(name: &str, memory_gib: f64) -> Gpu {
        let bytes = (memory_gib * (1_u64 << 30) as f64) as u64;
        Gpu { name: Some(name.to_owned()), memory_total_bytes: Some(bytes), ..Gpu::default() }
    }

    #[test]
    fn drivers_names_are_known() {
        // As `nvidia-smi` prints them, with what it says of the memory in GiB.
        let known = [
            ("Tesla V100-SXM2-16GB", 16.0, "V100 SXM2 16 GB"),
            ("Tesla V100-SXM2-32GB", 32.0, "V100 SXM2 32 GB"),
            ("Tesla V100-PCIE-16GB", 15.77, "V100 PCIe 16 GB"),
            ("Tesla V100-PCIE-32GB", 31.75, "V100 PCIe 32 GB"),
            ("NVIDIA GeForce RTX 3050", 6.0, "RTX 3050 6 GB"),
            ("NVIDIA GeForce RTX 3090", 24.0, "RTX 3090"),
            ("NVIDIA GeForce RTX 4090", 23.99, "RTX 4090"),
            ("NVIDIA RTX A6000", 47.99, "RTX A6000"),
            ("Quadro RTX 6000", 23.65, "Quadro RTX 6000"),
            ("NVIDIA A10", 22.49, "A10"),
            ("NVIDIA L4", 22.49, "L4"),
            ("NVIDIA L40S", 44.99, "L40S"),
            ("NVIDIA A100-SXM4-40GB", 40.0, "A100 SXM 40 GB"),
            ("A100-PCIE-40GB", 39.59, "A100 PCIe 40 GB"),
            ("NVIDIA A100-SXM4-80GB", 80.0, "A100 SXM 80 GB"),
            ("NVIDIA A100 80GB PCIe", 80.0, "A100 PCIe 80 GB"),
            ("NVIDIA H100 80GB HBM3", 79.65, "H100 SXM"),
            ("NVIDIA H100 PCIe", 79.65, "H100 PCIe"),
            ("NVIDIA H200", 140.4, "H200 SXM"),
            ("NVIDIA B200", 179.0, "B200"),
        ];
        for (name, memory_gib, expected) in known {
            let found = GpuModel::of(&gpu(name, memory_gib)).map(|model| model.name);
            assert_eq!(found, Some(expected), "{name}");
        }
        assert_eq!(known.len(), GPUS.len(), "each of the list is here");
    }

    #[test]
    fn another_model_of_a_known_name_is_unknown() {
        for (name, memory_gib) in [
            ("NVIDIA GeForce RTX 3090 Ti", 24.0),
            ("NVIDIA GeForce RTX 3050", 8.0),
            ("NVIDIA GeForce RTX 4090 Laptop GPU", 16.0),
            ("NVIDIA GeForce RTX 4090 D", 24.0),
            ("NVIDIA A10G", 22.5),
            ("NVIDIA RTX 6000 Ada Generation", 48.0),
            ("NVIDIA L40", 45.0),
            ("NVIDIA H100 NVL", 93.6),
            ("NVIDIA H200 NVL", 140.4),
            ("NVIDIA A100-SXM4-80GB MIG 3g.40gb", 39.5),
            ("NVIDIA GeForce GTX 1080", 8.0),
        ] {
            assert_eq!(GpuModel::of(&gpu(name, memory_gib)), None, "{name}");
        }
        assert_eq!(GpuModel::of(&Gpu::default()), None);
    }

    #[test]
    fn figures_are_of_one_kind() {
        for model in GpuModel::all() {
            let GpuModel { name, peak, compute_capability: capability, .. } = *model;
            let generation = (capability.major, capability.minor);
            // Matrix units double with each halving of the type, within the rounding of datasheets.
            for (narrow, wide) in [(Some(peak.fp16), peak.tf32), (peak.fp8, Some(peak.fp16))] {
                if let (Some(narrow), Some(wide)) = (narrow, wide) {
                    assert!((1.9..2.1).contains(&(narrow / wide)), "{name}");
                }
            }
            assert_eq!(peak.bf16.is_some(), generation >= (8, 0), "{name}");
            assert_eq!(peak.fp8.is_some(), generation >= (8, 9), "{name}");
            assert!(peak.fp16 > peak.fp32 && model.bandwidth_gb_s > 100.0, "{name}");
            assert!(model.source.contains("NVIDIA"), "{name}");
        }
    }
}
