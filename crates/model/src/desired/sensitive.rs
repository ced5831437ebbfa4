//! Which properties hold secrets, so that their values are told to nobody: not in a status, an event, a plan or a log.
//!
//! By the names that Kafka and its plug-ins give them; rather one too many than one too few.

/// What stands for a value that is not told.
const HIDDEN: &str = "(not shown)";

/// Parts of a key that make its value a secret.
const MARKS: [&str; 8] = [
    "password",
    "passwd",
    "secret",
    "jaas",
    "credential",
    "token",
    "keystore.key",
    "keystore.certificate.chain",
];

/// Whether the value of this property is to be told to nobody.
pub fn is_sensitive(key: &str) -> bool {
    let key = key.to_lowercase();
    let is_limit = [".ms", ".count", ".iterations", ".length", ".seconds"]
        .iter()
        .any(|unit| key.ends_with(unit));
    !is_limit && MARKS.iter().any(|mark| key.contains(mark))
}

/// The value, or what stands for it.
pub fn told<'a>(key: &str, value: &'a str) -> &'a str {
    if is_sensitive(key) { HIDDEN } else { value }
}

#[cfg(test)]
mod tests;
