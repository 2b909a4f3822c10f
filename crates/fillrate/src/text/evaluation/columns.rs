//! Figures as the columns of a table.

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, StringArray, StructArray, UInt64Array};
use arrow_schema::{DataType, Field, FieldRef, Schema, SchemaRef};

use super::Evaluation;
use crate::text::Label;
use crate::text::batch::Provenance;

/// One model's figures on one set of texts, and what they took.
#[derive(Clone, Debug, PartialEq)]
pub struct EvaluatedModel {
    /// Who answered.
    pub provenance: Provenance,
    /// How good the answers are.
    pub evaluation: Evaluation,
    /// Threads that it computed with.
    pub threads: usize,
    /// Texts that the model could not answer; they are in none of the figures.
    pub failed_texts: u64,
    /// Texts per second, the loading of the model aside; `None` if there were none.
    pub texts_per_s: Option<f64>,
    /// The time to load the model, in milliseconds.
    pub load_ms: f64,
    /// By how much the process grew for the model, in bytes; `None` where nobody tells.
    pub memory_bytes: Option<u64>,
    /// How many times sooner all models are done together than one after another
    /// ([`Together::gain`](super::Together::gain)); `None` where that was not measured.
    pub together_gain: Option<f64>,
}

/// The columns of a table with a row for each of `models`, in this order:
///
/// - `model`, `precision`, `device`, `threads`;
/// - `texts`, those that have an answer, and `failed`, those that have none;
/// - `accuracy` and `macro_f1`;
/// - `classes`: for each label its `precision`, `recall`, `f1` and `support`;
/// - `confusion`: for each label that texts have, how many of them were given each label, so that
///   `confusion.negative.positive` were negative and called positive;
/// - `calibration`: `ece`, `nll` and `brier`;
/// - `texts_per_s`, `load_ms` and `memory_bytes`;
/// - `together_gain`, the same for all.
///
/// Returns their schema and the arrays, each of shape `[models.len()]`.
#[must_use]
pub fn evaluation_columns(models: &[EvaluatedModel]) -> (SchemaRef, Vec<ArrayRef>) {
    let columns = [
        text("model", models, |model| &model.provenance.model),
        text("precision", models, |model| &model.provenance.precision),
        text("device", models, |model| &model.provenance.device),
        count("threads", models, |model| model.threads as u64),
        count("texts", models, |model| model.evaluation.confusion.texts()),
        count("failed", models, |model| model.failed_texts),
        number("accuracy", models, |model| model.evaluation.confusion.accuracy()),
        number("macro_f1", models, |model| model.evaluation.confusion.macro_f1()),
        group("classes", Label::ALL.map(|label| class(label, models))),
        group("confusion", Label::ALL.map(|truth| answers_to(truth, models))),
        group(
            "calibration",
            [
                number("ece", models, |model| model.evaluation.calibration.ece()),
                number("nll", models, |model| model.evaluation.calibration.nll()),
                number("brier", models, |model| model.evaluation.calibration.brier()),
            ],
        ),
        number("texts_per_s", models, |model| model.texts_per_s),
        number("load_ms", models, |model| Some(model.load_ms)),
        known_count("memory_bytes", models, |model| model.memory_bytes),
        number("together_gain", models, |model| model.together_gain),
    ];
    let (fields, arrays): (Vec<FieldRef>, Vec<ArrayRef>) = columns.into_iter().unzip();
    (Arc::new(Schema::new(fields)), arrays)
}

type Column = (FieldRef, ArrayRef);

fn class(label: Label, models: &[EvaluatedModel]) -> Column {
    let scores = |model: &EvaluatedModel| model.evaluation.confusion.class(label);
    group(
        label.as_str(),
        [
            number("precision", models, |model| scores(model).precision),
            number("recall", models, |model| scores(model).recall),
            number("f1", models, |model| scores(model).f1),
            count("support", models, |model| scores(model).support),
        ],
    )
}

fn answers_to(truth: Label, models: &[EvaluatedModel]) -> Column {
    let given = |answer: Label| {
        count(answer.as_str(), models, move |model| model.evaluation.confusion.count(truth, answer))
    };
    group(truth.as_str(), Label::ALL.map(given))
}

fn group<const N: usize>(name: &str, columns: [Column; N]) -> Column {
    let array = StructArray::from(Vec::from(columns));
    (Arc::new(Field::new(name, DataType::Struct(array.fields().clone()), false)), Arc::new(array))
}

fn text<'a>(
    name: &str,
    models: &'a [EvaluatedModel],
    value: impl Fn(&'a EvaluatedModel) -> &'a str,
) -> Column {
    let array = StringArray::from_iter_values(models.iter().map(value));
    (Arc::new(Field::new(name, DataType::Utf8, false)), Arc::new(array))
}

fn number(
    name: &str,
    models: &[EvaluatedModel],
    value: impl Fn(&EvaluatedModel) -> Option<f64>,
) -> Column {
    let array: Float64Array = models.iter().map(value).collect();
    (Arc::new(Field::new(name, DataType::Float64, true)), Arc::new(array))
}

fn count(name: &str, models: &[EvaluatedModel], value: impl Fn(&EvaluatedModel) -> u64) -> Column {
    let array = UInt64Array::from_iter_values(models.iter().map(value));
    (Arc::new(Field::new(name, DataType::UInt64, false)), Arc::new(array))
}

fn known_count(
    name: &str,
    models: &[EvaluatedModel],
    value: impl Fn(&EvaluatedModel) -> Option<u64>,
) -> Column {
    let array: UInt64Array = models.iter().map(value).collect();
    (Arc::new(Field::new(name, DataType::UInt64, true)), Arc::new(array))
}
