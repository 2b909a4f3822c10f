use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use fillrate_device::Fault;
use fillrate_device::routing::{BreakerOptions, Reading};

use super::*;
use crate::text::batch::{BatchOptions, PackedClassifier, Scorer};
use crate::text::{Label, LabelMap};

/// Adds up a sequence's ids; what fails is told beforehand.
struct Sum {
    faults: Arc<Mutex<VecDeque<Fault>>>,
    passes: Arc<AtomicUsize>,
    /// The most tokens of a pass.
    room: usize,
    /// By how much a token moves the clock on, in microseconds.
    token_us: u64,
    clock: Arc<AtomicU64>,
}

impl Sum {
    fn sound() -> Self {
        let (faults, passes, clock) = Default::default();
        Self { faults, passes, room: usize::MAX, token_us: 0, clock }
    }

    fn failing(faults: &Arc<Mutex<VecDeque<Fault>>>) -> Self {
        Self { faults: Arc::clone(faults), ..Self::sound() }
    }
}

fn device_error(source: Fault) -> Error {
    let device = "cuda:0".to_owned();
    Error::Kernel(fillrate_kernels::Error::Device(fillrate_device::Error::Device {
        device,
        source,
    }))
}

impl Forward for Sum {
    type Scratch = ();

    fn classes(&self) -> usize {
        2
    }

    fn max_sequence(&self) -> usize {
        64
    }

    fn scratch_bytes(&self, _tokens: usize) -> usize {
        0
    }

    fn scratch(&self, _tokens: usize) {}

    fn forward(&self, batch: &PackedBatch, (): &mut (), logits: &mut Vec<f32>) -> Result<()> {
        self.passes.fetch_add(1, Ordering::Relaxed);
        let time_us = self.token_us * batch.tokens() as u64;
        self.clock.fetch_add(time_us, Ordering::Relaxed);
        if let Some(fault) = lock(&self.faults).pop_front() {
            return Err(device_error(fault));
        }
        if batch.ids().contains(&u32::MAX) {
            return Err(Error::Sequence { sequence: 0, message: "has an unknown id".to_owned() });
        }
        assert!(batch.tokens() <= self.room, "{} tokens", batch.tokens());
        logits.clear();
        for range in batch.cu_seqlens().windows(2) {
            let ids = &batch.ids()[range[0] as usize..range[1] as usize];
            let sum: u32 = ids.iter().sum();
            logits.extend([sum as f32, -(sum as f32)]);
        }
        Ok(())
    }
}

fn provenance(device: &str) -> Provenance {
    Provenance { model: "sum".into(), precision: "fp32".into(), device: device.into() }
}

#[expect(clippy::unnecessary_wraps, reason = "what loads a twin may fail")]
fn twin() -> Result<(Sum, Provenance)> {
    Ok((Sum { room: TWIN_TOKENS, ..Sum::sound() }, provenance("cpu")))
}

/// The device is tried again at once, so that no test waits.
fn options(preference: Preference) -> RoutedOptions {
    let back_off = Duration::ZERO;
    let breaker = BreakerOptions {
        back_off_first: back_off,
        back_off_max: back_off,
        jitter: 0.0,
        ..BreakerOptions::default()
    };
    let router = RouterOptions {
        preference,
        breaker,
        deadline: Duration::from_mins(10),
        ..RouterOptions::default()
    };
    RoutedOptions { router, ..RoutedOptions::default() }
}

fn batch(sequences: &[&[u32]]) -> PackedBatch {
    let mut batch = PackedBatch::default();
    for sequence in sequences {
        batch.push(sequence);
    }
    batch
}

/// Who computed a batch.
#[derive(Debug, PartialEq)]
enum By {
    Device,
    /// The twin, since it is wanted or quicker.
    Choice,
    /// The twin, for this reason.
    Need(String),
}

/// The logits of a batch, and who computed it.
fn run<T: Forward + 'static>(model: &RoutedModel<T>, batch: &PackedBatch) -> (Vec<f32>, By) {
    let (mut scratch, mut logits) = (None, vec![f32::NAN]);
    model.forward(batch, &mut scratch, &mut logits).unwrap();
    let Some(stand_in) = model.stand_in(&scratch) else { return (logits, By::Device) };
    assert_eq!(stand_in.provenance.device, "cpu");
    (logits, stand_in.reason.clone().map_or(By::Choice, By::Need))
}

#[test]
fn a_batch_that_the_device_fails_is_answered_by_the_twin_with_the_reason() {
    let faults = Arc::new(Mutex::new(VecDeque::new()));
    let device = Sum::failing(&faults);
    let reload = || -> Result<Sum> { panic!("the context was not lost") };
    let options = options(Preference::Primary);
    let model = RoutedModel::new(device, reload, twin, None, 512, options).unwrap();
    let two = batch(&[&[1, 2], &[4]]);
    assert_eq!(run(&model, &two), (vec![3.0, -3.0, 4.0, -4.0], By::Device));
    lock(&faults).push_back(Fault::OutOfMemory { requested_bytes: 7 });
    let reason = By::Need("the device has no 7 bytes left".to_owned());
    assert_eq!(run(&model, &two), (vec![3.0, -3.0, 4.0, -4.0], reason));
    assert_eq!(run(&model, &two).1, By::Device);
    assert_eq!(run(&model, &PackedBatch::default()), (vec![], By::Device));
}

/// Shows by its second part whether it still lives.
struct Held(Sum, #[expect(dead_code, reason = "counts who is alive")] Arc<()>);

impl Forward for Held {
    type Scratch = ();
    fn classes(&self) -> usize {
        self.0.classes()
    }
    fn max_sequence(&self) -> usize {
        self.0.max_sequence()
    }
    fn scratch_bytes(&self, _tokens: usize) -> usize {
        0
    }
    fn scratch(&self, _tokens: usize) {}
    fn forward(&self, batch: &PackedBatch, (): &mut (), logits: &mut Vec<f32>) -> Result<()> {
        self.0.forward(batch, &mut (), logits)
    }
}

#[test]
fn a_lost_context_is_replaced_by_a_model_that_is_loaded_anew() {
    let faults = Arc::new(Mutex::new(VecDeque::from([Fault::Sticky { what: "trap".to_owned() }])));
    let alive = Arc::new(());
    let reloads = Arc::new(AtomicUsize::new(0));
    let device = Held(Sum::failing(&faults), Arc::clone(&alive));
    let counted = Arc::clone(&reloads);
    let reload = move || {
        counted.fetch_add(1, Ordering::Relaxed);
        Ok(Held(Sum::sound(), Arc::new(())))
    };
    let options = options(Preference::Primary);
    let model = RoutedModel::new(device, reload, twin, None, 512, options).unwrap();
    let one = batch(&[&[5]]);
    let reason = By::Need("the device's context is lost: trap".to_owned());
    assert_eq!(run(&model, &one), (vec![5.0, -5.0], reason));
    assert_eq!(run(&model, &one), (vec![5.0, -5.0], By::Device));
    assert_eq!(reloads.load(Ordering::Relaxed), 1);
    // The thread that had it ends by itself.
    while Arc::strong_count(&alive) > 1 {
        std::thread::yield_now();
    }
}

#[test]
fn a_batch_at_fault_fails_on_the_device_and_is_not_tried_twice() {
    let device = Sum::sound();
    let passes = Arc::clone(&device.passes);
    let no_twin = || -> Result<(Sum, Provenance)> { panic!("nobody asked for the twin") };
    let reload = || Ok(Sum::sound());
    let options = options(Preference::Primary);
    let model = RoutedModel::new(device, reload, no_twin, None, 512, options).unwrap();
    let error = model.forward(&batch(&[&[u32::MAX]]), &mut None, &mut Vec::new()).unwrap_err();
    assert_eq!(error.to_string(), "sequence 0 of the batch has an unknown id");
    assert_eq!(passes.load(Ordering::Relaxed), 1);
}

#[test]
fn the_twin_computes_large_batches_in_parts() {
    let device = Sum::sound();
    let reload = || Ok(Sum::sound());
    let options = options(Preference::Twin);
    let model = RoutedModel::new(device, reload, twin, None, 512, options).unwrap();
    let mut large = PackedBatch::default();
    let mut expected = Vec::new();
    for id in 0..100 {
        large.push(&[id; 33]);
        expected.extend([33.0 * id as f32, -33.0 * id as f32]);
    }
    assert_eq!(run(&model, &large), (expected, By::Choice));
}

#[test]
fn the_side_that_takes_less_time_for_a_size_is_found_by_measuring() {
    let clock = Arc::new(AtomicU64::new(0));
    let start = Instant::now();
    let now = || start + Duration::from_micros(clock.load(Ordering::Relaxed));
    for (device_us, twin_us, quicker) in [(1, 5, Route::Primary), (5, 1, Route::Twin)] {
        let slow = |token_us, clock: &Arc<AtomicU64>| Sum {
            token_us,
            clock: Arc::clone(clock),
            ..Sum::sound()
        };
        let device = slow(device_us, &clock);
        let twin_clock = Arc::clone(&clock);
        let load = move || Ok((slow(twin_us, &twin_clock), provenance("cpu")));
        let twin = Twin { load: Box::new(load), loaded: Mutex::new(None) };
        let mut costs = measure(&device, &twin, 4096, now).unwrap();
        for size in [16, 100, 512, 4096] {
            assert_eq!(costs.choose(size), quicker, "{size} tokens");
        }
        let expected = costs.expected(Route::Primary, 4096).unwrap();
        assert_eq!(expected, Duration::from_micros(4096 * device_us));
    }
}

#[test]
fn with_auto_both_sides_are_measured_before_the_first_batch() {
    let device = Sum::sound();
    let passes = Arc::clone(&device.passes);
    let twins = Arc::new(AtomicUsize::new(0));
    let loaded = Arc::clone(&twins);
    let twin = move || {
        loaded.fetch_add(1, Ordering::Relaxed);
        twin()
    };
    let options = options(Preference::Auto);
    let model = RoutedModel::new(device, || Ok(Sum::sound()), twin, None, 512, options).unwrap();
    assert_eq!((passes.load(Ordering::Relaxed), twins.load(Ordering::Relaxed)), (4, 1));
    // Whoever answers, the answer is right.
    assert_eq!(run(&model, &batch(&[&[7]])).0, [7.0, -7.0]);
}

#[test]
fn a_device_that_its_sensors_find_too_hot_is_given_no_work() {
    let reload = || Ok(Sum::sound());
    let sense = || Some(Reading { temperature_c: Some(95), ..Reading::default() });
    let options = options(Preference::Primary);
    let sense: Box<Sense> = Box::new(sense);
    let model = RoutedModel::new(Sum::sound(), reload, twin, Some(sense), 512, options).unwrap();
    let reason = "the device takes no work: it is at 95 °C, the most is 90";
    assert_eq!(run(&model, &batch(&[&[1]])).1, By::Need(reason.to_owned()));
}

#[test]
fn records_name_the_device_that_answered() {
    let faults = Arc::new(Mutex::new(VecDeque::from([Fault::Operation { what: "no".to_owned() }])));
    let reload = || Ok(Sum::sound());
    let routed = options(Preference::Primary);
    let model = RoutedModel::new(Sum::failing(&faults), reload, twin, None, 512, routed).unwrap();
    let tokenizer = |text: &str, ids: &mut Vec<u32>| {
        ids.extend(text.bytes().map(u32::from));
        Ok(())
    };
    let labels = LabelMap { classes: vec![Label::Positive, Label::Negative] };
    let options = BatchOptions { workers: 1, ..BatchOptions::default() };
    let classifier =
        PackedClassifier::new(model, tokenizer, labels, provenance("cuda:0"), &options).unwrap();
    let scorer = Scorer::new(classifier, options);
    let first = scorer.score_all(&["a", "b", "a"]);
    for scored in &first {
        let scored = scored.as_ref().unwrap();
        assert_eq!((scored.provenance.device.as_str(), scored.degraded), ("cpu", true));
        assert_eq!(scored.reason.as_deref(), Some("no"));
    }
    let second = scorer.score_all(&["a"]).remove(0).unwrap();
    assert_eq!((second.provenance.device.as_str(), second.degraded), ("cuda:0", false));
    assert_eq!(second.sentiment, first[0].as_ref().unwrap().sentiment);
    assert_eq!(scorer.degraded_texts(), 3);
}
