//! `fillrate portfolio`: the weights that are best by an objective.

mod folds;

use std::fmt::Write as _;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, StringArray, UInt64Array};
use arrow_schema::{DataType, Field, Schema};
use comfy_table::CellAlignment;
use fillrate::market::device::Computer;
use fillrate::market::portfolio::{
    Bounds, Covariance, Objective, Portfolio, PortfolioFold, PortfolioJob, PortfolioOptions,
    Turnover, frontier_on, optimize_on, walk_forward_on,
};
use fillrate::market::{Column, Panel, PanelOptions};
use fillrate::records::{Layout, Writer};

use super::Outcome;
use super::device::{computer, say};
use super::loading::start_threads;
use super::prices::read;
use super::table::{format_of_records, record_format};
use crate::cli::PortfolioArgs;
use crate::failure::hinted;
use crate::output::{Printer, Rendered};
use crate::settings::Settings;

/// Finds the best portfolio, or those of the frontier, and writes a record for each weight.
///
/// # Errors
///
/// If the prices, an option or the output cannot be used, or no portfolio keeps the constraints; a
/// file that was to be written is then as it was before.
pub(crate) fn run(
    arguments: &PortfolioArgs,
    settings: &Settings,
    printer: &Printer,
) -> anyhow::Result<Outcome> {
    let format = record_format(settings)?;
    let options = options(arguments)?;
    let panel_options =
        PanelOptions { sort: arguments.prices.sort, ..PanelOptions::only(&[options.column]) };
    let panel = read(&arguments.input, panel_options, settings, printer)?;
    start_threads(settings)?;
    let computer = computer(settings)?;
    let found = find(arguments, &panel, &options, &computer)?;
    let report = computer.report();
    if report.device.is_some() {
        printer.note(
            "sums over returns (covariances, the returns of many portfolios) are the GPU's part; \
             programs are solved on the processor",
        );
    }
    say(&report, printer);
    let Some(format) = format_of_records(format) else {
        let page = found.page(&panel, options.objective, printer);
        printer.emit(&Rendered::text(page), settings.output.as_deref())?;
        return Ok(Outcome::Done);
    };
    let sink = printer.sink(settings.output.as_deref())?;
    let (schema, columns) = found.columns(&panel, options.objective);
    let mut writer = Writer::new(sink, format, Layout::None, Arc::new(schema));
    if !panel.is_empty() {
        writer.write(columns)?;
    }
    writer.finish()?;
    Ok(Outcome::Done)
}

/// What was asked for.
enum Found {
    One(Vec<Portfolio>),
    Frontier(Vec<Portfolio>),
    Folds(Vec<PortfolioFold>),
}

/// Finds nothing in an empty panel.
fn find(
    arguments: &PortfolioArgs,
    panel: &Panel,
    options: &PortfolioOptions,
    computer: &Computer<PortfolioJob>,
) -> anyhow::Result<Found> {
    let is_empty = panel.is_empty();
    Ok(if let Some(walk) = arguments.walk_forward {
        let folds =
            if is_empty { Ok(Vec::new()) } else { walk_forward_on(computer, panel, options, walk) };
        Found::Folds(folds.map_err(mendable)?)
    } else if let Some(points) = arguments.frontier {
        let points = usize::from(points);
        let all =
            if is_empty { Ok(Vec::new()) } else { frontier_on(computer, panel, options, points) };
        Found::Frontier(all.map_err(mendable)?)
    } else if is_empty {
        Found::One(Vec::new())
    } else {
        Found::One(vec![optimize_on(computer, panel, options).map_err(mendable)?])
    })
}

impl Found {
    fn columns(&self, panel: &Panel, objective: Objective) -> (Schema, Vec<ArrayRef>) {
        match self {
            Self::One(portfolios) => columns(portfolios, panel, objective, false),
            Self::Frontier(portfolios) => columns(portfolios, panel, objective, true),
            Self::Folds(folds) => folds::columns(folds, panel, objective),
        }
    }

    fn page(&self, panel: &Panel, objective: Objective, printer: &Printer) -> String {
        match self {
            Self::One(portfolios) => page(portfolios, panel, objective, false, printer),
            Self::Frontier(portfolios) => page(portfolios, panel, objective, true, printer),
            Self::Folds(folds) => folds::page(folds, panel, printer),
        }
    }
}

/// Says what helps where it is known.
fn mendable(error: fillrate::Error) -> anyhow::Error {
    let message = error.to_string();
    if message.contains("not positive definite") {
        return hinted(message, "leave the symbol out, or shrink it: --covariance ledoit-wolf");
    }
    if message.contains("none comes after the first") {
        return hinted(message, "let weights rest on fewer returns: --walk-forward train=…,test=…");
    }
    if message.contains("no portfolio has all of") {
        return hinted(message, "loosen one of these constraints");
    }
    error.into()
}

fn options(arguments: &PortfolioArgs) -> anyhow::Result<PortfolioOptions> {
    let usual = PortfolioOptions::default();
    let objective = match (arguments.objective, arguments.confidence) {
        (Objective::MinCvar { .. }, Some(confidence)) => Objective::MinCvar { confidence },
        (objective, Some(_)) => {
            let message = format!("--confidence: {objective} has none");
            return Err(hinted(message, "it is that of --objective min-cvar"));
        }
        (objective, None) => objective,
    };
    let covariance = match (arguments.covariance.unwrap_or_default(), arguments.decay) {
        (Covariance::Ewma { .. }, Some(decay)) => Covariance::Ewma { decay },
        (covariance, Some(_)) => {
            let message = format!("--decay: the {covariance} covariance has none");
            return Err(hinted(message, "it is that of --covariance ewma"));
        }
        (covariance, None) => covariance,
    };
    if objective == Objective::TargetReturn && arguments.target_return.is_none() {
        let hint = "say which per year, as --target-return 0.1";
        return Err(hinted("target-return needs a return to reach", hint));
    }
    let mut bounds = if arguments.long_only { Bounds::LONG_ONLY } else { usual.bounds };
    let mut bounds_of = Vec::new();
    for named in &arguments.bounds {
        match &named.symbol {
            None => bounds = named.bounds,
            Some(symbol) => bounds_of.push((symbol.clone(), named.bounds)),
        }
    }
    if arguments.long_only {
        let all = bounds_of.iter().map(|(_, bounds)| bounds).chain([&bounds]);
        if let Some(short) = all.into_iter().find(|bounds| bounds.low < 0.0) {
            let message = format!("--long-only and --bounds from {} contradict", short.low);
            return Err(hinted(message, "begin bounds at 0 or above"));
        }
    }
    let current = arguments.current.iter().map(|known| (known.symbol.clone(), known.weight));
    Ok(PortfolioOptions {
        objective,
        covariance,
        bounds,
        bounds_of,
        groups: arguments.group.clone(),
        turnover: arguments.turnover.map(|most| Turnover { most, current: current.collect() }),
        leverage: arguments.leverage,
        target_return: arguments.target_return,
        risk_free: arguments.risk_free.unwrap_or(usual.risk_free),
        column: arguments.column.unwrap_or(Column::Close),
    })
}

/// A table with a row for each symbol of each portfolio.
fn columns(
    portfolios: &[Portfolio],
    panel: &Panel,
    objective: Objective,
    is_frontier: bool,
) -> (Schema, Vec<ArrayRef>) {
    let symbols = panel.len();
    // One value of a portfolio, beside each of its symbols.
    let number = |name: &str, of: &dyn Fn(&Portfolio) -> Option<f64>| -> (Field, ArrayRef) {
        let beside = |portfolio: &Portfolio| std::iter::repeat_n(of(portfolio), symbols);
        let values: Float64Array = portfolios.iter().flat_map(beside).collect();
        (Field::new(name, DataType::Float64, true), Arc::new(values))
    };
    let each = |name: &str, of: &dyn Fn(&Portfolio) -> Vec<f64>| -> (Field, ArrayRef) {
        let values = Float64Array::from_iter_values(portfolios.iter().flat_map(of));
        (Field::new(name, DataType::Float64, false), Arc::new(values))
    };
    let whole = |name: &str, of: &dyn Fn(usize) -> u64| -> (Field, ArrayRef) {
        let beside = |place| std::iter::repeat_n(of(place), symbols);
        let values = UInt64Array::from_iter_values((0..portfolios.len()).flat_map(beside));
        (Field::new(name, DataType::UInt64, false), Arc::new(values))
    };
    let text = |name: &str, of: &mut dyn Iterator<Item = &str>| -> (Field, ArrayRef) {
        (Field::new(name, DataType::Utf8, false), Arc::new(StringArray::from_iter_values(of)))
    };
    let rows = portfolios.len() * symbols;
    let mut names = panel.symbols().iter().map(String::as_str).cycle().take(rows);
    let mut objectives = std::iter::repeat_n(objective.as_str(), rows);
    let mut all = Vec::new();
    if is_frontier {
        all.push(whole("point", &|place| place as u64 + 1));
    }
    all.extend([
        text("symbol", &mut names),
        each("weight", &|portfolio| portfolio.weights.clone()),
        each("risk_share", &|portfolio| portfolio.risk_shares.clone()),
        text("objective", &mut objectives),
        number("value", &|portfolio| Some(portfolio.value)),
        number("mean", &|portfolio| Some(portfolio.mean)),
        number("volatility", &|portfolio| Some(portfolio.volatility)),
        number("sharpe", &|portfolio| portfolio.sharpe),
        whole("observations", &|place| portfolios[place].observations as u64),
    ]);
    let (fields, arrays): (Vec<Field>, Vec<ArrayRef>) = all.into_iter().unzip();
    (Schema::new(fields), arrays)
}

/// The weights and figures of one portfolio, or a line for each of a frontier.
fn page(
    portfolios: &[Portfolio],
    panel: &Panel,
    objective: Objective,
    is_frontier: bool,
    printer: &Printer,
) -> String {
    let sharpe = |portfolio: &Portfolio| {
        portfolio.sharpe.map_or_else(|| "-".to_owned(), |sharpe| format!("{sharpe:.3}"))
    };
    let mut table = printer.table();
    let mut text = String::new();
    if is_frontier {
        table.set_header(["POINT", "VALUE", "MEAN %", "VOL %", "SHARPE", "LARGEST"]);
        for (place, portfolio) in portfolios.iter().enumerate() {
            let largest = portfolio.weights.iter().zip(panel.symbols());
            let largest = largest.max_by(|one, other| one.0.total_cmp(other.0));
            table.add_row([
                (place + 1).to_string(),
                format!("{:.3e}", portfolio.value),
                format!("{:.4}", 100.0 * portfolio.mean),
                format!("{:.4}", 100.0 * portfolio.volatility),
                sharpe(portfolio),
                largest.map_or_else(String::new, |(w, symbol)| format!("{symbol} {w:.3}")),
            ]);
        }
    } else {
        table.set_header(["SYMBOL", "WEIGHT", "RISK %"]);
        for portfolio in portfolios {
            let shares = portfolio.weights.iter().zip(&portfolio.risk_shares);
            for (symbol, (weight, share)) in panel.symbols().iter().zip(shares) {
                table.add_row([
                    symbol.clone(),
                    format!("{weight:.4}"),
                    format!("{:.2}", 100.0 * share),
                ]);
            }
            // Writing to a `String` cannot fail.
            let _ = write!(
                text,
                "{objective}: value {:.6e}, mean {:.4} %, deviation {:.4} % per bar, Sharpe {}, of {} \
                 returns\n\n",
                portfolio.value,
                100.0 * portfolio.mean,
                100.0 * portfolio.volatility,
                sharpe(portfolio),
                portfolio.observations,
            );
        }
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    text + &table.trim_fmt()
}
