//! How a device is doing, from what its sensors say.

use std::fmt;

use serde::Serialize;

use crate::probe::Gpu;

/// What a device's sensors say at a moment; a reading that it does not offer is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// The temperature of the chip, in degrees Celsius.
    pub temperature_c: Option<u32>,
    /// Whether the clock is held down, by heat or power.
    pub is_throttled: Option<bool>,
    /// Memory free, in bytes.
    pub free_bytes: Option<u64>,
    /// Errors in memory that could not be corrected, since the driver was loaded.
    pub uncorrected_errors: Option<u64>,
}

impl From<&Gpu> for Reading {
    fn from(gpu: &Gpu) -> Self {
        Self {
            temperature_c: gpu.temperature_c,
            is_throttled: gpu.is_throttled,
            free_bytes: gpu.memory_free_bytes,
            uncorrected_errors: gpu.uncorrected_errors,
        }
    }
}

/// When a device is not well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HealthLimits {
    /// The temperature from which it is given no work, in degrees Celsius.
    pub temperature_c_max: u32,
    /// How far below that it must cool before it is given work again, in degrees.
    pub cooling_c: u32,
    /// The least memory that must be free, in bytes: less, and it is given no work.
    pub free_bytes_min: u64,
}

impl Default for HealthLimits {
    /// Source: NVIDIA's data-centre GPUs slow down from 85 to 90 °C on (`nvidia-smi -q -d
    /// TEMPERATURE`, "GPU Slowdown Temp"), so that 90 °C means cooling has failed.
    fn default() -> Self {
        Self { temperature_c_max: 90, cooling_c: 10, free_bytes_min: 0 }
    }
}

/// How a device is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// As it should.
    Well,
    /// It works, slower than it could: its clock is held down.
    Throttled,
    /// Too hot for work.
    Hot {
        /// Its temperature, in degrees Celsius.
        temperature_c: u32,
        /// The limit.
        temperature_c_max: u32,
    },
    /// Too little of its memory is free for work.
    Full {
        /// What is free, in bytes.
        free_bytes: u64,
        /// The limit.
        free_bytes_min: u64,
    },
    /// Its memory had errors that could not be corrected.
    Faulty {
        /// How many.
        uncorrected_errors: u64,
    },
}

impl Health {
    /// Whether work can be given to it.
    #[must_use]
    pub fn takes_work(self) -> bool {
        matches!(self, Self::Well | Self::Throttled)
    }

    /// How it is doing now, after it was `self` at the last look: a hot device is hot until it has
    /// cooled.
    #[must_use]
    pub fn next(self, reading: Reading, limits: HealthLimits) -> Self {
        let HealthLimits { temperature_c_max, cooling_c, free_bytes_min } = limits;
        let hot_from = match self {
            Self::Hot { .. } => temperature_c_max.saturating_sub(cooling_c),
            _ => temperature_c_max,
        };
        match reading {
            Reading { uncorrected_errors: Some(uncorrected_errors @ 1..), .. } => {
                Self::Faulty { uncorrected_errors }
            }
            Reading { temperature_c: Some(temperature_c), .. } if temperature_c >= hot_from => {
                Self::Hot { temperature_c, temperature_c_max }
            }
            Reading { free_bytes: Some(free_bytes), .. } if free_bytes < free_bytes_min => {
                Self::Full { free_bytes, free_bytes_min }
            }
            Reading { is_throttled: Some(true), .. } => Self::Throttled,
            _ => Self::Well,
        }
    }
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Well => f.write_str("well"),
            Self::Throttled => f.write_str("its clock is held down"),
            Self::Hot { temperature_c, temperature_c_max } => {
                write!(f, "it is at {temperature_c} °C, the most is {temperature_c_max}")
            }
            Self::Full { free_bytes, free_bytes_min } => {
                write!(
                    f,
                    "{free_bytes} bytes of its memory are free, the least is {free_bytes_min}"
                )
            }
            Self::Faulty { uncorrected_errors } => {
                write!(f, "its memory had {uncorrected_errors} errors that could not be corrected")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: HealthLimits =
        HealthLimits { temperature_c_max: 80, cooling_c: 5, free_bytes_min: 100 };

    fn at(temperature_c: u32) -> Reading {
        Reading { temperature_c: Some(temperature_c), ..Reading::default() }
    }

    #[test]
    fn a_hot_device_must_cool_before_it_works_again() {
        let health = Health::Well.next(at(79), LIMITS);
        assert_eq!(health, Health::Well);
        let health = health.next(at(80), LIMITS);
        assert!(!health.takes_work(), "{health}");
        let health = health.next(at(75), LIMITS);
        assert!(matches!(health, Health::Hot { temperature_c: 75, .. }), "{health}");
        assert_eq!(health.next(at(74), LIMITS), Health::Well);
    }

    #[test]
    fn the_worst_reading_counts_and_an_unknown_one_does_not() {
        let all = Reading {
            temperature_c: Some(95),
            is_throttled: Some(true),
            free_bytes: Some(99),
            uncorrected_errors: Some(1),
        };
        let after = |reading| Health::Well.next(reading, LIMITS);
        assert_eq!(after(all), Health::Faulty { uncorrected_errors: 1 });
        let all = Reading { uncorrected_errors: Some(0), temperature_c: None, ..all };
        assert_eq!(after(all).to_string(), "99 bytes of its memory are free, the least is 100");
        let all = Reading { free_bytes: Some(100), ..all };
        assert_eq!(after(all), Health::Throttled);
        assert!(Health::Throttled.takes_work());
        assert_eq!(after(Reading::default()), Health::Well);
    }
}
