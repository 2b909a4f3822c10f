//! Products by cuBLASLt.
#![allow(unsafe_code, reason = "cuBLASLt is a C library")]

use std::collections::HashMap;
use std::ffi::c_void;
use std::ptr;

use cudarc::cublaslt::result::CublasError;
use cudarc::cublaslt::sys::cublasLtMatmulDescAttributes_t as Attribute;
use cudarc::cublaslt::{result, sys};
use fillrate_device::cuda::{Error, Library, Result, Stream};

use super::{Address, Element, Product, ProductScales};

/// What cuBLASLt has for its own partial sums. Hopper's kernels ask for up to 32 MiB.
///
/// Source: the cuBLAS documentation, `cublasSetWorkspace`.
pub(super) const WORKSPACE_BYTES: usize = 32 << 20;

/// The alignments that algorithms tell apart, in bytes.
const ALIGNMENT_MAX: u32 = 256;

/// `CUBLAS_OP_T`, which the bindings lack.
///
/// Source: `cublas_api.h`, `cublasOperation_t`.
const TRANSPOSED: i32 = 1;

/// What the choice of an algorithm depends on.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    rows: usize,
    inputs: usize,
    outputs: usize,
    biased: bool,
    quantized: bool,
    alignments: [u32; 3],
}

/// A product's description with its algorithm, chosen once.
struct Plan {
    description: sys::cublasLtMatmulDesc_t,
    weight: sys::cublasLtMatrixLayout_t,
    x: sys::cublasLtMatrixLayout_t,
    out: sys::cublasLtMatrixLayout_t,
    algorithm: Option<sys::cublasLtMatmulAlgo_t>,
}

/// cuBLASLt with the plans of the products that it was asked for.
pub(super) struct Blas {
    handle: sys::cublasLtHandle_t,
    element: Element,
    workspace: Address,
    plans: HashMap<Key, Plan>,
}

// SAFETY: the handles are used by one thread at a time, behind the queue's lock.
unsafe impl Send for Blas {}

impl Blas {
    /// cuBLASLt for products of one type; `workspace` is [`WORKSPACE_BYTES`] of device memory that
    /// no other stream uses.
    pub(super) fn new(element: Element, workspace: Address) -> Result<Self> {
        Library::CublasLt.require()?;
        let handle = check("cublasLtCreate", result::create_handle())?;
        Ok(Self { handle, element, workspace, plans: HashMap::new() })
    }

    /// Appends a product to the stream.
    pub(super) fn multiply(&mut self, stream: &Stream, product: &Product) -> Result<()> {
        stream.bind()?;
        let Product { rows, inputs, outputs, x, weight, scales, bias, out } = *product;
        let alignments = [x, weight, out].map(alignment);
        let (biased, quantized) = (bias.is_some(), scales.is_some());
        let key = Key { rows, inputs, outputs, biased, quantized, alignments };
        if !self.plans.contains_key(&key) {
            let plan = self.plan(&key)?;
            self.plans.insert(key, plan);
        }
        let Some(plan) = self.plans.get(&key) else { return Ok(()) };
        if let Some(Address(bias)) = bias {
            plan.set(Attribute::CUBLASLT_MATMUL_DESC_BIAS_POINTER, bias)?;
        }
        if let Some(ProductScales { x, weight }) = scales {
            plan.set(Attribute::CUBLASLT_MATMUL_DESC_A_SCALE_POINTER, weight.0)?;
            plan.set(Attribute::CUBLASLT_MATMUL_DESC_B_SCALE_POINTER, x.0)?;
        }
        let (one, zero) = (1.0_f32, 0.0_f32);
        let pointer = |Address(address): Address| address as *mut c_void;
        let algorithm = plan.algorithm.as_ref().map_or(ptr::null(), ptr::from_ref);
        // SAFETY: the plan describes matrices that lie at these addresses by the product's contract;
        // the numbers and the algorithm are read before the call returns.
        let status = unsafe {
            result::matmul(
                self.handle,
                plan.description,
                (&raw const one).cast(),
                (&raw const zero).cast(),
                pointer(weight),
                plan.weight,
                pointer(x),
                plan.x,
                pointer(out),
                plan.out,
                pointer(out),
                plan.out,
                algorithm,
                pointer(self.workspace),
                WORKSPACE_BYTES,
                stream.handle().cast(),
            )
        };
        check("cublasLtMatmul", status)
    }

    /// Describes a product and asks for its fastest algorithm.
    ///
    /// cuBLASLt counts by columns: to it our row-major matrices are transposed, so that
    /// out = x weightᵀ is outᵀ = weight xᵀ, and the bias, one value for each of our columns, is one
    /// for each of its rows, which is what its epilogue adds.
    ///
    /// It multiplies 8-bit floats in this form alone, with one scale for each side, and with sums that
    /// are carried on in f32 unless it is asked for faster ones.
    ///
    /// Source: the cuBLAS documentation, `cublasLtMatmul`, requirements of FP8 kernels.
    fn plan(&self, key: &Key) -> Result<Plan> {
        let Key { rows, inputs, outputs, biased, quantized, .. } = *key;
        let of = match self.element {
            Element::Bf16 => sys::cudaDataType::CUDA_R_16BF,
            Element::Fp16 => sys::cudaDataType::CUDA_R_16F,
        };
        let operands = if quantized { sys::cudaDataType::CUDA_R_8F_E4M3 } else { of };
        let layout = |of, height: usize, width: usize| {
            let made = result::create_matrix_layout(of, height as u64, width as u64, height as i64);
            check("cublasLtMatrixLayoutCreate", made)
        };
        let (compute, scale) =
            (sys::cublasComputeType_t::CUBLAS_COMPUTE_32F, sys::cudaDataType::CUDA_R_32F);
        let description =
            check("cublasLtMatmulDescCreate", result::create_matmul_desc(compute, scale))?;
        // From here on the plan owns what has been made.
        let mut plan = Plan {
            description,
            weight: ptr::null_mut(),
            x: ptr::null_mut(),
            out: ptr::null_mut(),
            algorithm: None,
        };
        plan.weight = layout(operands, inputs, outputs)?;
        plan.x = layout(operands, inputs, rows)?;
        plan.out = layout(of, outputs, rows)?;
        plan.set(Attribute::CUBLASLT_MATMUL_DESC_TRANSA, TRANSPOSED)?;
        if biased {
            let epilogue = sys::cublasLtEpilogue_t::CUBLASLT_EPILOGUE_BIAS as i32;
            plan.set(Attribute::CUBLASLT_MATMUL_DESC_EPILOGUE, epilogue)?;
        }
        plan.algorithm = Some(self.algorithm(&plan, key.alignments)?);
        Ok(plan)
    }

    fn algorithm(&self, plan: &Plan, alignments: [u32; 3]) -> Result<sys::cublasLtMatmulAlgo_t> {
        use sys::cublasLtMatmulPreferenceAttributes_t as Wanted;
        let preference = Preference::new()?;
        let [x, weight, out] = alignments;
        preference.set(Wanted::CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, WORKSPACE_BYTES)?;
        preference.set(Wanted::CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, weight)?;
        preference.set(Wanted::CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, x)?;
        preference.set(Wanted::CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, out)?;
        preference.set(Wanted::CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, out)?;
        // SAFETY: all that is passed lives.
        let found = unsafe {
            result::get_matmul_algo_heuristic(
                self.handle,
                plan.description,
                plan.weight,
                plan.x,
                plan.out,
                plan.out,
                preference.0,
            )
        };
        Ok(check("cublasLtMatmulAlgoGetHeuristic", found)?.algo)
    }
}

impl Drop for Blas {
    fn drop(&mut self) {
        self.plans.clear();
        // SAFETY: the handle is this one's, and its plans are gone.
        let _ = unsafe { result::destroy_handle(self.handle) };
    }
}

impl Plan {
    fn set<T: Copy>(&self, attribute: Attribute, value: T) -> Result<()> {
        // SAFETY: the description lives; the value is copied, and is of the attribute's size.
        let status = unsafe {
            result::set_matmul_desc_attribute(
                self.description,
                attribute,
                (&raw const value).cast(),
                size_of::<T>(),
            )
        };
        check("cublasLtMatmulDescSetAttribute", status)
    }
}

impl Drop for Plan {
    fn drop(&mut self) {
        for layout in [self.weight, self.x, self.out] {
            if !layout.is_null() {
                // SAFETY: the layout is this plan's.
                let _ = unsafe { result::destroy_matrix_layout(layout) };
            }
        }
        // SAFETY: the description is this plan's.
        let _ = unsafe { result::destroy_matmul_desc(self.description) };
    }
}

/// What an algorithm must be able to do.
struct Preference(sys::cublasLtMatmulPreference_t);

impl Preference {
    fn new() -> Result<Self> {
        Ok(Self(check("cublasLtMatmulPreferenceCreate", result::create_matmul_pref())?))
    }

    fn set<T: Copy>(
        &self,
        attribute: sys::cublasLtMatmulPreferenceAttributes_t,
        value: T,
    ) -> Result<()> {
        // SAFETY: the preference lives; the value is copied, and is of the attribute's size.
        let status = unsafe {
            result::set_matmul_pref_attribute(
                self.0,
                attribute,
                (&raw const value).cast(),
                size_of::<T>(),
            )
        };
        check("cublasLtMatmulPreferenceSetAttribute", status)
    }
}

impl Drop for Preference {
    fn drop(&mut self) {
        // SAFETY: the preference is this one's.
        let _ = unsafe { result::destroy_matmul_pref(self.0) };
    }
}

/// The largest power of two that an address is a multiple of, as far as algorithms care.
fn alignment(Address(address): Address) -> u32 {
    1 << address.trailing_zeros().min(ALIGNMENT_MAX.trailing_zeros())
}

fn check<T>(call: &'static str, result: Result<T, CublasError>) -> Result<T> {
    result.map_err(|error| Error::CublasLt { call, status: format!("{:?}", error.0) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alignments_are_powers_of_two_up_to_256() {
        let found = [0, 2, 6, 256, 4096 + 64].map(|address| alignment(Address(address)));
        assert_eq!(found, [256, 2, 2, 256, 64]);
    }
}
