//! The discrete Fourier transform of any length.
//!
//! Source: L. I. Bluestein, "A linear filtering approach to the computation of the discrete Fourier
//! transform", IEEE Trans. Audio Electroacoust. 18 (1970), 451–455: jk = (j² + k² − (k − j)²)/2
//! makes a transform of length n a convolution, which transforms of a power of two compute.

use std::f64::consts::PI;

/// A complex number: its real and its imaginary part.
pub(super) type Complex = [f64; 2];

fn times([a, b]: Complex, [c, d]: Complex) -> Complex {
    [a * c - b * d, a * d + b * c]
}

/// Transforms of one length, prepared.
#[derive(Debug)]
pub(super) struct Transform {
    /// exp(−iπj²/n), shape `[n]`.
    chirp: Vec<Complex>,
    /// The transform of the conjugate chirp, wrapped around; shape `[size]`.
    filter: Vec<Complex>,
    /// exp(−2πij/size), shape `[size / 2]`.
    roots: Vec<Complex>,
}

impl Transform {
    /// For series of `count` values.
    pub(super) fn new(count: usize) -> Self {
        let size = (2 * count).max(2).next_power_of_two();
        let turn = |angle: f64| [angle.cos(), angle.sin()];
        let roots = (0..size / 2).map(|j| turn(-2.0 * PI * j as f64 / size as f64)).collect();
        // The square is taken modulo 2n, where it stays exact.
        let square = |j: usize| ((j as u128 * j as u128) % (2 * count.max(1)) as u128) as f64;
        let chirp: Vec<Complex> =
            (0..count).map(|j| turn(-PI * square(j) / count as f64)).collect();
        let mut filter = vec![[0.0, 0.0]; size];
        for (j, [re, im]) in chirp.iter().enumerate() {
            filter[j] = [*re, -im];
            filter[(size - j) % size] = [*re, -im];
        }
        let mut prepared = Self { chirp, filter: Vec::new(), roots };
        prepared.power_of_two(&mut filter);
        prepared.filter = filter;
        prepared
    }

    /// Σⱼ `series[j]` exp(−2πijk/n) for each k; shape `[n]`, as `series`.
    pub(super) fn forward(&self, series: &[Complex]) -> Vec<Complex> {
        let size = self.filter.len();
        let mut work = vec![[0.0, 0.0]; size];
        for (to, (value, chirp)) in work.iter_mut().zip(series.iter().zip(&self.chirp)) {
            *to = times(*value, *chirp);
        }
        self.power_of_two(&mut work);
        // The inverse of a transform is the conjugate of that of the conjugate.
        for (value, filter) in work.iter_mut().zip(&self.filter) {
            let [re, im] = times(*value, *filter);
            *value = [re, -im];
        }
        self.power_of_two(&mut work);
        let scale = 1.0 / size as f64;
        let ends = work.iter().zip(&self.chirp);
        ends.map(|([re, im], chirp)| times([re * scale, -im * scale], *chirp)).collect()
    }

    /// The transform of a power of two, in place.
    ///
    /// Source: J. W. Cooley and J. W. Tukey, "An algorithm for the machine calculation of complex
    /// Fourier series", Math. Comp. 19 (1965), 297–301.
    fn power_of_two(&self, values: &mut [Complex]) {
        let size = values.len();
        let unused = usize::BITS - size.trailing_zeros();
        for i in 0..size {
            let j = i.reverse_bits() >> unused;
            if i < j {
                values.swap(i, j);
            }
        }
        let mut half = 1;
        while half < size {
            let stride = size / (2 * half);
            for block in values.chunks_exact_mut(2 * half) {
                let (lower, upper) = block.split_at_mut(half);
                for (j, (low, high)) in lower.iter_mut().zip(upper).enumerate() {
                    let turned = times(*high, self.roots[j * stride]);
                    *high = [low[0] - turned[0], low[1] - turned[1]];
                    *low = [low[0] + turned[0], low[1] + turned[1]];
                }
            }
            half *= 2;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_sum_that_defines_it() {
        for count in [1, 2, 3, 5, 8, 12, 97, 250] {
            let series: Vec<Complex> =
                (0..count).map(|j| [f64::from(j * j % 17), f64::from(j % 5) - 2.0]).collect();
            let found = Transform::new(series.len()).forward(&series);
            for (k, value) in found.iter().enumerate() {
                let mut expected = [0.0, 0.0];
                for (j, term) in series.iter().enumerate() {
                    let angle = -2.0 * PI * (j * k % series.len()) as f64 / f64::from(count);
                    let [re, im] = times(*term, [angle.cos(), angle.sin()]);
                    expected = [expected[0] + re, expected[1] + im];
                }
                let error = (value[0] - expected[0]).hypot(value[1] - expected[1]);
                assert!(error < 1e-9 * f64::from(count), "{count} {k}: {error}");
            }
        }
        assert_eq!(Transform::new(0).forward(&[]), [[0.0, 0.0]; 0]);
    }
}
