//! The pictures: a metric over two parameters, and the course of an account.

use std::fmt::Write as _;

use fillrate::market::backtest::{HeatMap, Metric, Replay, Strategy};

use crate::output::{escaped, svg_opened};

const WIDTH: f64 = 760.0;
const LEFT: f64 = 56.0;
const RIGHT: f64 = 704.0;
const TOP: f64 = 28.0;
/// The height of a heat map's cells together, and of a curve.
const HEIGHT: f64 = 280.0;
/// The most labels along an axis.
const LABELS_MAX: usize = 8;
/// The most points of a curve: more would lie upon each other.
const POINTS_MAX: usize = 1200;

/// The colours of a picture that stands alone; in a page those of the page.
pub(super) const STYLE: &str = "\
svg.chart{background:var(--paper,#fff)}\
.chart text{fill:var(--ink,#1b1f24);font:12px system-ui,sans-serif}\
.chart .soft{fill:var(--soft,#5b6470)}\
.chart .grid{stroke:var(--line,#d7dce1)}\
.chart .curve{fill:none;stroke:var(--bar,#2563a8);stroke-width:2}\
.chart .other{fill:none;stroke:var(--soft,#5b6470);stroke-dasharray:4 3}\
.chart .best{fill:none;stroke:var(--ink,#1b1f24);stroke-width:2}";

fn opened(height: f64, label: &str, is_standalone: bool) -> String {
    svg_opened((WIDTH, height), "chart", label, is_standalone.then_some(STYLE))
}

/// A cell for each pair of values, the first parameter downwards.
pub(super) fn heat_map(map: &HeatMap, strategy: Strategy, is_standalone: bool) -> String {
    let [down, across] = &map.values;
    let [width, height] = [across, down].map(Vec::len);
    let cell_width = (RIGHT - LEFT) / width as f64;
    let cell_height = (HEIGHT / height as f64).min(24.0);
    let bottom = TOP + cell_height * height as f64;
    let name = |side: usize| {
        strategy.parameters().get(map.parameters[side]).map_or("", |parameter| parameter.name)
    };
    let label = format!("{} over {} and {}", map.metric, name(0), name(1));
    let mut svg = opened(bottom + 44.0, &label, is_standalone);
    let known: Vec<f64> = map.cells.iter().flatten().copied().collect();
    let low = known.iter().copied().fold(f64::INFINITY, f64::min);
    let high = known.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    for (place, value) in map.cells.iter().enumerate() {
        let Some(value) = value else { continue };
        let (row, column) = (place / width, place % width);
        let (x, y) = (LEFT + cell_width * column as f64, TOP + cell_height * row as f64);
        let best = if map.metric == Metric::MaxDrawdown { low } else { high };
        let class = if (*value - best).abs() <= 0.0 { " class=\"best\"" } else { "" };
        // Writing to a `String` cannot fail.
        let _ = writeln!(
            svg,
            "<g{class}><rect x=\"{x:.2}\" y=\"{y:.2}\" width=\"{cell_width:.2}\" \
             height=\"{cell_height:.2}\" style=\"fill:{}\"/><title>{} {} {} {}: {value:.4}</title></g>",
            colour((value - low) / (high - low)),
            name(0),
            down[row],
            name(1),
            across[column],
        );
    }
    for (place, value) in labels(across) {
        let x = LEFT + cell_width * (place as f64 + 0.5);
        let _ = writeln!(
            svg,
            "<text class=\"soft\" x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{value}</text>",
            bottom + 16.0
        );
    }
    for (place, value) in labels(down) {
        let y = TOP + cell_height * (place as f64 + 0.5) + 4.0;
        let _ = writeln!(
            svg,
            "<text class=\"soft\" x=\"{:.1}\" y=\"{y:.1}\" text-anchor=\"end\">{value}</text>",
            LEFT - 6.0
        );
    }
    let range = if known.is_empty() { String::new() } else { format!("{low:.3} to {high:.3}") };
    let _ = writeln!(
        svg,
        "<text x=\"{LEFT}\" y=\"18\">{}: {range}</text>\
         <text class=\"soft\" x=\"4\" y=\"18\">{}</text>\
         <text class=\"soft\" x=\"{RIGHT}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
        map.metric,
        name(0),
        bottom + 36.0,
        name(1),
    );
    svg + "</svg>\n"
}

/// From blue over grey to orange, of equal lightness for the colour-blind and in print.
///
/// Source: the ends are those of Okabe & Ito's palette (2008).
fn colour(share: f64) -> String {
    const ENDS: [[f64; 3]; 3] = [[0.0, 114.0, 178.0], [222.0, 222.0, 222.0], [213.0, 94.0, 0.0]];
    let share = if share.is_finite() { 2.0 * share.clamp(0.0, 1.0) } else { 1.0 };
    let from = usize::from(share >= 1.0);
    let part = share - from as f64;
    let mix = |channel: usize| ENDS[from][channel] * (1.0 - part) + ENDS[from + 1][channel] * part;
    format!("rgb({:.0},{:.0},{:.0})", mix(0), mix(1), mix(2))
}

/// Some of an axis' values, evenly spread.
fn labels(values: &[f64]) -> impl Iterator<Item = (usize, f64)> {
    let step = values.len().div_ceil(LABELS_MAX).max(1);
    values.iter().copied().enumerate().step_by(step)
}

/// The account's value and, for comparison, what holding the symbol would have made.
pub(super) fn curve(
    replay: &Replay,
    hold: &[f64],
    dates: [&str; 2],
    title: &str,
    is_standalone: bool,
) -> String {
    let bottom = TOP + HEIGHT;
    let mut svg = opened(bottom + 28.0, title, is_standalone);
    let all = || replay.equity.iter().chain(hold);
    let low = all().copied().fold(f64::INFINITY, f64::min);
    let high = all().copied().fold(f64::NEG_INFINITY, f64::max);
    let room = if high > low { high - low } else { 1.0 };
    let last = replay.equity.len().saturating_sub(1).max(1) as f64;
    let x = |place: usize| LEFT + (RIGHT - LEFT) * place as f64 / last;
    let y = |value: f64| bottom - HEIGHT * (value - low) / room;
    for share in [0.0, 0.25, 0.5, 0.75, 1.0] {
        let value = low + share * room;
        let _ = writeln!(
            svg,
            "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{RIGHT}\" y1=\"{0:.1}\" y2=\"{0:.1}\"/>\
             <text class=\"soft\" x=\"{1:.1}\" y=\"{2:.1}\" text-anchor=\"end\">{value:.2}</text>",
            y(value),
            LEFT - 6.0,
            y(value) + 4.0
        );
    }
    for (class, values) in [("other", hold), ("curve", &replay.equity)] {
        let step = values.len().div_ceil(POINTS_MAX).max(1);
        let places = (0..values.len()).step_by(step).chain(values.len().checked_sub(1));
        let points: Vec<String> =
            places.map(|place| format!("{:.1},{:.1}", x(place), y(values[place]))).collect();
        let _ = writeln!(svg, "<polyline class=\"{class}\" points=\"{}\"/>", points.join(" "));
    }
    let _ = writeln!(
        svg,
        "<text x=\"{LEFT}\" y=\"18\">{} (dashed: holding the symbol)</text>\
         <text class=\"soft\" x=\"{LEFT}\" y=\"{3:.1}\">{}</text>\
         <text class=\"soft\" x=\"{RIGHT}\" y=\"{3:.1}\" text-anchor=\"end\">{}</text>",
        escaped(title),
        escaped(dates[0]),
        escaped(dates[1]),
        bottom + 18.0,
    );
    svg + "</svg>\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_go_from_blue_to_orange() {
        assert_eq!(colour(0.0), "rgb(0,114,178)");
        assert_eq!(colour(0.5), "rgb(222,222,222)");
        assert_eq!(colour(1.0), "rgb(213,94,0)");
        // A map of one value has no range.
        assert_eq!(colour(f64::NAN), "rgb(222,222,222)");
    }

    #[test]
    fn an_axis_has_few_labels() {
        let values: Vec<f64> = (0..100).map(f64::from).collect();
        assert_eq!(labels(&values).count(), 8);
        assert_eq!(labels(&values[..3]).count(), 3);
    }
}
