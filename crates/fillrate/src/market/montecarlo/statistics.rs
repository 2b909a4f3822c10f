//! Means, deviations and covariances, added up in one order whatever the threads do.

/// Samples that one thread takes at a time. The order of additions depends on it alone.
pub(crate) const CHUNK: usize = 4096;

/// What is known of some pairs of numbers: a sample and its control.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Moments {
    count: f64,
    mean: [f64; 2],
    /// Sums of products of deviations: of the sample, of both, of the control.
    products: [f64; 3],
}

impl Moments {
    /// Those of a chunk: first the means, then what deviates from them.
    pub(crate) fn of(samples: &[f64], controls: &[f64]) -> Self {
        if samples.is_empty() {
            return Self::default();
        }
        let count = samples.len() as f64;
        let mean = [samples.iter().sum::<f64>() / count, controls.iter().sum::<f64>() / count];
        let mut products = [0.0; 3];
        for (x, y) in samples.iter().zip(controls) {
            let (x, y) = (x - mean[0], y - mean[1]);
            products[0] += x * x;
            products[1] += x * y;
            products[2] += y * y;
        }
        Self { count, mean, products }
    }

    /// Those of `count` samples whose means and sums of products are known, as a device gives them.
    pub(crate) fn of_sums(count: usize, [x, y, x_x, x_y, y_y]: [f64; 5]) -> Self {
        Self { count: count as f64, mean: [x, y], products: [x_x, x_y, y_y] }
    }

    /// Those of two parts together.
    ///
    /// Source: Chan, Golub & LeVeque, "Updating formulae and a pairwise algorithm for computing sample
    /// variances" (1979), equation 2.1.
    fn join(self, other: Self) -> Self {
        let count = self.count + other.count;
        if count == 0.0 {
            return self;
        }
        let share = other.count / count;
        let step = [other.mean[0] - self.mean[0], other.mean[1] - self.mean[1]];
        let weight = self.count * share;
        let between = [step[0] * step[0], step[0] * step[1], step[1] * step[1]];
        Self {
            count,
            mean: [self.mean[0] + share * step[0], self.mean[1] + share * step[1]],
            products: std::array::from_fn(|k| {
                self.products[k] + other.products[k] + weight * between[k]
            }),
        }
    }

    /// Those of all parts together, joined as the leaves of a balanced tree.
    pub(crate) fn tree(parts: &[Self]) -> Self {
        match parts {
            [] => Self::default(),
            [one] => *one,
            _ => {
                let (left, right) = parts.split_at(parts.len().div_ceil(2));
                Self::tree(left).join(Self::tree(right))
            }
        }
    }

    /// The mean of the samples.
    pub(crate) fn mean(&self) -> f64 {
        self.mean[0]
    }

    /// The deviation of the samples (n − 1); NaN for one, which says nothing of it.
    pub(crate) fn deviation(&self) -> f64 {
        if self.count > 1.0 { (self.products[0] / (self.count - 1.0)).sqrt() } else { f64::NAN }
    }

    /// The mean of the samples as the controls correct it, whose own mean is known to be `expected`.
    /// Controls that do not vary correct nothing.
    ///
    /// Source: Glasserman, "Monte Carlo methods in financial engineering" (2003), section 4.1.1.
    pub(crate) fn corrected(&self, expected: f64) -> Estimate {
        let [samples, both, controls] = self.products;
        let slope = if controls > 0.0 { both / controls } else { 0.0 };
        let left = (samples - slope * both).max(0.0);
        let freedom = self.count - 1.0 - f64::from(slope != 0.0);
        let is_known = freedom >= 1.0;
        Estimate {
            mean: self.mean[0] - slope * (self.mean[1] - expected),
            std_error: if is_known { (left / freedom / self.count).sqrt() } else { f64::NAN },
        }
    }
}

/// A mean, and how far off it may be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The estimated mean.
    pub mean: f64,
    /// Its standard error; NaN where the samples are too few to have one: one, or two that a control
    /// explains.
    pub std_error: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_joined_are_the_whole() {
        let samples: Vec<f64> = (0..1000).map(|n| f64::from(n * n % 997) + 1e6).collect();
        let controls: Vec<f64> = samples.iter().map(|x| 3.0 - 2.0 * x).collect();
        let whole = Moments::of(&samples, &controls);
        let parts: Vec<Moments> =
            samples.chunks(70).zip(controls.chunks(70)).map(|(x, y)| Moments::of(x, y)).collect();
        let tree = Moments::tree(&parts);
        assert!((tree.mean() / whole.mean() - 1.0).abs() < 1e-14);
        assert!((tree.deviation() / whole.deviation() - 1.0).abs() < 1e-12);
        // A control that says everything leaves no error.
        let estimate = tree.corrected(3.0 - 2e6);
        assert!((estimate.mean - 1e6).abs() < 1e-6 && estimate.std_error < 1e-9, "{estimate:?}");
        assert_eq!(Moments::tree(&[]), Moments::default());
    }

    #[test]
    fn too_few_samples_have_no_error() {
        let one = Moments::of(&[1.0], &[5.0]);
        assert!(one.deviation().is_nan() && one.corrected(5.0).std_error.is_nan());
        // A line goes through any two points.
        assert!(Moments::of(&[1.0, 3.0], &[5.0, 6.0]).corrected(5.0).std_error.is_nan());
        assert!(Moments::of(&[1.0, 3.0, 4.0], &[5.0, 6.0, 8.0]).corrected(5.0).std_error > 0.0);
    }

    #[test]
    fn a_control_that_does_not_vary_corrects_nothing() {
        let moments = Moments::of(&[1.0, 3.0], &[5.0, 5.0]);
        let estimate = moments.corrected(7.0);
        assert!((estimate.mean - 2.0).abs() < 1e-15);
        assert!((estimate.std_error - 1.0).abs() < 1e-15, "{estimate:?}");
    }
}
