//! For each bar, the nearest bars that pass it: what makes the validity of a wave one comparison.

use super::bars::Bars;

/// No bar: larger than any bar's number.
pub(super) const NEVER: u32 = u32::MAX;

/// The nearest bars that strictly pass each bar; each of shape `[bars]`. A bar before is held as
/// its number plus one, and 0 says that there is none; a bar after that does not exist is
/// [`NEVER`].
#[derive(Clone, Debug, Default)]
pub(super) struct Extremes {
    /// The last bar before with a higher high, plus one.
    pub higher_before: Vec<u32>,
    /// The first bar after with a higher high.
    pub higher_after: Vec<u32>,
    /// The last bar before with a lower low, plus one.
    pub lower_before: Vec<u32>,
    /// The first bar after with a lower low.
    pub lower_after: Vec<u32>,
    /// The highest high of the bars from each bar to the one before `lower_after`: no wave up from
    /// the bar goes higher.
    pub highest_reach: Vec<f64>,
    /// The lowest low of the bars from each bar to the one before `higher_after`.
    pub lowest_reach: Vec<f64>,
}

/// Finds them in one pass over each column.
pub(super) fn extremes(bars: &Bars<'_>) -> Extremes {
    let (higher_before, higher_after, lowest_reach) = passes(bars.high(), bars.low(), 1.0);
    let (lower_before, lower_after, highest_reach) = passes(bars.low(), bars.high(), -1.0);
    Extremes { higher_before, higher_after, lower_before, lower_after, highest_reach, lowest_reach }
}

/// For each bar the last before and the first after whose `column`, times `sign`, is higher, and
/// the extreme of the `other` column on the way there.
///
/// The stack holds the bars that nothing has passed yet, their prices never rising: each bar enters
/// and leaves it once.
fn passes(column: &[f64], other: &[f64], sign: f64) -> (Vec<u32>, Vec<u32>, Vec<f64>) {
    let mut before = vec![0; column.len()];
    let mut after = vec![NEVER; column.len()];
    let mut reach = other.to_vec();
    let mut stack: Vec<u32> = Vec::new();
    for bar in 0..column.len() {
        let price = sign * column[bar];
        while let Some(&top) = stack.last() {
            if sign * column[top as usize] >= price {
                break;
            }
            after[top as usize] = bar as u32;
            stack.pop();
            hand_down(&mut reach, &stack, top, sign);
        }
        before[bar] = match stack.last() {
            None => 0,
            // An equal bar does not pass this one; what passes it passes both.
            Some(&top) if sign * column[top as usize] == price => before[top as usize],
            Some(&top) => top + 1,
        };
        stack.push(bar as u32);
    }
    while let Some(top) = stack.pop() {
        hand_down(&mut reach, &stack, top, sign);
    }
    (before, after, reach)
}

/// What lies behind a bar that leaves the stack also lies behind the one below it.
fn hand_down(reach: &mut [f64], stack: &[u32], top: u32, sign: f64) {
    if let Some(&below) = stack.last() {
        let (from, to) = (reach[top as usize], &mut reach[below as usize]);
        *to = if sign > 0.0 { to.min(from) } else { to.max(from) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_their_definitions() {
        let mut state = 11_u64;
        let mut price = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 61) as f64
        };
        for _ in 0..100 {
            let low: Vec<f64> = (0..30).map(|_| price()).collect();
            let high: Vec<f64> = low.iter().map(|l| l + price()).collect();
            let found = extremes(&Bars::new(&low, &high, &low, &high).unwrap());
            for i in 0..30 {
                let before = (0..i).rev().find(|&j| high[j] > high[i]).map_or(0, |j| j + 1);
                let after = (i + 1..30).find(|&j| high[j] > high[i]);
                assert_eq!(found.higher_before[i] as usize, before);
                assert_eq!(found.higher_after[i], after.map_or(NEVER, |j| j as u32));
                let end = after.unwrap_or(30);
                assert_eq!(
                    found.lowest_reach[i],
                    low[i..end].iter().copied().fold(f64::MAX, f64::min)
                );
                let before = (0..i).rev().find(|&j| low[j] < low[i]).map_or(0, |j| j + 1);
                let after = (i + 1..30).find(|&j| low[j] < low[i]);
                assert_eq!(found.lower_before[i] as usize, before);
                assert_eq!(found.lower_after[i], after.map_or(NEVER, |j| j as u32));
                let end = after.unwrap_or(30);
                assert_eq!(
                    found.highest_reach[i],
                    high[i..end].iter().copied().fold(f64::MIN, f64::max)
                );
            }
        }
    }
}
