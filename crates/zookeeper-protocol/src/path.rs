//! Paths of nodes.

/// Why something is no path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path:?} is not the path of a node: {why}")]
pub struct InvalidPath {
    /// What was given.
    pub path: String,
    /// What is wrong with it.
    pub why: &'static str,
}

/// Whether `path` can be the path of a node, by ZooKeeper's rules (its class `PathUtils`).
pub fn validate(path: &str) -> Result<(), InvalidPath> {
    let refuse = |why| {
        Err(InvalidPath {
            path: path.to_owned(),
            why,
        })
    };
    let Some(below_root) = path.strip_prefix('/') else {
        return refuse("it does not start with /");
    };
    if below_root.is_empty() {
        return Ok(());
    }
    if below_root.ends_with('/') {
        return refuse("it ends with /");
    }
    for name in below_root.split('/') {
        match name {
            "" => return refuse("a name in it is empty"),
            "." | ".." => return refuse("names . and .. are not allowed"),
            _ => {}
        }
    }
    // ZooKeeper looks at UTF-16 units: what needs two of them counts as invalid.
    if path.chars().any(|c| {
        matches!(c,
            '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{e000}'..='\u{f8ff}' | '\u{fff0}'..)
    }) {
        return refuse("a character in it is not allowed");
    }
    Ok(())
}

/// The parent's path and the last name: `/a/b` is `b` in `/a`, `/a` is `a` in `/`. `None` for the root and for what has no `/`.
pub fn parent_and_name(path: &str) -> Option<(&str, &str)> {
    let (parent, name) = path.rsplit_once('/')?;
    if name.is_empty() && parent.is_empty() {
        return None;
    }
    Some((if parent.is_empty() { "/" } else { parent }, name))
}

/// The path of a child.
pub fn join(parent: &str, name: &str) -> String {
    if parent == "/" {
        format!("/{name}")
    } else {
        format!("{parent}/{name}")
    }
}
