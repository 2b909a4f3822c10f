//! Suggestions that a configuration can say: stages of one scalar get one value.

use super::Config;
use crate::Result;
use crate::plan::{Gpu, SuggestOptions, Suggestion, Training, suggest};

impl Config {
    /// Suggestions for the run, in which stages whose batch size or accumulation is one scalar of the
    /// files have one batch size.
    ///
    /// # Errors
    ///
    /// As [`suggest`].
    pub fn suggest(&self, gpu: &Gpu, options: &SuggestOptions) -> Result<Vec<Suggestion>> {
        let groups = self.stages_that_share();
        if let [_] | [] = groups.as_slice() {
            let options = SuggestOptions { shared_batch: true, ..*options };
            return suggest(&self.training, gpu, &options);
        }
        let mut of_groups = Vec::new();
        for group in &groups {
            let stages = group.iter().map(|&stage| self.training.stages[stage].clone()).collect();
            let training = Training { stages, ..self.training.clone() };
            let options = SuggestOptions { shared_batch: group.len() > 1, ..*options };
            of_groups.push(suggest(&training, gpu, &options)?);
        }
        if let Some(suggestions) = joined(&self.training, &groups, &of_groups) {
            return Ok(suggestions);
        }
        // The groups want different things of what holds for the whole run.
        suggest(&self.training, gpu, &SuggestOptions { shared_batch: true, ..*options })
    }
}

/// One suggestion for all groups of each name; `None` if two groups differ in more than their stages.
fn joined(
    training: &Training,
    groups: &[Vec<usize>],
    of_groups: &[Vec<Suggestion>],
) -> Option<Vec<Suggestion>> {
    let (first, others) = of_groups.split_first()?;
    let mut joined = Vec::new();
    for suggestion in first {
        let mut parts = vec![suggestion];
        for other in others {
            parts.push(other.iter().find(|part| part.name == suggestion.name)?);
        }
        let whole = |part: &Suggestion| Training { stages: Vec::new(), ..part.training.clone() };
        if parts.iter().any(|part| whole(part) != whole(suggestion)) {
            return None;
        }
        let mut placed: Vec<_> = parts
            .iter()
            .zip(groups)
            .flat_map(|(part, group)| group.iter().zip(&part.stages))
            .collect();
        placed.sort_by_key(|(stage, _)| **stage);
        let stages: Vec<_> = placed.into_iter().map(|(_, stage)| stage.clone()).collect();
        let mut warnings = Vec::new();
        for warning in parts.iter().flat_map(|part| &part.warnings) {
            if !warnings.contains(warning) {
                warnings.push(warning.clone());
            }
        }
        let stages_of_run = stages.iter().map(|plan| plan.stage.clone()).collect();
        let training = Training { stages: stages_of_run, ..whole(suggestion) };
        joined.push(Suggestion { training, stages, warnings, ..suggestion.clone() });
    }
    (joined.iter().all(|one| one.stages.len() == training.stages.len())).then_some(joined)
}
