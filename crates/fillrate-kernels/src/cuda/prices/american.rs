//! American puts.

use super::CudaPrices;
use crate::cuda::{Address, Argument, Launch, WARP_THREADS};
use crate::{AmericanScheme, Error, Result};

/// The terms of a put, in doubles: rate, yield, volatility, expiry, and the spot over the strike as its
/// logarithm and as it is.
pub const AMERICAN_TERMS: usize = 6;

/// The results of a put: 1 if its boundary was found or 0, the logarithm over the strike of the boundary
/// at the longest time to expiry, and the premium over the strike.
pub const AMERICAN_RESULTS: usize = 3;

/// Columns of a put's nodes and of their points in shared memory; `AmericanTables` in `american.cu`.
const NODE_COLUMNS: usize = 10;
const POINT_COLUMNS: usize = 7;

/// Puts on a device, and where their results go.
#[derive(Clone, Copy, Debug)]
pub struct DevicePuts {
    /// [`AmericanScheme::table`].
    pub scheme: Address,
    /// f64 `[puts, AMERICAN_TERMS]`.
    pub terms: Address,
    /// First guesses of the boundaries, f64 `[puts, nodes + 1]`.
    pub guesses: Address,
    /// f64 `[puts, AMERICAN_RESULTS]`.
    pub out: Address,
    /// The number of puts.
    pub puts: usize,
}

impl CudaPrices {
    /// [`Cpu::american_boundary`](crate::Cpu::american_boundary) and
    /// [`Cpu::american_premium`](crate::Cpu::american_premium) of many puts. The premium of a put whose
    /// boundary was not found is 0.
    ///
    /// # Errors
    ///
    /// If a put of the scheme does not fit a block's shared memory, or the device fails.
    pub fn american_puts(&self, scheme: &AmericanScheme, place: &DevicePuts) -> Result<()> {
        let [nodes, points, premium_points] = scheme.sizes();
        let lanes = nodes.next_multiple_of(8);
        let doubles = (NODE_COLUMNS + POINT_COLUMNS * points) * lanes;
        let bytes = doubles * size_of::<f64>();
        // The premium's points lie in a column of the boundary's.
        if bytes > self.queue.shared_bytes_max() as usize || premium_points > points * lanes {
            let expected = format!("{} bytes for a put", self.queue.shared_bytes_max());
            let got = format!("{bytes} bytes, {premium_points} points of a premium");
            return Err(Error::Shape { op: "american_puts", expected, got });
        }
        let puts = u32::try_from(place.puts).map_err(|_| Error::Shape {
            op: "american_puts",
            expected: "at most 2³² puts".to_owned(),
            got: place.puts.to_string(),
        })?;
        if puts == 0 {
            return Ok(());
        }
        self.queue.launch(&Launch {
            kernel: "american_puts",
            grid: [puts, 1, 1],
            threads: WARP_THREADS,
            shared_bytes: bytes as u32,
            arguments: &[
                Argument::Address(place.scheme),
                Argument::Address(place.terms),
                Argument::Address(place.guesses),
                Argument::Address(place.out),
                Argument::size(nodes),
                Argument::size(points),
                Argument::size(premium_points),
            ],
        })
    }
}
