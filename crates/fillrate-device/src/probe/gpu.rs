//! The NVIDIA GPUs, through NVML, the driver's own library, which is loaded when it is here.

use std::ffi::OsStr;

use nvml_wrapper::bitmasks::device::ThrottleReasons;
use nvml_wrapper::enum_wrappers::device::{EccCounter, MemoryError, TemperatureSensor};
use nvml_wrapper::error::NvmlError;
use nvml_wrapper::{Device, Nvml};
use serde::Serialize;

/// What holds a clock down against its owner's will; a clock that idles or was set is not among it.
///
/// Source: NVML's reference, `NvmlClocksEventReasons`.
const HELD_DOWN: ThrottleReasons = ThrottleReasons::SW_POWER_CAP
    .union(ThrottleReasons::HW_SLOWDOWN)
    .union(ThrottleReasons::SW_THERMAL_SLOWDOWN)
    .union(ThrottleReasons::HW_THERMAL_SLOWDOWN)
    .union(ThrottleReasons::HW_POWER_BRAKE_SLOWDOWN);

/// The state of NVIDIA GPUs on this machine.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Gpus {
    /// There is no NVIDIA driver: for most machines the normal answer.
    NoDriver {
        /// How that shows.
        why: String,
    },
    /// The driver is here and does not answer.
    Failed {
        /// What it said.
        why: String,
    },
    /// The driver answers; it may still see no GPU.
    Present {
        /// The driver's version, such as `580.65.06`.
        driver_version: Option<String>,
        /// The newest CUDA that the driver runs.
        cuda_version: Option<Version>,
        /// The GPUs in the driver's order.
        devices: Vec<Gpu>,
    },
}

/// A version of two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Version {
    /// The first number.
    pub major: u32,
    /// The second number.
    pub minor: u32,
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// One GPU; a reading that it does not offer is `None`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Gpu {
    /// Its index in the driver's order.
    pub index: u32,
    /// Its name.
    pub name: Option<String>,
    /// The name that stays with it across restarts.
    pub uuid: Option<String>,
    /// What its processors can do.
    pub compute_capability: Option<Version>,
    /// Memory built in, in bytes.
    pub memory_total_bytes: Option<u64>,
    /// Memory free now, in bytes.
    pub memory_free_bytes: Option<u64>,
    /// Memory in use now, in bytes.
    pub memory_used_bytes: Option<u64>,
    /// The temperature of the chip, in degrees Celsius.
    pub temperature_c: Option<u32>,
    /// The power drawn now, in watts.
    pub power_w: Option<f64>,
    /// The power it may draw, in watts.
    pub power_limit_w: Option<f64>,
    /// The share of the last sample period in which a kernel ran, in percent.
    pub utilization_percent: Option<u32>,
    /// Whether its clock is held down, by heat or power.
    pub is_throttled: Option<bool>,
    /// Whether its memory corrects errors.
    pub ecc_enabled: Option<bool>,
    /// Errors in memory that could not be corrected, since the driver was loaded.
    pub uncorrected_errors: Option<u64>,
    /// Whether it is divided into instances.
    pub mig_enabled: Option<bool>,
}

impl Gpus {
    /// Asks the driver.
    #[must_use]
    pub fn probe() -> Self {
        Self::of(Nvml::init())
    }

    /// Asks the NVML library at `library` instead of the system's.
    #[must_use]
    pub fn probe_with(library: &OsStr) -> Self {
        Self::of(Nvml::builder().lib_path(library).init())
    }

    /// The GPUs, if the driver answers.
    #[must_use]
    pub fn devices(&self) -> &[Gpu] {
        match self {
            Self::Present { devices, .. } => devices,
            Self::NoDriver { .. } | Self::Failed { .. } => &[],
        }
    }

    fn of(nvml: Result<Nvml, NvmlError>) -> Self {
        let nvml = match nvml {
            Ok(nvml) => nvml,
            Err(error) => return Self::without(&error),
        };
        let count = match nvml.device_count() {
            Ok(count) => count,
            Err(error) => return Self::Failed { why: error.to_string() },
        };
        Self::Present {
            driver_version: nvml.sys_driver_version().ok(),
            cuda_version: nvml.sys_cuda_driver_version().ok().and_then(cuda_version),
            devices: (0..count)
                .map(|index| Gpu::read(index, nvml.device_by_index(index)))
                .collect(),
        }
    }

    fn without(error: &NvmlError) -> Self {
        match error {
            // The loader's own words are long and name every folder it searched.
            NvmlError::LibloadingError(_) | NvmlError::LibraryNotFound => {
                Self::NoDriver { why: "the NVIDIA driver's library is not installed".to_owned() }
            }
            NvmlError::DriverNotLoaded => {
                Self::NoDriver { why: "the NVIDIA driver is installed but not loaded".to_owned() }
            }
            error => Self::Failed { why: error.to_string() },
        }
    }
}

impl Gpu {
    pub(super) fn read(index: u32, device: Result<Device<'_>, NvmlError>) -> Self {
        let Ok(device) = device else { return Self { index, ..Self::default() } };
        let memory = device.memory_info().ok();
        Self {
            index,
            name: device.name().ok(),
            uuid: device.uuid().ok(),
            compute_capability: device
                .cuda_compute_capability()
                .ok()
                .and_then(|found| version(found.major, found.minor)),
            memory_total_bytes: memory.as_ref().map(|memory| memory.total),
            memory_free_bytes: memory.as_ref().map(|memory| memory.free),
            memory_used_bytes: memory.as_ref().map(|memory| memory.used),
            temperature_c: device.temperature(TemperatureSensor::Gpu).ok(),
            power_w: device.power_usage().ok().map(watts),
            power_limit_w: device.enforced_power_limit().ok().map(watts),
            utilization_percent: device.utilization_rates().ok().map(|rates| rates.gpu),
            is_throttled: device
                .current_throttle_reasons()
                .ok()
                .map(|reasons| reasons.intersects(HELD_DOWN)),
            ecc_enabled: device.is_ecc_enabled().ok().map(|state| state.currently_enabled),
            uncorrected_errors: device
                .total_ecc_errors(MemoryError::Uncorrected, EccCounter::Volatile)
                .ok(),
            mig_enabled: device.mig_mode().ok().map(|mode| mode.current == 1),
        }
    }
}

fn watts(milliwatts: u32) -> f64 {
    f64::from(milliwatts) / 1000.0
}

fn version(major: i32, minor: i32) -> Option<Version> {
    Some(Version { major: major.try_into().ok()?, minor: minor.try_into().ok()? })
}

/// Source: the CUDA driver API, `cuDriverGetVersion`: 1000 × major + 10 × minor.
fn cuda_version(number: i32) -> Option<Version> {
    let number = u32::try_from(number).ok()?;
    Some(Version { major: number / 1000, minor: number % 1000 / 10 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_absent_library_is_a_normal_answer() {
        let gpus = Gpus::probe_with(OsStr::new("libnothing-of-the-kind.so"));
        assert!(matches!(gpus, Gpus::NoDriver { .. }), "{gpus:?}");
        assert!(gpus.devices().is_empty());
    }

    #[test]
    fn a_driver_that_fails_says_so() {
        let gpus = Gpus::without(&NvmlError::NoPermission);
        assert!(matches!(&gpus, Gpus::Failed { why } if why.contains("permission")), "{gpus:?}");
    }

    #[test]
    fn cuda_versions_are_taken_apart() {
        assert_eq!(cuda_version(13_000).map(|v| v.to_string()), Some("13.0".to_owned()));
        assert_eq!(cuda_version(12_080).map(|v| v.to_string()), Some("12.8".to_owned()));
        assert_eq!(cuda_version(-1), None);
    }
}
