//! Fillrate's side of the race of the encoders (`cargo xtask bench encoder`): the counterpart of
//! `benches/encoder/worker.py`, which has the protocol.

use std::error::Error;
use std::fs;
use std::io::{self, BufRead, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use fillrate::text::batch::{
    BatchOptions, ItemError, Mode, PackedClassifier, Provenance, Scored, Scorer,
};
use fillrate::text::encoder::{EncoderClassifier, LoadOptions};
use fillrate::text::{Forward, Label, LabelMap, Tokenizer};
use fillrate_kernels::Precision;
use serde::Deserialize;
use serde_json::json;

/// The first pass; each further one is of twice as many texts, until one takes long enough to tell
/// the speed. Meanwhile the batcher settles on its budget.
const WARM_UP_TEXTS: usize = 64;
const WARM_UP_SECONDS: f64 = 1.0;

#[derive(Deserialize)]
struct Settings {
    model: PathBuf,
    precision: String,
    threads: usize,
    texts: PathBuf,
}

fn main() -> Result<(), Box<dyn Error>> {
    let usage = "usage: bench_worker '{\"model\": …, \"precision\": …, …}'";
    let settings: Settings = serde_json::from_str(&std::env::args().nth(1).ok_or(usage)?)?;
    let texts: Vec<String> = serde_json::from_str(&fs::read_to_string(&settings.texts)?)?;
    let scorer = load(&settings)?;
    let mut count = WARM_UP_TEXTS.min(texts.len());
    let mut seconds = timed(&scorer, &texts[..count])?;
    while seconds < WARM_UP_SECONDS && count < texts.len() {
        count = (2 * count).min(texts.len());
        seconds = timed(&scorer, &texts[..count])?;
    }
    let mut output = io::stdout().lock();
    let about = json!({ "texts_per_s": count as f64 / seconds });
    writeln!(output, "{about}")?;
    for line in io::stdin().lock().lines() {
        let line = line?;
        match line.split_whitespace().collect::<Vec<_>>()[..] {
            ["run", count] => {
                let seconds = timed(&scorer, &texts[..count.parse()?])?;
                writeln!(output, "{}", json!({ "seconds": seconds }))?;
            }
            ["answers", path, count] => {
                let answers = probabilities(&scorer, &texts[..count.parse()?])?;
                let values = answers.iter().flatten();
                fs::write(path, values.flat_map(|value| value.to_le_bytes()).collect::<Vec<_>>())?;
                writeln!(output, "{{}}")?;
            }
            ["quit"] => break,
            _ => return Err(format!("no such request: {line:?}").into()),
        }
        output.flush()?;
    }
    Ok(())
}

/// The scorer that `fillrate score` would use.
fn load(settings: &Settings) -> Result<Scorer, Box<dyn Error>> {
    let named = |precision: &&Precision| precision.as_str() == settings.precision;
    let precisions = [Precision::Fp32, Precision::Bf16, Precision::Int8];
    let precision = precisions.iter().find(named).ok_or("no such precision")?;
    let options = LoadOptions { precision: Some(*precision), ..LoadOptions::default() };
    let model = EncoderClassifier::load(&settings.model, options)?;
    let tokenizer = Tokenizer::from_dir(Path::new(&settings.model), Some(model.max_sequence()))?;
    let labels = LabelMap { classes: Label::ALL.to_vec() };
    let provenance = Provenance {
        model: "bench".into(),
        precision: settings.precision.clone(),
        device: "cpu".into(),
    };
    let options = BatchOptions { workers: settings.threads, ..BatchOptions::new(Mode::Throughput) };
    let classifier = PackedClassifier::new(model, tokenizer, labels, provenance, &options)?;
    Ok(Scorer::new(classifier, options))
}

/// The probabilities of each text, in the order of the labels.
fn probabilities(scorer: &Scorer, texts: &[String]) -> Result<Vec<[f32; 3]>, ItemError> {
    let row = |answer: Result<Scored, ItemError>| {
        let answer = answer?.sentiment.probabilities;
        Ok([answer.negative, answer.neutral, answer.positive])
    };
    scorer.score_all(texts).into_iter().map(row).collect()
}

/// The seconds from the texts to their probabilities.
fn timed(scorer: &Scorer, texts: &[String]) -> Result<f64, ItemError> {
    let start = Instant::now();
    probabilities(scorer, texts)?;
    Ok(start.elapsed().as_secs_f64())
}
