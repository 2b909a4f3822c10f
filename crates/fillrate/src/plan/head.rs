//! From the last hidden states to the loss.

use super::model::{Builder, Linear, Model, Norm};
use super::shapes::Family;
use super::tape::{Label, Parameter, Tape, Value};
use super::training::{Moe, Objective, Stage, Training};

/// What stands on the encoders.
pub(super) struct Head {
    experts: Option<Experts>,
    kind: Kind,
}

enum Kind {
    /// Means over tokens, of length 1, and their products.
    Contrastive { shared_negatives: bool },
    /// `dense`, a nonlinearity, a norm in some, and the classes.
    Classes { dense: Option<Linear>, norm: Option<Norm>, classes: Linear },
    /// The same for each token, over the words of the first encoder.
    Words { dense: Linear, norm: Norm, bias: Parameter },
}

/// A gate, experts of two layers, a projection.
struct Experts {
    moe: Moe,
    gate: Linear,
    layers: Vec<(Linear, Linear)>,
    projection: Option<Linear>,
}

/// The logits of a contrastive loss are similarities over a temperature.
struct Texts {
    rows: u64,
    per_row: u64,
}

impl Head {
    /// Lays its parameters out.
    pub(super) fn build(builder: &mut Builder, training: &Training) -> Self {
        let shape = &training.encoders[0].shape;
        let (family, hidden) = (shape.family, shape.hidden);
        let joined: u64 = training.encoders.iter().map(|e| e.shape.hidden * e.channels).sum();
        let experts = training.moe.map(|moe| Experts::build(builder, moe, joined));
        let width = training.moe.and_then(|moe| moe.output).unwrap_or(joined);
        let has_bias = family != Family::ModernBert;
        let kind = match training.objective {
            Objective::Contrastive { shared_negatives } => Kind::Contrastive { shared_negatives },
            Objective::Classification { labels } => {
                // Several encoders have no head of transformers: their vectors go to the classes.
                // BERT's matrix before the classes is its pooler, which belongs to the encoder.
                let is_single = training.is_single();
                Kind::Classes {
                    dense: (is_single && family != Family::Bert)
                        .then(|| builder.linear(hidden, hidden, has_bias)),
                    norm: (is_single && !has_bias).then(|| builder.norm(hidden, false)),
                    classes: builder.linear(width, labels, true),
                }
            }
            Objective::MaskedLm => Kind::Words {
                dense: builder.linear(hidden, hidden, has_bias),
                norm: builder.norm(hidden, has_bias),
                bias: builder.vector(shape.vocabulary),
            },
        };
        Self { experts, kind }
    }

    /// The loss of a stage's batch; `states` are each encoder's last hidden states.
    pub(super) fn loss(
        &self,
        tape: &mut Tape,
        training: &Training,
        stage: &Stage,
        models: &[Model],
        states: &[(usize, Value)],
    ) -> Value {
        let [loss] = tape.scope(|tape| {
            [match &self.kind {
                Kind::Words { dense, norm, bias } => {
                    let (model, hidden) = (&models[states[0].0], states[0].1);
                    words_loss(tape, model, hidden, dense, norm, bias)
                }
                Kind::Classes { dense, norm, classes } => {
                    let firsts = vectors(training, stage, states);
                    let vectors: Vec<Value> = firsts
                        .map(|(state, elements)| tape.reduce(state, elements, &[], Label::Pooled))
                        .collect();
                    let joined = self.mix(tape, &vectors);
                    let family = training.encoders[0].shape.family;
                    let dropout = training.encoders[0].dropout.hidden;
                    let pooler = models[0].pooler.as_ref().filter(|_| training.is_single());
                    let inner = dense.as_ref().or(pooler).map_or(joined, |dense| {
                        pooled(tape, family, dropout, dense, norm.as_ref(), joined)
                    });
                    let dropped = tape.dropout(inner, dropout, Label::Pooled);
                    let logits = classes.forward(tape, dropped, Label::Logits);
                    tape.cross_entropy(logits, Label::Logits)
                }
                Kind::Contrastive { shared_negatives } => {
                    let states = vectors(training, stage, states);
                    let vectors: Vec<Value> =
                        states.map(|(state, elements)| mean(tape, state, elements)).collect();
                    let joined = self.mix(tape, &vectors);
                    let unit = normalized(tape, joined);
                    let texts = Texts { rows: stage.batch_size, per_row: stage.texts_per_row() };
                    let logits = texts.similarities(tape, unit, *shared_negatives);
                    tape.cross_entropy(logits, Label::Similarities)
                }
            }]
        });
        loss
    }

    fn mix(&self, tape: &mut Tape, vectors: &[Value]) -> Value {
        let joined = tape.join(vectors, Label::Pooled);
        self.experts.as_ref().map_or(joined, |experts| experts.forward(tape, joined))
    }
}

/// Each encoder's hidden states with the elements of its pooled vectors.
fn vectors<'a>(
    training: &'a Training,
    stage: &'a Stage,
    states: &'a [(usize, Value)],
) -> impl Iterator<Item = (Value, u64)> + 'a {
    training.encoders.iter().zip(states).map(|(encoder, &(_, state))| {
        (state, stage.sequences() * encoder.channels * encoder.shape.hidden)
    })
}

impl Experts {
    fn build(builder: &mut Builder, moe: Moe, width: u64) -> Self {
        let gate = builder.linear(width, moe.experts, true);
        let layers = (0..moe.experts)
            .map(|_| {
                let first = builder.linear(width, moe.intermediate, true);
                (first, builder.linear(moe.intermediate, width, true))
            })
            .collect();
        let projection = moe.output.map(|output| builder.linear(width, output, true));
        Self { moe, gate, layers, projection }
    }

    /// Each text goes through `active` experts, spread evenly.
    fn forward(&self, tape: &mut Tape, input: Value) -> Value {
        let [result] = tape.scope(|tape| {
            let gates = self.gate.forward(tape, input, Label::Experts);
            let weights = tape.softmax(gates, Label::Experts);
            let elements = tape.size(input).elements;
            let share = (elements * self.moe.active).div_ceil(self.moe.experts);
            let mut sum = tape.scale(input, Label::Experts);
            for (first, second) in &self.layers {
                let [output] = tape.scope(|tape| {
                    let routed = tape.reduce(input, share, &[], Label::Experts);
                    let inner = first.forward(tape, routed, Label::Experts);
                    let activated = tape.gelu(inner, Label::Experts);
                    let output = second.forward(tape, activated, Label::Experts);
                    [tape.multiply(output, weights, Label::Experts)]
                });
                sum = tape.add_in_place(sum, output);
            }
            [self
                .projection
                .as_ref()
                .map_or(sum, |projection| projection.forward(tape, sum, Label::Experts))]
        });
        result
    }
}

impl Texts {
    /// The logits: of each anchor with its own candidates, or with those of all rows.
    fn similarities(&self, tape: &mut Tape, unit: Value, shared: bool) -> Value {
        let (rows, candidates) = (self.rows, (self.per_row - 1).max(1));
        let width = tape.size(unit).elements / (rows * self.per_row);
        let [logits] = tape.scope(|tape| {
            let anchors = tape.reduce(unit, rows * width, &[], Label::Pooled);
            let others = tape.reduce(unit, rows * candidates * width, &[], Label::Pooled);
            let products = if shared {
                let pairs = rows * rows * candidates;
                tape.batched_product(anchors, others, 1, pairs, Label::Similarities)
            } else {
                let products = tape.multiply(anchors, others, Label::Similarities);
                tape.reduce(products, rows * candidates, &[], Label::Similarities)
            };
            [tape.scale(products, Label::Similarities)]
        });
        logits
    }
}

/// The mean over the tokens of each sequence that are no padding, with the mask as wide as the states.
///
/// Source: `mean_pooling` of the model cards of sentence-transformers.
fn mean(tape: &mut Tape, state: Value, elements: u64) -> Value {
    let [mean] = tape.scope(|tape| {
        let size = tape.size(state);
        let mask = tape.constant(size.elements, 4, Label::Pooled);
        let masked = tape.multiply(state, mask, Label::Pooled);
        let sum = tape.reduce(masked, elements, &[], Label::Pooled);
        let counts = tape.constant(elements, 4, Label::Pooled);
        [tape.multiply(sum, counts, Label::Pooled)]
    });
    mean
}

/// x / |x|: the norm and the quotient keep x.
fn normalized(tape: &mut Tape, input: Value) -> Value {
    let [unit] = tape.scope(|tape| {
        let elements = tape.size(input).elements;
        let norm = tape.reduce(input, elements, &[input], Label::Pooled);
        [tape.multiply(input, norm, Label::Pooled)]
    });
    unit
}

/// What stands between a sequence's first token and its classes.
fn pooled(
    tape: &mut Tape,
    family: Family,
    dropout: f64,
    dense: &Linear,
    norm: Option<&Norm>,
    first: Value,
) -> Value {
    let [result] = tape.scope(|tape| {
        let drops_first = matches!(family, Family::Roberta | Family::Mpnet);
        let p = if drops_first { dropout } else { 0.0 };
        let dropped = tape.dropout(first, p, Label::Pooled);
        let inner = dense.forward(tape, dropped, Label::Pooled);
        let activated = match family {
            Family::DebertaV2 | Family::ModernBert => tape.gelu(inner, Label::Pooled),
            _ => tape.tanh(inner, Label::Pooled),
        };
        [norm.map_or(activated, |norm| norm.forward(tape, activated, Label::Pooled))]
    });
    result
}

/// Logits over the vocabulary for each token, through the table of words.
fn words_loss(
    tape: &mut Tape,
    model: &Model,
    hidden: Value,
    dense: &Linear,
    norm: &Norm,
    bias: &Parameter,
) -> Value {
    let [logits] = tape.scope(|tape| {
        let inner = dense.forward(tape, hidden, Label::Pooled);
        let activated = tape.gelu(inner, Label::Pooled);
        tape.drop(inner);
        let normed = norm.forward(tape, activated, Label::Pooled);
        let vocabulary = model.shape.vocabulary;
        [tape.linear(normed, &model.words, Some(bias), vocabulary, Label::Logits)]
    });
    let loss = tape.cross_entropy(logits, Label::Logits);
    tape.drop(logits);
    loss
}
