//! The profile of a model as one page for a browser, which needs neither network nor scripts.

mod chart;

use std::fmt::Write as _;

use super::model::Report;
use super::page::{facts, knee_line, rate, short};
use crate::output::{bytes, escaped};

/// The look of the page: few colours, each for light and for dark.
const STYLE: &str = "\
:root{color-scheme:light dark;--paper:#fff;--ink:#1a1c20;--soft:#5b616b;--line:#d9dce1;\
--bar:#2563a8;--mark:#b4490f}\
@media(prefers-color-scheme:dark){:root{--paper:#15171b;--ink:#e8eaed;--soft:#a0a7b2;\
--line:#363b44;--bar:#6aa9ee;--mark:#f0a066}}\
*{box-sizing:border-box}\
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,sans-serif}\
main{max-width:46rem;margin:0 auto;padding:2rem 1rem 3rem}\
h1{margin:0;font-size:1.6rem;overflow-wrap:anywhere}h2{margin:2.5rem 0 .5rem;font-size:1.15rem}\
p{margin:.25rem 0;color:var(--soft)}\
dl.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(8.5rem,1fr));gap:1rem;\
margin:1.5rem 0 0}\
dl.figures div{border-top:2px solid var(--line);padding-top:.4rem}\
dt{color:var(--soft);font-size:.85rem}dd{margin:0;font-size:1.3rem}\
.scroll{overflow-x:auto}\
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}\
th,td{padding:.3rem .6rem .3rem 0;border-bottom:1px solid var(--line);text-align:left;\
vertical-align:top;overflow-wrap:anywhere}\
th{font-weight:600;white-space:nowrap}.numbers th,.numbers td{text-align:right}\
.numbers tr.knee td{color:var(--mark);font-weight:600}\
svg{display:block;width:100%;height:auto}\
svg text{fill:var(--ink);font:12px system-ui,sans-serif}svg .soft{fill:var(--soft)}\
svg .grid{stroke:var(--line)}svg .curve{fill:none;stroke:var(--bar);stroke-width:2}\
svg .bar{fill:var(--bar)}svg .mark{fill:var(--mark)}\
svg .rule{stroke:var(--mark);stroke-dasharray:4 3}";

/// The whole page.
pub(super) fn page(report: &Report) -> String {
    let model = escaped(&report.model);
    let (knee, rule) = (escaped(&knee_line(report)), escaped(report.knee_rule));
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>Profile of {model}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n\
         <h1>{model}</h1>\n<p>{} on {}, {} threads</p>\n{}\
         <h2>Throughput over batch size</h2>\n{}<p>{knee} {rule}</p>\n\
         <h2>Latency of single texts</h2>\n{}\
         <h2>Batch sizes</h2>\n{}<h2>The run</h2>\n{}</main>\n</body>\n</html>\n",
        escaped(&report.precision),
        escaped(&report.device),
        report.threads,
        figures(report),
        chart::throughput(&report.throughput),
        chart::latency(&report.latency),
        sizes(report),
        run(report),
    )
}

/// The figures that most readers came for.
fn figures(report: &Report) -> String {
    let best = report.throughput.points.iter().map(|point| point.texts_per_s).reduce(f64::max);
    let figures = [
        ("load time", format!("{} ms", short(report.load_ms))),
        ("first score", format!("{} ms", short(report.first_score_ms))),
        ("median latency", format!("{} ms", short(report.latency.p50_ms))),
        (
            "best throughput",
            best.map_or_else(String::new, |best| format!("{} texts/s", rate(best))),
        ),
        ("most memory", report.memory.peak_bytes.map_or_else(|| "unknown".to_owned(), bytes)),
    ];
    let mut html = String::from("<dl class=\"figures\">\n");
    for (name, value) in figures {
        // Writing to a `String` cannot fail.
        let _ = writeln!(html, "<div><dt>{name}</dt><dd>{}</dd></div>", escaped(&value));
    }
    html + "</dl>\n"
}

/// A row for each batch size.
fn sizes(report: &Report) -> String {
    let mut html = String::from(
        "<div class=\"scroll\">\n<table class=\"numbers\">\n<tr><th>texts in a batch</th>\
         <th>texts/s</th><th>speed-up</th><th>a batch takes</th><th>most memory</th></tr>\n",
    );
    for point in &report.throughput.points {
        let is_knee = report.throughput.knee == Some(point.batch_size);
        let class = if is_knee { " class=\"knee\"" } else { "" };
        let memory = point.peak_memory_bytes.map_or_else(|| "unknown".to_owned(), bytes);
        let _ = writeln!(
            html,
            "<tr{class}><td>{}</td><td>{}</td><td>{:.2}×</td><td>{} ms</td><td>{memory}</td></tr>",
            point.batch_size,
            rate(point.texts_per_s),
            point.speedup,
            short(point.batch_ms),
        );
    }
    html + "</table>\n</div>\n"
}

/// What it was measured on and with.
fn run(report: &Report) -> String {
    let mut html = String::from("<table>\n");
    for (name, value) in facts(report) {
        let _ = writeln!(html, "<tr><th>{name}</th><td>{}</td></tr>", escaped(&value));
    }
    html + "</table>\n"
}
