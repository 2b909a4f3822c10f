//! The list. Every entry names the document its figures are from; rates that a document gives with
//! sparsity are halved here.

use super::{GpuModel, Peak};
use crate::probe::Version;

const fn cc(major: u32, minor: u32) -> Version {
    Version { major, minor }
}

/// Matrix units for 16-bit floats only.
///
/// Source: *NVIDIA V100 Tensor Core GPU* datasheet, January 2020.
const fn volta(fp32: f64, fp16: f64) -> Peak {
    Peak { fp32, tf32: None, fp16, bf16: None, fp8: None, int8: None }
}

/// Source: *NVIDIA A100 Tensor Core GPU* datasheet, June 2021: 19.5, 156, 312, 624; all form factors
/// have the same peaks.
const A100: Peak = Peak {
    fp32: 19.5,
    tf32: Some(156.0),
    fp16: 312.0,
    bf16: Some(312.0),
    fp8: None,
    int8: Some(624.0),
};

/// Source: *NVIDIA H100 Tensor Core GPU* datasheet: SXM 67, and with sparsity 989, 1,979, 3,958. The
/// H200 computes with the same chip (*NVIDIA H200 Tensor Core GPU* datasheet).
const HOPPER_SXM: Peak = Peak {
    fp32: 67.0,
    tf32: Some(494.7),
    fp16: 989.4,
    bf16: Some(989.4),
    fp8: Some(1978.9),
    int8: Some(1978.9),
};

const V100_SHEET: &str = "NVIDIA V100 Tensor Core GPU, datasheet, January 2020";
const A100_SHEET: &str = "NVIDIA A100 Tensor Core GPU, datasheet, June 2021";
const H100_SHEET: &str = "NVIDIA H100 Tensor Core GPU, datasheet, 2023";

/// Every known GPU. A name that another contains stands before it.
pub(super) static GPUS: [GpuModel; 20] = [
    // Source: V100 datasheet, column "V100 PCIe": 14, 112 TFLOP/s, 900 GB/s.
    GpuModel {
        name: "V100 PCIe 16 GB",
        words: &["v100", "pcie"],
        memory_gib: 16,
        bandwidth_gb_s: 900.0,
        compute_capability: cc(7, 0),
        peak: volta(14.0, 112.0),
        source: V100_SHEET,
    },
    GpuModel {
        name: "V100 PCIe 32 GB",
        words: &["v100", "pcie"],
        memory_gib: 32,
        bandwidth_gb_s: 900.0,
        compute_capability: cc(7, 0),
        peak: volta(14.0, 112.0),
        source: V100_SHEET,
    },
    // Source: V100 datasheet, column "V100 SXM2": 15.7, 125 TFLOP/s, 900 GB/s.
    GpuModel {
        name: "V100 SXM2 16 GB",
        words: &["v100", "sxm2"],
        memory_gib: 16,
        bandwidth_gb_s: 900.0,
        compute_capability: cc(7, 0),
        peak: volta(15.7, 125.0),
        source: V100_SHEET,
    },
    GpuModel {
        name: "V100 SXM2 32 GB",
        words: &["v100", "sxm2"],
        memory_gib: 32,
        bandwidth_gb_s: 900.0,
        compute_capability: cc(7, 0),
        peak: volta(15.7, 125.0),
        source: V100_SHEET,
    },
    // Source: GeForce RTX 3050 specifications (6 GB: 2304 cores, 1.47 GHz, 14 Gbit/s on 96 bits). Rates
    // are 18 multiprocessors × 1.47 GHz × 2 × the products a clock of the GA102 whitepaper, table 3:
    // 128 (fp32), 256 (fp16 and bf16 into fp32), 128 (tf32), 1024 (int8).
    GpuModel {
        name: "RTX 3050 6 GB",
        words: &["rtx", "3050"],
        memory_gib: 6,
        bandwidth_gb_s: 168.0,
        compute_capability: cc(8, 6),
        peak: Peak {
            fp32: 6.8,
            tf32: Some(6.8),
            fp16: 13.5,
            bf16: Some(13.5),
            fp8: None,
            int8: Some(54.2),
        },
        source: "NVIDIA GeForce RTX 3050, specifications; NVIDIA Ampere GA102, whitepaper v2.1",
    },
    // Source: GA102 whitepaper, appendix A, "GeForce RTX 3090".
    GpuModel {
        name: "RTX 3090",
        words: &["rtx", "3090"],
        memory_gib: 24,
        bandwidth_gb_s: 936.0,
        compute_capability: cc(8, 6),
        peak: Peak {
            fp32: 35.6,
            tf32: Some(35.6),
            fp16: 71.0,
            bf16: Some(71.0),
            fp8: None,
            int8: Some(284.0),
        },
        source: "NVIDIA Ampere GA102 GPU Architecture, whitepaper v2.1, appendix A",
    },
    // Source: Ada whitepaper, appendix A, "GeForce RTX 4090"; fp16 and fp8 into fp32.
    GpuModel {
        name: "RTX 4090",
        words: &["rtx", "4090"],
        memory_gib: 24,
        bandwidth_gb_s: 1008.0,
        compute_capability: cc(8, 9),
        peak: Peak {
            fp32: 82.6,
            tf32: Some(82.6),
            fp16: 165.2,
            bf16: Some(165.2),
            fp8: Some(330.3),
            int8: Some(660.6),
        },
        source: "NVIDIA Ada GPU Architecture, whitepaper v2.1, appendix A",
    },
    // Source: GA102 whitepaper, appendix C, "RTX A6000".
    GpuModel {
        name: "RTX A6000",
        words: &["rtx", "a6000"],
        memory_gib: 48,
        bandwidth_gb_s: 768.0,
        compute_capability: cc(8, 6),
        peak: Peak {
            fp32: 38.7,
            tf32: Some(77.4),
            fp16: 154.8,
            bf16: Some(154.8),
            fp8: None,
            int8: Some(309.7),
        },
        source: "NVIDIA Ampere GA102 GPU Architecture, whitepaper v2.1, appendix C",
    },
    // Source: Turing whitepaper, table 4, "Quadro RTX 6000".
    GpuModel {
        name: "Quadro RTX 6000",
        words: &["quadro", "rtx", "6000"],
        memory_gib: 24,
        bandwidth_gb_s: 672.0,
        compute_capability: cc(7, 5),
        peak: Peak {
            fp32: 16.3,
            tf32: None,
            fp16: 130.5,
            bf16: None,
            fp8: None,
            int8: Some(261.0),
        },
        source: "NVIDIA Turing GPU Architecture, whitepaper, WP-09183-001_v01",
    },
    // Source: A10 datasheet, March 2021: 31.2, 62.5, 125, 125, 250; 600 GB/s.
    GpuModel {
        name: "A10",
        words: &["a10"],
        memory_gib: 24,
        bandwidth_gb_s: 600.0,
        compute_capability: cc(8, 6),
        peak: Peak {
            fp32: 31.2,
            tf32: Some(62.5),
            fp16: 125.0,
            bf16: Some(125.0),
            fp8: None,
            int8: Some(250.0),
        },
        source: "NVIDIA A10 Tensor Core GPU, datasheet, March 2021",
    },
    // Source: L4 datasheet: 30.3, and with sparsity 120, 242, 242, 485, 485; 300 GB/s.
    GpuModel {
        name: "L4",
        words: &["l4"],
        memory_gib: 24,
        bandwidth_gb_s: 300.0,
        compute_capability: cc(8, 9),
        peak: Peak {
            fp32: 30.3,
            tf32: Some(60.0),
            fp16: 121.0,
            bf16: Some(121.0),
            fp8: Some(242.5),
            int8: Some(242.5),
        },
        source: "NVIDIA L4 Tensor Core GPU, datasheet, March 2023",
    },
    // Source: L40S datasheet: 91.6, 183, 362, 362, 733, 733 without sparsity; 864 GB/s.
    GpuModel {
        name: "L40S",
        words: &["l40s"],
        memory_gib: 48,
        bandwidth_gb_s: 864.0,
        compute_capability: cc(8, 9),
        peak: Peak {
            fp32: 91.6,
            tf32: Some(183.0),
            fp16: 362.05,
            bf16: Some(362.05),
            fp8: Some(733.0),
            int8: Some(733.0),
        },
        source: "NVIDIA L40S, datasheet, 2023",
    },
    // Source: A100 datasheet: 40 GB 1,555 GB/s; 80 GB PCIe 1,935 and SXM 2,039 GB/s.
    GpuModel {
        name: "A100 PCIe 40 GB",
        words: &["a100", "pcie"],
        memory_gib: 40,
        bandwidth_gb_s: 1555.0,
        compute_capability: cc(8, 0),
        peak: A100,
        source: A100_SHEET,
    },
    GpuModel {
        name: "A100 PCIe 80 GB",
        words: &["a100", "pcie"],
        memory_gib: 80,
        bandwidth_gb_s: 1935.0,
        compute_capability: cc(8, 0),
        peak: A100,
        source: A100_SHEET,
    },
    GpuModel {
        name: "A100 SXM 40 GB",
        words: &["a100", "sxm4"],
        memory_gib: 40,
        bandwidth_gb_s: 1555.0,
        compute_capability: cc(8, 0),
        peak: A100,
        source: A100_SHEET,
    },
    GpuModel {
        name: "A100 SXM 80 GB",
        words: &["a100", "sxm4"],
        memory_gib: 80,
        bandwidth_gb_s: 2039.0,
        compute_capability: cc(8, 0),
        peak: A100,
        source: A100_SHEET,
    },
    // Source: H100 datasheet, column "H100 PCIe": 51, and with sparsity 756, 1,513, 3,026; 2 TB/s.
    GpuModel {
        name: "H100 PCIe",
        words: &["h100", "pcie"],
        memory_gib: 80,
        bandwidth_gb_s: 2000.0,
        compute_capability: cc(9, 0),
        peak: Peak {
            fp32: 51.0,
            tf32: Some(378.0),
            fp16: 756.5,
            bf16: Some(756.5),
            fp8: Some(1513.0),
            int8: Some(1513.0),
        },
        source: H100_SHEET,
    },
    // Source: H100 datasheet, column "H100 SXM": 3.35 TB/s.
    GpuModel {
        name: "H100 SXM",
        words: &["h100", "80gb", "hbm3"],
        memory_gib: 80,
        bandwidth_gb_s: 3350.0,
        compute_capability: cc(9, 0),
        peak: HOPPER_SXM,
        source: H100_SHEET,
    },
    // Source: H200 datasheet, column "H200 SXM": 141 GB, 4.8 TB/s.
    GpuModel {
        name: "H200 SXM",
        words: &["h200"],
        memory_gib: 141,
        bandwidth_gb_s: 4800.0,
        compute_capability: cc(9, 0),
        peak: HOPPER_SXM,
        source: "NVIDIA H200 Tensor Core GPU, datasheet, 2024",
    },
    // Source: Blackwell architecture technical brief, table "HGX B200", one GPU at 1,000 W: 80, and
    // dense 1,100, 2,250, 4,500; 8 TB/s. HGX B200 datasheet: 180 GB usable.
    GpuModel {
        name: "B200",
        words: &["b200"],
        memory_gib: 180,
        bandwidth_gb_s: 8000.0,
        compute_capability: cc(10, 0),
        peak: Peak {
            fp32: 80.0,
            tf32: Some(1100.0),
            fp16: 2250.0,
            bf16: Some(2250.0),
            fp8: Some(4500.0),
            int8: Some(4500.0),
        },
        source: "NVIDIA Blackwell Architecture, technical brief, 2024; NVIDIA HGX B200, datasheet",
    },
];
