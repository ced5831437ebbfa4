//! The file: a redb table of objects, and the highest revision that may have been given out.
//!
//! Invariant: after a kill the revision starts at the ceiling, which is written before any revision below it is told
//! to anybody. So writes that need no fsync may still take revisions.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use bytes::Bytes;
use redb::{
    Database, Durability, ReadableDatabase, ReadableTable, ReadableTableMetadata, TableDefinition,
};

use super::{Event, Key, OpenStoreError, Record};

const OBJECTS: TableDefinition<'static, &str, &[u8]> = TableDefinition::new("objects");
const REVISIONS: TableDefinition<'static, &str, u64> = TableDefinition::new("revisions");
const CEILING: &str = "ceiling";

/// Revisions reserved ahead, so that relaxed writes need no fsync; a kill skips at most so many.
const RESERVE: u64 = 1_000;
/// Objects live in our own map; redb only needs room for the pages of one commit.
const CACHE_BYTES: usize = 1 << 20;
/// A file this large with little in it is compacted when it is opened.
const COMPACT_ABOVE_BYTES: u64 = 16 << 20;

type Boxed = Box<dyn Error + Send + Sync>;

pub(super) struct Disk {
    database: Database,
    ceiling: u64,
}

impl Disk {
    /// The file, what is in it, and the newest revision.
    pub(super) fn open(file: &Path) -> Result<(Self, BTreeMap<Key, Record>, u64), OpenStoreError> {
        let path = || file.display().to_string();
        let mut database = open_database(file).map_err(|source| OpenStoreError::Open {
            path: path(),
            source,
        })?;
        let read = |source| OpenStoreError::Read {
            path: path(),
            source,
        };
        let revision = reserve(&database).map_err(read)?;
        let objects = load(&database).map_err(read)?;
        let used: usize = objects
            .iter()
            .map(|(key, record)| key.as_str().len() + record.json.len())
            .sum();
        let size = file.metadata().map_or(0, |m| m.len());
        if size > COMPACT_ABOVE_BYTES && size / 4 > used as u64 {
            database.compact().map_err(|e| OpenStoreError::Open {
                path: path(),
                source: Box::new(e),
            })?;
        }
        let disk = Self {
            database,
            ceiling: revision + RESERVE,
        };
        Ok((disk, objects, revision))
    }

    /// Write these commits, all or none; they are safe when this returns, unless all are of relaxed kinds.
    pub(super) fn write(&mut self, events: &[Event]) -> Result<(), Boxed> {
        let newest = events.last().map_or(0, |event| event.revision);
        let mut transaction = self.database.begin_write()?;
        let relaxed = events.iter().all(|event| event.key.relaxed()) && newest < self.ceiling;
        transaction.set_durability(if relaxed {
            Durability::None
        } else {
            Durability::Immediate
        })?;
        {
            let mut table = transaction.open_table(OBJECTS)?;
            for event in events {
                match &event.new {
                    Some(record) => {
                        let mut value = Vec::with_capacity(8 + record.json.len());
                        value.extend_from_slice(&record.revision.to_le_bytes());
                        value.extend_from_slice(&record.json);
                        table.insert(event.key.as_str(), value.as_slice())?;
                    }
                    None => drop(table.remove(event.key.as_str())?),
                }
            }
        }
        let ceiling = if relaxed {
            self.ceiling
        } else {
            newest + RESERVE
        };
        if !relaxed {
            transaction
                .open_table(REVISIONS)?
                .insert(CEILING, ceiling)?;
        }
        transaction.commit()?;
        self.ceiling = ceiling;
        Ok(())
    }

    /// Everything to disk, and nothing left reserved.
    pub(super) fn close(mut self, revision: u64) {
        if let Err(error) = self.put_ceiling(revision) {
            tracing::warn!(%error, "the store was not closed cleanly; the next start skips some revisions");
        }
    }

    fn put_ceiling(&mut self, ceiling: u64) -> Result<(), Boxed> {
        let transaction = self.database.begin_write()?;
        transaction
            .open_table(REVISIONS)?
            .insert(CEILING, ceiling)?;
        transaction.commit()?;
        self.ceiling = ceiling;
        Ok(())
    }
}

fn open_database(file: &Path) -> Result<Database, Boxed> {
    let handle = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(file)?;
    Ok(Database::builder()
        .set_cache_size(CACHE_BYTES)
        .create_file(handle)?)
}

/// The revision to go on from, with the next ones reserved; makes the tables of a new file.
fn reserve(database: &Database) -> Result<u64, Boxed> {
    let transaction = database.begin_write()?;
    transaction.open_table(OBJECTS)?;
    let revision = {
        let mut table = transaction.open_table(REVISIONS)?;
        let revision = table.get(CEILING)?.map_or(1, |guard| guard.value());
        table.insert(CEILING, revision + RESERVE)?;
        revision
    };
    transaction.commit()?;
    Ok(revision)
}

fn load(database: &Database) -> Result<BTreeMap<Key, Record>, Boxed> {
    let transaction = database.begin_read()?;
    let table = transaction.open_table(OBJECTS)?;
    let mut objects = BTreeMap::new();
    tracing::debug!(objects = table.len()?, "reading the store");
    for entry in table.iter()? {
        let (key, value) = entry?;
        let (revision, json) = value
            .value()
            .split_first_chunk::<8>()
            .ok_or("a stored object is shorter than its revision")?;
        let record = Record {
            revision: u64::from_le_bytes(*revision),
            json: Bytes::copy_from_slice(json),
        };
        objects.insert(Key(key.value().into()), record);
    }
    Ok(objects)
}
