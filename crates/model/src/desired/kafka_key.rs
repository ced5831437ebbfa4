//! Keys of Kafka's broker configuration: type, bounds, default, and the releases that know them.
//!
//! Reads: a table of facts, `facts/kafka-keys.tsv`, of the keys that users may set. Keys of plug-ins are not in it.
//! Not here: which keys belong to the operator (`parse::config`).

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::version::KafkaVersion;

/// A key of Kafka itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KafkaKey {
    /// Its name.
    pub name: &'static str,
    /// Its type: `int`, `long`, `short`, `double`, `boolean`, `string`, `list`, `class` or `password`.
    pub kind: &'static str,
    /// Its default in the newest release; empty if there is none.
    pub default: &'static str,
    /// `least..most`, or the values with `|` between them.
    bounds: &'static str,
    /// The first release that knows it; empty: all.
    since: &'static str,
    /// The last release that knows it; empty: all.
    until: &'static str,
}

static KEYS: LazyLock<BTreeMap<&str, KafkaKey>> = LazyLock::new(|| {
    include_str!("../../facts/kafka-keys.tsv")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let mut cells = line.split('\t');
            let mut cell = || cells.next().unwrap_or_default();
            let key = KafkaKey {
                name: cell(),
                kind: cell(),
                bounds: cell(),
                default: cell(),
                since: cell(),
                until: cell(),
            };
            (key.name, key)
        })
        .collect()
});

impl KafkaKey {
    /// The key of this name.
    pub fn find(name: &str) -> Option<Self> {
        KEYS.get(name).copied()
    }

    /// The names of all keys.
    pub fn names() -> impl Iterator<Item = &'static str> {
        KEYS.keys().copied()
    }

    /// Whether Kafka takes `value`; one with a placeholder (`${…}`) is only known when Kafka reads it.
    pub fn takes(&self, value: &str) -> bool {
        let value = value.trim();
        if value.contains("${") {
            return true;
        }
        let whole = |least: i64, most: i64| {
            value
                .parse()
                .is_ok_and(|number: i64| (least..=most).contains(&number) && self.in_range(value))
        };
        if let Some((least, most)) = self.bits() {
            return whole(least, most);
        }
        match self.kind {
            "double" => value.parse::<f64>().is_ok() && self.in_range(value),
            "boolean" => value.eq_ignore_ascii_case("true") || value.eq_ignore_ascii_case("false"),
            "list" => value.split(',').all(|item| self.among(item.trim())),
            _ => self.among(value),
        }
    }

    /// The least and the most that Java keeps in a whole number of this kind.
    fn bits(&self) -> Option<(i64, i64)> {
        match self.kind {
            "short" => Some((i64::from(i16::MIN), i64::from(i16::MAX))),
            "int" => Some((i64::from(i32::MIN), i64::from(i32::MAX))),
            "long" => Some((i64::MIN, i64::MAX)),
            _ => None,
        }
    }

    /// What it takes, where this was given: a number that is too large is told how large one may be.
    pub fn allowed_instead_of(&self, value: &str) -> String {
        let digits = value.trim().strip_prefix('-').unwrap_or(value.trim());
        let is_whole = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        match (self.bits(), self.range()) {
            (Some((_, most)), Some((least, ""))) if is_whole => {
                format!("a whole number from {least} to {most}")
            }
            (Some((least, most)), None) if is_whole => {
                format!("a whole number from {least} to {most}")
            }
            _ => self.allowed(),
        }
    }

    /// What it takes, in words.
    pub fn allowed(&self) -> String {
        let what = match self.kind {
            "short" | "int" | "long" => "a whole number",
            "double" => "a number",
            "boolean" => return "`true` or `false`".to_owned(),
            "list" => "a list with commas",
            "class" => "the name of a class",
            _ => "text",
        };
        match self.range() {
            Some((least, "")) => format!("{what}, at least {least}"),
            Some((least, most)) => format!("{what} from {least} to {most}"),
            None if self.bounds.is_empty() => what.to_owned(),
            None if self.kind == "list" => format!("some of {}, with commas", self.values()),
            None => format!("one of {}", self.values()),
        }
    }

    /// A value that it takes; empty if none can be named.
    pub fn example(&self) -> &'static str {
        match (self.default, self.range()) {
            ("", Some((least, _))) => least,
            ("", None) => self
                .bounds
                .trim_start_matches('~')
                .split('|')
                .next()
                .unwrap_or_default(),
            (default, _) => default,
        }
    }

    /// Whether a release knows it.
    pub fn is_known_to(&self, version: KafkaVersion) -> bool {
        let after = self
            .since
            .parse()
            .is_ok_and(|since: KafkaVersion| version < since);
        let before = self
            .until
            .parse()
            .is_ok_and(|until: KafkaVersion| version > until);
        !after && !before
    }

    /// The releases that know it, in words; empty if all do.
    pub fn releases(&self) -> String {
        match (self.since, self.until) {
            ("", "") => String::new(),
            (since, "") => format!("from {since} on"),
            ("", until) => format!("up to {until}"),
            (since, until) => format!("from {since} to {until}"),
        }
    }

    fn range(&self) -> Option<(&'static str, &'static str)> {
        self.bounds.split_once("..")
    }

    fn in_range(&self, value: &str) -> bool {
        let Some((least, most)) = self.range() else {
            return true;
        };
        let number = |text: &str| text.parse::<f64>().ok();
        let Some(value) = number(value) else {
            return false;
        };
        number(least).is_none_or(|least| value >= least)
            && number(most).is_none_or(|most| value <= most)
    }

    fn among(&self, value: &str) -> bool {
        let (any_case, values) = match self.bounds.strip_prefix('~') {
            Some(values) => (true, values),
            None => (false, self.bounds),
        };
        values.is_empty()
            || values
                .split('|')
                .any(|known| known == value || any_case && known.eq_ignore_ascii_case(value))
    }

    fn values(&self) -> String {
        let values = self.bounds.trim_start_matches('~').split('|');
        values
            .map(|value| format!("`{value}`"))
            .collect::<Vec<_>>()
            .join(", ")
    }
}

#[cfg(test)]
mod tests;
