//! What a run with these settings will use, and why.

use fillrate::text::registry::{KNOWN_MODELS, Origin};
use fillrate_device::cuda::{self, Library};
use fillrate_device::probe::Machine;
use fillrate_kernels::{Cpu, Precision, Tier};
use serde::Serialize;

use crate::settings::{DeviceChoice, PrecisionChoice, Settings, keys};

/// A choice and its reason.
#[derive(Debug, Serialize)]
pub(super) struct Choice<T> {
    /// What is used.
    pub(super) value: T,
    /// Why.
    pub(super) why: String,
}

/// What a run will use.
#[derive(Debug, Serialize)]
pub(super) struct Uses {
    /// The device.
    pub(super) device: Choice<&'static str>,
    /// The kernels, named after the instructions they need.
    pub(super) kernels: Choice<&'static str>,
    /// The type an encoder computes in.
    pub(super) precision: Choice<&'static str>,
    /// The threads.
    pub(super) threads: Choice<usize>,
    /// The model.
    pub(super) model: Choice<String>,
}

impl Uses {
    pub(super) fn decide(machine: &Machine, settings: &Settings) -> Self {
        let cpu = Cpu::detect();
        let device = device(machine, settings);
        let on_gpu = gpu_precision(&device, machine, settings);
        Self {
            device,
            kernels: Choice { value: cpu.tier().as_str(), why: kernels_why(cpu.tier()).to_owned() },
            precision: on_gpu.unwrap_or_else(|| precision(cpu, settings)),
            threads: threads(machine, settings),
            model: Choice {
                value: settings.text.model.clone(),
                why: settings.origin(&keys::MODEL).to_string(),
            },
        }
    }
}

fn device(machine: &Machine, settings: &Settings) -> Choice<&'static str> {
    let origin = settings.origin(&keys::DEVICE);
    if settings.device == DeviceChoice::Cpu {
        return Choice { value: "cpu", why: origin.to_string() };
    }
    if machine.gpus.devices().is_empty() {
        return Choice { value: "cpu", why: "there is no GPU to use".to_owned() };
    }
    if let DeviceChoice::Cuda(Some(index)) = settings.device
        && machine.gpus.devices().iter().all(|gpu| gpu.index != index)
    {
        return Choice { value: "cpu", why: format!("there is no GPU {index}") };
    }
    if let Some(library) = Library::ALL.into_iter().find(|library| !library.is_present()) {
        return Choice { value: "cpu", why: cuda::Error::Missing { library }.to_string() };
    }
    let why = if origin.is_set() {
        origin.to_string()
    } else {
        "auto: there is a GPU, and what it needs is installed".to_owned()
    };
    Choice { value: "cuda", why }
}

/// The type that the GPU computes in; none where the processor does.
fn gpu_precision(
    device: &Choice<&'static str>,
    machine: &Machine,
    settings: &Settings,
) -> Option<Choice<&'static str>> {
    let asked = settings.text.precision;
    let gpu = machine.gpus.devices().first().filter(|_| device.value == "cuda")?;
    let why = match asked {
        PrecisionChoice::Auto => "auto: what this GPU's matrix units are made for".to_owned(),
        _ => settings.origin(&keys::PRECISION).to_string(),
    };
    let value = match asked {
        PrecisionChoice::Fp32 | PrecisionChoice::Int8 => return None,
        PrecisionChoice::Bf16 => "bf16",
        PrecisionChoice::Fp8 => "fp8",
        PrecisionChoice::Auto if gpu.compute_capability?.major >= 8 => "bf16",
        PrecisionChoice::Auto | PrecisionChoice::Fp16 => "fp16",
    };
    Some(Choice { value, why })
}

fn kernels_why(tier: Tier) -> &'static str {
    match tier {
        Tier::Amx => "the processor has AMX tiles and the system grants them",
        Tier::Avx512Bf16 => "the processor multiplies bfloat16 in 512-bit vectors",
        Tier::Avx512 => "the processor has AVX-512 with VNNI, but not bfloat16",
        Tier::Avx2 => "the processor has AVX2 and FMA, but not AVX-512 with VNNI",
        Tier::Portable => "no kernels are written for this processor's own instructions",
    }
}

fn precision(cpu: Cpu, settings: &Settings) -> Choice<&'static str> {
    let asked = |precision: Precision| Choice {
        value: precision.as_str(),
        why: settings.origin(&keys::PRECISION).to_string(),
    };
    let known = KNOWN_MODELS.iter().find(|known| known.answers_to(&settings.text.model));
    match (known.map(|known| &known.origin), settings.text.precision) {
        (Some(Origin::Builtin), _) => {
            let why = format!("{} has no other", settings.text.model);
            return Choice { value: "fp64", why };
        }
        (Some(Origin::Embedded(_)), PrecisionChoice::Auto) => {
            let why = format!("auto: the weights of {} are int8", settings.text.model);
            return Choice { value: Precision::Int8.as_str(), why };
        }
        _ => {}
    }
    match settings.text.precision {
        PrecisionChoice::Fp32 => asked(Precision::Fp32),
        PrecisionChoice::Bf16 => asked(Precision::Bf16),
        PrecisionChoice::Int8 => asked(Precision::Int8),
        // fp16 and fp8, in which the processor does not compute, are refused when a model is loaded.
        PrecisionChoice::Auto | PrecisionChoice::Fp16 | PrecisionChoice::Fp8 => {
            let precision = cpu.auto_precision();
            let why = if precision == Precision::Bf16 {
                "auto: these kernels multiply bf16 faster than fp32"
            } else {
                "auto: these kernels gain nothing from bf16"
            };
            Choice { value: precision.as_str(), why: why.to_owned() }
        }
    }
}

fn threads(machine: &Machine, settings: &Settings) -> Choice<usize> {
    if let Some(threads) = settings.threads {
        let why = settings.origin(&keys::THREADS).to_string();
        return Choice { value: threads.get(), why };
    }
    let why = match machine.cpu.quota_cpus {
        Some(quota) => format!("one per core within a quota of {quota:.1} processors"),
        None => "one per core that this process may use".to_owned(),
    };
    Choice { value: machine.cpu.threads_advised, why }
}
