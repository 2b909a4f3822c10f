//! A GPU's context: what every other call happens in.

use std::fmt::Write as _;
use std::sync::Arc;

use cudarc::driver::{result, sys};

use super::error::check;
use super::{Error, Library, Result};
use crate::probe::Version;

/// The oldest driver API whose functions are used, as `cuDriverGetVersion` counts.
const DRIVER_VERSION_MIN: i32 = 12_000;

/// What kernels are launched with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceLimits {
    /// The GPU's name.
    pub name: String,
    /// What its processors can do.
    pub capability: Version,
    /// How many multiprocessors it has.
    pub multiprocessors: u32,
    /// The most dynamic shared memory that a block may ask for, in bytes.
    pub shared_bytes_max: u32,
}

/// The primary context of one GPU, retained while this lives.
pub struct Context {
    ordinal: u32,
    device: sys::CUdevice,
    handle: sys::CUcontext,
    limits: DeviceLimits,
}

// SAFETY: the handle is a name that the driver looks up; its functions may be called from any thread.
unsafe impl Send for Context {}
// SAFETY: as above.
unsafe impl Sync for Context {}

impl Context {
    /// Opens GPU `ordinal` in CUDA's order.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`] without a driver, [`Error::DriverTooOld`], [`Error::NoSuchGpu`], and whatever
    /// the driver says.
    pub fn open(ordinal: u32) -> Result<Arc<Self>> {
        let count = Self::count()?;
        if ordinal >= count {
            return Err(Error::NoSuchGpu { ordinal, count });
        }
        let device = check("cuDeviceGet", result::device::get(ordinal as i32))?;
        let limits = limits(device)?;
        // SAFETY: the device is one that the driver gave.
        let handle = unsafe { result::primary_ctx::retain(device) };
        let handle = check("cuDevicePrimaryCtxRetain", handle)?;
        Ok(Arc::new(Self { ordinal, device, handle, limits }))
    }

    /// The name that stays with the GPU across restarts, as NVML has it: `GPU-` and a UUID.
    ///
    /// # Errors
    ///
    /// If the driver fails.
    pub fn uuid(&self) -> Result<String> {
        let bytes = check("cuDeviceGetUuid", result::device::get_uuid(self.device))?.bytes;
        let mut name = "GPU".to_owned();
        for (at, byte) in bytes.iter().enumerate() {
            if [0, 4, 6, 8, 10].contains(&at) {
                name.push('-');
            }
            // Writing to a `String` cannot fail.
            let _ = write!(name, "{:02x}", byte.cast_unsigned());
        }
        Ok(name)
    }

    /// How many GPUs the driver shows this process.
    ///
    /// # Errors
    ///
    /// As [`Self::open`].
    pub fn count() -> Result<u32> {
        Library::Driver.require()?;
        check("cuInit", result::init())?;
        let mut version = 0;
        // SAFETY: a place to write an int to.
        let status = unsafe { sys::cuDriverGetVersion(&raw mut version) };
        check("cuDriverGetVersion", status.result())?;
        if version < DRIVER_VERSION_MIN {
            return Err(Error::DriverTooOld { version, version_min: DRIVER_VERSION_MIN });
        }
        Ok(check("cuDeviceGetCount", result::device::get_count())?.cast_unsigned())
    }

    /// The GPU's place in CUDA's order.
    #[must_use]
    pub const fn ordinal(&self) -> u32 {
        self.ordinal
    }

    /// What kernels are launched with.
    #[must_use]
    pub const fn limits(&self) -> &DeviceLimits {
        &self.limits
    }

    /// Waits for all work of the context.
    ///
    /// # Errors
    ///
    /// If the driver fails, or earlier work did.
    pub fn synchronize(&self) -> Result<()> {
        self.bind()?;
        check("cuCtxSynchronize", result::ctx::synchronize())
    }

    /// Makes it the calling thread's context, which the driver's functions act on.
    pub(super) fn bind(&self) -> Result<()> {
        // SAFETY: the context is retained while this lives.
        check("cuCtxSetCurrent", unsafe { result::ctx::set_current(self.handle) })
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // A failure here means that the driver is going away, and the context with it.
        // SAFETY: it was retained once.
        let _ = unsafe { result::primary_ctx::release(self.device) };
    }
}

fn limits(device: sys::CUdevice) -> Result<DeviceLimits> {
    use sys::CUdevice_attribute as Attribute;
    let read = |attribute: Attribute| {
        // SAFETY: the device is one that the driver gave.
        let value = unsafe { result::device::get_attribute(device, attribute) };
        check("cuDeviceGetAttribute", value).map(i32::cast_unsigned)
    };
    Ok(DeviceLimits {
        name: check("cuDeviceGetName", result::device::get_name(device))?,
        capability: Version {
            major: read(Attribute::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR)?,
            minor: read(Attribute::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR)?,
        },
        multiprocessors: read(Attribute::CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT)?,
        shared_bytes_max: read(Attribute::CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN)?,
    })
}
