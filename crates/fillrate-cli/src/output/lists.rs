//! Short lists of records, which fit in memory and need no Arrow.

use std::io::IsTerminal;

use serde::Serialize;
use serde_json::Value;

use super::Rendered;
use crate::failure::hinted;
use crate::settings::{Format, Settings};

/// The format of a list: what was asked for, else a table on a terminal and JSONL in a pipe.
///
/// # Errors
///
/// If Parquet was asked for.
pub(crate) fn list_format(settings: &Settings) -> anyhow::Result<Format> {
    match settings.format {
        Some(Format::Parquet) => {
            Err(hinted("a list has no parquet format", "use `--format json`, `jsonl` or `csv`"))
        }
        Some(format) => Ok(format),
        None if settings.output.is_none() && std::io::stdout().is_terminal() => Ok(Format::Table),
        None => Ok(Format::Jsonl),
    }
}

impl Rendered {
    /// Records as JSON, JSONL or CSV. In CSV an absent value is empty, a list of texts is joined by
    /// spaces, and anything else that CSV has no notation for is JSON.
    ///
    /// # Errors
    ///
    /// If a record cannot be JSON.
    pub(crate) fn list(records: &[impl Serialize], format: Format) -> anyhow::Result<Self> {
        match format {
            Format::Json => Self::json(&records),
            Format::Csv => csv(records),
            Format::Jsonl | Format::Table | Format::Parquet => {
                let lines: Vec<String> =
                    records.iter().map(serde_json::to_string).collect::<Result<_, _>>()?;
                Ok(if lines.is_empty() {
                    Self(String::new())
                } else {
                    Self::text(lines.join("\n"))
                })
            }
        }
    }
}

fn csv(records: &[impl Serialize]) -> anyhow::Result<Rendered> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for (i, record) in records.iter().enumerate() {
        let Value::Object(record) = serde_json::to_value(record)? else {
            anyhow::bail!("a record is no object");
        };
        if i == 0 {
            writer.write_record(record.keys())?;
        }
        writer.write_record(record.values().map(cell))?;
    }
    let text = String::from_utf8(writer.into_inner()?)?;
    Ok(Rendered(text))
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(values) if values.iter().all(Value::is_string) => {
            values.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" ")
        }
        value => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_format_holds_the_same_records() {
        let records = [
            json!({"name": "a, b", "size": null, "tags": ["x", "y"]}),
            json!({"name": "\"c\"", "size": 3, "tags": []}),
        ];
        let text = |format| Rendered::list(&records, format).unwrap().0;
        assert_eq!(text(Format::Csv), "name,size,tags\n\"a, b\",,x y\n\"\"\"c\"\"\",3,\n");
        assert_eq!(text(Format::Jsonl).lines().count(), 2);
        assert_eq!(serde_json::from_str::<Value>(&text(Format::Json)).unwrap(), json!(records));
        assert_eq!(Rendered::list(&records[..0], Format::Jsonl).unwrap().0, "");
    }
}
