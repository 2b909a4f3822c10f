//! Encoders whose products are of 8-bit floats, and the check that decides whether they may be.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use fillrate::text::batch::{BatchOptions, Scorer};
use fillrate::text::encoder::{CudaClassifier, CudaOptions};
use fillrate::text::{DeviceOptions, Model, ModelSource, PackedBatch, Registry, RoutedOptions};
use fillrate_device::routing::{Preference, RouterOptions};
use fillrate_kernels::Precision;
use fillrate_kernels::cuda::{Accelerator, Element};
use serde_json::Value;
use tempfile::TempDir;

use super::super::{CLASSIFIERS, cases, classify, directory, load as on_processor};
use super::{Device, SEQUENCES, answers, margin, on_device, winner};

/// The classifier whose widths no product of 8-bit floats takes.
const ODD: &str = "bert-odd-relu";

fn device() -> Arc<Device> {
    Device::new(Element::Bf16, usize::MAX)
}

fn packed<S: AsRef<[u32]>>(sequences: &[S]) -> PackedBatch {
    let mut batch = PackedBatch::default();
    for sequence in sequences {
        batch.push(sequence.as_ref());
    }
    batch
}

/// A model in fp8, by the ranges of these sequences.
pub(super) fn load<S: AsRef<[u32]>>(
    name: &str,
    device: Arc<dyn Accelerator>,
    sequences: &[S],
) -> CudaClassifier {
    let options = CudaOptions::new(300);
    let plain = CudaClassifier::load(&directory(name), Arc::clone(&device), &options).unwrap();
    let fp8 = Some(Arc::new(plain.observe(&packed(sequences)).unwrap()));
    drop(plain);
    CudaClassifier::load(&directory(name), device, &CudaOptions { fp8, ..options }).unwrap()
}

/// What logits may differ by from fp32 at most and on average, as shares of their range. Random weights
/// are harder than trained ones: nothing stands out from the noise.
const WORST_SHARE: f32 = 0.25;
const MEAN_SHARE: f32 = 0.08;

/// The whole encoder in 8-bit floats, with the ranges of other sequences than those that are answered.
pub(super) fn check(name: &str, device: Arc<dyn Accelerator>) {
    if name == ODD {
        return;
    }
    let sequences = cases(name).sequences;
    let (answered, seen) = sequences.split_at(SEQUENCES.min(sequences.len() / 2));
    let expected = classify(&on_processor(name, Precision::Fp32), answered);
    let model = load(name, device, &seen[..SEQUENCES.min(seen.len())]);
    assert_eq!(model.precision(), "fp8");
    let found = answers(&model, answered);
    let flat = || expected.iter().flatten().copied();
    let range = flat().fold(f32::MIN, f32::max) - flat().fold(f32::MAX, f32::min);
    let pairs = || found.iter().flatten().zip(expected.iter().flatten());
    let shares = || pairs().map(|(found, expected)| (found - expected).abs() / range);
    let worst = shares().fold(0.0, f32::max);
    let mean = shares().sum::<f32>() / shares().count() as f32;
    assert!(worst <= WORST_SHARE && mean <= MEAN_SHARE, "{name}: {worst}, {mean}");
    for (index, (found, expected)) in found.iter().zip(&expected).enumerate() {
        let is_close = margin(expected) <= WORST_SHARE * range;
        assert!(is_close || winner(found) == winner(expected), "{name} {index}");
    }
}

#[test]
fn every_family_answers_in_fp8_nearly_as_the_processor_does() {
    for name in CLASSIFIERS {
        check(name, device());
    }
}

#[test]
fn what_was_planned_for_fp8_is_what_is_taken() {
    let device = device();
    let sequences = &cases("bert").sequences[..20];
    let model = load("bert", device.clone(), sequences);
    assert_eq!(device.used_bytes(), model.device_bytes());
    assert_eq!(answers(&model, sequences).len(), 20);
    assert_eq!(device.used_bytes(), model.device_bytes(), "a pass takes nothing");
    drop(model);
    assert_eq!(device.used_bytes(), 0);
}

#[test]
fn what_cannot_be_computed_in_fp8_is_refused_before_anything_is_taken() {
    let ranges = |name: &str| {
        let sequences = &cases(name).sequences[..3];
        let ranges = on_device(name, Element::Bf16, 300).observe(&packed(sequences)).unwrap();
        Some(Arc::new(ranges))
    };
    let refused = |name: &str, of: &str, device: Arc<Device>| {
        let options = CudaOptions { fp8: ranges(of), ..CudaOptions::new(300) };
        let error = CudaClassifier::load(&directory(name), device.clone(), &options).err().unwrap();
        assert_eq!(device.used_bytes(), 0);
        assert!(!error.is_device(), "it is sound");
        error.to_string()
    };
    assert_eq!(
        refused("bert", "bert", Device::older()),
        "cuda:emulated does not compute in fp8: that takes a newer emulation"
    );
    assert_eq!(
        refused(ODD, ODD, device()),
        "precision: fp8 takes widths that are multiples of 16; this model has 36 and 70"
    );
    assert_eq!(
        refused("bert", "bert-long-sharded", device()),
        "precision: the ranges of 4 products are not those of 2 layers"
    );
}

/// A model's folder with a vocabulary of letters, so that it can read texts.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for file in ["config.json", "model.safetensors"] {
        fs::copy(directory("bert").join(file), folder.path().join(file)).unwrap();
    }
    let special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"].map(str::to_owned);
    let letters = ('a'..='z').flat_map(|letter| [letter.to_string(), format!("##{letter}")]);
    let vocabulary: Vec<String> = special.into_iter().chain(letters).collect();
    fs::write(folder.path().join("vocab.txt"), vocabulary.join("\n")).unwrap();
    folder
}

/// Changes values of a tensor in a folder's checkpoint, which is f32, by their row and column.
fn change(folder: &Path, tensor: &str, value_at: impl Fn(usize, usize) -> Option<f32>) {
    let path = folder.join("model.safetensors");
    let mut bytes = fs::read(&path).unwrap();
    let header_bytes = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let header: Value = serde_json::from_slice(&bytes[8..8 + header_bytes]).unwrap();
    let entry = &header[tensor];
    assert_eq!(entry["dtype"], "F32", "{tensor}");
    let width = entry["shape"][1].as_u64().unwrap_or(1) as usize;
    let [begin, end] = [0, 1].map(|i| entry["data_offsets"][i].as_u64().unwrap() as usize);
    let data = &mut bytes[8 + header_bytes..][begin..end];
    for (index, value) in data.as_chunks_mut::<4>().0.iter_mut().enumerate() {
        if let Some(changed) = value_at(index / width, index % width) {
            *value = changed.to_le_bytes();
        }
    }
    fs::write(path, bytes).unwrap();
}

/// The model in a folder, for which fp8 is asked.
fn asked_for_fp8(folder: &Path, device: &Arc<Device>) -> fillrate::Result<(Model, BatchOptions)> {
    let source = Registry::new(vec![]).resolve(folder.to_str().unwrap())?;
    assert!(matches!(source, ModelSource::Directory(_)));
    let device = Arc::clone(device);
    let open = move || -> fillrate::Result<Arc<dyn Accelerator>> { Ok(device.clone()) };
    let router = RouterOptions { preference: Preference::Primary, ..RouterOptions::default() };
    let options = BatchOptions { workers: 1, ..BatchOptions::default() };
    let device = DeviceOptions {
        open: Box::new(open),
        routed: RoutedOptions { router, ..RoutedOptions::default() },
        twin_precision: None,
        streams: 1,
        release_after: None,
        fp8: true,
    };
    Ok((Model::load_on(&source, device, &options)?, options))
}

/// The precision in the record of a text.
fn recorded(model: Model, options: BatchOptions) -> String {
    let scorer = Scorer::new(model.classifier, options);
    let scored = scorer.score_all(&["acme beats estimates"]).remove(0).unwrap();
    assert!(!scored.degraded, "{:?}", scored.reason);
    scored.provenance.precision.clone()
}

#[test]
fn a_model_that_bears_fp8_computes_in_it_and_says_so() {
    let folder = folder();
    // Random weights call labels by a hair; one that is far ahead is the same in any type.
    change(folder.path(), "classifier.bias", |label, _| (label == 0).then_some(8.0));
    let (model, options) = asked_for_fp8(folder.path(), &device()).unwrap();
    let check = model.fp8.unwrap();
    assert!(check.passes(), "{check}");
    assert_eq!(recorded(model, options), "fp8");
}

/// A neuron that nothing reads, with weights beside which all others vanish in 8 bits.
#[test]
fn a_model_that_does_not_bear_fp8_computes_in_16_bits_and_says_so() {
    let folder = folder();
    for layer in 0..2 {
        let name = |part: &str| format!("bert.encoder.layer.{layer}.{part}.dense.weight");
        change(folder.path(), &name("intermediate"), |row, _| (row == 0).then_some(1e6));
        change(folder.path(), &name("output"), |_, column| (column == 0).then_some(0.0));
    }
    let device = device();
    let (model, options) = asked_for_fp8(folder.path(), &device).unwrap();
    let check = model.fp8.unwrap();
    assert!(!check.passes(), "{check}");
    // What was tried is gone.
    assert_eq!(model.device_bytes, Some(device.used_bytes()));
    assert_eq!(recorded(model, options), "bf16");
}

#[test]
fn a_device_without_fp8_is_told_before_a_model_is_loaded() {
    let device = Device::older();
    let error = asked_for_fp8(folder().path(), &device).err().unwrap();
    assert!(error.to_string().contains("does not compute in fp8"), "{error}");
    assert!(error.hint().unwrap().contains("--precision auto"));
    assert_eq!(device.used_bytes(), 0);
}
