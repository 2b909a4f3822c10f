//! Products by cuBLASLt.
#![allow(unsafe_code, reason = "cuBLASLt is a C library")]

mod plan;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ffi::c_void;
use std::ptr;

use cudarc::cublaslt::result::CublasError;
use cudarc::cublaslt::sys::cublasLtMatmulDescAttributes_t as Attribute;
use cudarc::cublaslt::{result, sys};
use fillrate_device::cuda::{Error, Library, Result, Stream};

use self::plan::{Key, Plan, Types, alignment};
use super::{Address, DenseProduct, Element, Product, ProductScales};
use crate::MatmulShape;

/// What cuBLASLt has for its own partial sums. Hopper's kernels ask for up to 32 MiB.
///
/// Source: the cuBLAS documentation, `cublasSetWorkspace`.
pub(super) const WORKSPACE_BYTES: usize = 32 << 20;

/// The most plans that are kept: far more than an encoder has sizes of batches.
const PLANS_MAX: usize = 1024;

/// cuBLASLt with the plans of the products that it was asked for.
pub(super) struct Blas {
    handle: sys::cublasLtHandle_t,
    workspace: Address,
    plans: HashMap<Key, Plan>,
}

// SAFETY: the handles are used by one thread at a time, behind the queue's lock.
unsafe impl Send for Blas {}

impl Blas {
    /// cuBLASLt; `workspace` is [`WORKSPACE_BYTES`] of device memory that no other stream uses.
    pub(super) fn new(workspace: Address) -> Result<Self> {
        Library::CublasLt.require()?;
        let handle = check("cublasLtCreate", result::create_handle())?;
        Ok(Self { handle, workspace, plans: HashMap::new() })
    }

    /// Appends an encoder's product to the stream.
    ///
    /// cuBLASLt counts by columns: to it our row-major matrices are transposed, so that
    /// out = x weightᵀ is outᵀ = weight xᵀ, and the bias, one value for each of our columns, is one
    /// for each of its rows, which is what its epilogue adds.
    pub(super) fn multiply(
        &mut self,
        stream: &Stream,
        element: Element,
        product: &Product,
    ) -> Result<()> {
        stream.bind()?;
        let Product { rows, inputs, outputs, x, weight, scales, bias, out } = *product;
        let key = Key {
            height: outputs,
            inner: inputs,
            width: rows,
            types: Types::of_linear(element, scales.is_some()),
            is_left_transposed: true,
            is_biased: bias.is_some(),
            alignments: [weight, x, out].map(alignment),
        };
        let plan = plan(&mut self.plans, self.handle, key)?;
        if let Some(Address(bias)) = bias {
            plan.set(Attribute::CUBLASLT_MATMUL_DESC_BIAS_POINTER, bias)?;
        }
        if let Some(ProductScales { x, weight }) = scales {
            plan.set(Attribute::CUBLASLT_MATMUL_DESC_A_SCALE_POINTER, weight.0)?;
            plan.set(Attribute::CUBLASLT_MATMUL_DESC_B_SCALE_POINTER, x.0)?;
        }
        let (one, zero) = (1.0_f32, 0.0_f32);
        let factors = [(&raw const one).cast(), (&raw const zero).cast()];
        // SAFETY: the product's contract says what lies at its addresses; the factors are f32, as those
        // of sums in f32 are.
        unsafe { execute(self.handle, plan, factors, [weight, x, out], self.workspace, stream) }
    }

    /// Appends a dense product to the stream: out = a b is outᵀ = bᵀ aᵀ, and our row-major matrices are
    /// the transposed ones to cuBLASLt as they are.
    pub(super) fn multiply_dense(&mut self, stream: &Stream, product: &DenseProduct) -> Result<()> {
        stream.bind()?;
        let DenseProduct { shape, values, a, b, out } = *product;
        let MatmulShape { rows, inner, columns } = shape;
        let types = Types::of_dense(values);
        let key = Key {
            height: columns,
            inner,
            width: rows,
            types,
            is_left_transposed: false,
            is_biased: false,
            alignments: [b, a, out].map(alignment),
        };
        let plan = plan(&mut self.plans, self.handle, key)?;
        let (one, zero) = (1.0_f32, 0.0_f32);
        let (one_wide, zero_wide) = (1.0_f64, 0.0_f64);
        let factors: [*const c_void; 2] = if types.scale == sys::cudaDataType::CUDA_R_64F {
            [(&raw const one_wide).cast(), (&raw const zero_wide).cast()]
        } else {
            [(&raw const one).cast(), (&raw const zero).cast()]
        };
        // SAFETY: as for the encoder's; the factors have the type that the plan names.
        unsafe { execute(self.handle, plan, factors, [b, a, out], self.workspace, stream) }
    }
}

impl Drop for Blas {
    fn drop(&mut self) {
        self.plans.clear();
        // SAFETY: the handle is this one's, and its plans are gone.
        let _ = unsafe { result::destroy_handle(self.handle) };
    }
}

/// The plan of a product, made at its first sight.
fn plan(
    plans: &mut HashMap<Key, Plan>,
    handle: sys::cublasLtHandle_t,
    key: Key,
) -> Result<&mut Plan> {
    if plans.len() >= PLANS_MAX && !plans.contains_key(&key) {
        plans.clear();
    }
    Ok(match plans.entry(key) {
        Entry::Occupied(known) => known.into_mut(),
        Entry::Vacant(place) => {
            let plan = Plan::new(handle, place.key())?;
            place.insert(plan)
        }
    })
}

/// Appends a product of the matrices at `left` and `right` to the stream; `factors` are those of the
/// product and of what was in `out`.
///
/// # Safety
///
/// The plan describes what lies at the addresses, and the type that the factors have.
unsafe fn execute(
    handle: sys::cublasLtHandle_t,
    plan: &Plan,
    [one, zero]: [*const c_void; 2],
    [left, right, out]: [Address; 3],
    workspace: Address,
    stream: &Stream,
) -> Result<()> {
    let pointer = |Address(address): Address| address as *mut c_void;
    let algorithm = plan.algorithm.as_ref().map_or(ptr::null(), ptr::from_ref);
    // SAFETY: by the contract; the numbers and the algorithm are read before the call returns.
    let status = unsafe {
        result::matmul(
            handle,
            plan.description,
            one,
            zero,
            pointer(left),
            plan.left,
            pointer(right),
            plan.right,
            pointer(out),
            plan.out,
            pointer(out),
            plan.out,
            algorithm,
            pointer(workspace),
            WORKSPACE_BYTES,
            stream.handle().cast(),
        )
    };
    check("cublasLtMatmul", status)
}

fn check<T>(call: &'static str, result: Result<T, CublasError>) -> Result<T> {
    result.map_err(|error| Error::CublasLt { call, status: format!("{:?}", error.0) })
}
