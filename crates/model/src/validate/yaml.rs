//! From texts to documents; a document that cannot be read does not hide the next one.

use serde_json::Value;

use super::lines::Lines;
use super::{Document, Located, Place, Source, Validation};
use crate::problem::{Problem, ProblemReason, Subject};

/// Reads every document of `source` into `validation`.
pub(super) fn documents(source: &Source<'_>, validation: &mut Validation) {
    let text = match source.text {
        Ok(text) => text,
        Err(why) => {
            let allowed = "a file of YAML or JSON in UTF-8, a directory of such files, or `-` for standard input";
            let problem = unreadable(start_of(source.file), why.to_owned(), allowed);
            validation.problems.push(problem);
            return;
        }
    };
    for (number, (line, text)) in split(text).into_iter().enumerate() {
        let place = Place {
            file: source.file.to_owned(),
            document: number + 1,
            line,
        };
        let read = serde_saphyr::from_str::<Value>(&text).or_else(|_| {
            // Empty lines before it make the parser count lines in what it says as an editor does.
            serde_saphyr::from_str::<Value>(&("\n".repeat(line - 1) + &text))
        });
        match read {
            Ok(Value::Null) => {}
            Ok(Value::Object(mut list)) if list.get("kind").is_some_and(|kind| kind == "List") => {
                let lines = Lines::of(&text, line);
                let lines = lines.field("items");
                let Some(Value::Array(items)) = list.remove("items") else {
                    continue;
                };
                for (index, object) in items.into_iter().enumerate() {
                    let lines = lines.and_then(|items| items.item(index)).cloned();
                    let lines = lines.unwrap_or_else(|| Lines::unknown(line));
                    let line = lines.line();
                    validation.documents.push(Document {
                        place: Place {
                            line,
                            ..place.clone()
                        },
                        object,
                        lines,
                    });
                }
            }
            Ok(object @ Value::Object(_)) => {
                let lines = Lines::of(&text, line);
                // Behind the comments before it.
                let line = lines.line();
                validation.documents.push(Document {
                    place: Place { line, ..place },
                    object,
                    lines,
                });
            }
            Ok(other) => {
                let shown = other.to_string();
                let given = shown.chars().take(60).collect();
                validation.problems.push(unreadable(
                    place,
                    given,
                    "a map with apiVersion, kind and metadata",
                ));
            }
            Err(error) => {
                let at = error.location().map(|at| at.line());
                let at = at.and_then(|line| usize::try_from(line).ok());
                let place = Place {
                    line: at.filter(|at| *at > line).unwrap_or(line),
                    ..place
                };
                let given = in_plain_words(&error.to_string());
                validation
                    .problems
                    .push(unreadable(place, given, "YAML or JSON"));
            }
        }
    }
}

/// The documents with the line that each begins on; YAML allows `---` at the beginning of a line nowhere else.
fn split(text: &str) -> Vec<(usize, String)> {
    let mut documents = Vec::new();
    let mut current = String::new();
    let mut begins = 1;
    for (index, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let rest = line
            .strip_prefix("---")
            .filter(|rest| rest.is_empty() || rest.starts_with([' ', '\t']));
        match rest {
            Some(rest) => {
                documents.push((begins, std::mem::take(&mut current)));
                // Something may stand behind the dashes: then the document begins on their line.
                let beside = !rest.trim().is_empty();
                begins = if beside { index + 1 } else { index + 2 };
                if beside {
                    current = format!("{rest}\n");
                }
            }
            None if line.trim_end() == "..." => current.push('\n'),
            None => {
                current.push_str(line);
                current.push('\n');
            }
        }
    }
    documents.push((begins, current));
    documents.retain(|(_, text)| {
        text.lines()
            .any(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#'))
    });
    documents
}

/// The first line of what the parser says, without what is meant for programmers.
fn in_plain_words(error: &str) -> String {
    let error = error.lines().next().unwrap_or_default();
    let error = error.strip_prefix("error: ").unwrap_or(error);
    let error = error
        .strip_suffix(", set DuplicateKeyPolicy in Options if acceptable")
        .unwrap_or(error);
    match error.split_once("budget breached: ") {
        Some((place, _)) => {
            format!("{place}it is too large or too deep, or its aliases expand too far")
        }
        None => error.to_owned(),
    }
}

/// Where a file begins.
pub(super) fn start_of(file: &str) -> Place {
    Place {
        file: file.to_owned(),
        document: 1,
        line: 1,
    }
}

/// A text that is no manifest.
pub(super) fn unreadable(place: Place, given: String, allowed: &str) -> Located<Problem> {
    let problem = Problem {
        subject: Subject::new("", ""),
        reason: ProblemReason::Unreadable,
        field: "document".to_owned(),
        given,
        allowed: allowed.to_owned(),
        example: String::new(),
    };
    Located {
        place,
        what: problem,
    }
}
