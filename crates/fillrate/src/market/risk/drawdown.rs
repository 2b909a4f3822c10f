//! The deepest fall.

use crate::market::date::Date;

/// The deepest fall of a value from its highest before.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Drawdown {
    /// The fall as a fraction of the highest value; 0 if there was none.
    pub depth: f64,
    /// The date of the highest value.
    pub peak: Date,
    /// The date of the lowest value after it.
    pub trough: Date,
}

impl Drawdown {
    /// The deepest fall of a value that is 1 at `start` and then has these simple returns; of several
    /// equally deep ones the first.
    pub(in crate::market) fn of(start: Date, dates: &[Date], returns: &[f64]) -> Self {
        let mut deepest = Self { depth: 0.0, peak: start, trough: start };
        let (mut value, mut highest, mut peak) = (1.0, 1.0, start);
        for (date, r) in dates.iter().zip(returns) {
            value *= 1.0 + r;
            if value > highest {
                (highest, peak) = (value, *date);
            }
            let depth = 1.0 - value / highest;
            if depth > deepest.depth {
                deepest = Self { depth, peak, trough: *date };
            }
        }
        deepest
    }
}
