//! The tables of a race in `docs/benchmarks.md`, between two marks.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, bail};

use super::report::{EntrantResult, GroupResult, Report};

/// Writes the tables of the encoders' race.
///
/// # Errors
///
/// As for [`replace`].
pub(super) fn update(path: &Path, report: &Report) -> anyhow::Result<()> {
    replace(path, "encoder", &tables(report))
}

/// Replaces what lies between the marks of a race on the page.
///
/// # Errors
///
/// If the page cannot be read or written, or has not both marks.
pub(super) fn replace(path: &Path, race: &str, tables: &str) -> anyhow::Result<()> {
    let page = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let updated = replaced(&page, race, tables).with_context(|| path.display().to_string())?;
    fs::write(path, updated).with_context(|| path.display().to_string())
}

fn marks(race: &str) -> [String; 2] {
    ["begin", "end"].map(|place| format!("<!-- Written by `cargo xtask bench {race}`: {place} -->"))
}

fn replaced(page: &str, race: &str, tables: &str) -> anyhow::Result<String> {
    let marks = marks(race);
    let (Some(begin), Some(end)) = (page.find(&marks[0]), page.find(&marks[1])) else {
        bail!("it needs the lines {} and {}", marks[0], marks[1]);
    };
    if end < begin {
        bail!("the marks of {race} are in the wrong order");
    }
    let begin = begin + marks[0].len();
    Ok(format!("{}\n\n{tables}\n{}", &page[..begin], &page[end..]))
}

fn tables(report: &Report) -> String {
    let machine = &report.machine;
    let versions: Vec<String> =
        report.versions.iter().map(|(name, version)| format!("{name} {version}")).collect();
    let mut page = format!(
        "Measured on {} at commit `{}`: {} ({}), {} cores, Linux {}, load average {} before it \
         began.\nMedians of {} interleaved rounds, the least and the most in brackets; {}.\n",
        report.date,
        report.commit,
        machine.processor,
        machine.instructions.join(", "),
        machine.cores,
        machine.kernel,
        machine.load_average,
        report.rounds,
        versions.join(", "),
    );
    let page = &mut page;
    line(
        page,
        "\n| model | threads | precision | instructions | Fillrate, texts/s | best peer | its texts/s | ratio | to HF one by one |",
    );
    line(page, "|---|---|---|---|---|---|---|---|---|");
    for group in &report.groups {
        line(page, &summary(group));
    }
    for group in &report.groups {
        let instructions = if group.instructions == "all" { "" } else { ", AVX2 only" };
        let threads = if group.threads == 1 { "1 thread" } else { "2 threads" };
        let title = format!("{}, {}, {threads}{instructions}", group.model, group.precision);
        line(page, &format!("\n### {title}\n"));
        line(
            page,
            "| engine | texts/s | streams × batch | peak memory, MB | same label | least cosine |",
        );
        line(page, "|---|---|---|---|---|---|");
        let mut entrants: Vec<&EntrantResult> = group.entrants.iter().collect();
        entrants.sort_by(|a, b| b.texts_per_s.median.total_cmp(&a.texts_per_s.median));
        for entrant in entrants {
            line(page, &row(entrant));
        }
        for failure in &group.failures {
            line(page, &format!("\nDid not run: {failure}"));
        }
    }
    std::mem::take(page)
}

fn summary(group: &GroupResult) -> String {
    let rate_of = |name: &str| {
        let entrant = group.entrants.iter().find(|entrant| entrant.name() == name);
        entrant.map_or("–".into(), |entrant| thousands(entrant.texts_per_s.median))
    };
    let ratio = |ratio: Option<f64>| ratio.map_or("–".into(), |ratio| format!("{ratio:.2}"));
    let peer = group.best_peer.as_deref();
    format!(
        "| {} | {} | {} | {} | {} | {} | {} | {} | {} |",
        group.model,
        group.threads,
        group.precision,
        group.instructions,
        rate_of(&format!("fillrate {}", group.precision)),
        peer.unwrap_or("–"),
        peer.map_or("–".into(), rate_of),
        ratio(group.ratio_to_best_peer),
        group.ratio_to_pipeline_single.map_or("–".into(), |ratio| format!("{ratio:.0}")),
    )
}

fn row(entrant: &EntrantResult) -> String {
    let rates = &entrant.texts_per_s;
    let batches = match (entrant.streams, entrant.batch) {
        (Some(streams), Some(batch)) => format!("{streams} × {batch}"),
        _ => "packed".into(),
    };
    format!(
        "| {} | {} ({} to {}) | {batches} | {} | {:.1} % | {:.4} |",
        entrant.name(),
        thousands(rates.median),
        thousands(rates.min),
        thousands(rates.max),
        entrant.memory_peak_mb.map_or("–".into(), thousands),
        100.0 * entrant.agreement.same_label,
        entrant.agreement.cosine_min,
    )
}

fn line(page: &mut String, text: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(page, "{text}");
}

/// A whole number with commas, as the rest of the page has them.
fn thousands(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_lies_between_the_marks_is_replaced() {
        let [begin, end] = marks("market");
        let page = format!("before\n{begin}\nold\n{end}\nafter\n");
        let updated = replaced(&page, "market", "new\n").unwrap();
        assert_eq!(updated, format!("before\n{begin}\n\nnew\n\n{end}\nafter\n"));
        assert_eq!(replaced(&updated, "market", "new\n").unwrap(), updated);
        assert!(replaced(&page, "encoder", "new").is_err());
        assert!(replaced(&format!("{end}{begin}"), "market", "new").is_err());
    }

    #[test]
    fn thousands_are_set_apart() {
        let written = [0.4, 999.4, 1000.0, 1_234_567.0].map(thousands);
        assert_eq!(written, ["0", "999", "1,000", "1,234,567"]);
    }
}
