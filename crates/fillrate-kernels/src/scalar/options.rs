//! Options with closed forms, as plainly as they can be said.

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

/// The price of [`crate::Cpu::geometric_asian`] of one option: its terms and the number of moments, or 0.
#[must_use]
pub fn geometric_asian([s, k, r, q, vol, t, sign]: [f64; 7], fixings: f64) -> f64 {
    let (mean_time, shared_time) = if fixings > 0.0 {
        let n = fixings;
        ((n + 1.0) / (2.0 * n), (n + 1.0) * (2.0 * n + 1.0) / (6.0 * n * n))
    } else {
        (0.5, 1.0 / 3.0)
    };
    let drift = (r - q - 0.5 * vol * vol) * mean_time + 0.5 * vol * vol * shared_time;
    black_scholes([s, k, r, r - drift, vol * shared_time.sqrt(), t, sign])[0]
}

/// The price of [`crate::Cpu::single_barrier`] of one option with volatility whose barrier was not touched: its
/// terms, and level, rebate, side and effect.
///
/// Source: Haug, "The complete guide to option pricing formulas" (2nd ed.), section 4.17.1.
#[must_use]
pub fn single_barrier(
    [s, k, r, q, vol, t, phi]: [f64; 7],
    [h, rebate, eta, effect]: [f64; 4],
) -> f64 {
    let (variance, deviation) = (vol * vol, vol * t.sqrt());
    let mu = (r - q - 0.5 * variance) / variance;
    let shift = (1.0 + mu) * deviation;
    let lambda = (mu * mu + 2.0 * r / variance).sqrt();
    let (spot_now, strike_now) = (s * (-q * t).exp(), k * (-r * t).exp());
    let plain = |x: f64| {
        phi * (spot_now * normal_cdf(phi * x) - strike_now * normal_cdf(phi * (x - deviation)))
    };
    let ratio = h / s;
    let mirrored = |y: f64| {
        let spot_part = ratio.powf(2.0 * (mu + 1.0)) * normal_cdf(eta * y);
        let strike_part = ratio.powf(2.0 * mu) * normal_cdf(eta * (y - deviation));
        phi * (spot_now * spot_part - strike_now * strike_part)
    };
    let (x2, y2) = ((s / h).ln() / deviation + shift, ratio.ln() / deviation + shift);
    let a = plain((s / k).ln() / deviation + shift);
    let b = plain(x2);
    let c = mirrored((h * h / (s * k)).ln() / deviation + shift);
    let d = mirrored(y2);
    let z = ratio.ln() / deviation + lambda * deviation;
    let never_hit = normal_cdf(eta * (x2 - deviation))
        - ratio.powf(2.0 * mu) * normal_cdf(eta * (y2 - deviation));
    let e = rebate * (-r * t).exp() * never_hit;
    let f = rebate
        * (ratio.powf(mu + lambda) * normal_cdf(eta * z)
            + ratio.powf(mu - lambda) * normal_cdf(eta * (z - 2.0 * lambda * deviation)));
    let is_strike_away = eta * (k - h) > 0.0;
    let (knock_in, knock_out) = match (phi * eta > 0.0, is_strike_away) {
        (true, true) => (c, a - c),
        (true, false) => (a - b + d, b - d),
        (false, true) => (b - c + d, a - b + c - d),
        (false, false) => (a, 0.0),
    };
    if effect > 0.0 { knock_in + e } else { knock_out + f }
}
