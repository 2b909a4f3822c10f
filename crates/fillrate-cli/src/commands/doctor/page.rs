//! The report for a reader.

use clap::builder::styling::{AnsiColor, Style};
use fillrate_device::catalogue::{GpuModel, GpuSettings, settings_for};
use fillrate_device::probe::{Cache, CacheKind, Cpu, Gpu, Gpus, Memory};
use serde_json::Value;

use super::Report;
use super::findings::{Finding, Severity};
use super::uses::Uses;
use crate::commands::models::Listed;
use crate::output::{Printer, bytes};
use crate::settings::{Settings, keys};

/// What stands for a reading that could not be had.
const UNKNOWN: &str = "unknown";

/// The whole report.
pub(super) fn page(report: &Report<'_>, printer: &Printer) -> String {
    let machine = &report.machine;
    let mut sections = vec![
        section("Processor", &cpu_rows(&machine.cpu), printer),
        section("Memory", &memory_rows(machine.memory), printer),
        section("GPUs", &gpu_rows(&machine.gpus), printer),
        section("What will be used", &uses_rows(&report.uses), printer),
        section("Models", &model_rows(&report.models), printer),
    ];
    let settings = settings_rows(report.settings, printer.is_verbose());
    if !settings.is_empty() {
        sections.push(section("Settings", &settings, printer));
    }
    sections.push(findings_section(&report.findings, printer));
    let title = format!("fillrate {} on {} {}", report.version, machine.os, machine.arch);
    format!("{title}\n\n{}", sections.join("\n\n"))
}

/// A title and rows of cells below it.
fn section(title: &str, rows: &[Vec<String>], printer: &Printer) -> String {
    let mut table = printer.table();
    for row in rows {
        table.add_row(row);
    }
    format!("{}\n{}", printer.styled(title, Style::new().bold()), table.trim_fmt())
}

fn row<const N: usize>(cells: [&str; N]) -> Vec<String> {
    cells.map(str::to_owned).to_vec()
}

fn count(number: Option<usize>) -> String {
    number.map_or_else(|| UNKNOWN.to_owned(), |number| number.to_string())
}

/// A size of memory, in powers of two, as memory is sold and measured.
fn gib(size_bytes: Option<u64>) -> String {
    size_bytes.map_or_else(
        || UNKNOWN.to_owned(),
        |size| format!("{:.1} GiB", size as f64 / (1_u64 << 30) as f64),
    )
}

fn cpu_rows(cpu: &Cpu) -> Vec<Vec<String>> {
    let allowed = (cpu.allowed_cpus != cpu.logical_cpus)
        .then(|| format!(", of which this process may use {}", count(cpu.allowed_cpus)));
    let quota = cpu.quota_cpus.map(|quota| format!(", within a quota of {quota:.1}"));
    let cores = format!(
        "{} with {} threads{}{}",
        count(cpu.physical_cores),
        count(cpu.logical_cpus),
        allowed.unwrap_or_default(),
        quota.unwrap_or_default()
    );
    let mut instructions = cpu.isa.names().join(" ");
    if instructions.is_empty() {
        "none that matter here".clone_into(&mut instructions);
    }
    match cpu.isa.amx_granted {
        Some(true) => instructions.push_str(" (AMX granted)"),
        Some(false) => instructions.push_str(" (AMX not granted)"),
        None => {}
    }
    let caches: Vec<String> = cpu.caches.iter().map(cache).collect();
    let mut rows = vec![
        row(["model", cpu.model.as_deref().unwrap_or(UNKNOWN)]),
        row(["cores", &cores]),
        row(["instructions", &instructions]),
    ];
    if !caches.is_empty() {
        rows.push(row(["caches", &caches.join(", ")]));
    }
    rows
}

fn cache(cache: &Cache) -> String {
    let kind = match cache.kind {
        CacheKind::Data => "d",
        CacheKind::Instruction => "i",
        CacheKind::Unified => "",
    };
    let kib = cache.size_bytes >> 10;
    if kib.is_multiple_of(1024) {
        format!("L{}{kind} {} MiB", cache.level, kib >> 10)
    } else {
        format!("L{}{kind} {kib} KiB", cache.level)
    }
}

fn memory_rows(memory: Memory) -> Vec<Vec<String>> {
    let mut rows = vec![
        row(["built in", &gib(memory.total_bytes)]),
        row(["available", &gib(memory.available_bytes)]),
    ];
    if memory.limit_bytes.is_some() {
        rows.insert(1, row(["limit", &gib(memory.limit_bytes)]));
    }
    rows
}

fn gpu_rows(gpus: &Gpus) -> Vec<Vec<String>> {
    match gpus {
        Gpus::NoDriver { why } => vec![row(["none", why])],
        Gpus::Failed { why } => vec![row(["unknown", &format!("the driver said: {why}")])],
        Gpus::Present { driver_version, cuda_version, devices } => {
            let driver = driver_version.as_deref().unwrap_or(UNKNOWN);
            let cuda = cuda_version.map_or_else(|| UNKNOWN.to_owned(), |v| v.to_string());
            let mut rows = vec![row(["driver", &format!("{driver}, CUDA {cuda}")])];
            for gpu in devices {
                rows.push(gpu_row(gpu));
                rows.push(row(["", &gpu_advice(gpu)]));
            }
            rows
        }
    }
}

/// A GPU with the readings that it offers.
fn gpu_row(gpu: &Gpu) -> Vec<String> {
    let mut words = vec![gpu.name.clone().unwrap_or_else(|| UNKNOWN.to_owned())];
    words.extend(gpu.compute_capability.map(|version| format!("compute {version}")));
    if gpu.memory_total_bytes.is_some() {
        let (free, total) = (gib(gpu.memory_free_bytes), gib(gpu.memory_total_bytes));
        words.push(format!("{free} free of {total}"));
    }
    words.extend(gpu.temperature_c.map(|reading| format!("{reading} °C")));
    words.extend(gpu.power_w.map(|reading| format!("{reading:.0} W")));
    words.extend(gpu.utilization_percent.map(|reading| format!("{reading}% busy")));
    words.extend(gpu.is_throttled.and_then(|on| on.then(|| "clock held down".to_owned())));
    words.extend(gpu.ecc_enabled.map(|on| format!("ECC {}", if on { "on" } else { "off" })));
    let errors = gpu.uncorrected_errors.filter(|errors| *errors > 0);
    words.extend(errors.map(|errors| format!("{errors} memory errors")));
    words.extend(gpu.mig_enabled.and_then(|on| on.then(|| "MIG on".to_owned())));
    row([&format!("GPU {}", gpu.index), &words.join(", ")])
}

/// What is known of a GPU's model, and the settings that would suit it.
fn gpu_advice(gpu: &Gpu) -> String {
    let GpuSettings { precision, fp8_possible, memory_fraction, batch_rows } = settings_for(gpu);
    let model = GpuModel::of(gpu).map_or_else(
        || "a model that is not in the list".to_owned(),
        |model| {
            let GpuModel { name, bandwidth_gb_s, peak, .. } = model;
            let rate = peak.bf16.unwrap_or(peak.fp16);
            format!("{name}: {bandwidth_gb_s:.0} GB/s, {rate:.0} TFLOP/s in 16 bits at most")
        },
    );
    let fp8 = if fp8_possible { " (fp8 possible)" } else { "" };
    format!(
        "{model}; suits {}{fp8}, {:.0}% of free memory, batches of {batch_rows} tokens",
        precision.as_str(),
        memory_fraction * 100.0
    )
}

fn uses_rows(uses: &Uses) -> Vec<Vec<String>> {
    vec![
        row(["device", uses.device.value, &uses.device.why]),
        row(["kernels", uses.kernels.value, &uses.kernels.why]),
        row(["precision", uses.precision.value, &uses.precision.why]),
        row(["threads", &uses.threads.value.to_string(), &uses.threads.why]),
        row(["model", &uses.model.value, &uses.model.why]),
    ]
}

fn model_rows(models: &[Listed]) -> Vec<Vec<String>> {
    models
        .iter()
        .map(|model| {
            let size = model.download_bytes.map(bytes).unwrap_or_default();
            row([model.name, model.status.words(), &size])
        })
        .collect()
}

/// The settings that something was said about, or all of them.
fn settings_rows(settings: &Settings, all: bool) -> Vec<Vec<String>> {
    let values = serde_json::to_value(settings).unwrap_or_default();
    keys::ALL
        .iter()
        .filter(|key| all || settings.origin(key).is_set())
        .map(|key| {
            let origin = settings.origin(key).to_string();
            row([key.name, &value_of(&values, key.name), &origin])
        })
        .collect()
}

fn value_of(settings: &Value, name: &str) -> String {
    // These two are one value once they are settled.
    if name == keys::QUIET.name || name == keys::VERBOSE.name {
        return (settings["verbosity"] == name).to_string();
    }
    let places = [settings, &settings["text"], &settings["gpu"]];
    match places.iter().find_map(|place| place.get(name)) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => "-".to_owned(),
        Some(value) => value.to_string(),
    }
}

fn findings_section(findings: &[Finding], printer: &Printer) -> String {
    if findings.is_empty() {
        return printer.styled("Nothing is missing.", AnsiColor::Green.on_default());
    }
    let mut rows = Vec::new();
    for finding in findings {
        let label = match finding.severity {
            Severity::Problem => "problem",
            Severity::Warning => "warning",
            Severity::Advice => "advice",
        };
        rows.push(row([label, &finding.what]));
        if let Some(mend) = &finding.mend {
            rows.push(row(["", &format!("→ {mend}")]));
        }
    }
    section("What could be better", &rows, printer)
}

#[cfg(test)]
mod tests {
    use fillrate_device::probe::Version;

    use super::*;

    #[test]
    fn a_gpu_is_told_what_suits_it() {
        let known = Gpu {
            name: Some("NVIDIA L4".to_owned()),
            compute_capability: Some(Version { major: 8, minor: 9 }),
            memory_total_bytes: Some(24_152_899_584),
            ..Gpu::default()
        };
        assert_eq!(
            gpu_advice(&known),
            "L4: 300 GB/s, 121 TFLOP/s in 16 bits at most; suits bf16 (fp8 possible), 90% of free \
             memory, batches of 8192 tokens"
        );
        assert_eq!(
            gpu_advice(&Gpu::default()),
            "a model that is not in the list; suits fp32, 90% of free memory, batches of 8192 tokens"
        );
    }
}
