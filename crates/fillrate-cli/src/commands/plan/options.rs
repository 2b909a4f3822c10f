//! From flags to what the planner takes.

use fillrate::plan::check::SavedCalibration;
use fillrate::plan::config::{Config, ConfigFormat, FieldMap, ReadOptions};
use fillrate::plan::{Axes, Gpu, Margin, SuggestOptions};
use fillrate_device::probe::Gpus;

use crate::cli::{AxisChoice, ConfigArgs, ConfigKind, GpuArgs, SearchAxesArgs};
use crate::failure::hinted;
use crate::output::Printer;

const BYTES_PER_GIB: f64 = (1_u64 << 30) as f64;

/// What names a GPU.
const GPU_HINT: &str = "name the one to plan for: --gpu a100-80gb, or its memory in GiB: --gpu 24";

/// What makes a calibration.
const CALIBRATION_HINT: &str = "`fillrate plan verify CONFIG --torch --save FILE` makes one";

/// Reads the configuration, and says what a person should know of how it was read.
///
/// # Errors
///
/// If it cannot be read, or does not say enough.
pub(super) fn config(arguments: &ConfigArgs, printer: &Printer) -> anyhow::Result<Config> {
    let config = Config::read(&arguments.path, &read_options(arguments)?)?;
    config.notes.iter().for_each(|note| printer.note(note));
    Ok(config)
}

/// How a configuration is read.
///
/// # Errors
///
/// If the map cannot be read.
pub(super) fn read_options(arguments: &ConfigArgs) -> anyhow::Result<ReadOptions> {
    Ok(ReadOptions {
        format: arguments.config_format.map(|kind| match kind {
            ConfigKind::Hydra => ConfigFormat::Hydra,
            ConfigKind::Lightning => ConfigFormat::Lightning,
            ConfigKind::Transformers => ConfigFormat::Transformers,
            ConfigKind::Axolotl => ConfigFormat::Axolotl,
        }),
        map: arguments.map.as_deref().map(FieldMap::read).transpose()?,
        set: arguments.set.clone(),
    })
}

/// The GPU to plan for, with what runs on it said if that was kept.
///
/// # Errors
///
/// If none is here and none was named, the name is unknown, or the calibration is none for it.
pub(super) fn gpu(arguments: &GpuArgs) -> anyhow::Result<Gpu> {
    let gpu = uncalibrated(arguments)?;
    let Some(path) = &arguments.calibration else { return Ok(gpu) };
    let saved = || -> anyhow::Result<SavedCalibration> {
        Ok(serde_json::from_slice(&std::fs::read(path)?)?)
    };
    let calibrated = saved().and_then(|saved| Ok(saved.apply(gpu)?));
    calibrated.map_err(|error| hinted(format!("{}: {error}", path.display()), CALIBRATION_HINT))
}

fn uncalibrated(arguments: &GpuArgs) -> anyhow::Result<Gpu> {
    let asked = arguments.gpu.as_deref().unwrap_or("auto");
    if !matches!(asked, "auto" | "free") {
        return Gpu::parse(asked).map_err(|error| hinted(error.to_string(), GPU_HINT));
    }
    let found = Gpus::probe();
    let Some(device) = found.devices().first() else {
        let why = match &found {
            Gpus::NoDriver { why } | Gpus::Failed { why } => why.clone(),
            Gpus::Present { .. } => "the driver sees none".to_owned(),
        };
        return Err(hinted(format!("there is no GPU here ({why})"), GPU_HINT));
    };
    let gpu = Gpu::of(device)?;
    // `auto` plans for the GPU as the training will find it, `free` beside what runs on it now.
    Ok(if asked == "free" { gpu } else { Gpu { free_bytes: None, ..gpu } })
}

/// What is left free.
pub(super) fn margin(arguments: &GpuArgs) -> Margin {
    let reserve_bytes = (arguments.reserve_gib.unwrap_or(0.0) * BYTES_PER_GIB) as u64;
    Margin { fraction: arguments.margin, reserve_bytes }
}

/// What is looked for.
pub(super) fn search(arguments: &SearchAxesArgs, margin: Margin) -> SuggestOptions {
    let may = |axis| arguments.axes.contains(&axis);
    SuggestOptions {
        margin,
        effective_batch: arguments.effective_batch,
        axes: Axes {
            checkpointing: may(AxisChoice::Checkpointing),
            precision: may(AxisChoice::Precision),
            length: may(AxisChoice::Length),
            negatives: may(AxisChoice::Negatives),
        },
        ..SuggestOptions::default()
    }
}

/// A size for a reader: `19.2 GiB`.
pub(super) fn gib(bytes: u64) -> String {
    format!("{} GiB", in_gib(bytes))
}

/// The same without its unit, with digits that fit a narrow column.
pub(super) fn in_gib(bytes: u64) -> String {
    match bytes as f64 / BYTES_PER_GIB {
        0.0 => "0".to_owned(),
        size if size < 0.01 => "<0.01".to_owned(),
        size if size < 100.0 => format!("{size:.2}"),
        size => format!("{size:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_keep_the_digits_that_count() {
        let gib = |size: f64| in_gib((size * BYTES_PER_GIB) as u64);
        assert_eq!(
            [0.0, 0.001, 0.5, 19.199, 140.4].map(gib),
            ["0", "<0.01", "0.50", "19.20", "140"]
        );
    }
}
