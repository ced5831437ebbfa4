//! `klamm validate`: every problem of every document, with nothing running.
//!
//! Exit codes: 0 all good (warnings are told); 2 problems, or nothing that could be read.

use std::fmt::Write as _;
use std::process::ExitCode;

use anyhow::Result;
use model::desired::parse::Settings;
use model::problem::Subject;
use model::validate::{self, Document, Located, Validation};
use serde_json::json;

use crate::args::Validate;
use crate::documents::{Source, Sources, read_sources};
use crate::output::{self, Format};

/// The command.
pub(crate) fn run(args: &Validate) -> Result<ExitCode> {
    let validation = validate(&read_sources(&args.files, args.recursive));
    match args.output {
        Format::Json => output::json(&json!({
            "documents": validation.documents.len(),
            "problems": validation.problems,
            "warnings": validation.warnings,
            "unchecked": validation.unchecked,
        }))?,
        Format::Text => output::result(&report(&validation)),
    }
    Ok(if validation.problems.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(crate::BAD_INPUT)
    })
}

/// The documents of `sources` if all of them are good; else `None`, and every problem was told.
pub(crate) fn checked(sources: &Sources) -> Option<Vec<Document>> {
    let validation = validate(sources);
    if !validation.problems.is_empty() {
        output::progress(&report(&validation));
        return None;
    }
    if !validation.warnings.is_empty() {
        output::progress(&warnings(&validation));
    }
    Some(validation.documents)
}

fn validate(sources: &Sources) -> Validation {
    let Sources { texts, unreadable } = sources;
    let read = texts.iter().map(|Source { file, text }| validate::Source {
        file,
        text: Ok(text),
    });
    let unread = unreadable.iter().map(|(file, why)| validate::Source {
        file,
        text: Err(why),
    });
    let named: Vec<validate::Source<'_>> = read.chain(unread).collect();
    let mut validation = validate::validate(&named, &Settings::default());
    let is_empty = validation.documents.is_empty() && validation.problems.is_empty();
    if let Some(first) = texts.first().filter(|_| is_empty) {
        validation.problems.push(validate::nothing_in(&first.file));
    }
    validation
}

/// For people, one line for each as compilers have it: problems first, then warnings, then one line that sums up.
fn report(validation: &Validation) -> String {
    let mut text = String::new();
    for Located { place, what } in &validation.problems {
        let _ = writeln!(text, "{place}: {}{what}", about(&what.subject));
    }
    text.push_str(&warnings(validation));
    let Validation {
        documents,
        problems,
        warnings,
        unchecked,
    } = validation;
    let documents = count(documents.len(), "document");
    let _ = writeln!(
        text,
        "{documents}: {}, {}{}",
        count(problems.len(), "problem"),
        count(warnings.len(), "warning"),
        not_checked(unchecked)
    );
    text
}

/// Of which nobody but an API server knows whether they are right.
fn not_checked(unchecked: &[Located<Subject>]) -> String {
    let mut kinds: Vec<&str> = unchecked.iter().map(|one| one.what.kind.as_str()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    match unchecked.len() {
        0 => String::new(),
        number => format!(
            "; {number} not checked ({}): klamm knows only the metadata of such kinds",
            kinds.join(", ")
        ),
    }
}

fn warnings(validation: &Validation) -> String {
    let mut text = String::new();
    for Located { place, what } in &validation.warnings {
        let _ = writeln!(text, "{place}: warning: {}{what}", about(&what.subject));
    }
    text
}

/// Of which object a field is, if of any.
fn about(subject: &Subject) -> String {
    if subject.kind.is_empty() {
        String::new()
    } else {
        format!("{subject}: ")
    }
}

fn count(number: usize, what: &str) -> String {
    if number == 1 {
        format!("1 {what}")
    } else {
        format!("{number} {what}s")
    }
}

#[cfg(test)]
mod tests;
