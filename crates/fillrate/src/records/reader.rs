//! The reader: one face for every format, and the policy for malformed rows.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use arrow_schema::SchemaRef;

use super::chunk::{Chunk, Rows};
use super::csv_records::CsvRecords;
use super::faults::{Faults, OnError, Skipped, fill};
use super::format::InputFormat;
use super::jsonl_records::JsonlRecords;
use super::parquet_records::ParquetRecords;
use super::source::{self, Source};
use super::text_column;
use crate::{Error, Result};

/// How to read a table.
#[derive(Clone, Debug)]
pub struct ReadOptions {
    /// The format; `None` is the one the file's extension or, on a stream, its first bytes tell.
    pub format: Option<InputFormat>,
    /// What to do with a malformed row.
    pub on_error: OnError,
    /// The most rows of a chunk, at least 1.
    pub chunk_rows: usize,
    /// A chunk ends with the row that reaches this size, at most 1 GiB. In Parquet it bounds the
    /// mean: the chunk's rows are counted out by the size of the average row.
    pub chunk_bytes: usize,
    /// The longest row of CSV and JSONL, at most 1 GiB; a longer one ends the reading, because a
    /// quote that is never closed would take in the rest of the file.
    pub row_bytes_max: usize,
    /// The most bytes of Parquet taken from a stream into a temporary file.
    pub spool_bytes_max: u64,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self {
            format: None,
            on_error: OnError::Fail,
            chunk_rows: 1024,
            chunk_bytes: 8 << 20,
            row_bytes_max: 64 << 20,
            spool_bytes_max: 8 << 30,
        }
    }
}

impl ReadOptions {
    /// The options with sizes that keep a chunk's string offsets within 31 bits.
    fn bounded(&self) -> Self {
        const GIB: usize = 1 << 30;
        Self {
            chunk_rows: self.chunk_rows.max(1),
            chunk_bytes: self.chunk_bytes.min(GIB - 1),
            row_bytes_max: self.row_bytes_max.min(GIB - 1),
            ..self.clone()
        }
    }
}

/// What is known of an input's columns before its rows are read.
#[derive(Clone, Debug)]
pub enum Layout {
    /// No input: the table has new columns only.
    None,
    /// Columns with one type each (CSV, Parquet).
    Table(SchemaRef),
    /// Objects with keys of their own (JSONL).
    Objects,
}

/// A table read as a stream of [`Chunk`]s.
#[derive(Debug)]
pub struct Reader {
    path: Arc<Path>,
    options: ReadOptions,
    parser: Parser,
    peeked: Option<Chunk>,
    text_column: Option<Arc<str>>,
    faults: Faults,
}

impl Reader {
    /// Opens a file.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, its format cannot be told, its header is malformed, or it is
    /// not a whole Parquet file.
    pub fn open(path: &Path, options: &ReadOptions) -> Result<Self> {
        let io_error = |source| Error::Io { path: path.to_owned(), source };
        let format = options.format.or_else(|| InputFormat::from_path(path));
        let format = format.ok_or_else(|| unknown_format(path))?;
        let file = File::open(path).map_err(io_error)?;
        let metadata = file.metadata().map_err(io_error)?;
        let shared: Arc<Path> = Arc::from(path);
        if format == InputFormat::Parquet && metadata.is_file() && metadata.len() > 0 {
            let parser = Parser::Parquet(ParquetRecords::open(&shared, file, &options.bounded())?);
            return Self::new(shared, options.bounded(), parser);
        }
        Self::from_source(shared, source::look(path, Box::new(file))?, format, options)
    }

    /// Reads standard input or another stream; its name in messages is `-`.
    ///
    /// # Errors
    ///
    /// As for [`Self::open`].
    pub fn from_stream(stream: Box<dyn Read + Send>, options: &ReadOptions) -> Result<Self> {
        let path: Arc<Path> = Arc::from(Path::new("-"));
        let source = source::look(&path, stream)?;
        let format = options.format.unwrap_or(source.looks_like);
        Self::from_source(path, source, format, options)
    }

    fn from_source(
        path: Arc<Path>,
        mut source: Source,
        format: InputFormat,
        options: &ReadOptions,
    ) -> Result<Self> {
        let options = options.bounded();
        let row_bytes_max = options.row_bytes_max;
        let parser = match format {
            _ if source.is_empty => Parser::Empty,
            InputFormat::Csv => Parser::Csv(CsvRecords::open(&path, source.bytes, row_bytes_max)?),
            InputFormat::Jsonl => {
                Parser::Jsonl(JsonlRecords::new(&path, source.bytes, row_bytes_max))
            }
            InputFormat::Parquet => {
                let file = source::spool(&path, &mut source.bytes, options.spool_bytes_max)?;
                Parser::Parquet(ParquetRecords::open(&path, file, &options)?)
            }
        };
        Self::new(path, options, parser)
    }

    fn new(path: Arc<Path>, options: ReadOptions, parser: Parser) -> Result<Self> {
        let faults = Faults::new(&path, options.on_error);
        let mut reader = Self { path, options, parser, peeked: None, text_column: None, faults };
        if matches!(reader.parser, Parser::Jsonl(_)) {
            // Only the rows tell the columns.
            reader.peeked = reader.parse_chunk()?;
        }
        Ok(reader)
    }

    /// What is known of the columns: a [`super::Writer`] keeps them.
    #[must_use]
    pub fn layout(&self) -> Layout {
        match &self.parser {
            Parser::Empty => Layout::None,
            Parser::Csv(csv) => Layout::Table(Arc::clone(csv.schema())),
            Parser::Parquet(parquet) => Layout::Table(Arc::clone(parquet.schema())),
            Parser::Jsonl(_) => Layout::Objects,
        }
    }

    /// The names of the columns, in their order; in JSONL those of the first chunk's objects.
    #[must_use]
    pub fn columns(&self) -> Vec<&str> {
        match (&self.parser, &self.peeked) {
            (Parser::Csv(csv), _) => names(csv.schema()),
            (Parser::Parquet(parquet), _) => names(parquet.schema()),
            (_, Some(Chunk { rows: Rows::Objects(objects), .. })) => {
                super::objects::keys(objects).into_iter().collect()
            }
            _ => Vec::new(),
        }
    }

    /// Chooses the column that [`Chunk::texts`] returns: `name` or, without it, the first of
    /// `text`, `title` and `headline` that exists (by exact case, then by any). Its name is
    /// returned. From now on a row whose text is missing, null or not a string is malformed. Call
    /// it before the first chunk is read.
    ///
    /// # Errors
    ///
    /// If no such column exists, or it holds no text; the message lists the columns there are.
    pub fn select_text(&mut self, name: Option<&str>) -> Result<String> {
        let columns = self.columns();
        let chosen = match text_column::choose(name, &columns) {
            Some(column) => column.to_owned(),
            // An input without a row has nothing to choose from.
            None if columns.is_empty() => name.unwrap_or("text").to_owned(),
            None => return Err(self.no_text_column(name, &columns)),
        };
        if let Layout::Table(schema) = self.layout()
            && let Ok(field) = schema.field_with_name(&chosen)
            && !text_column::is_text(field.data_type())
        {
            let message = format!(
                "column `{chosen}` holds {}, not text; the columns with text are: {}",
                field.data_type(),
                text_column::text_columns(&schema).join(", ")
            );
            return Err(self.input_error(message));
        }
        self.text_column = Some(Arc::from(chosen.as_str()));
        Ok(chosen)
    }

    fn no_text_column(&self, name: Option<&str>, columns: &[&str]) -> Error {
        let wanted = match name {
            Some(name) => format!("no column `{name}`"),
            None => "no column `text`, `title` or `headline`".into(),
        };
        self.input_error(format!("{wanted}; the columns are: {}", columns.join(", ")))
    }

    fn input_error(&self, message: String) -> Error {
        let hint = Some("name the column with --text-column NAME".into());
        Error::Input { path: self.path.to_path_buf(), message, hint }
    }

    /// The next rows, at least one; `None` at the end. Rows before a malformed one are returned
    /// before its error is.
    ///
    /// # Errors
    ///
    /// If the input cannot be read, or a row is malformed and [`OnError::Fail`] holds. There is
    /// nothing more after an error.
    pub fn next_chunk(&mut self) -> Result<Option<Chunk>> {
        loop {
            // A chunk that was looked at ahead comes before the error that ended it.
            let peeked = self.peeked.take();
            if let Some(error) = self.faults.pending.take_if(|_| peeked.is_none()) {
                self.parser = Parser::Empty;
                return Err(error);
            }
            let chunk = if peeked.is_some() { peeked } else { self.parse_chunk()? };
            let Some(mut chunk) = chunk else { return Ok(None) };
            if let Some(column) = &self.text_column {
                chunk.text_column = Some(Arc::clone(column));
                self.faults.take_out_rows_without_text(&mut chunk)?;
            }
            if !chunk.is_empty() {
                return Ok(Some(chunk));
            }
        }
    }

    /// Treats a row that a later step found wanting as malformed: under [`OnError::Fail`] it is
    /// returned as an error, under [`OnError::Skip`] it is counted and the caller drops it.
    ///
    /// # Errors
    ///
    /// The row, under [`OnError::Fail`].
    pub fn report(&mut self, line: u64, message: String) -> Result<()> {
        self.faults.report(line, message)
    }

    /// The file that is read, or `-` for a stream.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Treats an error about one row as [`Self::report`] treats a malformed row.
    ///
    /// # Errors
    ///
    /// The same error, under [`OnError::Fail`].
    pub(crate) fn report_error(&mut self, error: Error) -> Result<()> {
        self.faults.report_error(error)
    }

    /// The number of rows that the input says it has; only Parquet says it.
    #[must_use]
    pub fn rows_total(&self) -> Option<u64> {
        match &self.parser {
            Parser::Parquet(parquet) => Some(parquet.rows_total()),
            Parser::Empty | Parser::Csv(_) | Parser::Jsonl(_) => None,
        }
    }

    /// The rows dropped so far under [`OnError::Skip`].
    #[must_use]
    pub fn skipped(&self) -> &Skipped {
        &self.faults.skipped
    }

    fn parse_chunk(&mut self) -> Result<Option<Chunk>> {
        let (lines, rows) = match &mut self.parser {
            Parser::Empty => return Ok(None),
            Parser::Csv(csv) => {
                let (lines, rows) = fill(csv, &self.options, &mut self.faults)?;
                (lines, Rows::Table(csv.table(&rows)?))
            }
            Parser::Jsonl(jsonl) => {
                let (lines, rows) = fill(jsonl, &self.options, &mut self.faults)?;
                (lines, Rows::Objects(rows))
            }
            Parser::Parquet(parquet) => match parquet.next_batch()? {
                Some((lines, batch)) => (lines, Rows::Table(batch)),
                None => return Ok(None),
            },
        };
        Ok((!lines.is_empty()).then(|| Chunk::new(&self.path, lines, rows)))
    }
}

enum Parser {
    Empty,
    Csv(CsvRecords),
    Jsonl(JsonlRecords),
    Parquet(ParquetRecords),
}

impl std::fmt::Debug for Parser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Empty => "Empty",
            Self::Csv(_) => "Csv",
            Self::Jsonl(_) => "Jsonl",
            Self::Parquet(_) => "Parquet",
        })
    }
}

fn names(schema: &SchemaRef) -> Vec<&str> {
    schema.fields().iter().map(|field| field.name().as_str()).collect()
}

fn unknown_format(path: &Path) -> Error {
    let is_json = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("json"));
    let hint = if is_json {
        "one object per line is --input-format jsonl; turn an array into lines: jq -c '.[]'"
    } else {
        "name it: --input-format csv, jsonl or parquet"
    };
    let message = "the file's name does not tell its format".into();
    Error::Input { path: path.to_owned(), message, hint: Some(hint.into()) }
}
