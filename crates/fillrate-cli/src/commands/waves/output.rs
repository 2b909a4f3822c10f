//! Where patterns go: records in a file or a pipe, or a page.

use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;

use anyhow::Context;
use fillrate::records::{self, Layout, Sink, Writer};
use fillrate::waves::{WaveColumns, WaveRecord};

use super::fingerprint::Fingerprint;
use super::page;
use super::resume;
use crate::commands::table::format_of_records;
use crate::failure::hinted;
use crate::output::{Printer, Rendered};
use crate::settings::{Format, Settings};

/// What a run writes to.
pub(super) struct Output<'a> {
    columns: WaveColumns,
    kind: Kind<'a>,
}

enum Kind<'a> {
    /// Records as they come.
    Records { writer: Box<Writer>, renamed: Option<(PathBuf, PathBuf)> },
    /// A page at the end.
    Page { records: Vec<WaveRecord>, settings: &'a Settings, printer: &'a Printer },
}

impl<'a> Output<'a> {
    /// Opens the output, and tells which symbols are in it already if a run like `resumed` is gone
    /// on with.
    ///
    /// # Errors
    ///
    /// If it cannot be written, or cannot be gone on with.
    pub(super) fn open(
        format: Format,
        columns: WaveColumns,
        resumed: Option<Fingerprint>,
        settings: &'a Settings,
        printer: &'a Printer,
    ) -> anyhow::Result<(Self, HashSet<String>)> {
        let none = HashSet::new();
        let Some(format) = format_of_records(format) else {
            if resumed.is_some() {
                return Err(no_resumption());
            }
            let kind = Kind::Page { records: Vec::new(), settings, printer };
            return Ok((Self { columns, kind }, none));
        };
        let (sink, renamed, done) = match (&settings.output, resumed) {
            (Some(path), Some(run)) if format == records::Format::Jsonl => {
                let resumed = resume::open(path, run)?;
                let names = (resumed.partial, path.clone());
                (Sink::stream(Box::new(resumed.file)), Some(names), resumed.done)
            }
            (_, Some(_)) => return Err(no_resumption()),
            (path, None) => (printer.sink(path.as_deref())?, None, none),
        };
        let writer = Box::new(Writer::new(sink, format, Layout::None, columns.schema()));
        Ok((Self { columns, kind: Kind::Records { writer, renamed } }, done))
    }

    /// Writes some patterns.
    ///
    /// # Errors
    ///
    /// If they cannot be written.
    pub(super) fn write(&mut self, new: &[WaveRecord]) -> anyhow::Result<()> {
        match &mut self.kind {
            Kind::Records { writer, .. } => {
                if !new.is_empty() {
                    writer.write(self.columns.arrays(new))?;
                }
            }
            Kind::Page { records, .. } => records.extend_from_slice(new),
        }
        Ok(())
    }

    /// Writes the end, and puts a file in its place.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub(super) fn finish(self) -> anyhow::Result<()> {
        match self.kind {
            Kind::Records { writer, renamed } => {
                writer.finish()?;
                if let Some((partial, path)) = renamed {
                    fs::rename(&partial, &path)
                        .with_context(|| format!("cannot rename {}", partial.display()))?;
                }
                Ok(())
            }
            Kind::Page { records, settings, printer } => {
                let page = Rendered::text(page::page(&records, printer));
                printer.emit(&page, settings.output.as_deref())
            }
        }
    }
}

fn no_resumption() -> anyhow::Error {
    hinted("--resume needs a file of lines to go on with", "write to one: -o FILE.jsonl")
}
