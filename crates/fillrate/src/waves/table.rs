//! Patterns as the rows of a table.

use std::sync::Arc;

use arrow_array::builder::{
    Float64Builder, ListBuilder, MapBuilder, MapFieldNames, StringBuilder, StructBuilder,
    UInt64Builder,
};
use arrow_array::{Array, ArrayRef, Float64Array, StringArray, StructArray, UInt64Array};
use arrow_schema::{DataType, Field, FieldRef, Fields, Schema, SchemaRef};

use super::found::Found;
use super::score::Part;

/// A pattern of one symbol of a panel.
#[derive(Clone, Debug, PartialEq)]
pub struct WaveRecord {
    /// The symbol.
    pub symbol: Arc<str>,
    /// The pattern.
    pub found: Found,
    /// The date of each pivot, shape `[waves + 1]`.
    pub dates: Vec<String>,
    /// The share of surrogates that do as well; `None` if none were asked.
    pub p_value: Option<f64>,
    /// The share of false discoveries if this pattern and all with a lower p-value are believed.
    pub q_value: Option<f64>,
    /// How many patterns the symbol has, and how many chance makes; `None` without surrogates.
    pub chance: Option<Chance>,
    /// Its place in the count of the series; `None` unless that was asked for.
    pub place: Option<Place>,
}

/// The number of patterns of a symbol next to what its surrogates have.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Chance {
    /// Patterns of the symbol, of all kinds that were searched.
    pub count: u64,
    /// Patterns of a surrogate, on average.
    pub expected: f64,
    /// The chance of a number at least as far from theirs, to either side.
    pub p_value: f64,
}

/// The place of a pattern in a nested count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The number of the pattern, from 1 for each symbol.
    pub id: u64,
    /// The pattern whose wave it subdivides; `None` for one of the largest degree.
    pub parent: Option<u64>,
    /// The label of that wave.
    pub wave: Option<&'static str>,
    /// How many degrees it contains: 1 for a pattern that nothing subdivides.
    pub degree: u64,
}

/// The columns of a table of patterns, in this order:
///
/// - `symbol`, `pattern`, `direction`;
/// - `indices`, `dates` and `prices` of the pivots; indices count the bars of the symbol from 0;
/// - `score`;
/// - `rules`: for each rule in force its `value` and its `margin`;
/// - `guidelines`: how well each is followed, in [0, 1];
/// - `p_value`, and `q_value` beside it;
/// - `variety`: `truncated`, `contracting`, `barrier`, `expanding`, `regular`, `expanded`,
///   `running` or null;
/// - `parts` of the score: `fibonacci`, `rules`, `time`, `simplicity`;
/// - `chance`: the symbol's number of patterns, `count`, that of a surrogate, `expected`, and the
///   `p_value` of the difference; null without surrogates;
/// - in a nested count `id`, `parent`, `wave` and `degree`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WaveColumns {
    /// Whether the patterns have places in a nested count.
    pub nested: bool,
}

type Column = (FieldRef, ArrayRef);

impl WaveColumns {
    /// The columns' names and types.
    #[must_use]
    pub fn schema(&self) -> SchemaRef {
        let fields: Vec<FieldRef> = self.columns(&[]).into_iter().map(|(field, _)| field).collect();
        Arc::new(Schema::new(fields))
    }

    /// The columns of some patterns, each of shape `[records.len()]`.
    #[must_use]
    pub fn arrays(&self, records: &[WaveRecord]) -> Vec<ArrayRef> {
        self.columns(records).into_iter().map(|(_, array)| array).collect()
    }

    fn columns(self, records: &[WaveRecord]) -> Vec<Column> {
        let hits = || records.iter().map(|record| record.found.hit);
        let mut columns = vec![
            column("symbol", StringArray::from_iter_values(records.iter().map(|r| &*r.symbol))),
            column(
                "pattern",
                StringArray::from_iter_values(hits().map(|h| h.form.pattern().as_str())),
            ),
            column(
                "direction",
                StringArray::from_iter_values(hits().map(|h| h.direction.as_str())),
            ),
            indices(records),
            dates(records),
            prices(records),
            column("score", Float64Array::from_iter_values(hits().map(|hit| hit.score))),
            rules(records),
            guidelines(records),
            optional("p_value", records.iter().map(|r| r.p_value).collect::<Float64Array>()),
            optional("q_value", records.iter().map(|r| r.q_value).collect::<Float64Array>()),
            optional("variety", records.iter().map(|r| r.found.variety).collect::<StringArray>()),
            parts(records),
            chance(records),
        ];
        if self.nested {
            columns.extend(places(records));
        }
        columns
    }
}

fn column(name: &str, array: impl Array + 'static) -> Column {
    (Arc::new(Field::new(name, array.data_type().clone(), false)), Arc::new(array))
}

fn optional(name: &str, array: impl Array + 'static) -> Column {
    (Arc::new(Field::new(name, array.data_type().clone(), true)), Arc::new(array))
}

fn indices(records: &[WaveRecord]) -> Column {
    let item = Field::new("item", DataType::UInt64, false);
    let mut list = ListBuilder::new(UInt64Builder::new()).with_field(item);
    for record in records {
        let bars = record.found.hit.indices().iter().map(|&bar| Some(u64::from(bar)));
        list.append_value(bars);
    }
    column("indices", list.finish())
}

fn dates(records: &[WaveRecord]) -> Column {
    let item = Field::new("item", DataType::Utf8, false);
    let mut list = ListBuilder::new(StringBuilder::new()).with_field(item);
    for record in records {
        list.append_value(record.dates.iter().map(Some));
    }
    column("dates", list.finish())
}

fn prices(records: &[WaveRecord]) -> Column {
    let item = Field::new("item", DataType::Float64, false);
    let mut list = ListBuilder::new(Float64Builder::new()).with_field(item);
    for record in records {
        list.append_value(record.found.prices.iter().copied().map(Some));
    }
    column("prices", list.finish())
}

fn map_names() -> MapFieldNames {
    MapFieldNames { entry: "entries".into(), key: "key".into(), value: "value".into() }
}

fn rules(records: &[WaveRecord]) -> Column {
    let number = |name| Field::new(name, DataType::Float64, true);
    let fields = Fields::from(vec![number("value"), number("margin")]);
    let values = StructBuilder::from_fields(fields.clone(), 0);
    let mut map = MapBuilder::new(Some(map_names()), StringBuilder::new(), values)
        .with_values_field(Field::new("value", DataType::Struct(fields), false));
    for record in records {
        for rule in &record.found.rules {
            map.keys().append_value(rule.name);
            let values = map.values();
            for (at, number) in [rule.value, rule.margin].into_iter().enumerate() {
                if let Some(builder) = values.field_builder::<Float64Builder>(at) {
                    builder.append_option(number.is_finite().then_some(number));
                }
            }
            values.append(true);
        }
        let appended = map.append(true);
        debug_assert!(appended.is_ok(), "as many names as values");
    }
    column("rules", map.finish())
}

fn guidelines(records: &[WaveRecord]) -> Column {
    let mut map = MapBuilder::new(Some(map_names()), StringBuilder::new(), Float64Builder::new())
        .with_values_field(Field::new("value", DataType::Float64, false));
    for record in records {
        for (name, value) in &record.found.guidelines {
            map.keys().append_value(name);
            map.values().append_value(*value);
        }
        let appended = map.append(true);
        debug_assert!(appended.is_ok(), "as many names as values");
    }
    column("guidelines", map.finish())
}

fn parts(records: &[WaveRecord]) -> Column {
    let columns: Vec<Column> = Part::ALL
        .iter()
        .map(|&part| {
            let values = records.iter().map(|record| record.found.parts[part as usize]);
            column(part.as_str(), Float64Array::from_iter_values(values))
        })
        .collect();
    column("parts", StructArray::from(columns))
}

fn chance(records: &[WaveRecord]) -> Column {
    let fields = vec![
        Field::new("count", DataType::UInt64, true),
        Field::new("expected", DataType::Float64, true),
        Field::new("p_value", DataType::Float64, true),
    ];
    let mut values = StructBuilder::from_fields(fields, records.len());
    for record in records {
        let chance = record.chance;
        if let Some(builder) = values.field_builder::<UInt64Builder>(0) {
            builder.append_option(chance.map(|chance| chance.count));
        }
        for (at, number) in
            [(1, chance.map(|chance| chance.expected)), (2, chance.map(|chance| chance.p_value))]
        {
            if let Some(builder) = values.field_builder::<Float64Builder>(at) {
                builder.append_option(number);
            }
        }
        values.append(chance.is_some());
    }
    optional("chance", values.finish())
}

fn places(records: &[WaveRecord]) -> [Column; 4] {
    let numbers = |name: &str, number: fn(&Place) -> Option<u64>| {
        let numbers = records.iter().map(|record| record.place.as_ref().and_then(number));
        optional(name, numbers.collect::<UInt64Array>())
    };
    let waves = records.iter().map(|record| record.place.and_then(|place| place.wave));
    [
        numbers("id", |place| Some(place.id)),
        numbers("parent", |place| place.parent),
        optional("wave", waves.collect::<StringArray>()),
        numbers("degree", |place| Some(place.degree)),
    ]
}
