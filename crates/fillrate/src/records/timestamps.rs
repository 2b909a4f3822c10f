//! Times with a named zone, as JSON.
//!
//! Arrow prints a zone such as `UTC` or `Europe/London` only with a database of time zones. The
//! column holds instants in UTC, so they are printed as such: the same moment, ending in `Z`.

use std::io::Write;

use arrow_array::cast::AsArray;
use arrow_array::temporal_conversions::{
    timestamp_ms_to_datetime, timestamp_ns_to_datetime, timestamp_s_to_datetime,
    timestamp_us_to_datetime,
};
use arrow_array::types::{
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType,
};
use arrow_array::{Array, ArrayRef};
use arrow_json::writer::{Encoder, EncoderFactory, EncoderOptions, NullableEncoder};
use arrow_schema::{ArrowError, DataType, FieldRef, TimeUnit};

/// Encodes columns of times whose zone has a name; leaves all others to Arrow.
#[derive(Debug)]
pub(super) struct NamedZones;

impl EncoderFactory for NamedZones {
    fn make_default_encoder<'a>(
        &self,
        _field: &'a FieldRef,
        array: &'a dyn Array,
        _options: &'a EncoderOptions,
    ) -> Result<Option<NullableEncoder<'a>>, ArrowError> {
        let DataType::Timestamp(unit, Some(zone)) = array.data_type() else { return Ok(None) };
        if zone.starts_with(['+', '-']) {
            return Ok(None);
        }
        let instants = Instants { array: arrow_array::make_array(array.to_data()), unit: *unit };
        Ok(Some(NullableEncoder::new(Box::new(instants), array.nulls().cloned())))
    }
}

struct Instants {
    array: ArrayRef,
    unit: TimeUnit,
}

impl Encoder for Instants {
    fn encode(&mut self, row: usize, out: &mut Vec<u8>) {
        let array = &self.array;
        let at = match self.unit {
            TimeUnit::Second => {
                timestamp_s_to_datetime(array.as_primitive::<TimestampSecondType>().value(row))
            }
            TimeUnit::Millisecond => timestamp_ms_to_datetime(
                array.as_primitive::<TimestampMillisecondType>().value(row),
            ),
            TimeUnit::Microsecond => timestamp_us_to_datetime(
                array.as_primitive::<TimestampMicrosecondType>().value(row),
            ),
            TimeUnit::Nanosecond => {
                timestamp_ns_to_datetime(array.as_primitive::<TimestampNanosecondType>().value(row))
            }
        };
        let written = match at {
            // The debug form is ISO 8601.
            Some(at) => write!(out, "\"{at:?}Z\""),
            // A year that no calendar holds.
            None => write!(out, "null"),
        };
        debug_assert!(written.is_ok(), "a vector takes every write");
    }
}
