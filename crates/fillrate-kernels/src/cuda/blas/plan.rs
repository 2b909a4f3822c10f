//! Products described to cuBLASLt, with the algorithm that it chose for each.

use std::ptr;

use cudarc::cublaslt::sys::cublasLtMatmulDescAttributes_t as Attribute;
use cudarc::cublaslt::{result, sys};
use fillrate_device::cuda::Result;

use super::{WORKSPACE_BYTES, check};
use crate::MatmulType;
use crate::cuda::{Address, Element};

/// The alignments that algorithms tell apart, in bytes.
const ALIGNMENT_MAX: u32 = 256;

/// `CUBLAS_OP_T`, which the bindings lack.
///
/// Source: `cublas_api.h`, `cublasOperation_t`.
const TRANSPOSED: i32 = 1;

/// The types of a product.
///
/// Source: the cuBLAS documentation, `cublasLtMatmul`, table of supported types. f32 is multiplied as
/// f32: tensor cores would cut its factors to TF32 only where `CUBLAS_COMPUTE_32F_FAST_TF32` is asked
/// for, which nothing here does.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Types {
    operands: sys::cudaDataType,
    out: sys::cudaDataType,
    compute: sys::cublasComputeType_t,
    /// Of the factors of a product.
    pub(super) scale: sys::cudaDataType,
}

impl Types {
    /// Elements, or 8-bit floats, summed in f32 and rounded to elements.
    ///
    /// cuBLASLt multiplies 8-bit floats with the left matrix transposed alone, with one scale for each
    /// side, and with sums that are carried on in f32 unless it is asked for faster ones.
    ///
    /// Source: the cuBLAS documentation, `cublasLtMatmul`, requirements of FP8 kernels.
    pub(super) const fn of_linear(element: Element, quantized: bool) -> Self {
        let out = match element {
            Element::Bf16 => sys::cudaDataType::CUDA_R_16BF,
            Element::Fp16 => sys::cudaDataType::CUDA_R_16F,
        };
        let operands = if quantized { sys::cudaDataType::CUDA_R_8F_E4M3 } else { out };
        Self { operands, out, ..Self::of_dense(MatmulType::F32) }
    }

    /// Values and their sums.
    pub(super) const fn of_dense(values: MatmulType) -> Self {
        use sys::cudaDataType as Data;
        if matches!(values, MatmulType::F64) {
            let (wide, compute) = (Data::CUDA_R_64F, sys::cublasComputeType_t::CUBLAS_COMPUTE_64F);
            return Self { operands: wide, out: wide, compute, scale: wide };
        }
        let operands = match values {
            MatmulType::Bf16 => Data::CUDA_R_16BF,
            MatmulType::Fp16 => Data::CUDA_R_16F,
            MatmulType::F32 | MatmulType::F64 => Data::CUDA_R_32F,
        };
        let compute = sys::cublasComputeType_t::CUBLAS_COMPUTE_32F;
        Self { operands, out: Data::CUDA_R_32F, compute, scale: Data::CUDA_R_32F }
    }
}

/// What the choice of an algorithm depends on: a product `[height, inner]` by `[inner, width]`, of
/// matrices that lie column after column, as cuBLASLt has them.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) height: usize,
    pub(super) inner: usize,
    pub(super) width: usize,
    pub(super) types: Types,
    /// Whether the left matrix lies as `[inner, height]`.
    pub(super) is_left_transposed: bool,
    /// Whether a value is added to each row.
    pub(super) is_biased: bool,
    /// Of the left matrix, the right one and the product, in bytes.
    pub(super) alignments: [u32; 3],
}

/// A product's description with its algorithm, chosen once.
pub(super) struct Plan {
    pub(super) description: sys::cublasLtMatmulDesc_t,
    pub(super) left: sys::cublasLtMatrixLayout_t,
    pub(super) right: sys::cublasLtMatrixLayout_t,
    pub(super) out: sys::cublasLtMatrixLayout_t,
    pub(super) algorithm: Option<sys::cublasLtMatmulAlgo_t>,
}

impl Plan {
    /// Describes a product and asks for its fastest algorithm.
    pub(super) fn new(handle: sys::cublasLtHandle_t, key: &Key) -> Result<Self> {
        let Key { height, inner, width, types, is_left_transposed, is_biased, .. } = *key;
        let layout = |of, height: usize, width: usize| {
            let made = result::create_matrix_layout(of, height as u64, width as u64, height as i64);
            check("cublasLtMatrixLayoutCreate", made)
        };
        let made = result::create_matmul_desc(types.compute, types.scale);
        let description = check("cublasLtMatmulDescCreate", made)?;
        // From here on the plan owns what has been made.
        let mut plan = Self {
            description,
            left: ptr::null_mut(),
            right: ptr::null_mut(),
            out: ptr::null_mut(),
            algorithm: None,
        };
        let (left_height, left_width) =
            if is_left_transposed { (inner, height) } else { (height, inner) };
        plan.left = layout(types.operands, left_height, left_width)?;
        plan.right = layout(types.operands, inner, width)?;
        plan.out = layout(types.out, height, width)?;
        if is_left_transposed {
            plan.set(Attribute::CUBLASLT_MATMUL_DESC_TRANSA, TRANSPOSED)?;
        }
        if is_biased {
            let epilogue = sys::cublasLtEpilogue_t::CUBLASLT_EPILOGUE_BIAS as i32;
            plan.set(Attribute::CUBLASLT_MATMUL_DESC_EPILOGUE, epilogue)?;
        }
        plan.algorithm = Some(plan.fastest(handle, key.alignments)?);
        Ok(plan)
    }

    fn fastest(
        &self,
        handle: sys::cublasLtHandle_t,
        [left, right, out]: [u32; 3],
    ) -> Result<sys::cublasLtMatmulAlgo_t> {
        use sys::cublasLtMatmulPreferenceAttributes_t as Wanted;
        let preference = Preference::new()?;
        preference.set(Wanted::CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, WORKSPACE_BYTES)?;
        preference.set(Wanted::CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, left)?;
        preference.set(Wanted::CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, right)?;
        preference.set(Wanted::CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, out)?;
        preference.set(Wanted::CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, out)?;
        // SAFETY: all that is passed lives.
        let found = unsafe {
            result::get_matmul_algo_heuristic(
                handle,
                self.description,
                self.left,
                self.right,
                self.out,
                self.out,
                preference.0,
            )
        };
        Ok(check("cublasLtMatmulAlgoGetHeuristic", found)?.algo)
    }

    pub(super) fn set<T: Copy>(&self, attribute: Attribute, value: T) -> Result<()> {
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
        for layout in [self.left, self.right, self.out] {
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
pub(super) fn alignment(Address(address): Address) -> u32 {
    1 << address.trailing_zeros().min(ALIGNMENT_MAX.trailing_zeros())
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
