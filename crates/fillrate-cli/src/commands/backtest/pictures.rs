//! A page or files with the pictures of a sweep: where the good sets lie, and what the best did.

use std::fmt::Write as _;
use std::path::Path;

use fillrate::market::backtest::{HeatMap, Metric, Outcome, Replay, best, replay};

use super::{Task, chart};
use crate::output::{Printer, Rendered, escaped};

/// The most symbols that have pictures; each takes some hundred kilobytes.
const SYMBOLS_MAX: usize = 100;
/// The most cells along a side of a heat map.
const CELLS_MAX: usize = 100;

const STYLE: &str = "\
:root{color-scheme:light dark;--paper:#fff;--ink:#1b1f24;--soft:#5b6470;--line:#d7dce1;\
--bar:#2563a8}\
@media(prefers-color-scheme:dark){:root{--paper:#15171b;--ink:#e8eaed;--soft:#a0a7b2;\
--line:#363b44;--bar:#6aa9ee}}\
*{box-sizing:border-box}\
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,sans-serif}\
main{max-width:60rem;margin:0 auto;padding:2rem 1rem 3rem}\
h1{margin:0;font-size:1.6rem}h2{margin:2.5rem 0 .5rem;font-size:1.15rem;overflow-wrap:anywhere}\
p{margin:.25rem 0;color:var(--soft)}\
svg{display:block;width:100%;height:auto;margin-top:.75rem}\
dl{display:grid;grid-template-columns:repeat(auto-fit,minmax(7rem,1fr));gap:.75rem;margin:1rem 0 0}\
dl div{border-top:2px solid var(--line);padding-top:.3rem}\
dt{color:var(--soft);font-size:.85rem}dd{margin:0;font-variant-numeric:tabular-nums}";

/// What the pictures are drawn of, gathered while the sweep runs.
pub(super) struct Pictures {
    by: Metric,
    symbols: Vec<Symbol>,
}

struct Symbol {
    map: HeatMap,
    best: Option<Outcome>,
}

impl Pictures {
    /// Empty pictures of the first symbols.
    ///
    /// # Errors
    ///
    /// If the grid does not go with the strategy.
    pub(super) fn new(task: &Task<'_>) -> anyhow::Result<Self> {
        let sets_max = task.options.combinations_max;
        let map = HeatMap::new(task.strategy, &task.grid, task.by, CELLS_MAX, sets_max)?;
        let symbols = task.panel.len().min(SYMBOLS_MAX);
        let symbol = || Symbol { map: map.clone(), best: None };
        Ok(Self { by: task.by, symbols: std::iter::repeat_with(symbol).take(symbols).collect() })
    }

    /// Takes outcomes of the sweep.
    pub(super) fn add(&mut self, outcomes: &[Outcome]) {
        for outcome in outcomes {
            let Some(symbol) = self.symbols.get_mut(outcome.symbol) else { continue };
            symbol.map.add(outcome);
            let rivals = symbol.best.into_iter().chain([*outcome]).collect();
            symbol.best = best(rivals, 1, self.by).first().copied();
        }
    }

    /// The whole page.
    ///
    /// # Errors
    ///
    /// If a best set cannot be replayed.
    pub(super) fn page(&self, task: &Task<'_>) -> anyhow::Result<String> {
        let cut = match task.panel.len() - self.symbols.len() {
            0 => String::new(),
            more => format!(" {more} more symbols are not on this page."),
        };
        let title = format!("Backtest of {}", task.strategy);
        let mut html = format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <title>{title}</title>\n<style>{STYLE}{}</style>\n</head>\n<body>\n<main>\n\
             <h1>{title}</h1>\n<p>{}; fee {}, slippage {}. The curve is that of the set \
             with the best {}, which is chosen with hindsight.{cut}</p>\n",
            chart::STYLE,
            escaped(&task.grid.to_string()),
            task.options.fee,
            task.options.slippage,
            task.by,
        );
        for (place, symbol) in self.symbols.iter().enumerate() {
            let name = escaped(&task.panel.symbols()[place]);
            let _ = writeln!(html, "<section>\n<h2>{name}</h2>");
            html.push_str(&chart::heat_map(&symbol.map, task.strategy, false));
            if let Some(outcome) = &symbol.best {
                let Course { replay, hold, dates, title } = Course::of(task, outcome)?;
                let dates = [&*dates[0], &*dates[1]];
                html.push_str(&chart::curve(&replay, &hold, dates, &title, false));
                html.push_str(&figures(outcome));
            }
            html.push_str("</section>\n");
        }
        Ok(html + "</main>\n</body>\n</html>\n")
    }

    /// Writes `NUMBER-SYMBOL-heat-map.svg` and `NUMBER-SYMBOL-equity.svg` for each symbol into a folder
    /// that is there.
    ///
    /// # Errors
    ///
    /// If a file cannot be written.
    pub(super) fn write(
        &self,
        task: &Task<'_>,
        folder: &Path,
        printer: &Printer,
    ) -> anyhow::Result<()> {
        for (place, symbol) in self.symbols.iter().enumerate() {
            let name = file_name(&task.panel.symbols()[place]);
            let file = |what: &str| folder.join(format!("{:03}-{name}-{what}.svg", place + 1));
            let map = chart::heat_map(&symbol.map, task.strategy, true);
            printer.emit(&Rendered::text(map), Some(&file("heat-map")))?;
            if let Some(outcome) = &symbol.best {
                let Course { replay, hold, dates, title } = Course::of(task, outcome)?;
                let dates = [&*dates[0], &*dates[1]];
                let curve = chart::curve(&replay, &hold, dates, &title, true);
                printer.emit(&Rendered::text(curve), Some(&file("equity")))?;
            }
        }
        Ok(())
    }
}

/// The course of one account beside that of its symbol.
struct Course {
    replay: Replay,
    hold: Vec<f64>,
    dates: [String; 2],
    title: String,
}

impl Course {
    fn of(task: &Task<'_>, outcome: &Outcome) -> anyhow::Result<Self> {
        let series = task.panel.series(outcome.symbol);
        let replay = replay(&series, task.strategy, &outcome.set, &task.options)?;
        let closes = series.column(task.options.column).unwrap_or_default();
        let first = replay.bars.first().map_or(1.0, |bar| closes[*bar]);
        let hold = replay.bars.iter().map(|bar| closes[*bar] / first).collect();
        let date = |bar: Option<&usize>| {
            bar.map_or_else(String::new, |bar| task.panel.date_text(series.dates()[*bar]))
        };
        let dates = [date(replay.bars.first()), date(replay.bars.last())];
        let names = task.strategy.parameters().iter().zip(outcome.set);
        let values: Vec<String> =
            names.map(|(known, value)| format!("{} {value}", known.name)).collect();
        let title = format!("{}, {}", series.symbol(), values.join(", "));
        Ok(Self { replay, hold, dates, title })
    }
}

fn figures(outcome: &Outcome) -> String {
    let mut html = String::from("<dl>\n");
    for metric in Metric::ALL {
        let value = metric.of(&outcome.performance);
        let value = value.map_or_else(|| "none".to_owned(), |value| format!("{value:.4}"));
        // Writing to a `String` cannot fail.
        let _ = writeln!(html, "<div><dt>{metric}</dt><dd>{value}</dd></div>");
    }
    html + "</dl>\n"
}

/// A symbol as a part of a file's name, which begins with its number.
fn file_name(symbol: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    symbol.chars().map(|c| if is_plain(c) { c } else { '_' }).collect()
}
