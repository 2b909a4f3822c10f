//! `fillrate score`: the sentiment of each text of a table.

mod model;
mod output;
mod timings;

use std::path::Path;
use std::time::{Duration, Instant};

use fillrate::text::batch::Provenance;
use fillrate::text::{ScoreColumns, score_table};

use self::model::Answerer;
use self::output::Output;
use self::timings::Timings;
use super::Outcome;
use super::table::{count, open, record_format, report_skipped};
use crate::output::Printer;
use crate::settings::Settings;

/// Scores the texts of `input`, a file or `-`.
///
/// # Errors
///
/// If the input, the model or the output cannot be used; a file that was to be written is then
/// as it was before.
pub(crate) fn run(input: &Path, settings: &Settings, printer: &Printer) -> anyhow::Result<Outcome> {
    let format = record_format(settings)?;
    let mut reader = open(input, settings, printer)?;
    let text_column = reader.select_text(settings.text.text_column.as_deref())?;
    let begun = Instant::now();
    let Answerer { scorer, classes, device_bytes } = Answerer::load(settings, printer)?;
    let loading = begun.elapsed();
    let mut columns = ScoreColumns::new(&text_column);
    if settings.text.raw {
        columns = columns.with_raw(classes);
    }
    let mut output = Output::open(format, &reader, columns, settings, printer)?;

    let progress = printer.row_progress(reader.rows_total(), settings.output.is_some());
    let started = Instant::now();
    let (mut rows, mut writing) = (0, Duration::ZERO);
    for scored in score_table(&mut reader, &scorer) {
        let scored = scored?;
        let begun = Instant::now();
        output.write(&scored)?;
        writing += begun.elapsed();
        rows += scored.scores.len() as u64;
        progress.set_position(rows);
    }
    let begun = Instant::now();
    output.finish()?;
    writing += begun.elapsed();
    progress.finish_and_clear();

    let elapsed = started.elapsed();
    report_skipped(reader.skipped(), printer);
    let counts = Counts {
        rows,
        deduped: scorer.statistics().deduped,
        skipped: reader.skipped().count,
        degraded: scorer.degraded_texts(),
    };
    printer.note(&summary(&counts, elapsed, scorer.provenance()));
    if settings.text.timings {
        let statistics = scorer.statistics();
        let waiting = elapsed.saturating_sub(writing);
        let timings = Timings { loading, waiting, writing, statistics, device_bytes };
        timings.lines().iter().for_each(|line| printer.note(line));
    }
    Ok(Outcome::Done)
}

/// What happened to the rows of a run.
struct Counts {
    rows: u64,
    /// Texts that took the answer of an equal one.
    deduped: u64,
    skipped: u64,
    degraded: u64,
}

/// The line that closes a run.
fn summary(counts: &Counts, elapsed: Duration, provenance: &Provenance) -> String {
    let Counts { rows, deduped, skipped, degraded } = *counts;
    let seconds = elapsed.as_secs_f64();
    let rate = match rows {
        0 => String::new(),
        _ => format!(" ({:.0} texts/s)", rows as f64 / seconds.max(1e-9)),
    };
    let deduped = match deduped {
        0 => String::new(),
        _ => format!(", {deduped} equal to another"),
    };
    let degraded = match degraded {
        0 => String::new(),
        _ => format!(", {} degraded", count(degraded, "answer")),
    };
    let (texts, skipped) = (count(rows, "text"), count(skipped, "row"));
    let Provenance { model, precision, device } = provenance;
    format!(
        "{texts} in {seconds:.2} s{rate}{deduped}, model {model}, {precision} on {device}, \
         {skipped} skipped{degraded}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_says_what_ran_where_and_how_fast() {
        let provenance =
            Provenance { model: "m".into(), precision: "bf16".into(), device: "cpu".into() };
        let counts = Counts { rows: 300, deduped: 7, skipped: 1, degraded: 0 };
        assert_eq!(
            summary(&counts, Duration::from_millis(1500), &provenance),
            "300 texts in 1.50 s (200 texts/s), 7 equal to another, model m, bf16 on cpu, 1 row skipped"
        );
        let counts = Counts { rows: 0, deduped: 0, skipped: 0, degraded: 2 };
        assert_eq!(
            summary(&counts, Duration::ZERO, &provenance),
            "0 texts in 0.00 s, model m, bf16 on cpu, 0 rows skipped, 2 answers degraded"
        );
    }
}
