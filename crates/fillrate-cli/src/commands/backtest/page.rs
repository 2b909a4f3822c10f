//! Tables for a reader.

use comfy_table::{CellAlignment, Table};
use fillrate::market::Panel;
use fillrate::market::backtest::{Fold, Outcome, ParameterSet, Performance, Strategy};

use crate::output::Printer;

/// What a terminal has room for; records have the rest.
const FIGURES: [&str; 6] = ["RET %", "SHARPE", "FALL %", "N", "CAGR %", "WON %"];
/// The first of them, where dates take the room.
const FIGURES_OF_FOLDS: usize = 4;

/// The best sets of each symbol, a line each.
pub(super) fn page(
    outcomes: &[Outcome],
    strategy: Strategy,
    panel: &Panel,
    printer: &Printer,
) -> String {
    let mut header = vec!["SYMBOL".to_owned()];
    header.extend(names(strategy));
    header.extend(FIGURES.map(str::to_owned));
    let mut table = with_header(header, printer);
    for outcome in outcomes {
        let mut row = vec![panel.symbols()[outcome.symbol].clone()];
        row.extend(values(strategy, Some(&outcome.set)));
        row.extend(figures(&outcome.performance));
        table.add_row(row);
    }
    finished(table, 1)
}

/// The folds of each symbol, a line each.
pub(super) fn folds(
    folds: &[Fold],
    strategy: Strategy,
    panel: &Panel,
    printer: &Printer,
) -> String {
    let mut header = ["SYMBOL", "FOLD", "FROM", "TO"].map(str::to_owned).to_vec();
    header.extend(names(strategy));
    header.extend(FIGURES[..FIGURES_OF_FOLDS].iter().map(|name| (*name).to_owned()));
    let mut table = with_header(header, printer);
    for fold in folds {
        let mut row = vec![
            panel.symbols()[fold.symbol].clone(),
            fold.number.map_or_else(|| "all".to_owned(), |number| number.to_string()),
            panel.date_text(fold.test[0]),
            panel.date_text(fold.test[1]),
        ];
        row.extend(values(strategy, fold.set.as_ref()));
        row.extend(figures(&fold.performance).into_iter().take(FIGURES_OF_FOLDS));
        table.add_row(row);
    }
    finished(table, 4)
}

fn names(strategy: Strategy) -> impl Iterator<Item = String> {
    strategy.parameters().iter().map(|parameter| parameter.name.to_uppercase())
}

fn values(strategy: Strategy, set: Option<&ParameterSet>) -> Vec<String> {
    let value = |place: usize| set.map_or_else(String::new, |set| set[place].to_string());
    (0..strategy.parameters().len()).map(value).collect()
}

fn with_header(header: Vec<String>, printer: &Printer) -> Table {
    let mut table = printer.table();
    table.set_header(header);
    table
}

fn finished(mut table: Table, texts: usize) -> String {
    for column in table.column_iter_mut().skip(texts) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.trim_fmt()
}

fn figures(performance: &Performance) -> [String; FIGURES.len()] {
    let number = |value: Option<f64>, factor: f64| {
        value.map_or_else(|| "-".to_owned(), |value| format!("{:.2}", factor * value))
    };
    [
        number(Some(performance.total_return), 100.0),
        number(performance.sharpe, 1.0),
        number(Some(performance.max_drawdown), 100.0),
        performance.trades.to_string(),
        number(performance.cagr, 100.0),
        number(performance.win_rate, 100.0),
    ]
}
