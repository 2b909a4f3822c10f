//! Every kernel compiled for every architecture, without a GPU and without a driver, and what each
//! takes of a multiprocessor.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use fillrate_device::cuda::{Architecture, CubinCache, CubinKey, Nvrtc, Source};
use fillrate_kernels::cuda::{Element, Program};

/// Where `cargo xtask test` says the compilers are: version 13 and version 12.
const COMPILERS_VARIABLE: &str = "FILLRATE_TEST_NVRTC";

/// The architectures that each version of the compiler answers for.
const ARCHITECTURES: [(u32, &[&str]); 2] =
    [(13, &["sm_80", "sm_86", "sm_89", "sm_90a", "sm_100"]), (12, &["sm_70", "sm_75"])];

/// Where every width of heads is compiled; elsewhere the usual one will do.
const WITH_EVERY_PAD: [&str; 2] = ["sm_90a", "sm_75"];

/// Kernels that may spill registers, and why.
const SPILLS_ALLOWED: [(&str, &str); 1] = [
    // Without an instruction for the product, a call keeps some of a query's registers.
    ("attention_tiled", "sm_70 sm_75"),
];

/// What a kernel takes.
#[derive(Debug, PartialEq, Eq)]
struct Resources {
    kernel: String,
    registers: u32,
    stack_bytes: u32,
    spill_bytes: u32,
    shared_bytes: u32,
}

/// The compilers, or none where `cargo xtask test` has not named them.
#[allow(clippy::print_stderr, reason = "a test that skips says so")]
fn compilers() -> Vec<Nvrtc> {
    let Some(paths) = std::env::var_os(COMPILERS_VARIABLE) else {
        eprintln!("skipped: {COMPILERS_VARIABLE} is not set; `cargo xtask test` sets it");
        return Vec::new();
    };
    std::env::split_paths(&paths).map(|path: PathBuf| Nvrtc::load(&path).unwrap()).collect()
}

/// The number before `unit` in a line, 0 if there is none.
fn number(line: &str, unit: &str) -> u32 {
    let Some((before, _)) = line.split_once(unit) else { return 0 };
    before.split_whitespace().last().and_then(|word| word.parse().ok()).unwrap_or(0)
}

/// Reads what ptxas says of each kernel.
fn resources(log: &str) -> Vec<Resources> {
    let mut found: Vec<Resources> = Vec::new();
    for line in log.lines() {
        if let Some((_, rest)) = line.split_once("Compiling entry function '") {
            let kernel = rest.split('\'').next().unwrap().to_owned();
            let (registers, stack_bytes, spill_bytes, shared_bytes) = (0, 0, 0, 0);
            found.push(Resources { kernel, registers, stack_bytes, spill_bytes, shared_bytes });
        }
        let Some(last) = found.last_mut() else { continue };
        if line.contains("bytes stack frame") {
            last.stack_bytes = number(line, " bytes stack frame");
            last.spill_bytes =
                number(line, " bytes spill stores").max(number(line, " bytes spill loads"));
        } else if line.contains("Used ") {
            last.registers = number(line, " registers");
            last.shared_bytes = number(line, " bytes smem");
        }
    }
    found
}

#[test]
fn the_compiler_is_understood() {
    let log = "\
ptxas info    : Compiling entry function 'softmax' for 'sm_90a'
ptxas info    : Function properties for softmax
ptxas         .     16 bytes stack frame, 4 bytes spill stores, 8 bytes spill loads
ptxas info    : Used 30 registers, used 1 barriers, 48 bytes smem, 400 bytes cmem[0]";
    let expected = Resources {
        kernel: "softmax".to_owned(),
        registers: 30,
        stack_bytes: 16,
        spill_bytes: 8,
        shared_bytes: 48,
    };
    assert_eq!(resources(log), [expected]);
}

/// What is compiled with one compiler.
fn programs(nvrtc: &Nvrtc) -> Vec<(&'static str, Program)> {
    let (_, architectures) =
        ARCHITECTURES.iter().find(|(major, _)| *major == nvrtc.version().major).unwrap();
    let of = |&architecture: &&'static str| {
        let pads: &[usize] =
            if WITH_EVERY_PAD.contains(&architecture) { &[16, 64, 96, 128] } else { &[64] };
        let encoders = pads.iter().flat_map(|&head_pad| {
            Element::ALL.map(|element| Program::Encoder { element, head_pad })
        });
        encoders.chain([Program::Prices]).map(move |program| (architecture, program))
    };
    architectures.iter().flat_map(of).collect()
}

/// Compiles one program; a line for each kernel and what is wrong with them.
fn compile(nvrtc: &Nvrtc, architecture: &str, program: Program) -> (String, Vec<String>) {
    let mut options = program.options();
    options.push("--ptxas-options=-v".to_owned());
    let compiled =
        nvrtc.compile(&program.source(), &Architecture::named(architecture), &options).unwrap();
    assert!(compiled.cubin.starts_with(b"\x7fELF"), "{architecture} {program:?}");
    let mut found = resources(&compiled.log);
    found.sort_by(|a, b| a.kernel.cmp(&b.kernel));
    let names: Vec<&str> = found.iter().map(|resources| resources.kernel.as_str()).collect();
    assert_eq!(names, program.kernels(), "{architecture}: {}", compiled.log);
    let (mut lines, mut faults) = (String::new(), Vec::new());
    let name = match program {
        Program::Encoder { element, head_pad } => format!("{element}\t{head_pad}"),
        _ => "f64\t-".to_owned(),
    };
    for Resources { kernel, registers, stack_bytes, spill_bytes, shared_bytes } in &found {
        let _ = writeln!(
            lines,
            "{architecture}\t{name}\t{kernel}\t{registers}\t{stack_bytes}\t{spill_bytes}\t\
             {shared_bytes}"
        );
        let allowed =
            SPILLS_ALLOWED.iter().any(|(name, on)| name == kernel && on.contains(architecture));
        if *spill_bytes > 0 && !allowed {
            faults.push(format!("{architecture} {name}: {kernel} spills {spill_bytes}"));
        }
    }
    (lines, faults)
}

#[test]
fn every_kernel_compiles_for_every_architecture_without_spilling() {
    let compilers = compilers();
    let work: Vec<_> = compilers
        .iter()
        .flat_map(|nvrtc| {
            programs(nvrtc).into_iter().map(move |(on, program)| (nvrtc, on, program))
        })
        .collect();
    let queue = Mutex::new(work.into_iter());
    let results = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let next = queue.lock().unwrap().next();
                    let Some((nvrtc, architecture, program)) = next else { break };
                    let result = compile(nvrtc, architecture, program);
                    results.lock().unwrap().push(result);
                }
            });
        }
    });
    let mut results = results.into_inner().unwrap();
    if results.is_empty() {
        return;
    }
    results.sort();
    let heading = "architecture\telement\thead_pad\tkernel\tregisters\tstack_bytes\tspill_bytes\tshared_bytes\n";
    let report: String = results.iter().map(|(lines, _)| lines.as_str()).collect();
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../kernel-resources.tsv");
    fs::write(path, format!("{heading}{report}")).unwrap();
    let faults: Vec<String> = results.into_iter().flat_map(|(_, faults)| faults).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn compiled_kernels_are_kept_and_found_again() {
    let folder = tempfile::tempdir().unwrap();
    let cache = CubinCache::new(folder.path().to_owned());
    let program = Program::Encoder { element: Element::Fp16, head_pad: 32 };
    let (source, options) = (&program.source(), program.options());
    for nvrtc in compilers() {
        let capability = fillrate_device::probe::Version { major: 7, minor: 5 };
        let architecture = nvrtc.architecture_for(capability).unwrap();
        assert_eq!(architecture.as_str(), "sm_75");
        let version = nvrtc.version();
        let key =
            CubinKey { source, options: &options, architecture: &architecture, nvrtc: version };
        let compile = || nvrtc.compile(source, &architecture, &options).map(|made| made.cubin);
        let first = cache.get_or_compile(&key, compile).unwrap();
        let second = cache
            .get_or_compile(&key, || -> fillrate_device::cuda::Result<_> { panic!("it was kept") });
        let second = second.unwrap();
        assert!(!first.cached && second.cached && first.bytes == second.bytes);
    }
}

#[test]
fn what_does_not_compile_says_where() {
    for nvrtc in compilers() {
        let source = Source {
            main: ("wrong.cu", "#include \"part.cuh\"\nint x = y;"),
            includes: &[("part.cuh", "")],
        };
        let error = nvrtc.compile(&source, &Architecture::named("sm_75"), &[]).unwrap_err();
        assert!(error.to_string().contains("wrong.cu(2)"), "{error}");
    }
}

#[test]
fn each_compiler_says_what_it_is_for() {
    for nvrtc in compilers() {
        let architecture = |major, minor| {
            let capability = fillrate_device::probe::Version { major, minor };
            nvrtc.architecture_for(capability).map(|found| found.as_str().to_owned())
        };
        assert_eq!(architecture(9, 0).as_deref(), Some("sm_90a"));
        // A GPU that the compiler does not know runs the code of an older one of its generation.
        assert_eq!(architecture(8, 9).as_deref(), Some("sm_89"));
        assert_eq!(architecture(7, 0).is_some(), nvrtc.version().major == 12);
        assert_eq!(architecture(3, 5), None);
    }
}
