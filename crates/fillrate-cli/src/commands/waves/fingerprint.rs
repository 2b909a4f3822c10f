//! What a resumable output was made with, so that nothing else is added to it.
//!
//! `FILE.run` beside FILE says with which settings the patterns were searched and, for each symbol, the
//! digest of its prices. It stays there, for the next run that goes on with FILE.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::Context;
use fillrate::market::{Column, Panel, Series};
use fillrate::text::registry::hex;
use fillrate::waves::{Part, Search, Weights};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::options;
use super::resume::beside;
use crate::cli::WavesArgs;
use crate::failure::hinted;

/// The columns that are searched.
const COLUMNS: [Column; 4] = [Column::Open, Column::High, Column::Low, Column::Close];

/// The settings and the prices of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Fingerprint {
    /// Each setting that decides what is found, as text.
    settings: BTreeMap<String, String>,
    /// The digest of each symbol's prices.
    prices: BTreeMap<String, String>,
}

impl Fingerprint {
    /// That of the present run.
    pub(super) fn of(arguments: &WavesArgs, search: &Search, panel: &Panel) -> Self {
        let typed = &arguments.search;
        let searched = search.options();
        let wanted = options::Wanted::of(arguments);
        let settings = [
            ("version", env!("CARGO_PKG_VERSION").to_owned()),
            ("patterns", format!("{:?}", search.kinds())),
            ("pivots", options::pivots(typed).to_string()),
            ("open ends", typed.open_ends.to_string()),
            ("rules", hex(&Sha256::digest(format!("{:?}", searched.rules)))),
            ("weights", shares(&searched.weights)),
            ("least score", searched.score_min.to_string()),
            ("wanted", if arguments.nest { "Nest".into() } else { format!("{wanted:?}") }),
            ("shortcuts", format!("{:?}", options::scope(&arguments.scope))),
        ];
        let settings = settings.map(|(name, value)| (name.to_owned(), value));
        let prices = (0..panel.len()).map(|symbol| {
            (panel.symbols()[symbol].clone(), digest_of_prices(&panel.series(symbol)))
        });
        Self { settings: settings.into(), prices: prices.collect() }
    }

    /// What stands beside `path`.
    ///
    /// # Errors
    ///
    /// If it is missing or is no fingerprint.
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let place = place(path);
        let unknown = |reason: String| {
            let shown = path.display();
            let message = format!("--resume: it is not known what {shown} was made with: {reason}");
            hinted(message, "search into another file, or leave --resume out to begin again")
        };
        let text = fs::read_to_string(&place).map_err(|error| match error.kind() {
            ErrorKind::NotFound => unknown(format!("{} is missing", place.display())),
            _ => unknown(format!("{}: {error}", place.display())),
        })?;
        serde_json::from_str(&text)
            .map_err(|_| unknown(format!("{} is no record of a run", place.display())))
    }

    /// Refuses to go on with a run that had other settings.
    ///
    /// # Errors
    ///
    /// If one differs; the error names it.
    pub(super) fn check_settings(&self, before: &Self, path: &Path) -> anyhow::Result<()> {
        let names: Vec<&str> = self
            .settings
            .iter()
            .filter(|(name, value)| before.settings.get(*name) != Some(value))
            .map(|(name, _)| name.as_str())
            .collect();
        if names.is_empty() {
            return Ok(());
        }
        let message = format!(
            "--resume: {} was made with other settings ({})",
            path.display(),
            names.join(", ")
        );
        Err(hinted(message, OTHERWISE))
    }

    /// Refuses to go on with symbols that had other prices.
    ///
    /// # Errors
    ///
    /// If one of those that are `done` has; the error names the first.
    pub(super) fn check_prices(
        &self,
        before: &Self,
        done: &HashSet<String>,
        path: &Path,
    ) -> anyhow::Result<()> {
        let is_other = |(symbol, digest): &(&String, &String)| {
            done.contains(*symbol) && before.prices.get(*symbol) != Some(*digest)
        };
        let Some((symbol, _)) = self.prices.iter().find(is_other) else { return Ok(()) };
        let shown = path.display();
        let message = format!("--resume: {shown} was made with other prices of symbol `{symbol}`");
        Err(hinted(message, OTHERWISE))
    }

    /// Writes the fingerprint of `path`, and keeps `before` for symbols that are not in this run.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub(super) fn write(mut self, before: Option<Self>, path: &Path) -> anyhow::Result<()> {
        for (symbol, digest) in before.unwrap_or_default().prices {
            self.prices.entry(symbol).or_insert(digest);
        }
        let place = place(path);
        let text = serde_json::to_string_pretty(&self)?;
        fs::write(&place, text + "\n").with_context(|| place.display().to_string())
    }
}

/// How to mend a run that does not fit.
const OTHERWISE: &str =
    "repeat the command that made it, or leave --resume out to begin again with these";

fn place(path: &Path) -> PathBuf {
    beside(path, ".run")
}

fn shares(weights: &Weights) -> String {
    let shares = Part::ALL.map(|part| weights.share(part).to_string());
    shares.join(" ")
}

fn digest_of_prices(series: &Series<'_>) -> String {
    let mut digest = Sha256::new();
    for date in series.dates() {
        digest.update(date.epoch_nanos().to_le_bytes());
    }
    for column in COLUMNS {
        // A column that is not there is told from one of no bars.
        digest.update([u8::from(series.column(column).is_some())]);
        for price in series.column(column).unwrap_or_default() {
            digest.update(price.to_le_bytes());
        }
    }
    hex(&digest.finalize())
}
