//! Options on the geometric mean, as the control of simulated ones.

use fillrate_kernels::{Cpu, OptionColumns};

use super::{Right, Terms};

/// The price with a mean over equally spaced moments.
pub(super) fn price(right: Right, terms: &Terms, fixings: u32) -> f64 {
    let options = OptionColumns {
        spot: &[terms.spot],
        strike: &[terms.strike],
        rate: &[terms.rate],
        dividend: &[terms.dividend],
        vol: &[terms.vol],
        expiry: &[terms.expiry],
        sign: &[right.sign()],
    };
    let mut price = [0.0];
    let computed = Cpu::detect().geometric_asian_price(&options, &[f64::from(fixings)], &mut price);
    debug_assert!(computed.is_ok(), "all columns have one row");
    price[0]
}
