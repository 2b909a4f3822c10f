//! `--device` for the verbs over prices: which jobs may go to a GPU, and what is said of where they went.

use std::sync::{Arc, Mutex, PoisonError};

use fillrate::market::device::{Computer, DeviceOptions, Job, Open, Report};
use fillrate_device::cuda::Library;
use fillrate_device::memory::MemoryOptions;
use fillrate_device::routing::{HealthLimits, Preference, RouterOptions};
use fillrate_kernels::cuda::{Accelerator, Gpu, GpuOptions, GpuPrecision, Program};

use super::table::count;
use crate::cli::{Verb, WavesArgs, WavesVerb};
use crate::failure::hinted;
use crate::output::Printer;
use crate::settings::{DeviceChoice, Origin, Settings, keys};

/// What a verb computes that no GPU does.
fn without_kernel(verb: &Verb) -> Option<&'static str> {
    match verb {
        Verb::Waves(arguments) => waves_without_kernel(arguments),
        _ => None,
    }
}

/// Of the search for waves, a GPU has that of surrogates.
fn waves_without_kernel(arguments: &WavesArgs) -> Option<&'static str> {
    match arguments.verb {
        Some(WavesVerb::Backtest(_)) => Some("waves backtest"),
        None if arguments.chance.surrogates.is_none() => Some("waves without --surrogates"),
        None => None,
    }
}

/// Warns where a flag asks for a GPU and no kernel computes what the verb does: the processor does. A
/// setting that stands for all verbs means those that can.
pub(super) fn warn_without_kernel(verb: &Verb, settings: &Settings, printer: &Printer) {
    if let Some(what) = without_kernel(verb) {
        warn_processor_computes(what, settings, printer);
    }
}

/// The same for a part of what a verb does.
pub(super) fn warn_processor_computes(what: &str, settings: &Settings, printer: &Printer) {
    if let Some(message) = unmet(what, settings) {
        printer.warn(&message);
    }
}

/// What is said of a flag for a GPU that does not compute `what`.
fn unmet(what: &str, settings: &Settings) -> Option<String> {
    let is_flag = matches!(settings.origin(&keys::DEVICE), Origin::Flag(_));
    let is_asked = is_flag && matches!(settings.device, DeviceChoice::Cuda(_));
    let device = settings.device;
    is_asked.then(|| {
        format!("--device {device}: {what} has no CUDA kernel, so the processor computes it")
    })
}

/// Where jobs of one kind are computed, as the settings say. A GPU that is asked for is opened here.
///
/// # Errors
///
/// If a GPU that is asked for cannot be used.
pub(super) fn computer<J: Job>(settings: &Settings) -> anyhow::Result<Computer<J>> {
    PriceDevice::of(settings).computer()
}

/// A device for jobs of several kinds, which share its one context.
pub(super) struct PriceDevice {
    /// `None` is the processor.
    gpu: Option<(Arc<Open>, Preference)>,
    limits: HealthLimits,
}

impl PriceDevice {
    /// The processor, whatever the settings say.
    pub(super) fn processor(settings: &Settings) -> Self {
        Self { gpu: None, limits: health_limits(settings) }
    }

    /// What the settings say.
    pub(super) fn of(settings: &Settings) -> Self {
        let limits = health_limits(settings);
        let (ordinal, preference) = match settings.device {
            DeviceChoice::Cpu => return Self { gpu: None, limits },
            DeviceChoice::Cuda(ordinal) => (ordinal.unwrap_or(0), Preference::Primary),
            // Most machines have none, and that is nothing to speak of.
            DeviceChoice::Auto if !Library::Driver.is_present() => {
                return Self { gpu: None, limits };
            }
            DeviceChoice::Auto => (0, Preference::Auto),
        };
        let options = gpu_options(settings);
        let open = move || -> fillrate::Result<Arc<dyn Accelerator>> {
            Ok(Arc::new(Gpu::open(ordinal, GpuPrecision::Best, &options)?))
        };
        Self { gpu: Some((shared(open), preference)), limits }
    }

    /// Where jobs of one kind are computed. A GPU that is asked for is opened here.
    ///
    /// # Errors
    ///
    /// If a GPU that is asked for cannot be used.
    pub(super) fn computer<J: Job>(&self) -> anyhow::Result<Computer<J>> {
        let Some((open, preference)) = &self.gpu else { return Ok(Computer::processor()) };
        let router = RouterOptions { preference: *preference, ..RouterOptions::default() };
        let (open, limits, opening) = (Arc::clone(open), self.limits, DeviceOptions::OPENING);
        Computer::on(DeviceOptions { open, router, limits, opening }).map_err(|e| unusable(&e))
    }
}

/// The error of a run that was told to use a GPU and cannot.
pub(super) fn unusable(error: &fillrate::Error) -> anyhow::Error {
    let usual = "`fillrate doctor` says what is missing; `--device auto` takes the processor then";
    hinted(format!("cannot compute on the GPU: {error}"), error.hint().unwrap_or(usual))
}

/// Opens a device once for all who ask, and anew when its context was lost, which every call into it says.
fn shared(
    open: impl Fn() -> fillrate::Result<Arc<dyn Accelerator>> + Send + Sync + 'static,
) -> Arc<Open> {
    let opened: Mutex<Option<Arc<dyn Accelerator>>> = Mutex::new(None);
    Arc::new(move || {
        let mut opened = opened.lock().unwrap_or_else(PoisonError::into_inner);
        let is_well = |device: &Arc<dyn Accelerator>| {
            device.queue(Program::Prices).and_then(|queue| queue.synchronize()).is_ok()
        };
        if let Some(device) = opened.as_ref().filter(|device| is_well(device)) {
            return Ok(Arc::clone(device));
        }
        // Its memory is wanted for the new one.
        *opened = None;
        Ok(Arc::clone(opened.insert(open()?)))
    })
}

/// How a GPU's memory is used, and where its compiled kernels are kept.
pub(super) fn gpu_options(settings: &Settings) -> GpuOptions {
    GpuOptions {
        memory: MemoryOptions {
            fraction: settings.text.on_gpu.memory_fraction,
            reserve: settings.text.on_gpu.reserve,
            ..MemoryOptions::default()
        },
        cubins: settings.hub.cubins.clone(),
    }
}

/// When a GPU is not well enough for work.
pub(super) fn health_limits(settings: &Settings) -> HealthLimits {
    let usual = HealthLimits::default();
    let temperature_c_max = settings.gpu.temperature_c_max.unwrap_or(usual.temperature_c_max);
    HealthLimits { temperature_c_max, ..usual }
}

/// Says where jobs went, if not all to the processor of its own.
pub(super) fn say(report: &Report, printer: &Printer) {
    if let Some(reason) = &report.not_opened {
        printer.note(&format!("the GPU is not used: {reason}"));
    }
    let Some(device) = &report.device else { return };
    if report.on_device + report.on_processor > 0 {
        let jobs = count(report.on_device + report.on_processor, "part");
        printer.note(&format!("{} of {jobs} computed on {device}", report.on_device));
    }
    if let Some(reason) = &report.reason {
        let parts = count(report.degraded, "part");
        printer
            .warn(&format!("{device} failed at {parts}, which the processor computed: {reason}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    use crate::cli::Cli;

    fn warning(line: &str, environment: Option<&str>) -> Option<String> {
        let cli = Cli::try_parse_from(line.split(' ')).unwrap();
        let variable = |name: &str| environment.filter(|_| name == "FILLRATE_DEVICE");
        let settings = Settings::settle(&cli, |name| variable(name).map(Into::into)).unwrap();
        without_kernel(&cli.verb).and_then(|what| unmet(what, &settings))
    }

    #[test]
    fn a_flag_that_no_kernel_heeds_is_spoken_of() {
        for (line, what) in [
            ("fillrate waves p.csv", "waves without --surrogates"),
            ("fillrate waves backtest p.csv", "waves backtest"),
        ] {
            for device in ["auto", "cpu"] {
                assert_eq!(warning(&format!("{line} --device {device}"), None), None, "{line}");
            }
            let expected =
                format!("--device cuda:1: {what} has no CUDA kernel, so the processor computes it");
            assert_eq!(warning(&format!("{line} --device cuda:1"), None), Some(expected));
            // A setting for all verbs means those that can.
            assert_eq!(warning(line, Some("cuda")), None);
        }
        for line in [
            "indicators p.csv --sma 3",
            "portfolio p.csv --objective min-variance --long-only",
            "waves p.csv --surrogates 9",
            "options iv q.csv",
        ] {
            assert_eq!(warning(&format!("fillrate {line} --device cuda"), None), None, "{line}");
        }
    }
}
