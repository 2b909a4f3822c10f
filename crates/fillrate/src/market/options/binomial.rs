//! Binomial trees: slower than the other methods, and independent of them.

use std::fmt;

use super::{Right, Terms};
use crate::{Error, Result};

/// The most steps of a tree: work grows with their square.
pub const TREE_STEPS_MAX: u32 = 20_001;

/// When an option may be exercised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Exercise {
    /// At expiry.
    European,
    /// At any time up to it.
    American,
}

impl fmt::Display for Exercise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::European => "european",
            Self::American => "american",
        })
    }
}

/// The price by the tree of Leisen and Reimer, whose error falls with the square of its steps for a
/// European option, and about in proportion to them for an American one. An even number of steps
/// becomes the next odd one.
///
/// # Errors
///
/// If a term is out of its range, or there is no step or more than [`TREE_STEPS_MAX`].
pub fn binomial(exercise: Exercise, right: Right, terms: Terms, steps: u32) -> Result<f64> {
    terms.check()?;
    if !(1..=TREE_STEPS_MAX).contains(&steps) {
        let message = format!("{steps} is not from 1 to {TREE_STEPS_MAX}");
        return Err(Error::Argument { name: "steps", message });
    }
    Ok(leisen_reimer(exercise, right, &terms, steps))
}

/// The same for terms that were checked.
///
/// Source: Leisen & Reimer, "Binomial models for option valuation: examining and improving
/// convergence" (1996), with the second inversion of Peizer and Pratt.
pub(super) fn leisen_reimer(exercise: Exercise, right: Right, terms: &Terms, steps: u32) -> f64 {
    let steps = (steps | 1) as usize;
    let count = steps as f64;
    let dt = terms.expiry / count;
    // An option without volatility is one with very little.
    let deviation = (terms.vol * terms.expiry.sqrt()).max(1e-9);
    let forward = (terms.spot / terms.strike).ln() + terms.carry() * terms.expiry;
    let d1 = forward / deviation + 0.5 * deviation;
    let (up_spot, up) = (inversion(d1, count), inversion(d1 - deviation, count));
    let growth = (terms.carry() * dt).exp();
    let rise = growth * up_spot / up;
    let fall = (growth - up * rise) / (1.0 - up);
    let discount = (-terms.rate * dt).exp();
    let (up, down) = (discount * up, discount * (1.0 - up));
    // Logarithms, since a power of a thousand steps may be beyond a double.
    let (log_rise, log_fall) = (rise.ln(), fall.ln());
    let spot_at = |step: usize, rises: usize| {
        terms.spot * (rises as f64 * log_rise + (step - rises) as f64 * log_fall).exp()
    };
    let mut values: Vec<f64> =
        (0..=steps).map(|rises| right.payoff(spot_at(steps, rises), terms.strike)).collect();
    let turn = rise / fall;
    for step in (0..steps).rev() {
        let mut spot = spot_at(step, 0);
        for rises in 0..=step {
            let held = down * values[rises] + up * values[rises + 1];
            values[rises] = match exercise {
                Exercise::European => held,
                Exercise::American => held.max(right.payoff(spot, terms.strike)),
            };
            spot *= turn;
        }
    }
    values[0]
}

/// The chance of a rise for which the binomial distribution of `count` steps is near Φ(z).
fn inversion(z: f64, count: f64) -> f64 {
    let scaled = z / (count + 1.0 / 3.0 + 0.1 / (count + 1.0));
    let tail = (-(scaled * scaled) * (count + 1.0 / 6.0)).exp();
    // Not 0 or 1, where a step would be infinite.
    (0.5 + (0.25 * (1.0 - tail)).sqrt().copysign(z)).clamp(1e-12, 1.0 - 1e-12)
}
