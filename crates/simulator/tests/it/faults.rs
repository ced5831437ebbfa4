//! Every write of every story × {crash before it, crash after it, its reply lost, it failed}: the end must be the same
//! as without the fault, nothing forbidden may happen on the way, and nothing is left to do afterwards.

use simulator::execute::Fault;
use simulator::oracle::shape;
use simulator::story::Story;
use simulator::transcript;

use crate::is_campaign;
use crate::stories::read;

/// Pairs of write and fault that are tried of each story, unless it is a campaign: then all are.
const TRIED: u32 = 6;

/// Tries the faults of one story.
pub(crate) fn check(name: &str) {
    let script = commands(&read(name));
    let (_, plain) = transcript(&script);
    let writes = plain.sim.writes;
    let expected = shape(&plain.sim);
    let pairs = writes * u32::try_from(Fault::ALL.len()).expect("a few faults");
    let every = if is_campaign() {
        1
    } else {
        pairs.div_ceil(TRIED).max(1)
    };
    // Each story begins elsewhere, so that together they meet every kind of write with every fault.
    let mut pair = seed(name);
    let mut tried = 0;
    for write in 1..=writes {
        for fault in Fault::ALL {
            pair = pair.wrapping_add(1);
            if !pair.is_multiple_of(every) {
                continue;
            }
            tried += 1;
            let faulty = format!("fault {write} {}\n{script}", fault.as_str());
            let (told, story) = transcript(&faulty);
            judge(&faulty, &told, story, &expected);
        }
    }
    assert!(
        tried >= pairs.min(TRIED) / 2,
        "only {tried} pairs were tried of {name}"
    );
}

/// What must hold at the end of a story that was disturbed; a failure shows a story to keep.
pub(crate) fn judge(
    script: &str,
    told: &str,
    mut story: Story,
    expected: &std::collections::BTreeMap<String, String>,
) {
    assert!(
        !told.contains("VIOLATION"),
        "{told}\nkeep this story:\n{script}"
    );
    assert!(
        !told.contains("\n  error:"),
        "{told}\nkeep this story:\n{script}"
    );
    let found = shape(&story.sim);
    let differs: Vec<String> = expected
        .iter()
        .filter(|(key, value)| found.get(*key) != Some(value))
        .map(|(key, value)| format!("{key}: {value}, found {:?}", found.get(key)))
        .chain(
            found
                .iter()
                .filter(|(key, _)| !expected.contains_key(*key))
                .map(|(key, value)| format!("too much: {key}: {value}")),
        )
        .collect();
    assert!(
        differs.is_empty(),
        "{differs:#?}\n{told}\nkeep this story:\n{script}"
    );
    story.sim.fault = None;
    let before = story.sim.api.version();
    for _ in 0..10 {
        story.sim.tick();
        story.sim.look();
    }
    assert_eq!(
        before,
        story.sim.api.version(),
        "there was more to do\n{told}\nkeep this story:\n{script}"
    );
}

/// The commands of a story that change something.
pub(crate) fn commands(script: &str) -> String {
    let lines = script.lines().filter(|line| {
        let asks = ["plan", "status", "disks", "steady"]
            .iter()
            .any(|word| line.starts_with(word));
        !line.starts_with("  ") && !line.starts_with('#') && !asks
    });
    let mut lines: Vec<&str> = lines.collect();
    lines.push(
        "run
",
    );
    lines.join(
        "
",
    )
}

/// A number that follows from a name, so that each story tries other pairs.
fn seed(name: &str) -> u32 {
    name.bytes().fold(0_u32, |sum, byte| {
        sum.wrapping_mul(31).wrapping_add(u32::from(byte))
    })
}
