//! What must change in the files for them to say another run.

use super::{Config, Field, Found, Source};
use crate::Result;
use crate::plan::document::fault;
use crate::plan::edit::Edit;
use crate::plan::{Stage, Training};

/// A field of a stage, and its number there.
type StageNumber = (Field, fn(&Stage) -> u64);

/// What an edit can change in a stage.
const STAGE_NUMBERS: [StageNumber; 4] = [
    (Field::BatchSize, |stage| stage.batch_size),
    (Field::AccumulateGradBatches, |stage| stage.accumulate),
    (Field::MaxLength, |stage| stage.length),
    (Field::NNegatives, |stage| stage.negatives),
];

impl Config {
    /// The edits after which the files say `wanted`: batch sizes, accumulation, lengths, negatives,
    /// precision and checkpointing; nothing else is compared.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Config`] if a value that must change stands in no file, or not as a scalar of
    /// its own; the message says what to write, and where.
    pub fn edits(&self, wanted: &Training) -> Result<Vec<Edit>> {
        let mut edits = Vec::new();
        for (index, (old, new)) in self.training.stages.iter().zip(&wanted.stages).enumerate() {
            for (field, number) in STAGE_NUMBERS {
                // A neighbour's edit may be of the same scalar: those that stay are named too, so
                // that a contradiction comes to light.
                let is_changed = number(old) != number(new);
                let found = self.found(index, field);
                if is_changed || self.is_changed_by_another(index, field, number, wanted) {
                    edits.push(self.edit(field, found, &number(new).to_string())?);
                }
            }
        }
        if self.training.precision != wanted.precision {
            let found = self.found(0, Field::Precision);
            edits.push(self.edit(Field::Precision, found, wanted.precision.as_str())?);
        }
        if self.training.checkpointing != wanted.checkpointing {
            let found = self.found(0, Field::GradientCheckpointing);
            let text = wanted.checkpointing.to_string();
            edits.push(self.edit(Field::GradientCheckpointing, found, &text)?);
        }
        Ok(edits)
    }

    /// Stages that must have one batch size or one accumulation, since one scalar says it for them.
    #[must_use]
    pub fn stages_that_share(&self) -> Vec<Vec<usize>> {
        let mut groups: Vec<Vec<usize>> = Vec::new();
        for stage in 0..self.stages.len() {
            let shares = |other: &usize| {
                [Field::BatchSize, Field::AccumulateGradBatches]
                    .into_iter()
                    .any(|field| self.is_one_scalar(field, stage, *other))
            };
            let (mut joined, rest): (Vec<_>, Vec<_>) =
                groups.into_iter().partition(|group| group.iter().any(shares));
            groups = rest;
            let mut group: Vec<usize> = joined.drain(..).flatten().collect();
            group.push(stage);
            groups.push(group);
        }
        groups.sort();
        groups
    }

    fn is_one_scalar(&self, field: Field, one: usize, other: usize) -> bool {
        match (self.found(one, field), self.found(other, field)) {
            (Some(Found { source: Source::File { place, .. }, .. }), Some(found)) => {
                matches!(&found.source, Source::File { place: same, .. } if same == place)
            }
            _ => false,
        }
    }

    /// Whether another stage is to change the scalar that says this stage's number too.
    fn is_changed_by_another(
        &self,
        stage: usize,
        field: Field,
        number: fn(&Stage) -> u64,
        wanted: &Training,
    ) -> bool {
        let mut others = self.training.stages.iter().zip(&wanted.stages).enumerate();
        others.any(|(other, (old, new))| {
            number(old) != number(new) && self.is_one_scalar(field, stage, other)
        })
    }

    fn edit(&self, field: Field, found: Option<&Found>, text: &str) -> Result<Edit> {
        if let Some(Found {
            source: Source::File { path, place, guard, is_own_text: true }, ..
        }) = found
        {
            return Ok(Edit {
                name: path.to_string(),
                place: place.clone(),
                guard: guard.clone(),
                text: text.to_owned(),
            });
        }
        let (file, line, why) = match found.map(|found| &found.source) {
            Some(Source::File { path, place, .. }) => {
                let why = format!("`{path}` says it in other words");
                (&*place.file, Some(place.line), why)
            }
            Some(Source::Given { by }) => (&*self.path, None, format!("{by} gives it")),
            _ => (&*self.path, None, "it stands in no file".to_owned()),
        };
        let usual = self.usual_paths.iter().find(|(known, _)| *known == field);
        let usual = usual.map_or_else(|| field.to_string(), |(_, path)| path.clone());
        let message = format!("`{field}` would have to be {text}, but {why}");
        Err(fault(file, line, message, &format!("add it by hand: `{usual}: {text}`")))
    }
}
