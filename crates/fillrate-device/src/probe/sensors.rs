//! The sensors of one GPU, read again and again while it computes.

use nvml_wrapper::Nvml;

use super::Gpu;
use crate::routing::Reading;

/// The sensors of one GPU, through NVML. The library stays loaded, so that a look costs less than a
/// millisecond.
#[derive(Debug)]
pub struct Sensors {
    nvml: Nvml,
    uuid: String,
    /// Errors that were there before: what they cost somebody else is over.
    uncorrected_errors_before: u64,
}

impl Sensors {
    /// The sensors of the GPU with this name, such as `GPU-5a3…`; `None` if the driver's library does not
    /// know it.
    #[must_use]
    pub fn open(uuid: &str) -> Option<Self> {
        Self::of(Nvml::init().ok()?, uuid)
    }

    /// As [`Self::open`], through the NVML library at `library` instead of the system's.
    #[must_use]
    pub fn open_with(library: &std::ffi::OsStr, uuid: &str) -> Option<Self> {
        Self::of(Nvml::builder().lib_path(library).init().ok()?, uuid)
    }

    fn of(nvml: Nvml, uuid: &str) -> Option<Self> {
        let mut sensors = Self { nvml, uuid: uuid.to_owned(), uncorrected_errors_before: 0 };
        sensors.uncorrected_errors_before = sensors.read()?.uncorrected_errors.unwrap_or(0);
        Some(sensors)
    }

    /// What they say now; errors in memory are those since this was opened. `None` if the GPU no longer
    /// answers.
    #[must_use]
    pub fn read(&self) -> Option<Reading> {
        let device = self.nvml.device_by_uuid(self.uuid.as_str()).ok()?;
        let reading = Reading::from(&Gpu::read(device.index().ok()?, Ok(device)));
        let since = |errors: u64| errors.saturating_sub(self.uncorrected_errors_before);
        Some(Reading { uncorrected_errors: reading.uncorrected_errors.map(since), ..reading })
    }
}
