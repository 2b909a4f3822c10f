//! NVRTC, the compiler of kernels at run time. It needs no GPU and no driver.
//!
//! It is bound here by the dozen functions that are used, so that a version 12 serves as well as a 13
//! (which compiles nothing older than 7.5), and so that two versions can be loaded side by side.

use std::ffi::{CStr, CString, c_char, c_int};
use std::path::{Path, PathBuf};
use std::ptr;

use libloading::Library as File;

use super::{Error, Library, Result};
use crate::probe::Version;

/// The names of the library, the newest first.
#[cfg(not(windows))]
const NAMES: [&str; 3] = ["libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so"];
#[cfg(windows)]
const NAMES: [&str; 2] = ["nvrtc64_130_0.dll", "nvrtc64_120_0.dll"];

/// How the files of the compiler's own declarations begin; it loads one when it first compiles.
const BUILTINS: &str = "libnvrtc-builtins.so.";

/// What kernels are compiled for: an architecture as NVRTC names it, such as `sm_90a`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Architecture(String);

impl Architecture {
    /// The architecture of this name.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self(name.to_owned())
    }

    /// Its name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A program's sources: nothing is read from disk.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// The file that is compiled, by its name and text.
    pub main: (&'a str, &'a str),
    /// What it may include.
    pub includes: &'a [(&'a str, &'a str)],
}

/// A compiled program.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// Machine code for one architecture.
    pub cubin: Vec<u8>,
    /// What the compiler said: warnings, and what was asked for by options.
    pub log: String,
}

type Program = *mut std::ffi::c_void;
type Status = c_int;

/// The functions that are used, with the lifetime of their library.
///
/// Source: the NVRTC documentation, chapter 3; they are the same in versions 11.2 to 13.
struct Functions {
    version: unsafe extern "C" fn(*mut c_int, *mut c_int) -> Status,
    architecture_count: unsafe extern "C" fn(*mut c_int) -> Status,
    architectures: unsafe extern "C" fn(*mut c_int) -> Status,
    create: unsafe extern "C" fn(
        *mut Program,
        *const c_char,
        *const c_char,
        c_int,
        *const *const c_char,
        *const *const c_char,
    ) -> Status,
    destroy: unsafe extern "C" fn(*mut Program) -> Status,
    compile: unsafe extern "C" fn(Program, c_int, *const *const c_char) -> Status,
    log_size: unsafe extern "C" fn(Program, *mut usize) -> Status,
    log: unsafe extern "C" fn(Program, *mut c_char) -> Status,
    cubin_size: unsafe extern "C" fn(Program, *mut usize) -> Status,
    cubin: unsafe extern "C" fn(Program, *mut c_char) -> Status,
}

/// A loaded NVRTC.
pub struct Nvrtc {
    functions: Functions,
    version: Version,
    architectures: Vec<u32>,
    // Last, so that it outlives the functions.
    _builtins: Vec<File>,
    _file: File,
}

/// Whether the system's loader finds an NVRTC.
pub(super) fn is_present() -> bool {
    // SAFETY: loading runs the library's initialisers, which it is made for.
    NAMES.iter().any(|name| unsafe { File::new(*name) }.is_ok())
}

impl Nvrtc {
    /// The newest NVRTC on the system that compiles for a GPU.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`] if there is none, [`Error::Architecture`] if none compiles for it.
    pub fn find(capability: Version) -> Result<(Self, Architecture)> {
        let mut newest = None;
        for name in NAMES {
            let Ok(nvrtc) = Self::load(Path::new(name)) else { continue };
            if let Some(architecture) = nvrtc.architecture_for(capability) {
                return Ok((nvrtc, architecture));
            }
            newest.get_or_insert(nvrtc.version);
        }
        Err(match newest {
            Some(nvrtc) => Error::Architecture { nvrtc, capability },
            None => Error::Missing { library: Library::Nvrtc },
        })
    }

    /// The NVRTC in a file, or of a name that the system's loader searches for.
    ///
    /// # Errors
    ///
    /// [`Error::Load`] if it cannot be loaded or lacks a function.
    pub fn load(path: &Path) -> Result<Self> {
        let failed = |error: libloading::Error| Error::Load {
            path: path.to_owned(),
            message: error.to_string(),
        };
        // The loader finds the builtins by their name once they are loaded, wherever they lie.
        // SAFETY: files of declarations without initialisers.
        let load = |builtins: PathBuf| unsafe { File::new(builtins) };
        let builtins = builtins_beside(path).into_iter().map(load);
        let builtins = builtins.collect::<Result<Vec<_>, _>>().map_err(failed)?;
        // SAFETY: loading runs the library's initialisers, which it is made for.
        let file = unsafe { File::new(path) }.map_err(failed)?;
        // SAFETY: the signatures are those of NVRTC's documentation.
        let functions = unsafe { Functions::of(&file) }.map_err(failed)?;
        let (mut major, mut minor) = (0, 0);
        // SAFETY: two places to write an int to.
        check("nvrtcVersion", unsafe { (functions.version)(&raw mut major, &raw mut minor) })?;
        let version = Version { major: major as u32, minor: minor as u32 };
        let architectures = functions.supported()?;
        Ok(Self { functions, version, architectures, _builtins: builtins, _file: file })
    }

    /// The version of the toolkit that it is of.
    #[must_use]
    pub const fn version(&self) -> Version {
        self.version
    }

    /// What machine code for a GPU is compiled for: its own architecture, or the nearest older one of
    /// the same generation, whose code it runs too.
    ///
    /// Source: CUDA C++ Programming Guide, "Binary Compatibility".
    #[must_use]
    pub fn architecture_for(&self, capability: Version) -> Option<Architecture> {
        let Version { major, minor } = capability;
        let found = self
            .architectures
            .iter()
            .copied()
            .filter(|number| number / 10 == major && number % 10 <= minor);
        let number = found.max()?;
        // Hopper's own instructions are in a feature set of its own.
        let suffix = if number == 90 { "a" } else { "" };
        Some(Architecture(format!("sm_{number}{suffix}")))
    }

    /// Compiles a program into machine code.
    ///
    /// # Errors
    ///
    /// [`Error::Compile`] with what the compiler said, if the source is at fault.
    pub fn compile(
        &self,
        source: &Source<'_>,
        architecture: &Architecture,
        options: &[String],
    ) -> Result<Compiled> {
        let text = |text: &str| {
            CString::new(text).map_err(|_| Error::Compile {
                architecture: architecture.0.clone(),
                log: "a source or an option holds a NUL byte".to_owned(),
            })
        };
        let target = format!("--gpu-architecture={}", architecture.0);
        let options = std::iter::once(&target).chain(options).map(|option| text(option));
        let options = options.collect::<Result<Vec<_>>>()?;
        let names = source.includes.iter().map(|(name, _)| text(name));
        let names = names.collect::<Result<Vec<_>>>()?;
        let bodies = source.includes.iter().map(|(_, body)| text(body));
        let bodies = bodies.collect::<Result<Vec<_>>>()?;
        let (main_name, main) = (text(source.main.0)?, text(source.main.1)?);
        let program = OpenProgram::create(&self.functions, &main_name, &main, &names, &bodies)?;
        let pointers = pointers(&options);
        // SAFETY: the program is open, and the options outlive the call.
        let status = unsafe {
            (self.functions.compile)(program.handle, pointers.len() as c_int, pointers.as_ptr())
        };
        let log = program.log()?;
        if status != 0 {
            return Err(Error::Compile { architecture: architecture.0.clone(), log });
        }
        Ok(Compiled { cubin: program.cubin()?, log })
    }
}

impl Functions {
    /// # Safety
    ///
    /// `file` is an NVRTC.
    unsafe fn of(file: &File) -> Result<Self, libloading::Error> {
        // SAFETY: the names and signatures belong together; the pointers are kept with the library.
        unsafe {
            Ok(Self {
                version: *file.get(b"nvrtcVersion")?,
                architecture_count: *file.get(b"nvrtcGetNumSupportedArchs")?,
                architectures: *file.get(b"nvrtcGetSupportedArchs")?,
                create: *file.get(b"nvrtcCreateProgram")?,
                destroy: *file.get(b"nvrtcDestroyProgram")?,
                compile: *file.get(b"nvrtcCompileProgram")?,
                log_size: *file.get(b"nvrtcGetProgramLogSize")?,
                log: *file.get(b"nvrtcGetProgramLog")?,
                cubin_size: *file.get(b"nvrtcGetCUBINSize")?,
                cubin: *file.get(b"nvrtcGetCUBIN")?,
            })
        }
    }

    /// The architectures as numbers: 90 for `sm_90`.
    fn supported(&self) -> Result<Vec<u32>> {
        let mut count = 0;
        // SAFETY: a place to write an int to.
        let status = unsafe { (self.architecture_count)(&raw mut count) };
        check("nvrtcGetNumSupportedArchs", status)?;
        let mut numbers = vec![0; count.max(0) as usize];
        // SAFETY: room for as many as were announced.
        let status = unsafe { (self.architectures)(numbers.as_mut_ptr()) };
        check("nvrtcGetSupportedArchs", status)?;
        Ok(numbers.into_iter().map(c_int::cast_unsigned).collect())
    }
}

/// A program, destroyed when it is dropped.
struct OpenProgram<'a> {
    functions: &'a Functions,
    handle: Program,
}

impl<'a> OpenProgram<'a> {
    fn create(
        functions: &'a Functions,
        name: &CStr,
        text: &CStr,
        include_names: &[CString],
        includes: &[CString],
    ) -> Result<Self> {
        let mut handle = ptr::null_mut();
        let (names, bodies) = (pointers(include_names), pointers(includes));
        // SAFETY: all texts end in NUL and outlive the call, and there are as many names as bodies.
        let status = unsafe {
            (functions.create)(
                &raw mut handle,
                text.as_ptr(),
                name.as_ptr(),
                bodies.len() as c_int,
                bodies.as_ptr(),
                names.as_ptr(),
            )
        };
        check("nvrtcCreateProgram", status)?;
        Ok(Self { functions, handle })
    }

    fn log(&self) -> Result<String> {
        let Functions { log_size, log, .. } = *self.functions;
        let bytes =
            self.bytes(("nvrtcGetProgramLogSize", log_size), ("nvrtcGetProgramLog", log))?;
        let text = String::from_utf8_lossy(&bytes);
        Ok(text.trim_end_matches(['\0', '\n']).to_owned())
    }

    fn cubin(&self) -> Result<Vec<u8>> {
        let Functions { cubin_size, cubin, .. } = *self.functions;
        self.bytes(("nvrtcGetCUBINSize", cubin_size), ("nvrtcGetCUBIN", cubin))
    }

    fn bytes(
        &self,
        (size_call, size): (&'static str, unsafe extern "C" fn(Program, *mut usize) -> Status),
        (call, read): (&'static str, unsafe extern "C" fn(Program, *mut c_char) -> Status),
    ) -> Result<Vec<u8>> {
        let mut count = 0;
        // SAFETY: the program is open, and there is a place to write the size to.
        check(size_call, unsafe { size(self.handle, &raw mut count) })?;
        let mut bytes = vec![0_u8; count];
        // SAFETY: there is as much room as was announced.
        check(call, unsafe { read(self.handle, bytes.as_mut_ptr().cast()) })?;
        Ok(bytes)
    }
}

impl Drop for OpenProgram<'_> {
    fn drop(&mut self) {
        // SAFETY: the program is open; after this nobody has its handle.
        unsafe { (self.functions.destroy)(&raw mut self.handle) };
    }
}

fn pointers(texts: &[CString]) -> Vec<*const c_char> {
    texts.iter().map(|text| text.as_ptr()).collect()
}

fn check(call: &'static str, status: Status) -> Result<()> {
    if status == 0 { Ok(()) } else { Err(Error::Nvrtc { call, status }) }
}

/// The builtins in the folder of a library file; none for a name that the loader searches for.
fn builtins_beside(path: &Path) -> Vec<PathBuf> {
    let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) else {
        return Vec::new();
    };
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let files = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let is_builtins = |path: &PathBuf| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(BUILTINS))
    };
    files.filter(is_builtins).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_no_nvrtc_is_an_error() {
        let Err(error) = Nvrtc::load(Path::new("libnothing-of-the-kind.so")) else {
            panic!("something was loaded");
        };
        assert!(matches!(error, Error::Load { .. }), "{error}");
        assert!(error.to_string().starts_with("libnothing-of-the-kind.so: "), "{error}");
    }

    #[test]
    fn volta_is_sent_to_the_older_compiler() {
        let nvrtc = Version { major: 13, minor: 0 };
        let message = |major, minor| {
            Error::Architecture { nvrtc, capability: Version { major, minor } }.to_string()
        };
        assert!(message(7, 0).contains("nvidia-cuda-nvrtc-cu12"), "{}", message(7, 0));
        assert!(message(15, 0).contains("newer"), "{}", message(15, 0));
    }
}
