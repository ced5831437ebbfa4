//! Paths of fields, as problems and warnings write them: `spec.a[1]["b.c"]`.

/// A step into a document.
pub(super) enum Step {
    Field(String),
    Item(usize),
}

/// A path in steps.
pub(super) fn steps(path: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        rest = rest.strip_prefix('.').unwrap_or(rest);
        if let Some(inner) = rest.strip_prefix("[\"") {
            let (key, after) = inner.split_once("\"]").unwrap_or((inner, ""));
            steps.push(Step::Field(key.to_owned()));
            rest = after;
        } else if let Some(inner) = rest.strip_prefix('[') {
            let (index, after) = inner.split_once(']').unwrap_or((inner, ""));
            steps.extend(index.parse().ok().map(Step::Item));
            rest = after;
        } else {
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            let (name, after) = rest.split_at(end);
            steps.push(Step::Field(name.to_owned()));
            rest = after;
        }
    }
    steps
}

/// Whether two paths are about the same thing, or one about a part of the other.
pub(super) fn overlap(one: &str, other: &str) -> bool {
    let (short, long) = if one.len() < other.len() {
        (one, other)
    } else {
        (other, one)
    };
    long.strip_prefix(short)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}
