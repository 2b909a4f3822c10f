//! Training configurations of every kind, read and edited as their owners would.

use std::fs;
use std::path::{Path, PathBuf};

use fillrate::Error;
use fillrate::plan::config::{Config, ConfigFormat, Field, FieldMap, ReadOptions, Source};
use fillrate::plan::edit::Patch;
use fillrate::plan::{
    Attention, Gpu, Objective, Optimizer, Precision, SuggestOptions, Target, Trainable, Training,
    Zero, ZeroGrad,
};
use tempfile::TempDir;

/// A copy of a folder of the repository, to be written to.
fn copy(folder: &str) -> TempDir {
    fn copy_all(from: &Path, to: &Path) {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let path = entry.unwrap().path();
            let target = to.join(path.file_name().unwrap());
            if path.is_dir() {
                copy_all(&path, &target);
            } else {
                fs::write(target, fs::read(&path).unwrap()).unwrap();
            }
        }
    }
    let copied = tempfile::tempdir().unwrap();
    copy_all(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), copied.path());
    copied
}

fn fixture(kind: &str) -> TempDir {
    copy(&format!("tests/fixtures/plan/{kind}"))
}

fn tree() -> TempDir {
    copy("../../examples/plan")
}

/// A folder with one file.
fn one(name: &str, text: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, text).unwrap();
    (folder, path)
}

fn set(values: &[(Field, &str)]) -> ReadOptions {
    let set = values.iter().map(|(field, value)| (*field, (*value).to_owned())).collect();
    ReadOptions { set, ..ReadOptions::default() }
}

fn read(path: &Path) -> Config {
    Config::read(path, &ReadOptions::default()).unwrap()
}

/// The message and the hint of a refusal, without the folder.
fn refusal(path: &Path, options: &ReadOptions) -> (String, String) {
    let error: Error = Config::read(path, options).unwrap_err();
    let folder = format!("{}/", path.parent().unwrap().display());
    let hint = error.hint().unwrap_or_default().replace(&folder, "");
    (error.to_string().replace(&folder, ""), hint)
}

#[test]
fn a_hydra_tree_has_a_stage_for_each_numbered_file() {
    let folder = tree();
    let config = read(&folder.path().join("conf/config.yaml"));
    assert_eq!(config.format, ConfigFormat::Hydra);
    let training = &config.training;
    let names: Vec<&str> = training.stages.iter().map(|stage| stage.name.as_str()).collect();
    assert_eq!(names, ["easy", "mixed", "hard"]);
    let negatives: Vec<u64> = training.stages.iter().map(|stage| stage.negatives).collect();
    assert_eq!(negatives, [4, 12, 24]);
    for stage in &training.stages {
        let sizes = (stage.batch_size, stage.accumulate, stage.length, stage.positives);
        assert_eq!(sizes, (4, 16, 256, 1), "one pair of those drawn is encoded at a time");
    }
    assert_eq!([0, 1, 2].map(|stage| config.n_positives(stage)), [Some(16), Some(32), Some(32)]);
    let encoder = &training.encoders[0];
    assert_eq!((encoder.shape.hidden, encoder.channels), (384, 2));
    let Trainable::Lora(lora) = &encoder.trainable else { panic!("{encoder:?}") };
    assert_eq!((lora.rank, &*lora.targets), (8, &[Target::Query, Target::Value][..]));
    let moe = training.moe.unwrap();
    assert_eq!((moe.experts, moe.active, moe.intermediate), (4, 2, 768));
    assert_eq!(training.precision, Precision::Fp16Mixed);
    assert_eq!(training.objective, Objective::Contrastive { shared_negatives: false });
    assert_eq!(training.zero_grad, ZeroGrad::BeforeBackward);
    assert_eq!(config.files().len(), 5);
}

#[test]
fn every_value_says_where_it_is_from() {
    let folder = tree();
    let config = read(&folder.path().join("conf/config.yaml"));
    let at = |stage, field| match &config.found(stage, field).unwrap().source {
        Source::File { path, place, .. } => {
            let file = place.file.file_name().unwrap().to_string_lossy().into_owned();
            (file, place.line, path.to_string())
        }
        other => panic!("{other:?}"),
    };
    let text = |file: &str, line, path: &str| (file.to_owned(), line, path.to_owned());
    assert_eq!(at(0, Field::BatchSize), text("config.yaml", 12, "data_loader.batch_size"));
    assert_eq!(at(2, Field::NNegatives), text("03_hard.yaml", 5, "curriculum.n_negatives"));
    assert_eq!(at(0, Field::LoraRank), text("minilm.yaml", 6, "model.lora.r"));
    let known = config.known();
    let optimizer = known.iter().find(|known| known.field == Field::Optimizer).unwrap();
    assert_eq!((optimizer.value.as_str(), optimizer.line), ("torch.optim.AdamW", Some(21)));
    let attention = known.iter().find(|known| known.field == Field::Attention).unwrap();
    assert_eq!(attention.from, "default of transformers");
}

#[test]
fn lightnings_files_are_read() {
    let folder = fixture("lightning");
    let config = read(&folder.path().join("config.yaml"));
    assert_eq!(config.format, ConfigFormat::Lightning);
    let Training { stages, parallel, precision, checkpointing, objective, .. } = &config.training;
    assert_eq!((stages[0].batch_size, stages[0].accumulate, stages[0].length), (24, 3, 96));
    assert_eq!((parallel.devices, parallel.zero), (2, Zero::Off));
    assert_eq!((*precision, *checkpointing), (Precision::Bf16Mixed, true));
    assert_eq!(*objective, Objective::Classification { labels: 3 });
    assert_eq!(stages[0].name, "config");
}

#[test]
fn training_arguments_are_read_with_the_models_folder() {
    let folder = fixture("transformers");
    let model = folder.path().join("model");
    let options = set(&[(Field::Model, model.to_str().unwrap())]);
    let config = Config::read(&folder.path().join("args.json"), &options).unwrap();
    assert_eq!(config.format, ConfigFormat::Transformers);
    let training = &config.training;
    assert_eq!((training.encoders[0].shape.layers, training.attention), (3, Attention::Eager));
    assert_eq!(training.objective, Objective::Classification { labels: 3 });
    assert_eq!(
        (training.precision, training.optimizer),
        (Precision::Bf16Mixed, Optimizer::AdamWFused)
    );
    assert_eq!(training.zero_grad, ZeroGrad::AfterStep);

    let config = read(&folder.path().join("args.yaml"));
    let training = &config.training;
    assert_eq!((training.stages[0].batch_size, training.stages[0].accumulate), (16, 4));
    assert_eq!((training.parallel.zero, training.precision), (Zero::Two, Precision::Fp16Mixed));
    assert_eq!(training.optimizer, Optimizer::Adafactor);
}

#[test]
fn axolotls_files_are_read() {
    let folder = fixture("axolotl");
    let path = folder.path().join("config.yaml");
    let config = read(&path);
    assert_eq!(config.format, ConfigFormat::Axolotl);
    let training = &config.training;
    assert_eq!((training.stages[0].batch_size, training.stages[0].accumulate), (4, 8));
    assert_eq!((training.precision, training.optimizer), (Precision::Bf16, Optimizer::AdamW8bit));
    let Trainable::Lora(lora) = &training.encoders[0].trainable else { panic!() };
    assert_eq!((lora.rank, lora.targets.len()), (16, 3));
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("{text}load_in_4bit: true\n")).unwrap();
    let (message, _) = refusal(&path, &ReadOptions::default());
    assert!(
        message.starts_with("config.yaml:24: `load_in_4bit`: the planner does not know"),
        "{message}"
    );
}

#[test]
fn a_map_reads_any_file() {
    let folder = tree();
    let path = folder.path().join("own.yaml");
    let map = FieldMap::read(&folder.path().join("own.map.toml")).unwrap();
    let options = ReadOptions { map: Some(map), ..ReadOptions::default() };
    let config = Config::read(&path, &options).unwrap();
    let stage = &config.training.stages[0];
    assert_eq!(
        (stage.name.as_str(), stage.batch_size, stage.accumulate, stage.length),
        ("own", 32, 2, 128)
    );
    assert_eq!(config.training.objective, Objective::Classification { labels: 3 });
    let (message, hint) = refusal(&path, &ReadOptions::default());
    assert_eq!(message, "own.yaml: no kind of training configuration that is known");
    assert!(hint.contains("--map FILE"), "{hint}");
}

#[test]
fn what_is_missing_is_asked_for_by_name() {
    let (_folder, path) = one(
        "config.yaml",
        "trainer: {devices: 1}\ndata: {bach_size: 8, max_length: 64}\n\
                                              model: {model_name: bert-base-uncased, num_labels: 2}\n",
    );
    let (message, hint) = refusal(&path, &ReadOptions::default());
    assert!(
        message.starts_with(
            "config.yaml: `batch_size` is unknown (the rows of one forward pass on one GPU)"
        ),
        "{message}"
    );
    assert!(
        message.ends_with("is `bach_size` (config.yaml:2) a slip of the pen for `batch_size`?"),
        "{message}"
    );
    assert_eq!(
        hint,
        "give it: --set batch_size=VALUE, or say where it is in a --map FILE"
            .replace(&format!("{}/", path.parent().unwrap().display()), "")
    );
    assert!(Config::read(&path, &set(&[(Field::BatchSize, "8")])).is_ok());

    let (_folder, path) = one(
        "args.yaml",
        "per_device_train_batch_size: 8\nmodel_name_or_path: my/own-model\n\
                                            max_seq_length: 64\nnum_labels: 2\n",
    );
    let (message, hint) = refusal(&path, &ReadOptions::default());
    assert_eq!(
        message,
        "args.yaml:2: `model_name_or_path`: `my/own-model` is neither a known model nor a \
                         folder with config.json"
    );
    assert!(
        hint.starts_with("give its folder: --set model=DIR; known without files are "),
        "{hint}"
    );
    let (message, _) =
        refusal(&path, &set(&[(Field::Model, "bert-base-uncased"), (Field::Labels, "none")]));
    assert_eq!(
        message,
        "args.yaml: labels (--set labels): `none` is not a whole number from 1 to 1048576"
    );
}

#[test]
fn a_key_that_is_not_read_and_nearly_would_be_is_noted() {
    let text = "trainer: {devices: 1, acumulate_grad_batches: 4}\ndata: {batch_size: 8, max_length: 64}\n\
                model: {model_name: bert-base-uncased, num_labels: 2, num_layers: 12}\n";
    let (_folder, path) = one("config.yaml", text);
    let notes = read(&path).notes;
    let [note] = notes.as_slice() else { panic!("{notes:?}") };
    let expected = ":1: `acumulate_grad_batches` is not read; `accumulate_grad_batches` would be";
    assert!(note.ends_with(expected), "{note}");
    assert_eq!(read(&folder_config(&tree())).notes, [""; 0]);
}

fn folder_config(folder: &TempDir) -> PathBuf {
    folder.path().join("conf/config.yaml")
}

#[test]
fn values_out_of_range_are_refused_where_they_stand() {
    let sound = "trainer: {devices: 1, precision: 32}\nmodel: {model_name: bert-base-uncased, num_labels: 2}\n\
                 data:\n  batch_size: 8\n  max_length: 64\n";
    for (from, to, expected) in [
        (
            "batch_size: 8",
            "batch_size: 0",
            ":4: `data.batch_size`: `0` is not a whole number from 1",
        ),
        ("batch_size: 8", "batch_size: -4", ":4: `data.batch_size`: `-4` is not a whole number"),
        ("batch_size: 8", "batch_size: 1.5", ":4: `data.batch_size`: `1.5` is not a whole number"),
        (
            "batch_size: 8",
            "batch_size: many",
            ":4: `data.batch_size`: `many` is not a whole number",
        ),
        ("batch_size: 8", "batch_size: 99999999999", ":4: `data.batch_size`: `99999999999` is not"),
        (
            "max_length: 64",
            "max_length: 4096",
            ":5: `data.max_length`: stage `config` asks for 4096",
        ),
        (
            "precision: 32",
            "precision: 64",
            ":1: `trainer.precision`: `64` is not 32-true, 16-mixed",
        ),
        ("devices: 1", "devices: 0", ":1: `trainer.devices`: `0` is not a whole number from 1"),
        ("num_labels: 2", "num_labels: two", ":2: `model.num_labels`: `two` is not a whole number"),
        ("data:", "data: [", ":5: column "),
    ] {
        let (_folder, path) = one("config.yaml", &sound.replace(from, to));
        let (message, hint) = refusal(&path, &ReadOptions::default());
        assert!(message.starts_with(&format!("config.yaml{expected}")), "{to}: {message}");
        assert!(!hint.is_empty());
    }
    let (_folder, path) = one("config.yaml", sound);
    assert!(Config::read(&path, &ReadOptions::default()).is_ok());
}

#[test]
fn stages_of_one_scalar_share_their_batch() {
    let folder = tree();
    let path = folder.path().join("conf/config.yaml");
    assert_eq!(read(&path).stages_that_share(), [[0, 1, 2]]);
    let gpu = Gpu::named("a10").unwrap();
    let options = SuggestOptions::default();
    for suggestion in read(&path).suggest(&gpu, &options).unwrap() {
        let batches: Vec<u64> =
            suggestion.stages.iter().map(|plan| plan.stage.batch_size).collect();
        assert!(batches.windows(2).all(|pair| pair[0] == pair[1]), "{batches:?}");
    }

    // A stage with both of its own goes its own way, and the others still go together.
    let easy = folder.path().join("conf/curriculum/01_easy.yaml");
    let own = "name: easy\nbatch_size: 16\naccumulate_grad_batches: 4\nn_negatives: 1\n";
    fs::write(&easy, own).unwrap();
    let config = read(&path);
    assert_eq!(config.stages_that_share(), [vec![0], vec![1, 2]]);
    let suggestions = config.suggest(&gpu, &options).unwrap();
    let stages = &suggestions[0].training.stages;
    assert_eq!(stages[1].batch_size, stages[2].batch_size);
    assert_eq!(stages.iter().map(|stage| stage.negatives).collect::<Vec<_>>(), [1, 12, 24]);
    assert!(stages.iter().all(|stage| stage.batch_size * stage.accumulate == 64));
}

#[test]
fn an_edit_of_a_tree_goes_to_the_files_that_say_it_and_a_second_one_has_nothing_to_do() {
    let folder = tree();
    let path = folder.path().join("conf/config.yaml");
    let before = fs::read_to_string(&path).unwrap();
    let config = read(&path);
    let mut wanted = config.training.clone();
    for stage in &mut wanted.stages {
        (stage.batch_size, stage.accumulate) = (32, 2);
    }
    wanted.stages[2].negatives = 20;
    wanted.precision = Precision::Bf16Mixed;
    wanted.checkpointing = true;
    let patch = Patch::new(config.documents(), &config.edits(&wanted).unwrap()).unwrap();
    assert_eq!(patch.changes().count(), 5);
    let written = patch.write(&path, &config.files()).unwrap();
    assert_eq!(written.len(), 3);
    let after = fs::read_to_string(&path).unwrap();
    let expected = before
        .replace("batch_size: 4 ", "batch_size: 32 ")
        .replace("accumulate_grad_batches: 16", "accumulate_grad_batches: 2")
        .replace("\"16-mixed\"", "\"bf16-mixed\"");
    assert_eq!(after, expected);
    let again = read(&path);
    assert_eq!(again.training, wanted);
    assert!(again.edits(&wanted).unwrap().is_empty());
}

#[test]
fn what_cannot_be_edited_says_what_to_write_and_where() {
    let folder = fixture("transformers");
    let model = folder.path().join("model");
    let path = folder.path().join("args.json");
    let options = set(&[(Field::Model, model.to_str().unwrap())]);
    let config = Config::read(&path, &options).unwrap();
    let refused = |wanted: &Training| {
        let error = config.edits(wanted).unwrap_err();
        let folder = format!("{}/", folder.path().display());
        (error.to_string().replace(&folder, ""), error.hint().unwrap_or_default().to_owned())
    };
    let wanted = Training { precision: Precision::Fp32, ..config.training.clone() };
    let (message, _) = refused(&wanted);
    assert_eq!(
        message,
        "args.json:8: `precision` would have to be 32-true, but `bf16` says it in other words"
    );

    let text =
        fs::read_to_string(&path).unwrap().replace("\t\"gradient_accumulation_steps\": 2,\n", "");
    fs::write(&path, text).unwrap();
    let config = Config::read(&path, &options).unwrap();
    let mut wanted = config.training.clone();
    wanted.stages[0].accumulate = 2;
    let error = config.edits(&wanted).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("`accumulate_grad_batches` would have to be 2, but it stands in no file")
    );
    assert_eq!(error.hint(), Some("add it by hand: `gradient_accumulation_steps: 2`"));
}

#[test]
fn references_lead_an_edit_to_the_scalar_that_says_it() {
    let text = "rows: 8 # all loaders\ndata_loader: {batch_size: \"${rows}\", max_length: 64}\n\
                training: {trainer: {accumulate_grad_batches: 2}}\n\
                model: {base_model_name: \"${oc.env:MODEL,bert-base-uncased}\", num_labels: 2}\n";
    let (_folder, path) = one("config.yaml", text);
    let config = read(&path);
    let mut wanted = config.training.clone();
    (wanted.stages[0].batch_size, wanted.stages[0].accumulate) = (16, 1);
    let patch = Patch::new(config.documents(), &config.edits(&wanted).unwrap()).unwrap();
    let changed: Vec<(&str, usize)> =
        patch.changes().map(|change| (change.name.as_str(), change.line)).collect();
    assert_eq!(changed, [("rows", 1), ("training.trainer.accumulate_grad_batches", 3)]);
    assert!(patch.diff().contains("-rows: 8 # all loaders\n+rows: 16 # all loaders\n"));
}

#[test]
fn an_edit_that_was_cut_off_stops_every_reading() {
    let folder = tree();
    let path = folder.path().join("conf/config.yaml");
    fs::write(folder.path().join("conf/config.yaml.applying"), "{\"files\": []}").unwrap();
    let (message, hint) = refusal(&path, &ReadOptions::default());
    assert_eq!(message, "config.yaml: an earlier edit of this configuration was cut off");
    assert_eq!(hint, "`fillrate plan restore config.yaml` takes it back");
}
