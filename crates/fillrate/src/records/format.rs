//! The formats of files, and how a file's name tells them.

use std::path::Path;

/// What a table is read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum InputFormat {
    /// Comma-separated values with a header (RFC 4180), in UTF-8.
    Csv,
    /// One JSON object per line, in UTF-8.
    Jsonl,
    /// Apache Parquet.
    Parquet,
}

impl InputFormat {
    /// The format that the extension of `path` names: `csv`, `jsonl`, `ndjson` or `parquet`.
    #[must_use]
    pub fn from_path(path: &Path) -> Option<Self> {
        match extension(path)?.as_str() {
            "csv" => Some(Self::Csv),
            "jsonl" | "ndjson" => Some(Self::Jsonl),
            "parquet" | "pq" => Some(Self::Parquet),
            _ => None,
        }
    }
}

/// What a table is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Comma-separated values with a header (RFC 4180).
    Csv,
    /// One JSON array of objects.
    Json,
    /// One JSON object per line.
    Jsonl,
    /// Apache Parquet, compressed with Snappy.
    Parquet,
}

impl Format {
    /// The format that the extension of `path` names: `csv`, `json`, `jsonl`, `ndjson` or
    /// `parquet`.
    #[must_use]
    pub fn from_path(path: &Path) -> Option<Self> {
        match extension(path)?.as_str() {
            "csv" => Some(Self::Csv),
            "json" => Some(Self::Json),
            "jsonl" | "ndjson" => Some(Self::Jsonl),
            "parquet" | "pq" => Some(Self::Parquet),
            _ => None,
        }
    }
}

fn extension(path: &Path) -> Option<String> {
    Some(path.extension()?.to_str()?.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extensions_are_read_without_regard_to_case() {
        assert_eq!(InputFormat::from_path(Path::new("a/B.CSV")), Some(InputFormat::Csv));
        assert_eq!(InputFormat::from_path(Path::new("x.ndjson")), Some(InputFormat::Jsonl));
        assert_eq!(InputFormat::from_path(Path::new("x.json")), None);
        assert_eq!(Format::from_path(Path::new("x.json")), Some(Format::Json));
        assert_eq!(Format::from_path(Path::new("parquet")), None);
    }
}
