//! A device with matrices of its own, as the checks use it.

use std::cell::RefCell;
use std::sync::Arc;

use fillrate_kernels::cuda::{
    Accelerator, Address, Cell, Cuda, DeviceMatrix, DeviceNorm, DeviceScales, Element, Memory,
    ProductScales, Program, Queue, Region, head_pad, narrow_e4m3, widen_e4m3,
};
use fillrate_kernels::{LinearShape, cuda};

use super::emulator::{Emulator, Engine};

/// The rows behind an output, which must stay as they were.
const GUARD_ROWS: usize = 2;

pub(super) struct Bench {
    pub(super) cuda: Cuda,
    queue: Arc<dyn Queue>,
    allocate: Box<dyn Fn(usize) -> Region>,
    allocated: RefCell<Vec<Region>>,
}

impl Bench {
    /// The processor in a GPU's stead.
    pub(super) fn new(element: Element, head_dim: usize, engine: Engine) -> Self {
        let program = Program::Encoder { element, head_pad: head_pad(head_dim).unwrap() };
        let emulator = Arc::new(Emulator::start(program, engine));
        let queue: Arc<dyn Queue> = emulator.clone();
        Self::with(queue, element, move |bytes| Emulator::region(&emulator, bytes))
    }

    /// A GPU.
    pub(super) fn on(accelerator: Arc<dyn Accelerator>, head_dim: usize) -> Self {
        let element = accelerator.element();
        let program = Program::Encoder { element, head_pad: head_pad(head_dim).unwrap() };
        let queue = accelerator.queue(program).unwrap();
        Self::with(queue, element, move |bytes| {
            accelerator.allocate(Memory::Workspace, bytes.max(1), "kernel checks").unwrap()
        })
    }

    fn with(
        queue: Arc<dyn Queue>,
        element: Element,
        allocate: impl Fn(usize) -> Region + 'static,
    ) -> Self {
        let cuda = Cuda::new(Arc::clone(&queue), element);
        Self { cuda, queue, allocate: Box::new(allocate), allocated: RefCell::default() }
    }

    pub(super) fn element(&self) -> Element {
        self.cuda.element()
    }

    /// What the elements nearest to `values` stand for.
    pub(super) fn rounded(&self, values: &[f32]) -> Vec<f32> {
        let element = self.element();
        values.iter().map(|&value| element.widen(element.narrow(value))).collect()
    }

    /// The tolerance of a result that is rounded once: absolute and relative.
    pub(super) fn tolerance(&self) -> (f32, f32) {
        match self.element() {
            Element::Bf16 => (3e-4, 1.0 / 256.0),
            Element::Fp16 => (5e-5, 1.0 / 2048.0),
        }
    }

    fn allocate(&self, bytes: usize) -> Address {
        let region = (self.allocate)(bytes);
        let address = region.address();
        self.allocated.borrow_mut().push(region);
        // What nothing writes shows.
        self.queue.upload(address, &vec![0xff; bytes]).unwrap();
        address
    }

    pub(super) fn u32s(&self, values: &[u32]) -> Address {
        self.bytes(&values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<_>>())
    }

    pub(super) fn f32s(&self, values: &[f32]) -> Address {
        self.bytes(&values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<_>>())
    }

    pub(super) fn elements(&self, values: &[f32]) -> Address {
        let element = self.element();
        let bits = values.iter().flat_map(|&value| element.narrow(value).to_le_bytes());
        self.bytes(&bits.collect::<Vec<_>>())
    }

    fn bytes(&self, bytes: &[u8]) -> Address {
        let address = self.allocate(bytes.len());
        self.queue.upload(address, bytes).unwrap();
        address
    }

    pub(super) fn norm(&self, gamma: &[f32], beta: &[f32], epsilon: f32) -> DeviceNorm {
        DeviceNorm { gamma: self.f32s(gamma), beta: self.f32s(beta), width: gamma.len(), epsilon }
    }

    pub(super) fn linear(&self, w: &[f32], b: &[f32], shape: LinearShape) -> cuda::DeviceLinear {
        let (weight, rounded_bias) = (self.elements(w), self.elements(b));
        cuda::DeviceLinear { shape, weight, rounded_bias, bias: self.f32s(b), scales: None }
    }

    /// The same in 8-bit floats: `w` over its scale, for inputs of another.
    pub(super) fn linear_e4m3(
        &self,
        w: &[f32],
        b: &[f32],
        shape: LinearShape,
        [w_scale, x_scale]: [f32; 2],
    ) -> cuda::DeviceLinear {
        let narrow: Vec<u8> = w.iter().map(|value| narrow_e4m3(value / w_scale)).collect();
        let on_device = ProductScales { x: self.f32s(&[x_scale]), weight: self.f32s(&[w_scale]) };
        let scales = Some(DeviceScales { on_device, input: x_scale });
        let rounded_bias = self.elements(b);
        let (weight, bias) = (self.bytes(&narrow), self.f32s(b));
        cuda::DeviceLinear { shape, weight, rounded_bias, bias, scales }
    }

    /// One f32 on the device.
    pub(super) fn float_at(&self, address: Address) -> f32 {
        f32::from_le_bytes(self.read(address, 4).try_into().unwrap())
    }

    /// A matrix that holds `values`.
    pub(super) fn filled(&self, values: &[f32], width: usize, cell: Cell) -> DeviceMatrix {
        let rows = values.len() / width;
        let address = match cell {
            Cell::Element => self.elements(values),
            Cell::F32 => self.f32s(values),
            Cell::E4m3 => self.bytes(&values.iter().map(|v| narrow_e4m3(*v)).collect::<Vec<_>>()),
        };
        let mut matrix = DeviceMatrix::new(address, rows, width, cell);
        matrix.set_rows(rows).unwrap();
        matrix
    }

    /// A matrix with room for `rows` rows and poison in it.
    pub(super) fn output(&self, rows: usize, width: usize, cell: Cell) -> DeviceMatrix {
        let bytes = (rows + GUARD_ROWS) * width * cell.bytes();
        DeviceMatrix::new(self.allocate(bytes), rows, width, cell)
    }

    /// What an output holds. Fails if something was written behind its rows.
    #[track_caller]
    pub(super) fn contents(&self, matrix: &DeviceMatrix, cell: Cell) -> Vec<f32> {
        let size = cell.bytes();
        let values = matrix.capacity_rows() * matrix.width();
        let guarded = values + GUARD_ROWS * matrix.width();
        let bytes = self.read(matrix.address(), guarded * size);
        let behind = &bytes[matrix.rows() * matrix.width() * size..];
        assert!(behind.iter().all(|&byte| byte == 0xff), "written behind the last row");
        self.decoded(&bytes[..matrix.rows() * matrix.width() * size], cell)
    }

    /// What a matrix that was filled holds now.
    pub(super) fn current(&self, matrix: &DeviceMatrix, cell: Cell) -> Vec<f32> {
        let bytes = matrix.rows() * matrix.width() * cell.bytes();
        self.decoded(&self.read(matrix.address(), bytes), cell)
    }

    fn read(&self, from: Address, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.queue.download(from, &mut bytes).unwrap();
        bytes
    }

    fn decoded(&self, bytes: &[u8], cell: Cell) -> Vec<f32> {
        let element = self.element();
        match cell {
            Cell::Element => {
                let pairs = bytes.as_chunks().0.iter();
                pairs.map(|bytes| element.widen(u16::from_le_bytes(*bytes))).collect()
            }
            Cell::F32 => bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect(),
            Cell::E4m3 => bytes.iter().map(|bits| widen_e4m3(*bits)).collect(),
        }
    }

    /// Gives every matrix back.
    pub(super) fn clear(&self) {
        self.queue.synchronize().unwrap();
        self.allocated.borrow_mut().clear();
    }
}
