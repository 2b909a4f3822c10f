//! Every kind of bad input has a defined answer.

use std::io::Cursor;
use std::sync::Arc;

use arrow_array::{
    ArrayRef, DictionaryArray, Int64Array, LargeStringArray, RecordBatch, StringArray,
    StringViewArray, types::Int32Type,
};
use fillrate::records::{Format, InputFormat, ReadOptions, Reader};

use super::{
    chunks, convert, csv_texts, error_text, is_row, jsonl_texts, options, pairs, parquet_bytes,
    read, skipping, texts,
};

/// The texts that are left and the messages of the rows that are not.
fn skip(bytes: &[u8], format: InputFormat) -> (Vec<String>, Vec<String>) {
    let mut reader = read(bytes, &skipping(format), None).unwrap();
    let kept = texts(&mut reader).unwrap().into_iter().map(|(_, text)| text).collect();
    let skipped = reader.skipped();
    assert_eq!(skipped.count, skipped.first.len() as u64);
    assert!(skipped.first.iter().all(is_row));
    (kept, skipped.first.iter().map(ToString::to_string).collect())
}

#[test]
fn a_bom_and_crlf_are_no_part_of_the_text() {
    let expected = pairs(&[(2, "a"), (3, "b")]);
    assert_eq!(csv_texts(b"\xEF\xBB\xBFtext,id\r\na,1\r\nb,2\r\n").unwrap(), expected);
    let jsonl = b"\xEF\xBB\xBF\r\n{\"text\":\"a\"}\r\n{\"text\":\"b\"}";
    assert_eq!(jsonl_texts(jsonl).unwrap(), expected);
}

#[test]
fn quoted_newlines_and_blank_lines_keep_the_line_numbers_right() {
    let csv = b"id,text\n1,\"two\nlines\"\n\n\r\n2,b\n";
    assert_eq!(csv_texts(csv).unwrap(), pairs(&[(2, "two\nlines"), (6, "b")]));
    let jsonl = b"\n{\"text\":\"a\"}\n\n  \n{\"text\":\"b\"}\n";
    assert_eq!(jsonl_texts(jsonl).unwrap(), pairs(&[(2, "a"), (5, "b")]));
}

#[test]
fn no_rows_is_a_success_without_records() {
    assert!(csv_texts(b"").unwrap().is_empty());
    assert!(csv_texts(b"id,text").unwrap().is_empty());
    assert!(csv_texts(b"id,text\n\n").unwrap().is_empty());
    assert!(jsonl_texts(b"").unwrap().is_empty());
    assert!(jsonl_texts(b"\n\n").unwrap().is_empty());
    assert!(
        texts(&mut read(b"", &options(InputFormat::Parquet), None).unwrap()).unwrap().is_empty()
    );
    let empty = RecordBatch::try_from_iter([("text", strings(&[]))]).unwrap();
    let mut reader = read(&parquet_bytes(&empty), &ReadOptions::default(), None).unwrap();
    assert!(texts(&mut reader).unwrap().is_empty());
}

#[test]
fn broken_utf8_names_the_line_and_the_column() {
    let csv = b"id,text\n1,a\n2,b\xFFc\n3,d\n";
    assert_eq!(error_text(csv_texts(csv)), "-:3: column `text` is not valid UTF-8");
    let (kept, skipped) = skip(csv, InputFormat::Csv);
    assert_eq!((kept.len(), skipped.len()), (2, 1));
    // Two halves of a character in neighbouring cells are not a character.
    let halves = b"a,text\n\xC3,\xA9\n";
    assert_eq!(error_text(csv_texts(halves)), "-:2: column `a` is not valid UTF-8");
    let jsonl = b"{\"text\":\"a\"}\n{\"text\":\"\xFF\"}\n";
    assert_eq!(error_text(jsonl_texts(jsonl)), "-:2: not valid UTF-8 (byte 10)");
    assert_eq!(skip(jsonl, InputFormat::Jsonl).0, ["a"]);
}

#[test]
fn utf16_and_compressed_files_are_named_for_what_they_are() {
    let error = csv_texts(b"\xFF\xFEt\0e\0x\0t\0").unwrap_err();
    assert_eq!(error.to_string(), "-: the text is UTF-16, not UTF-8");
    assert!(error.hint().unwrap().contains("iconv"));
    assert!(error_text(csv_texts(b"\x1F\x8B\x08\x00")).contains("gzip"));
}

#[test]
fn nul_bytes_are_refused() {
    let csv = b"id,text\n1,a\0b\n2,c\n";
    assert_eq!(error_text(csv_texts(csv)), "-:2: column `text` contains a NUL byte");
    assert_eq!(skip(csv, InputFormat::Csv).0, ["c"]);
    assert!(error_text(jsonl_texts(b"{\"text\":\"a\0\"}\n")).starts_with("-:1: not valid JSON"));
    // An escaped NUL is a character like any other.
    assert_eq!(jsonl_texts(br#"{"text":"a\u0000"}"#).unwrap(), pairs(&[(1, "a\0")]));
}

#[test]
fn ragged_rows_are_counted_out() {
    let csv = b"id,text\n1\n2,b,c\n3,d\n";
    assert_eq!(error_text(csv_texts(csv)), "-:2: 1 cell where the header has 2");
    let (kept, skipped) = skip(csv, InputFormat::Csv);
    assert_eq!(kept, ["d"]);
    assert_eq!(
        skipped,
        ["-:2: 1 cell where the header has 2", "-:3: 3 cells where the header has 2"]
    );
}

#[test]
fn a_quote_that_is_never_closed_is_found_on_its_line() {
    let csv = b"id,text\n1,a\n2,\"b\n3,c\n";
    assert_eq!(error_text(csv_texts(csv)), "-:3: the quote that opens in this row is never closed");
    assert_eq!(skip(csv, InputFormat::Csv).0, ["a"]);
}

#[test]
fn an_endless_row_stops_the_reading_before_it_fills_the_memory() {
    let csv = [b"text\n\"".to_vec(), vec![b'x'; 300_000]].concat();
    let bounded = ReadOptions { row_bytes_max: 100_000, ..skipping(InputFormat::Csv) };
    let error = texts(&mut read(&csv, &bounded, None).unwrap()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "-:2: the row is longer than 100000 bytes; a quote may not be closed"
    );
    let jsonl = [b"{\"text\":\"".to_vec(), vec![b'x'; 300_000]].concat();
    let bounded = ReadOptions { row_bytes_max: 100_000, ..options(InputFormat::Jsonl) };
    let error = read(&jsonl, &bounded, None).unwrap_err();
    assert_eq!(error.to_string(), "-:1: the line is longer than 100000 bytes");
}

#[test]
fn text_after_a_closing_quote_is_malformed() {
    let csv = b"id,text\n1,\"he said \"buy\" twice\"\n2,\"say \"\"b\"\"\"\n";
    assert_eq!(
        error_text(csv_texts(csv)),
        "-:2: column `text` has text after its closing quote; inside quotes, write \" as \"\""
    );
    assert_eq!(skip(csv, InputFormat::Csv).0, ["say \"b\""]);
}

#[test]
fn header_names_must_differ() {
    let error = csv_texts(b"text,id,text\na,1,b\n").unwrap_err();
    assert_eq!(error.to_string(), "-:1: columns 1 and 3 are both named `text`; rename one");
    // No row can be skipped to mend a header.
    assert!(read(b"a\xFF,text\n1,b\n", &skipping(InputFormat::Csv), None).is_err());
}

#[test]
fn the_first_bad_row_is_the_one_that_is_named() {
    let bytes = b"{\"text\": \"a\"}\n{\"text\": 3}\n{\"text\": \"b\"\n";
    let mut reader = read(bytes, &options(InputFormat::Jsonl), None).unwrap();
    let chunk = reader.next_chunk().unwrap().unwrap();
    assert_eq!(chunk.texts(), ["a"]);
    let error = reader.next_chunk().unwrap_err().to_string();
    assert_eq!(error, "-:2: column `text` is a number, not text");
    assert!(reader.next_chunk().unwrap().is_none());

    let bytes = b"{\"text\": \"a\"}\n{\"text\": \"b\"\n";
    let mut reader = read(bytes, &options(InputFormat::Jsonl), None).unwrap();
    assert_eq!(reader.next_chunk().unwrap().unwrap().texts(), ["a"]);
    assert!(reader.next_chunk().unwrap_err().to_string().starts_with("-:2: truncated JSON"));
}

#[test]
fn jsonl_lines_must_be_whole_objects() {
    for (line, message) in [
        ("[1]", "-:2: the line holds an array, not an object"),
        ("7", "-:2: the line holds a number, not an object"),
        ("{\"text\":\"a", "-:2: truncated JSON: EOF while parsing a string (byte 10)"),
        ("{\"text\":1,}", "-:2: not valid JSON: trailing comma (byte 11)"),
        ("{} {}", "-:2: not valid JSON: trailing characters (byte 4)"),
    ] {
        let jsonl = format!("{{\"text\":\"first\"}}\n{line}\n{{\"text\":\"last\"}}\n");
        assert_eq!(error_text(jsonl_texts(jsonl.as_bytes())), message);
        let (kept, skipped) = skip(jsonl.as_bytes(), InputFormat::Jsonl);
        assert_eq!(kept, ["first", "last"]);
        assert_eq!(skipped, [message]);
    }
    let deep = "[".repeat(1000);
    assert!(error_text(jsonl_texts(deep.as_bytes())).contains("recursion limit"));
}

#[test]
fn a_text_of_another_type_is_malformed() {
    for (line, message) in [
        ("{\"text\":1}", "-:2: column `text` is a number, not text"),
        ("{\"text\":null}", "-:2: column `text` is null, not text"),
        ("{\"text\":[]}", "-:2: column `text` is an array, not text"),
        ("{\"other\":\"a\"}", "-:2: column `text` is missing"),
    ] {
        let jsonl = format!("{{\"text\":\"first\"}}\n{line}\n{{\"text\":\"last\"}}\n");
        assert_eq!(error_text(jsonl_texts(jsonl.as_bytes())), message);
        assert_eq!(skip(jsonl.as_bytes(), InputFormat::Jsonl).0, ["first", "last"]);
    }
}

#[test]
fn rows_before_a_malformed_one_come_first() {
    for bytes in [&b"text\na\nb\n1,2\n"[..], b"{\"text\":\"a\"}\n{\"text\":\"b\"}\n{\"text\":0}\n"]
    {
        let mut reader = read(bytes, &ReadOptions::default(), None).unwrap();
        assert_eq!(reader.next_chunk().unwrap().unwrap().texts(), ["a", "b"]);
        assert!(is_row(&reader.next_chunk().unwrap_err()));
        assert!(reader.next_chunk().unwrap().is_none());
    }
}

#[test]
fn the_report_of_skipped_rows_is_bounded() {
    let csv = format!("text,id\n{}a,1\n", "x\n".repeat(5000));
    let mut reader = read(csv.as_bytes(), &skipping(InputFormat::Csv), None).unwrap();
    assert_eq!(texts(&mut reader).unwrap(), pairs(&[(5002, "a")]));
    assert_eq!(reader.skipped().count, 5000);
    assert_eq!(reader.skipped().first.len(), 100);
}

#[test]
fn a_missing_text_column_lists_the_columns() {
    for bytes in [&b"date,body\n1,a\n"[..], b"{\"date\":1,\"body\":\"a\"}\n"] {
        let error = read(bytes, &ReadOptions::default(), None).unwrap_err();
        assert_eq!(
            error.to_string(),
            "-: no column `text`, `title` or `headline`; the columns are: date, body"
        );
        assert!(error.hint().unwrap().contains("--text-column"));
        let error = read(bytes, &ReadOptions::default(), Some("Body")).unwrap_err();
        assert_eq!(error.to_string(), "-: no column `Body`; the columns are: date, body");
        assert!(read(bytes, &ReadOptions::default(), Some("body")).is_ok());
    }
}

fn strings(texts: &[Option<&str>]) -> ArrayRef {
    Arc::new(StringArray::from(texts.to_vec()))
}

#[test]
fn parquet_texts_may_have_any_string_type() {
    let texts_in = vec![Some("a"), Some("b"), Some("a")];
    let columns: [ArrayRef; 4] = [
        strings(&texts_in),
        Arc::new(LargeStringArray::from(texts_in.clone())),
        Arc::new(StringViewArray::from(texts_in.clone())),
        Arc::new(texts_in.iter().copied().collect::<DictionaryArray<Int32Type>>()),
    ];
    for column in columns {
        let data_type = column.data_type().clone();
        let batch = RecordBatch::try_from_iter([("text", column)]).unwrap();
        let bytes = parquet_bytes(&batch);
        let found = texts(&mut read(&bytes, &ReadOptions::default(), None).unwrap()).unwrap();
        assert_eq!(found, pairs(&[(1, "a"), (2, "b"), (3, "a")]), "{data_type}");
        let copy = convert(&bytes, InputFormat::Parquet, Format::Parquet).unwrap();
        assert_eq!(super::parquet_table(&copy), batch, "{data_type}");
    }
}

#[test]
fn a_parquet_column_without_texts_lists_those_with() {
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    let batch =
        RecordBatch::try_from_iter([("text", numbers), ("body", strings(&[Some("a")]))]).unwrap();
    let error = read(&parquet_bytes(&batch), &ReadOptions::default(), None).unwrap_err();
    assert_eq!(
        error.to_string(),
        "-: column `text` holds Int64, not text; the columns with text are: body"
    );
}

#[test]
fn a_null_text_in_parquet_is_malformed() {
    let column = strings(&[Some("a"), None, Some("c")]);
    let bytes = parquet_bytes(&RecordBatch::try_from_iter([("text", column)]).unwrap());
    let result = texts(&mut read(&bytes, &ReadOptions::default(), None).unwrap());
    assert_eq!(error_text(result), "-:2: column `text` is null");
    assert_eq!(skip(&bytes, InputFormat::Parquet).0, ["a", "c"]);
}

#[test]
fn damaged_parquet_is_an_error() {
    let batch = RecordBatch::try_from_iter([("text", strings(&[Some("a"); 100]))]).unwrap();
    let bytes = parquet_bytes(&batch);
    for cut in [1, 4, bytes.len() / 2, bytes.len() - 1] {
        let error = read(&bytes[..cut], &options(InputFormat::Parquet), None).unwrap_err();
        assert!(error.to_string().starts_with("-: not a whole Parquet file"), "{error}");
    }
    let not_parquet = read(b"text\na\n", &options(InputFormat::Parquet), None).unwrap_err();
    assert!(not_parquet.hint().unwrap().contains("--input-format"));
}

#[test]
fn parquet_on_a_stream_is_bounded() {
    let batch = RecordBatch::try_from_iter([("text", strings(&[Some("a"); 100]))]).unwrap();
    let bounded = ReadOptions { spool_bytes_max: 50, ..options(InputFormat::Parquet) };
    let error = read(&parquet_bytes(&batch), &bounded, None).unwrap_err();
    assert_eq!(error.to_string(), "-: more than 50 bytes of Parquet on a stream");
}

#[test]
fn ten_megabyte_texts_pass_in_chunks_of_their_own() {
    let text = "stocks rise ".repeat(900_000);
    let csv = format!("text,id\n{text},1\n{text},2\nshort,3\n");
    let jsonl =
        format!("{{\"text\":\"{text}\"}}\n{{\"text\":\"{text}\"}}\n{{\"text\":\"short\"}}\n");
    let parquet = parquet_bytes(
        &RecordBatch::try_from_iter([(
            "text",
            strings(&[Some(&text), Some(&text), Some("short")]),
        )])
        .unwrap(),
    );
    for bytes in [csv.as_bytes(), jsonl.as_bytes(), &parquet] {
        let mut reader = read(bytes, &ReadOptions::default(), None).unwrap();
        let chunks = chunks(&mut reader).unwrap();
        assert_eq!(chunks.iter().map(super::Chunk::len).sum::<usize>(), 3);
        assert!(chunks.len() >= 2, "a chunk ends at its byte budget");
        assert_eq!(chunks[0].texts()[0], text);
    }
}

#[test]
fn a_file_is_read_by_its_extension() {
    let dir = tempfile::tempdir().unwrap();
    let open = |name: &str, bytes: &[u8]| {
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        Reader::open(&path, &ReadOptions::default())
    };
    assert!(open("a.CSV", b"text\n{\n").is_ok());
    let error = open("a.txt", b"text\n").unwrap_err();
    assert!(error.hint().unwrap().contains("--input-format"));
    let error = open("a.json", b"[]").unwrap_err();
    assert!(error.hint().unwrap().contains("jq"));
    assert!(open("empty.parquet", b"").is_ok());
    let error = Reader::open(&dir.path().join("none.csv"), &ReadOptions::default()).unwrap_err();
    assert!(error.to_string().contains("none.csv: No such file"), "{error}");
    let error = Reader::open(dir.path(), &options(InputFormat::Csv)).unwrap_err();
    assert!(error.to_string().contains("directory"), "{error}");
}

#[test]
fn a_stream_is_read_by_its_first_bytes() {
    let first = |bytes: &[u8]| {
        let stream = Box::new(Cursor::new(bytes.to_vec()));
        Reader::from_stream(stream, &ReadOptions::default()).unwrap()
    };
    assert_eq!(first(b"{\"text\":\"a\"}\n").columns(), ["text"]);
    assert_eq!(first(b"id,text\n").columns(), ["id", "text"]);
    let batch = RecordBatch::try_from_iter([("body", strings(&[Some("a")]))]).unwrap();
    assert_eq!(first(&parquet_bytes(&batch)).columns(), ["body"]);
}
