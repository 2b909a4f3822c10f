//! The bars that are searched: four columns of prices, checked once.

use crate::{Error, Result};

/// The longest series that is searched: bars are counted in 32 bits.
pub const BARS_MAX: usize = 1 << 28;

/// Open, high, low and close of one symbol, oldest first; each of shape `[bars]`.
///
/// Every price is 0 or a number from 10⁻¹⁰⁰ to 10¹⁰⁰ in size and no low is above its high. Gaps in the dates do not matter: a wave is
/// made of bars, and its duration is counted in bars.
#[derive(Clone, Copy, Debug)]
pub struct Bars<'a> {
    open: &'a [f64],
    high: &'a [f64],
    low: &'a [f64],
    close: &'a [f64],
}

impl<'a> Bars<'a> {
    /// Takes the columns, each of shape `[bars]`.
    ///
    /// # Errors
    ///
    /// If the columns differ in length, a price is no number of that size, a low is above its high, or
    /// there are more than [`BARS_MAX`] bars; the first bar at fault is in the error.
    pub fn new(open: &'a [f64], high: &'a [f64], low: &'a [f64], close: &'a [f64]) -> Result<Self> {
        let bars = close.len();
        if [open.len(), high.len(), low.len()] != [bars; 3] {
            let message = "open, high, low and close differ in length".into();
            return Err(Error::Argument { name: "bars", message });
        }
        if bars > BARS_MAX {
            let message = format!("{bars} bars; at most {BARS_MAX} are searched");
            return Err(Error::Argument { name: "bars", message });
        }
        for bar in 0..bars {
            let columns = [("open", open), ("high", high), ("low", low), ("close", close)];
            for (name, column) in columns {
                // Beyond these sizes products of lengths could overflow, or lengths lose digits.
                if !matches!(column[bar].abs(), size if size == 0.0 || (1e-100..1e100).contains(&size))
                {
                    let found = match column[bar] {
                        price if price.is_nan() => "missing".to_owned(),
                        price => price.to_string(),
                    };
                    return Err(Error::Bar { bar, message: format!("{name} is {found}") });
                }
            }
            if low[bar] > high[bar] {
                let message = format!("low {} is above high {}", low[bar], high[bar]);
                return Err(Error::Bar { bar, message });
            }
        }
        Ok(Self { open, high, low, close })
    }

    /// The number of bars.
    #[must_use]
    pub fn len(&self) -> usize {
        self.close.len()
    }

    /// Whether there is no bar.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.close.is_empty()
    }

    /// The opening prices, shape `[bars]`.
    #[must_use]
    pub fn open(&self) -> &'a [f64] {
        self.open
    }

    /// The highest prices, shape `[bars]`.
    #[must_use]
    pub fn high(&self) -> &'a [f64] {
        self.high
    }

    /// The lowest prices, shape `[bars]`.
    #[must_use]
    pub fn low(&self) -> &'a [f64] {
        self.low
    }

    /// The closing prices, shape `[bars]`.
    #[must_use]
    pub fn close(&self) -> &'a [f64] {
        self.close
    }
}
