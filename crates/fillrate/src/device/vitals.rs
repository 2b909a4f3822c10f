//! A device's sensors, asked from time to time.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use fillrate_device::routing::{HealthLimits, Reading};

/// How often the sensors are asked.
const LOOK_INTERVAL: Duration = Duration::from_secs(5);

/// Reads a device's sensors; `None` where it has none.
pub type Sense = dyn Fn() -> Option<Reading> + Send + Sync;

/// The sensors of a device, and when it is not well enough for work.
pub(crate) struct Vitals {
    sense: Option<Box<Sense>>,
    limits: HealthLimits,
    looked: Mutex<Option<Instant>>,
}

impl Vitals {
    pub(crate) fn new(sense: Option<Box<Sense>>, limits: HealthLimits) -> Self {
        Self { sense, limits, looked: Mutex::new(None) }
    }

    /// Tells `observe` what the sensors say, if the last look was long ago.
    pub(crate) fn look(&self, observe: impl FnOnce(Reading, HealthLimits)) {
        let Some(sense) = &self.sense else { return };
        // Whoever finds another looking goes on with what is known.
        let Ok(mut looked) = self.looked.try_lock() else { return };
        if looked.is_some_and(|looked| looked.elapsed() < LOOK_INTERVAL) {
            return;
        }
        *looked = Some(Instant::now());
        if let Some(reading) = sense() {
            observe(reading, self.limits);
        }
    }
}
