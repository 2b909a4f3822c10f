//! Philox4x32-10: random numbers that depend on a key and a counter alone.
//!
//! A draw has no state to carry along: the number of a path at a step is the same whichever thread,
//! grid or device asks for it, and in whatever order.

/// The multipliers of a round.
pub(crate) const MULTIPLIERS: [u32; 2] = [0xD251_1F53, 0xCD9E_8D57];
/// What the key grows by from round to round: the golden ratio and √3 − 1 in 32 bits.
pub(crate) const WEYL: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];
/// The rounds of the published generator.
pub(crate) const ROUNDS: u32 = 10;

/// The generator of one seed.
///
/// Source: Salmon, Moraes, Dror & Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011),
/// section 3.3 and its reference implementation, Random123.
///
/// ```
/// use fillrate_kernels::Philox;
///
/// let philox = Philox::new(7);
/// // Path 3 at step 12 draws the same whatever else was drawn before.
/// let [u, v] = philox.uniforms(3, 12, 0);
/// assert!(u > 0.0 && u < 1.0 && v > 0.0 && v < 1.0);
/// assert_eq!(philox.uniforms(3, 12, 0), [u, v]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Philox {
    key: [u32; 2],
}

impl Philox {
    /// The generator of `seed`; each seed has a sequence of its own.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self { key: [seed as u32, (seed >> 32) as u32] }
    }

    /// The key: the low half of the seed, then the high one.
    #[must_use]
    pub const fn key(&self) -> [u32; 2] {
        self.key
    }

    /// The 128 random bits at a counter of four words.
    #[must_use]
    pub const fn block(&self, mut counter: [u32; 4]) -> [u32; 4] {
        let mut key = self.key;
        let mut round = 0;
        while round < ROUNDS {
            let first = MULTIPLIERS[0] as u64 * counter[0] as u64;
            let second = MULTIPLIERS[1] as u64 * counter[2] as u64;
            counter = [
                (second >> 32) as u32 ^ counter[1] ^ key[0],
                second as u32,
                (first >> 32) as u32 ^ counter[3] ^ key[1],
                first as u32,
            ];
            key = [key[0].wrapping_add(WEYL[0]), key[1].wrapping_add(WEYL[1])];
            round += 1;
        }
        counter
    }

    /// The 128 random bits of `path` at `step`; `stream` tells apart the draws of one step.
    #[must_use]
    pub const fn bits(&self, path: u64, step: u32, stream: u32) -> [u32; 4] {
        self.block([path as u32, (path >> 32) as u32, step, stream])
    }

    /// Two independent numbers, uniform on the odd multiples of 2⁻⁵³ between 0 and 1, both
    /// excluded: their logarithm and their inverse normal are finite.
    #[must_use]
    pub fn uniforms(&self, path: u64, step: u32, stream: u32) -> [f64; 2] {
        let [a, b, c, d] = self.bits(path, step, stream);
        [open_uniform(a, b), open_uniform(c, d)]
    }

    /// Two independent standard normal numbers, by the transformation of Box and Muller.
    ///
    /// Source: Box & Muller, "A note on the generation of random normal deviates" (1958).
    #[must_use]
    pub fn normals(&self, path: u64, step: u32, stream: u32) -> [f64; 2] {
        let [u, v] = self.uniforms(path, step, stream);
        let radius = (-2.0 * u.ln()).sqrt();
        let (sin, cos) = (std::f64::consts::TAU * v).sin_cos();
        [radius * cos, radius * sin]
    }
}

/// The uniform number of 64 bits, low half first: the upper 52 of them and a half.
fn open_uniform(low: u32, high: u32) -> f64 {
    let bits = (u64::from(high) << 32 | u64::from(low)) >> 12;
    // Fifty-two bits and a half are exact in a double, so that no sum rounds to 1.
    (bits as f64 + 0.5) * (1.0 / (1_u64 << 52) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Source: `kat_vectors` of Random123 1.14, lines `philox4x32 10`.
    #[test]
    fn the_published_answers_are_given() {
        let cases = [
            ([0; 4], [0; 2], [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]),
            ([u32::MAX; 4], [u32::MAX; 2], [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]),
            (
                [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
                [0xa409_3822, 0x299f_31d0],
                [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1],
            ),
        ];
        for (counter, key, expected) in cases {
            let philox = Philox::new(u64::from(key[1]) << 32 | u64::from(key[0]));
            assert_eq!(philox.block(counter), expected);
        }
    }

    #[test]
    fn the_ends_of_the_interval_are_not_drawn() {
        assert!(open_uniform(0, 0) > 0.0);
        assert!(open_uniform(u32::MAX, u32::MAX) < 1.0);
    }

    #[test]
    fn moments_are_those_of_the_distributions() {
        let philox = Philox::new(1);
        let draws = 200_000_u32;
        let (mut uniform, mut mean, mut square, mut product) = (0.0, 0.0, 0.0, 0.0);
        for path in 0..draws {
            uniform += philox.uniforms(u64::from(path), 0, 1)[0];
            let [a, b] = philox.normals(u64::from(path), 0, 0);
            mean += a + b;
            square += a * a + b * b;
            product += a * b;
        }
        let n = f64::from(draws);
        // Five standard errors of each mean.
        assert!((uniform / n - 0.5).abs() < 5.0 * (1.0 / 12.0 / n).sqrt());
        assert!((mean / (2.0 * n)).abs() < 5.0 / (2.0 * n).sqrt());
        assert!((square / (2.0 * n) - 1.0).abs() < 5.0 * (2.0 / (2.0 * n)).sqrt());
        assert!((product / n).abs() < 5.0 / n.sqrt());
    }
}
