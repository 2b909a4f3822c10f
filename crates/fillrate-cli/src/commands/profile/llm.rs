//! `fillrate profile --llm`: how fast the server of a language model answers, and how often not.

mod answer;
mod api;
mod client;
mod date;
mod failure;
mod lines;
mod load;
mod prompts;
mod report;
mod statistics;
mod stream;

use std::num::NonZeroUsize;
use std::time::{Duration, SystemTime};

use fillrate_device::probe::Machine;

use self::answer::{Clock, Monotonic};
use self::api::Address;
use self::client::{Client, Http, Request};
use self::load::Outcome;
use self::prompts::Prompts;
use self::report::{Report, WarmUp};
use self::statistics::Summary;
use crate::cli::LlmArgs;
use crate::commands;
use crate::commands::doctor::report_format;
use crate::failure::hinted;
use crate::output::{Printer, Rendered};
use crate::settings::{ApiKey, Format, Settings};

/// How many requests are timed, if nothing else is said.
const REQUESTS_DEFAULT: usize = 20;
/// The most tokens of an answer, if nothing else is said.
const TOKENS_MAX_DEFAULT: u32 = 128;
/// How long a silence is borne, if nothing else is said. A large model takes a while to load.
const TIMEOUT_DEFAULT: Duration = Duration::from_mins(1);

/// What a run asks of a server.
struct Plan {
    request: Request,
    prompts: Prompts,
    requests: usize,
    concurrency: NonZeroUsize,
    timeout: Duration,
}

/// Measures the server at `url` and prints the report. The check fails if no request was answered.
///
/// # Errors
///
/// If what was asked for means nothing, no server is found to be asked, or the report cannot be
/// written. A request that fails is a part of the report.
pub(super) fn run(
    url: &str,
    arguments: &LlmArgs,
    settings: &Settings,
    printer: &Printer,
) -> anyhow::Result<commands::Outcome> {
    let format = report_format(settings)?;
    let address = Address::parse(url, arguments.llm_api.unwrap_or_default())?;
    let plan = plan(arguments)?;
    let key = key_for(&address, settings, printer)?;
    let api_key = key.as_ref().map(|key| key.variable);
    let http = Http::new(plan.concurrency.get(), plan.timeout, key);
    let client = Client::connect(http, address.clone())?;
    let (warm_up, outcomes) = measure(&client, &plan, printer)?;
    let report = Report {
        version: env!("CARGO_PKG_VERSION"),
        date: date::utc(SystemTime::now()),
        client: Machine::probe(),
        server: address.url,
        api: client.api,
        model: plan.request.model,
        prompts: plan.prompts,
        requests: plan.requests,
        concurrency: plan.concurrency.get(),
        max_tokens: plan.request.tokens_max,
        timeout_s: plan.timeout.as_secs_f64(),
        api_key,
        warm_up: WarmUp::of(&warm_up),
        summary: Summary::of(&outcomes),
    };
    let rendered = match format {
        Format::Json => Rendered::json(&report)?,
        Format::Jsonl => Rendered::json_line(&report)?,
        Format::Table | Format::Csv | Format::Parquet => {
            Rendered::text(report::page(&report, printer))
        }
    };
    printer.emit(&rendered, settings.output.as_deref())?;
    Ok(tell(&report.summary, printer))
}

/// What was asked for means.
fn plan(arguments: &LlmArgs) -> anyhow::Result<Plan> {
    let model = arguments.llm_model.clone().unwrap_or_default();
    if model.trim().is_empty() {
        return Err(hinted(
            "--llm-model: the name is empty",
            "it takes the model's name on the server",
        ));
    }
    let requests = arguments.requests.map_or(REQUESTS_DEFAULT, NonZeroUsize::get);
    let concurrency = arguments.concurrency.unwrap_or(NonZeroUsize::MIN);
    if concurrency.get() > requests {
        return Err(hinted(
            format!("--concurrency: {requests} requests cannot be {concurrency} at a time"),
            format!("use `--requests {concurrency}` or more"),
        ));
    }
    let prompts = match &arguments.prompts {
        Some(path) => Prompts::read(path)?,
        None => Prompts::built_in()?,
    };
    Ok(Plan {
        request: Request {
            model,
            tokens_max: arguments.max_tokens.map_or(TOKENS_MAX_DEFAULT, Into::into),
        },
        prompts,
        requests,
        concurrency,
        timeout: arguments.timeout.unwrap_or(TIMEOUT_DEFAULT),
    })
}

/// The key to show the server. One that was set for `OpenAI` does not go over an open network to
/// whoever listens there.
fn key_for(
    address: &Address,
    settings: &Settings,
    printer: &Printer,
) -> anyhow::Result<Option<ApiKey>> {
    let Some(key) = settings.api_keys.first()? else { return Ok(None) };
    if key.is_ours() || address.is_private() {
        return Ok(Some(key));
    }
    printer.warn(&format!(
        "{} is not sent unencrypted to another machine; set FILLRATE_LLM_API_KEY to send a key",
        key.variable
    ));
    Ok(None)
}

/// One request that is not timed with the others, and then all of them.
fn measure(
    client: &Client,
    plan: &Plan,
    printer: &Printer,
) -> anyhow::Result<(Outcome, Vec<Outcome>)> {
    let clock = Monotonic::begin();
    let sent = clock.now();
    let result = client.ask(&plan.request, plan.prompts.of_warm_up(), &clock);
    if let Err(failure) = &result {
        // The run goes on, since a server may fail only when cold, and may take long to fail.
        printer.warn(&format!("the warm-up failed: {}", failure.message));
    }
    let warm_up = Outcome { sent, ended: clock.now(), result };
    let bar = printer.progress("requests", plan.requests as u64);
    let ask = |index| client.ask(&plan.request, plan.prompts.of_request(index), &clock);
    let outcomes = load::drive(plan.requests, plan.concurrency, &clock, &ask, &|| bar.inc(1))?;
    bar.finish_and_clear();
    Ok((warm_up, outcomes))
}

/// Says what failed, whatever the report's format is.
fn tell(summary: &Summary, printer: &Printer) -> commands::Outcome {
    for failures in &summary.failures {
        let (count, kind) = (failures.count, failures.kind.name());
        let requests = if count == 1 { "request" } else { "requests" };
        printer.warn(&format!("{count} {requests} failed, {kind}: {}", failures.first));
    }
    if summary.answered == 0 {
        return commands::Outcome::CheckFailed;
    }
    commands::Outcome::Done
}
