//! `fillrate plan suggest`: the settings that fit.

use fillrate::plan::config::Config;
use fillrate::plan::{Gpu, Suggestion};

use super::record::{Planned, StageRecord};
use super::{html, options, page, show};
use crate::cli::{GpuArgs, SearchAxesArgs, SuggestArgs};
use crate::commands::Outcome;
use crate::output::{Printer, Rendered, list_format};
use crate::settings::{Format, Settings};

/// Suggestions for a configuration on a GPU.
pub(super) struct Search {
    pub(super) gpu: Gpu,
    pub(super) budget_bytes: u64,
    pub(super) suggestions: Vec<Suggestion>,
}

/// Writes a record for each stage of each suggestion.
///
/// # Errors
///
/// If the configuration or the GPU cannot be planned with, a stage does not fit even with one row, or
/// the records cannot be written.
pub(super) fn run(
    arguments: &SuggestArgs,
    settings: &Settings,
    printer: &Printer,
) -> anyhow::Result<Outcome> {
    let format = list_format(settings)?;
    let config = options::config(&arguments.config, printer)?;
    let search = search(&config, &arguments.gpu, &arguments.search)?;
    let records = search.records(&config);
    let rendered = match format {
        Format::Table => Rendered::text(page::suggest(&search, &records, &config, printer)),
        format => Rendered::list(&records, format)?,
    };
    printer.emit(&rendered, settings.output.as_deref())?;
    let heading = html::Heading {
        title: format!("Settings that fit, for {}", config.path.display()),
        facts: page::gpu_facts(&search.gpu, search.budget_bytes),
    };
    show::draw(&arguments.pictures, &heading, &records, &search.gpu, printer)?;
    Ok(Outcome::Done)
}

/// Looks for suggestions.
///
/// # Errors
///
/// As [`run`].
pub(super) fn search(
    config: &Config,
    gpu: &GpuArgs,
    axes: &SearchAxesArgs,
) -> anyhow::Result<Search> {
    let options = options::search(axes, options::margin(gpu));
    let gpu = options::gpu(gpu)?;
    let suggestions = config.suggest(&gpu, &options)?;
    let budget_bytes = gpu.budget_bytes(&options.margin);
    Ok(Search { gpu, budget_bytes, suggestions })
}

impl Search {
    /// A record for each stage of each suggestion.
    pub(super) fn records(&self, config: &Config) -> Vec<StageRecord> {
        let of = |suggestion: &Suggestion| -> Vec<StageRecord> {
            let warnings: Vec<String> =
                suggestion.warnings.iter().map(ToString::to_string).collect();
            let stages = suggestion.stages.iter().enumerate();
            stages
                .map(|(index, stage)| {
                    let planned = Planned {
                        training: &suggestion.training,
                        index,
                        estimate: &stage.estimate,
                        largest_batch: Some(stage.largest_batch),
                        suggestion: Some(suggestion.name.clone()),
                        warnings: warnings.clone(),
                    };
                    StageRecord::new(planned, config, &self.gpu, self.budget_bytes)
                })
                .collect()
        };
        self.suggestions.iter().flat_map(of).collect()
    }
}
