//! `jvmOptions` of a Kafka or a KafkaNodePool.

use resources::jvm as given;

use super::report::Report;
use crate::desired::{ByteSize, JvmOptions};

/// Options of the JVM.
pub(super) fn parse(path: &str, options: &given::JvmOptions, report: &mut Report) -> JvmOptions {
    let given::JvmOptions {
        xx,
        xmx,
        xms,
        gc_logging_enabled,
        java_system_properties,
    } = options;
    let initial_heap = heap_size(&format!("{path}.-Xms"), xms.as_deref(), report);
    let maximum_heap = heap_size(&format!("{path}.-Xmx"), xmx.as_deref(), report);
    if let (Some(initial), Some(maximum)) = (initial_heap, maximum_heap)
        && initial > maximum
    {
        let example = xmx.as_deref().unwrap_or_default();
        let allowed = format!("at most -Xmx, which is {example}");
        report.conflict(
            &format!("{path}.-Xms"),
            xms.as_deref().unwrap_or_default(),
            &allowed,
            example,
        );
    }
    for (option, value) in xx.iter().flatten() {
        let is_name = |char: char| char.is_ascii_alphanumeric() || char == '_';
        if option.is_empty() || !option.chars().all(is_name) {
            let allowed = "the name of an option as key, without `-XX:` and without `+` or `-`; its value beside it, `true` or `false` \
                           to turn it on or off";
            let field = format!("{path}.-XX[\"{option}\"]");
            report.invalid(&field, value, allowed, "UseG1GC: \"true\"");
        }
    }
    let mut system_properties = Vec::new();
    for (index, property) in java_system_properties.iter().flatten().enumerate() {
        match property.name.as_deref() {
            Some(name) if !name.is_empty() => {
                system_properties
                    .push((name.to_owned(), property.value.clone().unwrap_or_default()));
            }
            Some(_) | None => {
                let field = format!("{path}.javaSystemProperties[{index}].name");
                report.missing(&field, "the name of a system property", "java.io.tmpdir");
            }
        }
    }
    JvmOptions {
        initial_heap,
        maximum_heap,
        xx: xx.clone().unwrap_or_default(),
        gc_logging: gc_logging_enabled.unwrap_or(false),
        system_properties,
    }
}

/// The JVM's notation: bytes, or `m` and `g` in either case.
fn heap_size(field: &str, text: Option<&str>, report: &mut Report) -> Option<ByteSize> {
    let text = text?;
    let (number, unit) = match text.strip_suffix(['m', 'M', 'g', 'G']) {
        Some(number) if text.ends_with(['m', 'M']) => (number, "Mi"),
        Some(number) => (number, "Gi"),
        None => (text, ""),
    };
    let digits = !number.is_empty() && number.chars().all(|char| char.is_ascii_digit());
    let size = format!("{number}{unit}")
        .parse::<ByteSize>()
        .ok()
        .filter(|size| digits && size.bytes() > 0);
    if size.is_none() {
        report.invalid(
            field,
            text,
            "a number of bytes, or with `m` of mebibytes, with `g` of gibibytes",
            "2g",
        );
    }
    size
}
