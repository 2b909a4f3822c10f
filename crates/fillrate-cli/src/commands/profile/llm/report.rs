//! The report on a server, for programs and for readers.

use std::fmt::Write as _;

use fillrate_device::probe::Machine;
use serde::Serialize;

use super::api::Api;
use super::failure::Failure;
use super::load::Outcome;
use super::prompts::Prompts;
use super::statistics::{Rates, Summary, TokenCounts};
use crate::commands::profile::percentiles::{Latency, milliseconds};
use crate::output::Printer;

/// The report; programs read its field names.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) version: &'static str,
    /// When the run ended, in UTC.
    pub(super) date: String,
    /// The machine that asked, which need not be the server's.
    pub(super) client: Machine,
    /// The server's address.
    pub(super) server: String,
    pub(super) api: Api,
    pub(super) model: String,
    pub(super) prompts: Prompts,
    pub(super) requests: usize,
    pub(super) concurrency: usize,
    pub(super) max_tokens: u32,
    pub(super) timeout_s: f64,
    /// The variable that the key is from.
    pub(super) api_key: Option<&'static str>,
    pub(super) warm_up: WarmUp,
    #[serde(flatten)]
    pub(super) summary: Summary,
}

/// The first request, which finds the server cold and is in none of the other figures.
#[derive(Debug, Serialize)]
pub(super) struct WarmUp {
    time_to_first_token_ms: Option<f64>,
    latency_ms: f64,
    /// How long the server says it took to load the model.
    load_ms: Option<f64>,
    failure: Option<Failure>,
}

impl WarmUp {
    /// What one request tells.
    pub(super) fn of(outcome: &Outcome) -> Self {
        let answer = outcome.result.as_ref().ok();
        let whole = outcome.ended.saturating_sub(outcome.sent);
        Self {
            time_to_first_token_ms: answer.map(|answer| milliseconds(answer.first_token)),
            latency_ms: milliseconds(answer.map_or(whole, |answer| answer.total)),
            load_ms: answer.and_then(|answer| answer.load).map(milliseconds),
            failure: outcome.result.as_ref().err().cloned(),
        }
    }
}

/// The report as a page of at most the terminal's width.
pub(super) fn page(report: &Report, printer: &Printer) -> String {
    let mut page = facts(report, printer);
    page.push_str("\n\n");
    page.push_str(&figures(&report.summary, printer));
    if !report.summary.failures.is_empty() {
        page.push_str("\n\n");
        page.push_str(&failures(&report.summary, printer));
    }
    page
}

fn facts(report: &Report, printer: &Printer) -> String {
    let Report { summary, warm_up, prompts, .. } = report;
    let mut table = printer.table();
    let mut fact = |name: &str, value: String| {
        table.add_row([name.to_owned(), value]);
    };
    fact("server", format!("{}, {}", report.server, report.api.name()));
    fact("model", report.model.clone());
    let Machine { os, arch, cpu, .. } = &report.client;
    let processor = cpu.model.clone().unwrap_or_else(|| format!("{os} {arch}"));
    fact("client", format!("{processor}, {}", report.date));
    fact(
        "prompts",
        format!(
            "{} {}, answers of at most {} tokens",
            prompts.count,
            source(prompts),
            report.max_tokens
        ),
    );
    fact("warm-up", words_of_warm_up(warm_up));
    fact(
        "requests",
        format!(
            "{} at {} a time: {} answered, {} failed in {:.2} s",
            report.requests,
            report.concurrency,
            summary.answered,
            summary.failed,
            summary.duration_s
        ),
    );
    fact("tokens", words_of_tokens(summary));
    fact("throughput", words_of_throughput(summary));
    table.trim_fmt()
}

fn source(prompts: &Prompts) -> String {
    match prompts.source.as_str() {
        "built-in" => "built in".to_owned(),
        file => format!("from {file}"),
    }
}

fn words_of_warm_up(warm_up: &WarmUp) -> String {
    let mut words = match (&warm_up.failure, warm_up.time_to_first_token_ms) {
        (Some(failure), _) => format!("failed, {}: {}", failure.kind.name(), failure.message),
        (None, first) => format!("first token after {} ms", number(first)),
    };
    if let Some(load_ms) = warm_up.load_ms {
        // Writing to a `String` cannot fail.
        let _ = write!(words, ", of which {load_ms:.1} ms to load the model");
    }
    words
}

fn words_of_tokens(summary: &Summary) -> String {
    let input = summary.tokens_in.map_or_else(|| "unknown".to_owned(), |tokens| tokens.to_string());
    let counted = match summary.token_counts {
        None => return "-".to_owned(),
        Some(TokenCounts::Server) => "counted by the server",
        Some(TokenCounts::Pieces) => "counted as pieces of the stream",
    };
    format!("{input} in, {} out, {counted}", summary.tokens_out)
}

fn words_of_throughput(summary: &Summary) -> String {
    match (summary.requests_per_s, summary.tokens_out_per_s) {
        (Some(requests), Some(tokens)) => format!("{requests:.2} answers/s, {tokens:.1} tokens/s"),
        _ => "-".to_owned(),
    }
}

fn figures(summary: &Summary, printer: &Printer) -> String {
    let mut table = printer.table();
    table.add_row(["", "p50", "p95", "p99", "WORST"]);
    let times = [
        ("first token, ms", &summary.time_to_first_token),
        ("between pieces, ms", &summary.inter_token),
        ("whole answer, ms", &summary.latency),
    ];
    for (name, time) in times {
        let of = |figure: fn(&Latency) -> f64| number(time.as_ref().map(figure));
        table.add_row([
            name.to_owned(),
            of(|time| time.p50_ms),
            of(|time| time.p95_ms),
            of(|time| time.p99_ms),
            of(|time| time.max_ms),
        ]);
    }
    let of = |figure: fn(&Rates) -> f64| number(summary.decode_tokens_per_s.as_ref().map(figure));
    table.add_row([
        "decoding, tokens/s".to_owned(),
        of(|rates| rates.p50),
        of(|rates| rates.p95),
        of(|rates| rates.p99),
        of(|rates| rates.min),
    ]);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(comfy_table::CellAlignment::Right);
    }
    table.trim_fmt()
}

fn failures(summary: &Summary, printer: &Printer) -> String {
    let mut table = printer.table();
    table.add_row(["FAILED", "KIND", "THE FIRST"]);
    for failure in &summary.failures {
        table.add_row([
            failure.count.to_string(),
            failure.kind.name().to_owned(),
            failure.first.clone(),
        ]);
    }
    table.trim_fmt()
}

/// A figure for a reader: four digits are more than a timing holds.
fn number(figure: Option<f64>) -> String {
    match figure {
        None => "-".to_owned(),
        Some(figure) if figure < 1.0 => format!("{figure:.3}"),
        Some(figure) if figure < 100.0 => format!("{figure:.2}"),
        Some(figure) => format!("{figure:.1}"),
    }
}
