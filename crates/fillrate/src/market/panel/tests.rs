//! Panels from every format, and every kind of bad row.

use std::sync::Arc;

use arrow_array::{
    ArrayRef, Date32Array, Decimal128Array, DictionaryArray, Float32Array, Float64Array,
    Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray, types::Int32Type,
};

use super::*;
use crate::DateFault;
use crate::records::{Format, InputFormat, OnError, ReadOptions, Sink, Writer};

const PRICES: &str = "\
symbol,date,open,high,low,close,volume,adj_close
A,2024-01-02,10,12,9,11,100,10.5
B,2024-01-02,20,22,19,21,200,21
A,2024-01-03,11,13,10,,0,11.5
B,2024-01-03,21,23,20,22,300,22
A,2024-01-04,12,14,11,13,120,12.5
";

fn reader(text: &str, format: InputFormat, on_error: OnError, chunk_rows: usize) -> Reader {
    let options =
        ReadOptions { format: Some(format), on_error, chunk_rows, ..ReadOptions::default() };
    Reader::from_stream(Box::new(std::io::Cursor::new(text.to_owned())), &options).unwrap()
}

fn csv(text: &str, options: &PanelOptions) -> Result<Panel> {
    Panel::read(&mut reader(text, InputFormat::Csv, OnError::Fail, 2), options)
}

/// The panel without the rows at fault, what was said of these, and the rows kept.
fn skipping(text: &str, options: &PanelOptions) -> (PanelTable, Vec<String>) {
    let mut reader = reader(text, InputFormat::Csv, OnError::Skip, 2);
    let table = PanelTable::read(&mut reader, options).unwrap();
    let said = reader.skipped().first.iter().map(ToString::to_string).collect();
    (table, said)
}

#[track_caller]
fn refuses(text: &str, options: &PanelOptions, message: &str, hint: &str) {
    let error = csv(text, options).unwrap_err();
    assert_eq!(error.to_string(), message);
    assert!(error.hint().unwrap().contains(hint), "{:?}", error.hint());
}

/// The values with NaN as `None`, which equals itself.
fn values(numbers: &[f64]) -> Vec<Option<f64>> {
    numbers.iter().map(|number| (!number.is_nan()).then_some(*number)).collect()
}

fn check_prices(panel: &Panel) {
    assert_eq!((panel.symbols(), panel.offsets()), (&["A".into(), "B".into()][..], &[0, 3, 5][..]));
    let a = panel.series(0);
    assert_eq!(values(a.column(Column::Close).unwrap()), [Some(11.0), None, Some(13.0)]);
    assert_eq!(a.column(Column::Volume), Some(&[100.0, 0.0, 120.0][..]));
    assert_eq!(a.dates()[2].to_string(), "2024-01-04");
    assert_eq!(panel.series(1).column(Column::AdjClose), Some(&[21.0, 22.0][..]));
    assert_eq!(panel.in_input_order(&[0, 1, 2, 3, 4]), [0, 3, 1, 4, 2]);
}

#[test]
fn every_format_gives_the_same_panel() {
    let all = PanelOptions { required: Column::ALL.to_vec(), ..PanelOptions::default() };
    check_prices(&csv(PRICES, &all).unwrap());
    let dir = tempfile::tempdir().unwrap();
    for (name, format) in [("p.jsonl", Format::Jsonl), ("p.parquet", Format::Parquet)] {
        let mut source = reader(PRICES, InputFormat::Csv, OnError::Fail, 1024);
        let path = dir.path().join(name);
        let none = Arc::new(arrow_schema::Schema::empty());
        let sink = Sink::file(&path).unwrap();
        let mut writer = Writer::new(sink, format, source.layout(), none);
        while let Some(chunk) = source.next_chunk().unwrap() {
            writer.write_beside(&chunk, Vec::new()).unwrap();
        }
        writer.finish().unwrap();
        let mut reader = Reader::open(&path, &ReadOptions::default()).unwrap();
        check_prices(&Panel::read(&mut reader, &all).unwrap());
    }
    let numbers = r#"{"symbol":"A","date":"2024-01-02","close":11}
{"symbol":"A","date":"2024-01-03","close":null}
{"symbol":"A","date":"2024-01-04"}
{"symbol":"A","date":"2024-01-05","close":"13.5"}"#;
    let mut jsonl = reader(numbers, InputFormat::Jsonl, OnError::Fail, 1024);
    let panel = Panel::read(&mut jsonl, &PanelOptions::default()).unwrap();
    let close = values(panel.column(Column::Close).unwrap());
    assert_eq!(close, [Some(11.0), None, None, Some(13.5)]);
}

#[test]
fn arrow_types_are_understood() {
    let symbols: DictionaryArray<Int32Type> = ["A", "A", "B"].into_iter().collect();
    let columns: [(&str, ArrayRef); 6] = [
        ("symbol", Arc::new(symbols)),
        ("date", Arc::new(Date32Array::from(vec![19_724, 19_725, 19_724]))),
        ("open", Arc::new(Float32Array::from(vec![Some(1.5), None, Some(2.5)]))),
        ("high", Arc::new(Int64Array::from(vec![3, 4, 5]))),
        ("low", Arc::new(StringArray::from(vec!["1", "", "1"]))),
        (
            "close",
            Arc::new(
                Decimal128Array::from(vec![225, 250, 275]).with_precision_and_scale(9, 2).unwrap(),
            ),
        ),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let panel =
        Panel::from_batches(std::slice::from_ref(&batch), &PanelOptions::default()).unwrap();
    assert_eq!(panel.dates()[0].to_string(), "2024-01-02");
    assert_eq!(values(panel.column(Column::Open).unwrap()), [Some(1.5), None, Some(2.5)]);
    assert_eq!(panel.column(Column::Close), Some(&[2.25, 2.5, 2.75][..]));
    assert_eq!(panel.column(Column::High), Some(&[3.0, 4.0, 5.0][..]));
    assert_eq!(values(panel.column(Column::Low).unwrap()), [Some(1.0), None, Some(1.0)]);
    // Rows are counted through the batches.
    let error = Panel::from_batches(&[batch.clone(), batch], &PanelOptions::default()).unwrap_err();
    let message = "-:4: symbol `A`: 2024-01-02 stands after 2024-01-03 of line 2";
    assert_eq!(error.to_string(), message);

    let micros = TimestampMicrosecondArray::from(vec![1_704_187_800_000_000]).with_timezone("UTC");
    let columns: [(&str, ArrayRef); 2] =
        [("date", Arc::new(micros)), ("close", Arc::new(Float64Array::from(vec![1.0])))];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let panel = Panel::from_batches(&[batch], &PanelOptions::default()).unwrap();
    assert_eq!(panel.date_text(panel.dates()[0]), "2024-01-02T09:30:00");
    let flags: ArrayRef = Arc::new(arrow_array::BooleanArray::from(vec![true]));
    let day: ArrayRef = Arc::new(StringArray::from(vec!["2024-01-02"]));
    let batch = RecordBatch::try_from_iter([("date", day), ("close", flags)]).unwrap();
    let error = Panel::from_batches(&[batch], &PanelOptions::default()).unwrap_err();
    assert_eq!(error.to_string(), "-:1: column `close` holds Boolean, not numbers");
    assert!(Panel::from_batches(&[], &PanelOptions::default()).unwrap().is_empty());
}

#[test]
fn columns_are_found_by_any_case_and_only_those_asked_for_are_read() {
    let text = "Date,Adj Close,Close,Volume\n2024-01-02,1,2,not looked at\n";
    let options = PanelOptions {
        optional: vec![Column::AdjClose],
        symbol: "acme".into(),
        ..PanelOptions::default()
    };
    let panel = csv(text, &options).unwrap();
    assert_eq!(panel.symbols(), ["acme"]);
    assert_eq!(panel.column(Column::AdjClose), Some(&[1.0][..]));
    assert_eq!(panel.column(Column::Volume), None);
    let missing = PanelOptions::only(&[Column::Close, Column::High]);
    let message = "-: no column `high`; the columns are: Date, Adj Close, Close, Volume";
    refuses(text, &missing, message, "`high` is needed");
    refuses("close\n1\n", &options, "-: no column `date`; the columns are: close", "date");
    refuses("close\n", &options, "-: no column `date`; the columns are: close", "date");
}

#[test]
fn dates_must_rise_unless_they_are_sorted() {
    let late =
        "symbol,date,close\nA,2024-01-05,1\nB,2024-01-02,5\nA,2024-01-03,2\nA,2024-01-04,3\n";
    let plain = PanelOptions::default();
    let message = "-:4: symbol `A`: 2024-01-03 stands after 2024-01-05 of line 2";
    refuses(late, &plain, message, "--sort");
    let sorted = PanelOptions { sort: true, ..PanelOptions::default() };
    let panel = csv(late, &sorted).unwrap();
    assert_eq!(panel.column(Column::Close), Some(&[2.0, 3.0, 1.0, 5.0][..]));
    assert_eq!(panel.in_input_order(&[2, 3, 1, 5]), [1, 5, 2, 3]);

    let twice = "symbol,date,close\nA,2024-01-04,1\nA,2024-01-03,2\nA,2024-01-04,3\n";
    let message = "-:4: symbol `A`: 2024-01-04 repeats 2024-01-04 of line 2";
    refuses(twice, &sorted, message, "--on-error skip");
    let error = csv(twice, &sorted).unwrap_err();
    assert!(matches!(error, Error::BarDate { fault: DateFault::Repeated, .. }));
    let (table, said) = skipping(twice, &sorted);
    assert_eq!(said, [message]);
    assert_eq!(table.panel.column(Column::Close), Some(&[2.0, 1.0][..]));
    assert_eq!(table.panel.in_input_order(&[2, 1]), [1, 2]);
    assert_eq!(table.chunks.iter().map(Chunk::len).sum::<usize>(), 2);
}

#[test]
fn bad_cells_name_row_and_column() {
    let options = PanelOptions::default();
    let row = |cells: &str| format!("symbol,date,high,low,close,volume\n{cells}\n");
    for (cells, message) in [
        (
            "A,2024-02-30,,,1,",
            "column `date` is `2024-02-30`: not an ISO 8601 date from 1678 to \
                               2261, such as 2024-01-31 or 2024-01-31T09:30:00",
        ),
        ("A,,,,1,", "column `date` is missing"),
        (",2024-01-02,,,1,", "column `symbol` is missing"),
        ("A,2024-01-02,,,\"1,5\",", "column `close` is `1,5`, not a number"),
        ("A,2024-01-02,,,inf,", "column `close` is not finite: inf"),
        ("A,2024-01-02,,,0,", "column `close` is not above 0, as a price must be: 0"),
        ("A,2024-01-02,,,-3,", "column `close` is not above 0, as a price must be: -3"),
        ("A,2024-01-02,,,1,-1", "column `volume` is below 0: -1"),
        ("A,2024-01-02,1,2,1,", "the high 1 is below the low 2"),
    ] {
        refuses(&row(cells), &options, &format!("-:2: {message}"), "--on-error skip");
        let text = format!("{}A,2024-01-05,2,1,2,7\n", row(cells));
        let (table, said) = skipping(&text, &options);
        assert_eq!(said, [format!("-:2: {message}")]);
        assert_eq!(table.panel.bars(), 1);
        assert_eq!(table.panel.in_input_order(&[9]), [9]);
        assert_eq!(table.chunks.iter().map(Chunk::len).sum::<usize>(), 1);
    }
    let any = PanelOptions { prices: Prices::Any, ..PanelOptions::default() };
    let panel = csv(&row("A,2024-04-20,,,-37.63,"), &any).unwrap();
    assert_eq!(panel.column(Column::Close), Some(&[-37.63][..]));
}

#[test]
fn a_symbol_is_a_name_and_spaces_around_it_are_not_in_it() {
    let options = PanelOptions::default();
    for (text, format) in [
        ("symbol,date,close\n ,2024-01-02,1\n", InputFormat::Csv),
        ("{\"symbol\":\"\",\"date\":\"2024-01-02\",\"close\":1}\n", InputFormat::Jsonl),
        ("{\"symbol\":\" \",\"date\":\"2024-01-02\",\"close\":1}\n", InputFormat::Jsonl),
    ] {
        let error = Panel::read(&mut reader(text, format, OnError::Fail, 2), &options).unwrap_err();
        assert!(error.to_string().ends_with(": column `symbol` is missing"), "{error}");
    }
    let text = "symbol,date,close\n A,2024-01-02,1\nA ,2024-01-03,2\nA,2024-01-04,3\n";
    assert_eq!(csv(text, &options).unwrap().symbols(), ["A"]);
    let text = "{\"symbol\":\"A \",\"date\":\" 2024-01-02\",\"close\":1}\n";
    let mut reader = reader(text, InputFormat::Jsonl, OnError::Fail, 2);
    assert_eq!(Panel::read(&mut reader, &options).unwrap().symbols(), ["A"]);
}

#[test]
fn empty_tables_are_empty_panels() {
    for text in ["", "symbol,date,close\n"] {
        let panel = csv(text, &PanelOptions::default()).unwrap();
        assert!(panel.is_empty() && panel.bars() == 0);
        assert_eq!(panel.column(Column::Close), Some(&[][..]));
        assert_eq!(panel.iter().len(), 0);
    }
    // A symbol of which every row is left out is not there.
    let text = "symbol,date,close\nA,2024-01-02,-1\nB,2024-01-02,1\n";
    let (table, _) = skipping(text, &PanelOptions::default());
    assert_eq!(table.panel.symbols(), ["B"]);
}

#[test]
fn a_clone_shares_the_columns() {
    let panel = csv(PRICES, &PanelOptions::default()).unwrap();
    let clone = panel.clone();
    let close = |panel: &Panel| panel.column(Column::Close).unwrap().as_ptr();
    assert_eq!(close(&panel), close(&clone));
    let in_thread = std::thread::spawn(move || clone.column(Column::Close).unwrap().len());
    assert_eq!(in_thread.join().unwrap(), 5);
}
