//! The input's columns beside the new ones, under names that do not collide.

use std::sync::Arc;

use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_schema::{ArrowError, Field, Schema, SchemaRef};

/// The name under which the input's column `name` is kept: `input_NAME`, as often as needed,
/// where an output column has that name.
pub(super) fn kept_name(
    name: &str,
    is_output: impl Fn(&str) -> bool,
    is_input: impl Fn(&str) -> bool,
) -> String {
    let mut kept = name.to_owned();
    while is_output(&kept) || (kept != name && is_input(&kept)) {
        kept.insert_str(0, "input_");
    }
    kept
}

/// The input's fields, renamed where a name of `outputs` is taken, and the new fields after them.
pub(super) fn schema(input: &Schema, new: &Schema, outputs: &[String]) -> SchemaRef {
    let is_output = |name: &str| outputs.iter().any(|output| output == name);
    let is_input = |name: &str| input.column_with_name(name).is_some();
    let kept = input.fields().iter().map(|field| {
        let name = kept_name(field.name(), is_output, is_input);
        Arc::new(Field::clone(field).with_name(name))
    });
    let fields: Vec<_> = kept.chain(new.fields().iter().cloned()).collect();
    Arc::new(Schema::new_with_metadata(fields, input.metadata().clone()))
}

/// The columns of both tables under `schema`.
pub(super) fn table(
    schema: &SchemaRef,
    input: &RecordBatch,
    new: &RecordBatch,
) -> Result<RecordBatch, ArrowError> {
    let columns = input.columns().iter().chain(new.columns()).cloned().collect();
    let options = RecordBatchOptions::new().with_row_count(Some(new.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_name_collides_with_nothing() {
        let is_output = |name: &str| ["score", "label"].contains(&name);
        let none = |_: &str| false;
        assert_eq!(kept_name("id", is_output, none), "id");
        assert_eq!(kept_name("score", is_output, none), "input_score");
        assert_eq!(
            kept_name("score", is_output, |name| name == "input_score"),
            "input_input_score"
        );
    }
}
