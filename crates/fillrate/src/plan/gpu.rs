//! The GPU that a run is planned for.

use fillrate_device::catalogue::GpuModel;
use fillrate_device::probe::Gpu as ProbedGpu;
use serde::Serialize;

use super::check::Calibration;
use super::training::{Precision, fault};
use crate::Result;

/// The largest memory that may be asked for, in GiB: many times that of any GPU.
const MEMORY_GIB_MAX: f64 = 65_536.0;

/// Words of a driver's name that say nothing.
const MAKERS: [&str; 5] = ["nvidia", "geforce", "tesla", "quadro", "gpu"];

/// What is left free by default of what was measured to be free, and of what somebody says is there.
const LEFT_MEASURED: f64 = 0.15;
const LEFT_STATED: f64 = 0.20;

/// The workspace of cuBLAS for a stream: 2 of 4 MiB and 8 of 16 KiB; 32 MiB from Hopper on.
///
/// Source: PyTorch documentation, "CUDA semantics", cuBLAS workspaces; `parseChosenWorkspaceSize` in
/// `aten/src/ATen/cuda/CublasHandlePool.cpp`.
const CUBLAS_BYTES: u64 = (2 * 4096 + 8 * 16) << 10;
const CUBLAS_HOPPER_BYTES: u64 = (8 * 4096) << 10;

/// A GPU: its memory, and its rates where they are known.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Gpu {
    /// The name that reports carry.
    pub name: String,
    /// All its memory, in bytes.
    pub memory_bytes: u64,
    /// The memory free now, if it was measured, in bytes.
    pub free_bytes: Option<u64>,
    /// What its maker says of it, if it is known: bandwidth and peak rates.
    pub model: Option<&'static GpuModel>,
    /// What runs on it said of the estimates' constants, if there were any.
    pub calibration: Option<Calibration>,
}

/// How much of a GPU's memory a plan may take: what is free less the larger of a share and a number
/// of bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Margin {
    /// The share of the free memory to leave, in [0, 1); `None`: 15 % of what was measured to be free,
    /// 20 % of what a catalogue or a person says.
    pub fraction: Option<f64>,
    /// Bytes to leave at least.
    pub reserve_bytes: u64,
}

impl Margin {
    /// Checks that the share is one.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Argument`] if it is not in [0, 1).
    pub fn check(&self) -> Result<()> {
        match self.fraction {
            Some(share) if !(0.0..1.0).contains(&share) => {
                Err(fault("margin", format!("{share} is not in [0, 1)")))
            }
            _ => Ok(()),
        }
    }
}

impl Gpu {
    /// A GPU of the catalogue, by words of its name and its memory, such as `a100-80gb`, `rtx-4090` or
    /// `H100 SXM`. Of several with the same memory the one on SXM is taken.
    ///
    /// ```
    /// use fillrate::plan::Gpu;
    ///
    /// let gpu = Gpu::named("a100-80gb")?;
    /// assert_eq!((gpu.name.as_str(), gpu.memory_bytes >> 30), ("A100 SXM 80 GB", 80));
    /// assert!(Gpu::named("a100").unwrap_err().to_string().contains("A100 SXM 40 GB"));
    /// # Ok::<(), fillrate::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`crate::Error::Argument`] if none has that name, or several with different memory do.
    pub fn named(name: &str) -> Result<Self> {
        let lower = name.to_ascii_lowercase();
        let words: Vec<&str> = lower
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty() && !MAKERS.contains(word))
            .collect();
        let found: Vec<&'static GpuModel> = GpuModel::all()
            .iter()
            .filter(|model| !words.is_empty() && words.iter().all(|word| is_word(model, word)))
            .collect();
        let sizes = |models: &[&GpuModel]| {
            models.iter().map(|model| model.name).collect::<Vec<_>>().join(", ")
        };
        let Some(first) = found.first() else {
            let all: Vec<&GpuModel> = GpuModel::all().iter().collect();
            let message = format!(
                "`{name}` is not known; give its memory in GiB, or one of: {}",
                sizes(&all)
            );
            return Err(fault("gpu", message));
        };
        if found.iter().any(|model| model.memory_gib != first.memory_gib) {
            return Err(fault("gpu", format!("`{name}` may be {}", sizes(&found))));
        }
        let model = found.iter().find(|model| model.name.contains("SXM")).unwrap_or(first);
        Ok(Self {
            name: model.name.to_owned(),
            memory_bytes: u64::from(model.memory_gib) << 30,
            free_bytes: None,
            model: Some(model),
            calibration: None,
        })
    }

    /// A GPU of which only the memory is known, in GiB.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Argument`] if that is no positive number, or above 65,536.
    pub fn from_gib(memory_gib: f64) -> Result<Self> {
        if !(memory_gib > 0.0 && memory_gib <= MEMORY_GIB_MAX) {
            let message = format!("{memory_gib} GiB is not in (0, {MEMORY_GIB_MAX}]");
            return Err(fault("gpu", message));
        }
        Ok(Self {
            name: format!("GPU with {memory_gib} GiB"),
            memory_bytes: (memory_gib * (1_u64 << 30) as f64) as u64,
            free_bytes: None,
            model: None,
            calibration: None,
        })
    }

    /// A size in GiB, such as `24`, `24gib` or `79.6`, or a name of the catalogue.
    ///
    /// # Errors
    ///
    /// As [`Self::from_gib`] and [`Self::named`].
    pub fn parse(text: &str) -> Result<Self> {
        let lower = text.trim().to_ascii_lowercase();
        let number = lower.trim_end_matches("gib").trim_end_matches("gb").trim_end();
        match number.parse::<f64>() {
            Ok(memory_gib) => Self::from_gib(memory_gib),
            Err(_) => Self::named(text),
        }
    }

    /// A GPU of this machine, with what is free of it now.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Argument`] if the driver does not say how much memory it has.
    pub fn of(gpu: &ProbedGpu) -> Result<Self> {
        let name = gpu.name.clone().unwrap_or_else(|| format!("GPU {}", gpu.index));
        let Some(memory_bytes) = gpu.memory_total_bytes else {
            return Err(fault(
                "gpu",
                format!("the driver does not say how much memory {name} has"),
            ));
        };
        let model = GpuModel::of(gpu);
        let free_bytes = gpu.memory_free_bytes;
        Ok(Self { name, memory_bytes, free_bytes, model, calibration: None })
    }

    /// What tells it from GPUs of other kinds: its name in the catalogue, else the name it has.
    #[must_use]
    pub fn label(&self) -> &str {
        self.model.map_or(&self.name, |model| model.name)
    }

    /// What a plan may take, in bytes.
    #[must_use]
    pub fn budget_bytes(&self, margin: &Margin) -> u64 {
        let usual = if self.free_bytes.is_some() { LEFT_MEASURED } else { LEFT_STATED };
        let free = self.free_bytes.unwrap_or(self.memory_bytes);
        let left = (free as f64 * margin.fraction.unwrap_or(usual)).ceil() as u64;
        free.saturating_sub(left.max(margin.reserve_bytes))
    }

    /// Whether its matrix units take a precision's products; `None` if nothing is known of it.
    #[must_use]
    pub fn takes(&self, precision: Precision) -> Option<bool> {
        let peak = self.model?.peak;
        Some(match precision {
            Precision::Bf16 | Precision::Bf16Mixed => peak.bf16.is_some(),
            Precision::Fp32 | Precision::Fp16 | Precision::Fp16Mixed => true,
        })
    }

    /// The peak rate of a precision's products, in operations a second. PyTorch computes 32-bit
    /// products outside the matrix units unless it is told otherwise.
    pub(super) fn flops_per_second(&self, precision: Precision) -> Option<f64> {
        let peak = self.model?.peak;
        let rate = match precision {
            Precision::Fp32 => peak.fp32,
            Precision::Fp16 | Precision::Fp16Mixed => peak.fp16,
            Precision::Bf16 | Precision::Bf16Mixed => peak.bf16.unwrap_or(peak.fp32),
        };
        Some(rate * 1e12)
    }

    /// The memory's rate, in bytes a second.
    pub(super) fn bytes_per_second(&self) -> Option<f64> {
        Some(self.model?.bandwidth_gb_s * 1e9)
    }

    /// The workspace that cuBLAS takes from the allocator, in bytes.
    pub(super) fn cublas_bytes(&self) -> u64 {
        let is_hopper = self.model.is_some_and(|model| model.compute_capability.major >= 9);
        if is_hopper { CUBLAS_HOPPER_BYTES } else { CUBLAS_BYTES }
    }
}

/// Whether a word is one of a model's name, two of them together, or its memory.
fn is_word(model: &GpuModel, word: &str) -> bool {
    let name = model.name.to_ascii_lowercase();
    let words: Vec<&str> = name.split_whitespace().collect();
    let memory = model.memory_gib.to_string();
    words.contains(&word)
        || words.windows(2).any(|pair| pair.concat() == word)
        || word.strip_suffix("gb").or(word.strip_suffix("gib")) == Some(memory.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gpu_is_a_name_or_a_size() {
        for (text, name, memory_gib) in [
            ("a100-80gb", "A100 SXM 80 GB", 80),
            ("A100 PCIe 40 GB", "A100 PCIe 40 GB", 40),
            ("rtx-4090", "RTX 4090", 24),
            ("NVIDIA GeForce RTX4090", "RTX 4090", 24),
            ("h100", "H100 SXM", 80),
            ("h100-pcie", "H100 PCIe", 80),
            ("l4", "L4", 24),
            ("24", "GPU with 24 GiB", 24),
            ("24GiB", "GPU with 24 GiB", 24),
            (" 24 gb ", "GPU with 24 GiB", 24),
        ] {
            let gpu = Gpu::parse(text).unwrap();
            assert_eq!((gpu.name.as_str(), gpu.memory_bytes >> 30), (name, memory_gib), "{text}");
        }
        for text in ["", "0", "-1", "nan", "inf", "1e9", "rx-7900", "nvidia", "v100"] {
            assert!(Gpu::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_margin_is_the_larger_of_share_and_bytes() {
        let mut gpu = Gpu::from_gib(10.0).unwrap();
        let gib = 1_u64 << 30;
        assert_eq!(gpu.budget_bytes(&Margin::default()), 8 * gib);
        let reserve = Margin { fraction: None, reserve_bytes: 3 * gib };
        assert_eq!(gpu.budget_bytes(&reserve), 7 * gib);
        let share = Margin { fraction: Some(0.5), reserve_bytes: 3 * gib };
        assert_eq!(gpu.budget_bytes(&share), 5 * gib);
        gpu.free_bytes = Some(2 * gib);
        assert_eq!(gpu.budget_bytes(&reserve), 0);
        let measured = gpu.budget_bytes(&Margin::default());
        assert!((measured as f64 / (1.7 * gib as f64) - 1.0).abs() < 1e-6);
        assert!(Margin { fraction: Some(1.0), reserve_bytes: 0 }.check().is_err());
    }
}
