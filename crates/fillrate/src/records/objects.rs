//! Objects with keys of their own, laid out as a table with one set of typed columns.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow_array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray, UInt64Array,
};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use serde_json::Value;

use super::chunk::{Chunk, JsonObject};
use super::text_column::kind;
use crate::{Error, Result};

/// Integers up to this size are exact as doubles.
const EXACT_MAX: i128 = 1 << 53;

/// The keys of all objects, in the order in which they are first seen.
pub(super) fn keys(objects: &[JsonObject]) -> Vec<&str> {
    let mut seen = HashSet::new();
    let all = objects.iter().flat_map(|object| object.keys().map(String::as_str));
    all.filter(|key| seen.insert(*key)).collect()
}

/// How the columns of a table made of objects are typed.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Typing {
    /// Every column is text, for CSV.
    Text,
    /// By the values of the first chunk, for Parquet; nested values become JSON text.
    Inferred,
}

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    /// Strings as they are, everything else as JSON text.
    Text,
    Null,
    Boolean,
    /// Integers within these bounds.
    Integer {
        min: i128,
        max: i128,
    },
    Float64,
    String,
    /// Arrays and objects, as JSON text.
    Nested,
}

/// A table's columns as the first chunk of objects set them.
#[derive(Debug)]
pub(super) struct ObjectTable {
    kinds: Vec<Kind>,
    index: HashMap<String, usize>,
    schema: SchemaRef,
}

impl ObjectTable {
    /// Takes the columns from the first chunk.
    ///
    /// # Errors
    ///
    /// If a column holds values of kinds that no one column type keeps.
    pub(super) fn infer(chunk: &Chunk, objects: &[JsonObject], typing: Typing) -> Result<Self> {
        let names = keys(objects);
        let index: HashMap<String, usize> =
            names.iter().enumerate().map(|(column, name)| ((*name).to_owned(), column)).collect();
        let first = if typing == Typing::Text { Kind::Text } else { Kind::Null };
        let mut kinds = vec![first; names.len()];
        for (row, object) in objects.iter().enumerate() {
            for (key, value) in object {
                let kind = &mut kinds[index[key]];
                *kind = joined(*kind, kind_of(value))
                    .ok_or_else(|| misfit(chunk, row, key, value, *kind))?;
            }
        }
        let field = |(name, kind): (&&str, &Kind)| Field::new(*name, data_type(*kind), true);
        let fields: Vec<Field> = names.iter().zip(&kinds).map(field).collect();
        Ok(Self { kinds, index, schema: Arc::new(Schema::new(fields)) })
    }

    /// Lays the objects of a chunk out in the columns.
    ///
    /// # Errors
    ///
    /// If an object has a key that the first chunk did not have, or a value that its column
    /// cannot hold.
    pub(super) fn table(&self, chunk: &Chunk, objects: &[JsonObject]) -> Result<RecordBatch> {
        let mut columns = vec![vec![None; objects.len()]; self.kinds.len()];
        for (row, object) in objects.iter().enumerate() {
            for (key, value) in object {
                let column = *self.index.get(key).ok_or_else(|| new_key(chunk, row, key))?;
                let kind = self.kinds[column];
                if value.is_null() {
                    continue;
                }
                let fits = joined(kind, kind_of(value))
                    .is_some_and(|joined| data_type(joined) == data_type(kind));
                if !fits {
                    return Err(misfit(chunk, row, key, value, kind));
                }
                columns[column][row] = Some(value);
            }
        }
        let arrays = columns.iter().zip(&self.kinds).map(|(values, kind)| array(*kind, values));
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), arrays.collect());
        batch.map_err(|error| super::faults::arrow_error(chunk.path(), &error))
    }
}

fn kind_of(value: &Value) -> Kind {
    match value {
        Value::Null => Kind::Null,
        Value::Bool(_) => Kind::Boolean,
        Value::String(_) => Kind::String,
        Value::Array(_) | Value::Object(_) => Kind::Nested,
        Value::Number(number) => match number.as_i128() {
            Some(integer) => Kind::Integer { min: integer, max: integer },
            None => Kind::Float64,
        },
    }
}

/// The kind that keeps the values of both exactly, if there is one.
fn joined(column: Kind, value: Kind) -> Option<Kind> {
    use Kind::{Float64, Integer, Null, Text};
    match (column, value) {
        (Text, _) => Some(Text),
        (Null, kind) | (kind, Null) => Some(kind),
        (Integer { min, max }, Float64) | (Float64, Integer { min, max }) => {
            (min >= -EXACT_MAX && max <= EXACT_MAX).then_some(Float64)
        }
        (Integer { min: a, max: b }, Integer { min: c, max: d }) => {
            let (min, max) = (a.min(c), b.max(d));
            // What goes above 2⁶³ − 1 needs the unsigned type, which has no negative numbers.
            (max <= i128::from(i64::MAX) || min >= 0).then_some(Integer { min, max })
        }
        (a, b) => (a == b).then_some(a),
    }
}

fn data_type(kind: Kind) -> DataType {
    match kind {
        Kind::Boolean => DataType::Boolean,
        Kind::Integer { max, .. } if max <= i128::from(i64::MAX) => DataType::Int64,
        Kind::Integer { .. } => DataType::UInt64,
        Kind::Float64 => DataType::Float64,
        Kind::Text | Kind::Null | Kind::String | Kind::Nested => DataType::Utf8,
    }
}

fn array(kind: Kind, values: &[Option<&Value>]) -> ArrayRef {
    let values = values.iter().copied();
    match data_type(kind) {
        DataType::Boolean => Arc::new(values.map(|v| v?.as_bool()).collect::<BooleanArray>()),
        DataType::Int64 => Arc::new(values.map(|v| v?.as_i64()).collect::<Int64Array>()),
        DataType::UInt64 => Arc::new(values.map(|v| v?.as_u64()).collect::<UInt64Array>()),
        DataType::Float64 => Arc::new(values.map(|v| v?.as_f64()).collect::<Float64Array>()),
        _ => Arc::new(values.map(|value| value.map(text)).collect::<StringArray>()),
    }
}

/// A string as it is, anything else as JSON text.
fn text(value: &Value) -> String {
    match value {
        Value::String(string) => string.clone(),
        other => other.to_string(),
    }
}

fn new_key(chunk: &Chunk, row: usize, key: &str) -> Error {
    let message = format!("column `{key}` is new, but the rows before have set the columns");
    Error::Unfit { path: chunk.path().to_owned(), line: chunk.lines()[row], message }
}

fn misfit(chunk: &Chunk, row: usize, key: &str, value: &Value, column: Kind) -> Error {
    let held = match column {
        Kind::Boolean => "booleans",
        Kind::Integer { .. } => "integers",
        Kind::Float64 => "numbers",
        Kind::Nested => "arrays or objects",
        Kind::Text | Kind::Null | Kind::String => "strings",
    };
    let found = kind(value);
    let message = format!("column `{key}` is {found}, but the rows before hold {held} there");
    Error::Unfit { path: chunk.path().to_owned(), line: chunk.lines()[row], message }
}
