//! The charts of the page, as SVG.

use std::fmt::Write as _;

use crate::commands::profile::page::{rate, short};
use crate::commands::profile::percentiles::Latency;
use crate::commands::profile::sweep::Sweep;

/// The drawing's own units; it is scaled to the width of the page.
const WIDTH: f64 = 720.0;

// The area of the curve.
const LEFT: f64 = 56.0;
const RIGHT: f64 = 704.0;
const TOP: f64 = 24.0;
const BOTTOM: f64 = 260.0;

/// The curve of throughput over batch size, with the knee marked.
pub(super) fn throughput(sweep: &Sweep) -> String {
    let (Some(last), height) = (sweep.points.last(), BOTTOM + 44.0) else {
        return String::new();
    };
    let best = sweep.points.iter().map(|point| point.texts_per_s).fold(0.0, f64::max);
    let step = tick_step(best);
    let top = (best / step).ceil() * step;
    let doublings = (last.batch_size as f64).log2().max(1.0);
    let x = |size: usize| LEFT + (size as f64).log2() / doublings * (RIGHT - LEFT);
    let y = |rate: f64| BOTTOM - rate / top * (BOTTOM - TOP);
    let mut svg = opened(height, "Texts per second over the number of texts in a batch");
    let mut tick = 0.0;
    while tick <= top * 1.001 {
        let (y, label) = (y(tick), thousands(tick));
        // Writing to a `String` cannot fail.
        let _ = writeln!(
            svg,
            "<line class=\"grid\" x1=\"{LEFT}\" y1=\"{y:.1}\" x2=\"{RIGHT}\" y2=\"{y:.1}\"/>\
             <text class=\"soft\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>",
            LEFT - 8.0,
            y + 4.0
        );
        tick += step;
    }
    let curve: Vec<String> = sweep
        .points
        .iter()
        .map(|point| format!("{:.1},{:.1}", x(point.batch_size), y(point.texts_per_s)))
        .collect();
    let _ = writeln!(svg, "<polyline class=\"curve\" points=\"{}\"/>", curve.join(" "));
    for point in &sweep.points {
        let (x, y, size) = (x(point.batch_size), y(point.texts_per_s), point.batch_size);
        let _ = writeln!(
            svg,
            "<circle class=\"bar\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.5\"><title>{size} texts: {} \
             texts/s</title></circle><text class=\"soft\" x=\"{x:.1}\" y=\"{:.1}\" \
             text-anchor=\"middle\">{size}</text>",
            rate(point.texts_per_s),
            BOTTOM + 18.0
        );
    }
    if let Some(point) = sweep.points.iter().find(|point| Some(point.batch_size) == sweep.knee) {
        svg += &knee(x(point.batch_size), y(point.texts_per_s), point.batch_size);
    }
    let _ = writeln!(
        svg,
        "<text class=\"soft\" x=\"{LEFT}\" y=\"12\" text-anchor=\"middle\">texts/s</text>\
         <text class=\"soft\" x=\"{RIGHT}\" y=\"{:.1}\" text-anchor=\"end\">texts in a batch</text>",
        BOTTOM + 38.0
    );
    svg + "</svg>\n"
}

/// A line through the knee and its name, on the side where there is room.
fn knee(x: f64, y: f64, size: usize) -> String {
    let (shift, anchor) = if x > WIDTH / 2.0 { (-8.0, "end") } else { (8.0, "start") };
    format!(
        "<line class=\"rule\" x1=\"{x:.1}\" y1=\"{TOP}\" x2=\"{x:.1}\" y2=\"{BOTTOM}\"/>\
         <circle class=\"mark\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"5\"/>\
         <text class=\"mark\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">knee: {size}</text>\n",
        x + shift,
        BOTTOM - 10.0
    )
}

/// A bar for each percentile.
pub(super) fn latency(latency: &Latency) -> String {
    const ROW: f64 = 30.0;
    let bars = [
        ("p50", latency.p50_ms),
        ("p95", latency.p95_ms),
        ("p99", latency.p99_ms),
        ("max", latency.max_ms),
    ];
    let height = ROW * bars.len() as f64 + 8.0;
    let mut svg = opened(height, "Percentiles of the latency of single texts, in milliseconds");
    for (row, (name, milliseconds)) in bars.into_iter().enumerate() {
        let y = 4.0 + ROW * row as f64;
        // Room for the figure behind the longest bar.
        let width = milliseconds / latency.max_ms * (RIGHT - LEFT - 90.0);
        let _ = writeln!(
            svg,
            "<text class=\"soft\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{name}</text>\
             <rect class=\"bar\" x=\"{LEFT}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"20\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\">{} ms</text>",
            LEFT - 8.0,
            y + 14.0,
            LEFT + width + 6.0,
            y + 14.0,
            short(milliseconds)
        );
    }
    svg + "</svg>\n"
}

fn opened(height: f64, label: &str) -> String {
    format!("<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{label}\">\n")
}

/// The distance of grid lines up to `most`: 1, 2 or 5 times a power of ten, four to nine of them.
fn tick_step(most: f64) -> f64 {
    let power = 10_f64.powf((most / 4.0).log10().floor());
    let steps = [5.0, 2.0, 1.0].map(|factor| factor * power);
    steps.into_iter().find(|step| most / step >= 4.0).unwrap_or(power)
}

/// A number of the axis: `850`, `12k`, `1.5M`.
fn thousands(number: f64) -> String {
    match number {
        n if n >= 1e6 => format!("{}M", n / 1e6),
        n if n >= 1e4 => format!("{}k", n / 1e3),
        // Steps below 1 are multiples of a power of ten: rounding hides what binary cannot hold.
        n => format!("{}", (n * 1e6).round() / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::profile::sweep::Point;

    fn point(batch_size: usize, texts_per_s: f64) -> Point {
        Point {
            batch_size,
            texts_per_s,
            speedup: 1.0,
            batch_ms: 1.0,
            repetitions: 1,
            spread: 1.0,
            peak_memory_bytes: None,
            gpu_memory_bytes: None,
        }
    }

    #[test]
    fn grid_lines_are_round_and_few() {
        for (most, step) in [(812.0, 200.0), (400.0, 100.0), (399.0, 50.0), (2e6, 5e5), (0.3, 0.05)]
        {
            assert!((tick_step(most) - step).abs() < 1e-9, "{most}: {}", tick_step(most));
        }
        assert_eq!([850.0, 12_000.0, 1.5e6, 0.0].map(thousands), ["850", "12k", "1.5M", "0"]);
    }

    #[test]
    fn a_curve_stays_within_its_frame() {
        for points in [vec![point(1, 5.0)], vec![point(1, 5.0), point(4096, 812.5)]] {
            let svg = throughput(&Sweep { knee: Some(1), points });
            assert!(
                svg.contains("knee: 1") && !svg.contains("NaN") && !svg.contains("inf"),
                "{svg}"
            );
            assert!(svg.contains("cx=\"56.0\""), "a single text is at the left edge: {svg}");
        }
    }
}
