//! A GPU: its memory, its kernels, and queues of work on it.
#![allow(unsafe_code, reason = "launches and copies name device memory by its address")]

use std::collections::HashMap;
use std::ffi::c_void;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use fillrate_device::cuda::{
    Context, CubinCache, CubinKey, CudaBackend, DeviceLimits, Function, Graph, Library, Module,
    Nvrtc, PinnedBuffer, Stream,
};
use fillrate_device::memory::{
    DeviceMemory, FixedAllocation, MemoryOptions, Pool, PoolKind, Request,
};
use fillrate_device::probe::{Sensors, Version};

use super::blas::{Blas, WORKSPACE_BYTES};
use super::{
    Accelerator, Address, DenseProduct, Element, Launch, Memory, Product, Program, Queue, Region,
};
use crate::{Error, Result};

/// The staging memory of a queue at first: enough for the token ids of a large batch.
const STAGING_BYTES: usize = 1 << 20;

/// The most graphs that a queue keeps. Sizes of batches beyond are launched kernel by kernel.
const GRAPHS_MAX: usize = 64;

/// The type that a GPU computes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GpuPrecision {
    /// bf16 from compute capability 8.0 on, else fp16: what its matrix units are made for.
    Best,
    /// bfloat16.
    Bf16,
    /// IEEE half precision.
    Fp16,
}

impl GpuPrecision {
    /// The type for a GPU.
    const fn for_capability(self, capability: Version) -> Element {
        match self {
            Self::Bf16 => Element::Bf16,
            Self::Best if capability.major >= 8 => Element::Bf16,
            Self::Best | Self::Fp16 => Element::Fp16,
        }
    }
}

/// The first capability whose matrix units multiply 8-bit floats: Ada's.
///
/// Source: CUDA C++ Programming Guide, "Compute Capabilities".
const FP8_CAPABILITY: Version = Version { major: 8, minor: 9 };

/// How a GPU is used.
#[derive(Clone, Debug, Default)]
pub struct GpuOptions {
    /// How much of its memory is ours.
    pub memory: MemoryOptions,
    /// Where compiled kernels are kept; they are compiled anew by each process without one.
    pub cubins: Option<PathBuf>,
}

/// One GPU.
pub struct Gpu {
    context: Arc<Context>,
    backend: Arc<CudaBackend>,
    memory: DeviceMemory,
    cubins: Option<CubinCache>,
    programs: Mutex<HashMap<Program, Arc<Kernels>>>,
    element: Element,
}

/// The kernels of one program, loaded.
type Kernels = HashMap<&'static str, Function>;

impl Gpu {
    /// Opens GPU `ordinal` in CUDA's order.
    ///
    /// # Errors
    ///
    /// If the driver, NVRTC or cuBLASLt is missing, there is no such GPU, or its memory cannot be
    /// had.
    pub fn open(ordinal: u32, precision: GpuPrecision, options: &GpuOptions) -> Result<Self> {
        // Before anything is taken: whoever lacks a library should hear of it first.
        for library in Library::ALL {
            library.require()?;
        }
        let context = Context::open(ordinal)?;
        let element = precision.for_capability(context.limits().capability);
        let backend = Arc::new(CudaBackend::new(&context));
        let memory = DeviceMemory::new(backend.clone(), options.memory)?;
        let cubins = options.cubins.clone().map(CubinCache::new);
        Ok(Self { context, backend, memory, cubins, programs: Mutex::default(), element })
    }

    /// What kernels are launched with.
    #[must_use]
    pub fn limits(&self) -> &DeviceLimits {
        self.context.limits()
    }

    /// Its memory, as far as it is ours.
    #[must_use]
    pub const fn memory(&self) -> &DeviceMemory {
        &self.memory
    }

    /// The kernels of a program, compiled at its first use.
    fn kernels(&self, program: Program) -> Result<Arc<Kernels>> {
        let mut programs = lock(&self.programs);
        if let Some(kernels) = programs.get(&program) {
            return Ok(Arc::clone(kernels));
        }
        let mut kernels = Kernels::new();
        if !program.kernels().is_empty() {
            let module = Module::load(&self.context, &self.compile(program)?)?;
            for name in program.kernels() {
                kernels.insert(name, module.function(name)?);
            }
        }
        let kernels = Arc::new(kernels);
        programs.insert(program, Arc::clone(&kernels));
        Ok(kernels)
    }

    fn compile(&self, program: Program) -> Result<Vec<u8>> {
        let (nvrtc, architecture) = Nvrtc::find(self.limits().capability)?;
        let source = &program.source();
        let (architecture, options) = (&architecture, &program.options());
        let compile = || nvrtc.compile(source, architecture, options).map(|made| made.cubin);
        let Some(cache) = &self.cubins else { return Ok(compile()?) };
        let key = CubinKey { source, options, architecture, nvrtc: nvrtc.version() };
        Ok(cache.get_or_compile(&key, compile)?.bytes)
    }
}

impl Accelerator for Gpu {
    fn element(&self) -> Element {
        self.element
    }

    fn require_fp8(&self) -> Result<()> {
        let capability = self.limits().capability;
        if capability >= FP8_CAPABILITY {
            return Ok(());
        }
        let needs = format!(
            "a GPU of compute capability {FP8_CAPABILITY} or later, and this one's is {capability}"
        );
        Err(Error::Unsupported { device: self.name(), what: "fp8", needs })
    }

    fn name(&self) -> String {
        format!("cuda:{}", self.context.ordinal())
    }

    fn queue(&self, program: Program) -> Result<Arc<dyn Queue>> {
        let kernels = self.kernels(program)?;
        let stream = self.backend.stream()?;
        let staging = PinnedBuffer::zeroed(&self.context, STAGING_BYTES)?;
        let state = State { blas: None, staging, staged: 0, graphs: HashMap::new() };
        let queue = GpuQueue {
            stream,
            kernels,
            pool: self.memory.pool(PoolKind::Workspace),
            state: Mutex::new(state),
            program,
            shared_bytes_max: self.limits().shared_bytes_max,
            workspace: OnceLock::new(),
        };
        if !matches!(program, Program::Prices) {
            // What is sure to be needed should be missed now.
            queue.blas(&mut lock(&queue.state))?;
        }
        Ok(Arc::new(queue))
    }

    fn allocate(&self, memory: Memory, bytes: usize, owner: &'static str) -> Result<Region> {
        let pool = match memory {
            Memory::Persistent => PoolKind::Persistent,
            Memory::Workspace => PoolKind::Workspace,
        };
        let request = Request::new(bytes as u64).tagged(owner);
        let allocation = self.memory.pool(pool).allocate(&request)?.into_fixed();
        Ok(Region::new(Address(allocation.address()), bytes, Box::new(allocation)))
    }

    fn trim(&self) -> Result<u64> {
        Ok(self.memory.trim()?)
    }

    fn sensors(&self) -> Option<Sensors> {
        Sensors::open(&self.context.uuid().ok()?)
    }
}

/// One stream of a GPU, with the kernels of one program.
struct GpuQueue {
    stream: Arc<Stream>,
    kernels: Arc<Kernels>,
    /// Where the workspace is taken from.
    pool: Pool,
    state: Mutex<State>,
    program: Program,
    shared_bytes_max: u32,
    /// What cuBLASLt works in. Dropped after the stream, which waits for its work.
    workspace: OnceLock<FixedAllocation>,
}

impl Drop for GpuQueue {
    fn drop(&mut self) {
        // cuBLASLt lets go of its handle in the thread's context, and whoever drops this may have none.
        // A driver that refuses has lost the handle with the context.
        let _ = self.stream.bind();
    }
}

/// What a queue changes.
struct State {
    /// `None` until there is a product.
    blas: Option<Blas>,
    /// Page-locked memory on its way to the device.
    staging: PinnedBuffer<u8>,
    /// How much of it copies that may be under way read.
    staged: usize,
    /// The work of a size of batch: none at its first sight, when libraries load what they need, which
    /// cannot be captured; then its graph.
    graphs: HashMap<u64, Option<Graph>>,
}

impl GpuQueue {
    /// Room for `bytes` bytes in the staging memory: where they begin.
    fn stage(&self, state: &mut State, bytes: usize) -> Result<usize> {
        if state.staged + bytes > state.staging.len() {
            // What was staged has been copied then.
            self.stream.synchronize()?;
            state.staged = 0;
            if bytes > state.staging.len() {
                let len = bytes.next_power_of_two();
                state.staging = PinnedBuffer::zeroed(self.stream.context(), len)?;
            }
        }
        let begin = state.staged;
        state.staged += bytes;
        Ok(begin)
    }

    /// cuBLASLt on this stream.
    fn blas<'a>(&self, state: &'a mut State) -> Result<&'a mut Blas> {
        let blas = match state.blas.take() {
            Some(blas) => blas,
            None => Blas::new(self.workspace()?)?,
        };
        Ok(state.blas.insert(blas))
    }

    fn workspace(&self) -> Result<Address> {
        if let Some(workspace) = self.workspace.get() {
            return Ok(Address(workspace.address()));
        }
        let request = Request::new(WORKSPACE_BYTES as u64).on(self.stream.id());
        let workspace = self.pool.allocate(&request.tagged("cuBLASLt workspace"))?.into_fixed();
        Ok(Address(self.workspace.get_or_init(|| workspace).address()))
    }
}

impl Queue for GpuQueue {
    fn shared_bytes_max(&self) -> u32 {
        self.shared_bytes_max
    }

    fn program(&self) -> Program {
        self.program
    }

    fn launch(&self, launch: &Launch<'_>) -> Result<()> {
        let Some(kernel) = self.kernels.get(launch.kernel) else {
            let (expected, got) = ("a kernel of the program".to_owned(), launch.kernel.to_owned());
            return Err(Error::Shape { op: "launch", expected, got });
        };
        let mut values = [[0_u8; 8]; ARGUMENTS_MAX];
        let mut pointers = [std::ptr::null_mut::<c_void>(); ARGUMENTS_MAX];
        assert!(launch.arguments.len() <= ARGUMENTS_MAX, "{}", launch.kernel);
        for ((value, pointer), argument) in
            values.iter_mut().zip(&mut pointers).zip(launch.arguments)
        {
            *value = argument.bytes().0;
            *pointer = value.as_mut_ptr().cast();
        }
        let arguments = &mut pointers[..launch.arguments.len()];
        let Launch { grid, threads, shared_bytes, .. } = *launch;
        // SAFETY: the emulator's tests check each op's arguments against its kernel's types; the
        // addresses are those of regions that their owners keep until the queue is done.
        unsafe { kernel.launch(&self.stream, grid, threads, shared_bytes, arguments)? };
        Ok(())
    }

    fn multiply(&self, product: &Product) -> Result<()> {
        let Some(element) = self.program.element() else {
            let (expected, got) = ("a program with elements".to_owned(), self.program);
            return Err(Error::Shape { op: "multiply", expected, got: format!("{got:?}") });
        };
        Ok(self.blas(&mut lock(&self.state))?.multiply(&self.stream, element, product)?)
    }

    fn multiply_dense(&self, product: &DenseProduct) -> Result<()> {
        Ok(self.blas(&mut lock(&self.state))?.multiply_dense(&self.stream, product)?)
    }

    fn upload(&self, to: Address, bytes: &[u8]) -> Result<()> {
        let state = &mut *lock(&self.state);
        let begin = self.stage(state, bytes.len())?;
        state.staging[begin..begin + bytes.len()].copy_from_slice(bytes);
        // SAFETY: the caller owns the memory; this part of the staging memory is not written again
        // before the stream has been waited for.
        unsafe { self.stream.upload(&state.staging, begin..begin + bytes.len(), to.0)? };
        Ok(())
    }

    fn download(&self, from: Address, bytes: &mut [u8]) -> Result<()> {
        let state = &mut *lock(&self.state);
        let begin = self.stage(state, bytes.len())?;
        let range = begin..begin + bytes.len();
        // SAFETY: the memory is the caller's, and the staging memory is read after the wait.
        unsafe { self.stream.download(from.0, &mut state.staging, range.clone())? };
        self.stream.synchronize()?;
        bytes.copy_from_slice(&state.staging[range]);
        state.staged = 0;
        Ok(())
    }

    fn synchronize(&self) -> Result<()> {
        self.stream.synchronize()?;
        lock(&self.state).staged = 0;
        Ok(())
    }

    fn replay(&self, key: u64, work: &mut dyn FnMut() -> Result<()>) -> Result<()> {
        let taken = lock(&self.state).graphs.remove(&key);
        let graph = match taken {
            None => {
                work()?;
                let mut state = lock(&self.state);
                if state.graphs.len() < GRAPHS_MAX {
                    state.graphs.insert(key, None);
                }
                return Ok(());
            }
            Some(Some(graph)) => graph,
            Some(None) => self.stream.capture(&mut *work)?,
        };
        // SAFETY: the key stands for the same work over the same memory, by the trait's contract.
        unsafe { self.stream.launch(&graph)? };
        lock(&self.state).graphs.insert(key, Some(graph));
        Ok(())
    }
}

/// The most arguments of a kernel.
const ARGUMENTS_MAX: usize = 16;

/// What a lock guards here is whole between any two statements.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_type_is_what_matrix_units_are_made_for() {
        let best =
            |major, minor| GpuPrecision::Best.for_capability(Version { major, minor }).as_str();
        assert_eq!(
            [best(7, 0), best(7, 5), best(8, 0), best(9, 0)],
            ["fp16", "fp16", "bf16", "bf16"]
        );
    }

    #[test]
    fn a_machine_without_a_library_is_told_which() {
        let missing = Library::ALL.into_iter().find(|library| !library.is_present());
        let Some(library) = missing else { return };
        let opened = Gpu::open(0, GpuPrecision::Best, &GpuOptions::default());
        let error = opened.err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.starts_with(library.file_name()), "{error}");
    }
}
