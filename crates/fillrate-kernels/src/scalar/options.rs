//! European options, as plainly as they can be said.

use super::erf;

/// Φ(x), from the error function near 0 and its complement's continued fraction far below.
#[must_use]
pub fn normal_cdf(x: f64) -> f64 {
    if x > -2.0 {
        return 0.5 * (1.0 + erf(x / std::f64::consts::SQRT_2));
    }
    // Source: Abramowitz & Stegun, 26.2.14.
    let fraction = (1..=200).rev().fold(0.0, |f, k| f64::from(k) / (-x + f));
    density(x) / (-x + fraction)
}

fn density(x: f64) -> f64 {
    (-0.5 * x * x).exp() / std::f64::consts::TAU.sqrt()
}

/// [`crate::Cpu::black_scholes`] of one option with volatility and time: spot, strike, rate,
/// dividend yield, volatility, expiry and sign to price, delta, gamma, vega, theta and rho.
#[must_use]
pub fn black_scholes([s, k, r, q, vol, t, sign]: [f64; 7]) -> [f64; 6] {
    let deviation = vol * t.sqrt();
    let d1 = ((s / k).ln() + (r - q + 0.5 * vol * vol) * t) / deviation;
    let d2 = d1 - deviation;
    let (spot_now, strike_now) = (s * (-q * t).exp(), k * (-r * t).exp());
    let (n1, n2) = (normal_cdf(sign * d1), normal_cdf(sign * d2));
    let bell = spot_now * density(d1);
    [
        sign * (spot_now * n1 - strike_now * n2),
        sign * (-q * t).exp() * n1,
        bell / (s * s * deviation),
        bell * t.sqrt(),
        sign * (q * spot_now * n1 - r * strike_now * n2) - bell * vol / (2.0 * t.sqrt()),
        sign * t * strike_now * n2,
    ]
}
