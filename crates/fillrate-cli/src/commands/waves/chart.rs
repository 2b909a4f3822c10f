//! A picture of a pattern: candles, labelled waves and where Fibonacci targets were.

use std::fmt::Write as _;

use fillrate::waves::{Bars, Direction, FibonacciTarget, Found};

use super::page::short;
use crate::output::{escaped, svg_opened};

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 360.0;
/// Room at the right for the prices of targets.
const MARGIN_RIGHT: f64 = 96.0;
const MARGIN: f64 = 24.0;

/// The most candles; longer stretches are drawn as candles of several bars.
const CANDLES_MAX: usize = 180;

/// Bars on each side of the pattern, as a share of its length.
const AROUND: f64 = 0.15;

/// The part of the series that a picture shows, and where its prices lie in it.
struct View {
    from: usize,
    to: usize,
    low: f64,
    high: f64,
}

impl View {
    fn of(bars: &Bars<'_>, found: &Found) -> Self {
        let indices = found.hit.indices();
        let first = indices[0] as usize;
        let last = indices[indices.len() - 1] as usize;
        let around = (((last - first) as f64 * AROUND) as usize).max(3);
        let from = first.saturating_sub(around);
        let to = (last + around + 1).min(bars.len());
        let low = bars.low()[from..to].iter().copied().fold(f64::MAX, f64::min);
        let high = bars.high()[from..to].iter().copied().fold(f64::MIN, f64::max);
        let room = 0.06 * (high - low).max(f64::MIN_POSITIVE);
        Self { from, to, low: low - room, high: high + room }
    }

    fn x(&self, bar: f64) -> f64 {
        let share = (bar - self.from as f64 + 0.5) / (self.to - self.from) as f64;
        MARGIN + share * (WIDTH - MARGIN - MARGIN_RIGHT)
    }

    fn y(&self, price: f64) -> f64 {
        let share = (self.high - price) / (self.high - self.low);
        MARGIN + share * (HEIGHT - 2.0 * MARGIN)
    }
}

/// The picture as an SVG element; `is_standalone` makes it a file of its own.
pub(super) fn svg(bars: &Bars<'_>, found: &Found, dates: &[String], is_standalone: bool) -> String {
    let view = View::of(bars, found);
    let title = format!(
        "{} {}, {} to {}",
        found.hit.form.pattern(),
        found.hit.direction.as_str(),
        dates.first().map_or("", String::as_str),
        dates.last().map_or("", String::as_str),
    );
    let style = is_standalone.then_some(STYLE);
    let mut svg = svg_opened((WIDTH, HEIGHT), "wave", &title, style);
    targets(&mut svg, &view, found);
    candles(&mut svg, &view, bars);
    waves(&mut svg, &view, found);
    edges(&mut svg, &view, found, dates);
    svg + "</svg>\n"
}

/// The colours of a picture that stands alone; in a page those of the page.
pub(super) const STYLE: &str = "\
svg.wave{background:var(--paper,#fff)}\
.wave text{fill:var(--ink,#1b1f24);font:12px system-ui,sans-serif}\
.wave .up{stroke:var(--up,#2f7d55);fill:var(--up,#2f7d55)}\
.wave .down{stroke:var(--down,#b0403a);fill:var(--down,#b0403a)}\
.wave .outline{fill:none;stroke:var(--bar,#2563a8);stroke-width:2}\
.wave .target{stroke:var(--mark,#b4490f);stroke-dasharray:4 3}\
.wave .note{fill:var(--mark,#b4490f);font-size:11px}\
.wave .label{font-weight:700;font-size:14px;text-anchor:middle;\
paint-order:stroke;stroke:var(--paper,#fff);stroke-width:4px}\
.wave .edge{fill:var(--soft,#5b6470);font-size:11px}";

fn candles(svg: &mut String, view: &View, bars: &Bars<'_>) {
    let per_candle = (view.to - view.from).div_ceil(CANDLES_MAX);
    let width = (view.x(per_candle as f64) - view.x(0.0)) * 0.62;
    let mut bar = view.from;
    while bar < view.to {
        let end = (bar + per_candle).min(view.to);
        let (open, close) = (bars.open()[bar], bars.close()[end - 1]);
        let high = bars.high()[bar..end].iter().copied().fold(f64::MIN, f64::max);
        let low = bars.low()[bar..end].iter().copied().fold(f64::MAX, f64::min);
        let x = view.x((bar + end - 1) as f64 / 2.0);
        let (top, bottom) = (view.y(open.max(close)), view.y(open.min(close)));
        let class = if close >= open { "up" } else { "down" };
        // Writing to a `String` cannot fail.
        let _ = writeln!(
            svg,
            "<g class=\"{class}\"><line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{:.1}\" y2=\"{:.1}\"/>\
             <rect x=\"{:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{:.1}\"/></g>",
            view.y(high),
            view.y(low),
            x - width / 2.0,
            (bottom - top).max(0.5),
        );
        bar = end;
    }
}

fn waves(svg: &mut String, view: &View, found: &Found) {
    let places: Vec<(f64, f64)> = found
        .hit
        .indices()
        .iter()
        .zip(&found.prices)
        .map(|(&bar, &price)| (view.x(f64::from(bar)), view.y(price)))
        .collect();
    let points: Vec<String> = places.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    let _ = writeln!(svg, "<polyline class=\"outline\" points=\"{}\"/>", points.join(" "));
    let labels = found.hit.form.pattern().labels();
    for (wave, (x, y)) in places.iter().enumerate().skip(1) {
        let is_high = (wave % 2 == 1) == (found.hit.direction == Direction::Up);
        let y = if is_high { y - 7.0 } else { y + 16.0 };
        let label = labels[wave - 1];
        let _ = writeln!(svg, "<text class=\"label\" x=\"{x:.1}\" y=\"{y:.1}\">{label}</text>");
    }
}

/// The targets that lie in the picture, each from the wave's start on.
fn targets(svg: &mut String, view: &View, found: &Found) {
    let inside = |target: &&FibonacciTarget| (view.low..view.high).contains(&target.price);
    let labels = found.hit.form.pattern().labels();
    let mut shown: Vec<&FibonacciTarget> = found.targets.iter().filter(inside).collect();
    shown.sort_by(|one, other| other.price.total_cmp(&one.price));
    let mut last_y = f64::MIN;
    for target in shown {
        let y = view.y(target.price);
        let from = view.x(f64::from(found.hit.indices()[target.wave - 1]));
        let to = WIDTH - MARGIN_RIGHT;
        let _ = writeln!(
            svg,
            "<line class=\"target\" x1=\"{from:.1}\" x2=\"{to:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>"
        );
        // Labels that would lie upon each other give way downwards.
        let text_y = (y + 4.0).max(last_y + 12.0);
        last_y = text_y;
        let _ = writeln!(
            svg,
            "<text class=\"note\" x=\"{:.1}\" y=\"{text_y:.1}\">{} = {} × {}</text>",
            to + 4.0,
            labels[target.wave - 1],
            target.ratio,
            labels[target.of - 1],
        );
    }
}

/// The dates of the first and the last pivot, below them.
fn edges(svg: &mut String, view: &View, found: &Found, dates: &[String]) {
    let indices = found.hit.indices();
    let ends = [(indices.first(), dates.first(), "start"), (indices.last(), dates.last(), "end")];
    for (bar, date, anchor) in ends {
        let (Some(&bar), Some(date)) = (bar, date) else { continue };
        let _ = writeln!(
            svg,
            "<text class=\"edge\" x=\"{:.1}\" y=\"{}\" text-anchor=\"{anchor}\">{}</text>",
            view.x(f64::from(bar)),
            HEIGHT - 5.0,
            escaped(date),
        );
    }
}

/// A pivot's price and date, for a reader.
pub(super) fn pivots(found: &Found, dates: &[String]) -> Vec<(String, String, String)> {
    let labels = found.hit.form.pattern().labels();
    let names = std::iter::once("start").chain(labels.iter().copied());
    let places = dates.iter().zip(&found.prices);
    names
        .zip(places)
        .map(|(name, (date, price))| (name.to_owned(), date.clone(), short(*price)))
        .collect()
}
