//! A metric over two parameters, for a picture.

use super::grid::Grid;
use super::layout::Layout;
use super::performance::Metric;
use super::strategy::Strategy;
use super::sweep::Outcome;
use crate::Result;

/// The best figure for each pair of values of two parameters, whatever the third one is.
#[derive(Clone, Debug, PartialEq)]
pub struct HeatMap {
    /// The metric.
    pub metric: Metric,
    /// The parameters that go down and across: the two with the most values.
    pub parameters: [usize; 2],
    /// Their values, each the first of those that share a cell.
    pub values: [Vec<f64>; 2],
    /// The best figure of each cell, row after row: shape `[down, across]`.
    pub cells: Vec<Option<f64>>,
    /// All values of the two parameters.
    axes: [Vec<f64>; 2],
    /// The values of each that share a cell.
    shared: [usize; 2],
}

impl HeatMap {
    /// A map without figures, of at most `cells_max` cells down and as many across.
    ///
    /// # Errors
    ///
    /// If the grid does not go with the strategy, or has more than `sets_max` sets.
    pub fn new(
        strategy: Strategy,
        grid: &Grid,
        metric: Metric,
        cells_max: usize,
        sets_max: u64,
    ) -> Result<Self> {
        let mut axes = Layout::new(strategy, grid, sets_max)?.axes;
        // A parameter that is not there has one value.
        axes.resize(axes.len().max(2), vec![0.0]);
        let mut order: Vec<usize> = (0..axes.len()).collect();
        order.sort_by_key(|parameter| std::cmp::Reverse(axes[*parameter].len()));
        let mut parameters = [order[0], order[1]];
        parameters.sort_unstable();
        let axes = parameters.map(|parameter| std::mem::take(&mut axes[parameter]));
        let shared = [0, 1].map(|side| axes[side].len().div_ceil(cells_max.max(1)));
        let values: [Vec<f64>; 2] =
            [0, 1].map(|side| axes[side].iter().copied().step_by(shared[side]).collect());
        let cells = vec![None; values.iter().map(Vec::len).product()];
        Ok(Self { metric, parameters, values, cells, axes, shared })
    }

    /// Takes an outcome of the grid.
    pub fn add(&mut self, outcome: &Outcome) {
        let value = self.metric.of(&outcome.performance);
        let place = |side: usize| {
            let wanted = outcome.set[self.parameters[side]];
            let place = self.axes[side].partition_point(|known| *known < wanted);
            place / self.shared[side]
        };
        let cell = place(0) * self.values[1].len() + place(1);
        if let Some(cell) = self.cells.get_mut(cell)
            && self.metric.order(value, *cell).is_lt()
        {
            *cell = value;
        }
    }
}
