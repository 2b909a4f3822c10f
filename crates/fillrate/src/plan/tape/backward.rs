//! The backward pass: formulas in the engine's order, and what they allocate.

use super::{Label, Parameter, Size, Storage, Sums, Tape, Value};

/// A formula of the backward pass.
pub(super) type NodeId = u32;

/// One result of a formula's operation: where the gradient of that result goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Edge {
    pub(super) node: NodeId,
    slot: u32,
}

/// What a formula makes of the gradient that it gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    /// It passes it on. Where the target has another size or type, the engine sums or casts it into a
    /// fresh tensor.
    Same,
    /// It computes a fresh tensor.
    Fresh,
}

/// A layer that is computed again in the backward pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::plan) struct Segment {
    pub(in crate::plan) encoder: usize,
    pub(in crate::plan) layer: usize,
}

/// Computes a layer again from its input.
pub(in crate::plan) type Recompute<'a> = &'a dyn Fn(&mut Tape, Segment, Value) -> Value;

/// The gradient of a parameter, and the backward pass that last added to it.
#[derive(Clone, Copy, Debug)]
pub(super) struct LeafGradient {
    storage: Storage,
    pass: u64,
}

#[derive(Clone, Debug)]
pub(super) struct Node {
    kind: Kind,
    saved: Vec<Storage>,
    edges: Vec<(Edge, Flow)>,
    /// Results of the operation: their sizes, and their gradients as far as they have come in.
    results: Vec<(Size, Option<Storage>)>,
    /// Floating-point operations of the formula's products.
    flops: f64,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    /// An operation.
    Operation,
    /// A parameter: the gradient stays.
    Leaf,
    /// A layer that is computed again, with autocast to numbers of so many bytes if any.
    Segment { segment: Segment, input: Value, autocast: Option<u64> },
}

impl Tape {
    /// The node that takes a parameter's gradient.
    pub(super) fn leaf(&mut self, size: Size) -> NodeId {
        self.push(Node {
            kind: Kind::Leaf,
            saved: Vec::new(),
            edges: Vec::new(),
            results: vec![(size, None)],
            flops: 0.0,
        })
    }

    fn push(&mut self, node: Node) -> NodeId {
        self.nodes.push(node);
        self.gradients.push(None);
        self.nodes.len() as NodeId - 1
    }

    pub(super) fn parameter_edge(parameter: &Parameter) -> Option<Edge> {
        parameter.leaf.map(|node| Edge { node, slot: 0 })
    }

    /// Notes the formula of an operation whose results are `results`; nothing if no gradient flows.
    pub(super) fn note(
        &mut self,
        results: &[Value],
        inputs: impl IntoIterator<Item = (Option<Edge>, Flow)>,
    ) -> Option<NodeId> {
        if !self.recording {
            return None;
        }
        let edges: Vec<_> =
            inputs.into_iter().filter_map(|(edge, flow)| Some((edge?, flow))).collect();
        if edges.is_empty() {
            return None;
        }
        let sizes = results.iter().map(|&value| (self.size(value), None)).collect();
        let node = self.push(Node {
            kind: Kind::Operation,
            saved: Vec::new(),
            edges,
            results: sizes,
            flops: 0.0,
        });
        for (slot, value) in results.iter().enumerate() {
            self.variables[value.0 as usize].origin = Some(Edge { node, slot: slot as u32 });
        }
        Some(node)
    }

    /// Counts the products of an operation, and again for each of `formulas` that its formula has.
    pub(super) fn count_products(&mut self, node: Option<NodeId>, flops: f64, formulas: usize) {
        self.work.flops += flops;
        if let Some(node) = node {
            self.nodes[node as usize].flops = flops * formulas as f64;
        }
    }

    /// Keeps a tensor for the formula `node`, if there is one.
    pub(super) fn save(&mut self, node: Option<NodeId>, storage: Storage) {
        if let Some(node) = node {
            self.retain(storage);
            self.nodes[node as usize].saved.push(storage);
        }
    }

    /// Runs a layer without keeping anything but its input; it is computed again in the backward pass.
    /// `trains` says whether it has parameters that are trained.
    ///
    /// Source: `torch.utils.checkpoint` with `use_reentrant=False`.
    pub(in crate::plan) fn checkpoint(
        &mut self,
        segment: Segment,
        input: Value,
        trains: bool,
        body: impl FnOnce(&mut Self, Value) -> Value,
    ) -> Value {
        let edge = self.origin(input);
        let recording = std::mem::replace(&mut self.recording, false);
        let [output] = self.scope(|tape| [body(tape, input)]);
        self.recording = recording;
        if !recording || !(trains || edge.is_some()) {
            return output;
        }
        let kind = Kind::Segment { segment, input, autocast: self.autocast };
        let edges = edge.map(|edge| (edge, Flow::Same)).into_iter().collect();
        let results = vec![(self.size(output), None)];
        let node = self.push(Node { kind, saved: Vec::new(), edges, results, flops: 0.0 });
        self.save(Some(node), self.storage(input));
        self.variables[output.0 as usize].origin = Some(Edge { node, slot: 0 });
        output
    }

    /// Runs the formulas from `loss` back to the parameters.
    ///
    /// The engine takes the formula that was noted last among those that are ready; every formula is
    /// noted after those that it passes gradients to, so that is the order of notes reversed.
    pub(in crate::plan) fn backward(&mut self, loss: Value, recompute: Recompute) {
        let Some(edge) = self.origin(loss) else { return };
        self.passes += 1;
        let seed = self.allocate(self.size(loss), Label::ActivationGradient);
        self.nodes[edge.node as usize].results[edge.slot as usize].1 = Some(seed);
        self.unwind(edge.node, 0, recompute);
    }

    /// Runs the formulas `first`, `first` − 1, … down to `last`.
    fn unwind(&mut self, first: NodeId, last: NodeId, recompute: Recompute) {
        for id in (last..=first).rev() {
            match self.nodes[id as usize].kind {
                Kind::Operation => self.run_formula(id),
                Kind::Leaf => {}
                Kind::Segment { segment, input, autocast } => {
                    self.run_segment(id, segment, input, autocast, recompute);
                }
            }
        }
    }

    fn run_formula(&mut self, id: NodeId) {
        let node = &mut self.nodes[id as usize];
        let incoming: Vec<Storage> =
            node.results.iter_mut().filter_map(|(_, gradient)| gradient.take()).collect();
        let (edges, saved) = (std::mem::take(&mut node.edges), std::mem::take(&mut node.saved));
        let node_flops = node.flops;
        self.work.flops += if incoming.is_empty() { 0.0 } else { node_flops };
        let mut outgoing = Vec::with_capacity(edges.len());
        if let Some(&gradient) = incoming.first() {
            let read = saved.iter().chain(&incoming).map(|storage| self.bytes(*storage)).sum();
            self.count_launch(read);
            for (edge, flow) in &edges {
                outgoing.push((*edge, self.flow(*edge, *flow, gradient)));
            }
        }
        for storage in saved.into_iter().chain(incoming) {
            self.release(storage);
        }
        for (edge, gradient) in outgoing {
            self.arrive(edge, gradient);
        }
    }

    /// The gradient that goes along `edge`, for one holder.
    fn flow(&mut self, edge: Edge, flow: Flow, gradient: Storage) -> Storage {
        let (size, _) = self.nodes[edge.node as usize].results[edge.slot as usize];
        if flow == Flow::Same && self.allocations[gradient.0 as usize].size == size {
            self.retain(gradient);
            return gradient;
        }
        self.count_launch(size.bytes());
        self.allocate(size, Label::ActivationGradient)
    }

    fn bytes(&self, storage: Storage) -> u64 {
        self.allocations[storage.0 as usize].size.bytes()
    }

    /// Takes a gradient in: alone, or summed with what is there.
    fn arrive(&mut self, edge: Edge, gradient: Storage) {
        let node = &mut self.nodes[edge.node as usize];
        if matches!(node.kind, Kind::Leaf) {
            return self.arrive_at_leaf(edge.node, gradient);
        }
        let (size, there) = &mut node.results[edge.slot as usize];
        let size = *size;
        let Some(there) = there.take() else {
            node.results[edge.slot as usize].1 = Some(gradient);
            return;
        };
        let is_last_holder = self.allocations[there.0 as usize].holders == 1;
        let sum = if self.sums == Sums::InPlace && is_last_holder {
            there
        } else {
            let sum = self.allocate(size, Label::ActivationGradient);
            self.release(there);
            sum
        };
        self.release(gradient);
        self.nodes[edge.node as usize].results[edge.slot as usize].1 = Some(sum);
    }

    /// A parameter takes a gradient that nobody else holds as its own, and else a copy. One of a later
    /// pass is added to it in place; one of the same pass as the engine adds any two.
    fn arrive_at_leaf(&mut self, leaf: NodeId, gradient: Storage) {
        let pass = self.passes;
        let size = self.nodes[leaf as usize].results[0].0;
        let storage = match self.gradients[leaf as usize] {
            Some(there) if there.pass == pass && self.sums == Sums::Watched => {
                let sum = self.allocate(size, Label::Gradient);
                self.release(there.storage);
                self.release(gradient);
                sum
            }
            Some(there) => {
                self.release(gradient);
                there.storage
            }
            None if self.gradient_shares == 1
                && self.allocations[gradient.0 as usize].holders == 1 =>
            {
                self.allocations[gradient.0 as usize].label = Label::Gradient;
                gradient
            }
            None => {
                let share = size.elements.div_ceil(self.gradient_shares);
                let own = self.allocate(Size::new(share, size.width), Label::Gradient);
                self.release(gradient);
                own
            }
        };
        self.gradients[leaf as usize] = Some(LeafGradient { storage, pass });
    }

    fn run_segment(
        &mut self,
        id: NodeId,
        segment: Segment,
        input: Value,
        autocast: Option<u64>,
        recompute: Recompute,
    ) {
        let node = &mut self.nodes[id as usize];
        let Some(gradient) = node.results[0].1.take() else { return };
        let (edges, saved) = (std::mem::take(&mut node.edges), std::mem::take(&mut node.saved));
        let first = self.nodes.len() as NodeId;
        let detached = self.detach(input, edges);
        self.enter_autocast(autocast);
        let [output] = self.scope(|tape| [recompute(tape, segment, detached)]);
        self.leave_autocast();
        let edge = self.origin(output);
        self.drop(output);
        self.drop(detached);
        match edge {
            Some(edge) => {
                self.nodes[edge.node as usize].results[edge.slot as usize].1 = Some(gradient);
                self.unwind(edge.node, first, recompute);
            }
            None => self.release(gradient),
        }
        for storage in saved {
            self.release(storage);
        }
    }

    /// A variable over the input of a layer that is computed again. Its gradient goes through a node of
    /// its own to where the layer's went.
    fn detach(&mut self, input: Value, edges: Vec<(Edge, Flow)>) -> Value {
        let (storage, size) = (self.storage(input), self.size(input));
        self.retain(storage);
        if edges.is_empty() {
            return self.hold(storage, size, None);
        }
        let node = self.leaf(size);
        let entry = &mut self.nodes[node as usize];
        entry.kind = Kind::Operation;
        entry.edges = edges;
        self.hold(storage, size, Some(Edge { node, slot: 0 }))
    }

    /// Gives the gradients of all parameters back.
    pub(in crate::plan) fn zero_gradients(&mut self) {
        for leaf in 0..self.gradients.len() {
            if let Some(gradient) = self.gradients[leaf].take() {
                self.release(gradient.storage);
            }
        }
    }

    /// The gradient of a parameter, if there is one.
    pub(in crate::plan) fn gradient(&self, parameter: &Parameter) -> Option<Storage> {
        self.gradients[parameter.leaf? as usize].map(|gradient| gradient.storage)
    }

    /// Forgets formulas that were noted after `first`: their pass is over.
    pub(in crate::plan) fn forget_formulas(&mut self, first: usize) {
        self.nodes.truncate(first);
        self.gradients.truncate(first);
    }

    /// How many formulas were noted.
    pub(in crate::plan) fn formulas(&self) -> usize {
        self.nodes.len()
    }
}
