//! Arrow columns as JSON values and as CSV cells.

use std::io;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_json::writer::{EncoderOptions, NullableEncoder, make_encoder};
use arrow_schema::{DataType, Field, FieldRef, Schema};

use super::text_column::{is_text, string_at};
use super::timestamps::NamedZones;

/// How every value is encoded: missing fields of structs are written as `null`.
pub(super) fn encoder_options() -> EncoderOptions {
    EncoderOptions::default().with_explicit_nulls(true).with_encoder_factory(Arc::new(NamedZones))
}

/// A column's values as JSON text.
pub(super) struct JsonColumn<'a> {
    is_null: Vec<bool>,
    encoder: NullableEncoder<'a>,
}

impl<'a> JsonColumn<'a> {
    /// # Errors
    ///
    /// If the type has no JSON form (intervals, unions).
    pub(super) fn new(
        field: &'a FieldRef,
        array: &'a dyn Array,
        options: &'a EncoderOptions,
    ) -> io::Result<Self> {
        let encoder = make_encoder(field, array, options).map_err(io::Error::other)?;
        // The logical nulls include those of a dictionary's values.
        let nulls = array.logical_nulls();
        let is_null = |row| nulls.as_ref().is_some_and(|nulls| nulls.is_null(row));
        Ok(Self { is_null: (0..array.len()).map(is_null).collect(), encoder })
    }

    /// Appends the value at `row`; NaN and infinities are `null`.
    pub(super) fn append(&mut self, row: usize, out: &mut Vec<u8>) {
        if self.is_null[row] {
            out.extend_from_slice(b"null");
        } else {
            self.encoder.encode(row, out);
        }
    }
}

/// A column without fields inside, with the structs it lies in.
pub(super) struct Leaf {
    field: FieldRef,
    array: ArrayRef,
    parents: Vec<ArrayRef>,
}

/// The columns of `batch` with every struct spread over its fields, as [`leaf_names`] names them.
pub(super) fn leaves(batch: &RecordBatch) -> Vec<Leaf> {
    let mut found = Vec::new();
    for (field, array) in batch.schema().fields().iter().zip(batch.columns()) {
        spread(field, array, &[], &mut found);
    }
    found
}

fn spread(field: &FieldRef, array: &ArrayRef, parents: &[ArrayRef], found: &mut Vec<Leaf>) {
    let DataType::Struct(fields) = field.data_type() else {
        let (field, array) = (FieldRef::clone(field), ArrayRef::clone(array));
        return found.push(Leaf { field, array, parents: parents.to_vec() });
    };
    let parents = [parents, std::slice::from_ref(array)].concat();
    for (inner, column) in fields.iter().zip(array.as_struct().columns()) {
        spread(inner, column, &parents, found);
    }
}

/// The names of a table's CSV columns.
pub(super) fn leaf_names(schema: &Schema) -> Vec<String> {
    fn names(prefix: &str, field: &Field, found: &mut Vec<String>) {
        let name = format!("{prefix}{}", field.name());
        match field.data_type() {
            DataType::Struct(fields) => {
                let prefix = format!("{name}.");
                fields.iter().for_each(|field| names(&prefix, field, found));
            }
            _ => found.push(name),
        }
    }
    let mut found = Vec::new();
    schema.fields().iter().for_each(|field| names("", field, &mut found));
    found
}

/// A column's values as CSV cells.
pub(super) enum CsvColumn<'a> {
    /// Strings as they are.
    Text(&'a Leaf),
    /// Other values as JSON text, without the quotes around a date or the like.
    Json(&'a Leaf, JsonColumn<'a>),
}

impl<'a> CsvColumn<'a> {
    /// # Errors
    ///
    /// If the type has no text form (intervals, unions).
    pub(super) fn new(leaf: &'a Leaf, options: &'a EncoderOptions) -> io::Result<Self> {
        if is_text(leaf.field.data_type()) {
            return Ok(Self::Text(leaf));
        }
        let json = JsonColumn::new(&leaf.field, leaf.array.as_ref(), options)?;
        Ok(Self::Json(leaf, json))
    }

    /// The cell at `row`, for which `buffer` may be used; nothing where the value is missing.
    pub(super) fn cell<'b>(&'b mut self, row: usize, buffer: &'b mut Vec<u8>) -> &'b [u8] {
        buffer.clear();
        match self {
            Self::Text(leaf) if leaf.is_missing(row) => b"",
            Self::Text(leaf) => string_at(leaf.array.as_ref(), row).unwrap_or_default().as_bytes(),
            Self::Json(leaf, _) if leaf.is_missing(row) => b"",
            Self::Json(_, json) => {
                json.append(row, buffer);
                if buffer == b"null" {
                    buffer.clear();
                } else if let Ok(string) = serde_json::from_slice::<String>(buffer) {
                    buffer.clear();
                    buffer.extend_from_slice(string.as_bytes());
                }
                buffer
            }
        }
    }
}

/// Each value of a column as its CSV cell has it, `None` where it is missing; shape `[rows]`.
///
/// # Errors
///
/// If the column has no text form (intervals, unions).
pub(super) fn cells_of(field: &FieldRef, array: &ArrayRef) -> io::Result<Vec<Option<String>>> {
    let (leaf, options) = (
        Leaf { field: FieldRef::clone(field), array: ArrayRef::clone(array), parents: Vec::new() },
        encoder_options(),
    );
    let nulls = array.logical_nulls();
    let mut column = CsvColumn::new(&leaf, &options)?;
    let mut buffer = Vec::new();
    let mut cell = |row| {
        let is_null = nulls.as_ref().is_some_and(|nulls| nulls.is_null(row));
        let cell = column.cell(row, &mut buffer);
        (!is_null).then(|| String::from_utf8_lossy(cell).into_owned())
    };
    Ok((0..array.len()).map(&mut cell).collect())
}

impl Leaf {
    /// Whether a struct around the value is missing at `row`.
    fn is_missing(&self, row: usize) -> bool {
        self.parents.iter().any(|parent| parent.is_null(row))
    }
}
