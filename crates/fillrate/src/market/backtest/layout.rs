//! A grid as rows of parameter sets: what a sweep goes through, and in which order.
//!
//! A row is a value of the strategy's first parameter, which has a line of its own (an average, an
//! index). Along a row go the other parameters. Of a crossover they are the slow windows, of which a
//! row has those longer than its fast one: the end of the list. So a set's place follows from its row
//! and column, and no list of sets is kept.

use super::grid::Grid;
use super::strategy::{ParameterSet, Strategy};
use crate::{Error, Result};

/// A grid with more combinations is refused before its values are made, sound or not.
const COMBINATIONS_MAX: u128 = 1_000_000_000_000;

#[derive(Clone, Debug)]
pub(super) struct Layout {
    pub(super) strategy: Strategy,
    /// The values of each parameter, rising.
    pub(super) axes: Vec<Vec<f64>>,
    /// The second and third parameter of each column.
    pub(super) columns: Vec<[f64; 2]>,
}

impl Layout {
    /// The layout of a grid with at most `sets_max` sets.
    pub(super) fn new(strategy: Strategy, grid: &Grid, sets_max: u64) -> Result<Self> {
        grid.check(strategy)?;
        let axis_max = grid.ranges().iter().map(|range| u128::from(range.len())).max();
        let combinations = grid.len_max(strategy);
        if combinations > COMBINATIONS_MAX || axis_max.is_some_and(|axis| axis > sets_max.into()) {
            return Err(too_many(combinations, sets_max));
        }
        let axes = grid.axes(strategy)?;
        check(strategy, &axes)?;
        let of = |axis: &[f64]| axis.iter().map(|value| [*value, 0.0]).collect();
        let columns = match (strategy, axes.as_slice()) {
            (Strategy::MaCrossover, [_, slow]) => of(slow),
            (Strategy::Bollinger, [_, width]) => of(width),
            (Strategy::Rsi, [_, low, high]) => {
                let pairs = low.len() as u128 * high.len() as u128;
                if pairs > sets_max.into() {
                    return Err(too_many(combinations, sets_max));
                }
                let sound = |low: f64| high.iter().filter(move |high| low <= **high);
                low.iter().flat_map(|low| sound(*low).map(|high| [*low, *high])).collect()
            }
            _ => vec![[0.0; 2]],
        };
        let layout = Self { strategy, axes, columns };
        match layout.len() {
            0 => {
                let message = "no combination has its values in rising order".to_owned();
                Err(Error::Argument { name: "grid", message })
            }
            sets if sets > sets_max => Err(too_many(sets.into(), sets_max)),
            _ => Ok(layout),
        }
    }

    /// The values of the first parameter.
    pub(super) fn rows(&self) -> &[f64] {
        &self.axes[0]
    }

    /// The first column that a row has.
    pub(super) fn first(&self, row: usize) -> usize {
        match self.strategy {
            Strategy::MaCrossover => {
                let fast = self.rows()[row];
                self.columns.partition_point(|[slow, _]| *slow <= fast)
            }
            Strategy::Rsi | Strategy::Bollinger | Strategy::Momentum => 0,
        }
    }

    /// The number of parameter sets.
    pub(super) fn len(&self) -> u64 {
        (0..self.rows().len()).map(|row| (self.columns.len() - self.first(row)) as u64).sum()
    }

    /// The combinations of the grid that are no parameter sets: a fast window that is not the
    /// shorter one, a lower threshold above the upper one.
    pub(super) fn left_out(&self) -> u64 {
        self.axes.iter().map(|axis| axis.len() as u64).product::<u64>() - self.len()
    }

    pub(super) fn set(&self, row: usize, column: usize) -> ParameterSet {
        let [second, third] = self.columns[column];
        [self.rows()[row], second, third]
    }
}

/// Refuses thresholds and widths that mean nothing.
fn check(strategy: Strategy, axes: &[Vec<f64>]) -> Result<()> {
    let refused = |message: &str| Err(Error::Argument { name: "grid", message: message.into() });
    let edges = |axis: &[f64]| (axis[0], axis[axis.len() - 1]);
    match (strategy, axes) {
        (Strategy::Rsi, [_, low, high]) if edges(low).0 < 0.0 || edges(high).1 > 100.0 => {
            refused("low and high are from 0 to 100")
        }
        (Strategy::Bollinger, [_, width]) if edges(width).0 < 0.0 => {
            refused("width is a number from 0 on")
        }
        _ => Ok(()),
    }
}

pub(super) fn too_many(sets: u128, sets_max: u64) -> Error {
    let message = format!("{sets} parameter sets for a symbol are above the limit of {sets_max}");
    Error::Argument { name: "grid", message }
}
