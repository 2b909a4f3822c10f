//! A plan as one page for a browser, which needs neither network nor scripts.

use std::fmt::Write as _;

use fillrate::plan::Gpu;

use super::chart;
use super::options::{gib, in_gib};
use super::page::{percent, seconds};
use super::record::StageRecord;
use crate::output::escaped;

/// The look of the page: few colours, each for light and for dark.
const STYLE: &str = "\
:root{color-scheme:light dark;--paper:#fff;--ink:#1a1c20;--soft:#5b616b;--line:#d9dce1;\
--mark:#b4490f}\
@media(prefers-color-scheme:dark){:root{--paper:#15171b;--ink:#e8eaed;--soft:#a0a7b2;\
--line:#363b44;--mark:#f0a066}}\
*{box-sizing:border-box}\
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,sans-serif}\
main{max-width:70rem;margin:0 auto;padding:2rem 1rem 3rem}\
h1{margin:0 0 1rem;font-size:1.6rem;overflow-wrap:anywhere}\
h2{margin:2.5rem 0 .5rem;font-size:1.15rem}\
p{margin:.25rem 0;color:var(--soft)}\
.scroll{overflow-x:auto}\
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}\
th,td{padding:.3rem .6rem .3rem 0;border-bottom:1px solid var(--line);text-align:left;\
vertical-align:top}\
th{font-weight:600;white-space:nowrap}\
.numbers{font-size:.9rem}\
.numbers th{white-space:normal;vertical-align:bottom}\
.numbers td{white-space:nowrap}\
.numbers td+td,.numbers th+th{text-align:right}\
.numbers tr.over td{color:var(--mark);font-weight:600}\
svg{display:block;width:100%;height:auto}";

/// What stands at the top of the page.
pub(super) struct Heading {
    pub(super) title: String,
    /// Facts by their names.
    pub(super) facts: Vec<(String, String)>,
}

/// The whole page.
pub(super) fn page(heading: &Heading, stages: &[StageRecord], gpu: &Gpu) -> String {
    let title = escaped(&heading.title);
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>{STYLE}{}</style>\n</head>\n<body>\n<main>\n\
         <h1>{title}</h1>\n{}<h2>Memory</h2>\n{}{}<h2>Parts, in GiB</h2>\n{}\
         <h2>Settings</h2>\n{}</main>\n</body>\n</html>\n",
        chart::STYLE,
        facts(&heading.facts),
        chart::svg(stages, gpu.memory_bytes, false),
        warnings(stages),
        parts(stages),
        settings(stages),
    )
}

fn facts(facts: &[(String, String)]) -> String {
    let mut html = String::from("<table>\n");
    for (name, value) in facts {
        // Writing to a `String` cannot fail.
        let _ = writeln!(html, "<tr><th>{}</th><td>{}</td></tr>", escaped(name), escaped(value));
    }
    html + "</table>\n"
}

/// Every warning once.
fn warnings(stages: &[StageRecord]) -> String {
    let mut seen: Vec<&str> = Vec::new();
    for warning in stages.iter().flat_map(|stage| &stage.warnings) {
        if !seen.contains(&warning.as_str()) {
            seen.push(warning);
        }
    }
    let lines: Vec<String> =
        seen.iter().map(|warning| format!("<p>{}</p>\n", escaped(warning))).collect();
    lines.concat()
}

fn row_head(stage: &StageRecord) -> String {
    let class = if stage.fits() { "" } else { " class=\"over\"" };
    let name = match &stage.suggestion {
        Some(suggestion) => format!("{suggestion}, {}", stage.name),
        None => stage.name.clone(),
    };
    format!("<tr{class}><td>{}</td>", escaped(&name))
}

fn parts(stages: &[StageRecord]) -> String {
    let Some(first) = stages.first() else { return String::new() };
    let mut html =
        String::from("<div class=\"scroll\">\n<table class=\"numbers\">\n<tr><th>stage</th>");
    for (name, _) in first.parts() {
        let _ = write!(html, "<th>{name}</th>");
    }
    html.push_str("<th>needed</th><th>expected between</th><th>used</th></tr>\n");
    for stage in stages {
        html.push_str(&row_head(stage));
        for (_, bytes) in stage.parts() {
            let _ = write!(html, "<td>{}</td>", escaped(&in_gib(bytes)));
        }
        let _ = writeln!(
            html,
            "<td>{}</td><td>{} and {}</td><td>{}</td></tr>",
            in_gib(stage.required_bytes),
            in_gib(stage.required_low_bytes),
            in_gib(stage.required_high_bytes),
            percent(stage.utilization)
        );
    }
    html + "</table>\n</div>\n"
}

fn settings(stages: &[StageRecord]) -> String {
    let mut html = String::from(
        "<div class=\"scroll\">\n<table class=\"numbers\">\n<tr><th>stage</th><th>batch</th>\
         <th>largest</th><th>accumulate</th><th>effective</th><th>length</th><th>negatives</th>\
         <th>precision</th><th>checkpointing</th><th>a step takes</th><th>rows/s</th></tr>\n",
    );
    let number =
        |value: Option<u64>| value.map_or_else(|| "-".to_owned(), |value| value.to_string());
    for stage in stages {
        let checkpointing = if stage.gradient_checkpointing { "on" } else { "off" };
        let _ = writeln!(
            html,
            "{}<td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td>\
             <td>{checkpointing}</td><td>{}</td><td>{}</td></tr>",
            row_head(stage),
            stage.batch_size,
            number(stage.largest_batch),
            stage.accumulate_grad_batches,
            stage.effective_batch,
            stage.max_length,
            number(stage.n_negatives),
            stage.precision,
            stage.step_seconds.map_or_else(|| "-".to_owned(), seconds),
            stage.rows_per_second.map_or_else(|| "-".to_owned(), |rate| format!("{rate:.0}")),
        );
    }
    let most = stages.iter().map(|stage| stage.budget_bytes).max().unwrap_or(0);
    html + "</table>\n</div>\n"
        + &format!("<p>Plans take at most {} of the GPU.</p>\n", escaped(&gib(most)))
}
