//! Cache lines fetched before they are needed.

#![allow(unsafe_code, reason = "an instruction of the processor's")]

/// Has the processor fetch the cache line of an address, which need not be valid.
#[inline(always)]
pub(super) fn prefetch<T>(from: *const T) {
    // SAFETY: part of every x86-64 processor's instructions; it never faults.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(from.cast());
    }
    let _ = from;
}

/// How many doubles ahead a pass over prices has its columns fetched: two pages. The processor's own
/// prefetching stops at a page's end, and what waits for a line takes the place of what could be
/// computed meanwhile.
pub(super) const DOUBLES_AHEAD: usize = 1024;
