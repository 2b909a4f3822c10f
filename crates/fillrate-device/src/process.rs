//! The memory that this process takes.

use std::fs;

use serde::Serialize;

/// The memory of this process that lies in RAM: its own pages, and those of files it has mapped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ProcessMemory {
    /// Now.
    pub resident_bytes: Option<u64>,
    /// The most since the process began or [`reset_peak`] succeeded.
    pub peak_bytes: Option<u64>,
}

impl ProcessMemory {
    /// Reads it, on Linux; elsewhere both are `None`.
    #[must_use]
    pub fn read() -> Self {
        fs::read_to_string("/proc/self/status").map_or_else(|_| Self::default(), |s| Self::of(&s))
    }

    /// The memory in a `/proc/PID/status`.
    fn of(status: &str) -> Self {
        let bytes = |name: &str| {
            let value = status.lines().find_map(|line| line.strip_prefix(name))?;
            let kib: u64 = value.trim().strip_suffix("kB")?.trim_end().parse().ok()?;
            kib.checked_mul(1024)
        };
        Self { resident_bytes: bytes("VmRSS:"), peak_bytes: bytes("VmHWM:") }
    }

    /// Whether the peak is what is resident, give or take what came and went in between.
    fn is_near_peak(self) -> bool {
        const NEAR_BYTES: u64 = 1 << 20;
        matches!(
            (self.resident_bytes, self.peak_bytes),
            (Some(resident), Some(peak)) if peak <= resident.saturating_add(NEAR_BYTES)
        )
    }
}

/// Lets [`ProcessMemory::peak_bytes`] begin anew at what is resident now. Returns whether it does:
/// not every system can.
///
/// Source: `proc_pid_clear_refs(5)`, value 5.
#[must_use]
pub fn reset_peak() -> bool {
    // Some systems take the value and do nothing.
    fs::write("/proc/self/clear_refs", "5").is_ok() && ProcessMemory::read().is_near_peak()
}

/// Gives memory that was freed, but kept for use again, back to the system, where the allocator can
/// be told to: what is measured next is then not taken out of what was measured before.
pub fn release_unused() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[allow(unsafe_code, reason = "glibc's own function has no other way in")]
    {
        unsafe extern "C" {
            /// Source: `malloc_trim(3)`.
            fn malloc_trim(pad: usize) -> i32;
        }
        // SAFETY: any padding is valid, the function is safe to call from any thread, and it
        // touches no memory that is in use.
        let _released = unsafe { malloc_trim(0) };
    }
}

/// One process has one memory: tests that measure it or take much of it take turns.
#[cfg(test)]
pub(crate) static TURN: std::sync::Mutex<()> = std::sync::Mutex::new(());

#[cfg(test)]
mod tests {
    #[cfg(target_os = "linux")]
    use std::sync::PoisonError;

    use super::*;

    #[test]
    fn memory_is_read_as_linux_writes_it() {
        let status = "Name:\tx\nVmPeak:\t  9 kB\nVmHWM:\t    1668 kB\nVmRSS:\t    1500 kB\n";
        let memory = ProcessMemory::of(status);
        assert_eq!(memory.resident_bytes, Some(1500 * 1024));
        assert_eq!(memory.peak_bytes, Some(1668 * 1024));
        assert_eq!(ProcessMemory::of("VmRSS: lots\n"), ProcessMemory::default());
    }

    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[test]
    fn freed_memory_is_given_back() {
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        // Too small, each, to be mapped on its own; the last keeps the heap from shrinking.
        let mut pieces: Vec<Vec<u8>> = (0..20_000).map(|_| vec![1; 4 << 10]).collect();
        let last = pieces.pop();
        drop(std::hint::black_box(pieces));
        let before = ProcessMemory::read().resident_bytes.unwrap();
        release_unused();
        let after = ProcessMemory::read().resident_bytes.unwrap();
        assert!(after + (32 << 20) < before, "{before} bytes became {after}");
        drop(last);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_peak_is_remembered_until_it_is_reset() {
        const BYTES: u64 = 64 << 20;
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let before = ProcessMemory::read().resident_bytes.unwrap();
        drop(std::hint::black_box(vec![1_u8; BYTES as usize]));
        let after = ProcessMemory::read();
        // The kernel counts in batches, so that neither figure is exact.
        assert!(after.peak_bytes.unwrap() > before + BYTES / 2, "{after:?}");
        assert!(after.resident_bytes.unwrap() < before + BYTES / 2, "{after:?}");
        if reset_peak() {
            let reset = ProcessMemory::read();
            assert!(reset.peak_bytes.unwrap() < before + BYTES / 2, "{reset:?}");
        }
    }
}
