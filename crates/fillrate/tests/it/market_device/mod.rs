//! Jobs over prices on a device, which here is the processor in a GPU's stead: the kernels, the layout
//! of memory and the copies are those of a GPU, and so are the results, to the bit.

mod options;
mod risk;
mod series;
mod sums;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use fillrate::market::device::{Computer, DeviceOptions, Job};
use fillrate_device::Fault;
use fillrate_device::routing::{BreakerOptions, HealthLimits, Preference, RouterOptions};
use fillrate_kernels::cuda::{
    Accelerator, Address, DenseProduct, Element, Launch, Memory, Product, Program, Queue, Region,
};
use fillrate_kernels::{Error, Result};

use crate::emulator::{Emulator, Engine};

/// The processor in a GPU's stead. Some of its launches fail, or it has no memory.
#[derive(Clone)]
pub(crate) struct Device {
    pub(crate) emulator: Arc<OnceLock<Arc<Emulator>>>,
    /// How many kernels were launched.
    pub(crate) launches: Arc<AtomicUsize>,
    /// How the threads of its blocks are run.
    pub(crate) engine: Engine,
    /// The launch that fails, from 0.
    pub(crate) failing: Option<usize>,
    /// How often it was asked for memory.
    pub(crate) requests: Arc<AtomicUsize>,
    /// The request for memory that fails, from 0.
    pub(crate) full: Option<usize>,
}

impl Device {
    pub(crate) fn sound() -> Self {
        let (emulator, launches, requests) = Default::default();
        let (engine, failing, full) = (Engine::Fibers, None, None);
        Self { emulator, launches, engine, failing, requests, full }
    }
}

fn failure(source: Fault) -> Error {
    Error::Device(fillrate_device::Error::Device { device: "cuda:emulated".to_owned(), source })
}

impl Accelerator for Device {
    fn element(&self) -> Element {
        Element::Fp16
    }

    fn name(&self) -> String {
        "cuda:emulated".to_owned()
    }

    fn queue(&self, program: Program) -> Result<Arc<dyn Queue>> {
        self.emulator.get_or_init(|| Arc::new(Emulator::start(program, self.engine)));
        Ok(Arc::new(self.clone()))
    }

    fn allocate(&self, _: Memory, bytes: usize, _: &'static str) -> Result<Region> {
        if self.full == Some(self.requests.fetch_add(1, Ordering::Relaxed)) {
            return Err(failure(Fault::OutOfMemory { requested_bytes: bytes as u64 }));
        }
        Ok(Emulator::region(self.emulator.get().expect("a queue comes first"), bytes))
    }
}

impl Queue for Device {
    fn shared_bytes_max(&self) -> u32 {
        self.emulator.get().unwrap().shared_bytes_max()
    }
    fn program(&self) -> Program {
        self.emulator.get().unwrap().program()
    }
    fn launch(&self, launch: &Launch<'_>) -> Result<()> {
        if self.failing == Some(self.launches.fetch_add(1, Ordering::Relaxed)) {
            return Err(failure(Fault::Operation { what: "a launch out of resources".into() }));
        }
        self.emulator.get().unwrap().launch(launch)
    }
    fn multiply(&self, product: &Product) -> Result<()> {
        self.emulator.get().unwrap().multiply(product)
    }
    fn multiply_dense(&self, product: &DenseProduct) -> Result<()> {
        if self.failing == Some(self.launches.fetch_add(1, Ordering::Relaxed)) {
            return Err(failure(Fault::Operation { what: "a product without algorithm".into() }));
        }
        self.emulator.get().unwrap().multiply_dense(product)
    }
    fn upload(&self, to: Address, bytes: &[u8]) -> Result<()> {
        self.emulator.get().unwrap().upload(to, bytes)
    }
    fn download(&self, from: Address, bytes: &mut [u8]) -> Result<()> {
        self.emulator.get().unwrap().download(from, bytes)
    }
    fn synchronize(&self) -> Result<()> {
        Ok(())
    }
}

/// A computer that wants the device.
pub(crate) fn computer<J: Job>(device: Device) -> Computer<J> {
    let breaker = BreakerOptions {
        back_off_first: Duration::ZERO,
        back_off_max: Duration::ZERO,
        jitter: 0.0,
        ..BreakerOptions::default()
    };
    let deadline = Duration::from_mins(10);
    let preference = Preference::Primary;
    let router = RouterOptions { preference, breaker, deadline, ..RouterOptions::default() };
    let open = move || -> fillrate::Result<Arc<dyn Accelerator>> { Ok(Arc::new(device.clone())) };
    let (limits, opening) = (HealthLimits::default(), DeviceOptions::OPENING);
    Computer::on(DeviceOptions { open: Arc::new(open), router, limits, opening }).unwrap()
}

fn bits(values: &[f64]) -> Vec<u64> {
    let of = |value: &f64| if value.is_nan() { f64::NAN.to_bits() } else { value.to_bits() };
    values.iter().map(of).collect()
}
