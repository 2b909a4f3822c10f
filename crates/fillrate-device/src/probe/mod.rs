//! One look at the machine: processor, memory and GPUs.

mod cgroup;
mod cpu;
mod gpu;
mod isa;
mod memory;
mod sensors;
mod topology;

use serde::Serialize;

pub use self::cgroup::CgroupLimits;
pub use self::cpu::Cpu;
pub use self::gpu::{Gpu, Gpus, Version};
pub use self::isa::Isa;
pub use self::memory::Memory;
pub use self::sensors::Sensors;
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
    /// Looks once. It takes some milliseconds, and up to seconds where a GPU's driver has to wake:
    /// who needs no GPU asks [`processor_and_memory`].
    #[must_use]
    pub fn probe() -> Self {
        let (cpu, memory) = processor_and_memory();
        Self {
            os: std::env::consts::OS,
            arch: std::env::consts::ARCH,
            cpu,
            memory,
            gpus: Gpus::probe(),
        }
    }
}

/// The processor and the memory alone, in some milliseconds.
#[must_use]
pub fn processor_and_memory() -> (Cpu, Memory) {
    let limits = CgroupLimits::of_process();
    let system = memory::look();
    (Cpu::probe(system.as_ref(), limits), Memory::probe(system.as_ref(), limits))
}
