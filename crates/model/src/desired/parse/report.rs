//! What parsing collects, and how a parser says where it is.

use std::fmt::Display;

use crate::problem::{Problem, ProblemReason, Subject, Warning, WarningReason};

/// Problems and warnings of one resource, in the order in which they were met.
pub(super) struct Report {
    subject: Subject,
    pub(super) problems: Vec<Problem>,
    pub(super) warnings: Vec<Warning>,
}

/// What is wrong with a value: the class, what was given, what is allowed, an example.
pub(super) struct Wrong<'a> {
    pub(super) reason: ProblemReason,
    pub(super) given: &'a str,
    pub(super) allowed: &'a str,
    pub(super) example: &'a str,
}

impl Report {
    pub(super) fn new(kind: &str, name: &str) -> Self {
        Self {
            subject: Subject::new(kind, name),
            problems: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// Whether it is about the resource of this name.
    pub(super) fn is_about(&self, name: &str) -> bool {
        self.subject.name == name
    }

    /// A value that is not allowed.
    pub(super) fn wrong(&mut self, field: &str, wrong: &Wrong<'_>) {
        let Wrong {
            reason,
            given,
            allowed,
            example,
        } = wrong;
        self.problems.push(Problem {
            subject: self.subject.clone(),
            reason: *reason,
            field: field.to_owned(),
            given: shown(given, *reason),
            allowed: (*allowed).to_owned(),
            example: (*example).to_owned(),
        });
    }

    /// A value of the wrong form or range.
    pub(super) fn invalid(
        &mut self,
        field: &str,
        given: impl Display,
        allowed: &str,
        example: &str,
    ) {
        self.wrong(
            field,
            &Wrong {
                reason: ProblemReason::InvalidValue,
                given: &given.to_string(),
                allowed,
                example,
            },
        );
    }

    /// A value that something else in the resource excludes.
    pub(super) fn conflict(
        &mut self,
        field: &str,
        given: impl Display,
        allowed: &str,
        example: &str,
    ) {
        self.wrong(
            field,
            &Wrong {
                reason: ProblemReason::Conflict,
                given: &given.to_string(),
                allowed,
                example,
            },
        );
    }

    /// A value that the user may not set at all.
    pub(super) fn forbidden(
        &mut self,
        field: &str,
        given: impl Display,
        allowed: &str,
        example: &str,
    ) {
        self.wrong(
            field,
            &Wrong {
                reason: ProblemReason::Forbidden,
                given: &given.to_string(),
                allowed,
                example,
            },
        );
    }

    /// The same name, number or port a second time.
    pub(super) fn duplicate(
        &mut self,
        field: &str,
        given: impl Display,
        allowed: &str,
        example: &str,
    ) {
        self.wrong(
            field,
            &Wrong {
                reason: ProblemReason::Duplicate,
                given: &given.to_string(),
                allowed,
                example,
            },
        );
    }

    /// A field that must be there.
    pub(super) fn missing(&mut self, field: &str, allowed: &str, example: &str) {
        self.wrong(
            field,
            &Wrong {
                reason: ProblemReason::MissingField,
                given: "",
                allowed,
                example,
            },
        );
    }

    /// Something doubtful.
    pub(super) fn warn(&mut self, reason: WarningReason, field: &str, message: impl Display) {
        self.warnings.push(Warning {
            subject: self.subject.clone(),
            reason,
            field: field.to_owned(),
            message: message.to_string(),
        });
    }

    /// A field without meaning next to the others.
    pub(super) fn meaningless(&mut self, field: &str, why: &str) {
        self.warn(
            WarningReason::FieldNotActedOn,
            field,
            format!("has no effect: {why}."),
        );
    }
}

/// On one line, and visible even if empty.
fn shown(given: &str, reason: ProblemReason) -> String {
    if given.is_empty() && reason == ProblemReason::MissingField {
        String::new()
    } else if given.is_empty() || given.contains(char::is_control) {
        format!("{given:?}")
    } else {
        given.to_owned()
    }
}
