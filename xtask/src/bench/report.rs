//! What came of a race: the file of results and the table on the terminal.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, bail};
use serde::Serialize;
use serde_json::Value;

use super::entrants::{Entrant, Group};
use super::machine::Machine;

const CLASSES: usize = 3;

/// A peer is not the best one if it agrees with the reference so much less often than Fillrate.
const SAME_LABEL_SLACK: f64 = 0.1;

/// A whole run.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) commit: String,
    pub(super) date: String,
    pub(super) machine: Machine,
    pub(super) versions: BTreeMap<String, String>,
    pub(super) rounds: usize,
    pub(super) groups: Vec<GroupResult>,
}

/// What came of one group.
#[derive(Debug, Serialize)]
pub(super) struct GroupResult {
    pub(super) model: &'static str,
    pub(super) threads: usize,
    pub(super) precision: &'static str,
    /// `all`, or `avx2` where the others were hidden.
    pub(super) instructions: &'static str,
    /// The fastest peer whose answers are about as good as Fillrate's.
    pub(super) best_peer: Option<String>,
    /// Fillrate's median over the best peer's.
    pub(super) ratio_to_best_peer: Option<f64>,
    /// Fillrate's median over that of the pipeline of `transformers`, one text at a time.
    pub(super) ratio_to_pipeline_single: Option<f64>,
    pub(super) entrants: Vec<EntrantResult>,
    /// Who could not run, and why.
    pub(super) failures: Vec<String>,
}

/// What came of one entrant.
#[derive(Debug, Serialize)]
pub(super) struct EntrantResult {
    pub(super) engine: &'static str,
    pub(super) precision: &'static str,
    pub(super) is_peer: bool,
    /// Batches computed at a time, each by its share of the threads; of Fillrate's own choice
    /// nothing is known here.
    pub(super) streams: Option<usize>,
    /// Texts of a batch.
    pub(super) batch: Option<usize>,
    pub(super) texts_per_pass: usize,
    pub(super) texts_per_s: Rates,
    /// In MB of 10⁶ bytes, trying out batches included.
    pub(super) memory_peak_mb: Option<f64>,
    pub(super) agreement: Agreement,
    pub(super) tried: Value,
}

/// Texts per second over the rounds.
#[derive(Debug, Serialize)]
pub(super) struct Rates {
    pub(super) median: f64,
    pub(super) min: f64,
    pub(super) max: f64,
    pub(super) rounds: Vec<f64>,
}

impl Rates {
    pub(super) fn of(rounds: Vec<f64>) -> Self {
        let mut sorted = rounds.clone();
        sorted.sort_by(f64::total_cmp);
        let at = |index: usize| sorted.get(index).copied().unwrap_or(f64::NAN);
        // The middle one, or the mean of the middle two.
        let (half, last) = (sorted.len() / 2, sorted.len().saturating_sub(1));
        let median = f64::midpoint(at(last / 2), at(half));
        Self { median, min: at(0), max: at(last), rounds }
    }
}

/// How far an entrant's probabilities are those of PyTorch in fp32.
#[derive(Debug, Serialize)]
pub(super) struct Agreement {
    /// Texts compared.
    pub(super) texts: usize,
    /// The share of them whose most probable class is the same.
    pub(super) same_label: f64,
    /// The least cosine between the two answers to a text.
    pub(super) cosine_min: f64,
    /// The largest difference of a probability.
    pub(super) difference_max: f64,
}

impl Agreement {
    /// Compares as many texts as both have.
    ///
    /// # Errors
    ///
    /// If there is nothing to compare, or an answer is not a number.
    pub(super) fn of(found: &[f32], expected: &[f32]) -> anyhow::Result<Self> {
        let pairs = found.chunks_exact(CLASSES).zip(expected.chunks_exact(CLASSES));
        let mut agreement =
            Self { texts: 0, same_label: 0.0, cosine_min: 1.0, difference_max: 0.0 };
        let mut same = 0;
        for (a, b) in pairs {
            let dot = |a: &[f32], b: &[f32]| -> f64 {
                a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
            };
            let cosine = dot(a, b) / (dot(a, a) * dot(b, b)).sqrt();
            if !cosine.is_finite() {
                bail!("its answer to text {} is not a number", agreement.texts);
            }
            let difference =
                a.iter().zip(b).map(|(a, b)| f64::from((a - b).abs())).fold(0.0, f64::max);
            same += usize::from(most_probable(a) == most_probable(b));
            agreement.texts += 1;
            agreement.cosine_min = agreement.cosine_min.min(cosine);
            agreement.difference_max = agreement.difference_max.max(difference);
        }
        if agreement.texts == 0 {
            bail!("there are no answers to compare");
        }
        agreement.same_label = same as f64 / agreement.texts as f64;
        Ok(agreement)
    }
}

fn most_probable(row: &[f32]) -> Option<usize> {
    (0..row.len()).max_by(|&a, &b| row[a].total_cmp(&row[b]))
}

impl GroupResult {
    pub(super) fn new(group: Group, entrants: Vec<EntrantResult>, failures: Vec<String>) -> Self {
        let ours = entrants.iter().find(|entrant| entrant.engine == Entrant::FILLRATE);
        let least = ours.map_or(0.0, |ours| ours.agreement.same_label - SAME_LABEL_SLACK);
        let best = entrants
            .iter()
            .filter(|entrant| entrant.is_peer && entrant.agreement.same_label >= least)
            .max_by(|a, b| a.texts_per_s.median.total_cmp(&b.texts_per_s.median));
        let pipeline = entrants.iter().find(|entrant| entrant.engine == Entrant::PIPELINE);
        let ratio = |other: Option<&EntrantResult>| {
            Some(ours?.texts_per_s.median / other?.texts_per_s.median)
        };
        Self {
            model: group.model,
            threads: group.threads,
            precision: group.precision.as_str(),
            instructions: if group.avx2 { "avx2" } else { "all" },
            best_peer: best.map(EntrantResult::name),
            ratio_to_best_peer: ratio(best),
            ratio_to_pipeline_single: ratio(pipeline),
            entrants,
            failures,
        }
    }
}

impl EntrantResult {
    pub(super) fn name(&self) -> String {
        format!("{} {}", self.engine, self.precision)
    }
}

/// The group as lines for a terminal, the fastest entrant first.
pub(super) fn table(group: &GroupResult) -> String {
    let mut entrants: Vec<&EntrantResult> = group.entrants.iter().collect();
    entrants.sort_by(|a, b| b.texts_per_s.median.total_cmp(&a.texts_per_s.median));
    let mut lines = String::new();
    for entrant in entrants {
        let Rates { median, min, max, .. } = entrant.texts_per_s;
        let name = entrant.name();
        // Writing to a string cannot fail.
        let _ = writeln!(lines, "  {name:<24} {median:>8.0} texts/s  ({min:.0} to {max:.0})");
    }
    if let (Some(peer), Some(ratio)) = (&group.best_peer, group.ratio_to_best_peer) {
        let _ = writeln!(lines, "  {ratio:.2} times the best peer, {peer}");
    }
    lines
}

/// Writes the report as JSON, whole or not at all.
///
/// # Errors
///
/// If the file cannot be written.
pub(super) fn write(report: &Report, path: &Path) -> anyhow::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    let partial = path.with_extension("json.partial");
    fs::write(&partial, serde_json::to_string_pretty(report)? + "\n")
        .and_then(|()| fs::rename(&partial, path))
        .with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_of_rounds_lies_between_the_middle_two() {
        let found = |rounds: &[f64]| {
            let Rates { median, min, max, .. } = Rates::of(rounds.to_vec());
            [median, min, max].map(|rate| format!("{rate:.1}"))
        };
        assert_eq!(found(&[4.0, 1.0, 3.0, 2.0]), ["2.5", "1.0", "4.0"]);
        assert_eq!(found(&[3.0, 1.0, 2.0]), ["2.0", "1.0", "3.0"]);
    }

    #[test]
    fn answers_are_compared_text_by_text_as_far_as_both_go() {
        let expected = [0.1, 0.2, 0.7, 0.6, 0.3, 0.1, 0.9, 0.1, 0.0];
        let found = [0.1, 0.2, 0.7, 0.3, 0.6, 0.1];
        let agreement = Agreement::of(&found, &expected).unwrap();
        assert_eq!(agreement.texts, 2);
        assert!((agreement.same_label - 0.5).abs() < 1e-6);
        assert!((agreement.difference_max - 0.3).abs() < 1e-6);
        assert!((agreement.cosine_min - 0.37 / 0.46).abs() < 1e-6);
        assert!(Agreement::of(&[f32::NAN; 3], &expected).is_err());
        assert!(Agreement::of(&[], &expected).is_err());
    }
}
