//! Compares `fillrate::text::Tokenizer` with `tokenizers` on any number of generated texts.
//!
//! ```text
//! cargo run --release -p fillrate --example fuzz_tokens -- [--count N] [--seed S] [--dir DIR]...
//! ```
//!
//! `--count` (1,000,000) texts are generated from `--seed` (1) and compared for each `--dir`, a
//! directory with a `tokenizer.json`; without any, for the test tokenizers of this repository. The
//! first difference is printed and ends the run with exit code 1.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use fillrate::text::Tokenizer;
use rayon::prelude::*;
use tokenizers::TruncationParams;

#[allow(clippy::unwrap_used, reason = "shared with the tests")]
#[path = "../tests/it/token_texts.rs"]
mod token_texts;
use token_texts::{Texts, golden_dir};

/// Texts per independent stream: what one thread does at a time.
const TEXTS_PER_STREAM: u64 = 2_000;

/// Room for all of a text (four times out of six), for some of it, and for a single token.
const LENGTHS_MAX: [usize; 6] = [512, 512, 512, 512, 24, 3];

struct Options {
    count: u64,
    seed: u64,
    dirs: Vec<PathBuf>,
}

fn main() -> ExitCode {
    let result = options().and_then(|options| {
        options.dirs.iter().try_for_each(|dir| compare(dir, options.count, options.seed))
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn options() -> Result<Options, Box<dyn Error>> {
    let mut options = Options { count: 1_000_000, seed: 1, dirs: Vec::new() };
    let mut arguments = std::env::args().skip(1);
    while let Some(flag) = arguments.next() {
        let value = arguments.next().ok_or_else(|| format!("{flag} needs a value"))?;
        match flag.as_str() {
            "--count" => options.count = value.parse()?,
            "--seed" => options.seed = value.parse()?,
            "--dir" => options.dirs.push(value.into()),
            _ => return Err(format!("unknown flag {flag}: --count, --seed or --dir").into()),
        }
    }
    if options.dirs.is_empty() {
        let names = ["wordpiece-uncased", "wordpiece-cased", "byte-level-bpe"];
        options.dirs = names.map(|name| golden_dir().join(name)).into();
    }
    Ok(options)
}

/// Compares one tokenizer on `count` texts.
fn compare(dir: &Path, count: u64, seed: u64) -> Result<(), Box<dyn Error>> {
    let pairs =
        LENGTHS_MAX.iter().map(|length| pair(dir, *length)).collect::<Result<Vec<_>, _>>()?;
    if !pairs[0].0.is_fast() {
        return Err(format!("{}: has no fast path to compare", dir.display()).into());
    }
    let started = Instant::now();
    let streams = count.div_ceil(TEXTS_PER_STREAM);
    let tokens: u64 = (0..streams)
        .into_par_iter()
        .map(|stream| {
            let texts = TEXTS_PER_STREAM.min(count - stream * TEXTS_PER_STREAM);
            compare_stream(&pairs, texts, seed.wrapping_add(stream << 32))
        })
        .try_reduce(|| 0, |a, b| Ok(a + b))?;
    let seconds = started.elapsed().as_secs_f64();
    println!("{}: {count} texts, {tokens} tokens, all equal ({seconds:.0} s)", dir.display());
    Ok(())
}

fn pair(
    dir: &Path,
    max_length: usize,
) -> Result<(Tokenizer, tokenizers::Tokenizer), Box<dyn Error>> {
    let mut exact = tokenizers::Tokenizer::from_file(dir.join("tokenizer.json"))
        .map_err(|error| format!("{}: {error}", dir.display()))?;
    let truncation = TruncationParams { max_length, ..TruncationParams::default() };
    exact.with_truncation(Some(truncation)).map_err(|error| error.to_string())?;
    exact.with_padding(None);
    Ok((Tokenizer::from_dir(dir, Some(max_length))?, exact))
}

/// Compares on the texts of one stream; returns the number of tokens.
fn compare_stream(
    pairs: &[(Tokenizer, tokenizers::Tokenizer)],
    texts: u64,
    seed: u64,
) -> Result<u64, String> {
    let mut source = Texts::new(seed);
    let (mut ids, mut tokens) = (Vec::new(), 0);
    for (_, (tokenizer, exact)) in (0..texts).zip(pairs.iter().cycle()) {
        let text = source.text();
        ids.clear();
        tokenizer.encode_into(&text, &mut ids).map_err(|error| error.to_string())?;
        let expected = exact.encode_fast(text.as_str(), true).map_err(|error| error.to_string())?;
        if ids != expected.get_ids() {
            return Err(format!(
                "{text:?}\n  ours     {ids:?}\n  expected {:?}",
                expected.get_ids()
            ));
        }
        tokens += ids.len() as u64;
    }
    Ok(tokens)
}
