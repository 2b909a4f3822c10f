//! Bars of memory by stage, as SVG.

use std::fmt::Write as _;

use super::options::{gib, in_gib};
use super::record::StageRecord;
use crate::output::{escaped, svg_opened};

/// The drawing's own units; it is scaled to the width of the page.
const WIDTH: f64 = 720.0;

// The area of the bars, and the height of a row and of the bar in it.
const LEFT: f64 = 8.0;
const RIGHT: f64 = 712.0;
const TOP: f64 = 56.0;
const ROW: f64 = 52.0;
const BAR: f64 = 24.0;

/// Room below the bars for the axis.
const FOOT: f64 = 40.0;

/// Names in a row of the key.
const KEY_COLUMNS: usize = 4;

/// A part that is narrower than this has no figure in it.
const FIGURE_WIDTH_MIN: f64 = 44.0;

/// The colours, for a picture that stands alone; in a page those of the page.
pub(super) const STYLE: &str = "\
svg.memory{background:var(--paper,#fff)}\
.memory text{fill:var(--ink,#1a1c20);font:12px system-ui,sans-serif}\
.memory .soft{fill:var(--soft,#5b616b)}\
.memory .grid{stroke:var(--line,#d9dce1)}\
.memory .rule{stroke:var(--mark,#b4490f);stroke-dasharray:4 3}\
.memory text.mark{fill:var(--mark,#b4490f)}\
.memory text.on{fill:#fff;text-anchor:middle;font-size:11px}\
.memory .p0{fill:#2b5c9e}.memory .p1{fill:#2f7f86}.memory .p2{fill:#4d7a3a}\
.memory .p3{fill:#a8521c}.memory .p4{fill:#8a6a10}.memory .p5{fill:#8c4a80}\
.memory .p6{fill:#767c86}.memory .p7{fill:#4a4f58}";

/// A bar for each stage over the GPU's memory, with what may be taken of it; `is_standalone` makes it
/// a file of its own.
pub(super) fn svg(stages: &[StageRecord], memory_bytes: u64, is_standalone: bool) -> String {
    let bottom = TOP + ROW * stages.len() as f64;
    let title = "Memory by stage and part, in GiB";
    let style = is_standalone.then_some(STYLE);
    let mut svg = svg_opened((WIDTH, bottom + FOOT), "memory", title, style);
    let needed = stages.iter().map(|stage| stage.required_bytes).max().unwrap_or(0);
    let scale = Scale { most_bytes: needed.max(memory_bytes).max(1) };
    key(&mut svg, stages);
    axis(&mut svg, &scale, bottom);
    for (row, stage) in stages.iter().enumerate() {
        bar(&mut svg, &scale, stage, TOP + ROW * row as f64);
    }
    if let Some(stage) = stages.first() {
        limit(&mut svg, scale.x(stage.budget_bytes), bottom, "may be taken", TOP - 6.0);
        limit(&mut svg, scale.x(memory_bytes), bottom, "the GPU's memory", bottom + 30.0);
    }
    svg + "</svg>\n"
}

/// From bytes to the place in the drawing.
struct Scale {
    most_bytes: u64,
}

impl Scale {
    fn x(&self, bytes: u64) -> f64 {
        LEFT + bytes as f64 / self.most_bytes as f64 * (RIGHT - LEFT)
    }
}

/// What each colour is.
fn key(svg: &mut String, stages: &[StageRecord]) {
    let Some(first) = stages.first() else { return };
    for (place, (name, _)) in first.parts().iter().enumerate() {
        let x = LEFT + (place % KEY_COLUMNS) as f64 * (RIGHT - LEFT) / KEY_COLUMNS as f64;
        let y = 4.0 + (place / KEY_COLUMNS) as f64 * 18.0;
        // Writing to a `String` cannot fail.
        let _ = writeln!(
            svg,
            "<rect class=\"p{place}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"12\" height=\"12\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\">{name}</text>",
            x + 18.0,
            y + 10.0
        );
    }
}

fn axis(svg: &mut String, scale: &Scale, bottom: f64) {
    let most = scale.most_bytes as f64 / (1_u64 << 30) as f64;
    let step = tick_step(most);
    let mut tick = 0.0;
    while tick <= most * 1.001 {
        let x = scale.x((tick * (1_u64 << 30) as f64) as u64);
        let anchor = if tick == 0.0 { "start" } else { "middle" };
        let unit = if tick == 0.0 { " GiB" } else { "" };
        let label = format!("{}{unit}", (tick * 100.0).round() / 100.0);
        let _ = writeln!(
            svg,
            "<line class=\"grid\" x1=\"{x:.1}\" y1=\"{TOP}\" x2=\"{x:.1}\" y2=\"{bottom:.1}\"/>\
             <text class=\"soft\" x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{label}</text>",
            bottom + 16.0
        );
        tick += step;
    }
}

fn bar(svg: &mut String, scale: &Scale, stage: &StageRecord, y: f64) {
    let name = match &stage.suggestion {
        Some(suggestion) => format!("{suggestion}, {}", stage.name),
        None => stage.name.clone(),
    };
    let label = format!(
        "{name}: batch {}, accumulate {}, {}",
        stage.batch_size,
        stage.accumulate_grad_batches,
        gib(stage.required_bytes)
    );
    let _ = writeln!(svg, "<text x=\"{LEFT}\" y=\"{:.1}\">{}</text>", y + 16.0, escaped(&label));
    let top = y + 22.0;
    let mut from_bytes = 0;
    for (place, (part, bytes)) in stage.parts().into_iter().enumerate() {
        let (from, to) = (scale.x(from_bytes), scale.x(from_bytes + bytes));
        from_bytes += bytes;
        let _ = writeln!(
            svg,
            "<rect class=\"p{place}\" x=\"{from:.1}\" y=\"{top:.1}\" width=\"{:.1}\" \
             height=\"{BAR}\"><title>{part}: {}</title></rect>",
            to - from,
            escaped(&gib(bytes))
        );
        if to - from >= FIGURE_WIDTH_MIN {
            let _ = writeln!(
                svg,
                "<text class=\"on\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                f64::midpoint(from, to),
                top + 16.0,
                escaped(&in_gib(bytes))
            );
        }
    }
}

/// A line that bars should not pass, and its name.
fn limit(svg: &mut String, x: f64, bottom: f64, name: &str, y: f64) {
    let anchor = if x > WIDTH / 2.0 { "end" } else { "start" };
    let _ = writeln!(
        svg,
        "<line class=\"rule\" x1=\"{x:.1}\" y1=\"{TOP}\" x2=\"{x:.1}\" y2=\"{bottom:.1}\"/>\
         <text class=\"mark\" x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{name}</text>"
    );
}

/// The distance of grid lines up to `most`: 1, 2 or 5 times a power of ten, four to nine of them.
fn tick_step(most: f64) -> f64 {
    let power = 10_f64.powf((most / 4.0).log10().floor());
    let steps = [5.0, 2.0, 1.0].map(|factor| factor * power);
    steps.into_iter().find(|step| most / step >= 4.0).unwrap_or(power)
}
