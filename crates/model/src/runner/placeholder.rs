//! The places in `server.config` and `log4j2.properties` that only the runner can fill in.
//!
//! A placeholder is `{{klamm.<name>}}` or `{{klamm.<name>:<arguments>}}`. Any other `{{klamm.` is an error, so that an
//! older runner does not start Kafka with half a configuration.

/// Prefix of container paths: `KLAMM_ROOT`, or nothing.
pub const ROOT: &str = "{{klamm.root}}";
/// Address to listen on: `0.0.0.0`, or the Pod's where `KLAMM_ADDRESS=pod-ip`.
pub const BIND: &str = "{{klamm.bind}}";
/// Rack; a line with it is dropped when the rack is unknown.
pub const RACK: &str = "{{klamm.rack}}";
/// Host to advertise for node ports: the machine's address, or the Pod's where `KLAMM_ADDRESS=pod-ip`.
pub const ADVERTISED_MACHINE: &str = "{{klamm.advertised-machine}}";

/// Host to advertise: this one, or the Pod's address where `KLAMM_ADDRESS=pod-ip`.
pub fn advertised(host: &str) -> String {
    format!("{{{{klamm.advertised:{host}}}}}")
}

/// Port to advertise: `outside`, or `own`, the listener's own port, where `KLAMM_ADDRESS=pod-ip`.
pub fn advertised_port(outside: u16, own: u16) -> String {
    if outside == own {
        own.to_string()
    } else {
        format!("{{{{klamm.port:{outside}:{own}}}}}")
    }
}

/// What is known where the runner runs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Place {
    /// `KLAMM_ROOT`; empty in a container.
    pub root: String,
    /// The Pod's address, where it is the one to bind and to advertise (`KLAMM_ADDRESS=pod-ip`).
    pub pod_address: Option<String>,
    /// The machine's address.
    pub machine_address: Option<String>,
    /// The rack.
    pub rack: Option<String>,
}

/// A placeholder that cannot be filled in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FillError {
    /// The runner is older than the operator, or the text is broken.
    #[error("line {line}: placeholder {placeholder:?} is not known to this runner")]
    Unknown {
        /// Number of the line, from 1.
        line: usize,
        /// The placeholder as it stands there.
        placeholder: String,
    },
    /// What it stands for was not given to the runner.
    #[error("line {line}: {placeholder} needs {what}, which is not known")]
    Missing {
        /// Number of the line, from 1.
        line: usize,
        /// The placeholder as it stands there.
        placeholder: String,
        /// What is missing.
        what: &'static str,
    },
}

/// The text with all placeholders filled in.
///
/// Lines that need a rack are dropped where there is none. Text that is not a placeholder stays as it is.
pub fn fill(template: &str, place: &Place) -> Result<String, FillError> {
    let mut filled = String::with_capacity(template.len());
    for (index, line) in template.lines().enumerate() {
        if place.rack.is_none() && line.contains(RACK) {
            continue;
        }
        fill_line(line, index + 1, place, &mut filled)?;
        filled.push('\n');
    }
    Ok(filled)
}

const OPEN: &str = "{{klamm.";
const CLOSE: &str = "}}";

fn fill_line(
    line: &str,
    number: usize,
    place: &Place,
    filled: &mut String,
) -> Result<(), FillError> {
    let mut rest = line;
    while let Some(start) = rest.find(OPEN) {
        let (before, opened) = rest.split_at(start);
        filled.push_str(before);
        let end = opened
            .find(CLOSE)
            .map_or(opened.len(), |end| end + CLOSE.len());
        let (placeholder, after) = opened.split_at(end);
        filled.push_str(&value(placeholder, number, place)?);
        rest = after;
    }
    filled.push_str(rest);
    Ok(())
}

fn value(placeholder: &str, line: usize, place: &Place) -> Result<String, FillError> {
    let missing = |what| FillError::Missing {
        line,
        placeholder: placeholder.to_owned(),
        what,
    };
    let unknown = || FillError::Unknown {
        line,
        placeholder: placeholder.to_owned(),
    };
    let Place {
        root,
        pod_address,
        machine_address,
        rack,
    } = place;
    match placeholder {
        ROOT => return Ok(root.clone()),
        BIND => return Ok(pod_address.clone().unwrap_or_else(|| "0.0.0.0".to_owned())),
        RACK => return rack.clone().ok_or_else(|| missing("the rack")),
        ADVERTISED_MACHINE => {
            let address = pod_address.as_ref().or(machine_address.as_ref());
            return address
                .cloned()
                .ok_or_else(|| missing("the machine's address"));
        }
        _ => {}
    }
    let inner = placeholder
        .strip_prefix(OPEN)
        .and_then(|text| text.strip_suffix(CLOSE))
        .ok_or_else(unknown)?;
    let (name, arguments) = inner.split_once(':').ok_or_else(unknown)?;
    match (name, arguments.split_once(':')) {
        ("advertised", _) => Ok(pod_address.clone().unwrap_or_else(|| arguments.to_owned())),
        ("port", Some((outside, own))) => {
            Ok(if pod_address.is_some() { own } else { outside }.to_owned())
        }
        _ => Err(unknown()),
    }
}

#[cfg(test)]
mod tests;
