//! VADER's four scores of each text: JSON strings on standard input, one a line, to JSON arrays
//! `[negative, neutral, positive, compound]` on standard output.
//!
//! ```sh
//! echo '"Profits SOAR!"' | cargo run -q -p fillrate --example vader_jsonl
//! ```

use std::io::{self, BufRead, BufWriter, Write};

use fillrate::text::vader::Vader;

fn main() -> io::Result<()> {
    let vader = Vader::new();
    let mut output = BufWriter::new(io::stdout().lock());
    for line in io::stdin().lock().lines() {
        let text: String = serde_json::from_str(&line?)?;
        let scores = vader.polarity_scores(&text);
        serde_json::to_writer(
            &mut output,
            &[scores.negative, scores.neutral, scores.positive, scores.compound],
        )?;
        output.write_all(b"\n")?;
    }
    output.flush()
}
