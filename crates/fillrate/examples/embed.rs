//! Sentence embeddings of an encoder: JSON strings on standard input, one a line, to JSON arrays
//! on standard output.
//!
//! ```sh
//! echo '"Profits soar"' | cargo run -q -p fillrate --example embed -- DIR [fp32|bf16|int8]
//! ```
//!
//! `DIR` is a Hugging Face directory such as that of all-MiniLM-L6-v2.

use std::error::Error;
use std::io::{self, BufRead, BufWriter, Write};
use std::path::PathBuf;

use fillrate::text::encoder::{Encoder, LoadOptions};
use fillrate::text::{PackedBatch, Tokenizer};
use fillrate_kernels::Precision;

/// Texts embedded in one pass.
const BATCH: usize = 16;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let directory = PathBuf::from(arguments.next().ok_or("usage: embed DIR [fp32|bf16|int8]")?);
    let precision = match arguments.next().as_deref() {
        None => None,
        Some("fp32") => Some(Precision::Fp32),
        Some("bf16") => Some(Precision::Bf16),
        Some("int8") => Some(Precision::Int8),
        Some(other) => return Err(format!("no such precision: {other}").into()),
    };
    let encoder = Encoder::load(&directory, LoadOptions { precision, ..LoadOptions::default() })?;
    let longest = encoder.config().max_sequence();
    let tokenizer = Tokenizer::from_dir(&directory, Some(longest))?;
    let mut scratch = encoder.scratch(BATCH * longest);
    let (mut ids, mut embeddings) = (Vec::new(), Vec::new());
    let mut output = BufWriter::new(io::stdout().lock());
    let lines: Vec<String> = io::stdin().lock().lines().collect::<Result<_, _>>()?;
    for lines in lines.chunks(BATCH) {
        let mut batch = PackedBatch::default();
        for line in lines {
            ids.clear();
            tokenizer.encode_into(&serde_json::from_str::<String>(line)?, &mut ids)?;
            batch.push(&ids);
        }
        encoder.embed(&batch, &mut scratch, &mut embeddings)?;
        for embedding in embeddings.chunks_exact(encoder.config().hidden) {
            serde_json::to_writer(&mut output, embedding)?;
            output.write_all(b"\n")?;
        }
    }
    Ok(output.flush()?)
}
