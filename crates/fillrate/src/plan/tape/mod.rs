//! A training step on sizes alone: every tensor that PyTorch would allocate, when, and until when.
//!
//! The tape does what PyTorch's autograd does, without numbers. Operations allocate results and note
//! what their backward formulas need ([`ops`]); [`Tape::backward`] runs those formulas in the engine's
//! order ([`mod@backward`]); a tensor lives while a variable, a formula or a gradient holds it. What comes
//! out is the sequence of allocations and releases, which [`super::allocator`] can replay, and the
//! largest sum of what was alive.
//!
//! Source: PyTorch's `torch/csrc/autograd/engine.cpp`, `input_buffer.cpp`, `accumulate_grad.h` and
//! `tools/autograd/derivatives.yaml` (which tensors each formula keeps), release 2.15.

mod backward;
mod label;
mod ops;

pub(super) use self::backward::Segment;
pub(super) use self::label::{Category, Label};
pub(super) use self::ops::FusedAttention;

use self::backward::{Edge, LeafGradient, Node, NodeId};

/// A tensor's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Storage(u32);

#[derive(Clone, Copy, Debug)]
struct Allocation {
    size: Size,
    label: Label,
    /// Variables, formulas and gradients that hold it.
    holders: u32,
}

/// How many numbers, and the bytes of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Size {
    pub(super) elements: u64,
    pub(super) width: u64,
}

impl Size {
    pub(super) const fn new(elements: u64, width: u64) -> Self {
        Self { elements, width }
    }

    pub(super) const fn bytes(self) -> u64 {
        self.elements * self.width
    }
}

/// A variable of the program: a tensor, and the formula that made it if gradients flow to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Value(u32);

#[derive(Clone, Copy, Debug)]
struct Variable {
    storage: Storage,
    size: Size,
    origin: Option<Edge>,
}

/// A parameter of the model.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parameter {
    pub(super) storage: Storage,
    /// As large as products see it; what is stored may be a share of it.
    pub(super) size: Size,
    /// The columns of a matrix, 1 for a vector.
    pub(super) columns: u64,
    /// The node that takes its gradient, if it is trained.
    leaf: Option<NodeId>,
}

impl Parameter {
    pub(super) const fn is_trained(&self) -> bool {
        self.leaf.is_some()
    }
}

/// What happened to memory, in its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// A tensor of so many bytes.
    Allocate(Storage, u64),
    /// It is gone.
    Release(Storage),
}

/// Whether two gradients of one tensor are added in place, as PyTorch does unless a dispatch mode
/// such as `MemTracker` watches it.
///
/// Source: `can_accumulate_inplace` in `torch/csrc/autograd/input_buffer.cpp`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sums {
    InPlace,
    Watched,
}

/// The peak so far: bytes, and the number of events at which it stood.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Peak {
    pub(super) bytes: u64,
    pub(super) event: usize,
}

/// What the operations so far computed and moved.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Work {
    /// Floating-point operations of products.
    pub(super) flops: f64,
    /// Bytes that operations read and wrote.
    pub(super) moved_bytes: f64,
    /// Kernels that were launched.
    pub(super) launches: f64,
}

impl Work {
    /// What came after `earlier`.
    pub(super) fn since(self, earlier: Self) -> Self {
        Self {
            flops: self.flops - earlier.flops,
            moved_bytes: self.moved_bytes - earlier.moved_bytes,
            launches: self.launches - earlier.launches,
        }
    }
}

/// A program on sizes.
pub(super) struct Tape {
    allocations: Vec<Allocation>,
    variables: Vec<Variable>,
    /// Variables that are not out of scope, with the depth of their scope.
    alive: Vec<(Value, u32)>,
    depth: u32,
    nodes: Vec<Node>,
    /// The gradients of parameters, by leaf.
    gradients: Vec<Option<LeafGradient>>,
    /// How many backward passes there were.
    passes: u64,
    /// Whether formulas are noted.
    recording: bool,
    /// Bytes of a number in products if autocast is on.
    autocast: Option<u64>,
    /// Copies of trained parameters in that type, by leaf.
    casts: Vec<(NodeId, Variable)>,
    sums: Sums,
    /// Of how many shares of a parameter's gradient one is kept.
    gradient_shares: u64,
    events: Vec<Event>,
    live_bytes: u64,
    peak: Peak,
    work: Work,
}

impl Tape {
    pub(super) fn new(sums: Sums, gradient_shares: u64) -> Self {
        Self {
            allocations: Vec::new(),
            variables: Vec::new(),
            alive: Vec::new(),
            depth: 0,
            nodes: Vec::new(),
            gradients: Vec::new(),
            passes: 0,
            recording: true,
            autocast: None,
            casts: Vec::new(),
            sums,
            gradient_shares,
            events: Vec::new(),
            live_bytes: 0,
            peak: Peak::default(),
            work: Work::default(),
        }
    }

    /// Allocates for one holder.
    pub(super) fn allocate(&mut self, size: Size, label: Label) -> Storage {
        let storage = Storage(self.allocations.len() as u32);
        self.allocations.push(Allocation { size, label, holders: 1 });
        if size.elements == 0 {
            return storage;
        }
        self.events.push(Event::Allocate(storage, size.bytes()));
        self.live_bytes += rounded(size.bytes());
        if self.live_bytes > self.peak.bytes {
            self.peak = Peak { bytes: self.live_bytes, event: self.events.len() };
        }
        storage
    }

    /// Adds a holder.
    fn retain(&mut self, storage: Storage) {
        self.allocations[storage.0 as usize].holders += 1;
    }

    /// Takes a holder away, and the memory with the last one.
    pub(super) fn release(&mut self, storage: Storage) {
        let allocation = &mut self.allocations[storage.0 as usize];
        allocation.holders -= 1;
        if allocation.holders == 0 && allocation.size.elements > 0 {
            self.live_bytes -= rounded(allocation.size.bytes());
            self.events.push(Event::Release(storage));
        }
    }

    /// A variable over a fresh tensor.
    fn variable(&mut self, size: Size, label: Label) -> Value {
        let storage = self.allocate(size, label);
        self.hold(storage, size, None)
    }

    fn hold(&mut self, storage: Storage, size: Size, origin: Option<Edge>) -> Value {
        let value = Value(self.variables.len() as u32);
        self.variables.push(Variable { storage, size, origin });
        self.alive.push((value, self.depth));
        value
    }

    /// A variable to which no gradient flows: token ids, masks, a mean.
    pub(super) fn constant(&mut self, elements: u64, width: u64, label: Label) -> Value {
        self.variable(Size::new(elements, width), label)
    }

    /// A parameter of which one of `shares` is stored, and, if it is trained, the place of its gradient.
    pub(super) fn parameter(
        &mut self,
        size: Size,
        columns: u64,
        trained: bool,
        shares: u64,
    ) -> Parameter {
        let label = if trained { Label::Trainable } else { Label::Frozen };
        let stored = Size::new(size.elements.div_ceil(shares), size.width);
        let storage = self.allocate(stored, label);
        let leaf = trained.then(|| self.leaf(size));
        Parameter { storage, size, columns, leaf }
    }

    pub(super) fn size(&self, value: Value) -> Size {
        self.variables[value.0 as usize].size
    }

    fn storage(&self, value: Value) -> Storage {
        self.variables[value.0 as usize].storage
    }

    fn origin(&self, value: Value) -> Option<Edge> {
        self.variables[value.0 as usize].origin
    }

    pub(super) fn requires_gradient(&self, value: Value) -> bool {
        self.origin(value).is_some()
    }

    /// Runs a function of the program: what it made and does not return goes out of scope with it.
    pub(super) fn scope<const N: usize>(
        &mut self,
        body: impl FnOnce(&mut Self) -> [Value; N],
    ) -> [Value; N] {
        self.depth += 1;
        let results = body(self);
        let first = self.alive.iter().rposition(|&(_, depth)| depth < self.depth && depth > 0);
        let made = self.alive.split_off(first.map_or(0, |last| last + 1));
        self.depth -= 1;
        for (value, depth) in made {
            if depth <= self.depth {
                self.alive.push((value, depth));
            } else if results.contains(&value) {
                self.alive.push((value, self.depth));
            } else {
                self.release(self.storage(value));
            }
        }
        results
    }

    /// Ends a variable before its scope does.
    pub(super) fn drop(&mut self, value: Value) {
        if let Some(place) = self.alive.iter().rposition(|&(other, _)| other == value) {
            self.alive.remove(place);
            self.release(self.storage(value));
        }
    }

    /// Takes a variable out of its scope: it lives until it is dropped.
    pub(super) fn keep_alive(&mut self, value: Value) {
        if let Some((_, depth)) = self.alive.iter_mut().find(|(other, _)| *other == value) {
            *depth = 0;
        }
    }

    /// Turns autocast on, to numbers of `width` bytes.
    pub(super) fn enter_autocast(&mut self, width: Option<u64>) {
        self.autocast = width;
    }

    /// Turns autocast off and forgets its copies of parameters.
    pub(super) fn leave_autocast(&mut self) {
        self.autocast = None;
        for (_, copy) in std::mem::take(&mut self.casts) {
            self.release(copy.storage);
        }
    }

    /// The events so far.
    pub(super) fn events(&self) -> &[Event] {
        &self.events
    }

    /// The peak so far.
    pub(super) const fn peak(&self) -> Peak {
        self.peak
    }

    /// The work so far.
    pub(super) const fn work(&self) -> Work {
        self.work
    }

    /// Counts a kernel that moves so many bytes.
    pub(super) fn count_launch(&mut self, moved_bytes: u64) {
        self.work.launches += 1.0;
        self.work.moved_bytes += moved_bytes as f64;
    }

    /// What was alive at the peak: each tensor's size and label.
    pub(super) fn alive_at_peak(&self) -> Vec<(Size, Label)> {
        let mut alive = vec![false; self.allocations.len()];
        for event in &self.events[..self.peak.event] {
            match event {
                Event::Allocate(storage, _) => alive[storage.0 as usize] = true,
                Event::Release(storage) => alive[storage.0 as usize] = false,
            }
        }
        let tensors = self.allocations.iter().zip(alive);
        tensors.filter(|(_, alive)| *alive).map(|(tensor, _)| (tensor.size, tensor.label)).collect()
    }
}

/// What the allocator makes of a request.
///
/// Source: `kMinBlockSize` in PyTorch's `c10/cuda/CUDACachingAllocator.cpp`.
pub(super) const fn rounded(bytes: u64) -> u64 {
    bytes.next_multiple_of(512)
}
