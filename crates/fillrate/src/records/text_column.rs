//! Which column holds the texts, and the text of each row.

use arrow_array::cast::AsArray;
use arrow_array::{Array, RecordBatch};
use arrow_schema::{DataType, Schema};
use serde_json::Value;

use super::cells;
use super::chunk::Rows;

/// The columns looked for when none is named, in this order.
const USUAL_NAMES: [&str; 3] = ["text", "title", "headline"];

/// The column that `wanted` names or, without it, the first of `text`, `title` and `headline`
/// that exists; a name that differs only in case is taken where no exact one exists.
pub(super) fn choose<'a>(wanted: Option<&str>, columns: &[&'a str]) -> Option<&'a str> {
    if let Some(name) = wanted {
        return columns.iter().copied().find(|column| *column == name);
    }
    let exact = |name: &&str| columns.iter().copied().find(|column| column == name);
    let loose = |name: &&str| columns.iter().copied().find(|c| c.eq_ignore_ascii_case(name));
    USUAL_NAMES.iter().find_map(exact).or_else(|| USUAL_NAMES.iter().find_map(loose))
}

/// Whether a column of this type holds texts.
pub(crate) fn is_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Dictionary(_, values) => is_text(values),
        _ => false,
    }
}

/// The columns of `schema` that hold texts.
pub(super) fn text_columns(schema: &Schema) -> Vec<&str> {
    let fields = schema.fields().iter();
    fields.filter(|f| is_text(f.data_type())).map(|f| f.name().as_str()).collect()
}

/// The text of each row, or what is wrong with the row; shape `[rows]`.
pub(super) fn texts<'a>(rows: &'a Rows, column: &str) -> Vec<Result<&'a str, String>> {
    match rows {
        Rows::Table(batch) => table_texts(batch, column),
        Rows::Objects(objects) => objects
            .iter()
            .map(|object| match object.get(column) {
                Some(Value::String(text)) => Ok(text.as_str()),
                Some(other) => Err(format!("column `{column}` is {}, not text", kind(other))),
                None => Err(format!("column `{column}` is missing")),
            })
            .collect(),
    }
}

/// The value of each row in `column` as text, or what is wrong with the row; shape `[rows]`.
/// Strings stand as they are, numbers in digits.
pub(super) fn values(rows: &Rows, column: &str) -> Vec<Result<String, String>> {
    match rows {
        Rows::Table(batch) => table_values(batch, column),
        Rows::Objects(objects) => objects
            .iter()
            .map(|object| match object.get(column) {
                Some(Value::String(text)) => Ok(text.clone()),
                Some(value @ (Value::Number(_) | Value::Bool(_))) => Ok(value.to_string()),
                Some(other) => Err(format!("column `{column}` is {}", kind(other))),
                None => Err(format!("column `{column}` is missing")),
            })
            .collect(),
    }
}

fn table_values(batch: &RecordBatch, column: &str) -> Vec<Result<String, String>> {
    let all_wrong = |message: String| vec![Err(message); batch.num_rows()];
    let Ok(index) = batch.schema_ref().index_of(column) else {
        return all_wrong(format!("column `{column}` is missing"));
    };
    match cells::cells_of(&batch.schema_ref().fields()[index], batch.column(index)) {
        Ok(cells) => {
            let null = || format!("column `{column}` is null");
            cells.into_iter().map(|cell| cell.ok_or_else(null)).collect()
        }
        Err(error) => all_wrong(format!("column `{column}`: {error}")),
    }
}

fn table_texts<'a>(batch: &'a RecordBatch, column: &str) -> Vec<Result<&'a str, String>> {
    let Some(array) = batch.column_by_name(column) else {
        return vec![Err(format!("column `{column}` is missing")); batch.num_rows()];
    };
    let text = |row| string_at(array.as_ref(), row);
    let null = || format!("column `{column}` is null");
    (0..array.len()).map(|row| text(row).ok_or_else(null)).collect()
}

/// The string at `row`, or `None` where it is null or the column holds no strings.
pub(crate) fn string_at(array: &dyn Array, row: usize) -> Option<&str> {
    if array.is_null(row) {
        return None;
    }
    match array.data_type() {
        DataType::Utf8 => Some(array.as_string::<i32>().value(row)),
        DataType::LargeUtf8 => Some(array.as_string::<i64>().value(row)),
        DataType::Utf8View => Some(array.as_string_view().value(row)),
        DataType::Dictionary(_, _) => {
            let dictionary = array.as_any_dictionary_opt()?;
            string_at(dictionary.values().as_ref(), dictionary_key(array, row)?)
        }
        _ => None,
    }
}

/// The place in a dictionary's values of the entry at `row`.
fn dictionary_key(array: &dyn Array, row: usize) -> Option<usize> {
    use arrow_array::types::{
        Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
    };
    let DataType::Dictionary(key, _) = array.data_type() else { return None };
    match key.as_ref() {
        DataType::Int8 => array.as_dictionary::<Int8Type>().key(row),
        DataType::Int16 => array.as_dictionary::<Int16Type>().key(row),
        DataType::Int32 => array.as_dictionary::<Int32Type>().key(row),
        DataType::Int64 => array.as_dictionary::<Int64Type>().key(row),
        DataType::UInt8 => array.as_dictionary::<UInt8Type>().key(row),
        DataType::UInt16 => array.as_dictionary::<UInt16Type>().key(row),
        DataType::UInt32 => array.as_dictionary::<UInt32Type>().key(row),
        DataType::UInt64 => array.as_dictionary::<UInt64Type>().key(row),
        _ => None,
    }
}

/// What a JSON value is, in words.
pub(crate) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_names_come_in_order_and_exact_case_first() {
        assert_eq!(choose(None, &["headline", "title"]), Some("title"));
        assert_eq!(choose(None, &["Text", "headline"]), Some("headline"));
        assert_eq!(choose(None, &["id", "Headline", "TITLE"]), Some("TITLE"));
        assert_eq!(choose(None, &["id", "body"]), None);
        assert_eq!(choose(Some("body"), &["text", "body"]), Some("body"));
        assert_eq!(choose(Some("Body"), &["text", "body"]), None);
    }
}
