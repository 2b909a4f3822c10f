//! Checks as they are asked and read, and what is kept of them.

use super::tests::{contrastive, gpu};
use super::*;

#[test]
fn a_calibration_holds_for_its_gpu() {
    let calibration = check::Calibration { reserved_factor: 1.2, context_bytes: 300 << 20 };
    let mut saved = check::SavedCalibration {
        gpu: gpu().label().to_owned(),
        versions: serde_json::Map::new(),
        calibration,
    };
    let training = contrastive("minilm-l6", 16, 64);
    let plain = estimate(&training, 0, &gpu()).unwrap();
    let fitted = estimate(&training, 0, &saved.apply(gpu()).unwrap()).unwrap();
    assert_eq!(fitted.memory.context_bytes, 300 << 20);
    assert_eq!(fitted.allocated_bytes, plain.allocated_bytes);
    let factor = fitted.reserved_bytes as f64 / plain.reserved_bytes as f64;
    assert!((factor - 1.2).abs() < 1e-6, "{factor}");
    // What is allocated is reserved, whatever was fitted.
    saved.calibration.reserved_factor = 0.1;
    let fitted = estimate(&training, 0, &saved.apply(gpu()).unwrap()).unwrap();
    assert_eq!(fitted.reserved_bytes, fitted.allocated_bytes);

    assert!(saved.apply(Gpu::named("l4").unwrap()).is_err());
    for (reserved_factor, context_bytes) in [(f64::NAN, 0), (0.0, 0), (20.0, 0), (1.0, u64::MAX)] {
        saved.calibration = check::Calibration { reserved_factor, context_bytes };
        assert!(saved.apply(gpu()).is_err(), "{reserved_factor} {context_bytes}");
    }
}

#[test]
fn a_check_is_asked_and_read_as_json() {
    let training = contrastive("minilm-l6", 4, 64);
    let request = check::Request::new(&training, 0, check::Mode::Auto).unwrap();
    assert_eq!(request.batch_sizes, [2, 4]);
    let text = serde_json::to_string(&request).unwrap();
    assert_eq!(serde_json::from_str::<check::Request>(&text).unwrap(), request);
    let reply = r#"{"mode": "fake", "versions": {"torch": "2.15.0"}, "results": [{"batch_size": 4,
        "allocated_bytes": 1000000, "reserved_bytes": null, "context_bytes": null,
        "parameters": 22713216, "out_of_memory": false}]}"#;
    let reply: check::Reply = serde_json::from_str(reply).unwrap();
    let compared = check::compare(&training, 0, &gpu(), &reply).unwrap();
    assert!(compared[0].error > 100.0 && compared[0].measured_reserved_bytes.is_none());
    assert_eq!(check::Calibration::fit(&compared, None), None);
}
