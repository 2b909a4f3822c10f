//! Fillrate's side of `cargo xtask bench desk`: the counterpart of `benches/desk/worker.py`, which
//! has the protocol. It makes the prices that both sides use.

use std::error::Error;
use std::fmt::Write as _;
use std::io::{self, BufRead, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use fillrate::market::backtest::{BacktestOptions, Grid, OrderFill, Strategy, sweep};
use fillrate::market::portfolio::{Bounds, Objective, PortfolioOptions, optimize};
use fillrate::market::{Column, Panel, PanelOptions, Philox};
use fillrate::records::{InputFormat, ReadOptions, Reader};
use serde_json::json;

const TIME: Duration = Duration::from_millis(500);
const BARS: u64 = 2_500;
const SYMBOLS: u32 = 20;
const PANEL_BARS: u64 = 8_313;

/// A case: its name, and what is repeated, which gives a number to compare.
type Case<'a> = (&'static str, Box<dyn Fn() -> fillrate::Result<f64> + 'a>);

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).ok_or("the folder for the prices is missing")?;
    // Every case is measured on one core.
    rayon::ThreadPoolBuilder::new().num_threads(1).build_global()?;
    let closes = walk(BARS, 0);
    let panel: Vec<Vec<f64>> = (0..SYMBOLS).map(|symbol| walk(PANEL_BARS, symbol + 1)).collect();
    write(&Path::new(&folder).join("closes.f64"), &closes)?;
    write(&Path::new(&folder).join("panel.f64"), &panel.concat())?;
    let (one, panel) = (to_panel(&[closes])?, to_panel(&panel)?);
    let cases = cases(&one, &panel);
    let mut output = io::stdout().lock();
    let names: Vec<&str> = cases.iter().map(|(name, _)| *name).collect();
    writeln!(output, "{}", json!({ "cases": names }))?;
    for line in io::stdin().lock().lines() {
        let line = line?;
        let Some(name) = line.strip_prefix("run ") else { break };
        let (_, run) = cases.iter().find(|(known, _)| *known == name).ok_or("no such case")?;
        let mut value = run()?;
        let (mut best, begin) = (Duration::MAX, Instant::now());
        while begin.elapsed() < TIME {
            let start = Instant::now();
            value = run()?;
            best = best.min(start.elapsed());
        }
        writeln!(output, "{}", json!({ "ms": best.as_secs_f64() * 1e3, "value": value }))?;
    }
    Ok(())
}

fn cases<'a>(one: &'a Panel, panel: &'a Panel) -> Vec<Case<'a>> {
    let grid: Grid = "fast=2:143,slow=2:143".parse().unwrap_or_default();
    let options = BacktestOptions {
        fee: 0.001,
        slippage: 0.0005,
        fill: OrderFill::Close,
        ..BacktestOptions::default()
    };
    let pairs = move || {
        let mut sum = 0.0;
        sweep(one, Strategy::MaCrossover, &grid, &options, |outcomes| {
            sum += outcomes.iter().map(|outcome| outcome.performance.total_return).sum::<f64>();
            Ok(())
        })?;
        Ok(sum)
    };
    let best = |objective: Objective| {
        let bounds = match objective {
            Objective::RiskParity => PortfolioOptions::default().bounds,
            _ => Bounds::LONG_ONLY,
        };
        let options = PortfolioOptions { objective, bounds, ..PortfolioOptions::default() };
        move || {
            let portfolio = optimize(panel, &options)?;
            Ok(match objective {
                Objective::MinCvar { .. } => portfolio.value,
                _ => portfolio.volatility * portfolio.volatility,
            })
        }
    };
    vec![
        ("sweep", Box::new(pairs)),
        ("min-variance", Box::new(best(Objective::MinVariance))),
        ("risk-parity", Box::new(best(Objective::RiskParity))),
        ("min-cvar", Box::new(best(Objective::MinCvar { confidence: 0.95 }))),
    ]
}

/// Closes that move with a market common to all streams.
fn walk(bars: u64, stream: u32) -> Vec<f64> {
    let (market, own) = (Philox::new(20_261_103), Philox::new(20_261_104));
    let mut log: f64 = 4.0;
    let close = |bar| {
        let spread = 1.0 + f64::from(stream) / 20.0;
        log += 0.0003 + 0.007 * market.normals(bar, 0, 0)[0];
        log += 0.009 * spread * own.normals(bar, stream, 0)[0];
        log.exp()
    };
    (0..bars).map(close).collect()
}

fn write(path: &Path, values: &[f64]) -> io::Result<()> {
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    std::fs::write(path, bytes)
}

/// A panel of these closes, a day after the other.
fn to_panel(closes: &[Vec<f64>]) -> Result<Panel, Box<dyn Error>> {
    let mut text = "symbol,date,close\n".to_owned();
    for (symbol, closes) in closes.iter().enumerate() {
        for (day, close) in closes.iter().enumerate() {
            let date = fillrate::market::Date::from_epoch_nanos(day as i64 * 86_400_000_000_000);
            let date = date.ok_or("no such date")?;
            writeln!(text, "S{symbol:02},{date},{close}")?;
        }
    }
    let options = ReadOptions { format: Some(InputFormat::Csv), ..ReadOptions::default() };
    let mut reader = Reader::from_stream(Box::new(io::Cursor::new(text.into_bytes())), &options)?;
    Ok(Panel::read(&mut reader, &PanelOptions::only(&[Column::Close]))?)
}
