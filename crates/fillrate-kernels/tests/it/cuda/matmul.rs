//! Products of matrices on a device, by the checks of the processor's.
//!
//! The emulated device multiplies by a scalar loop of its own: what is tested there is all around
//! cuBLASLt, which only a GPU shows.

use std::cell::RefCell;
use std::sync::Arc;

use fillrate_kernels::cuda::{
    Accelerator, Address, CudaProducts, Gpu, GpuOptions, GpuPrecision, Memory, Program, Queue,
    Region,
};
use fillrate_kernels::{MatmulShape, MatmulValue};
use proptest::prelude::*;

use super::emulator::{Emulator, Engine};
use crate::matmul::{Multiplies, check_all, check_sizes};

/// The bytes behind a product, which must stay as they were.
const GUARD_BYTES: usize = 24;

/// A device with matrices of its own.
struct Bench {
    products: CudaProducts,
    allocate: Box<dyn Fn(usize) -> Region>,
    allocated: RefCell<Vec<Region>>,
}

impl Bench {
    /// The processor in a GPU's stead.
    fn emulated(program: Program, engine: Engine) -> Self {
        let emulator = Arc::new(Emulator::start(program, engine));
        let queue: Arc<dyn Queue> = emulator.clone();
        let allocate = Box::new(move |bytes| Emulator::region(&emulator, bytes));
        Self { products: CudaProducts::new(queue), allocate, allocated: RefCell::default() }
    }

    /// A GPU.
    fn on(accelerator: Arc<dyn Accelerator>, program: Program) -> Self {
        let products = CudaProducts::new(accelerator.queue(program).unwrap());
        let allocate = move |bytes: usize| {
            accelerator.allocate(Memory::Workspace, bytes.max(1), "kernel checks").unwrap()
        };
        Self { products, allocate: Box::new(allocate), allocated: RefCell::default() }
    }

    fn put(&self, bytes: &[u8]) -> Address {
        let region = (self.allocate)(bytes.len());
        let address = region.address();
        self.allocated.borrow_mut().push(region);
        self.products.queue().upload(address, bytes).unwrap();
        address
    }
}

impl Multiplies for Bench {
    fn product<T: MatmulValue>(&self, shape: MatmulShape, a: &[T], b: &[T]) -> Vec<T::Sum> {
        let [a, b] = [a, b].map(|values| self.put(bytemuck::cast_slice(values)));
        let mut values = vec![T::Sum::default(); shape.rows * shape.columns];
        let bytes = size_of_val(values.as_slice());
        let out = self.put(&vec![0xff; bytes + GUARD_BYTES]);
        self.products.matmul::<T>(shape, a, b, out).unwrap();
        let mut found = vec![0; bytes + GUARD_BYTES];
        self.products.queue().download(out, &mut found).unwrap();
        assert!(found[bytes..].iter().all(|byte| *byte == 0xff), "written behind the end");
        bytemuck::cast_slice_mut(&mut values).copy_from_slice(&found[..bytes]);
        self.allocated.borrow_mut().clear();
        values
    }
}

thread_local! {
    static BENCH: Bench = Bench::emulated(Program::Products, Engine::Fibers);
}

#[test]
fn products_on_a_device_are_the_sums_of_their_terms() {
    BENCH.with(check_sizes);
    // A queue with kernels multiplies too.
    check_sizes(&Bench::emulated(Program::Prices, Engine::Fibers));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn products_of_every_size_on_a_device_are_the_sums_of_their_terms(
        rows in 0_usize..90, inner in 0_usize..90, columns in 0_usize..60, seed: u64,
    ) {
        BENCH.with(|bench| check_all(bench, MatmulShape { rows, inner, columns }, seed));
    }
}

#[test]
fn no_product_reads_or_writes_beyond_its_matrices() {
    check_sizes(&Bench::emulated(Program::Products, Engine::AddressSanitizer));
}

#[test]
fn matrices_beyond_cublaslts_counts_are_refused() {
    let nowhere = Address(0);
    let shape = MatmulShape { rows: 1, inner: 1 << 31, columns: 1 };
    BENCH.with(|bench| {
        let refused = bench.products.matmul::<f32>(shape, nowhere, nowhere, nowhere).unwrap_err();
        let expected = "matmul: expected sides of at most 2147483647, got [1, 2147483648] by";
        assert!(refused.to_string().starts_with(expected), "{refused}");
    });
}

#[test]
#[allow(clippy::print_stderr, reason = "a test that skips says so")]
fn products_on_the_gpu_are_the_sums_of_their_terms() {
    match Gpu::open(0, GpuPrecision::Best, &GpuOptions::default()) {
        Err(error) => eprintln!("skipped: no product runs on a GPU in this test: {error}"),
        Ok(gpu) => {
            let gpu: Arc<dyn Accelerator> = Arc::new(gpu);
            for program in [Program::Products, Program::Prices] {
                let bench = Bench::on(Arc::clone(&gpu), program);
                check_sizes(&bench);
                check_all(&bench, MatmulShape { rows: 300, inner: 1000, columns: 513 }, 4);
            }
        }
    }
}
