//! What is missing or could be better, each with what mends it.

use fillrate::text::Registry;
use fillrate_device::catalogue::settings_for;
use fillrate_device::probe::{Gpu, Gpus, Isa, Machine};
use fillrate_kernels::{Cpu, Tier};
use serde::Serialize;

use super::uses::Uses;
use crate::commands::models::Listed;
use crate::output::bytes;
use crate::settings::{DeviceChoice, GpuLimits, PrecisionChoice, Settings, keys};

/// Less than this much free memory is worth a warning: the largest known model's weights and the
/// scratch of a batch, in bytes.
const AVAILABLE_BYTES_MIN: u64 = 1 << 30;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Severity {
    /// Nothing can be computed as the settings ask.
    Problem,
    /// They can, and something is not as it should be.
    Warning,
    /// All is well and could be better.
    Advice,
}

/// Something worth knowing.
#[derive(Debug, Serialize)]
pub(super) struct Finding {
    /// How bad it is.
    pub(super) severity: Severity,
    /// What it is.
    pub(super) what: String,
    /// What mends it, if anything does.
    pub(super) mend: Option<String>,
}

impl Finding {
    fn new(severity: Severity, what: impl Into<String>, mend: Option<&str>) -> Self {
        Self { severity, what: what.into(), mend: mend.map(str::to_owned) }
    }
}

/// Everything worth knowing, the worst first.
pub(super) fn of(
    machine: &Machine,
    uses: &Uses,
    models: &[Listed],
    settings: &Settings,
    registry: &Registry,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    missing_models(&mut findings, models, settings, registry);
    threads_and_memory(&mut findings, machine, uses);
    instructions(&mut findings, machine.cpu.isa);
    gpus(&mut findings, &machine.gpus, settings.gpu);
    unmet_device(&mut findings, uses, settings);
    fp8(&mut findings, machine.gpus.devices().first(), settings.text.precision);
    if cfg!(debug_assertions) {
        let what = "this is a debug build, which is many times slower";
        let mend = "cargo build --release";
        findings.push(Finding::new(Severity::Advice, what, Some(mend)));
    }
    findings.sort_by_key(|finding| finding.severity);
    findings
}

fn missing_models(
    findings: &mut Vec<Finding>,
    models: &[Listed],
    settings: &Settings,
    registry: &Registry,
) {
    let asked = [
        (Some(&settings.text.model), &keys::MODEL),
        (settings.text.fallback.as_ref(), &keys::FALLBACK),
    ];
    for (name, key) in asked {
        let Some(error) = name.and_then(|name| registry.resolve(name).err()) else { continue };
        let what = format!("{} ({}): {error}", key.name, settings.origin(key));
        findings.push(Finding::new(Severity::Problem, what, error.hint()));
    }
    for model in models {
        if let Some(problem) = &model.problem {
            let mend = format!("fillrate models pull {}", model.name);
            findings.push(Finding::new(Severity::Warning, problem.as_str(), Some(&mend)));
        }
    }
}

fn threads_and_memory(findings: &mut Vec<Finding>, machine: &Machine, uses: &Uses) {
    let threads = uses.threads.value;
    if let Some(allowed) = machine.cpu.allowed_cpus.filter(|allowed| threads > *allowed) {
        let what = format!("{threads} threads share the {allowed} processors this process may use");
        let mend = format!("use `--threads {}`", machine.cpu.threads_advised);
        findings.push(Finding::new(Severity::Warning, what, Some(&mend)));
    }
    if let Some(available) = machine.memory.available_bytes.filter(|b| *b < AVAILABLE_BYTES_MIN) {
        let what = format!("only {} of memory is free", bytes(available));
        let mend = "use `--mode memory`, or free some";
        findings.push(Finding::new(Severity::Warning, what, Some(mend)));
    }
}

fn instructions(findings: &mut Vec<Finding>, isa: Isa) {
    let tier = Cpu::detect().tier();
    if isa.amx_tile && isa.amx_granted == Some(false) {
        let what = "the processor has AMX tiles, and the system does not grant them";
        let mend = "Linux 5.16 or newer grants them, unless a container or monitor refuses";
        findings.push(Finding::new(Severity::Advice, what, Some(mend)));
    }
    if tier < Tier::Avx512Bf16 {
        let what = format!("a processor with AVX-512 BF16 or AMX is faster than {tier}");
        let mend = "meanwhile `--precision int8` trades a little accuracy for speed";
        findings.push(Finding::new(Severity::Advice, what, Some(mend)));
    }
}

fn gpus(findings: &mut Vec<Finding>, gpus: &Gpus, limits: GpuLimits) {
    if let Gpus::Failed { why } = gpus {
        let what = format!("the NVIDIA driver does not answer: {why}");
        findings.push(Finding::new(Severity::Warning, what, Some("see what `nvidia-smi` says")));
    }
    for gpu in gpus.devices() {
        for what in beyond_limits(gpu, limits) {
            findings.push(Finding::new(Severity::Warning, what, None));
        }
    }
}

/// A GPU that is asked for and cannot be used: every verb that computes stops there.
fn unmet_device(findings: &mut Vec<Finding>, uses: &Uses, settings: &Settings) {
    if matches!(settings.device, DeviceChoice::Cuda(_)) && uses.device.value != "cuda" {
        let origin = settings.origin(&keys::DEVICE);
        let what = format!("device ({origin}): {}, and {}", settings.device, uses.device.why);
        let mend = "use `--device auto`, which takes the processor then";
        findings.push(Finding::new(Severity::Problem, what, Some(mend)));
    }
}

/// A GPU that is asked for products it does not compute.
fn fp8(findings: &mut Vec<Finding>, gpu: Option<&Gpu>, precision: PrecisionChoice) {
    let Some(gpu) = gpu.filter(|_| precision == PrecisionChoice::Fp8) else { return };
    if !settings_for(gpu).fp8_possible {
        let what = format!("GPU {} does not compute in fp8, which is asked for", gpu.index);
        let mend = "use `--precision auto`; fp8 takes compute capability 8.9 or later";
        findings.push(Finding::new(Severity::Problem, what, Some(mend)));
    }
}

/// The readings of a GPU that are beyond the limits set; a reading it does not offer is not.
fn beyond_limits(gpu: &Gpu, limits: GpuLimits) -> Vec<String> {
    let mut found = Vec::new();
    let index = gpu.index;
    if let (Some(reading), Some(max)) = (gpu.temperature_c, limits.temperature_c_max)
        && reading > max
    {
        found.push(format!("GPU {index} has {reading} °C, above {max}"));
    }
    if let (Some(reading), Some(max)) = (gpu.utilization_percent, limits.utilization_percent_max)
        && reading > max
    {
        found.push(format!("GPU {index} is busy for {reading}% of the time, above {max}%"));
    }
    let free_mib = gpu.memory_free_bytes.map(|bytes| bytes >> 20);
    if let (Some(reading), Some(min)) = (free_mib, limits.free_memory_mib_min)
        && reading < min
    {
        found.push(format!("GPU {index} has {reading} MiB free, below {min}"));
    }
    found
}

#[cfg(test)]
mod tests {
    use fillrate_device::probe::Version;

    use super::*;

    #[test]
    fn fp8_on_a_gpu_without_it_is_a_problem() {
        let of = |minor, precision| {
            let compute_capability = Some(Version { major: 8, minor });
            let mut findings = Vec::new();
            fp8(&mut findings, Some(&Gpu { compute_capability, ..Gpu::default() }), precision);
            findings.len()
        };
        assert_eq!(of(6, PrecisionChoice::Fp8), 1);
        assert_eq!([of(9, PrecisionChoice::Fp8), of(6, PrecisionChoice::Bf16)], [0, 0]);
    }

    #[test]
    fn only_a_reading_beyond_its_limit_is_a_finding() {
        let gpu =
            Gpu { temperature_c: Some(84), memory_free_bytes: Some(512 << 20), ..Gpu::default() };
        let limits = GpuLimits {
            temperature_c_max: Some(83),
            free_memory_mib_min: Some(512),
            utilization_percent_max: Some(1),
        };
        assert_eq!(beyond_limits(&gpu, limits), ["GPU 0 has 84 °C, above 83"]);
        let strict = GpuLimits { free_memory_mib_min: Some(513), ..GpuLimits::default() };
        assert_eq!(beyond_limits(&gpu, strict), ["GPU 0 has 512 MiB free, below 513"]);
    }
}
