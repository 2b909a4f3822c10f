//! Tokens per second on headlines, one thread: `fillrate::text::Tokenizer` beside `tokenizers`.
//!
//! `FILLRATE_BENCH_TOKENIZER` names a further directory with a `tokenizer.json` to measure, such as
//! one with the vocabulary of a real model.

#![allow(clippy::unwrap_used, reason = "a benchmark that cannot set up its input has failed")]
#![allow(clippy::print_stderr, reason = "the ratio is reported on the terminal")]
#![allow(missing_docs, reason = "criterion's macros make public functions")]

use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use fillrate::text::Tokenizer;
use tokenizers::TruncationParams;

#[allow(dead_code, reason = "shared with the tests, which generate texts too")]
#[path = "../tests/it/token_texts.rs"]
mod token_texts;
use token_texts::{golden_dir, headlines};

/// Interleaved rounds of the ratio: the median of 31 is steady on a machine that does other work.
const ROUNDS: usize = 31;

fn tokenize(criterion: &mut Criterion) {
    let names = ["wordpiece-uncased", "wordpiece-cased", "byte-level-bpe"];
    for name in names {
        measure(criterion, name, &golden_dir().join(name));
    }
    if let Some(dir) = std::env::var_os("FILLRATE_BENCH_TOKENIZER") {
        measure(criterion, "given", Path::new(&dir));
    }
}

fn measure(criterion: &mut Criterion, name: &str, dir: &Path) {
    let texts = headlines();
    let tokenizer = Tokenizer::from_dir(dir, Some(512)).unwrap();
    let mut exact = tokenizers::Tokenizer::from_file(dir.join("tokenizer.json")).unwrap();
    let truncation = TruncationParams { max_length: 512, ..TruncationParams::default() };
    exact.with_truncation(Some(truncation)).unwrap();
    exact.with_padding(None);

    let mut ids = Vec::new();
    let mut ours = || {
        ids.clear();
        for text in &texts {
            tokenizer.encode_into(text, &mut ids).unwrap();
        }
        ids.len()
    };
    let theirs = || {
        let encode = |text: &String| exact.encode_fast(text.as_str(), true).unwrap().len();
        texts.iter().map(encode).sum::<usize>()
    };
    let tokens = ours();
    assert_eq!(tokens, theirs());

    // Passes of about equal duration lose about as much to other work on the machine.
    let repeats = time(theirs).as_nanos().div_ceil(time(&mut ours).as_nanos().max(1)) as u32;
    let mut ours_repeated = || (0..repeats).map(|_| ours()).sum();
    let (mut times_ours, mut times_theirs): (Vec<_>, Vec<_>) =
        (0..ROUNDS).map(|_| (time(&mut ours_repeated) / repeats, time(theirs))).unzip();
    times_ours.sort_unstable();
    times_theirs.sort_unstable();
    let (median_ours, median_theirs) = (times_ours[ROUNDS / 2], times_theirs[ROUNDS / 2]);
    let rate = |time: Duration| tokens as f64 / time.as_secs_f64() / 1e6;
    eprintln!(
        "{name}: {:.2} M tokens/s against {:.2} M of tokenizers: {:.1} times",
        rate(median_ours),
        rate(median_theirs),
        median_theirs.as_secs_f64() / median_ours.as_secs_f64()
    );

    let mut group = criterion.benchmark_group(format!("tokenize/{name}"));
    group.throughput(Throughput::Elements(tokens as u64)).sample_size(20);
    group.bench_function("fillrate", |bencher| bencher.iter(|| black_box(ours())));
    group.bench_function("tokenizers", |bencher| bencher.iter(|| black_box(theirs())));
    group.finish();
}

fn time(mut pass: impl FnMut() -> usize) -> Duration {
    let started = Instant::now();
    black_box(pass());
    started.elapsed()
}

criterion_group!(benches, tokenize);
criterion_main!(benches);
