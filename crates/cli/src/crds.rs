//! `klamm crds`: the custom resource definitions, ready for `kubectl apply --server-side`.

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use serde_json::json;

use crate::args::Crds;
use crate::output::{self, Format};

/// The command.
pub(crate) fn run(args: &Crds) -> Result<ExitCode> {
    let definitions = resources::crds_json();
    match args.output {
        Format::Json => {
            output::json(&json!({"apiVersion": "v1", "kind": "List", "items": definitions}))?;
        }
        Format::Text => {
            let mut text = String::new();
            for definition in &definitions {
                text.push_str("---\n");
                text.push_str(
                    &serde_saphyr::to_string(definition).context("writing a definition as YAML")?,
                );
                text.push('\n');
            }
            output::result(text.trim_end());
        }
    }
    Ok(ExitCode::SUCCESS)
}
