//! A process that scores texts when it is told to: one entrant of the race.
//!
//! The protocol is that of `benches/encoder/worker.py`: a JSON object a line. Between requests the
//! process is stopped by a signal, so that no thread of it waits by spinning while another computes.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context, bail};
use serde::de::DeserializeOwned;

use crate::command::run;

/// The longest that a worker may take to load its model and to choose its batches.
const START_LIMIT: Duration = Duration::from_secs(400);
/// The longest that a request may take; a pass is made to take about a second.
const ANSWER_LIMIT: Duration = Duration::from_secs(100);

/// A worker that has said what it is and now waits.
pub(super) struct Worker {
    child: Child,
    requests: ChildStdin,
    answers: Receiver<String>,
    /// Where its standard error goes.
    log: String,
}

impl Worker {
    /// Starts a program on the first `threads` cores and waits until it is ready; gives what it
    /// says of itself.
    ///
    /// # Errors
    ///
    /// If it cannot be started, or ends before it is ready (the error has what it said last), or is
    /// not ready in time.
    pub(super) fn start<T: DeserializeOwned>(
        program: &[&OsStr],
        threads: usize,
        hide: Option<&Path>,
        log: &Path,
    ) -> anyhow::Result<(Self, T)> {
        let cores = format!("0-{}", threads - 1);
        let mut command = Command::new("taskset");
        command.args(["-c", &cores]);
        if let Some(library) = hide {
            command.arg("env").arg(format!("LD_PRELOAD={}", library.display()));
        }
        command.args(program).stdin(Stdio::piped()).stdout(Stdio::piped());
        command.stderr(File::create(log).with_context(|| log.display().to_string())?);
        let mut child = command.spawn().context("cannot run `taskset` (of util-linux)")?;
        let (Some(requests), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            bail!("the worker has no pipes");
        };
        let log = log.display().to_string();
        let mut worker = Self { child, requests, answers: lines(answers), log };
        let about = worker.answer(START_LIMIT)?;
        worker.signal("STOP")?;
        Ok((worker, about))
    }

    /// Sends a request and gives its answer.
    ///
    /// # Errors
    ///
    /// If the worker has ended, or does not answer in time or in JSON.
    pub(super) fn ask<T: DeserializeOwned>(&mut self, request: &str) -> anyhow::Result<T> {
        self.signal("CONT")?;
        writeln!(self.requests, "{request}").context("the worker has ended")?;
        let answer = self.answer(ANSWER_LIMIT)?;
        self.signal("STOP")?;
        Ok(answer)
    }

    /// The most memory that the worker has held so far, in MB of 10⁶ bytes; `None` if the system
    /// does not tell.
    pub(super) fn memory_peak_mb(&self) -> Option<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        let kib: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
        Some(kib * 1024.0 / 1e6)
    }

    fn answer<T: DeserializeOwned>(&mut self, limit: Duration) -> anyhow::Result<T> {
        let line = match self.answers.recv_timeout(limit) {
            Ok(line) => line,
            Err(RecvTimeoutError::Timeout) => {
                let limit = limit.as_secs();
                bail!("no answer in {limit} s; are other programs busy on these cores?")
            }
            Err(RecvTimeoutError::Disconnected) => {
                let said = fs::read_to_string(&self.log).unwrap_or_default();
                let last = said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("nothing");
                bail!("it ended: {} (all it said is in {})", last.trim(), self.log)
            }
        };
        serde_json::from_str(&line).with_context(|| format!("the worker answered {line:?}"))
    }

    fn signal(&self, name: &str) -> anyhow::Result<()> {
        run(Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()))
    }
}

/// The lines that a worker writes, as they come; the thread ends with the worker.
fn lines(answers: ChildStdout) -> Receiver<String> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        for line in BufReader::new(answers).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    receiver
}

impl Drop for Worker {
    fn drop(&mut self) {
        // It holds nothing that is worth a tidy end. That it has ended already is no matter.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
