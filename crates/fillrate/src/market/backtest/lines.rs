//! What strategies compare: series of averages, indices and bands, each computed once.

use fillrate_kernels::{Cpu, LaneSeries, SWEEP_LANES, WindowOp};

use super::strategy::Strategy;
use crate::Result;

/// The series of a row: of bands middle and deviation, else one.
pub(super) type Lines = [Vec<f64>; 2];

/// Computes the series of a row with the length `bars` of closes that are all finite.
///
/// # Errors
///
/// If the length is out of the kernels' range.
pub(super) fn of_row(cpu: &Cpu, strategy: Strategy, bars: usize, close: &[f64]) -> Result<Lines> {
    let mut line = vec![0.0; close.len()];
    let mut second = Vec::new();
    match strategy {
        Strategy::MaCrossover => {
            cpu.window(WindowOp::Mean, close, bars, &mut [&mut line])?;
        }
        Strategy::Rsi => {
            cpu.rsi(close, bars, &mut line)?;
        }
        Strategy::Bollinger => {
            second = vec![0.0; close.len()];
            let (mut upper, mut lower) = (second.clone(), second.clone());
            let bands = WindowOp::Bands { width: 1.0 };
            cpu.window(bands, close, bars, &mut [&mut upper, &mut line, &mut lower])?;
            cpu.window(WindowOp::Deviation, close, bars, &mut [&mut second])?;
        }
        Strategy::Momentum => {
            // Turned round, so that a rise is below the threshold to buy.
            let start = bars.min(close.len());
            line[..start].fill(f64::NAN);
            for ((line, before), x) in line[start..].iter_mut().zip(close).zip(&close[start..]) {
                *line = before - x;
            }
        }
    }
    Ok([line, second])
}

/// The series of the columns: the slow averages of a crossover.
pub(super) enum ColumnLines {
    /// Of eight neighbouring columns each, one for each lane.
    Blocks(Vec<LaneSeries>),
    /// One after the other.
    Series(Vec<Vec<f64>>),
}

impl ColumnLines {
    /// Eight series, one for each lane, in whole blocks.
    pub(super) fn blocks(series: &[Vec<f64>], bars: usize) -> Result<Self> {
        let block = |series: &[Vec<f64>]| {
            let lanes: Vec<&[f64]> = series.iter().map(Vec::as_slice).collect();
            LaneSeries::new(bars, &lanes)
        };
        let blocks: Result<_, _> = series.chunks(SWEEP_LANES).map(block).collect();
        Ok(Self::Blocks(blocks?))
    }

    /// The series of one column.
    pub(super) fn column(&self, column: usize) -> Vec<f64> {
        match self {
            Self::Blocks(blocks) => blocks[column / SWEEP_LANES].lane(column % SWEEP_LANES),
            Self::Series(series) => series[column].clone(),
        }
    }
}
