//! `klamm explain`: what a field is, and what Klamm does with it.

use std::process::ExitCode;

use anyhow::Result;

use crate::args::Explain;
use crate::output::{self, Format};

/// The command; a path that leads nowhere is bad input.
pub(crate) fn run(args: &Explain) -> Result<ExitCode> {
    match model::explain::explain(&args.path) {
        Ok(explanation) => {
            match args.output {
                Format::Json => output::json(&explanation)?,
                Format::Text => output::result(&explanation.to_string()),
            }
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => {
            output::progress(&format!("klamm: {error}"));
            Ok(ExitCode::from(crate::BAD_INPUT))
        }
    }
}
