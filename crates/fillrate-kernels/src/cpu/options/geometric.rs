//! Options on the geometric mean, which is lognormal as its underlying is.

#![allow(unsafe_code, reason = "lane operations gated by the tier")]

use super::differences::{ByDifferences, ClosedForm, Terms};
use super::{GREEKS, OptionColumns, check, greeks};
use crate::cpu::dispatch::dispatch_doubles;
use crate::cpu::doubles::Doubles;
use crate::{Cpu, Result};

impl Cpu {
    /// Price, delta, gamma, vega, theta and rho of options on the geometric mean of their underlyings, each at so
    /// many equally spaced moments, of which the last is the expiry, or at all moments where `fixings`
    /// `[options]` is 0. Greeks are central differences.
    ///
    /// Source: Kemna & Vorst, "A pricing method for options based on average asset values" (1990); for
    /// moments: Turnbull & Wakeman (1991) with geometric weights, Haug, "The complete guide to option
    /// pricing formulas" (2nd ed.), sections 4.20.1 and 4.20.2.
    ///
    /// # Errors
    ///
    /// If a column or an output has another length than the rest.
    pub fn geometric_asian(
        &self,
        options: &OptionColumns<'_>,
        fixings: &[f64],
        outputs: [&mut [f64]; GREEKS],
    ) -> Result<()> {
        self.geometric(options, fixings, outputs)
    }

    /// The prices alone, shape `[options]`.
    ///
    /// # Errors
    ///
    /// As for [`Self::geometric_asian`].
    pub fn geometric_asian_price(
        &self,
        options: &OptionColumns<'_>,
        fixings: &[f64],
        price: &mut [f64],
    ) -> Result<()> {
        self.geometric(options, fixings, [price])
    }

    fn geometric<const N: usize>(
        &self,
        options: &OptionColumns<'_>,
        fixings: &[f64],
        outputs: [&mut [f64]; N],
    ) -> Result<()> {
        let (options, more) = (options.columns(), [fixings]);
        check("geometric_asian", options, &more, &outputs.each_ref().map(|out| &**out))?;
        dispatch_doubles(
            self.tier(),
            ByDifferences { form: GeometricMean, options, more, outputs },
        );
        Ok(())
    }
}

/// The mean's logarithm is normal; its mean and variance at expiry make an underlying of their own. Its one more
/// term is the number of moments.
struct GeometricMean;

impl ClosedForm<1> for GeometricMean {
    #[inline(always)]
    unsafe fn reach<V: Doubles>(&self, terms: &Terms<V>, _: &[V; 1]) -> V {
        terms[0]
    }

    #[inline(always)]
    unsafe fn price<V: Doubles>(&self, terms: &Terms<V>, [fixings]: &[V; 1]) -> V {
        // SAFETY: the caller has the instructions of `V`.
        unsafe {
            let [spot, strike, rate, dividend, vol, expiry, sign] = *terms;
            let (one, half) = (V::splat(1.0), V::splat(0.5));
            // The mean time of the moments, and the mean of the lesser of two, in parts of the expiry.
            let twice = fixings.add(*fixings);
            let next = fixings.add(one);
            let mean_time = fixings.select_positive(next.div(twice), half);
            let pairs = next.mul(twice.add(one)).div(fixings.mul(*fixings).mul(V::splat(6.0)));
            let shared_time = fixings.select_positive(pairs, V::splat(1.0 / 3.0));
            let spread = vol.mul(vol).mul(half);
            let drift = rate.sub(dividend).sub(spread).mul(mean_time).add(spread.mul(shared_time));
            let mean_vol = vol.mul(shared_time.sqrt());
            greeks([spot, strike, rate, rate.sub(drift), mean_vol, expiry, sign], false)[0]
        }
    }
}
