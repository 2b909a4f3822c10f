//! The ends of the waves from each pivot, with what the gauges need of each.
//!
//! A search comes to a wave many times, once for each chain that leads to its start, so that the first
//! few from each pivot are worth keeping; later ones are found along the chain of records. Memory stays
//! in proportion to the pivots.

use super::super::legs::{NONE, Turn};
use super::super::steps::steps;

/// Waves that are kept of each pivot, at most. On prices that move at random a pivot has four.
pub(super) const KEPT: usize = 64;

/// A wave, seen from its start.
#[derive(Clone, Copy, Debug)]
pub(super) struct Leg {
    /// The pivot that ends it.
    pub end: u32,
    /// The steps of its length.
    pub length: i32,
    /// The steps of its duration.
    pub duration: i32,
}

/// The waves from all pivots of one kind.
#[derive(Debug)]
pub(super) struct Ends<'a> {
    /// The pivots that begin waves, and those that end them.
    turns: [&'a [Turn]; 2],
    /// The first waves of each pivot, one pivot after the other.
    kept: Vec<Leg>,
    /// Where those of each pivot begin, and the end of all; shape `[starts + 1]`.
    begins: Vec<u32>,
}

impl<'a> Ends<'a> {
    /// The waves from `starts` to `ends`.
    pub(super) fn new(turns: [&'a [Turn]; 2]) -> Self {
        let [starts, ends] = turns;
        let mut all = Self {
            turns,
            kept: Vec::with_capacity(4 * starts.len()),
            begins: Vec::with_capacity(starts.len() + 1),
        };
        for start in starts {
            all.begins.push(all.kept.len() as u32);
            let chain = Records { start, ends, at: start.first };
            all.kept.extend(chain.take(KEPT));
        }
        all.begins.push(all.kept.len() as u32);
        all
    }

    /// The first waves from a pivot, the shortest first.
    #[inline]
    pub(super) fn kept(&self, start: u32) -> &[Leg] {
        let at = start as usize;
        &self.kept[self.begins[at] as usize..self.begins[at + 1] as usize]
    }

    /// The waves from a pivot after those that are kept.
    pub(super) fn others(&self, start: u32) -> impl Iterator<Item = Leg> {
        let [starts, ends] = self.turns;
        let last = self.kept(start).get(KEPT - 1);
        let at = last.map_or(NONE, |last| ends[last.end as usize].next);
        Records { start: &starts[start as usize], ends, at }
    }
}

/// The waves from a pivot, found along the chain of records.
struct Records<'a> {
    start: &'a Turn,
    ends: &'a [Turn],
    at: u32,
}

impl Iterator for Records<'_> {
    type Item = Leg;

    fn next(&mut self) -> Option<Leg> {
        while self.at != NONE {
            let (end, turn) = (self.at, &self.ends[self.at as usize]);
            self.at = turn.next;
            if turn.bar >= self.start.passed {
                self.at = NONE;
                return None;
            }
            let length = (turn.price - self.start.price).abs();
            // Only a series without any movement, with its ends as pivots, has a wave without length.
            if length > 0.0 {
                let duration = f64::from(turn.bar - self.start.bar);
                return Some(Leg { end, length: steps(length), duration: steps(duration) });
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::legs::Legs;
    use super::super::super::pattern::Direction;
    use super::super::super::pivots::PivotRule;
    use super::super::tests::{random_walk, sawtooth};
    use super::*;

    #[test]
    fn they_are_the_valid_waves_of_each_pivot() {
        let mut more = 0;
        for made in [sawtooth(400, 2.0, 1.0), random_walk(1, 500, 1.0, 3.0)] {
            let legs = Legs::find(&made.bars(), PivotRule::Fractal(1), true).unwrap();
            for direction in Direction::ALL {
                let turns = legs.oriented(direction);
                let ends = Ends::new(turns);
                for (start, turn) in turns[0].iter().enumerate() {
                    let kept = ends.kept(start as u32);
                    let others: Vec<Leg> = ends.others(start as u32).collect();
                    assert!(kept.len() <= KEPT && (others.is_empty() || kept.len() == KEPT));
                    more += others.len();
                    let all = kept.iter().chain(&others);
                    let bars = all.map(|leg| turns[1][leg.end as usize].bar as usize);
                    let expected = legs.waves_from(turn.bar as usize, direction);
                    assert_eq!(bars.collect::<Vec<usize>>(), expected);
                }
            }
        }
        assert!(more > 1000, "{more}");
    }
}
