//! Answers as the columns of a table.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::builder::{Float32Builder, ListBuilder, StringBuilder};
use arrow_array::{ArrayRef, BooleanArray, Float32Array, StringArray, StructArray};
use arrow_schema::{DataType, Field, Fields, Schema, SchemaRef};

use super::batch::Scored;
use super::{Label, Probabilities};
use crate::records::Chunk;

/// The columns that scoring adds to a table, in this order: `text, label, score, probabilities,
/// model, precision, device, degraded, reason` and, if asked for, `logits, labels`.
///
/// `text` is the text that was scored. Where the input's own column of texts has that very name,
/// that column is it, and stays in its place.
#[derive(Clone, Debug)]
pub struct ScoreColumns {
    schema: SchemaRef,
    has_text: bool,
    classes: Option<HashMap<String, Vec<String>>>,
}

impl ScoreColumns {
    /// The columns for a table whose texts are in `text_column`.
    #[must_use]
    pub fn new(text_column: &str) -> Self {
        let has_text = text_column != "text";
        let mut columns = Self { schema: Arc::new(Schema::empty()), has_text, classes: None };
        columns.schema = columns.make_schema();
        columns
    }

    /// With each model's raw outputs and the names of its classes; `classes` has the names for
    /// each model that may answer, by its name.
    #[must_use]
    pub fn with_raw(mut self, classes: HashMap<String, Vec<String>>) -> Self {
        self.classes = Some(classes);
        self.schema = self.make_schema();
        self
    }

    /// The columns' names and types.
    #[must_use]
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// The columns of `chunk`, of which `scores` are the answers, each of shape `[chunk.len()]`.
    #[must_use]
    pub fn arrays(&self, chunk: &Chunk, scores: &[Scored]) -> Vec<ArrayRef> {
        let texts = |text: fn(&Scored) -> &str| {
            Arc::new(StringArray::from_iter_values(scores.iter().map(text))) as ArrayRef
        };
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(self.schema.fields().len());
        if self.has_text {
            columns.push(Arc::new(StringArray::from(chunk.texts())));
        }
        columns.extend([
            texts(|scored| scored.sentiment.label.as_str()),
            floats(scores, |scored| scored.sentiment.score),
            probabilities(scores),
            texts(|scored| &scored.provenance.model),
            texts(|scored| &scored.provenance.precision),
            texts(|scored| &scored.provenance.device),
            Arc::new(scores.iter().map(|s| Some(s.degraded)).collect::<BooleanArray>()),
            Arc::new(scores.iter().map(|s| s.reason.as_deref()).collect::<StringArray>()),
        ]);
        if let Some(classes) = &self.classes {
            columns.extend(raw(scores, classes));
        }
        columns
    }

    fn make_schema(&self) -> SchemaRef {
        let text = |name| Field::new(name, DataType::Utf8, false);
        let mut fields = vec![
            text("label"),
            Field::new("score", DataType::Float32, false),
            Field::new("probabilities", DataType::Struct(probability_fields()), false),
            text("model"),
            text("precision"),
            text("device"),
            Field::new("degraded", DataType::Boolean, false),
            Field::new("reason", DataType::Utf8, true),
        ];
        if self.has_text {
            fields.insert(0, text("text"));
        }
        if self.classes.is_some() {
            fields.push(Field::new_list("logits", item(DataType::Float32), false));
            fields.push(Field::new_list("labels", item(DataType::Utf8), false));
        }
        Arc::new(Schema::new(fields))
    }
}

fn item(data_type: DataType) -> Field {
    Field::new_list_field(data_type, false)
}

fn probability_fields() -> Fields {
    Label::ALL.iter().map(|label| Field::new(label.as_str(), DataType::Float32, false)).collect()
}

fn floats(scores: &[Scored], value: impl Fn(&Scored) -> f32) -> ArrayRef {
    Arc::new(Float32Array::from_iter_values(scores.iter().map(value)))
}

fn probabilities(scores: &[Scored]) -> ArrayRef {
    let column = |value: fn(&Probabilities) -> f32| {
        floats(scores, move |scored| value(&scored.sentiment.probabilities))
    };
    let columns = vec![column(|p| p.negative), column(|p| p.neutral), column(|p| p.positive)];
    Arc::new(StructArray::new(probability_fields(), columns, None))
}

/// The logits of each answer and the names of the classes of the model that gave it.
fn raw(scores: &[Scored], classes: &HashMap<String, Vec<String>>) -> [ArrayRef; 2] {
    let mut logits = ListBuilder::new(Float32Builder::new()).with_field(item(DataType::Float32));
    let mut labels = ListBuilder::new(StringBuilder::new()).with_field(item(DataType::Utf8));
    for scored in scores {
        logits.values().append_slice(&scored.sentiment.logits);
        logits.append(true);
        for name in classes.get(&scored.provenance.model).into_iter().flatten() {
            labels.values().append_value(name);
        }
        labels.append(true);
    }
    [Arc::new(logits.finish()), Arc::new(labels.finish())]
}
