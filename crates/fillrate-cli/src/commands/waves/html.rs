//! The page of a panel: one file, opened from disk, with nothing from elsewhere.

use std::fmt::Write as _;

use fillrate::market::Panel;
use fillrate::waves::{Part, WaveRecord};

use super::chart;
use super::page::{name, short};
use super::series::bars_of;
use crate::output::escaped;

/// The most patterns of a page: each has a picture of some kilobytes.
const PATTERNS_MAX: usize = 300;

const STYLE: &str = "\
:root{color-scheme:light dark;--paper:#fff;--ink:#1b1f24;--soft:#5b6470;--line:#d7dce1;\
--bar:#2563a8;--mark:#b4490f;--up:#2f7d55;--down:#b0403a}\
@media(prefers-color-scheme:dark){:root{--paper:#15171b;--ink:#e8eaed;--soft:#a0a7b2;\
--line:#363b44;--bar:#6aa9ee;--mark:#f0a066;--up:#58b487;--down:#e07a73}}\
*{box-sizing:border-box}\
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,sans-serif}\
main{max-width:60rem;margin:0 auto;padding:2rem 1rem 3rem}\
h1{margin:0;font-size:1.6rem}h2{margin:2.5rem 0 .5rem;font-size:1.15rem;scroll-margin-top:1rem}\
p{margin:.25rem 0;color:var(--soft)}a{color:var(--bar)}\
.scroll{overflow-x:auto}\
table{border-collapse:collapse;font-variant-numeric:tabular-nums}\
#list{width:100%;margin-top:1rem}\
th,td{padding:.25rem .75rem .25rem 0;border-bottom:1px solid var(--line);text-align:left;\
white-space:nowrap}\
th button{all:unset;cursor:pointer;font-weight:600}th button:focus-visible{outline:2px solid}\
th[aria-sort=ascending] button::after{content:' ▲'}\
th[aria-sort=descending] button::after{content:' ▼'}\
.number{text-align:right}\
.facts{display:flex;flex-wrap:wrap;gap:0 3rem}.facts h3{margin:1rem 0 .25rem;font-size:.95rem}\
svg{display:block;width:100%;height:auto;margin-top:.5rem}";

/// Sorts the list by the column whose head is clicked, numbers by value.
const SCRIPT: &str = "\
document.querySelectorAll('#list th button').forEach((button,column)=>{\
button.addEventListener('click',()=>{\
const head=button.parentElement,body=document.querySelector('#list tbody');\
const falls=head.getAttribute('aria-sort')==='ascending';\
document.querySelectorAll('#list th').forEach(h=>h.removeAttribute('aria-sort'));\
head.setAttribute('aria-sort',falls?'descending':'ascending');\
const key=row=>{const t=row.cells[column].dataset.value??row.cells[column].textContent;\
const n=Number(t);return t!==''&&!Number.isNaN(n)?n:t};\
const rows=[...body.rows].sort((a,b)=>{const x=key(a),y=key(b);\
const o=typeof x===typeof y?(x<y?-1:x>y?1:0):typeof x==='number'?-1:1;return falls?-o:o});\
body.append(...rows)})});";

/// The whole page.
pub(super) fn page(records: &[WaveRecord], panel: &Panel, search: &str) -> String {
    let shown = &records[..records.len().min(PATTERNS_MAX)];
    let cut = match records.len() - shown.len() {
        0 => String::new(),
        more => format!(" {more} more patterns are not on this page."),
    };
    let mut html = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>Elliott waves</title>\n<style>{STYLE}{}</style>\n</head>\n<body>\n<main>\n\
         <h1>Elliott waves</h1>\n<p>{} symbols, {} bars; {}.{cut}</p>\n{}",
        chart::STYLE,
        panel.len(),
        panel.bars(),
        escaped(search),
        chance(records),
    );
    html.push_str(&list(shown));
    for (number, record) in shown.iter().enumerate() {
        html.push_str(&detail(number, record, panel));
    }
    let _ = write!(html, "</main>\n<script>{SCRIPT}</script>\n</body>\n</html>\n");
    html
}

/// Whether the numbers of patterns differ from what chance makes, by symbol.
fn chance(records: &[WaveRecord]) -> String {
    let mut html = String::new();
    let mut last = None;
    for record in records {
        let Some(chance) = record.chance else { continue };
        if last.replace(&record.symbol) == Some(&record.symbol) {
            continue;
        }
        let _ = writeln!(
            html,
            "<p>{}: {} patterns; chance makes {:.0} (p = {:.4}).</p>",
            escaped(&record.symbol),
            chance.count,
            chance.expected,
            chance.p_value
        );
    }
    html
}

/// A line for each pattern, which the reader can sort.
fn list(records: &[WaveRecord]) -> String {
    let columns = columns(records);
    let mut html = String::from("<div class=\"scroll\"><table id=\"list\">\n<thead><tr>");
    for (head, _) in &columns {
        let _ = write!(html, "<th><button>{head}</button></th>");
    }
    html.push_str("</tr></thead>\n<tbody>\n");
    for (number, record) in records.iter().enumerate() {
        html.push_str("<tr>");
        for (head, cell) in &columns {
            let text = escaped(&cell(record));
            let _ = match *head {
                "Pattern" => write!(html, "<td><a href=\"#w{number}\">{text}</a></td>"),
                _ => write!(html, "<td>{text}</td>"),
            };
        }
        html.push_str("</tr>\n");
    }
    html + "</tbody>\n</table></div>\n"
}

/// A column of the list: its head, and what it says of a pattern.
type ListColumn = (&'static str, fn(&WaveRecord) -> String);

/// The columns that have something to say.
fn columns(records: &[WaveRecord]) -> Vec<ListColumn> {
    let mut columns: Vec<ListColumn> = vec![
        ("Symbol", |record| record.symbol.to_string()),
        ("Pattern", |record| name(&record.found)),
        ("Direction", |record| record.found.hit.direction.as_str().to_owned()),
        ("Score", |record| format!("{:.4}", record.found.hit.score)),
    ];
    if records.iter().any(|record| record.p_value.is_some()) {
        columns.push(("p", |record| share(record.p_value)));
        columns.push(("q", |record| share(record.q_value)));
    }
    if records.iter().any(|record| record.place.is_some()) {
        columns.push(("Degree", |record| {
            record.place.map_or_else(String::new, |place| place.degree.to_string())
        }));
        // Of its parent; empty for a pattern of the largest degree.
        columns.push(("Wave", |record| {
            record.place.and_then(|place| place.wave).unwrap_or_default().to_owned()
        }));
    }
    columns.push(("From", |record| record.dates.first().cloned().unwrap_or_default()));
    columns.push(("To", |record| record.dates.last().cloned().unwrap_or_default()));
    columns
}

fn share(value: Option<f64>) -> String {
    value.map_or_else(String::new, |p| format!("{p:.4}"))
}

/// The picture of a pattern, its rules and its score.
fn detail(number: usize, record: &WaveRecord, panel: &Panel) -> String {
    let found = &record.found;
    let mut html = format!(
        "<section>\n<h2 id=\"w{number}\">{}: {} {}, score {:.4}</h2>\n",
        escaped(&record.symbol),
        escaped(&name(found)),
        found.hit.direction.as_str(),
        found.hit.score
    );
    let series = panel.iter().find(|series| series.symbol() == &*record.symbol);
    // The bars were sound when they were searched.
    if let Some(Ok(bars)) = series.as_ref().map(bars_of) {
        html.push_str(&chart::svg(&bars, found, &record.dates, false));
    }
    html.push_str("<div class=\"facts\">\n");
    let pivots = chart::pivots(found, &record.dates).into_iter();
    let pivots = pivots.map(|(name, date, price)| [name, date, price]).collect();
    html.push_str(&table("Pivots", ["wave", "ends", "price"], pivots));
    let number = |value: f64| {
        if value.is_finite() { format!("{value:.3}") } else { "none".to_owned() }
    };
    let rules = found
        .rules
        .iter()
        .map(|rule| [rule.name.to_owned(), number(rule.value), number(rule.margin)]);
    html.push_str(&table("Rules", ["rule", "value", "margin"], rules.collect()));
    let guidelines = found.guidelines.iter();
    let guidelines = guidelines.map(|(name, value)| [(*name).to_owned(), number(*value)]);
    html.push_str(&table("Guidelines", ["guideline", "followed"], guidelines.collect()));
    let mut parts: Vec<[String; 2]> = Part::ALL
        .iter()
        .zip(found.parts)
        .map(|(part, value)| [part.as_str().to_owned(), number(value)])
        .collect();
    parts.extend(record.p_value.map(|p| ["p-value".to_owned(), format!("{p:.4}")]));
    parts.extend(record.q_value.map(|q| ["q-value".to_owned(), format!("{q:.4}")]));
    html.push_str(&table("Score", ["part", "value"], parts));
    let targets = found.targets.iter().map(|target| {
        let labels = found.hit.form.pattern().labels();
        let of = labels[target.of - 1];
        [format!("{} = {} × {of}", labels[target.wave - 1], target.ratio), short(target.price)]
    });
    html.push_str(&table("Fibonacci targets", ["wave", "price"], targets.collect()));
    html + "</div>\n</section>\n"
}

fn table<const N: usize>(title: &str, heads: [&str; N], rows: Vec<[String; N]>) -> String {
    let mut html = format!("<div><h3>{title}</h3>\n<table>\n<tr>");
    let class = |column| if column == 0 { "" } else { " class=\"number\"" };
    for (column, head) in heads.iter().enumerate() {
        let _ = write!(html, "<th{}>{head}</th>", class(column));
    }
    html.push_str("</tr>\n");
    for row in rows {
        html.push_str("<tr>");
        for (column, cell) in row.iter().enumerate() {
            let class = class(column);
            let _ = write!(html, "<td{class}>{}</td>", escaped(cell));
        }
        html.push_str("</tr>\n");
    }
    html + "</table></div>\n"
}
