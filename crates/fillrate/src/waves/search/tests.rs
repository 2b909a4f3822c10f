//! The search against brute force and against itself.

use super::super::bars::Bars;
use super::super::legs::Legs;
use super::super::pivots::PivotRule;
use super::super::rules::Bounds;
use super::oracle::{chains, keeps_classic, levels};
use super::*;

/// Columns of made-up bars.
#[derive(Clone, Debug)]
pub(in crate::waves) struct Made {
    pub open: Vec<f64>,
    pub high: Vec<f64>,
    pub low: Vec<f64>,
    pub close: Vec<f64>,
}

impl Made {
    pub(in crate::waves) fn bars(&self) -> Bars<'_> {
        Bars::new(&self.open, &self.high, &self.low, &self.close).unwrap()
    }

    fn map(&self, price: impl Fn(f64) -> f64) -> Self {
        let column = |prices: &[f64]| prices.iter().map(|&p| price(p)).collect();
        Self {
            open: column(&self.open),
            high: column(&self.high),
            low: column(&self.low),
            close: column(&self.close),
        }
    }

    fn mirrored(&self) -> Self {
        let made = self.map(|price| -price);
        Self { high: made.low, low: made.high, ..made }
    }

    fn reversed(&self) -> Self {
        let column = |prices: &[f64]| prices.iter().rev().copied().collect();
        Self {
            open: column(&self.close),
            high: column(&self.high),
            low: column(&self.low),
            close: column(&self.open),
        }
    }
}

/// Numbers from 0 up to but not 1, the same on every machine.
pub(in crate::waves) struct Dice(pub u64);

impl Dice {
    pub(in crate::waves) fn roll(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// A random walk in steps of `tick`, coarse enough for equal prices if `tick` is large; with
/// `wicks` as far as the highs and lows go beyond open and close.
pub(in crate::waves) fn random_walk(seed: u64, count: usize, tick: f64, wicks: f64) -> Made {
    let mut dice = Dice(seed);
    let mut made = Made { open: Vec::new(), high: Vec::new(), low: Vec::new(), close: Vec::new() };
    let mut level = 1000.0;
    let snap = |price: f64| (price / tick).round() * tick;
    for _ in 0..count {
        let open = level;
        level += 8.0 * (dice.roll() + dice.roll() + dice.roll() - 1.5);
        made.open.push(snap(open));
        made.close.push(snap(level));
        made.high.push(snap(open.max(level) + wicks * dice.roll()));
        made.low.push(snap(open.min(level) - wicks * dice.roll()));
    }
    made
}

fn legs(made: &Made, degree: usize) -> Legs {
    Legs::find(&made.bars(), PivotRule::Fractal(degree), false).unwrap()
}

fn indices(hits: &[Hit]) -> Vec<Vec<u32>> {
    let mut all: Vec<Vec<u32>> = hits.iter().map(|hit| hit.indices().to_vec()).collect();
    all.sort();
    all
}

fn search_for(form: Form, direction: Direction, rules: RuleSet) -> Search {
    let options = SearchOptions {
        patterns: vec![form.pattern()],
        directions: vec![direction],
        rules,
        ..SearchOptions::default()
    };
    let mut search = Search::new(options);
    search.plans.retain(|plan| plan.form == form);
    search
}

/// Days of oil prices, whose highs and lows are the closes.
fn oil() -> impl Fn(std::ops::Range<usize>) -> Made {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/wti.csv");
    let table = std::fs::read_to_string(path).unwrap();
    let price = |line: &str| line.split_once(',').unwrap().1.parse().unwrap();
    let prices: Vec<f64> = table.lines().skip(1).map(price).collect();
    move |days| {
        let column = || prices[days.clone()].to_vec();
        Made { open: column(), high: column(), low: column(), close: column() }
    }
}

/// Series of every character: fine and coarse prices, long and no wicks, short and long; one in seven
/// is of real prices.
fn windows() -> impl Iterator<Item = Made> {
    let oil = oil();
    (0..280).map(move |seed| {
        let count = 12 + (seed * 7 % 79) as usize;
        if seed % 7 == 6 {
            let start = 29 * seed as usize;
            return oil(start..start + count);
        }
        let tick = [0.01, 1.0, 3.0, 8.0][seed as usize % 4];
        random_walk(seed, count, tick, [0.0, 3.0, 12.0][seed as usize % 3])
    })
}

#[test]
fn it_finds_what_brute_force_finds() {
    let mut found_of = [0_usize; Form::ALL.len()];
    for made in windows() {
        let bars = made.bars();
        for degree in [1, 2] {
            let legs = legs(&made, degree);
            for form in Form::ALL {
                for direction in Direction::ALL {
                    let mut expected = chains(&bars, degree, form, direction);
                    expected.retain(|chain| {
                        keeps_classic(form, chain, &levels(&bars, chain, direction))
                    });
                    expected.sort();
                    let search = search_for(form, direction, RuleSet::classic());
                    let found = search.all(&legs, None).unwrap();
                    assert_eq!(indices(&found), expected, "{form:?} {direction:?} {degree}");
                    assert_eq!(search.counts(&legs, None), [expected.len() as u64]);
                    found_of[form as usize] += expected.len();
                }
            }
        }
    }
    assert!(found_of.iter().all(|&found| found > 50), "{found_of:?}");
}

#[test]
fn without_rules_it_finds_every_chain_of_valid_waves() {
    for seed in 0..60 {
        let made = random_walk(seed, 40, [0.01, 2.0][seed as usize % 2], 4.0);
        for form in [Form::Impulse, Form::Zigzag] {
            for direction in Direction::ALL {
                let found = search_for(form, direction, RuleSet::none()).all(&legs(&made, 1), None);
                let mut expected = chains(&made.bars(), 1, form, direction);
                expected.sort();
                assert_eq!(indices(&found.unwrap()), expected);
            }
        }
    }
}

#[test]
fn strict_rules_keep_of_the_classic_what_they_allow() {
    let mut kept = 0;
    for made in windows() {
        let legs = legs(&made, 1);
        for direction in Direction::ALL {
            let all = search_for(Form::Impulse, direction, RuleSet::classic()).all(&legs, None);
            let mut expected: Vec<Vec<u32>> = indices(&all.unwrap());
            expected.retain(|chain| {
                let p = levels(&made.bars(), chain, direction);
                let w: Vec<f64> = (1..6).map(|i| (p[i] - p[i - 1]).abs()).collect();
                let d: Vec<u32> = (1..6).map(|i| chain[i] - chain[i - 1]).collect();
                w[1] / w[0] >= 0.2
                    && 9 * d[1] > d[0]
                    && w[2] > w[1]
                    && w[2] / w[0] >= 1.0 / 3.0
                    && 7 * d[2] > d[0]
                    && p[5] > p[3]
                    && w[4] / w[0] < 2.0
            });
            let found = search_for(Form::Impulse, direction, RuleSet::strict()).all(&legs, None);
            assert_eq!(indices(&found.unwrap()), expected);
            kept += expected.len();
        }
    }
    assert!(kept > 300, "{kept}");
}

#[test]
fn a_mirrored_series_has_the_same_patterns_the_other_way_round() {
    let search = Search::new(SearchOptions::default());
    for made in windows().take(80) {
        let mirrored = search.all(&legs(&made.mirrored(), 1), None).unwrap();
        let mut expected = search.all(&legs(&made, 1), None).unwrap();
        for hit in &mut expected {
            hit.direction = match hit.direction {
                Direction::Up => Direction::Down,
                Direction::Down => Direction::Up,
            };
        }
        expected.sort_unstable();
        assert_eq!(mirrored, expected);
    }
}

#[test]
fn prices_in_another_currency_change_nothing() {
    let search = Search::new(SearchOptions::default());
    for made in windows().take(80) {
        // A power of two leaves every digit as it is.
        let scaled = made.map(|price| price * 4.0);
        let expected = search.all(&legs(&made, 1), None).unwrap();
        assert_eq!(search.all(&legs(&scaled, 1), None).unwrap(), expected);
    }
}

#[test]
fn a_series_read_backwards_has_the_patterns_of_symmetric_rules_backwards() {
    // Read backwards, wave i is wave 6 - i; a rise from p0 to p5 is a fall from p5 to p0.
    let mut rules = RuleSet::none();
    for (name, bounds) in [
        ("wave2_retrace", Bounds::below(1.0)),
        ("wave5_to_wave4", Bounds::above(1.0)),
        ("wave4_overlap", Bounds::below(0.0)),
        ("wave3_to_shortest", Bounds::at_least(1.0)),
    ] {
        assert!(rules.set(Form::Impulse, name, Some(bounds)));
    }
    let mut compared = 0;
    for seed in 0..100 {
        // No two prices are equal, so that pivots are symmetric too.
        let made = random_walk(seed, 60, 1e-9, 3.0);
        for (direction, opposite) in
            [(Direction::Up, Direction::Down), (Direction::Down, Direction::Up)]
        {
            let forwards =
                search_for(Form::Impulse, direction, rules.clone()).all(&legs(&made, 1), None);
            let mut expected = indices(&forwards.unwrap());
            for chain in &mut expected {
                chain.reverse();
                for bar in chain.iter_mut() {
                    *bar = 59 - *bar;
                }
            }
            expected.sort();
            let backwards = search_for(Form::Impulse, opposite, rules.clone())
                .all(&legs(&made.reversed(), 1), None);
            assert_eq!(indices(&backwards.unwrap()), expected);
            compared += expected.len();
        }
    }
    assert!(compared > 300, "{compared}");
}

#[test]
fn the_top_is_what_sorting_all_gives() {
    let weights: [Weights; 3] = [
        Weights::default(),
        "fibonacci=0,rules=1,time=0,simplicity=0".parse().unwrap(),
        "fibonacci=1,rules=0,time=0,simplicity=0".parse().unwrap(),
    ];
    for (seed, made) in windows().enumerate() {
        let rules = match seed % 8 {
            0..5 => RuleSet::classic(),
            _ if made.close.len() < 30 => RuleSet::none(),
            _ => RuleSet::strict(),
        };
        let weights = weights[seed % 3];
        let options = SearchOptions { rules, weights, ..SearchOptions::default() };
        let search = Search::new(options);
        let legs = legs(&made, 1);
        let all = search.all(&legs, None).unwrap();
        for wanted in [0, 1, 2, 7, 50, 1000] {
            let top = search.top(&legs, wanted, None);
            assert_eq!(top, all[..wanted.min(all.len())], "{seed} {wanted}");
        }
        let best = search.best_scores(&legs, None);
        for ((form, direction), best) in search.kinds().into_iter().zip(best) {
            let of_kind = |hit: &&Hit| hit.form == form && hit.direction == direction;
            assert_eq!(best, all.iter().find(of_kind).map(|hit| hit.score));
        }
    }
}

#[test]
fn a_series_has_the_same_top_whatever_was_searched_before() {
    let search = Search::new(SearchOptions::default());
    let (mut met, mut missed) = (0, 0);
    // Walks, which are alike, and after some of them a sawtooth, which scores otherwise.
    for seed in 0..60 {
        let made = match seed % 10 {
            9 => sawtooth(40 + seed as usize, 3.0, 2.0),
            _ => random_walk(seed, 150, 0.01, 4.0),
        };
        let legs = legs(&made, 1);
        let led = search.lead.score();
        let top = search.top(&legs, 10, None);
        assert_eq!(top, search.all(&legs, None).unwrap()[..10], "{seed}");
        // A clone has learnt nothing.
        assert_eq!(search.clone().lead.score(), 0.0);
        let is_met = led > 0.0 && top[9].score >= led;
        met += usize::from(is_met);
        missed += usize::from(!is_met);
    }
    assert!(met > 30 && missed > 3, "{met} {missed}");
}

/// A series that rises by `up` and falls by `down` in turn.
pub(in crate::waves) fn sawtooth(count: usize, up: f64, down: f64) -> Made {
    let close: Vec<f64> = (0..count)
        .map(|bar| {
            let teeth = (bar / 2) as f64;
            100.0 + teeth * (up - down) + if bar % 2 == 1 { up } else { 0.0 }
        })
        .collect();
    Made { open: close.clone(), high: close.clone(), low: close.clone(), close }
}

#[test]
fn ties_are_broken_by_the_indices() {
    // Every pattern of a regular sawtooth recurs at each tooth with the same score.
    for (up, down) in [(2.0, 1.0), (3.0, 2.0), (5.0, 1.0)] {
        let legs = legs(&sawtooth(64, up, down), 1);
        let search = Search::new(SearchOptions::default());
        let all = search.all(&legs, None).unwrap();
        assert!(all.windows(2).filter(|pair| pair[0].score == pair[1].score).count() > 100);
        for wanted in [1, 10, 100, 1000] {
            assert_eq!(search.top(&legs, wanted, None), all[..wanted.min(all.len())]);
        }
    }
    // Pivots from which more waves go than are kept.
    let legs = legs(&sawtooth(300, 2.0, 1.0), 1);
    let search = search_for(Form::Zigzag, Direction::Up, RuleSet::classic());
    let all = search.all(&legs, None).unwrap();
    assert!(all.len() > 100_000);
    assert_eq!(search.top(&legs, 5000, None), all[..5000]);
}

#[test]
fn a_score_floor_leaves_out_what_is_below_it() {
    let made = random_walk(5, 200, 0.01, 4.0);
    let all = Search::new(SearchOptions::default()).all(&legs(&made, 1), None).unwrap();
    let floor = all[all.len() / 10].score;
    let search = Search::new(SearchOptions { score_min: floor, ..SearchOptions::default() });
    let expected: Vec<Hit> = all.iter().copied().filter(|hit| hit.score >= floor).collect();
    assert_eq!(search.all(&legs(&made, 1), None).unwrap(), expected);
    assert_eq!(search.top(&legs(&made, 1), usize::MAX, None), expected);
}

#[test]
fn more_patterns_than_fit_are_refused() {
    let legs = legs(&sawtooth(64, 2.0, 1.0), 1);
    let search = Search::new(SearchOptions::default());
    let error = search.all_up_to(&legs, None, 1000).unwrap_err();
    assert_eq!(error.to_string(), "all: there are more than 1000 patterns");
}

#[test]
fn series_without_pivots_have_no_patterns() {
    let search = Search::new(SearchOptions::default());
    for made in [sawtooth(0, 1.0, 1.0), sawtooth(5, 2.0, 1.0), sawtooth(300, 0.0, 0.0)] {
        for open_ends in [false, true] {
            let legs = Legs::find(&made.bars(), PivotRule::Fractal(1), open_ends).unwrap();
            let found = search.all(&legs, None).unwrap();
            assert!(found.iter().all(|hit| hit.form.waves() == 3), "{found:?}");
            assert_eq!(search.top(&legs, 5, None), found[..found.len().min(5)]);
        }
    }
}

#[test]
fn a_series_that_would_take_hours_is_refused() {
    let made = sawtooth(40_000, 2.0, 1.0);
    let error = Legs::find(&made.bars(), PivotRule::Fractal(1), false).unwrap_err();
    assert!(error.to_string().starts_with("bars: it moves so steadily"), "{error}");
    // Larger pivots, or a part.
    assert!(Legs::find(&made.bars(), PivotRule::AtrZigzag(3.0), false).is_ok());
    assert!(Legs::find(&sawtooth(10_000, 2.0, 1.0).bars(), PivotRule::Fractal(1), false).is_ok());
}

#[test]
fn a_long_series_is_searched_in_memory_of_its_length() {
    let long = legs(&random_walk(11, 100_000, 1e-6, 4.0), 1);
    let search = Search::new(SearchOptions::default());
    let top = search.top(&long, 20, None);
    assert!(top.len() == 20 && top.windows(2).all(|pair| pair[0] < pair[1]));
    // All of them would not fit, and are not gathered.
    assert!(search.all_up_to(&long, None, 100_000).is_err());

    let shorter = legs(&random_walk(11, 8_000, 1e-6, 4.0), 1);
    let top = search.top(&shorter, 20, None);
    let floor = SearchOptions { score_min: top[19].score, ..SearchOptions::default() };
    assert_eq!(Search::new(floor).all(&shorter, None).unwrap(), top);
}
