//! The one writer of the command line: standard output for results, standard error for progress.
//!
//! No colour codes anywhere; a closed pipe ends the program quietly, as every well-behaved tool does.

use std::io;

use operator::error::Chain;

use crate::apply::Refused;

/// How results are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

/// Prints a result, with a newline if it lacks one.
pub(crate) fn result(text: &str) {
    write(&mut io::stdout().lock(), text);
}

/// Tells what is going on.
pub(crate) fn progress(text: &str) {
    write(&mut io::stderr().lock(), text);
}

/// Tells why the command failed: each cause once, what an API server answered in its own words.
pub(crate) fn error(error: &anyhow::Error) {
    if let Some(refused) = error.downcast_ref::<Refused>() {
        // Begins with file and line, as those of `klamm validate` do.
        return progress(&refused.to_string());
    }
    let hint = if error.chain().any(is_refused) {
        "\nNothing listens there: is it running? The local one is started with `klamm up`."
    } else {
        ""
    };
    progress(&format!("klamm: {}{hint}", Chain(error.as_ref())));
}

fn is_refused(cause: &(dyn std::error::Error + 'static)) -> bool {
    let io = cause.downcast_ref::<io::Error>();
    io.is_some_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
}

fn write(out: &mut dyn io::Write, text: &str) {
    let newline = if text.ends_with('\n') { "" } else { "\n" };
    // Nobody is left to be told when the reader is gone.
    let _ = write!(out, "{text}{newline}").and_then(|()| out.flush());
}

/// Prints a value as indented JSON.
pub(crate) fn json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    result(&serde_json::to_string_pretty(value)?);
    Ok(())
}

/// Rows with columns as wide as their widest cell, two spaces apart; the last column is not padded.
pub(crate) fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let widths: Vec<usize> = header
        .iter()
        .enumerate()
        .map(|(column, title)| {
            let cells = rows
                .iter()
                .filter_map(|row| row.get(column))
                .map(|cell| cell.chars().count());
            cells.max().unwrap_or(0).max(title.chars().count())
        })
        .collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let padded: Vec<String> = cells
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        padded.join("  ").trim_end().to_owned()
    };
    let mut text = line(&mut header.iter().copied());
    for row in rows {
        text.push('\n');
        text.push_str(&line(&mut row.iter().map(String::as_str)));
    }
    text
}
