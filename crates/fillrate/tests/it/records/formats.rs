//! What each format makes of the input's columns and of new ones.

use std::io::{self, Cursor, Write};
use std::sync::{Arc, Mutex};

use arrow_array::builder::{ListBuilder, StringBuilder};
use arrow_array::{
    Array, ArrayRef, BooleanArray, Date32Array, Float32Array, Float64Array, Int8Array, RecordBatch,
    StringArray, StructArray, TimestampMicrosecondArray,
};
use arrow_schema::{DataType, Field, Fields, Schema};
use fillrate::records::{Chunk, Format, InputFormat, Layout, ReadOptions, Reader, Sink, Writer};

use super::{convert, listing, options, parquet_bytes, parquet_table, read, write};

fn new_fields() -> Vec<Field> {
    vec![
        Field::new("label", DataType::Utf8, false),
        Field::new("probabilities", DataType::Struct(probability_fields()), false),
        Field::new("reason", DataType::Utf8, true),
    ]
}

fn probability_fields() -> Fields {
    let field = |name| Field::new(name, DataType::Float32, false);
    Fields::from(vec![field("negative"), field("positive")])
}

fn new_columns(chunk: &Chunk) -> Vec<ArrayRef> {
    let column = |value: f32| Arc::new(Float32Array::from(vec![value; chunk.len()])) as ArrayRef;
    let columns = vec![column(0.1), column(1.0)];
    vec![
        Arc::new(StringArray::from(vec!["good, \"really\""; chunk.len()])),
        Arc::new(StructArray::new(probability_fields(), columns, None)),
        Arc::new(StringArray::from(vec![None::<&str>; chunk.len()])),
    ]
}

fn written(input: &[u8], format: Format) -> String {
    let mut reader = read(input, &ReadOptions::default(), None).unwrap();
    String::from_utf8(write(&mut reader, format, new_fields(), new_columns).unwrap()).unwrap()
}

const CSV: &[u8] = b"id,text,label\n001,\"a\nb\",mine\n";
const JSONL: &[u8] =
    b"{\"z\":1.50,\"text\":\"a\",\"label\":null,\"a\":{\"y\":[1,\"\xC3\xA9\"],\"x\":18446744073709551615}}\n";

#[test]
fn csv_has_the_inputs_columns_first_and_structs_spread() {
    assert_eq!(
        written(CSV, Format::Csv),
        "id,text,input_label,label,probabilities.negative,probabilities.positive,reason\n\
         001,\"a\nb\",mine,\"good, \"\"really\"\"\",0.1,1.0,\n"
    );
    assert_eq!(
        written(JSONL, Format::Csv),
        "z,text,input_label,a,label,probabilities.negative,probabilities.positive,reason\n\
         1.5,a,,\"{\"\"y\"\":[1,\"\"é\"\"],\"\"x\"\":18446744073709551615}\",\
         \"good, \"\"really\"\"\",0.1,1.0,\n"
    );
}

#[test]
fn json_nests_and_keeps_the_order_of_keys() {
    let new = r#""label":"good, \"really\"","probabilities":{"negative":0.1,"positive":1.0},"reason":null}"#;
    let from_csv = format!(r#"{{"id":"001","text":"a\nb","input_label":"mine",{new}"#);
    assert_eq!(written(CSV, Format::Jsonl), format!("{from_csv}\n"));
    assert_eq!(written(CSV, Format::Json), format!("[\n{from_csv}\n]\n"));
    let from_jsonl = format!(
        r#"{{"z":1.5,"text":"a","input_label":null,"a":{{"y":[1,"é"],"x":18446744073709551615}},{new}"#
    );
    assert_eq!(written(JSONL, Format::Jsonl), format!("{from_jsonl}\n"));
}

#[test]
fn csv_written_once_can_be_read_and_written_again() {
    let once = written(CSV, Format::Csv);
    let twice = written(once.as_bytes(), Format::Csv);
    let header = twice.lines().next().unwrap();
    assert_eq!(
        header,
        "id,text,input_input_label,input_label,input_probabilities.negative,\
         input_probabilities.positive,input_reason,label,probabilities.negative,\
         probabilities.positive,reason"
            .replace("input_input_label,input_label", "input_label,input_input_label")
    );
}

/// A table with types that text formats do not have.
fn typed_table() -> RecordBatch {
    let mut lists = ListBuilder::new(StringBuilder::new());
    lists.append_value([Some("x"), None]);
    lists.append_null();
    let days: ArrayRef = Arc::new(Date32Array::from(vec![Some(20_000), None]));
    let zoned = TimestampMicrosecondArray::from(vec![0, 1]).with_timezone("UTC");
    let inner: ArrayRef = Arc::new(Int8Array::from(vec![Some(1), None]));
    let fields = Fields::from(vec![Field::new("inner", DataType::Int8, true)]);
    let nested = StructArray::new(fields, vec![inner], Some(vec![true, false].into()));
    RecordBatch::try_from_iter_with_nullable([
        ("text", Arc::new(StringArray::from(vec!["a", "b"])) as ArrayRef, false),
        ("day", days, true),
        ("at", Arc::new(zoned), false),
        ("price", Arc::new(Float64Array::from(vec![Some(f64::NAN), Some(0.1)])), true),
        ("tags", Arc::new(lists.finish()), true),
        ("up", Arc::new(BooleanArray::from(vec![Some(true), None])), true),
        ("deep", Arc::new(nested), true),
    ])
    .unwrap()
}

#[test]
fn parquet_keeps_the_types_of_its_columns() {
    let table = typed_table();
    let mut reader = read(&parquet_bytes(&table), &ReadOptions::default(), None).unwrap();
    let bytes = write(&mut reader, Format::Parquet, new_fields(), new_columns).unwrap();
    let copy = parquet_table(&bytes);
    let schema = copy.schema();
    assert_eq!(schema.fields()[..7], table.schema().fields()[..]);
    assert_eq!(schema.field(8), &new_fields()[1]);
    // Comparing the formatted tables treats NaN as itself.
    assert_eq!(format!("{:?}", &copy.columns()[..7]), format!("{:?}", table.columns()));
    assert_eq!(copy.column(9).null_count(), 2);
}

#[test]
fn parquet_values_become_plain_cells_and_json() {
    let bytes = parquet_bytes(&typed_table());
    let csv = convert(&bytes, InputFormat::Parquet, Format::Csv).unwrap();
    assert_eq!(
        String::from_utf8(csv).unwrap(),
        "text,day,at,price,tags,up,deep.inner\n\
         a,2024-10-04,1970-01-01T00:00:00Z,,\"[\"\"x\"\",null]\",true,1\n\
         b,,1970-01-01T00:00:00.000001Z,0.1,,,\n"
    );
    let jsonl = convert(&bytes, InputFormat::Parquet, Format::Jsonl).unwrap();
    assert_eq!(
        String::from_utf8(jsonl).unwrap().lines().nth(1).unwrap(),
        r#"{"text":"b","day":null,"at":"1970-01-01T00:00:00.000001Z","price":0.1,"tags":null,"up":null,"deep":null}"#
    );
}

#[test]
fn jsonl_becomes_typed_parquet() {
    use DataType::{Boolean, Float64, Int64, UInt64, Utf8};
    let jsonl = br#"{"n":1,"u":9223372036854775808,"f":1,"b":true,"s":"a","x":{"k":[1]},"o":null}
{"n":-2,"u":7,"f":0.5,"b":null,"s":"b","x":[2]}"#;
    let table = parquet_table(&convert(jsonl, InputFormat::Jsonl, Format::Parquet).unwrap());
    let types: Vec<DataType> =
        table.schema().fields().iter().map(|field| field.data_type().clone()).collect();
    assert_eq!(types, [Int64, UInt64, Float64, Boolean, Utf8, Utf8, Utf8]);
    let back = convert(
        &convert(jsonl, InputFormat::Jsonl, Format::Parquet).unwrap(),
        InputFormat::Parquet,
        Format::Jsonl,
    );
    assert_eq!(
        String::from_utf8(back.unwrap()).unwrap().lines().next().unwrap(),
        r#"{"n":1,"u":9223372036854775808,"f":1.0,"b":true,"s":"a","x":"{\"k\":[1]}","o":null}"#
    );
}

#[test]
fn a_later_key_or_type_that_does_not_fit_names_its_line() {
    let small = |format| ReadOptions { chunk_rows: 2, ..options(format) };
    for (line, format, message) in [
        (
            r#"{"a":1,"new":2}"#,
            Format::Csv,
            "-:3: column `new` is new, but the rows before have set the columns",
        ),
        (
            r#"{"a":"x"}"#,
            Format::Parquet,
            "-:3: column `a` is a string, but the rows before hold integers there",
        ),
        (
            r#"{"a":0.5}"#,
            Format::Parquet,
            "-:3: column `a` is a number, but the rows before hold integers there",
        ),
        (
            r#"{"b":7}"#,
            Format::Parquet,
            "-:3: column `b` is a number, but the rows before hold strings there",
        ),
    ] {
        let jsonl = format!("{{\"a\":1,\"b\":null}}\n{{\"a\":2}}\n{line}\n");
        let stream = Box::new(Cursor::new(jsonl.clone().into_bytes()));
        let mut reader = Reader::from_stream(stream, &small(InputFormat::Jsonl)).unwrap();
        let error = write(&mut reader, format, Vec::new(), |_| Vec::new()).unwrap_err();
        assert_eq!(error.to_string(), message);
        assert!(error.hint().unwrap().contains("jsonl"));
        // JSONL itself takes everything.
        let copy = convert(jsonl.as_bytes(), InputFormat::Jsonl, Format::Jsonl).unwrap();
        assert_eq!(String::from_utf8(copy).unwrap(), jsonl);
    }
}

#[test]
fn tables_without_rows_have_their_columns() {
    let header = written(b"id,text\n", Format::Csv);
    assert_eq!(header, "id,text,label,probabilities.negative,probabilities.positive,reason\n");
    assert_eq!(written(b"", Format::Csv), header.strip_prefix("id,text,").unwrap());
    assert_eq!(written(b"id,text\n", Format::Jsonl), "");
    assert_eq!(written(b"id,text\n", Format::Json), "[]\n");
    let mut reader = read(b"id,text\n", &ReadOptions::default(), None).unwrap();
    let parquet = write(&mut reader, Format::Parquet, new_fields(), new_columns).unwrap();
    let reader = read(&parquet, &ReadOptions::default(), None).unwrap();
    assert_eq!(reader.columns(), ["id", "text", "label", "probabilities", "reason"]);
}

#[test]
fn a_table_may_have_new_columns_only() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("prices.csv");
    let schema = Arc::new(Schema::new(vec![Field::new("price", DataType::Float64, true)]));
    let mut writer = Writer::new(Sink::file(&path).unwrap(), Format::Csv, Layout::None, schema);
    writer.write(vec![Arc::new(Float64Array::from(vec![Some(1.5), None]))]).unwrap();
    writer.write(vec![Arc::new(Float64Array::from(vec![f64::NAN, 1e300]))]).unwrap();
    writer.finish().unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "price\n1.5\n\"\"\n\"\"\n1.0e300\n");
}

#[test]
fn a_target_is_untouched_until_the_table_is_whole() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("out.csv");
    std::fs::write(&path, "before").unwrap();
    let mut reader = read(b"text\na\nb,c\n", &ReadOptions::default(), None).unwrap();
    let fields = Arc::new(Schema::new(new_fields()));
    let sink = Sink::file(&path).unwrap();
    let mut writer = Writer::new(sink, Format::Csv, reader.layout(), fields);
    let chunk = reader.next_chunk().unwrap().unwrap();
    writer.write_beside(&chunk, new_columns(&chunk)).unwrap();
    assert_eq!(listing(dir.path()).len(), 2, "a temporary file lies beside the target");
    assert!(reader.next_chunk().is_err());
    drop(writer);
    assert_eq!(listing(dir.path()), ["out.csv"]);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "before");
}

#[test]
fn columns_of_another_length_are_refused() {
    let mut reader = read(b"text\na\nb\n", &ReadOptions::default(), None).unwrap();
    let one_row = |_: &Chunk| vec![Arc::new(StringArray::from(vec!["x"])) as ArrayRef];
    let fields = vec![Field::new("x", DataType::Utf8, false)];
    assert!(write(&mut reader, Format::Jsonl, fields, one_row).is_err());
}

#[cfg(unix)]
#[test]
fn files_have_the_usual_permissions_and_keep_their_own() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let mode =
        |name: &str| std::fs::metadata(dir.path().join(name)).unwrap().permissions().mode() & 0o777;
    let copy = |name: &str| {
        let sink = Sink::file(&dir.path().join(name)).unwrap();
        Writer::new(sink, Format::Json, Layout::None, Arc::new(Schema::empty())).finish().unwrap();
    };
    std::fs::write(dir.path().join("usual"), "").unwrap();
    copy("new");
    assert_eq!(mode("new"), mode("usual"));
    let owner_only = std::fs::Permissions::from_mode(0o640);
    std::fs::set_permissions(dir.path().join("usual"), owner_only).unwrap();
    std::os::unix::fs::symlink("usual", dir.path().join("link")).unwrap();
    copy("link");
    assert_eq!(mode("usual"), 0o640);
    assert_eq!(std::fs::read_to_string(dir.path().join("usual")).unwrap(), "[]\n");
    assert!(std::fs::symlink_metadata(dir.path().join("link")).unwrap().is_symlink());
}

#[cfg(unix)]
#[test]
fn a_device_is_written_to_and_not_replaced() {
    use std::os::unix::fs::FileTypeExt;
    let sink = Sink::file(std::path::Path::new("/dev/null")).unwrap();
    Writer::new(sink, Format::Json, Layout::None, Arc::new(Schema::empty())).finish().unwrap();
    assert!(std::fs::metadata("/dev/null").unwrap().file_type().is_char_device());
}

/// A pipe whose reader has gone.
struct Closed;

impl Write for Closed {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_broken_pipe_can_be_told_from_other_failures() {
    for format in [Format::Csv, Format::Json, Format::Jsonl, Format::Parquet] {
        let mut reader = read(CSV, &ReadOptions::default(), None).unwrap();
        let fields = Arc::new(Schema::new(new_fields()));
        let sink = Sink::stream(Box::new(Closed));
        let mut writer = Writer::new(sink, format, reader.layout(), fields);
        let chunk = reader.next_chunk().unwrap().unwrap();
        let result = writer.write_beside(&chunk, new_columns(&chunk));
        let error = result.and_then(|()| writer.finish()).unwrap_err();
        assert!(error.is_broken_pipe(), "{format:?}: {error}");
    }
}

/// A stream that shares what was written to it.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_stream_has_each_chunk_as_soon_as_it_is_written() {
    for (format, expected) in [(Format::Csv, "text\na\n"), (Format::Jsonl, "{\"text\":\"a\"}\n")] {
        let mut reader = read(b"text\na\n", &ReadOptions::default(), None).unwrap();
        let stream = Shared::default();
        let sink = Sink::stream(Box::new(stream.clone()));
        let mut writer = Writer::new(sink, format, reader.layout(), Arc::new(Schema::empty()));
        let chunk = reader.next_chunk().unwrap().unwrap();
        writer.write_beside(&chunk, Vec::new()).unwrap();
        assert_eq!(String::from_utf8(stream.0.lock().unwrap().clone()).unwrap(), expected);
    }
}
