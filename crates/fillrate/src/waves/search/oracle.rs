//! The definitions taken at their word, by brute force: what the search is held against.

use super::super::bars::Bars;
use super::super::pattern::{Direction, Form};

/// Whether the bars a..=b are a valid wave.
fn is_wave(bars: &Bars<'_>, a: usize, b: usize, up: bool) -> bool {
    let (high, low) = (bars.high(), bars.low());
    let highest = high[a..=b].iter().copied().fold(f64::MIN, f64::max);
    let lowest = low[a..=b].iter().copied().fold(f64::MAX, f64::min);
    if up { low[a] == lowest && high[b] == highest } else { high[a] == highest && low[b] == lowest }
}

fn is_pivot(bars: &Bars<'_>, i: usize, degree: usize, high: bool) -> bool {
    let inside = i >= degree && i + degree < bars.len();
    inside
        && (1..=degree).all(|d| {
            if high {
                bars.high()[i - d] < bars.high()[i] && bars.high()[i + d] <= bars.high()[i]
            } else {
                bars.low()[i - d] > bars.low()[i] && bars.low()[i + d] >= bars.low()[i]
            }
        })
}

/// Every chain of valid waves with the pivots of `form`, rising or falling first, rules aside.
pub(super) fn chains(
    bars: &Bars<'_>,
    degree: usize,
    form: Form,
    first: Direction,
) -> Vec<Vec<u32>> {
    let count = bars.len();
    let first_up = first == Direction::Up;
    // waves[wave parity][a]: the ends of the valid waves from a.
    let waves: Vec<Vec<Vec<usize>>> = [first_up, !first_up]
        .map(|up| {
            (0..count)
                .map(|a| {
                    if !is_pivot(bars, a, degree, !up) {
                        return Vec::new();
                    }
                    (a + 1..count)
                        .filter(|&b| is_pivot(bars, b, degree, up) && is_wave(bars, a, b, up))
                        .collect()
                })
                .collect()
        })
        .into();
    let mut chains: Vec<Vec<u32>> = (0..count).map(|a| vec![a as u32]).collect();
    for wave in 0..form.waves() {
        chains = chains
            .iter()
            .flat_map(|chain| {
                let ends = &waves[wave % 2][chain[wave] as usize];
                ends.iter().map(|&end| [chain.as_slice(), &[end as u32]].concat())
            })
            .collect();
    }
    chains
}

/// The pivot prices of a chain, mirrored so that the first wave rises.
pub(super) fn levels(bars: &Bars<'_>, chain: &[u32], first: Direction) -> Vec<f64> {
    let price = |(i, &bar): (usize, &u32)| match (first, i % 2) {
        (Direction::Up, 0) => bars.low()[bar as usize],
        (Direction::Up, _) => bars.high()[bar as usize],
        (Direction::Down, 0) => -bars.high()[bar as usize],
        (Direction::Down, _) => -bars.low()[bar as usize],
    };
    chain.iter().enumerate().map(price).collect()
}

/// The classic rules, written out once more.
pub(super) fn keeps_classic(form: Form, chain: &[u32], p: &[f64]) -> bool {
    let w: Vec<f64> =
        (0..p.len()).map(|i| if i == 0 { 0.0 } else { (p[i] - p[i - 1]).abs() }).collect();
    let t: Vec<f64> = chain.iter().map(|&bar| f64::from(bar)).collect();
    // The distance between the lines 1-3 and 2-4 at pivot i.
    let width = |i: usize| p[1] + (p[3] - p[1]) / (t[3] - t[1]) * (t[i] - t[1]) - p[i];
    let diagonal = || p[2] > p[0] && p[3] > p[1] && p[4] < p[1] && p[4] > p[2];
    let contracting = || w[3] < w[1] && w[4] < w[2] && w[5] < w[3] && width(4) < width(2);
    let expanding =
        || w[3] > w[1] && w[4] > w[2] && w[5] > w[3] && width(4) > width(2) && p[5] > p[3];
    let b = w[2] / w[1];
    match form {
        Form::Impulse => p[2] > p[0] && !(w[3] < w[1] && w[3] < w[5]) && p[4] > p[1],
        Form::LeadingContracting => diagonal() && contracting() && p[5] > p[3],
        Form::EndingContracting => diagonal() && contracting(),
        Form::LeadingExpanding | Form::EndingExpanding => diagonal() && expanding(),
        Form::Zigzag => p[2] > p[0] && p[3] > p[1],
        Form::FlatRegular => (0.9..=1.0).contains(&b) && w[3] < 3.0 * w[1] && p[3] > p[1],
        Form::FlatExpanded => b > 1.0 && b < 2.0 && w[3] / w[1] < 3.0 && p[3] > p[1],
        Form::FlatRunning => b > 1.0 && b < 2.0 && w[3] / w[1] < 3.0 && p[3] <= p[1],
        Form::TriangleContracting => {
            b <= 1.5
                && p[3] <= p[1]
                && p[4] >= p[2]
                && p[5] <= p[3]
                && width(4) < width(2)
                && width(4) > 0.0
        }
        Form::TriangleExpanding => {
            let ratios = [b, w[3] / w[2], w[4] / w[3]];
            ratios.iter().all(|ratio| (1.0..=1.5).contains(ratio))
                && p[3] > p[1]
                && p[4] < p[2]
                && p[5] > p[3]
                && width(4) > width(2)
        }
    }
}
