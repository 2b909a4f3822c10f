//! A run of a few steps on the tape.

use super::head::Head;
use super::model::{Batch, Builder, Model, Pass};
use super::optimizer::State;
use super::tape::{Label, Parameter, Segment, Size, Sums, Tape, Value, Work};
use super::training::{Objective, Stage, Trainable, Training, Zero, ZeroGrad};

/// Steps that are run: the first makes the optimizer's state, the second finds it there.
const STEPS: u64 = 2;

/// Passes of a step that are run: the second finds gradients of the first.
const PASSES_MAX: u64 = 2;

/// A run that has ended.
pub(super) struct Run {
    pub(super) tape: Tape,
    pub(super) trainable_parameters: u64,
    pub(super) frozen_parameters: u64,
    /// The phases of the steps in their order: how many events and how much work there was at each
    /// one's end.
    pub(super) phases: Vec<(Phase, usize, Work)>,
}

/// A part of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Load,
    Forward,
    Backward,
    Step,
}

struct Program<'a> {
    training: &'a Training,
    stage: &'a Stage,
    models: Vec<Model>,
    /// The model of each encoder.
    owners: Vec<usize>,
    head: Head,
    parameters: Vec<Parameter>,
}

/// Runs a stage. `cublas_bytes` is the workspace that products take once.
pub(super) fn run(training: &Training, stage: &Stage, sums: Sums, cublas_bytes: u64) -> Run {
    let parallel = training.parallel;
    let shares = |from: Zero| if parallel.zero >= from { parallel.devices } else { 1 };
    let mut tape = Tape::new(sums, shares(Zero::Two));
    let program = Program::load(&mut tape, training, stage, shares(Zero::Three));
    let (mut trainable_parameters, mut frozen_parameters) = (0, 0);
    for parameter in &program.parameters {
        let count =
            if parameter.is_trained() { &mut trainable_parameters } else { &mut frozen_parameters };
        *count += parameter.size.elements;
    }
    tape.allocate(Size::new(cublas_bytes, 1), Label::Cublas);
    program.allocate_collectives(&mut tape);
    let mut phases = vec![(Phase::Load, tape.events().len(), tape.work())];
    let mut state = State::new(training.optimizer, shares(Zero::One));
    for _ in 0..STEPS {
        for pass in 0..stage.accumulate.min(PASSES_MAX) {
            program.pass(&mut tape, pass == 0, &mut phases);
        }
        state.step(&mut tape, &program.parameters);
        if training.zero_grad == ZeroGrad::AfterStep {
            tape.zero_gradients();
        }
        phases.push((Phase::Step, tape.events().len(), tape.work()));
    }
    Run { tape, trainable_parameters, frozen_parameters, phases }
}

impl<'a> Program<'a> {
    fn load(tape: &mut Tape, training: &'a Training, stage: &'a Stage, shares: u64) -> Self {
        let (mut models, mut owners, mut parameters) = (Vec::new(), Vec::new(), Vec::new());
        for encoder in &training.encoders {
            if let Some(owner) = encoder.shares_with {
                owners.push(owners[owner]);
                continue;
            }
            let trainable = &encoder.trainable;
            let mut builder = Builder {
                tape: &mut *tape,
                precision: training.precision,
                trainable,
                shares,
                parameters: Vec::new(),
            };
            let has_pooler = training.has_pooler(encoder.shape.family);
            models.push(Model::build(&mut builder, encoder, training.attention, has_pooler));
            owners.push(models.len() - 1);
            parameters.append(&mut builder.parameters);
        }
        let mut builder = Builder {
            tape: &mut *tape,
            precision: training.precision,
            trainable: &Trainable::All,
            shares,
            parameters: Vec::new(),
        };
        let head = Head::build(&mut builder, training);
        parameters.append(&mut builder.parameters);
        Self { training, stage, models, owners, head, parameters }
    }

    /// Data-parallel GPUs keep gradients a second time, in buckets that are sent; where parameters are
    /// divided, the largest two tensors are there whole.
    fn allocate_collectives(&self, tape: &mut Tape) {
        let parallel = self.training.parallel;
        if parallel.devices == 1 {
            return;
        }
        let bytes = self.parameters.iter().map(|parameter| parameter.size.bytes());
        let trained = self.parameters.iter().filter(|parameter| parameter.is_trained());
        let bytes = match parallel.zero {
            Zero::Off | Zero::One => trained.map(|parameter| parameter.size.bytes()).sum(),
            Zero::Two => trained.map(|parameter| parameter.size.bytes()).max().unwrap_or(0),
            Zero::Three => 2 * bytes.max().unwrap_or(0),
        };
        tape.allocate(Size::new(bytes, 1), Label::Collective);
    }

    /// Forward and backward over one batch.
    fn pass(&self, tape: &mut Tape, is_first: bool, phases: &mut Vec<(Phase, usize, Work)>) {
        let formulas = tape.formulas();
        let batches: Vec<Batch> = self
            .training
            .encoders
            .iter()
            .map(|encoder| {
                let sequences = self.stage.sequences() * encoder.channels;
                Batch::load(tape, sequences, self.stage.length, encoder.shape.token_types > 1)
            })
            .collect();
        let labels = match self.training.objective {
            Objective::MaskedLm => self.stage.sequences() * self.stage.length,
            Objective::Contrastive { .. } | Objective::Classification { .. } => {
                self.stage.batch_size
            }
        };
        let labels = tape.constant(labels, 8, Label::TokenIds);
        let (loss, passes) = self.forward(tape, &batches);
        phases.push((Phase::Forward, tape.events().len(), tape.work()));
        if is_first && self.training.zero_grad == ZeroGrad::BeforeBackward {
            tape.zero_gradients();
        }
        tape.backward(loss, &|tape, Segment { encoder, layer }, input| {
            self.models[self.owners[encoder]].layer(tape, layer, input, &passes[encoder])
        });
        passes.iter().flat_map(Pass::shared).for_each(|value| tape.drop(value));
        tape.drop(loss);
        for batch in &batches {
            batch.unload(tape);
        }
        tape.drop(labels);
        tape.forget_formulas(formulas);
        phases.push((Phase::Backward, tape.events().len(), tape.work()));
    }

    fn forward(&self, tape: &mut Tape, batches: &[Batch]) -> (Value, Vec<Pass>) {
        let precision = self.training.precision;
        tape.enter_autocast(precision.is_mixed().then(|| precision.product_bytes()));
        let mut passes = Vec::new();
        let [loss] = tape.scope(|tape| {
            let mut states = Vec::new();
            for (encoder, batch) in batches.iter().enumerate() {
                let owner = self.owners[encoder];
                let checkpoint = self.training.checkpointing.then_some(encoder);
                let (hidden, pass) = self.models[owner].forward(tape, batch, checkpoint);
                states.push((owner, hidden));
                passes.push(pass);
            }
            [self.head.loss(tape, self.training, self.stage, &self.models, &states)]
        });
        tape.leave_autocast();
        (loss, passes)
    }
}
