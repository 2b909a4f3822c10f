//! A device on the processor: the kernels' own sources, compiled by the C++ compiler with a header
//! that stands for CUDA, in a program of its own that is driven over pipes.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use fillrate_kernels::cuda::{
    Address, Argument, DenseProduct, Element, Launch, Product, Program, Queue, Region,
};
use fillrate_kernels::{MatmulShape, MatmulType, Result};

/// The shared memory that a block may have: what every GPU grants without being asked.
const SHARED_BYTES_MAX: u32 = 48 << 10;

/// How a block's threads are run, and what watches them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    /// As fibers in a shuffled order: fast.
    Fibers,
    /// As threads under `ThreadSanitizer`, which sees races in shared and global memory.
    ThreadSanitizer,
    /// As threads under `AddressSanitizer`, which sees accesses beyond a buffer or beyond the
    /// shared memory that a launch asked for, and undefined behaviour.
    AddressSanitizer,
    /// As [`Self::ThreadSanitizer`], and `__syncthreads` does nothing: kernels that need it must be
    /// caught.
    WithoutBarriers,
}

/// A device in a process of its own; dropping it ends the process.
pub(crate) struct Emulator {
    process: Child,
    pipes: Mutex<(ChildStdin, ChildStdout)>,
    program: Program,
    launches: AtomicU64,
}

impl Emulator {
    /// Starts a device that runs the kernels of `program`.
    pub(crate) fn start(program: Program, engine: Engine) -> Self {
        let mut process = Command::new(compiled(program, engine))
            // A report of a sanitizer must end the program, which the next answer will show.
            .env("TSAN_OPTIONS", "halt_on_error=1:second_deadlock_stack=1")
            .env("UBSAN_OPTIONS", "halt_on_error=1:print_stacktrace=1")
            // What is expected of it there is a report.
            .stderr(match engine {
                Engine::WithoutBarriers => Stdio::null(),
                _ => Stdio::inherit(),
            })
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the emulator starts");
        let pipes = (process.stdin.take().unwrap(), process.stdout.take().unwrap());
        Self { process, pipes: Mutex::new(pipes), program, launches: AtomicU64::new(0) }
    }

    /// Memory of exactly so many bytes, poisoned.
    pub(crate) fn allocate(&self, bytes: usize) -> Address {
        let mut pipes = self.pipes.lock().unwrap();
        send(&mut pipes.0, b"A", &[bytes as u64]);
        pipes.0.flush().unwrap();
        Address(receive_number(&mut pipes.1))
    }

    /// Memory of exactly so many bytes, poisoned, that is given back when it is dropped.
    pub(crate) fn region(emulator: &Arc<Self>, bytes: usize) -> Region {
        let address = emulator.allocate(bytes);
        Region::new(address, bytes, Box::new(Owned { emulator: Arc::clone(emulator), address }))
    }

    /// Gives memory back.
    pub(crate) fn free(&self, address: Address) {
        // An emulator that has stopped has given everything back, and a drop may not panic.
        let Ok(mut pipes) = self.pipes.lock() else { return };
        let _ = pipes.0.write_all(&message(b"F", &[address.0]));
    }

    /// Copies bytes to the device.
    pub(crate) fn write(&self, to: Address, bytes: &[u8]) {
        let mut pipes = self.pipes.lock().unwrap();
        send(&mut pipes.0, b"W", &[to.0, bytes.len() as u64]);
        pipes.0.write_all(bytes).unwrap();
    }

    /// Copies bytes from the device.
    pub(crate) fn read(&self, from: Address, bytes: usize) -> Vec<u8> {
        let mut pipes = self.pipes.lock().unwrap();
        send(&mut pipes.0, b"R", &[from.0, bytes as u64]);
        pipes.0.flush().unwrap();
        receive(&mut pipes.1, bytes)
    }

    /// Runs one kernel, named as the emulator names it.
    fn run(&self, kernel: &str, launch: &Launch<'_>) {
        let mut pipes = self.pipes.lock().unwrap();
        let [x, y, z] = launch.grid.map(u64::from);
        assert!(x > 0 && y > 0 && z > 0, "{kernel}: an empty grid {:?}", launch.grid);
        assert!(y < 65536 && z < 65536, "{kernel}: grid {:?}", launch.grid);
        assert!(launch.threads <= 1024 && launch.shared_bytes <= SHARED_BYTES_MAX, "{launch:?}");
        let seed = self.launches.fetch_add(1, Ordering::Relaxed);
        send(&mut pipes.0, b"L", &[kernel.len() as u64]);
        pipes.0.write_all(kernel.as_bytes()).unwrap();
        let (threads, shared) = (u64::from(launch.threads), u64::from(launch.shared_bytes));
        let count = launch.arguments.len() as u64;
        send(&mut pipes.0, b"", &[x, y, z, threads, shared, seed, count]);
        for argument in launch.arguments {
            let (bytes, size) = argument.bytes();
            send(&mut pipes.0, b"", &[size as u64]);
            pipes.0.write_all(&bytes[..size]).unwrap();
        }
        pipes.0.flush().unwrap();
        let length = receive_number(&mut pipes.1) as usize;
        let fault = String::from_utf8(receive(&mut pipes.1, length)).unwrap();
        assert!(fault.is_empty(), "{fault}: {launch:?}");
    }
}

/// Memory of an emulator.
struct Owned {
    emulator: Arc<Emulator>,
    address: Address,
}

impl Drop for Owned {
    fn drop(&mut self) {
        self.emulator.free(self.address);
    }
}

impl Queue for Emulator {
    fn shared_bytes_max(&self) -> u32 {
        SHARED_BYTES_MAX
    }

    fn program(&self) -> Program {
        self.program
    }

    fn launch(&self, launch: &Launch<'_>) -> Result<()> {
        match self.program.head_pad() {
            Some(pad) if launch.kernel.starts_with("attention_") => {
                self.run(&format!("{}/{pad}", launch.kernel), launch);
            }
            _ => self.run(launch.kernel, launch),
        }
        Ok(())
    }

    fn multiply(&self, product: &Product) -> Result<()> {
        let Product { rows, inputs, outputs, x, weight, scales, bias, out } = *product;
        let mut arguments = vec![Argument::Address(x), Argument::Address(weight)];
        let kernel = match scales {
            None => "product",
            Some(scales) => {
                // What cuBLASLt asks of 8-bit floats.
                assert!(inputs.is_multiple_of(16) && outputs.is_multiple_of(16), "{product:?}");
                assert!([x, weight, out].iter().all(|at| at.0.is_multiple_of(16)), "{product:?}");
                arguments.extend([scales.x, scales.weight].map(Argument::Address));
                "product_e4m3"
            }
        };
        arguments.extend([bias.unwrap_or(Address(0)), out].map(Argument::Address));
        arguments.extend([rows, inputs, outputs].map(Argument::size));
        let (grid, threads, shared_bytes) = ([1, 1, 1], 32, 0);
        self.run(kernel, &Launch { kernel, grid, threads, shared_bytes, arguments: &arguments });
        Ok(())
    }

    fn multiply_dense(&self, product: &DenseProduct) -> Result<()> {
        let DenseProduct { shape, values, a, b, out } = *product;
        let MatmulShape { rows, inner, columns } = shape;
        // cuBLASLt describes no matrix without rows or columns.
        assert!(rows > 0 && inner > 0 && columns > 0, "{product:?}");
        let kernel = match values {
            MatmulType::F32 => "matmul_f32",
            MatmulType::F64 => "matmul_f64",
            MatmulType::Bf16 => "matmul_bf16",
            MatmulType::Fp16 => "matmul_fp16",
        };
        let addresses = [a, b, out].map(Argument::Address);
        let sizes = [rows, inner, columns].map(Argument::size);
        let arguments = &[addresses, sizes].concat();
        let (grid, threads, shared_bytes) = ([1, 1, 1], 32, 0);
        self.run(kernel, &Launch { kernel, grid, threads, shared_bytes, arguments });
        Ok(())
    }

    fn upload(&self, to: Address, bytes: &[u8]) -> Result<()> {
        self.write(to, bytes);
        Ok(())
    }

    fn download(&self, from: Address, bytes: &mut [u8]) -> Result<()> {
        bytes.copy_from_slice(&self.read(from, bytes.len()));
        Ok(())
    }

    fn synchronize(&self) -> Result<()> {
        // Every command is done before the next is read.
        Ok(())
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn send(to: &mut ChildStdin, command: &[u8], numbers: &[u64]) {
    to.write_all(&message(command, numbers)).expect("the emulator stopped; what it said is above");
}

fn message(command: &[u8], numbers: &[u64]) -> Vec<u8> {
    let numbers = numbers.iter().flat_map(|number| number.to_le_bytes());
    command.iter().copied().chain(numbers).collect()
}

fn receive(from: &mut ChildStdout, bytes: usize) -> Vec<u8> {
    let mut received = vec![0; bytes];
    from.read_exact(&mut received).expect("the emulator stopped; what it said is above");
    received
}

fn receive_number(from: &mut ChildStdout) -> u64 {
    u64::from_le_bytes(receive(from, 8).try_into().unwrap())
}

/// The kernels that an emulator's program is compiled of: those of every width of heads together.
#[derive(Clone, Copy)]
enum Sources {
    Bf16,
    Fp16,
    Prices,
    Products,
}

impl Sources {
    const ALL: usize = 4;

    fn of(program: Program) -> Self {
        match program {
            Program::Encoder { element: Element::Bf16, .. } => Self::Bf16,
            Program::Encoder { element: Element::Fp16, .. } => Self::Fp16,
            Program::Products => Self::Products,
            _ => Self::Prices,
        }
    }

    fn define(self) -> &'static str {
        match self {
            Self::Bf16 => Element::Bf16.define(),
            Self::Fp16 => Element::Fp16.define(),
            Self::Prices => "EMULATE_PRICES",
            Self::Products => "EMULATE_PRODUCTS",
        }
    }
}

/// The emulator's program, compiled once in each process that asks for it.
fn compiled(program: Program, engine: Engine) -> PathBuf {
    static PROGRAMS: [OnceLock<PathBuf>; 4 * Sources::ALL] =
        [const { OnceLock::new() }; 4 * Sources::ALL];
    let sources = Sources::of(program);
    let index = Sources::ALL * engine as usize + sources as usize;
    PROGRAMS[index].get_or_init(|| compile(sources, engine)).clone()
}

fn compile(sources: Sources, engine: Engine) -> PathBuf {
    let kernels = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fillrate-kernels");
    let name = format!("emulator-{}-{engine:?}-{}", sources.define(), std::process::id());
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let compiler = std::env::var_os("CXX").unwrap_or_else(|| "c++".into());
    let flags: &[&str] = match engine {
        Engine::Fibers => &["-O2"],
        Engine::ThreadSanitizer => &["-O1", "-g", "-DEMULATE_WITH_THREADS", "-fsanitize=thread"],
        Engine::AddressSanitizer => {
            &["-O1", "-g", "-DEMULATE_WITH_THREADS", "-fsanitize=address,undefined"]
        }
        Engine::WithoutBarriers => &[
            "-O1",
            "-g",
            "-DEMULATE_WITH_THREADS",
            "-DEMULATE_WITHOUT_BARRIERS",
            "-fsanitize=thread",
        ],
    };
    let mut command = Command::new(&compiler);
    command.args(["-std=c++17", "-Wall", "-Wno-unknown-pragmas", "-Wno-unused-function"]);
    // As the kernels over prices are compiled for a GPU: no product and sum are contracted.
    command.arg("-ffp-contract=off");
    command.arg("-Werror").args(flags).arg(format!("-D{}", sources.define()));
    command.arg("-I").arg(kernels.join("cuda")).arg("-I").arg(kernels.join("tests/emulator"));
    command.arg(kernels.join("tests/emulator/server.cpp")).arg("-o").arg(&program);
    let status = command.arg("-lpthread").status();
    let status = status.unwrap_or_else(|error| panic!("{}: {error}", compiler.display()));
    assert!(status.success(), "the emulator does not compile: {command:?}");
    program
}
