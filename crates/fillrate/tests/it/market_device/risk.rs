//! The risk of whole panels.

use std::fmt::Write as _;

use fillrate::market::device::Report;
use fillrate::market::risk::{Returns, RiskOptions, TailMethod, measure, measure_on};
use fillrate::market::{Column, Date, Panel, PanelOptions, Philox};
use fillrate::records::{InputFormat, ReadOptions, Reader};

use super::{Device, computer};

/// Four symbols with histories of their own; with gaps if asked for.
fn panel(has_gaps: bool) -> Panel {
    let (philox, mut table) = (Philox::new(6), "symbol,date,close\n".to_owned());
    for symbol in 0..4_u32 {
        let mut close = 50.0;
        for bar in 20 * u64::from(symbol)..150 {
            let [step, gap] = philox.normals(bar, symbol, 0);
            close *= 1.0 + 0.015 * step;
            let date = Date::from_epoch_nanos(bar as i64 * 86_400_000_000_000).unwrap();
            if has_gaps && gap > 1.0 {
                let _ = writeln!(table, "S{symbol},{date},");
            } else {
                let _ = writeln!(table, "S{symbol},{date},{close}");
            }
        }
    }
    let options = ReadOptions { format: Some(InputFormat::Csv), ..ReadOptions::default() };
    let stream = Box::new(std::io::Cursor::new(table));
    let mut reader = Reader::from_stream(stream, &options).unwrap();
    Panel::read(&mut reader, &PanelOptions::only(&[Column::Close])).unwrap()
}

fn all_options() -> Vec<RiskOptions> {
    let mut all = vec![RiskOptions { risk_free: 0.02, ..RiskOptions::default() }];
    for method in TailMethod::ALL {
        let (benchmark, returns) = (Some("S2".to_owned()), Returns::Log);
        all.push(RiskOptions { method, benchmark, returns, ..RiskOptions::default() });
    }
    all
}

#[test]
fn risk_on_a_device_is_that_of_the_processor() {
    let computer = computer(Device::sound());
    for panel in [panel(false), panel(true)] {
        for options in all_options() {
            let expected = measure(&panel, &options).unwrap();
            assert_eq!(measure_on(&computer, &panel, &options).unwrap(), expected);
        }
    }
    let Report { on_device, on_processor, degraded, .. } = computer.report();
    assert_eq!((on_device, on_processor, degraded), (8, 0, 0));
}

#[test]
fn risk_that_the_device_fails_comes_from_the_processor() {
    let (panel, options) = (panel(true), RiskOptions::default());
    let expected = measure(&panel, &options).unwrap();
    // Returns, means, their path, moments, products, falls and tails.
    for failing in 0..7 {
        let failing = computer(Device { failing: Some(failing), ..Device::sound() });
        assert_eq!(measure_on(&failing, &panel, &options).unwrap(), expected);
        let report = failing.report();
        assert_eq!((report.on_device, report.on_processor, report.degraded), (0, 1, 1));
        assert_eq!(report.reason.as_deref(), Some("a launch out of resources"));
    }
    let full = computer(Device { full: Some(0), ..Device::sound() });
    assert_eq!(measure_on(&full, &panel, &options).unwrap(), expected);
    assert_eq!((full.report().on_device, full.report().degraded), (0, 1));
    // What is at fault is refused before it goes anywhere.
    let unknown = RiskOptions { benchmark: Some("X".to_owned()), ..options };
    assert!(measure_on(&full, &panel, &unknown).is_err());
    assert_eq!(full.report().on_processor, 1);
}
