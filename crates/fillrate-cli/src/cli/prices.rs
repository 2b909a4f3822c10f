//! The flags that say how a table of prices is read.

use clap::Args;

use fillrate::market::Column;

use super::{InputArgs, TextArgs};
use crate::settings::{InputFormat, OnError};

/// The flags of a verb that reads prices.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct PricesArgs {
    /// The format of the input [default: from its extension]
    #[arg(long, value_name = "FORMAT")]
    pub(crate) input_format: Option<InputFormat>,

    /// What to do with a malformed row [default: stop]
    #[arg(long, value_name = "ACTION")]
    pub(crate) on_error: Option<OnError>,

    /// Put the bars of each symbol in the order of their dates
    #[arg(long)]
    pub(crate) sort: bool,
}

impl PricesArgs {
    /// The same as far as it holds for every table.
    pub(super) fn text_args(&self) -> TextArgs {
        let input = InputArgs {
            input_format: self.input_format,
            on_error: self.on_error,
            ..InputArgs::default()
        };
        TextArgs { input, ..TextArgs::default() }
    }
}

/// The column of prices that is named: any but the volume, which is none.
///
/// # Errors
///
/// A text that lists the columns.
pub(super) fn price_column(name: &str) -> Result<Column, String> {
    name.parse().ok().filter(|column| *column != Column::Volume).ok_or_else(|| {
        let names = Column::ALL.into_iter().filter(|column| *column != Column::Volume);
        let names: Vec<&str> = names.map(Column::as_str).collect();
        format!("expected one of {}", names.join(", "))
    })
}
