//! The encoders on a device, which here is the processor in a GPU's stead: every kernel is the one
//! that a GPU runs, and so are the layout of memory and the order of the launches.

mod fp8;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use fillrate::text::encoder::{CudaClassifier, CudaOptions};
use fillrate::text::{Forward, PackedBatch};
use fillrate_kernels::cuda::{
    Accelerator, Element, Gpu, GpuOptions, GpuPrecision, Memory, Program, Queue, Region,
};
use fillrate_kernels::{Error, Precision, Result};

use super::{CLASSIFIERS, batches, cases, classify, directory, load};
use crate::emulator::{Emulator, Engine};

/// Enough sequences to fill several batches, few enough to wait for.
const SEQUENCES: usize = 60;

/// A device with so many bytes of memory.
struct Device {
    element: Element,
    emulator: OnceLock<Arc<Emulator>>,
    limit_bytes: usize,
    used: Arc<AtomicUsize>,
    multiplies_fp8: bool,
}

impl Device {
    fn new(element: Element, limit_bytes: usize) -> Arc<Self> {
        let used = Arc::new(AtomicUsize::new(0));
        let emulator = OnceLock::new();
        Arc::new(Self { element, emulator, limit_bytes, used, multiplies_fp8: true })
    }

    /// One without products of 8-bit floats.
    fn older() -> Arc<Self> {
        let used = Arc::new(AtomicUsize::new(0));
        let (element, emulator, limit_bytes) = (Element::Bf16, OnceLock::new(), usize::MAX);
        Arc::new(Self { element, emulator, limit_bytes, used, multiplies_fp8: false })
    }

    fn used_bytes(&self) -> usize {
        self.used.load(Ordering::SeqCst)
    }
}

/// Counts memory that is given back.
struct Counted {
    bytes: usize,
    used: Arc<AtomicUsize>,
    _region: Region,
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.used.fetch_sub(self.bytes, Ordering::SeqCst);
    }
}

impl Accelerator for Device {
    fn element(&self) -> Element {
        self.element
    }

    fn require_fp8(&self) -> Result<()> {
        if self.multiplies_fp8 {
            return Ok(());
        }
        let needs = "a newer emulation".to_owned();
        Err(Error::Unsupported { device: self.name(), what: "fp8", needs })
    }

    fn name(&self) -> String {
        "cuda:emulated".to_owned()
    }

    fn queue(&self, program: Program) -> Result<Arc<dyn Queue>> {
        let Program::Encoder { element, .. } = program else { panic!("{program:?}") };
        assert_eq!(element, self.element);
        let start = || Arc::new(Emulator::start(program, Engine::Fibers));
        Ok(self.emulator.get_or_init(start).clone())
    }

    fn allocate(&self, _: Memory, bytes: usize, _: &'static str) -> Result<Region> {
        let emulator = Arc::clone(self.emulator.get().expect("a queue comes first"));
        let used = self.used.fetch_add(bytes, Ordering::SeqCst) + bytes;
        if used > self.limit_bytes {
            self.used.fetch_sub(bytes, Ordering::SeqCst);
            return Err(Error::Device(fillrate_device::Error::Exhausted {
                device: self.name(),
                pool: "workspace",
                requested_bytes: bytes as u64,
                in_use_bytes: (used - bytes) as u64,
                largest_free_bytes: 0,
                limit_bytes: self.limit_bytes as u64,
                source: None,
            }));
        }
        let region = Emulator::region(&emulator, bytes);
        let (address, used) = (region.address(), Arc::clone(&self.used));
        let counted = Counted { bytes, used, _region: region };
        Ok(Region::new(address, bytes, Box::new(counted)))
    }
}

fn on_device(name: &str, element: Element, tokens: usize) -> CudaClassifier {
    let device = Device::new(element, usize::MAX);
    CudaClassifier::load(&directory(name), device, &CudaOptions::new(tokens)).unwrap()
}

fn answers<S: AsRef<[u32]>>(model: &CudaClassifier, sequences: &[S]) -> Vec<Vec<f32>> {
    let (mut all, mut logits) = (Vec::new(), Vec::new());
    for batch in batches(sequences) {
        model.forward(&batch, &mut (), &mut logits).unwrap();
        assert_eq!(logits.len(), batch.sequences() * model.classes());
        all.extend(logits.chunks_exact(model.classes()).map(<[f32]>::to_vec));
    }
    all
}

fn winner(logits: &[f32]) -> usize {
    (0..logits.len()).max_by(|a, b| logits[*a].total_cmp(&logits[*b])).unwrap()
}

/// The largest logit less the next.
fn margin(logits: &[f32]) -> f32 {
    let mut sorted = logits.to_vec();
    sorted.sort_by(|a, b| b.total_cmp(a));
    sorted.first().zip(sorted.get(1)).map_or(f32::INFINITY, |(first, second)| first - second)
}

/// Parity with the fp32 result: a share of the range of the logits, and the labels.
fn check_parity(name: &str, device: Arc<dyn Accelerator>) {
    let element = device.element();
    let mut sequences = cases(name).sequences;
    sequences.truncate(SEQUENCES);
    let expected = classify(&load(name, Precision::Fp32), &sequences);
    let model = CudaClassifier::load(&directory(name), device, &CudaOptions::new(300)).unwrap();
    // A device records the second pass of a size and repeats it from the third on: in both lanes.
    let found = answers(&model, &sequences);
    let few = answers(&model, &sequences[..3]);
    for _ in 0..5 {
        assert_eq!(answers(&model, &sequences[..3]), few, "{name}");
    }
    let flat = || expected.iter().flatten().copied();
    let range = flat().fold(f32::MIN, f32::max) - flat().fold(f32::MAX, f32::min);
    let share = match element {
        Element::Fp16 => 1e-2,
        Element::Bf16 => 5e-2,
    };
    for (index, (found, expected)) in found.iter().zip(&expected).enumerate() {
        for (found, expected) in found.iter().zip(expected) {
            let error = (found - expected).abs();
            assert!(error <= share * range, "{name} {element} {index}: {found}, {expected}");
        }
        if margin(expected) > share * range {
            assert_eq!(winner(found), winner(expected), "{name} {element} {index}");
        }
    }
}

#[test]
fn every_family_answers_as_the_processor_does() {
    for name in CLASSIFIERS {
        check_parity(name, Device::new(Element::Fp16, usize::MAX));
        check_parity(name, Device::new(Element::Bf16, usize::MAX));
    }
}

#[test]
#[allow(clippy::print_stderr, reason = "a test that skips says so")]
fn the_gpu_answers_as_the_processor_does() {
    for precision in [GpuPrecision::Bf16, GpuPrecision::Fp16] {
        match Gpu::open(0, precision, &GpuOptions::default()) {
            Err(error) => eprintln!("skipped: no encoder runs on a GPU in this test: {error}"),
            Ok(gpu) => {
                let gpu: Arc<dyn Accelerator> = Arc::new(gpu);
                for name in CLASSIFIERS {
                    check_parity(name, Arc::clone(&gpu));
                    if gpu.require_fp8().is_ok() {
                        fp8::check(name, Arc::clone(&gpu));
                    }
                }
            }
        }
    }
}

#[test]
fn a_sequence_does_not_feel_its_neighbours_on_a_device() {
    let sequences = &cases("roberta").sequences[..30];
    let device = Device::new(Element::Bf16, usize::MAX);
    for model in [on_device("roberta", Element::Bf16, 300), fp8::load("roberta", device, sequences)]
    {
        let alone: Vec<_> = sequences.iter().map(|s| answers(&model, &[s]).remove(0)).collect();
        assert_eq!(answers(&model, sequences), alone);
    }
}

#[test]
fn what_was_planned_is_what_is_taken() {
    let device = Device::new(Element::Fp16, usize::MAX);
    let options = CudaOptions { streams: 3, ..CudaOptions::new(500) };
    let model = CudaClassifier::load(&directory("bert"), device.clone(), &options).unwrap();
    let planned = CudaClassifier::device_bytes_for(model.config(), &options);
    assert_eq!(device.used_bytes(), planned);
    assert_eq!(model.device_bytes(), planned);
    assert_eq!(answers(&model, &cases("bert").sequences[..40]).len(), 40);
    assert_eq!(device.used_bytes(), planned, "a pass takes nothing");
    drop(model);
    assert_eq!(device.used_bytes(), 0);
}

/// A model with room for larger batches than the tests' devices have.
fn load_large(device: Arc<Device>) -> fillrate::Result<CudaClassifier> {
    CudaClassifier::load(&directory("bert"), device, &CudaOptions::new(4000))
}

#[test]
fn memory_of_passes_is_given_back_and_taken_again() {
    let device = Device::new(Element::Bf16, usize::MAX);
    let options = CudaOptions::new(300);
    let model = CudaClassifier::load(&directory("bert"), device.clone(), &options).unwrap();
    let sequences = &cases("bert").sequences[..10];
    let (all, before) = (device.used_bytes(), answers(&model, sequences));
    model.release();
    let weights =
        CudaClassifier::device_bytes_for(model.config(), &CudaOptions { streams: 1, ..options });
    assert!(device.used_bytes() < weights, "only the weights are left");
    assert_eq!(answers(&model, sequences), before);
    assert!((weights..=all).contains(&device.used_bytes()));
    assert_eq!(model.device_bytes(), all);
}

#[test]
fn memory_of_passes_is_given_back_when_none_came_for_a_while() {
    let device = Device::new(Element::Bf16, usize::MAX);
    let after = Some(Duration::from_millis(1));
    let options = CudaOptions { release_after: after, ..CudaOptions::new(300) };
    let model = CudaClassifier::load(&directory("bert"), device.clone(), &options).unwrap();
    let sequences = &cases("bert").sequences[..3];
    let given_back = || {
        while device.used_bytes() >= model.device_bytes() / 2 {
            std::thread::yield_now();
        }
    };
    // Each time anew: it never ends if nothing is given back.
    given_back();
    let before = answers(&model, sequences);
    given_back();
    assert_eq!(answers(&model, sequences), before);
    drop(model);
    // The thread that gives back may be at it still.
    while device.used_bytes() > 0 {
        std::thread::yield_now();
    }
}

#[test]
fn where_memory_ends_batches_are_halved_until_they_fit() {
    let roomy = on_device("bert", Element::Bf16, 4000);
    let enough = CudaClassifier::device_bytes_for(roomy.config(), &CudaOptions::new(900));
    let device = Device::new(Element::Bf16, enough);
    let tight = load_large(device.clone()).unwrap();
    let reduced = tight.reduced_tokens().unwrap();
    assert!((40..=900).contains(&reduced), "{reduced}");
    assert!(device.used_bytes() <= enough);
    assert_eq!(roomy.reduced_tokens(), None);
    let sequences = &cases("bert").sequences[..40];
    assert_eq!(answers(&tight, sequences), answers(&roomy, sequences));
}

#[test]
fn a_device_without_room_for_one_sequence_is_an_error() {
    let roomy = on_device("bert", Element::Bf16, 40);
    let device = Device::new(Element::Bf16, roomy.device_bytes() - 1);
    let Err(error) = load_large(device.clone()) else {
        panic!("it was loaded");
    };
    assert!(error.is_out_of_memory(), "{error}");
    assert_eq!(device.used_bytes(), 0);
}

#[test]
fn sequences_that_the_model_cannot_take_never_reach_the_device() {
    let model = on_device("bert", Element::Fp16, 100);
    let mut logits = vec![1.0];
    for sequence in [&[2, 160, 3][..], &[], &[5; 41]] {
        let mut batch = PackedBatch::default();
        batch.push(sequence);
        assert!(model.forward(&batch, &mut (), &mut logits).is_err());
        assert!(logits.is_empty());
    }
    model.forward(&PackedBatch::default(), &mut (), &mut logits).unwrap();
    assert!(logits.is_empty());
}

#[test]
fn threads_share_the_lanes() {
    let model = on_device("bert", Element::Fp16, 300);
    let sequences = &cases("bert").sequences[..12];
    let expected = answers(&model, sequences);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert_eq!(answers(&model, sequences), expected));
        }
    });
}
