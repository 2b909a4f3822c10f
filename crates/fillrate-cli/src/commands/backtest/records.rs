//! Records of parameter sets and of folds.

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, StringArray, UInt64Array};
use arrow_schema::{DataType, Field, Schema};
use fillrate::market::Panel;
use fillrate::market::backtest::{Fold, Metric, Outcome, ParameterSet, Performance, Strategy};

/// The columns of a strategy's records.
pub(super) struct Records {
    strategy: Strategy,
    schema: Arc<Schema>,
}

impl Records {
    /// Of parameter sets.
    pub(super) fn of_sets(strategy: Strategy) -> Self {
        let names = ["symbol", "strategy"].map(|name| Field::new(name, DataType::Utf8, false));
        let mut fields = names.to_vec();
        fields.extend(parameters(strategy, false));
        fields.extend(figures());
        Self { strategy, schema: Arc::new(Schema::new(fields)) }
    }

    /// Of the folds of a walk, whose sets were chosen by a metric.
    pub(super) fn of_folds(strategy: Strategy, by: Metric) -> Self {
        let names = ["symbol", "strategy"].map(|name| Field::new(name, DataType::Utf8, false));
        let mut fields = names.to_vec();
        fields.push(Field::new("fold", DataType::UInt64, true));
        let dates = ["train_from", "train_to", "test_from", "test_to"];
        fields.extend(dates.map(|name| Field::new(name, DataType::Utf8, true)));
        fields.extend(parameters(strategy, true));
        fields.push(Field::new(format!("train_{by}"), DataType::Float64, true));
        fields.extend(figures());
        Self { strategy, schema: Arc::new(Schema::new(fields)) }
    }

    pub(super) fn schema(&self) -> Arc<Schema> {
        Arc::clone(&self.schema)
    }

    pub(super) fn of(&self, outcomes: &[Outcome], panel: &Panel) -> Vec<ArrayRef> {
        let symbol = |outcome: &Outcome| &*panel.symbols()[outcome.symbol];
        let symbols = StringArray::from_iter_values(outcomes.iter().map(symbol));
        let mut columns: Vec<ArrayRef> = vec![Arc::new(symbols), self.strategy(outcomes.len())];
        let sets: Vec<_> = outcomes.iter().map(|outcome| Some(outcome.set)).collect();
        columns.extend(self.parameters(&sets));
        let performances: Vec<_> = outcomes.iter().map(|outcome| outcome.performance).collect();
        columns.extend(of_performances(&performances));
        columns
    }

    pub(super) fn of_fold_list(&self, folds: &[Fold], panel: &Panel) -> Vec<ArrayRef> {
        let symbol = |fold: &Fold| &*panel.symbols()[fold.symbol];
        let symbols = StringArray::from_iter_values(folds.iter().map(symbol));
        let mut columns: Vec<ArrayRef> = vec![Arc::new(symbols), self.strategy(folds.len())];
        let numbers = folds.iter().map(|fold| fold.number.map(|number| number as u64));
        columns.push(Arc::new(numbers.collect::<UInt64Array>()));
        for side in [0, 1] {
            let date = |fold: &Fold| fold.train.map(|dates| panel.date_text(dates[side]));
            columns.push(Arc::new(folds.iter().map(date).collect::<StringArray>()));
        }
        for side in [0, 1] {
            let date = |fold: &Fold| Some(panel.date_text(fold.test[side]));
            columns.push(Arc::new(folds.iter().map(date).collect::<StringArray>()));
        }
        let sets: Vec<_> = folds.iter().map(|fold| fold.set).collect();
        columns.extend(self.parameters(&sets));
        columns.push(Arc::new(folds.iter().map(|fold| fold.train_value).collect::<Float64Array>()));
        let performances: Vec<_> = folds.iter().map(|fold| fold.performance).collect();
        columns.extend(of_performances(&performances));
        columns
    }

    fn strategy(&self, rows: usize) -> ArrayRef {
        let name = self.strategy.as_str();
        Arc::new(StringArray::from_iter_values(std::iter::repeat_n(name, rows)))
    }

    fn parameters(&self, sets: &[Option<ParameterSet>]) -> Vec<ArrayRef> {
        let column = |(place, is_length): (usize, bool)| -> ArrayRef {
            let values = sets.iter().map(|set| set.map(|set| set[place]));
            if is_length {
                let lengths = values.map(|value| value.map(|value| value as u64));
                return Arc::new(lengths.collect::<UInt64Array>());
            }
            Arc::new(values.collect::<Float64Array>())
        };
        let lengths = self.strategy.parameters().iter().map(|parameter| parameter.is_length);
        lengths.enumerate().map(column).collect()
    }
}

fn parameters(strategy: Strategy, is_nullable: bool) -> Vec<Field> {
    let field = |(name, is_length): (&str, bool)| {
        let kind = if is_length { DataType::UInt64 } else { DataType::Float64 };
        Field::new(name, kind, is_nullable)
    };
    strategy.parameters().iter().map(|known| field((known.name, known.is_length))).collect()
}

fn figures() -> Vec<Field> {
    let field = |metric: Metric| {
        let kind = if metric == Metric::Trades { DataType::UInt64 } else { DataType::Float64 };
        Field::new(metric.as_str(), kind, true)
    };
    Metric::ALL.map(field).to_vec()
}

fn of_performances(performances: &[Performance]) -> Vec<ArrayRef> {
    let column = |metric: Metric| -> ArrayRef {
        if metric == Metric::Trades {
            let trades = performances.iter().map(|performance| performance.trades);
            return Arc::new(UInt64Array::from_iter_values(trades));
        }
        let values = performances.iter().map(|performance| metric.of(performance));
        Arc::new(values.collect::<Float64Array>())
    };
    Metric::ALL.map(column).to_vec()
}
