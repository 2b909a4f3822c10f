//! Where jobs over prices are computed.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use fillrate_device::routing::{
    Executor, Failure, HealthLimits, Preference, Route, Routed, Router, RouterOptions,
};
use fillrate_kernels::cuda::Accelerator;

use super::{Job, MarketDevice};
use crate::device::{Sense, Slot, Vitals, lock};
use crate::{Error, Result};

/// Opens a device.
pub type Open = dyn Fn() -> Result<Arc<dyn Accelerator>> + Send + Sync;

/// A device to compute on, and when it is worth it.
pub struct DeviceOptions {
    /// Opens the device; called again after its context was lost.
    pub open: Arc<Open>,
    /// How the router works. With [`Preference::Auto`] the device is opened only after the processor
    /// has computed for [`Self::opening`], and each job then goes to the side that takes less time for
    /// jobs of its size, as measured on those before it, copies included.
    pub router: RouterOptions,
    /// When the device is not well enough for work.
    pub limits: HealthLimits,
    /// What opening a device costs, about: its context, and kernels that are found compiled. Whoever
    /// waits as long before opening it loses at most twice what the best choice would have cost.
    pub opening: Duration,
}

impl DeviceOptions {
    /// The usual time that a device takes to be opened.
    pub const OPENING: Duration = Duration::from_secs(1);
}

/// Computes jobs of one kind, on a device or on the processor.
pub struct Computer<J: Job> {
    candidate: Option<DeviceOptions>,
    state: Mutex<State<J>>,
}

struct State<J: Job> {
    routed: Option<Arc<RoutedJobs<J>>>,
    /// How long the processor has computed while it was not settled whether to open the device.
    spent: Duration,
    /// Whether a thread is opening the device; the others compute meanwhile.
    is_opening: bool,
    report: Report,
}

/// Where jobs were computed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The device that was used, such as `cuda:0`.
    pub device: Option<String>,
    /// Jobs that it computed.
    pub on_device: u64,
    /// Jobs that the processor computed, those in the device's place among them.
    pub on_processor: u64,
    /// Jobs that the processor computed in the device's place.
    pub degraded: u64,
    /// Why it did so the last time.
    pub reason: Option<String>,
    /// Why the device was not used at all although it could have been quicker.
    pub not_opened: Option<String>,
}

impl Report {
    /// This and what else was computed on the same device, together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            device: self.device.or(other.device),
            on_device: self.on_device + other.on_device,
            on_processor: self.on_processor + other.on_processor,
            degraded: self.degraded + other.degraded,
            reason: self.reason.or(other.reason),
            not_opened: self.not_opened.or(other.not_opened),
        }
    }
}

impl<J: Job> Computer<J> {
    /// Computes on the processor.
    #[must_use]
    pub fn processor() -> Self {
        let (spent, report) = (Duration::ZERO, Report::default());
        let state = State { routed: None, spent, is_opening: false, report };
        Self { candidate: None, state: Mutex::new(state) }
    }

    /// Computes on a device, with the processor behind it. A device that is wanted
    /// ([`Preference::Primary`]) is opened here.
    ///
    /// # Errors
    ///
    /// If a device that is wanted cannot be opened; [`Error::is_device`] tells.
    pub fn on(options: DeviceOptions) -> Result<Self> {
        let is_wanted = options.router.preference == Preference::Primary;
        let computer = Self { candidate: Some(options), ..Self::processor() };
        if is_wanted {
            computer.open()?;
        }
        Ok(computer)
    }

    /// Whether there is no device at all.
    #[must_use]
    pub const fn is_processor(&self) -> bool {
        self.candidate.is_none()
    }

    /// Computes one job. One that the device fails is computed by the processor.
    ///
    /// # Errors
    ///
    /// If the job is at fault.
    pub fn run(&self, job: J) -> Result<J::Answer> {
        let Some(routed) = self.routed() else {
            let begun = Instant::now();
            let answer = job.on_processor()?;
            let mut state = lock(&self.state);
            state.spent += begun.elapsed();
            state.report.on_processor += 1;
            return Ok(answer);
        };
        let Routed { answer, route, degraded } = routed.run(job)?;
        let report = &mut lock(&self.state).report;
        match route {
            Route::Primary => report.on_device += 1,
            Route::Twin => report.on_processor += 1,
        }
        if degraded.is_some() {
            report.degraded += 1;
            report.reason = degraded;
        }
        Ok(answer)
    }

    /// Where the jobs so far were computed.
    #[must_use]
    pub fn report(&self) -> Report {
        lock(&self.state).report.clone()
    }

    /// The router, if the device is open or now worth opening.
    fn routed(&self) -> Option<Arc<RoutedJobs<J>>> {
        let candidate = self.candidate.as_ref()?;
        {
            let mut state = lock(&self.state);
            if state.routed.is_some() {
                return state.routed.clone();
            }
            let is_worth_it = candidate.router.preference == Preference::Auto
                && state.report.not_opened.is_none()
                && state.spent >= candidate.opening;
            if !is_worth_it || state.is_opening {
                return None;
            }
            state.is_opening = true;
        }
        let opened = self.open();
        let mut state = lock(&self.state);
        state.is_opening = false;
        opened.map_err(|error| state.report.not_opened = Some(error.to_string())).ok()
    }

    fn open(&self) -> Result<Arc<RoutedJobs<J>>> {
        let Some(candidate) = &self.candidate else {
            let message = "there is none to open".to_owned();
            return Err(Error::Argument { name: "device", message });
        };
        let routed = Arc::new(RoutedJobs::open(candidate)?);
        let mut state = lock(&self.state);
        state.report.device = Some(routed.name.clone());
        Ok(Arc::clone(state.routed.insert(routed)))
    }
}

/// An open device and its router.
struct RoutedJobs<J: Job> {
    router: Router<J, J::Answer, Error>,
    vitals: Vitals,
    name: String,
}

impl<J: Job> RoutedJobs<J> {
    fn open(options: &DeviceOptions) -> Result<Self> {
        let accelerator = (options.open)()?;
        // They are asked long after this context may be lost, and do not hold it.
        let sense =
            accelerator.sensors().map(|sensors| -> Box<Sense> { Box::new(move || sensors.read()) });
        let first = MarketDevice::new(accelerator)?;
        let name = first.name();
        let open = Arc::clone(&options.open);
        let reload = move || MarketDevice::new(open()?);
        let slot = Slot::new(first, reload, options.router.threads.max(1));
        let router = Router::new(
            move || {
                let (device, slot) = (slot.take()?, Arc::clone(&slot));
                Ok(Box::new(OnDevice { device, slot }) as Box<dyn Executor<_, _, _>>)
            },
            J::on_processor,
            options.router,
        );
        Ok(Self { router, vitals: Vitals::new(sense, options.limits), name })
    }

    fn run(&self, job: J) -> Result<Routed<J::Answer>> {
        self.vitals.look(|reading, limits| {
            self.router.observe(reading, limits);
        });
        let size = job.size();
        self.router.run(&Arc::new(job), size)
    }
}

/// Does jobs on the device.
struct OnDevice {
    device: Arc<MarketDevice>,
    slot: Arc<Slot<MarketDevice>>,
}

impl<J: Job> Executor<J, J::Answer, Error> for OnDevice {
    fn run(&mut self, job: &J) -> Result<J::Answer, Failure<Error>> {
        self.slot.outcome(&self.device, job.on_device(&self.device))
    }
}
