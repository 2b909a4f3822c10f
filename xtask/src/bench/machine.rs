//! What a measurement was made on and of.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread::available_parallelism;

use serde::Serialize;

use crate::command::output_of;

/// Instructions that decide how fast an encoder is.
const INSTRUCTIONS: [&str; 7] =
    ["avx2", "avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8"];

/// A machine, and how busy it was when the race began.
#[derive(Debug, Serialize)]
pub(super) struct Machine {
    pub(super) processor: String,
    pub(super) cores: usize,
    pub(super) instructions: Vec<&'static str>,
    /// Whether a process may make CPUID fault, which hiding instructions needs.
    pub(super) cpuid_fault: bool,
    /// Of one minute.
    pub(super) load_average: f64,
    pub(super) kernel: String,
}

impl Machine {
    pub(super) fn read() -> Self {
        let information = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let field = |name: &str| {
            let line = information.lines().find(|line| line.starts_with(name))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        };
        let numbers =
            ["cpu family", "model\t", "stepping"].map(|name| field(name).unwrap_or_default());
        let name = field("model name").unwrap_or_else(|| "unknown".into());
        let [family, model, stepping] = numbers;
        let flags = field("flags").unwrap_or_default();
        let has = |flag: &str| flags.split_whitespace().any(|other| other == flag);
        let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        Self {
            processor: format!("{name}, family {family}, model {model}, stepping {stepping}"),
            cores: available_parallelism().map_or(1, usize::from),
            instructions: INSTRUCTIONS.into_iter().filter(|flag| has(flag)).collect(),
            cpuid_fault: has("cpuid_fault"),
            load_average: load.split(' ').next().and_then(|word| word.parse().ok()).unwrap_or(0.0),
            kernel: kernel.trim().to_owned(),
        }
    }
}

/// The commit that is checked out; `+` after it if tracked files differ from it.
pub(super) fn commit() -> anyhow::Result<String> {
    let commit = output_of(Command::new("git").args(["rev-parse", "--short=12", "HEAD"]))?;
    let changes = output_of(Command::new("git").args(["status", "--porcelain", "-uno"]))?;
    let mark = if changes.is_empty() { "" } else { "+" };
    Ok(format!("{}{mark}", commit.trim()))
}

/// Today, as the machine's clock has it.
pub(super) fn date() -> anyhow::Result<String> {
    Ok(output_of(Command::new("date").args(["-u", "+%Y-%m-%d"]))?.trim().to_owned())
}

/// The version of each package that `requirements` names, as the Python has them installed.
pub(super) fn versions(
    python: &Path,
    requirements: &Path,
) -> anyhow::Result<BTreeMap<String, String>> {
    const PROGRAM: &str = "\
import json, sys
from importlib.metadata import version
names = [line.split('==')[0].strip() for line in open(sys.argv[1]) if '==' in line]
print(json.dumps({name: version(name) for name in names}))";
    let found = output_of(Command::new(python).args(["-c", PROGRAM]).arg(requirements))?;
    Ok(serde_json::from_str(&found)?)
}
