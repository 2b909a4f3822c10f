//! The parameters to try.

use std::fmt;
use std::str::FromStr;

use fillrate_kernels::WINDOW_BARS_MAX;

use super::strategy::{Parameter, Strategy};
use crate::{Error, Result};

/// Values of one parameter, from `start` to `stop`, which is one of them if a step falls on it.
#[derive(Clone, Debug, PartialEq)]
pub struct Range {
    /// The parameter.
    pub name: String,
    /// The first value.
    pub start: f64,
    /// No value is above this.
    pub stop: f64,
    /// The distance of the values, above 0.
    pub step: f64,
}

impl Range {
    /// The number of values. Steps that miss the end by rounding reach it.
    #[must_use]
    pub fn len(&self) -> u64 {
        (((self.stop - self.start) / self.step + 1e-9).floor() as u64).saturating_add(1)
    }

    /// Never: a range has its first value.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        false
    }

    fn values(&self) -> impl Iterator<Item = f64> {
        (0..self.len()).map(|place| {
            // A tenth is no binary fraction: 0.1 · 3 should still be written 0.3.
            let value = self.start + self.step * place as f64;
            let rounded = (value * 1e9).round() / 1e9;
            if (rounded - value).abs() <= 1e-12 * value.abs() { rounded } else { value }
        })
    }
}

/// The values of some parameters of a strategy; a grid is every combination of them.
///
/// ```
/// use fillrate::market::backtest::Grid;
///
/// let grid: Grid = "fast=5:15:5,slow=20:60:20,slow=200".parse()?;
/// assert_eq!(grid.to_string(), "fast=5:15:5,slow=20:60:20,slow=200");
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Grid {
    ranges: Vec<Range>,
}

impl Grid {
    /// The ranges; those of one parameter add up.
    #[must_use]
    pub fn ranges(&self) -> &[Range] {
        &self.ranges
    }

    /// An upper bound of the number of combinations, told without making them.
    #[must_use]
    pub fn len_max(&self, strategy: Strategy) -> u128 {
        let of = |parameter: &Parameter| {
            let ranges = self.ranges.iter().filter(|range| range.name == parameter.name);
            ranges.map(|range| u128::from(range.len())).sum::<u128>().max(1)
        };
        strategy.parameters().iter().map(of).fold(1, u128::saturating_mul)
    }

    /// The values of each parameter of a strategy, rising, each once; the customary one where the
    /// grid has none.
    ///
    /// # Errors
    ///
    /// If the grid names a parameter that the strategy does not have, or a length is not whole or
    /// not from 1 to the longest window.
    pub(super) fn axes(&self, strategy: Strategy) -> Result<Vec<Vec<f64>>> {
        self.check(strategy)?;
        let axis = |parameter: &Parameter| {
            let ranges = self.ranges.iter().filter(|range| range.name == parameter.name);
            let mut values: Vec<f64> = ranges.flat_map(Range::values).collect();
            if values.is_empty() {
                values.push(parameter.customary);
            }
            values.sort_by(f64::total_cmp);
            values.dedup();
            values
        };
        Ok(strategy.parameters().iter().map(axis).collect())
    }

    /// Refuses names and lengths that mean nothing, without making the values.
    pub(super) fn check(&self, strategy: Strategy) -> Result<()> {
        let parameters = strategy.parameters();
        for range in &self.ranges {
            let refused = |message: String| Err(Error::Argument { name: "grid", message });
            let Some(parameter) = parameters.iter().find(|known| known.name == range.name) else {
                let names: Vec<&str> = parameters.iter().map(|known| known.name).collect();
                let (name, names) = (&range.name, names.join(", "));
                return refused(format!("{strategy} has no `{name}`; it has {names}"));
            };
            let is_whole = range.start.fract() == 0.0 && range.step.fract() == 0.0;
            let is_length = is_whole && range.start >= 1.0 && range.stop <= WINDOW_BARS_MAX as f64;
            if parameter.is_length && !is_length {
                let name = parameter.name;
                return refused(format!(
                    "{name} counts bars: whole numbers from 1 to {WINDOW_BARS_MAX}"
                ));
            }
        }
        Ok(())
    }
}

impl FromStr for Grid {
    type Err = String;

    /// Reads `NAME=VALUE`, `NAME=START:STOP` or `NAME=START:STOP:STEP`, separated by commas; the
    /// stop belongs to the range, and a name may stand more than once.
    fn from_str(text: &str) -> Result<Self, String> {
        let ranges: Result<Vec<Range>, String> = text.split(',').map(range).collect();
        Ok(Self { ranges: ranges? })
    }
}

fn range(text: &str) -> Result<Range, String> {
    let wanted = || format!("`{text}`: expected NAME=START:STOP:STEP, as fast=5:50:5");
    let (name, values) = text.split_once('=').ok_or_else(wanted)?;
    let numbers: Option<Vec<f64>> = values
        .split(':')
        .map(|part| part.trim().parse().ok().filter(|number: &f64| number.is_finite()))
        .collect();
    let (start, stop, step) = match numbers.as_deref() {
        Some([value]) => (*value, *value, 1.0),
        Some([start, stop]) => (*start, *stop, 1.0),
        Some([start, stop, step]) => (*start, *stop, *step),
        _ => return Err(wanted()),
    };
    if stop < start || step <= 0.0 {
        return Err(format!("`{text}`: a range rises from START to STOP by a STEP above 0"));
    }
    Ok(Range { name: name.trim().to_owned(), start, stop, step })
}

impl fmt::Display for Grid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, Range { name, start, stop, step }) in self.ranges.iter().enumerate() {
            let comma = if place == 0 { "" } else { "," };
            write!(f, "{comma}{name}={start}")?;
            if stop > start {
                write!(f, ":{stop}:{step}")?;
            }
        }
        Ok(())
    }
}
