//! One look at the machine: processor, memory and GPUs.

mod cgroup;
mod cpu;
mod gpu;
mod isa;
mod memory;
mod topology;

use serde::Serialize;

pub use self::cgroup::CgroupLimits;
pub use self::cpu::Cpu;
pub use self::gpu::{Gpu, Gpus, Version};
pub use self::isa::Isa;
pub use self::memory::Memory;
pub use self::topology::{Cache, CacheKind};

/// What is here.
///
/// ```
/// let machine = fillrate_device::probe::Machine::probe();
/// assert!(machine.cpu.threads_advised >= 1);
/// ```
#[derive(Clone, Debug, Serialize)]
pub struct Machine {
    /// The operating system: `linux`, `macos`, `windows`.
    pub os: &'static str,
    /// The architecture the program was built for: `x86_64`, `aarch64`.
    pub arch: &'static str,
    /// The processor.
    pub cpu: Cpu,
    /// The main memory.
    pub memory: Memory,
    /// The NVIDIA GPUs.
    pub gpus: Gpus,
}

impl Machine {
    /// Looks once. It takes some milliseconds, and about a second where a GPU driver has to wake.
    #[must_use]
    pub fn probe() -> Self {
        let limits = CgroupLimits::of_process();
        let system = memory::look();
        Self {
            os: std::env::consts::OS,
            arch: std::env::consts::ARCH,
            cpu: Cpu::probe(system.as_ref(), limits),
            memory: Memory::probe(system.as_ref(), limits),
            gpus: Gpus::probe(),
        }
    }
}
