//! `fillrate waves`: Elliott waves of a panel of prices.

mod backtest;
mod chart;
mod fingerprint;
mod html;
mod options;
mod output;
mod page;
mod pictures;
mod resume;
mod series;
mod stages;
mod totals;

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context;
use fillrate::market::device::Computer;
use fillrate::market::{Column, Panel, PanelOptions};
use fillrate::waves::{
    ScopeOptions, Search, SignificanceOptions, SurrogateJob, WaveColumns, WaveRecord,
    benjamini_hochberg,
};
use rayon::ThreadPool;
use rayon::prelude::*;

use self::fingerprint::Fingerprint;
use self::options::Wanted;
use self::output::Output;
use self::series::Symbol;
use self::stages::{Stage, Stages};
use self::totals::Totals;
use super::Outcome;
use super::device::{computer, say};
use super::prices;
use super::table::record_format;
use crate::cli::{WavesArgs, WavesVerb};
use crate::failure::hinted;
use crate::output::{Printer, Rendered};
use crate::settings::{OnError, Settings};

/// Symbols that are searched between two writes, for each thread: enough that threads do not wait
/// for each other, few enough that results come steadily.
const SYMBOLS_PER_THREAD: usize = 8;

/// Searches each symbol of the input and writes its patterns, or measures what followed them.
///
/// # Errors
///
/// If the prices, the rules or the output cannot be used; a file that was to be written is then as
/// it was before.
pub(crate) fn run(
    arguments: &WavesArgs,
    settings: &Settings,
    printer: &Printer,
) -> anyhow::Result<Outcome> {
    if let Some(WavesVerb::Backtest(arguments)) = &arguments.verb {
        return backtest::run(arguments, settings, printer);
    }
    let format = record_format(settings)?;
    let search = Arc::new(Search::new(options::search(&arguments.search)?));
    let input = arguments.input.as_deref().unwrap_or(Path::new("-"));
    let (started, stages) = (Instant::now(), Stages::default());
    let panel = stages.time(Stage::Read, || {
        prices::read(input, panel_options(arguments.prices.sort), settings, printer)
    })?;
    let columns = WaveColumns { nested: arguments.nest };
    let resumed = arguments.besides.resume.then(|| Fingerprint::of(arguments, &search, &panel));
    let significance = options::significance(arguments);
    let computer = match &significance {
        Some(_) => computer(settings)?,
        None => Computer::processor(),
    };
    let (mut output, done) = Output::open(format, columns, resumed, settings, printer)?;
    let run = Run {
        input,
        arguments,
        wanted: Wanted::of(arguments),
        scope: options::scope(&arguments.scope),
        significance,
        computer,
        has_times: panel.dates().iter().any(|date| !date.is_midnight()),
        search,
        panel,
        stages,
    };
    let threads = prices::threads(settings);
    let pool = thread_pool(threads)?;
    let todo: Vec<usize> = (0..run.panel.len())
        .filter(|&symbol| !done.contains(&run.panel.symbols()[symbol]))
        .collect();
    let mut totals = Totals { resumed: run.panel.len() - todo.len(), ..Totals::default() };
    let kept = run.search_all(&todo, &pool, &mut output, &mut totals, settings, printer)?;
    run.stages.time(Stage::Write, || {
        output.finish()?;
        run.draw(&kept, printer)
    })?;
    totals.report(run.panel.bars(), threads, started, printer);
    say(&run.computer.report(), printer);
    if arguments.besides.profile {
        run.stages.say(&totals, printer);
    }
    Ok(Outcome::Done)
}

fn thread_pool(threads: usize) -> anyhow::Result<ThreadPool> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    pool.context("cannot start the threads")
}

/// What is read: the close, and the other prices where they are.
fn panel_options(sort: bool) -> PanelOptions {
    PanelOptions {
        required: vec![Column::Close],
        optional: vec![Column::Open, Column::High, Column::Low],
        sort,
        ..PanelOptions::default()
    }
}

/// What every symbol is searched with.
struct Run<'a> {
    input: &'a Path,
    arguments: &'a WavesArgs,
    search: Arc<Search>,
    wanted: Wanted,
    /// The part that is searched; everything if absent.
    scope: Option<ScopeOptions>,
    significance: Option<SignificanceOptions>,
    /// Where surrogates are searched.
    computer: Computer<SurrogateJob>,
    panel: Panel,
    /// Whether some bar has a time of day.
    has_times: bool,
    stages: Stages,
}

impl Run<'_> {
    /// Searches some symbols and writes their patterns as they come, or at the end if figures need
    /// all of them. Returns the patterns if pictures are made of them.
    fn search_all(
        &self,
        symbols: &[usize],
        pool: &ThreadPool,
        output: &mut Output<'_>,
        totals: &mut Totals,
        settings: &Settings,
        printer: &Printer,
    ) -> anyhow::Result<Vec<WaveRecord>> {
        let progress = printer.progress("symbols", symbols.len() as u64);
        let needs_all = self.significance.is_some();
        let is_drawn =
            self.arguments.besides.html.is_some() || self.arguments.besides.svg.is_some();
        let mut kept = Vec::new();
        for symbols in symbols.chunks(pool.current_num_threads() * SYMBOLS_PER_THREAD) {
            let searched: Vec<Result<Symbol, String>> = pool.install(|| {
                let one = |&symbol: &usize| series::search(&self.panel.series(symbol), self);
                symbols.par_iter().map(one).collect()
            });
            let mut records = Vec::new();
            for (&symbol, searched) in symbols.iter().zip(searched) {
                let name = &self.panel.symbols()[symbol];
                if let Some(found) = self.sound(name, searched, totals, settings, printer)? {
                    totals.add(name, &found);
                    records.extend(found.records);
                }
                progress.inc(1);
            }
            if !needs_all {
                self.stages.time(Stage::Write, || output.write(&records))?;
            }
            if needs_all || is_drawn {
                kept.extend(records);
            }
        }
        progress.finish_and_clear();
        if needs_all {
            let p_values: Vec<f64> = kept.iter().filter_map(|record| record.p_value).collect();
            for (record, q_value) in kept.iter_mut().zip(benjamini_hochberg(&p_values)) {
                record.q_value = Some(q_value);
            }
            self.stages.time(Stage::Write, || output.write(&kept))?;
        }
        Ok(kept)
    }

    /// What was found in a symbol; nothing if a bar is malformed and such are left out.
    fn sound(
        &self,
        symbol: &str,
        searched: Result<Symbol, String>,
        totals: &mut Totals,
        settings: &Settings,
        printer: &Printer,
    ) -> anyhow::Result<Option<Symbol>> {
        let error = match searched {
            Ok(found) => return Ok(Some(found)),
            Err(error) => error,
        };
        let message = format!("{}: symbol `{symbol}`: {error}", self.input.display());
        if settings.text.on_error == OnError::Skip {
            printer.warn(&format!("left out {message}"));
            totals.left_out += 1;
            return Ok(None);
        }
        Err(hinted(message, "mend it, or leave such symbols out with --on-error skip"))
    }

    /// Makes the page and the pictures that were asked for.
    fn draw(&self, records: &[WaveRecord], printer: &Printer) -> anyhow::Result<()> {
        if let Some(path) = &self.arguments.besides.html {
            let searched = options::in_words(&self.arguments.search);
            let page = html::page(records, &self.panel, &searched);
            printer.emit(&Rendered::text(page), Some(path))?;
        }
        match &self.arguments.besides.svg {
            Some(folder) => pictures::write(records, &self.panel, folder, printer),
            None => Ok(()),
        }
    }
}
