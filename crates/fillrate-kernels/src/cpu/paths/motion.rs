//! How the logarithm of a price goes on from one step to the next.

#![allow(unsafe_code, reason = "lane operations gated by the tier")]

use super::draws::Draws;
use crate::cpu::doubles::Doubles;

/// The stream of the numbers that move prices.
pub(super) const PRICE_STREAM: u32 = 0;
/// The stream of a second factor: the number of jumps, or the variance.
const SECOND_STREAM: u32 = 1;
/// The stream of the sizes of jumps.
const SIZE_STREAM: u32 = 2;

/// A model, ready for steps of one length.
///
/// # Safety
///
/// As for [`Doubles`], of every method.
pub(super) trait Motion: Copy {
    /// Where some paths are.
    type State<V: Doubles>: Copy;
    /// Whether a step takes so little that the registers hold four vectors of paths, and not two.
    const IS_SIMPLE: bool = false;

    unsafe fn start<V: Doubles>(&self) -> Self::State<V>;

    /// Goes on by two steps, which the pair of numbers `pair` moves: the logarithm of price over
    /// spot after each.
    unsafe fn advance<V: Doubles>(
        &self,
        state: &mut Self::State<V>,
        draws: &Draws<V>,
        pair: u32,
    ) -> [V; 2];
}

// SAFETY (of every block below): the caller has the instructions of `V`.

/// Geometric Brownian motion: the sum of all normal numbers so far is all there is to carry along.
#[derive(Clone, Copy)]
pub(crate) struct Brownian {
    pub(crate) drift: f64,
    pub(crate) deviation: f64,
}

impl Brownian {
    /// Steps of `years`; `drift` is that of the price's expectation.
    pub(crate) fn new(drift: f64, vol: f64, years: f64) -> Self {
        Self { drift: (drift - 0.5 * vol * vol) * years, deviation: vol * years.sqrt() }
    }
}

impl Motion for Brownian {
    type State<V: Doubles> = V;
    const IS_SIMPLE: bool = true;

    #[inline(always)]
    unsafe fn start<V: Doubles>(&self) -> V {
        // SAFETY: see above.
        unsafe { V::splat(0.0) }
    }

    #[inline(always)]
    unsafe fn advance<V: Doubles>(&self, sum: &mut V, draws: &Draws<V>, pair: u32) -> [V; 2] {
        // SAFETY: see above.
        unsafe {
            let [first, second] = draws.normals(pair, PRICE_STREAM);
            let one = sum.add(first);
            *sum = one.add(second);
            let step = f64::from(2 * pair);
            let deviation = V::splat(self.deviation);
            [
                V::splat((step + 1.0) * self.drift).add(deviation.mul(one)),
                V::splat((step + 2.0) * self.drift).add(deviation.mul(*sum)),
            ]
        }
    }
}

/// The most jumps of one step that are told apart: those above have a probability below 2⁻⁵³ as long
/// as no more than [`super::JUMPS_PER_STEP_MAX`] are expected.
pub(crate) const JUMP_COUNTS: usize = 40;

/// The same with normal jumps of the logarithm at the times of a Poisson process.
#[derive(Clone, Copy)]
pub(crate) struct Jumping {
    pub(crate) drift: f64,
    pub(crate) deviation: f64,
    pub(crate) jump_mean: f64,
    pub(crate) jump_vol: f64,
    /// The probabilities of at most 0, 1, 2, … jumps, as many of them as are not 1.
    pub(crate) at_most: [f64; JUMP_COUNTS],
    pub(crate) counts: usize,
}

impl Jumping {
    pub(crate) fn new(terms: &super::MertonTerms, years: f64) -> Self {
        let super::MertonTerms { drift, vol, jumps_per_year, jump_mean, jump_vol } = *terms;
        // What jumps add to the expectation is taken from the drift.
        let growth = (jump_mean + 0.5 * jump_vol * jump_vol).exp_m1();
        let drift = drift - 0.5 * vol * vol - jumps_per_year * growth;
        let expected = jumps_per_year * years;
        let mut at_most = [1.0; JUMP_COUNTS];
        let (mut term, mut sum, mut counts) = ((-expected).exp(), 0.0, 0);
        for (count, at_most) in at_most.iter_mut().enumerate() {
            sum += term;
            *at_most = sum;
            term *= expected / (count + 1) as f64;
            counts = count + 1;
            if 1.0 - sum < f64::EPSILON / 2.0 {
                break;
            }
        }
        let deviation = vol * years.sqrt();
        Self { drift: drift * years, deviation, jump_mean, jump_vol, at_most, counts }
    }

    #[inline(always)]
    unsafe fn step<V: Doubles>(&self, x: V, [price, uniform, size]: [V; 3]) -> V {
        // SAFETY: see above.
        unsafe {
            let (zero, one) = (V::splat(0.0), V::splat(1.0));
            let mut jumps = zero;
            for at_most in &self.at_most[..self.counts] {
                let is_more = uniform.sub(V::splat(*at_most));
                jumps = jumps.add(is_more.select_positive(one, zero));
            }
            let jump = jumps
                .mul(V::splat(self.jump_mean))
                .add(jumps.sqrt().mul(V::splat(self.jump_vol)).mul(size));
            let moved = V::splat(self.drift).add(V::splat(self.deviation).mul(price));
            x.add(moved).add(jump)
        }
    }
}

impl Motion for Jumping {
    type State<V: Doubles> = V;

    #[inline(always)]
    unsafe fn start<V: Doubles>(&self) -> V {
        // SAFETY: see above.
        unsafe { V::splat(0.0) }
    }

    #[inline(always)]
    unsafe fn advance<V: Doubles>(&self, x: &mut V, draws: &Draws<V>, pair: u32) -> [V; 2] {
        // SAFETY: see above.
        unsafe {
            let prices = draws.normals(pair, PRICE_STREAM);
            let uniforms = draws.uniforms(pair, SECOND_STREAM);
            let sizes = draws.normals(pair, SIZE_STREAM);
            let one = self.step(*x, [prices[0], uniforms[0], sizes[0]]);
            *x = self.step(one, [prices[1], uniforms[1], sizes[1]]);
            [one, *x]
        }
    }
}

/// Heston's variance by full truncation: where it would be below 0, it drifts as if it were 0.
///
/// Source: Lord, Koekkoek & van Dijk, "A comparison of biased simulation schemes for stochastic
/// volatility models" (2010), the scheme of their table 1.
#[derive(Clone, Copy)]
pub(crate) struct Heston {
    pub(crate) drift: f64,
    pub(crate) years: f64,
    pub(crate) root_years: f64,
    pub(crate) variance: f64,
    pub(crate) pull: f64,
    pub(crate) variance_mean: f64,
    /// The deviation of the variance's step per root of variance: its part in common with the
    /// price, and the part of its own.
    pub(crate) shared: f64,
    pub(crate) own: f64,
}

impl Heston {
    pub(crate) fn new(terms: &super::HestonTerms, years: f64) -> Self {
        let super::HestonTerms {
            drift,
            variance,
            reversion,
            variance_mean,
            variance_vol,
            correlation,
        } = *terms;
        Self {
            drift: drift * years,
            years,
            root_years: years.sqrt(),
            variance,
            pull: reversion * years,
            variance_mean,
            shared: variance_vol * correlation,
            own: variance_vol * (1.0 - correlation * correlation).sqrt(),
        }
    }

    #[inline(always)]
    unsafe fn step<V: Doubles>(&self, [x, variance]: [V; 2], [price, own]: [V; 2]) -> [V; 2] {
        // SAFETY: see above.
        unsafe {
            let positive = variance.max(V::splat(0.0));
            let deviation = positive.sqrt().mul(V::splat(self.root_years));
            let drift = V::splat(self.drift).sub(positive.mul(V::splat(0.5 * self.years)));
            let pull = V::splat(self.variance_mean).sub(positive).mul(V::splat(self.pull));
            let noise = price.mul(V::splat(self.shared)).add(own.mul(V::splat(self.own)));
            [x.add(drift).add(deviation.mul(price)), variance.add(pull).add(deviation.mul(noise))]
        }
    }
}

impl Motion for Heston {
    type State<V: Doubles> = [V; 2];

    #[inline(always)]
    unsafe fn start<V: Doubles>(&self) -> [V; 2] {
        // SAFETY: see above.
        unsafe { [V::splat(0.0), V::splat(self.variance)] }
    }

    #[inline(always)]
    unsafe fn advance<V: Doubles>(
        &self,
        state: &mut [V; 2],
        draws: &Draws<V>,
        pair: u32,
    ) -> [V; 2] {
        // SAFETY: see above.
        unsafe {
            let prices = draws.normals(pair, PRICE_STREAM);
            let own = draws.normals(pair, SECOND_STREAM);
            let one = self.step(*state, [prices[0], own[0]]);
            *state = self.step(one, [prices[1], own[1]]);
            [one[0], state[0]]
        }
    }
}
