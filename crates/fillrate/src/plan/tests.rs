//! The planner against PyTorch's figures, and what must hold of every plan.

use proptest::prelude::*;
use serde::Deserialize;

use super::tape::rounded;
use super::*;

#[derive(Deserialize)]
struct Golden {
    settings: Vec<Setting>,
}

#[derive(Deserialize)]
struct Setting {
    training: Training,
    allocated_bytes: u64,
    parameters: u64,
}

fn golden() -> Vec<Setting> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../golden/plan/settings.json");
    let text = std::fs::read_to_string(path).unwrap();
    serde_json::from_str::<Golden>(&text).unwrap().settings
}

pub(super) fn gpu() -> Gpu {
    Gpu::named("a100-80gb").unwrap()
}

/// What an estimate says of the tensors, without cuBLAS's workspace, which `MemTracker` does not see.
fn tensors_bytes(estimate: &Estimate) -> u64 {
    let of_cublas = |line: &&Line| line.what.contains("cuBLAS");
    estimate.memory.total_bytes - estimate.lines.iter().find(of_cublas).map_or(0, |line| line.bytes)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

#[test]
fn estimates_are_what_mem_tracker_counts() {
    let settings = golden();
    assert!(settings.len() >= 60);
    let (mut plain, mut watched) = (Vec::new(), Vec::new());
    for setting in &settings {
        let measured = setting.allocated_bytes as f64;
        let estimate = estimate(&setting.training, 0, &gpu()).unwrap();
        plain.push(tensors_bytes(&estimate) as f64 / measured - 1.0);
        let peak = watched_peak_bytes(&setting.training, &setting.training.stages[0]);
        watched.push(peak as f64 / measured - 1.0);
        let counted = estimate.trainable_parameters + estimate.frozen_parameters;
        assert_eq!(counted, setting.parameters, "{:?}", setting.training);
    }
    let errors = |errors: &[f64]| errors.iter().map(|error| error.abs()).collect::<Vec<_>>();
    for (name, errors, median_max, worst_max) in
        [("plain", errors(&plain), 0.01, 0.05), ("watched", errors(&watched), 0.01, 0.05)]
    {
        let worst = errors.iter().copied().fold(0.0, f64::max);
        assert!(worst <= worst_max, "{name}: worst {worst}");
        let median = median(errors);
        assert!(median <= median_max, "{name}: median {median}");
    }
    // Beyond the default margin of 20 % of what there is: a factor of 0.8.
    assert!(plain.iter().all(|error| *error > -0.2));
}

/// The table of docs/planner.md: `cargo test plan::tests::table -- --ignored --nocapture`.
#[test]
#[ignore = "prints a table"]
fn table() {
    for setting in golden() {
        let run = &setting.training;
        let (encoder, stage) = (&run.encoders[0], &run.stages[0]);
        let estimate = estimate(run, 0, &gpu()).unwrap();
        let measured = setting.allocated_bytes as f64;
        let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        println!(
            "| {} | {} | {} × {} × {} | {} | {:.0} | {:.0} | {:+.1} % |",
            encoder.name,
            objective(run),
            stage.batch_size,
            stage.texts_per_row(),
            stage.length,
            traits(run),
            mib(setting.allocated_bytes),
            mib(tensors_bytes(&estimate)),
            (tensors_bytes(&estimate) as f64 / measured - 1.0) * 100.0,
        );
    }
}

fn objective(training: &Training) -> &'static str {
    match training.objective {
        Objective::MaskedLm => "words",
        Objective::Classification { .. } => "classes",
        Objective::Contrastive { shared_negatives: true } => "pairs, shared",
        Objective::Contrastive { shared_negatives: false } => "pairs",
    }
}

fn traits(training: &Training) -> String {
    let encoder = &training.encoders[0];
    let is_fused =
        training.attention == Attention::Sdpa && encoder.shape.family.has_fused_attention();
    let mut traits = vec![training.precision.as_str(), if is_fused { "sdpa" } else { "eager" }];
    if training.optimizer != Optimizer::AdamW {
        traits.push(training.optimizer.as_str());
    }
    let others = [
        (training.checkpointing, "checkpointing"),
        (matches!(encoder.trainable, Trainable::Lora(_)), "LoRA"),
        (encoder.trainable == Trainable::Frozen, "frozen"),
        (training.stages[0].accumulate > 1, "accumulation"),
        (training.zero_grad == ZeroGrad::BeforeBackward, "late zero_grad"),
        (training.encoders.len() > 1, "several encoders"),
        (training.moe.is_some(), "experts"),
    ];
    traits.extend(others.iter().filter(|(is_so, _)| *is_so).map(|(_, name)| *name));
    traits.join(", ")
}

#[test]
fn parameters_are_those_that_everybody_counts() {
    for (name, expected) in [
        ("bert-base-uncased", 109_482_240),
        ("all-MiniLM-L6-v2", 22_713_216),
        ("distilbert-base-uncased", 66_362_880),
        ("roberta-base", 124_645_632),
        ("all-mpnet-base-v2", 109_486_464),
        ("ModernBERT-base", 149_014_272),
    ] {
        let training = contrastive(name, 2, 16);
        let estimate = estimate(&training, 0, &gpu()).unwrap();
        assert_eq!(estimate.trainable_parameters, expected, "{name}");
        assert_eq!(estimate.frozen_parameters, 0);
    }
}

pub(super) fn contrastive(name: &str, batch_size: u64, length: u64) -> Training {
    Training::new(
        Encoder::new(name, Shape::named(name).unwrap()),
        Objective::Contrastive { shared_negatives: true },
        vec![Stage { positives: 1, negatives: 2, ..Stage::new("stage", batch_size, length) }],
    )
}

/// A small encoder of a family, quick to run.
fn small(family: Family) -> Shape {
    let names = [
        (Family::Bert, "bert-base-uncased"),
        (Family::Roberta, "roberta-base"),
        (Family::DistilBert, "distilbert"),
        (Family::Mpnet, "mpnet-base"),
        (Family::DebertaV2, "deberta-v3-base"),
        (Family::ModernBert, "modernbert-base"),
    ];
    let (_, name) = names.iter().find(|(other, _)| *other == family).unwrap();
    let shape = Shape::named(name).unwrap();
    Shape { layers: 2, hidden: 96, intermediate: 200, vocabulary: 1000, ..shape }
}

prop_compose! {
    fn trainings()(
        family in prop_oneof![
            Just(Family::Bert), Just(Family::Roberta), Just(Family::DistilBert),
            Just(Family::Mpnet), Just(Family::DebertaV2), Just(Family::ModernBert),
        ],
        precision in proptest::sample::select(Precision::ALL.to_vec()),
        eager in any::<bool>(),
        checkpointing in any::<bool>(),
        objective in prop_oneof![
            Just(Objective::MaskedLm),
            Just(Objective::Classification { labels: 3 }),
            any::<bool>().prop_map(|shared_negatives| Objective::Contrastive { shared_negatives }),
        ],
        optimizer in proptest::sample::select(vec![
            Optimizer::AdamW, Optimizer::AdamWFused, Optimizer::AdamW8bit, Optimizer::Adafactor,
            Optimizer::Sgd { momentum: true }, Optimizer::Sgd { momentum: false },
        ]),
        lora in any::<bool>(),
        devices in 1_u64..4,
        zero in proptest::sample::select(vec![Zero::Off, Zero::One, Zero::Two, Zero::Three]),
        (batch, length, negatives, accumulate) in (1_u64..40, 1_u64..80, 0_u64..4, 1_u64..3),
    ) -> Training {
        let is_contrastive = matches!(objective, Objective::Contrastive { .. });
        let mut encoder = Encoder::new("encoder", small(family));
        if lora {
            let (targets, rank, dropout) = (vec![Target::Query, Target::Output], 4, 0.1);
            encoder.trainable = Trainable::Lora(Lora { rank, targets, dropout });
        }
        let stage = Stage {
            accumulate,
            positives: u64::from(is_contrastive),
            negatives: if is_contrastive { negatives } else { 0 },
            ..Stage::new("stage", batch, length)
        };
        Training {
            precision,
            optimizer,
            checkpointing: checkpointing && family.has_checkpointing(),
            attention: if eager { Attention::Eager } else { Attention::Sdpa },
            parallel: Parallel { devices, zero },
            ..Training::new(encoder, objective, vec![stage])
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn memory_rises_with_the_batch_and_parts_sum_up(training in trainings()) {
        let first = estimate(&training, 0, &gpu()).unwrap();
        let memory = first.memory;
        let parts = memory.parameters_bytes + memory.gradients_bytes + memory.optimizer_bytes
            + memory.activations_bytes + memory.batch_bytes + memory.workspace_bytes;
        prop_assert_eq!(parts, memory.total_bytes);
        let lines: u64 = first.explain().iter().map(|line| line.bytes).sum();
        prop_assert_eq!(lines, memory.total_bytes);
        prop_assert!(first.allocated_bytes >= memory.total_bytes);
        prop_assert!(first.reserved_bytes >= first.allocated_bytes);
        prop_assert!(first.interval.low_bytes < first.required_bytes());
        prop_assert!(first.required_bytes() < first.interval.high_bytes);
        let mut larger = training.clone();
        larger.stages[0].batch_size += 1;
        let second = estimate(&larger, 0, &gpu()).unwrap();
        prop_assert!(second.memory.total_bytes >= memory.total_bytes);
        let mut longer = training;
        longer.stages[0].length += 1;
        let third = estimate(&longer, 0, &gpu()).unwrap();
        prop_assert!(third.memory.total_bytes >= memory.total_bytes);
    }

    #[test]
    fn nothing_is_left_when_a_run_ends(training in trainings()) {
        // What stays are parameters, buffers, the optimizer's state and the workspaces.
        let run = run::run(&training, &training.stages[0], tape::Sums::InPlace, 512);
        let mut alive = std::collections::HashMap::new();
        for event in run.tape.events() {
            match *event {
                tape::Event::Allocate(storage, bytes) => { alive.insert(storage, rounded(bytes)); }
                tape::Event::Release(storage) => { prop_assert!(alive.remove(&storage).is_some()); }
            }
        }
        let load = run.phases[0].1;
        let loaded: u64 = run.tape.events()[..load].iter().map(|event| match *event {
            tape::Event::Allocate(_, bytes) => rounded(bytes),
            tape::Event::Release(_) => 0,
        }).sum();
        let state = alive.values().sum::<u64>() - loaded;
        let most = match training.optimizer {
            Optimizer::Sgd { momentum: false } => 0,
            _ => 3 * loaded + (1 << 20),
        };
        prop_assert!(state <= most, "{} of {}", state, loaded);
    }
}

#[test]
fn what_saves_memory_saves_it() {
    let base =
        Training { precision: Precision::Bf16Mixed, ..contrastive("bert-base-uncased", 32, 128) };
    let total = |training: &Training| estimate(training, 0, &gpu()).unwrap();
    let plain = total(&base);
    let checkpointed = total(&Training { checkpointing: true, ..base.clone() });
    assert!(checkpointed.memory.activations_bytes * 2 < plain.memory.activations_bytes);
    let eager = total(&Training { attention: Attention::Eager, ..base.clone() });
    assert!(eager.memory.total_bytes > plain.memory.total_bytes);
    let mut lora = base.clone();
    let targets = vec![Target::Query, Target::Value];
    lora.encoders[0].trainable = Trainable::Lora(Lora { rank: 8, targets, dropout: 0.0 });
    let lora = total(&lora);
    // Twelve layers, two matrices, A and B of 768 × 8.
    assert_eq!(lora.trainable_parameters, 12 * 2 * 2 * 768 * 8);
    assert_eq!(lora.memory.optimizer_bytes, 2 * 4 * lora.trainable_parameters);
    assert!(lora.memory.total_bytes < plain.memory.total_bytes);
    let mut last = plain.memory.total_bytes + plain.memory.gradients_bytes + (1 << 30);
    for zero in [Zero::Off, Zero::One, Zero::Two, Zero::Three] {
        let parallel = Parallel { devices: 8, zero };
        let shared = total(&Training { parallel, ..base.clone() }).memory.total_bytes;
        assert!(shared < last, "{zero:?}");
        last = shared;
    }
}

#[test]
fn similarities_are_quadratic_where_negatives_are_shared() {
    let similarities = |batch| {
        let estimate = estimate(&contrastive("minilm-l6", batch, 2), 0, &gpu()).unwrap();
        let of = |line: &&Line| line.what == "similarities";
        estimate.lines.iter().find(of).map_or(0, |line| line.bytes)
    };
    let (small, large) = (similarities(4096), similarities(8192));
    assert!(small > 0 && (large as f64 / small as f64 - 4.0).abs() < 0.1, "{small} {large}");
}

#[test]
fn shared_weights_add_activations_and_no_parameters() {
    let mut one = contrastive("minilm-l6", 8, 64);
    let mut two = one.clone();
    two.encoders.push(Encoder { shares_with: Some(0), ..two.encoders[0].clone() });
    one.encoders[0].channels = 2;
    let (one, two) = (estimate(&one, 0, &gpu()).unwrap(), estimate(&two, 0, &gpu()).unwrap());
    assert_eq!(one.trainable_parameters, two.trainable_parameters);
    let difference = one.memory.activations_bytes.abs_diff(two.memory.activations_bytes);
    assert!(difference * 20 < one.memory.activations_bytes);
}

#[test]
fn the_largest_batch_fits_and_the_next_does_not() {
    let training = contrastive("minilm-l6", 1, 64);
    let gpu = Gpu::from_gib(4.0).unwrap();
    let margin = Margin::default();
    let LargestBatch::Fits { batch_size, estimate: largest } =
        largest_batch(&training, 0, &gpu, &margin).unwrap()
    else {
        panic!("nothing fits");
    };
    assert!(largest.required_bytes() <= gpu.budget_bytes(&margin));
    let mut next = training.clone();
    next.stages[0].batch_size = batch_size + 1;
    assert!(estimate(&next, 0, &gpu).unwrap().required_bytes() > gpu.budget_bytes(&margin));
}

#[test]
fn suggestions_keep_the_effective_batch_and_repeat_themselves() {
    let mut training = contrastive("bert-base-uncased", 96, 128);
    training.precision = Precision::Fp16Mixed;
    let gpu = Gpu::named("l4").unwrap();
    let options = SuggestOptions::default();
    let suggestions = suggest(&training, &gpu, &options).unwrap();
    let needed = suggestions.iter().map(|one| one.stages[0].estimate.required_bytes());
    let needed: Vec<u64> = needed.collect();
    assert!(needed[0] >= needed[1] && needed[1] / 2 >= needed[2], "{needed:?}");
    for suggestion in suggestions {
        let plan = &suggestion.stages[0];
        assert_eq!(plan.effective_batch, 96, "{}", suggestion.name);
        assert!(plan.stage.batch_size <= plan.largest_batch);
        let again = suggest(&suggestion.training, &gpu, &options).unwrap();
        let same = again.iter().find(|other| other.name == suggestion.name).unwrap();
        assert_eq!(same.training, suggestion.training, "{}", suggestion.name);
        let accumulates = plan.stage.accumulate > 1;
        let warns = suggestion
            .warnings
            .iter()
            .any(|warning| matches!(warning, Warning::AccumulationIsNoBatch { .. }));
        assert_eq!(accumulates, warns);
    }
    let axes = Axes { checkpointing: true, precision: true, length: true, negatives: true };
    let wider = suggest(&training, &gpu, &SuggestOptions { axes, ..options }).unwrap();
    let names: Vec<&str> = wider.iter().map(|suggestion| suggestion.name.as_str()).collect();
    assert_eq!(names, ["throughput", "balanced", "memory-saving", "length-64", "negatives-1"]);
    let saving = &wider[2].stages[0].estimate;
    let fastest = &wider[0].stages[0].estimate;
    assert!(saving.required_bytes() <= fastest.required_bytes());
}

#[test]
fn several_stages_may_share_a_batch() {
    let mut training = contrastive("minilm-l6", 64, 64);
    let harder = Stage { negatives: 24, name: "hard".into(), ..training.stages[0].clone() };
    training.stages.push(harder);
    let gpu = Gpu::from_gib(8.0).unwrap();
    let options = SuggestOptions { shared_batch: true, ..SuggestOptions::default() };
    for suggestion in suggest(&training, &gpu, &options).unwrap() {
        let batches: Vec<u64> =
            suggestion.stages.iter().map(|plan| plan.stage.batch_size).collect();
        assert_eq!(batches[0], batches[1]);
        let fits = suggestion
            .stages
            .iter()
            .all(|plan| plan.estimate.required_bytes() <= gpu.budget_bytes(&options.margin));
        assert!(fits, "{}", suggestion.name);
    }
}

#[test]
fn what_does_not_fit_says_what_is_too_big_and_what_helps() {
    let training = contrastive("bert-large-uncased", 4, 512);
    let gpu = Gpu::from_gib(4.0).unwrap();
    let largest = largest_batch(&training, 0, &gpu, &Margin::default()).unwrap();
    let LargestBatch::Nothing(too_big) = &largest else { panic!("it fits") };
    assert!(too_big.to_string().contains("stage `stage`"), "{too_big}");
    assert!(too_big.remedies.iter().any(|remedy| remedy.change == "gradient checkpointing"));
    let rising = too_big.remedies.windows(2).all(|p| p[0].required_bytes <= p[1].required_bytes);
    assert!(rising && largest.batch_size() == 0);
    let error = suggest(&training, &gpu, &SuggestOptions::default()).unwrap_err();
    assert!(error.hint().is_some());
}

#[test]
fn unsound_runs_are_refused_by_name() {
    type Edit<T> = (&'static str, fn(&mut T));
    let sound = contrastive("minilm-l6", 4, 64);
    let refused = |edit: &dyn Fn(&mut Training)| {
        let mut training = sound.clone();
        edit(&mut training);
        estimate(&training, 0, &gpu()).unwrap_err().to_string()
    };
    let stage: &[Edit<Stage>] = &[
        ("batch_size", |stage| stage.batch_size = 0),
        ("batch_size", |stage| stage.batch_size = COUNT_MAX + 1),
        ("accumulate", |stage| stage.accumulate = 0),
        ("length", |stage| stage.length = 0),
        ("length", |stage| stage.length = 513),
        ("negatives", |stage| stage.negatives = COUNT_MAX + 1),
        ("batch_size", |stage| (stage.batch_size, stage.negatives) = (COUNT_MAX, COUNT_MAX)),
    ];
    for (name, edit) in stage {
        let message = refused(&|training| edit(&mut training.stages[0]));
        assert!(message.starts_with(name), "{message}");
    }
    let run: &[Edit<Training>] = &[
        ("encoders", |training| training.encoders.clear()),
        ("stages", |training| training.stages.clear()),
        ("channels", |training| training.encoders[0].channels = 0),
        ("dropout.hidden", |training| training.encoders[0].dropout.hidden = f64::NAN),
        ("shares_with", |training| training.encoders[0].shares_with = Some(0)),
        ("shape.heads", |training| training.encoders[0].shape.heads = 7),
        ("parallel.devices", |training| training.parallel.devices = 0),
        ("negatives", |training| training.objective = Objective::Classification { labels: 2 }),
    ];
    for (name, edit) in run {
        let message = refused(&|training| edit(training));
        assert!(message.starts_with(name), "{message}");
    }
    assert!(estimate(&sound, 1, &gpu()).is_err());
    let mpnet = Training { checkpointing: true, ..contrastive("mpnet-base", 4, 64) };
    assert!(estimate(&mpnet, 0, &gpu()).is_err());
}

#[test]
fn a_longer_step_is_predicted_for_more_work() {
    let training = contrastive("bert-base-uncased", 64, 128);
    let time = |training: &Training| estimate(training, 0, &gpu()).unwrap().time.unwrap();
    let plain = time(&training);
    let again = time(&Training { checkpointing: true, ..training.clone() });
    // One more forward pass: four parts instead of three.
    assert!((again.flops / plain.flops - 4.0 / 3.0).abs() < 0.05);
    assert!(again.seconds > plain.seconds);
    let mixed = time(&Training { precision: Precision::Bf16Mixed, ..training.clone() });
    assert!(mixed.rows_per_second > plain.rows_per_second);
    // Six operations for each parameter of the layers and token, and attention's products.
    let tokens = (training.stages[0].sequences() * 128) as f64;
    let layers = 12.0 * (4.0 * 768.0 * 768.0 + 2.0 * 768.0 * 3072.0);
    let products = 12.0 * 12.0 * 128.0 * 768.0;
    let expected = tokens * (6.0 * layers + products);
    assert!((plain.flops / expected - 1.0).abs() < 0.03, "{} {expected}", plain.flops);
    assert!(estimate(&training, 0, &Gpu::from_gib(80.0).unwrap()).unwrap().time.is_none());
}

#[test]
fn small_batches_pay_for_their_kernels() {
    let mut training = contrastive("bert-base-uncased", 64, 64);
    training.objective = Objective::Classification { labels: 3 };
    (training.stages[0].positives, training.stages[0].negatives) = (0, 0);
    training.precision = Precision::Bf16Mixed;
    let rate = |batch: u64| {
        let stage = Stage { batch_size: batch, ..training.stages[0].clone() };
        let training = Training { stages: vec![stage], ..training.clone() };
        estimate(&training, 0, &gpu()).unwrap().time.unwrap().rows_per_second
    };
    assert!(rate(1) < 0.2 * rate(64), "{} {}", rate(1), rate(64));
    assert!(rate(16) < rate(64) && rate(64) < rate(256));
    // Within 5 % of the fastest is none of the smallest.
    let suggestions = suggest(&training, &gpu(), &SuggestOptions::default()).unwrap();
    assert!(
        suggestions[1].stages[0].stage.batch_size >= 16,
        "{:?}",
        suggestions[1].stages[0].stage
    );
}
