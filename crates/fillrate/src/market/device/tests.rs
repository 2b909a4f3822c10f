use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use fillrate_device::Fault;
use fillrate_device::routing::{BreakerOptions, HealthLimits, Preference, RouterOptions};
use fillrate_kernels::cuda::{Element, Launch, Product, Queue};

use super::*;
use crate::Error;
use crate::device::lock;

/// A queue that does nothing.
struct Idle;

impl Queue for Idle {
    fn shared_bytes_max(&self) -> u32 {
        0
    }
    fn program(&self) -> Program {
        Program::Prices
    }
    fn launch(&self, _: &Launch<'_>) -> fillrate_kernels::Result<()> {
        Ok(())
    }
    fn multiply(&self, _: &Product) -> fillrate_kernels::Result<()> {
        Ok(())
    }
    fn upload(&self, _: Address, _: &[u8]) -> fillrate_kernels::Result<()> {
        Ok(())
    }
    fn download(&self, _: Address, _: &mut [u8]) -> fillrate_kernels::Result<()> {
        Ok(())
    }
    fn synchronize(&self) -> fillrate_kernels::Result<()> {
        Ok(())
    }
}

struct Fake;

impl Accelerator for Fake {
    fn element(&self) -> Element {
        Element::Fp16
    }
    fn name(&self) -> String {
        "cuda:7".to_owned()
    }
    fn queue(&self, _: Program) -> fillrate_kernels::Result<Arc<dyn Queue>> {
        Ok(Arc::new(Idle))
    }
    fn allocate(
        &self,
        _: Memory,
        bytes: usize,
        _: &'static str,
    ) -> fillrate_kernels::Result<Region> {
        Ok(Region::new(Address(256), bytes, Box::new(())))
    }
}

fn device_error(source: Fault) -> Error {
    let device = "cuda:7".to_owned();
    let error = fillrate_device::Error::Device { device, source };
    Error::Kernel(fillrate_kernels::Error::Device(error))
}

/// What devices do is told beforehand, and counted.
#[derive(Clone, Default)]
struct Script {
    faults: Arc<Mutex<VecDeque<Fault>>>,
    opened: Arc<AtomicUsize>,
    on_device: Arc<AtomicUsize>,
}

impl Script {
    fn with(faults: impl IntoIterator<Item = Fault>) -> Self {
        let faults = Arc::new(Mutex::new(faults.into_iter().collect()));
        Self { faults, ..Self::default() }
    }

    fn job(&self, values: &[f64]) -> Sum {
        Sum { values: values.to_vec(), script: self.clone() }
    }

    fn opened(&self) -> usize {
        self.opened.load(Ordering::Relaxed)
    }

    /// The device is tried again at once, so that no test waits.
    fn computer(&self, preference: Preference, opening: Duration) -> Result<Computer<Sum>> {
        let breaker = BreakerOptions {
            back_off_first: Duration::ZERO,
            back_off_max: Duration::ZERO,
            jitter: 0.0,
            ..BreakerOptions::default()
        };
        let deadline = Duration::from_mins(10);
        let router = RouterOptions { preference, breaker, deadline, ..RouterOptions::default() };
        let script = self.clone();
        let open = move || -> Result<Arc<dyn Accelerator>> {
            script.opened.fetch_add(1, Ordering::Relaxed);
            Ok(Arc::new(Fake))
        };
        let limits = HealthLimits::default();
        Computer::on(DeviceOptions { open: Arc::new(open), router, limits, opening })
    }
}

/// Adds up values; not a number is nobody's to add.
struct Sum {
    values: Vec<f64>,
    script: Script,
}

impl Job for Sum {
    type Answer = f64;

    fn size(&self) -> u64 {
        self.values.len() as u64
    }

    fn on_processor(&self) -> Result<f64> {
        Ok(self.values.iter().sum())
    }

    fn on_device(&self, _: &MarketDevice) -> Result<f64> {
        self.script.on_device.fetch_add(1, Ordering::Relaxed);
        if let Some(fault) = lock(&self.script.faults).pop_front() {
            return Err(device_error(fault));
        }
        if self.values.iter().any(|value| value.is_nan()) {
            let message = "a value is missing".to_owned();
            return Err(Error::Argument { name: "values", message });
        }
        self.on_processor()
    }
}

fn assert_sum(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-12, "{found}, {expected}");
}

#[test]
fn what_a_device_fails_is_answered_by_the_processor_with_the_reason() {
    let script = Script::with([Fault::OutOfMemory { requested_bytes: 7 }]);
    let computer = script.computer(Preference::Primary, Duration::MAX).unwrap();
    assert_sum(computer.run(script.job(&[1.0, 2.0])).unwrap(), 3.0);
    assert_sum(computer.run(script.job(&[1.0, 4.0])).unwrap(), 5.0);
    let expected = Report {
        device: Some("cuda:7".to_owned()),
        on_device: 1,
        on_processor: 1,
        degraded: 1,
        reason: Some("the device has no 7 bytes left".to_owned()),
        not_opened: None,
    };
    assert_eq!(computer.report(), expected);
    assert_eq!(script.opened(), 1);
}

#[test]
fn a_lost_context_is_opened_anew() {
    let script = Script::with([Fault::Sticky { what: "trap".to_owned() }]);
    let computer = script.computer(Preference::Primary, Duration::MAX).unwrap();
    for value in [1.0, 2.0, 3.0] {
        assert_sum(computer.run(script.job(&[value])).unwrap(), value);
    }
    let Report { on_device, degraded, reason, .. } = computer.report();
    assert_eq!((on_device, degraded), (2, 1));
    assert_eq!(reason.as_deref(), Some("the device's context is lost: trap"));
    assert_eq!(script.opened(), 2);
}

#[test]
fn a_job_at_fault_fails_and_is_not_tried_twice() {
    let script = Script::default();
    let computer = script.computer(Preference::Primary, Duration::MAX).unwrap();
    let error = computer.run(script.job(&[f64::NAN])).unwrap_err();
    assert_eq!(error.to_string(), "values: a value is missing");
    assert_eq!(script.on_device.load(Ordering::Relaxed), 1);
    assert_eq!(computer.report().on_processor, 0);
}

#[test]
fn a_device_is_opened_only_when_the_work_is_worth_it() {
    let script = Script::default();
    let never = script.computer(Preference::Auto, Duration::MAX).unwrap();
    for _ in 0..3 {
        assert_sum(never.run(script.job(&[1.0])).unwrap(), 1.0);
    }
    assert_eq!((script.opened(), never.report().on_processor), (0, 3));
    let at_once = script.computer(Preference::Auto, Duration::ZERO).unwrap();
    assert_eq!(script.opened(), 0, "nothing is opened before there is work");
    for _ in 0..20 {
        assert_sum(at_once.run(script.job(&[1.0, 1.5])).unwrap(), 2.5);
    }
    let Report { device, on_device, on_processor, degraded, .. } = at_once.report();
    assert_eq!((device.as_deref(), degraded, script.opened()), (Some("cuda:7"), 0, 1));
    // Both sides have been measured.
    assert!(on_device > 0 && on_processor > 0, "{on_device}, {on_processor}");
    assert_eq!(on_device + on_processor, 20);
}

#[test]
fn a_device_that_cannot_be_opened_is_an_error_only_where_it_is_wanted() {
    let refusing = |preference| {
        let open = || -> Result<Arc<dyn Accelerator>> {
            Err(device_error(Fault::DriverGone { what: "no driver".to_owned() }))
        };
        let router = RouterOptions { preference, ..RouterOptions::default() };
        let (limits, opening) = (HealthLimits::default(), Duration::ZERO);
        Computer::<Sum>::on(DeviceOptions { open: Arc::new(open), router, limits, opening })
    };
    let error = refusing(Preference::Primary).err().unwrap();
    assert!(error.is_device(), "{error}");
    let computer = refusing(Preference::Auto).unwrap();
    let script = Script::default();
    assert_sum(computer.run(script.job(&[2.0])).unwrap(), 2.0);
    assert_sum(computer.run(script.job(&[3.0])).unwrap(), 3.0);
    let Report { device, on_processor, degraded, not_opened, .. } = computer.report();
    assert_eq!((device, on_processor, degraded), (None, 2, 0));
    let reason = not_opened.unwrap();
    assert!(reason.ends_with("the driver does not answer: no driver"), "{reason}");
}

#[test]
fn without_a_device_the_processor_computes() {
    let computer = Computer::processor();
    assert_sum(computer.run(Script::default().job(&[1.0, 1.0])).unwrap(), 2.0);
    assert_eq!(computer.report(), Report { on_processor: 1, ..Report::default() });
}
