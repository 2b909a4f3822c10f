//! Traces of the kinds of work that devices do, made up from a seed.

use std::collections::VecDeque;

use serde::Serialize;

use super::Trace;
use crate::random::Random;

/// The named traces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TraceKind {
    /// Sizes alike between 256 bytes and 1 MiB, ends in any order: nothing to learn from.
    Uniform,
    /// Many small and few large: Pareto-distributed from 512 bytes to 64 MiB, of which most end
    /// soon and some late.
    PowerLaw,
    /// Training a transformer of 24 layers: weights and optimiser states that stay, and in each step
    /// activations that are kept from a layer's forward to its backward pass, of a length that
    /// changes from step to step.
    TrainingStep,
    /// Serving: models that come and go tensor by tensor, batches of every size with scratch
    /// memory, and sessions that grow block by block until they end.
    ServingMix,
}

impl TraceKind {
    /// Every kind.
    pub const ALL: [Self; 4] =
        [Self::Uniform, Self::PowerLaw, Self::TrainingStep, Self::ServingMix];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Uniform => "uniform",
            Self::PowerLaw => "power-law",
            Self::TrainingStep => "training-step",
            Self::ServingMix => "serving-mix",
        }
    }

    /// The trace of a seed, the same on every machine.
    #[must_use]
    pub fn generate(self, seed: u64) -> Trace {
        let random = Random::new(seed);
        match self {
            Self::Uniform => uniform(random),
            Self::PowerLaw => power_law(random),
            Self::TrainingStep => training_step(random),
            Self::ServingMix => serving_mix(random),
        }
    }
}

/// Steps of the traces that have no step of their own.
const STEPS: usize = 20_000;

/// Allocations that live at once in them.
const LIVE: usize = 1000;

fn uniform(mut random: Random) -> Trace {
    let (mut trace, mut live) = (Trace::default(), Vec::new());
    for _ in 0..STEPS {
        if live.len() == LIVE {
            trace.free(live.swap_remove(random.below(LIVE as u64) as usize));
        }
        live.push(trace.allocate(random.between(256, 1 << 20)));
    }
    trace
}

fn power_law(mut random: Random) -> Trace {
    const EXPONENT: f64 = 1.1;
    /// How many of the youngest are meant by "soon".
    const YOUNG: usize = 64;
    let (mut trace, mut live) = (Trace::default(), Vec::new());
    for _ in 0..STEPS {
        if live.len() == LIVE {
            let span = if random.unit() < 0.8 { YOUNG } else { LIVE };
            trace.free(live.remove(LIVE - 1 - random.below(span as u64) as usize));
        }
        let size_bytes = 512.0 * (1.0 - random.unit()).powf(-1.0 / EXPONENT);
        live.push(trace.allocate((size_bytes as u64).min(64 << 20)));
    }
    trace
}

/// A transformer to be trained: 24 layers of width 1024 with 16 heads, in 16-bit floats, 16 sequences
/// of up to 512.
struct Transformer {
    layers: usize,
    width: u64,
    heads: u64,
    sequences: u64,
}

/// Bytes of a 16-bit and of a 32-bit float.
const HALF: u64 = 2;
const SINGLE: u64 = 4;

fn training_step(mut random: Random) -> Trace {
    let transformer = Transformer { layers: 24, width: 1024, heads: 16, sequences: 16 };
    let mut trace = Trace::default();
    let square = transformer.width * transformer.width;
    for _ in 0..transformer.layers {
        for matrix in [3 * square, square, 4 * square, 4 * square] {
            // The weights, their gradient, and three copies that the optimiser keeps in full.
            for bytes in [HALF, HALF, SINGLE, SINGLE, SINGLE] {
                trace.allocate(matrix * bytes);
            }
        }
    }
    for _ in 0..12 {
        let length = 64 * random.between(2, 8);
        transformer.step(&mut trace, length);
    }
    trace
}

impl Transformer {
    /// One step over sequences of `length`.
    fn step(&self, trace: &mut Trace, length: u64) {
        let rows = self.sequences * length;
        let hidden = rows * self.width * HALF;
        let scores = self.sequences * self.heads * length * length * HALF;
        let mut kept = Vec::new();
        for _ in 0..self.layers {
            let input = trace.allocate(hidden);
            let queries_keys_values = trace.allocate(3 * hidden);
            let raw = trace.allocate(scores);
            let probabilities = trace.allocate(scores);
            trace.free(raw);
            let context = trace.allocate(hidden);
            let attended = trace.allocate(hidden);
            let up = trace.allocate(4 * hidden);
            let activated = trace.allocate(4 * hidden);
            let down = trace.allocate(hidden);
            let statistics = trace.allocate(2 * rows * SINGLE);
            trace.free(down);
            kept.push([
                input,
                queries_keys_values,
                probabilities,
                context,
                attended,
                up,
                activated,
                statistics,
            ]);
        }
        let mut gradient = trace.allocate(hidden);
        for layer in kept.into_iter().rev() {
            let wide = trace.allocate(4 * hidden);
            let narrow = trace.allocate(hidden);
            trace.free(wide);
            let attention = trace.allocate(scores);
            let projected = trace.allocate(3 * hidden);
            for passed in layer.into_iter().rev().chain([attention, projected, gradient]) {
                trace.free(passed);
            }
            gradient = narrow;
        }
        trace.free(gradient);
        // The norm of all gradients, and the optimiser's scratch, matrix by matrix.
        for matrix in [3, 1, 4, 4].repeat(self.layers) {
            let scratch = trace.allocate(matrix * self.width * self.width * SINGLE);
            trace.free(scratch);
        }
    }
}

fn serving_mix(mut random: Random) -> Trace {
    const SESSIONS_MAX: usize = 48;
    const SESSION_BLOCK_BYTES: u64 = 2 << 20;
    const STEPS_A_MODEL: usize = 1500;
    let mut trace = Trace::default();
    let mut models: VecDeque<Vec<u32>> =
        [12, 6, 24].into_iter().map(|layers| load_model(&mut trace, layers)).collect();
    let mut sessions: Vec<Vec<u32>> = Vec::new();
    let mut batches: VecDeque<Vec<u32>> = VecDeque::new();
    for step in 1..8000 {
        // A batch begins, and one of those under way ends.
        let rows = 8 << random.below(9);
        let hidden = (rows + random.below(rows)) * 768 * HALF;
        let sizes = [rows * 12, hidden, 3 * hidden, hidden, 4 * hidden, rows * 12];
        batches.push_back(sizes.map(|size| trace.allocate(size)).to_vec());
        if batches.len() > 1 + random.below(4) as usize
            && let Some(ended) = batches.pop_front()
        {
            trace.free_all(ended);
        }
        // Sessions begin, grow and end.
        if sessions.len() < SESSIONS_MAX && random.unit() < 0.2 {
            sessions.push(Vec::new());
        }
        for session in &mut sessions {
            if random.unit() < 0.1 {
                session.push(trace.allocate(SESSION_BLOCK_BYTES));
            }
        }
        if !sessions.is_empty() && random.unit() < 0.19 {
            let ended = sessions.swap_remove(random.below(sessions.len() as u64) as usize);
            trace.free_all(ended);
        }
        // A model makes room for another.
        if step % STEPS_A_MODEL == 0
            && let Some(unloaded) = models.pop_front()
        {
            trace.free_all(unloaded);
            let layers = [4, 6, 12, 24][random.below(4) as usize];
            models.push_back(load_model(&mut trace, layers));
        }
    }
    trace
}

/// The tensors of an encoder of width 768 with a table of 30,522 rows, in 16-bit floats.
fn load_model(trace: &mut Trace, layers: usize) -> Vec<u32> {
    const WIDTH: u64 = 768;
    let mut tensors = vec![trace.allocate(30_522 * WIDTH * HALF)];
    for _ in 0..layers {
        for (rows, columns) in
            [(WIDTH, 3 * WIDTH), (WIDTH, WIDTH), (WIDTH, 4 * WIDTH), (4 * WIDTH, WIDTH)]
        {
            tensors.push(trace.allocate(rows * columns * HALF));
            tensors.push(trace.allocate(columns * HALF));
        }
        tensors.push(trace.allocate(2 * WIDTH * SINGLE));
        tensors.push(trace.allocate(2 * WIDTH * SINGLE));
    }
    tensors
}

#[cfg(test)]
mod tests {
    use super::super::TraceEvent;
    use super::*;

    #[test]
    fn traces_are_well_formed_and_their_seeds_matter() {
        for kind in TraceKind::ALL {
            let trace = kind.generate(1);
            assert_eq!(trace, kind.generate(1), "{kind:?}");
            assert_ne!(trace, kind.generate(2), "{kind:?}");
            // Reading back checks every name.
            assert_eq!(Trace::parse(&trace.to_string()).unwrap(), trace, "{kind:?}");
            assert!(trace.events().len() > 5000, "{kind:?}: {}", trace.events().len());
        }
    }

    #[test]
    fn a_training_step_gives_back_all_but_what_is_trained() {
        let trace = TraceKind::TrainingStep.generate(3);
        let count = |is: fn(&TraceEvent) -> bool| trace.events().iter().filter(|e| is(e)).count();
        let allocated = count(|event| matches!(event, TraceEvent::Allocate { .. }));
        let freed = count(|event| matches!(event, TraceEvent::Free { .. }));
        assert_eq!(allocated - freed, 24 * 4 * 5);
    }
}
