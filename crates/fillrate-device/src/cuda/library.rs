//! The shared libraries that a GPU needs, and where a user gets them.

use super::{Error, Result};

/// A library that is loaded when it is first needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Library {
    /// The driver's own library, which comes with the driver and with nothing else.
    Driver,
    /// The compiler of kernels.
    Nvrtc,
    /// The products of matrices.
    CublasLt,
}

impl Library {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Driver, Self::Nvrtc, Self::CublasLt];

    /// The file as Linux names it.
    #[must_use]
    pub const fn file_name(self) -> &'static str {
        match self {
            Self::Driver => "libcuda.so.1",
            Self::Nvrtc => "libnvrtc.so",
            Self::CublasLt => "libcublasLt.so",
        }
    }

    /// Who has it.
    #[must_use]
    pub const fn package(self) -> &'static str {
        match self {
            Self::Driver => "it comes with the NVIDIA driver (580 or newer)",
            Self::Nvrtc => {
                "it is in the CUDA toolkit, Debian's libnvrtc and pip's nvidia-cuda-nvrtc; \
                 LD_LIBRARY_PATH must name its folder"
            }
            Self::CublasLt => {
                "it is in the CUDA toolkit, Debian's libcublaslt and pip's nvidia-cublas; \
                 LD_LIBRARY_PATH must name its folder"
            }
        }
    }

    /// Whether the system's loader finds it.
    #[must_use]
    pub fn is_present(self) -> bool {
        match self {
            // SAFETY: the probe loads the library and calls nothing in it; loading runs its
            // initialisers, which these libraries are made for.
            Self::Driver => unsafe { cudarc::driver::sys::is_culib_present() },
            Self::Nvrtc => super::nvrtc::is_present(),
            // SAFETY: as for the driver.
            Self::CublasLt => unsafe { cudarc::cublaslt::sys::is_culib_present() },
        }
    }

    /// Refuses to go on without it. To be asked before the first call: the bindings panic where the
    /// library is absent.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`] if the system's loader does not find it.
    pub fn require(self) -> Result<()> {
        if self.is_present() { Ok(()) } else { Err(Error::Missing { library: self }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_library_names_itself_and_its_package() {
        for library in Library::ALL {
            let message = Error::Missing { library }.to_string();
            assert!(message.starts_with(library.file_name()), "{message}");
            assert!(message.ends_with(library.package()), "{message}");
        }
    }

    #[test]
    fn a_library_is_required_exactly_where_it_is_absent() {
        for library in Library::ALL {
            assert_eq!(library.require().is_ok(), library.is_present(), "{library:?}");
        }
    }
}
