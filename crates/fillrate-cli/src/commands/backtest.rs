//! `fillrate backtest`: what strategies would have made, for many parameter sets at once.

mod chart;
mod page;
mod pictures;
mod records;

use std::fs;
use std::num::NonZeroUsize;
use std::time::Instant;

use anyhow::Context;
use fillrate::market::backtest::{
    BacktestOptions, COMBINATIONS_MAX_DEFAULT, Estimate, Fold, Grid, Metric, OrderFill, Outcome,
    Positions, Strategy, SweepJob, WalkForward, best, estimate, sweep_on, walk_forward_on,
};
use fillrate::market::device::Computer;
use fillrate::market::{Column, Panel, PanelOptions};
use fillrate::records::{Layout, Writer};

use self::pictures::Pictures;
use self::records::Records;
use super::Outcome as Ended;
use super::device::{computer, say};
use super::loading::start_threads;
use super::prices::read;
use super::table::{count, format_of_records, record_format};
use crate::cli::{BacktestArgs, FillChoice, PositionsChoice};
use crate::failure::hinted;
use crate::output::{Printer, Rendered};
use crate::settings::{Format, Settings};

/// The most records of a table for a reader.
const PAGE_ROWS: usize = 20;
/// The most symbols that a warning names.
const NAMES_MAX: usize = 5;

/// What is to be run.
struct Task<'a> {
    computer: Computer<SweepJob>,
    panel: &'a Panel,
    strategy: Strategy,
    grid: Grid,
    options: BacktestOptions,
    by: Metric,
}

/// Runs every parameter set over every symbol and writes a record for each.
///
/// # Errors
///
/// If the prices, the grid, an option or the output cannot be used; a file that was to be written is
/// then as it was before.
pub(crate) fn run(
    arguments: &BacktestArgs,
    settings: &Settings,
    printer: &Printer,
) -> anyhow::Result<Ended> {
    let format = record_format(settings)?;
    refuse_a_metric_that_chooses_nothing(arguments, format)?;
    let options = options(arguments);
    let panel_options =
        PanelOptions { sort: arguments.prices.sort, ..PanelOptions::only(&options.inputs()) };
    let panel = read(&arguments.input, panel_options, settings, printer).map_err(|error| {
        if options.fill == OrderFill::NextOpen && format!("{error:#}").contains("`open`") {
            return hinted(
                format!("{error:#}"),
                "prices without opens can be traded at --fill close",
            );
        }
        error
    })?;
    start_threads(settings)?;
    let task = Task {
        computer: computer(settings)?,
        panel: &panel,
        strategy: arguments.strategy,
        grid: arguments.grid.clone().unwrap_or_default(),
        options,
        by: arguments.by.unwrap_or_default(),
    };
    let estimate = estimate(&panel, task.strategy, &task.grid, &task.options).map_err(narrower)?;
    let begin = Instant::now();
    let symbols = count(panel.len() as u64, "symbol");
    if let Some(walk) = arguments.walk_forward {
        let (strategy, options) = (task.strategy, &task.options);
        let (computer, grid) = (&task.computer, &task.grid);
        let folds = walk_forward_on(computer, &panel, strategy, grid, options, walk, task.by);
        let folds = folds.map_err(narrower)?;
        let seconds = begin.elapsed().as_secs_f64();
        tell_of_symbols_without_folds(&folds, &panel, walk, printer)?;
        task.write_folds(&folds, format, settings, printer)?;
        let sets = count(estimate.sets, "parameter set");
        printer.note(&format!("{sets} of {symbols} in {seconds:.3} s"));
        say(&task.computer.report(), printer);
        return Ok(Ended::Done);
    }
    let mut pictures = match (&arguments.html, &arguments.svg) {
        (None, None) => None,
        _ => Some(Pictures::new(&task)?),
    };
    // Where they go is found out before the sweep, which may take long.
    let html = arguments.html.as_deref().map(|path| printer.sink(Some(path))).transpose()?;
    if let Some(folder) = &arguments.svg {
        fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    let records = Records::of_sets(task.strategy);
    let top = arguments.top.map(NonZeroUsize::get);
    let kept = task.sweep(&records, top, pictures.as_mut(), format, settings, printer)?;
    let seconds = begin.elapsed().as_secs_f64();
    if format == Format::Table {
        let page = page::page(&kept, task.strategy, &panel, printer);
        printer.emit(&Rendered::text(page), settings.output.as_deref())?;
    }
    if let Some(pictures) = pictures {
        if let Some(sink) = html {
            Rendered::text(pictures.page(&task)?).write(sink)?;
        }
        if let Some(folder) = &arguments.svg {
            pictures.write(&task, folder, printer)?;
        }
    }
    printer.note(&summary(&estimate, &symbols, seconds));
    say(&task.computer.report(), printer);
    Ok(Ended::Done)
}

fn summary(estimate: &Estimate, symbols: &str, seconds: f64) -> String {
    let left_out = match estimate.left_out {
        0 => String::new(),
        left_out => format!(" ({left_out} combinations of the grid are none)"),
    };
    let sets = count(estimate.sets, "parameter set");
    let backtests = count(estimate.backtests, "backtest");
    format!("{sets}{left_out} of {symbols}, {backtests} in {seconds:.3} s")
}

/// Refuses `--by` where every set is written in the order of the grid.
fn refuse_a_metric_that_chooses_nothing(
    arguments: &BacktestArgs,
    format: Format,
) -> anyhow::Result<()> {
    let chooses = arguments.top.is_some()
        || arguments.walk_forward.is_some()
        || arguments.html.is_some()
        || arguments.svg.is_some()
        || format == Format::Table;
    if arguments.by.is_none() || chooses {
        return Ok(());
    }
    let hint = "it chooses with --top, --walk-forward, --html, --svg and in a table";
    Err(hinted("--by: every set is written, and none is chosen", hint))
}

/// Names the symbols that are too short to be walked through.
///
/// # Errors
///
/// If all of them are.
fn tell_of_symbols_without_folds(
    folds: &[Fold],
    panel: &Panel,
    walk: WalkForward,
    printer: &Printer,
) -> anyhow::Result<()> {
    let mut is_walked = vec![false; panel.len()];
    for fold in folds {
        is_walked[fold.symbol] = true;
    }
    let names = panel.symbols().iter().zip(is_walked).filter(|(_, is_walked)| !is_walked);
    let names: Vec<&str> = names.map(|(name, _)| name.as_str()).collect();
    let train = walk.train;
    if names.is_empty() {
        return Ok(());
    }
    if names.len() == panel.len() {
        let message = format!("--walk-forward: no symbol has a close after its first {train}");
        return Err(hinted(message, "let sets be chosen on fewer: --walk-forward train=…,test=…"));
    }
    let symbols = count(names.len() as u64, "symbol");
    let more = if names.len() > NAMES_MAX { ", …" } else { "" };
    let listed = names[..names.len().min(NAMES_MAX)].join(", ");
    printer.warn(&format!(
        "{symbols} without a close after the first {train}, and without a record: {listed}{more}"
    ));
    Ok(())
}

/// Says how to mend a grid that is too large.
fn narrower(error: fillrate::Error) -> anyhow::Error {
    let message = error.to_string();
    if message.contains("above the limit") {
        return hinted(message, "narrow the grid, or allow more with --max-combinations");
    }
    error.into()
}

fn options(arguments: &BacktestArgs) -> BacktestOptions {
    let usual = BacktestOptions::default();
    BacktestOptions {
        fee: arguments.fee.unwrap_or(usual.fee),
        slippage: arguments.slippage.unwrap_or(usual.slippage),
        positions: match arguments.positions {
            Some(PositionsChoice::LongShort) => Positions::LongShort,
            Some(PositionsChoice::Long) | None => Positions::Long,
        },
        fill: match arguments.fill {
            Some(FillChoice::Close) => OrderFill::Close,
            Some(FillChoice::NextOpen) | None => OrderFill::NextOpen,
        },
        risk_free: arguments.risk_free.unwrap_or(usual.risk_free),
        column: arguments.column.unwrap_or(Column::Close),
        combinations_max: arguments.max_combinations.unwrap_or(COMBINATIONS_MAX_DEFAULT),
        ..usual
    }
}

impl Task<'_> {
    /// Runs the sweep, writes its records unless a table is wanted, and gives those of the table.
    fn sweep(
        &self,
        records: &Records,
        top: Option<usize>,
        mut pictures: Option<&mut Pictures>,
        format: Format,
        settings: &Settings,
        printer: &Printer,
    ) -> anyhow::Result<Vec<Outcome>> {
        let format = format_of_records(format);
        let mut writer = match format {
            None => None,
            Some(format) => {
                let sink = printer.sink(settings.output.as_deref())?;
                Some(Writer::new(sink, format, Layout::None, records.schema()))
            }
        };
        // A table has the best sets; records have all unless it is said how many.
        let keep = top.or(writer.is_none().then_some(PAGE_ROWS));
        let mut ranking = Ranking { keep, by: self.by, of_symbol: Vec::new(), symbols: Vec::new() };
        let take = |outcomes: &[Outcome]| {
            if let Some(pictures) = &mut pictures {
                pictures.add(outcomes);
            }
            if keep.is_some() {
                ranking.add(outcomes);
            } else if let Some(writer) = &mut writer {
                writer.write(records.of(outcomes, self.panel))?;
            }
            Ok(())
        };
        sweep_on(&self.computer, self.panel, self.strategy, &self.grid, &self.options, take)
            .map_err(narrower)?;
        let kept = ranking.finish();
        if let Some(mut writer) = writer {
            if keep.is_some() && !kept.is_empty() {
                writer.write(records.of(&kept, self.panel))?;
            }
            writer.finish().context("cannot write the records")?;
        }
        Ok(kept)
    }

    fn write_folds(
        &self,
        folds: &[Fold],
        format: Format,
        settings: &Settings,
        printer: &Printer,
    ) -> anyhow::Result<()> {
        let Some(format) = format_of_records(format) else {
            let page = page::folds(folds, self.strategy, self.panel, printer);
            return printer.emit(&Rendered::text(page), settings.output.as_deref());
        };
        let records = Records::of_folds(self.strategy, self.by);
        let sink = printer.sink(settings.output.as_deref())?;
        let mut writer = Writer::new(sink, format, Layout::None, records.schema());
        if !folds.is_empty() {
            writer.write(records.of_fold_list(folds, self.panel))?;
        }
        Ok(writer.finish()?)
    }
}

/// The best outcomes of each symbol, in bounded memory.
struct Ranking {
    keep: Option<usize>,
    by: Metric,
    /// Those of the symbol that is being swept.
    of_symbol: Vec<Outcome>,
    /// Those of the symbols before.
    symbols: Vec<Outcome>,
}

impl Ranking {
    /// Takes outcomes, which are all of one symbol.
    fn add(&mut self, outcomes: &[Outcome]) {
        let Some(keep) = self.keep else { return };
        let symbol = outcomes.first().map(|outcome| outcome.symbol);
        if self.of_symbol.first().map(|outcome| outcome.symbol) != symbol {
            self.symbols.append(&mut self.of_symbol);
        }
        self.of_symbol.extend_from_slice(outcomes);
        self.of_symbol = best(std::mem::take(&mut self.of_symbol), keep, self.by);
    }

    fn finish(mut self) -> Vec<Outcome> {
        self.symbols.append(&mut self.of_symbol);
        self.symbols
    }
}
