//! Memory on a fake device, the probe against a driver's library made for the purpose, and the shape
//! of what it reports.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop where it is")]

mod memory;
mod routing;

use fillrate_device::probe::Machine;
use serde_json::Value;

fn names(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn a_report_has_its_field_names() {
    let report = serde_json::to_value(Machine::probe()).unwrap();
    assert_eq!(names(&report), ["os", "arch", "cpu", "memory", "gpus"]);
    assert_eq!(names(&report["memory"]), ["total_bytes", "available_bytes", "limit_bytes"]);
    assert!(names(&report["cpu"]["isa"]).contains(&"avx512_bf16"));
    assert!(report["gpus"]["state"].is_string());
}

#[cfg(target_os = "linux")]
mod driver {
    use std::path::{Path, PathBuf};
    use std::process::Command;

    use fillrate_device::probe::{Gpu, Gpus, Sensors, Version};
    use fillrate_device::routing::Reading;

    /// Compiles the library of the fixture: one for each test, since it counts.
    fn library(name: &str) -> PathBuf {
        let source = Path::new("fixtures/nvml/driver.c");
        let library = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
        let mut command = Command::new(compiler);
        command.args(["-shared", "-fPIC", "-o"]).arg(&library).arg(source);
        assert!(command.status().unwrap().success(), "the fixture does not compile");
        library
    }

    #[test]
    fn sensors_are_read_again_and_count_what_is_new() {
        let library = library("libfixture-nvml-sensors.so");
        let sensors = Sensors::open_with(library.as_os_str(), "GPU-0").unwrap();
        let reading = Reading {
            temperature_c: Some(40),
            is_throttled: Some(true),
            free_bytes: Some(600),
            uncorrected_errors: Some(1),
        };
        assert_eq!(sensors.read(), Some(reading));
        assert_eq!(sensors.read(), Some(Reading { uncorrected_errors: Some(2), ..reading }));
        assert!(Sensors::open_with(library.as_os_str(), "GPU-7").is_none());
    }

    #[test]
    fn readings_are_taken_and_those_not_offered_are_none() {
        let gpus = Gpus::probe_with(library("libfixture-nvml.so").as_os_str());
        let full = Gpu {
            index: 0,
            name: Some("Test GPU".to_owned()),
            uuid: Some("GPU-0".to_owned()),
            compute_capability: Some(Version { major: 9, minor: 0 }),
            memory_total_bytes: Some(1000),
            memory_free_bytes: Some(600),
            memory_used_bytes: Some(300),
            temperature_c: Some(40),
            power_w: Some(75.5),
            power_limit_w: None,
            utilization_percent: Some(7),
            is_throttled: Some(true),
            ecc_enabled: Some(true),
            uncorrected_errors: Some(4),
            mig_enabled: Some(false),
        };
        let silent = Gpu { index: 1, name: Some("Silent GPU".to_owned()), ..Gpu::default() };
        let expected = Gpus::Present {
            driver_version: Some("580.65.06".to_owned()),
            cuda_version: Some(Version { major: 13, minor: 0 }),
            devices: vec![full, silent],
        };
        assert_eq!(gpus, expected);
    }
}
