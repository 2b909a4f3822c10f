//! The settings that follow from what a GPU is.

use serde::Serialize;

use super::GpuModel;
use crate::probe::Version;

/// A number type that a GPU's matrix units take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum GpuPrecision {
    /// 32-bit floats.
    Fp32,
    /// 16-bit floats.
    Fp16,
    /// 16-bit brain floats.
    Bf16,
}

impl GpuPrecision {
    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fp32 => "fp32",
            Self::Fp16 => "fp16",
            Self::Bf16 => "bf16",
        }
    }
}

/// Where a run on a GPU begins; what it measures there takes over from these.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct GpuSettings {
    /// The type to compute in: the fastest that needs no accuracy check.
    pub precision: GpuPrecision,
    /// Whether products may also be had in 8-bit floats, behind such a check.
    pub fp8_possible: bool,
    /// The share of free memory to take at most, from 0 to 1.
    pub memory_fraction: f64,
    /// Rows of activations in one batch: a power of two.
    pub batch_rows: u32,
}

/// The share of memory that is taken where there is plenty.
const MEMORY_FRACTION_MAX: f64 = 0.9;

/// What is left for contexts, libraries and a display at least, in bytes.
const LEFT_BYTES_MIN: f64 = (1_u64 << 30) as f64;

/// Rows for each TFLOP/s: with some 10⁸ operations a row, a batch then takes a few hundredths of
/// a second, against which launches and copies are small.
const ROWS_PER_TFLOPS: f64 = 80.0;

/// The rows of a GPU of which no rate is known, and the bounds of all.
const BATCH_ROWS: (u32, u32, u32) = (2048, 8192, 32_768);

impl GpuSettings {
    /// From a capability, a memory size and, where it is known, the model.
    pub(super) fn derive(
        capability: Option<Version>,
        memory_bytes: Option<u64>,
        model: Option<&GpuModel>,
    ) -> Self {
        let capability = capability.or(model.map(|model| model.compute_capability));
        let generation = capability.map_or((0, 0), |version| (version.major, version.minor));
        let (rows_min, rows_unknown, rows_max) = BATCH_ROWS;
        let rows = model.map_or(rows_unknown, |model| {
            let rate = model.peak.bf16.unwrap_or(model.peak.fp16);
            let nearest = (rate * ROWS_PER_TFLOPS).log2().round().exp2() as u32;
            nearest.clamp(rows_min, rows_max)
        });
        let share = memory_bytes.map_or(MEMORY_FRACTION_MAX, |bytes| {
            (1.0 - LEFT_BYTES_MIN / bytes as f64).clamp(0.5, MEMORY_FRACTION_MAX)
        });
        Self {
            precision: precision(generation),
            fp8_possible: generation >= (8, 9),
            memory_fraction: (share * 100.0).floor() / 100.0,
            batch_rows: rows,
        }
    }
}

/// Source: CUDA C++ Programming Guide, "Compute Capabilities": matrix units for half precision from
/// 7.0, for bfloat16 from 8.0 and for 8-bit floats from 8.9.
fn precision(generation: (u32, u32)) -> GpuPrecision {
    match generation {
        (8.., _) => GpuPrecision::Bf16,
        (7, _) => GpuPrecision::Fp16,
        _ => GpuPrecision::Fp32,
    }
}

#[cfg(test)]
mod tests {
    use super::super::settings_for;
    use super::*;
    use crate::probe::Gpu;

    fn percent(settings: GpuSettings) -> u32 {
        (settings.memory_fraction * 100.0).round() as u32
    }

    fn of(name: &str) -> GpuSettings {
        GpuModel::all().iter().find(|model| model.name == name).unwrap().settings()
    }

    #[test]
    fn known_gpus_get_what_their_generation_is_good_at() {
        let v100 = of("V100 SXM2 16 GB");
        assert_eq!((v100.precision, v100.fp8_possible), (GpuPrecision::Fp16, false));
        assert_eq!((v100.batch_rows, percent(v100)), (8192, 90));
        assert_eq!(of("Quadro RTX 6000").precision, GpuPrecision::Fp16);
        let small = of("RTX 3050 6 GB");
        assert_eq!((small.precision, small.batch_rows), (GpuPrecision::Bf16, 2048));
        assert_eq!(percent(small), 83);
        let (ada, hopper) = (of("RTX 4090"), of("H200 SXM"));
        assert!(ada.fp8_possible && hopper.fp8_possible && !of("A100 SXM 80 GB").fp8_possible);
        assert_eq!((ada.batch_rows, hopper.batch_rows), (16_384, 32_768));
    }

    #[test]
    fn an_unknown_gpu_gets_them_from_its_capability() {
        let unknown = |major, minor, memory_gib: u64| {
            settings_for(&Gpu {
                name: Some("NVIDIA Something New".to_owned()),
                compute_capability: Some(Version { major, minor }),
                memory_total_bytes: Some(memory_gib << 30),
                ..Gpu::default()
            })
        };
        let new = unknown(12, 0, 32);
        assert_eq!((new.precision, new.fp8_possible), (GpuPrecision::Bf16, true));
        assert_eq!((percent(new), new.batch_rows), (90, 8192));
        assert_eq!(unknown(7, 5, 4).precision, GpuPrecision::Fp16);
        assert_eq!(percent(unknown(7, 5, 4)), 75);
        assert_eq!(unknown(6, 1, 1).precision, GpuPrecision::Fp32);
        assert_eq!(percent(unknown(6, 1, 1)), 50);
        assert_eq!(settings_for(&Gpu::default()).precision, GpuPrecision::Fp32);
    }
}
