//! What work of a size has cost on either side.

use std::time::Duration;

use super::Route;

/// Sizes are told apart by their power of two.
const SIZES: usize = u64::BITS as usize + 1;

/// The weight of the newest measurement once there are some.
const WEIGHT_MIN: f64 = 0.25;

/// After how many jobs of a size the side that is not chosen is measured again.
const JOBS_TO_LOOK_AGAIN: u32 = 64;

/// A side that costs this many times the other's is not measured again for the measure's sake.
const RATIO_MAX: f64 = 3.0;

/// What jobs of each size have cost on each side, in seconds, transfers included: moving averages.
#[derive(Clone, Debug)]
pub struct Costs {
    primary: [Cost; SIZES],
    twin: [Cost; SIZES],
    /// Jobs of a size since its other side was measured.
    since: [u32; SIZES],
}

#[derive(Clone, Copy, Debug, Default)]
struct Cost {
    seconds: f64,
    measured: u32,
}

impl Default for Costs {
    fn default() -> Self {
        Self {
            primary: [Cost::default(); SIZES],
            twin: [Cost::default(); SIZES],
            since: [0; SIZES],
        }
    }
}

/// The class of a size.
fn class(size: u64) -> usize {
    size.checked_ilog2().map_or(0, |log| log as usize + 1)
}

impl Costs {
    /// Notes what a job of `size` took on a side.
    pub fn record(&mut self, route: Route, size: u64, time: Duration) {
        let cost = &mut self.side_mut(route)[class(size)];
        cost.measured = cost.measured.saturating_add(1);
        // A mean at first. The first job of all pays for compiling and warming up, so the second
        // takes its place.
        let weight = if cost.measured <= 2 { 1.0 } else { 1.0 / f64::from(cost.measured - 1) };
        cost.seconds += weight.max(WEIGHT_MIN) * (time.as_secs_f64() - cost.seconds);
    }

    /// What a job of `size` is expected to take on a side: from jobs of its class, else in
    /// proportion from those of the nearest. `None` if nothing was measured.
    #[must_use]
    pub fn expected(&self, route: Route, size: u64) -> Option<Duration> {
        let costs = self.side(route);
        let class = class(size);
        let known = |other: &usize| costs[*other].measured > 0;
        let nearest = (0..SIZES).filter(known).min_by_key(|other| other.abs_diff(class))?;
        // Work below a measured size costs at most as much, work above it about as much for each
        // unit.
        let doublings = class.saturating_sub(nearest) as i32;
        Duration::try_from_secs_f64(costs[nearest].seconds * 2_f64.powi(doublings)).ok()
    }

    /// The side on which a job of `size` is expected to cost least. A side of which nothing is known
    /// for the size is tried, and the other one is looked at again from time to time.
    pub fn choose(&mut self, size: u64) -> Route {
        let class = class(size);
        for (route, other) in [(Route::Primary, Route::Twin), (Route::Twin, Route::Primary)] {
            if self.side(route)[class].measured == 0 && self.is_worth_trying(route, other, size) {
                return route;
            }
        }
        let expected = |route| self.expected(route, size).unwrap_or(Duration::MAX);
        let (best, other) = if expected(Route::Primary) <= expected(Route::Twin) {
            (Route::Primary, Route::Twin)
        } else {
            (Route::Twin, Route::Primary)
        };
        self.since[class] += 1;
        if self.since[class] >= JOBS_TO_LOOK_AGAIN {
            self.since[class] = 0;
            if self.is_worth_trying(other, best, size) {
                return other;
            }
        }
        best
    }

    /// Whether a side is not known to cost many times what the other does.
    fn is_worth_trying(&self, route: Route, other: Route, size: u64) -> bool {
        match (self.expected(route, size), self.expected(other, size)) {
            (Some(here), Some(there)) => here.as_secs_f64() <= RATIO_MAX * there.as_secs_f64(),
            _ => true,
        }
    }

    fn side(&self, route: Route) -> &[Cost; SIZES] {
        match route {
            Route::Primary => &self.primary,
            Route::Twin => &self.twin,
        }
    }

    fn side_mut(&mut self, route: Route) -> &mut [Cost; SIZES] {
        match route {
            Route::Primary => &mut self.primary,
            Route::Twin => &mut self.twin,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn measured(all: &[(Route, u64, u32)]) -> Costs {
        let mut costs = Costs::default();
        for &(route, size, ms) in all {
            costs.record(route, size, MS * ms);
        }
        costs
    }

    #[test]
    fn the_cheaper_side_is_chosen_for_each_size() {
        // Launches and copies make the primary dear for small jobs.
        let mut costs = measured(&[
            (Route::Primary, 8, 5),
            (Route::Twin, 8, 1),
            (Route::Primary, 4096, 6),
            (Route::Twin, 4096, 100),
        ]);
        assert_eq!((costs.choose(8), costs.choose(15)), (Route::Twin, Route::Twin));
        assert_eq!((costs.choose(4096), costs.choose(8191)), (Route::Primary, Route::Primary));
        // Twice the size is like twice the cost; the side that is far from it is not tried.
        assert_eq!(costs.expected(Route::Twin, 8192), Some(MS * 200));
        assert_eq!(costs.expected(Route::Primary, 1), Some(MS * 5));
    }

    #[test]
    fn what_is_unknown_is_tried_once() {
        let mut costs = Costs::default();
        assert_eq!(costs.expected(Route::Twin, 1), None);
        assert_eq!(costs.choose(100), Route::Primary);
        costs.record(Route::Primary, 100, MS);
        assert_eq!(costs.choose(100), Route::Twin);
        costs.record(Route::Twin, 100, MS * 2);
        assert_eq!(costs.choose(100), Route::Primary);
    }

    #[test]
    fn a_side_that_became_cheaper_is_found_again_and_one_far_off_is_left_alone() {
        let mut costs = measured(&[(Route::Primary, 8, 2), (Route::Twin, 8, 1)]);
        let looks = (0..200).filter(|_| costs.choose(8) == Route::Primary).count();
        assert_eq!(looks, 3);
        let mut costs = measured(&[(Route::Primary, 8, 200), (Route::Twin, 8, 1)]);
        assert!((0..200).all(|_| costs.choose(8) == Route::Twin));
    }

    #[test]
    fn the_first_measurement_does_not_stay() {
        let mut costs = measured(&[(Route::Primary, 8, 10_000), (Route::Primary, 8, 2)]);
        assert_eq!(costs.expected(Route::Primary, 8), Some(MS * 2));
        costs.record(Route::Primary, 8, MS * 4);
        assert_eq!(costs.expected(Route::Primary, 8), Some(MS * 3));
    }
}
