//! What Kafka says of its own state, read from the log that user logging cannot remove.
//!
//! Source: the messages of `org.apache.kafka.server.BrokerLifecycleManager`, `kafka.log.LogManager`,
//! `kafka.server.KafkaRaftServer` and `org.apache.kafka.common.security.ssl.SslFactory` in Apache Kafka 4.1 to 4.3. There is no Java of ours in the broker.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

pub(crate) use model::runner::broker_state as number;

use model::runner::RecoveryState;

/// What the log told so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct State {
    /// Kafka's number; [`number::NOT_RUNNING`] until it says something.
    pub(crate) broker: i32,
    /// The server says that it is up: listeners are open.
    pub(crate) started: bool,
    /// By log directory: logs loaded and logs to load.
    loading: BTreeMap<String, (u64, u64)>,
    /// A log directory was loaded without a clean shutdown before it.
    recovering: bool,
    /// When a listener last read its certificates and those that it trusts, in milliseconds of Unix time.
    pub(crate) certificates_read: Option<i64>,
}

impl State {
    /// Ready to serve: a broker is unfenced, a controller is up.
    pub(crate) fn is_ready(&self, is_broker: bool) -> bool {
        self.started && (!is_broker || self.broker == number::RUNNING)
    }

    /// How much is left to recover, while logs are being recovered.
    pub(crate) fn recovery(&self) -> Option<RecoveryState> {
        let remaining: u64 = self
            .loading
            .values()
            .map(|(done, total)| total.saturating_sub(*done))
            .sum();
        // Kafka logs whole logs; segments within one are not told apart.
        (self.recovering && remaining > 0).then_some(RecoveryState {
            remaining_logs_to_recover: remaining,
            remaining_segments_to_recover: 0,
        })
    }

    /// Percent of the logs that are loaded, while logs are being recovered.
    pub(crate) fn recovery_percent(&self) -> Option<u64> {
        self.recovery()?;
        let (done, total) = self
            .loading
            .values()
            .fold((0_u64, 0_u64), |(done, total), (d, t)| {
                (done.saturating_add(*d), total.saturating_add(*t))
            });
        (total > 0).then(|| done.saturating_mul(100) / total)
    }

    /// Takes in one line.
    pub(crate) fn observe(&mut self, line: &str) {
        if line.contains("Kafka Server started") {
            self.started = true;
        } else if line.contains("kafka.server.KafkaServer ") {
            self.observe_server(line);
        } else if line.contains("BrokerLifecycleManager") {
            self.observe_lifecycle(line);
        } else if line.contains("clean shutdown file was found") && line.contains("since no") {
            self.recovering = true;
        } else if line.contains("Created new SERVER SSL engine") {
            self.certificates_read = line
                .split(' ')
                .next()
                .and_then(|milliseconds| milliseconds.parse().ok())
                .or(self.certificates_read);
        } else if let Some((dir, done, total)) = parse_loaded(line) {
            self.loading.insert(dir, (done, total));
        }
    }

    /// Up to Kafka 3.9 the server itself tells: it is registered, and its listeners are open, when it says `started`.
    fn observe_server(&mut self, line: &str) {
        let Some((_, message)) = line.split_once("KafkaServer id=") else {
            return;
        };
        let message = message.split_once("] ").map_or("", |(_, message)| message);
        match message.trim_end() {
            "starting" => self.broker = number::STARTING,
            "started" => {
                self.started = true;
                self.broker = number::RUNNING;
            }
            "Starting controlled shutdown" => self.broker = number::PENDING_CONTROLLED_SHUTDOWN,
            "shutting down" => self.broker = number::SHUTTING_DOWN,
            _ => {}
        }
    }

    fn observe_lifecycle(&mut self, line: &str) {
        let transitions = [
            ("is now STARTING", number::STARTING),
            ("Transitioning from STARTING to RECOVERY", number::RECOVERY),
            ("Transitioning from RECOVERY to RUNNING", number::RUNNING),
            (
                "Beginning controlled shutdown",
                number::PENDING_CONTROLLED_SHUTDOWN,
            ),
            ("to SHUTTING_DOWN", number::SHUTTING_DOWN),
        ];
        if let Some((_, state)) = transitions
            .into_iter()
            .find(|(message, _)| line.contains(message))
        {
            self.broker = state;
        }
    }
}

/// `… (3/10 completed in /data)`: the directory, and how many of its logs are loaded.
fn parse_loaded(line: &str) -> Option<(String, u64, u64)> {
    let (before, after) = line.rsplit_once(" completed in ")?;
    let (done, total) = before.rsplit_once('(')?.1.split_once('/')?;
    let dir = after.split(')').next()?;
    let (done, total) = (done.parse().ok()?, total.parse().ok()?);
    (done <= total).then(|| (dir.to_owned(), done, total))
}

/// Longest piece read at once; a line is far shorter.
const CHUNK_BYTES: u64 = 256 * 1024;

/// Reads what was appended to the state log since the last time.
#[derive(Debug)]
pub(crate) struct Follower {
    path: PathBuf,
    position: u64,
    partial: String,
}

impl Follower {
    pub(crate) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            position: 0,
            partial: String::new(),
        }
    }

    /// Feeds all complete new lines to `state`. A file that is absent or was rolled over is read from its start.
    pub(crate) fn read(&mut self, state: &mut State) -> std::io::Result<()> {
        let mut file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        let length = file.metadata()?.len();
        if length < self.position {
            self.position = 0;
            self.partial.clear();
        }
        while self.position < length {
            file.seek(SeekFrom::Start(self.position))?;
            let mut bytes = Vec::new();
            let count = (&file).take(CHUNK_BYTES).read_to_end(&mut bytes)?;
            if count == 0 {
                break;
            }
            self.position += count as u64;
            self.partial.push_str(&String::from_utf8_lossy(&bytes));
            while let Some((line, rest)) = self.partial.split_once('\n') {
                state.observe(line);
                self.partial = rest.to_owned();
            }
        }
        Ok(())
    }
}

/// As much of the log's end as the last error with its stack trace can need.
const LAST_WORDS_BYTES: u64 = 64 * 1024;

/// The last error that Kafka logged about itself, with its exception's two innermost causes (itself among them);
/// `None` if it logged none.
pub(crate) fn last_words(path: &Path) -> Option<String> {
    let mut file = File::open(path).ok()?;
    let length = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(LAST_WORDS_BYTES)))
        .ok()?;
    let mut bytes = Vec::new();
    file.take(LAST_WORDS_BYTES).read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    let last = lines.iter().rposition(|line| is_error(line))?;
    // `<milliseconds> ERROR <logger> <message>`, then the exception, each cause on a line of its own.
    let mut words = vec![lines.get(last)?.splitn(4, ' ').nth(3)?];
    let causes: Vec<&str> = lines
        .iter()
        .skip(last + 1)
        .take_while(|line| !line.starts_with(|first: char| first.is_ascii_digit()))
        .filter(|line| !line.starts_with(char::is_whitespace) && !line.is_empty())
        .map(|line| line.strip_prefix("Caused by: ").unwrap_or(line))
        .collect();
    words.extend(causes.iter().skip(causes.len().saturating_sub(2)));
    Some(words.join("; "))
}

fn is_error(line: &str) -> bool {
    let mut parts = line.split(' ');
    let time = parts.next().unwrap_or_default();
    !time.is_empty()
        && time.bytes().all(|byte| byte.is_ascii_digit())
        && matches!(parts.next(), Some("ERROR" | "FATAL"))
}

#[cfg(test)]
mod tests;
