//! Records and the page of a walk: weights found on one stretch of the past and held over the next.

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, StringArray, UInt64Array};
use arrow_schema::{DataType, Field, Schema};
use comfy_table::CellAlignment;
use fillrate::market::Panel;
use fillrate::market::portfolio::{Held, Objective, Portfolio, PortfolioFold};
use fillrate::market::risk::PORTFOLIO;

use crate::output::Printer;

/// A row for each symbol of each fold, and one for all folds together.
pub(super) fn columns(
    folds: &[PortfolioFold],
    panel: &Panel,
    objective: Objective,
) -> (Schema, Vec<ArrayRef>) {
    // The rows of a fold: its symbols, or the one of all folds together.
    let rows = |fold: &PortfolioFold| fold.portfolio.as_ref().map_or(1, |_| panel.len());
    let number = |name: &str, of: &dyn Fn(&PortfolioFold) -> Option<f64>| -> (Field, ArrayRef) {
        let beside = |fold| std::iter::repeat_n(of(fold), rows(fold));
        let values: Float64Array = folds.iter().flat_map(beside).collect();
        (Field::new(name, DataType::Float64, true), Arc::new(values))
    };
    let count = |name: &str, of: &dyn Fn(&PortfolioFold) -> Option<usize>| -> (Field, ArrayRef) {
        let beside = |fold| std::iter::repeat_n(of(fold).map(|count| count as u64), rows(fold));
        let values: UInt64Array = folds.iter().flat_map(beside).collect();
        (Field::new(name, DataType::UInt64, true), Arc::new(values))
    };
    let text = |name: &str, of: &dyn Fn(&PortfolioFold) -> Option<String>| -> (Field, ArrayRef) {
        let beside = |fold| std::iter::repeat_n(of(fold), rows(fold));
        let values: StringArray = folds.iter().flat_map(beside).collect();
        (Field::new(name, DataType::Utf8, true), Arc::new(values))
    };
    let each = |name: &str, of: &dyn Fn(&Portfolio) -> &[f64]| -> (Field, ArrayRef) {
        let of_fold = |fold: &PortfolioFold| -> Vec<Option<f64>> {
            let of_symbols = |portfolio| of(portfolio).iter().copied().map(Some).collect();
            fold.portfolio.as_ref().map_or_else(|| vec![None], of_symbols)
        };
        let values: Float64Array = folds.iter().flat_map(of_fold).collect();
        (Field::new(name, DataType::Float64, true), Arc::new(values))
    };
    let symbols = folds.iter().flat_map(|fold| match fold.portfolio {
        Some(_) => panel.symbols().to_vec(),
        None => vec![PORTFOLIO.to_owned()],
    });
    let symbols = StringArray::from_iter_values(symbols);
    let date = |date| panel.date_text(date);
    let (fields, arrays): (Vec<Field>, Vec<ArrayRef>) = [
        count("fold", &|fold| fold.number),
        text("train_from", &|fold| fold.train.map(|dates| date(dates[0]))),
        text("train_to", &|fold| fold.train.map(|dates| date(dates[1]))),
        text("test_from", &|fold| Some(date(fold.test[0]))),
        text("test_to", &|fold| Some(date(fold.test[1]))),
        (Field::new("symbol", DataType::Utf8, false), Arc::new(symbols) as ArrayRef),
        each("weight", &|portfolio| &portfolio.weights),
        each("risk_share", &|portfolio| &portfolio.risk_shares),
        text("objective", &|_| Some(objective.to_string())),
        number("value", &|fold| Some(fold.portfolio.as_ref()?.value)),
        number("mean", &|fold| Some(fold.portfolio.as_ref()?.mean)),
        number("volatility", &|fold| Some(fold.portfolio.as_ref()?.volatility)),
        number("sharpe", &|fold| fold.portfolio.as_ref()?.sharpe),
        count("observations", &|fold| Some(fold.portfolio.as_ref()?.observations)),
        number("test_return", &|fold| Some(fold.held.total_return)),
        number("test_mean", &|fold| Some(fold.held.mean)),
        number("test_volatility", &|fold| fold.held.volatility),
        number("test_sharpe", &|fold| fold.held.sharpe),
        number("test_max_drawdown", &|fold| Some(fold.held.max_drawdown)),
        count("test_observations", &|fold| Some(fold.held.observations)),
    ]
    .into_iter()
    .unzip();
    (Schema::new(fields), arrays)
}

/// A line for each fold, and one for all together.
pub(super) fn page(folds: &[PortfolioFold], panel: &Panel, printer: &Printer) -> String {
    let mut table = printer.table();
    table.set_header([
        "FOLD",
        "FROM",
        "TO",
        "RETURN %",
        "VOL %",
        "SHARPE",
        "DRAWDOWN %",
        "LARGEST",
    ]);
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    for PortfolioFold { number, test, portfolio, held, .. } in folds {
        let Held { total_return, volatility, sharpe, max_drawdown, .. } = held;
        let largest = portfolio.as_ref().and_then(|portfolio| {
            let all = portfolio.weights.iter().zip(panel.symbols());
            let (weight, symbol) = all.max_by(|one, other| one.0.total_cmp(other.0))?;
            Some(format!("{symbol} {weight:.3}"))
        });
        table.add_row([
            number.map_or_else(|| "all".to_owned(), |number| number.to_string()),
            panel.date_text(test[0]),
            panel.date_text(test[1]),
            format!("{:.2}", 100.0 * total_return),
            or_dash(volatility.map(|deviation| format!("{:.4}", 100.0 * deviation))),
            or_dash(sharpe.map(|sharpe| format!("{sharpe:.3}"))),
            format!("{:.2}", 100.0 * max_drawdown),
            or_dash(largest),
        ]);
    }
    for column in table.column_iter_mut().skip(3).take(4) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.trim_fmt()
}
