//! Compiled kernels in a context, and their launch.

use std::ffi::{CString, c_void};
use std::sync::Arc;

use cudarc::driver::{result, sys};

use super::error::check;
use super::{Context, Result, Stream};

/// Machine code that has been loaded.
pub struct Module {
    context: Arc<Context>,
    handle: sys::CUmodule,
}

// SAFETY: the handle is a name that the driver looks up; its functions may be called from any thread.
unsafe impl Send for Module {}
// SAFETY: as above.
unsafe impl Sync for Module {}

impl Module {
    /// Loads machine code that was compiled for this GPU's architecture.
    ///
    /// # Errors
    ///
    /// If the driver refuses it.
    pub fn load(context: &Arc<Context>, cubin: &[u8]) -> Result<Arc<Self>> {
        context.bind()?;
        // SAFETY: a cubin carries its own length, and the driver copies it.
        let handle = unsafe { result::module::load_data(cubin.as_ptr().cast()) };
        let handle = check("cuModuleLoadData", handle)?;
        Ok(Arc::new(Self { context: Arc::clone(context), handle }))
    }

    /// The kernel of a name, which may take as much dynamic shared memory as the GPU has for a block.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub fn function(self: &Arc<Self>, name: &'static str) -> Result<Function> {
        self.context.bind()?;
        let c_name = CString::new(name).unwrap_or_default();
        // SAFETY: the module is loaded.
        let handle = unsafe { result::module::get_function(self.handle, c_name) };
        let handle = check("cuModuleGetFunction", handle)?;
        let shared_max = self.context.limits().shared_bytes_max.cast_signed();
        let attribute = sys::CUfunction_attribute::CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES;
        // SAFETY: the function is of a loaded module.
        let status =
            unsafe { result::function::set_function_attribute(handle, attribute, shared_max) };
        check("cuFuncSetAttribute", status)?;
        Ok(Function { _module: Arc::clone(self), handle })
    }
}

impl Drop for Module {
    fn drop(&mut self) {
        if self.context.bind().is_ok() {
            // SAFETY: it is loaded, and its functions, which hold it, are gone.
            let _ = unsafe { result::module::unload(self.handle) };
        }
    }
}

/// A kernel that can be launched.
pub struct Function {
    _module: Arc<Module>,
    handle: sys::CUfunction,
}

// SAFETY: the handle is a name that the driver looks up; its functions may be called from any thread.
unsafe impl Send for Function {}
// SAFETY: as above.
unsafe impl Sync for Function {}

impl Function {
    /// Appends a launch to a stream. `arguments` point to the values of the kernel's parameters,
    /// which are read before this returns.
    ///
    /// # Errors
    ///
    /// If the driver refuses it, or earlier work failed.
    ///
    /// # Safety
    ///
    /// The arguments must be of the kernel's types, and what they point to on the device must be
    /// the caller's until the stream has come past the launch.
    pub unsafe fn launch(
        &self,
        stream: &Stream,
        [x, y, z]: [u32; 3],
        threads: u32,
        shared_bytes: u32,
        arguments: &mut [*mut c_void],
    ) -> Result<()> {
        stream.bind()?;
        let (grid, block) = ((x, y, z), (threads, 1, 1));
        // SAFETY: the function's module is loaded and the stream lives; the rest is the caller's
        // promise.
        let status = unsafe {
            result::launch_kernel(
                self.handle,
                grid,
                block,
                shared_bytes,
                stream.handle(),
                arguments,
            )
        };
        check("cuLaunchKernel", status)
    }
}
