//! Loopback addresses: which ones are this home's, and which one each Pod has.
//!
//! Linux answers on all of 127.0.0.0/8 without any set-up. A home takes one block 127.R.0.0/16:
//!
//! | addresses | for |
//! |---|---|
//! | 127.R.0.1 | the node itself: kubelet endpoint, node ports |
//! | 127.R.1.1 – 127.R.127.254 | Pods, by namespace and name, kept for ever |
//! | 127.R.128.0/17 | Services (the API server allocates them) |
//!
//! Homes of one user agree through a registry file, which holds also while none of them runs (Pods may). Homes of
//! different users meet at a guard socket, which is held while an agent runs.
//!
//! Not here: binding addresses to ports, that is the Pods' and the Service proxy's work.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io;
use std::net::{Ipv4Addr, UdpSocket};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::FlockOperation;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::files;

/// Blocks that are handed out; 127.0 and 127.1 are what people type by hand.
const FIRST_BLOCK: u8 = 2;
const LAST_BLOCK: u8 = 254;
const BLOCKS: u8 = LAST_BLOCK - FIRST_BLOCK + 1;
/// Port of the guard socket, on the last address of the block.
const GUARD_PORT: u16 = 10249;
/// How often 50 ms are waited for it.
const GUARD_PATIENCE: u32 = 20;

/// A block of loopback addresses: 127.R.0.0/16.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Range(u8);

impl Range {
    /// Address of the node.
    pub fn node(self) -> Ipv4Addr {
        Ipv4Addr::new(127, self.0, 0, 1)
    }

    /// Where Services get their addresses: network and length of its prefix.
    pub fn services(self) -> (Ipv4Addr, u8) {
        (Ipv4Addr::new(127, self.0, 128, 0), 17)
    }

    /// Where Services get their addresses, for the API server.
    pub fn services_cidr(self) -> String {
        format!("127.{}.128.0/17", self.0)
    }

    /// The whole block.
    pub fn cidr(self) -> String {
        format!("127.{}.0.0/16", self.0)
    }

    /// Address number `index` of those for Pods; no address ends in 0 or 255, which look like networks.
    fn pod(self, index: u32) -> Option<Ipv4Addr> {
        let (third, fourth) = (1 + index / 254, 1 + index % 254);
        let third = u8::try_from(third).ok().filter(|third| *third < 128)?;
        Some(Ipv4Addr::new(
            127,
            self.0,
            third,
            u8::try_from(fourth).ok()?,
        ))
    }

    fn guard(self) -> io::Result<UdpSocket> {
        UdpSocket::bind((Ipv4Addr::new(127, self.0, 255, 254), GUARD_PORT))
    }
}

/// Why a home has no addresses.
#[derive(Debug, thiserror::Error)]
pub enum ClaimError {
    /// All blocks are taken.
    #[error(
        "all {BLOCKS} blocks of loopback addresses are taken (see {registry}); remove homes that are no longer used with `klamm down --purge`"
    )]
    Exhausted {
        /// The registry file.
        registry: String,
    },
    /// The registry cannot be used.
    #[error("{operation} {path}")]
    Registry {
        /// What was tried.
        operation: &'static str,
        /// On which file.
        path: String,
        /// What the system says.
        source: io::Error,
    },
}

/// A block that is this home's for as long as the home exists, guarded while this value lives.
#[derive(Debug)]
pub(crate) struct RangeClaim {
    range: Range,
    _guard: UdpSocket,
}

/// The registry: which home has which block.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Registry {
    #[serde(default)]
    homes: BTreeMap<PathBuf, Range>,
}

impl RangeClaim {
    /// The home's block if it has one, else a free one. `remembered` is the home's own file about it.
    pub(crate) fn take(
        home: &Path,
        remembered: &Path,
        registry: &Path,
    ) -> Result<Self, ClaimError> {
        let failed = |operation: &'static str, path: &Path| {
            let path = path.display().to_string();
            move |source| ClaimError::Registry {
                operation,
                path,
                source,
            }
        };
        if let Some(parent) = registry.parent() {
            files::private_dir(parent).map_err(failed("make", parent))?;
        }
        let lock_path = registry.with_extension("lock");
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&lock_path)
            .map_err(failed("open", &lock_path))?;
        rustix::fs::flock(&lock, FlockOperation::LockExclusive)
            .map_err(io::Error::from)
            .map_err(failed("lock", &lock_path))?;

        let home = home.canonicalize().unwrap_or_else(|_| home.to_owned());
        let mut homes = files::read_json::<Registry>(registry).unwrap_or_default();
        homes.homes.retain(|other, _| other.exists());
        let taken = |range: Range| {
            homes
                .homes
                .iter()
                .any(|(other, block)| *block == range && *other != home)
        };
        let own = files::read_json::<Range>(remembered).or_else(|| homes.homes.get(&home).copied());
        let claimed = own
            .filter(|range| !taken(*range))
            .and_then(Self::guard_own)
            .or_else(|| {
                candidates(&home)
                    .filter(|range| !taken(*range))
                    .find_map(|range| {
                        Some(Self {
                            range,
                            _guard: range.guard().ok()?,
                        })
                    })
            })
            .ok_or_else(|| ClaimError::Exhausted {
                registry: registry.display().to_string(),
            })?;
        files::replace_json(remembered, &claimed.range).map_err(failed("write", remembered))?;
        homes.homes.insert(home, claimed.range);
        files::replace_json(registry, &homes).map_err(failed("write", registry))?;
        Ok(claimed)
    }

    /// A home does not lightly give up its addresses: a guard that an agent has just let go may still be in the hands
    /// of a process that is being forked.
    fn guard_own(range: Range) -> Option<Self> {
        for _ in 0..GUARD_PATIENCE {
            if let Ok(guard) = range.guard() {
                return Some(Self {
                    range,
                    _guard: guard,
                });
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        None
    }

    pub(crate) fn range(&self) -> Range {
        self.range
    }
}

/// All blocks, beginning at one that depends on the home, so that even without any registry homes seldom meet.
fn candidates(home: &Path) -> impl Iterator<Item = Range> {
    let digest = Sha256::digest(home.as_os_str().as_encoded_bytes());
    let first = digest.first().copied().unwrap_or(0) % BLOCKS;
    (0..BLOCKS).map(move |step| {
        let block = (u16::from(first) + u16::from(step)) % u16::from(BLOCKS);
        Range(FIRST_BLOCK + u8::try_from(block).unwrap_or(0))
    })
}

/// The addresses of Pods: by namespace and name, remembered even after the Pod is gone, so that the next Pod of that
/// name has the same one and certificates that name it stay right.
#[derive(Debug)]
pub(crate) struct PodAddresses {
    file: PathBuf,
    range: Range,
    book: Book,
}

#[derive(Debug, Default, Clone, Serialize, Deserialize)]
struct Book {
    /// The block these belong to.
    range: Option<Range>,
    /// `namespace/name` → address.
    pods: BTreeMap<String, Ipv4Addr>,
    /// Number of addresses handed out so far.
    next: u32,
}

impl PodAddresses {
    /// Reads the book of a home.
    pub(crate) fn open(file: PathBuf, range: Range) -> Self {
        // In another block (which happens when this one was lost to another user) the old addresses mean nothing.
        let book = files::read_json::<Book>(&file)
            .filter(|book| book.range == Some(range))
            .unwrap_or_default();
        Self {
            file,
            range,
            book: Book {
                range: Some(range),
                ..book
            },
        }
    }

    /// The address of a Pod, now and for ever. `in_use` says of a Pod (`namespace/name`) that it exists.
    pub(crate) fn of(
        &mut self,
        namespace: &str,
        name: &str,
        in_use: impl Fn(&str) -> bool,
    ) -> io::Result<Ipv4Addr> {
        let key = format!("{namespace}/{name}");
        if let Some(address) = self.book.pods.get(&key) {
            return Ok(*address);
        }
        // What could not be written was not given: the next agent would give it to another Pod.
        let mut book = self.book.clone();
        let address = if let Some(address) = self.range.pod(book.next) {
            book.next += 1;
            address
        } else {
            // 32,258 names later: take the address of a Pod that is no more.
            let (free, address) = book
                .pods
                .iter()
                .find(|(other, _)| !in_use(other))
                .map(|(other, address)| (other.clone(), *address))
                .ok_or_else(|| io::Error::other("every Pod address of this home is in use"))?;
            book.pods.remove(&free);
            address
        };
        book.pods.insert(key, address);
        files::replace_durably(
            &self.file,
            &serde_json::to_vec_pretty(&book).map_err(io::Error::other)?,
        )?;
        self.book = book;
        Ok(address)
    }
}

#[cfg(test)]
mod tests;
