//! Checkpoints that ship int8 weights. What they compute is compared in [`super::golden`].

use std::collections::BTreeMap;
use std::fs;

use fillrate::text::encoder::{Encoder, EncoderClassifier, LoadOptions};
use fillrate_kernels::{Cpu, Precision};
use half::{bf16, f16};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use tempfile::TempDir;

use super::{cases, classify, directory, load};

const QUERY: &str = "bert.encoder.layer.0.attention.self.query.weight";
const QUERY_SCALE: &str = "bert.encoder.layer.0.attention.self.query.weight_scale";
const WORDS: &str = "bert.embeddings.word_embeddings.weight";

#[derive(Clone)]
struct Tensor {
    dtype: Dtype,
    shape: Vec<usize>,
    data: Vec<u8>,
}

impl Tensor {
    fn f32(shape: &[usize], values: &[f32]) -> Self {
        let data = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        Self { dtype: Dtype::F32, shape: shape.to_vec(), data }
    }

    fn values(&self) -> Vec<f32> {
        let pairs = self.data.as_chunks().0.iter();
        match self.dtype {
            Dtype::I8 => self.data.iter().map(|byte| f32::from(byte.cast_signed())).collect(),
            Dtype::F16 => pairs.map(|bytes| f16::from_le_bytes(*bytes).to_f32()).collect(),
            Dtype::BF16 => pairs.map(|bytes| bf16::from_le_bytes(*bytes).to_f32()).collect(),
            _ => self.data.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect(),
        }
    }
}

type Tensors = BTreeMap<String, Tensor>;

fn tensors(name: &str) -> Tensors {
    let bytes = fs::read(directory(name).join("model.safetensors")).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    file.iter()
        .map(|(name, view)| {
            let (shape, data) = (view.shape().to_vec(), view.data().to_vec());
            (name.to_owned(), Tensor { dtype: view.dtype(), shape, data })
        })
        .collect()
}

fn write(tensors: &Tensors) -> TempDir {
    let to = tempfile::tempdir().unwrap();
    fs::copy(directory("bert-int8").join("config.json"), to.path().join("config.json")).unwrap();
    let views = tensors.iter().map(|(name, Tensor { dtype, shape, data })| {
        (name, TensorView::new(*dtype, shape.clone(), data).unwrap())
    });
    let path = to.path().join("model.safetensors");
    safetensors::serialize_to_file(views, None, &path).unwrap();
    to
}

/// The weight that an int8 tensor and its scales stand for.
fn dequantised(tensors: &Tensors, name: &str) -> Tensor {
    let (bytes, scales) = (&tensors[name], tensors[&format!("{name}_scale")].values());
    let rows = bytes.values();
    let rows = rows.chunks_exact(bytes.shape[1]).zip(scales);
    let values: Vec<f32> =
        rows.flat_map(|(row, scale)| row.iter().map(move |b| b * scale)).collect();
    Tensor::f32(&bytes.shape, &values)
}

fn auto(directory: &TempDir) -> Precision {
    Encoder::load(directory.path(), LoadOptions::default()).unwrap().precision()
}

#[test]
fn auto_is_int8_for_layers_that_ship_it() {
    let model = EncoderClassifier::load(&directory("bert-int8"), LoadOptions::default()).unwrap();
    assert_eq!(model.precision(), Precision::Int8);
    for asked in [Precision::Fp32, Precision::Bf16, Precision::Int8] {
        assert_eq!(load("bert-int8", asked).precision(), asked);
    }
}

#[test]
fn auto_is_not_int8_when_a_layer_keeps_floats() {
    let mut mixed = tensors("bert-int8");
    mixed.insert(QUERY.to_owned(), dequantised(&mixed, QUERY));
    let mixed = write(&mixed);
    assert_eq!(auto(&mixed), Cpu::detect().auto_precision());
    // Asked for, int8 packs the floats anew and the bytes beside them from what they stand for.
    let options = LoadOptions { precision: Some(Precision::Int8), cpu: Cpu::detect() };
    let mixed = EncoderClassifier::load(mixed.path(), options).unwrap();
    let sequences = &cases("bert-int8").sequences[..50];
    let whole = classify(&load("bert-int8", Precision::Int8), sequences);
    let found = classify(&mixed, sequences);
    let pairs = found.iter().flatten().zip(whole.iter().flatten());
    let worst = pairs.map(|(found, whole)| (found - whole).abs()).max_by(f32::total_cmp).unwrap();
    // The scales differ in their last bits, which may move a few activations by a byte: less than
    // int8 itself moves the logits, which range over 9.
    assert!(worst < 0.3, "{worst}");
}

/// The layers' largest byte per channel is 127, so that the shipped bytes are those that the
/// floats they were made from are packed to; the other int8 tensors are computed as floats.
#[test]
fn shipped_bytes_are_those_of_the_floats_quantised_at_load() {
    let shipped = tensors("bert-int8");
    let mut floats = tensors("bert");
    for (name, tensor) in &mut floats {
        if shipped[name].dtype == Dtype::I8 && !name.contains("encoder.layer") {
            *tensor = dequantised(&shipped, name);
        }
    }
    let options = LoadOptions { precision: Some(Precision::Int8), cpu: Cpu::detect() };
    let floats = EncoderClassifier::load(write(&floats).path(), options).unwrap();
    let sequences = cases("bert-int8").sequences;
    let expected = classify(&floats, &sequences);
    assert_eq!(classify(&load("bert-int8", Precision::Int8), &sequences), expected);
}

/// The message of the error at loading the checkpoint after `change`, from the tensor on.
fn refused(change: impl Fn(&mut Tensors)) -> String {
    let mut tensors = tensors("bert-int8");
    change(&mut tensors);
    let directory = write(&tensors);
    let message = |precision| {
        let options = LoadOptions { precision, cpu: Cpu::detect() };
        let error = Encoder::load(directory.path(), options).err().unwrap().to_string();
        error.split_once("model.safetensors: ").unwrap().1.to_owned()
    };
    let of_bytes = message(Some(Precision::Int8));
    assert_eq!(of_bytes, message(Some(Precision::Fp32)), "whatever the precision");
    of_bytes
}

fn scale_refused(scale: &Tensor) -> String {
    refused(|tensors| drop(tensors.insert(QUERY_SCALE.to_owned(), scale.clone())))
}

#[test]
fn a_scale_that_is_missing() {
    let found = refused(|tensors| drop(tensors.remove(QUERY_SCALE)));
    assert_eq!(found, format!("tensor `{QUERY_SCALE}` is missing; expected shape [48]"));
    let words_scale = format!("{WORDS}_scale");
    let found = refused(|tensors| drop(tensors.remove(&words_scale)));
    assert_eq!(found, format!("tensor `{words_scale}` is missing; expected shape [160]"));
}

#[test]
fn a_scale_of_another_shape() {
    for shape in [&[1][..], &[1, 48], &[48, 2], &[]] {
        let values = vec![1.0; shape.iter().product()];
        let found = scale_refused(&Tensor::f32(shape, &values));
        let expected = format!("tensor `{QUERY_SCALE}` has shape {shape:?}, expected [48]");
        assert_eq!(found, expected);
    }
}

#[test]
fn a_scale_of_another_type() {
    let scale = Tensor { dtype: Dtype::I32, ..Tensor::f32(&[48], &[1.0; 48]) };
    let found = scale_refused(&scale);
    let expected = format!("tensor `{QUERY_SCALE}` is stored as I32; supported are F32, F16, BF16");
    assert_eq!(found, expected);
}

#[test]
fn a_scale_that_is_not_finite() {
    for value in [f32::NAN, f32::INFINITY] {
        let mut values = [1.0; 48];
        values[47] = value;
        let found = scale_refused(&Tensor::f32(&[48], &values));
        assert_eq!(found, format!("tensor `{QUERY_SCALE}` holds NaN or infinity"));
    }
}

#[test]
fn a_scale_that_is_not_positive() {
    for value in [0.0, -0.5] {
        let mut values = [1.0; 48];
        values[7] = value;
        let found = scale_refused(&Tensor::f32(&[48, 1], &values));
        let expected =
            format!("tensor `{QUERY_SCALE}` holds {value} for row 7, expected a scale above 0");
        assert_eq!(found, expected);
    }
}

#[test]
fn zero_points() {
    let name = format!("{QUERY}_zero_point");
    let zeros = Tensor { dtype: Dtype::I8, shape: vec![48], data: vec![0; 48] };
    let found = refused(|tensors| drop(tensors.insert(name.clone(), zeros.clone())));
    assert!(found.starts_with(&format!("tensor `{name}` belongs to an asymmetric")), "{found}");
}

#[test]
fn int8_is_for_weights_alone() {
    for name in
        ["bert.encoder.layer.0.output.dense.bias", "bert.embeddings.position_embeddings.weight"]
    {
        let found = refused(|tensors| {
            let tensor = tensors.get_mut(name).unwrap();
            tensor.dtype = Dtype::I8;
            tensor.data.truncate(tensor.shape.iter().product());
        });
        let expected = format!("tensor `{name}` is stored as I8; supported are F32, F16, BF16");
        assert_eq!(found, expected);
    }
}
