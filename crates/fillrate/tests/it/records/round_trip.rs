//! What is read is what is written, for any table.

use fillrate::records::{Chunk, Format, InputFormat, ReadOptions, Rows};
use proptest::prelude::*;
use serde_json::{Map, Value};

use super::{Reader, chunks, convert, options};

/// Cells with everything that CSV has to quote.
fn cell() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z0-9 ]{0,8}", "[,\"\r\n'é€😀\t]{0,6}", Just("001".into()), Just(String::new())]
}

fn csv_of(rows: &[Vec<String>]) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows {
        writer.write_record(row).unwrap();
    }
    writer.into_inner().unwrap()
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec(("[a-z]{1,3}", inner), 0..4)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

fn json_rows() -> impl Strategy<Value = Vec<Map<String, Value>>> {
    let row = prop::collection::vec(("[a-z\"é]{0,4}", json_value()), 0..5);
    prop::collection::vec(row.prop_map(|pairs| pairs.into_iter().collect()), 0..6)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn csv_comes_back_byte_for_byte(
        cells in (1_usize..5).prop_flat_map(|width| {
            prop::collection::vec(prop::collection::vec(cell(), width), 0..8)
        }),
    ) {
        let header = (0..cells.first().map_or(1, Vec::len)).map(|c| format!("c{c}")).collect();
        let bytes = csv_of(&[vec![header], cells].concat());
        prop_assert_eq!(convert(&bytes, InputFormat::Csv, Format::Csv).unwrap(), bytes);
    }

    #[test]
    fn jsonl_comes_back_byte_for_byte(rows in json_rows()) {
        let lines = rows.iter().map(|row| format!("{}\n", Value::Object(row.clone())));
        let bytes = lines.collect::<String>().into_bytes();
        prop_assert_eq!(convert(&bytes, InputFormat::Jsonl, Format::Jsonl).unwrap(), bytes.clone());
        let array = convert(&bytes, InputFormat::Jsonl, Format::Json).unwrap();
        let array: Vec<Map<String, Value>> = serde_json::from_slice(&array).unwrap();
        prop_assert_eq!(array, rows);
    }

    #[test]
    fn csv_survives_parquet(cells in prop::collection::vec((cell(), cell()), 0..8)) {
        let rows = cells.into_iter().map(|(a, b)| vec![a, b]);
        let rows: Vec<Vec<String>> = std::iter::once(vec!["a".into(), "b".into()]).chain(rows).collect();
        let bytes = csv_of(&rows);
        let parquet = convert(&bytes, InputFormat::Csv, Format::Parquet).unwrap();
        prop_assert_eq!(convert(&parquet, InputFormat::Parquet, Format::Csv).unwrap(), bytes);
    }

    #[test]
    fn no_bytes_make_a_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for format in [InputFormat::Csv, InputFormat::Jsonl, InputFormat::Parquet] {
            let stream = Box::new(std::io::Cursor::new(bytes.clone()));
            if let Ok(mut reader) = Reader::from_stream(stream, &options(format)) {
                let _ = chunks(&mut reader);
            }
        }
    }
}

#[test]
fn chunks_are_bounded_and_in_order() {
    let rows = 10_000;
    let header = vec!["id".to_owned(), "text".to_owned()];
    let table = (0..rows).map(|row| vec![row.to_string(), format!("text {row}")]);
    let csv = csv_of(&std::iter::once(header).chain(table).collect::<Vec<_>>());
    let jsonl = convert(&csv, InputFormat::Csv, Format::Jsonl).unwrap();
    let parquet = convert(&csv, InputFormat::Csv, Format::Parquet).unwrap();
    for (bytes, first_line) in [(csv, 2), (jsonl, 1), (parquet, 1)] {
        let small = ReadOptions { chunk_rows: 64, chunk_bytes: 400, ..ReadOptions::default() };
        let mut reader = super::read(&bytes, &small, None).unwrap();
        let mut next = 0;
        while let Some(chunk) = reader.next_chunk().unwrap() {
            assert!(chunk.len() <= 64 && chunk_bytes(&chunk) < 900, "a chunk is bounded");
            for (text, line) in chunk.texts().iter().zip(chunk.lines()) {
                assert_eq!(*text, format!("text {next}"));
                assert_eq!(*line, next + first_line);
                next += 1;
            }
        }
        assert_eq!(next, rows);
    }
}

fn chunk_bytes(chunk: &Chunk) -> usize {
    match chunk.rows() {
        Rows::Table(_) => chunk.texts().iter().map(|text| text.len()).sum(),
        Rows::Objects(objects) => {
            objects.iter().map(|object| Value::Object(object.clone()).to_string().len()).sum()
        }
    }
}
