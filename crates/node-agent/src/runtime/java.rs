//! Finding a Java that can run Kafka.

use std::path::PathBuf;
use std::process::Command;

use super::RuntimeError;

/// Kafka 4 brokers need Java 17 (KIP-1013).
const OLDEST: u32 = 17;

/// A Java runtime.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Java {
    /// The `java` program.
    pub program: PathBuf,
    /// Its feature version, for instance 17.
    pub major: u32,
    /// What `java -version` says, on one line: names the build, so that a class-data archive fits it.
    pub build: String,
}

/// `$JAVA_HOME/bin/java` if that is set, else `java` on `PATH`.
pub(super) fn find() -> Result<Java, RuntimeError> {
    let program = match std::env::var_os("JAVA_HOME").filter(|home| !home.is_empty()) {
        Some(home) => PathBuf::from(home).join("bin/java"),
        None => search_path("java").ok_or_else(|| RuntimeError::Java {
            reason: "no `java` on PATH".to_owned(),
        })?,
    };
    let output = Command::new(&program)
        .arg("-version")
        .output()
        .map_err(|error| RuntimeError::Java {
            reason: format!("{} does not start: {error}", program.display()),
        })?;
    let build = String::from_utf8_lossy(&output.stderr)
        .lines()
        .collect::<Vec<_>>()
        .join(" ");
    let major = parse_major(&build).ok_or_else(|| RuntimeError::Java {
        reason: format!(
            "{} -version says {build:?}, which names no version",
            program.display()
        ),
    })?;
    if major < OLDEST {
        return Err(RuntimeError::Java {
            reason: format!("{} is Java {major}", program.display()),
        });
    }
    Ok(Java {
        program,
        major,
        build,
    })
}

/// The first program of that name on `PATH`.
pub(super) fn search_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|dir| dir.join(name))
        .find(|candidate| candidate.is_file())
}

/// `openjdk version "17.0.15"` → 17; `java version "1.8.0_392"` → 8.
pub(super) fn parse_major(build: &str) -> Option<u32> {
    let version = build.split('"').nth(1)?;
    let mut numbers = version
        .split(|c: char| !c.is_ascii_digit())
        .filter_map(|part| part.parse().ok());
    match numbers.next()? {
        1 => numbers.next(),
        major => Some(major),
    }
}
