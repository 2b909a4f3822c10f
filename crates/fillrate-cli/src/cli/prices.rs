//! The flags that say how a table of prices is read.

use clap::Args;

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
