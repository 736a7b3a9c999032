//! The index: one LMDB database with a table letter in front of every key. Typed reads and writes, no policy.

use super::StoreError;
use super::record::{
    FORMAT_VERSION, Record, Snapshot, StateId, StrongKey, TextEntry, TextKey, WeakKey,
};
use super::runs::make_private_directory;
use crate::read_set::{Answer, Fingerprint, Question, ReadSet, Reader, TrackedPath};
use crate::sys::lmdb;
use heed::types::Bytes;
use heed::{CommitOrAbort, Database, Env, RoTxn, RwTxn, WithoutTls};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// Address space for the index: 64 GiB on a 64-bit machine, far more than records of a few kilobytes each need.
const MAP_BYTES: usize = 64 << 30;

/// Most records kept for one question. Two-phase lookups suffer when a question gathers very many answers; a branch
/// that flips between 32 states of the same files is rare.
const MOST_CANDIDATES: usize = 32;

/// First byte of a key.
#[derive(Debug, Clone, Copy)]
#[repr(u8)]
pub(crate) enum Table {
    Meta = b'm',
    Candidate = b'c',
    Reads = b'r',
    Text = b't',
    Output = b'o',
    Stat = b's',
    Used = b'u',
}

/// See the module.
#[derive(Debug)]
pub struct Index {
    env: Env<WithoutTls>,
    database: Database<'static, Bytes, Bytes>,
}

/// One step's results, to be stored together.
#[derive(Debug, Clone)]
pub struct Entry {
    /// What it did.
    pub record: Record,
    /// What it asked that nothing before it in its chain had asked.
    pub reads: ReadSet,
    /// Its output, secrets masked.
    pub output: Vec<u8>,
    /// Its texts.
    pub text: TextKey,
    /// See [`TextEntry::keyed`].
    pub keyed: Vec<(String, [u8; 16])>,
    /// The branch it ran on, hashed; `None` outside a branch.
    pub branch: Option<[u8; 8]>,
}

/// A read set as it is stored: readers once, answers refer to them, sorted by path and question. Comparing it with
/// the repository needs no more than this; most lookups end there.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StoredReads {
    readers: Vec<Reader>,
    answers: Vec<(TrackedPath, Question, Fingerprint, u32)>,
}

type Result<T> = std::result::Result<T, StoreError>;

fn fails(action: &'static str) -> impl FnOnce(heed::Error) -> StoreError {
    move |source| StoreError::Index { action, source }
}

pub(crate) fn key(table: Table, parts: &[&[u8]]) -> Vec<u8> {
    let mut key = vec![table as u8];
    parts.iter().for_each(|part| key.extend_from_slice(part));
    key
}

/// A value with the format version in front; `None` if it can't be written, which plain data always can.
fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    let mut bytes = FORMAT_VERSION.to_le_bytes().to_vec();
    if let Ok(body) = postcard::to_allocvec(value) {
        bytes.extend_from_slice(&body);
    }
    bytes
}

/// A value of this version; anything else is as good as absent.
fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    let (version, body) = bytes.split_first_chunk::<4>()?;
    (u32::from_le_bytes(*version) == FORMAT_VERSION)
        .then(|| postcard::from_bytes(body).ok())
        .flatten()
}

impl Index {
    /// Opens or makes the index in `directory`.
    pub(super) fn open(directory: &Path) -> Result<Self> {
        make_private_directory(directory)?;
        let env = lmdb::open(directory, MAP_BYTES).map_err(fails("open"))?;
        let transaction = env.read_txn().map_err(fails("read"))?;
        let opened = env
            .open_databases_and_commit(transaction, |opener, transaction| {
                let database = opener.open_database::<Bytes, Bytes>(transaction, None)?;
                Ok::<_, heed::Error>(CommitOrAbort::<_, ()>::Commit(database))
            })
            .map_err(fails("open"))?;
        let database = opened
            .commit()
            .flatten()
            .ok_or_else(|| fails("open")(heed::Error::Mdb(heed::MdbError::NotFound)))?;
        Ok(Self { env, database })
    }

    /// A consistent view; keep it short-lived, the file can't reuse space behind it.
    pub fn view(&self) -> Result<View<'_>> {
        Ok(View { index: self, transaction: self.env.read_txn().map_err(fails("read"))? })
    }

    /// A view that doesn't borrow the index; for [`Index::bytes_in`].
    pub(crate) fn static_view(&self) -> Result<RoTxn<'static, WithoutTls>> {
        self.env.clone().static_read_txn().map_err(fails("read"))
    }

    /// The bytes of a key in such a view; what can't be read is absent.
    pub(crate) fn bytes_in<'view>(
        &self,
        view: &'view RoTxn<'static, WithoutTls>,
        key: &[u8],
    ) -> Option<&'view [u8]> {
        self.database.get(view, key).ok().flatten()
    }

    /// Writes what `write` puts, all or nothing, durably.
    pub(crate) fn write(
        &self,
        write: impl FnOnce(&mut Writer<'_>) -> heed::Result<()>,
    ) -> Result<()> {
        let transaction = self.env.write_txn().map_err(fails("write"))?;
        let mut writer = Writer { index: self, transaction };
        write(&mut writer).map_err(fails("write"))?;
        writer.transaction.commit().map_err(fails("write"))
    }

    /// Stores steps' results, all or nothing.
    ///
    /// # Errors
    /// When the disk is full or the index damaged.
    pub fn store(&self, entries: &[Entry]) -> Result<()> {
        self.write(|writer| entries.iter().try_for_each(|entry| writer.put_entry(entry)))
    }

    /// Removes records and what belongs to them, all or none.
    pub(super) fn forget(&self, records: &[(WeakKey, StrongKey)]) -> Result<()> {
        if records.is_empty() {
            return Ok(());
        }
        self.write(|writer| {
            records.iter().try_for_each(|(weak, strong)| writer.forget(*weak, *strong))
        })
    }

    /// The key for secrets; made at first use.
    pub(super) fn secret_key(&self) -> Result<[u8; 32]> {
        let name = key(Table::Meta, &[b"secret key"]);
        if let Some(found) = self.view()?.get::<[u8; 32]>(&name)? {
            return Ok(found);
        }
        let mut made = [0; 32];
        crate::randomness::draw(&mut made)
            .map_err(|error| fails("make")(heed::Error::Io(error)))?;
        let mut kept = made;
        self.write(|writer| {
            // Another process may have been faster.
            if let Some(found) =
                writer.index.database.get(&writer.transaction, &name)?.and_then(decode)
            {
                kept = found;
                return Ok(());
            }
            writer.put(&name, &encode(&made))
        })?;
        Ok(kept)
    }
}

/// See [`Index::view`].
#[expect(missing_debug_implementations, reason = "LMDB's transactions have none")]
pub struct View<'index> {
    index: &'index Index,
    transaction: RoTxn<'index, WithoutTls>,
}

impl View<'_> {
    /// The bytes of a key.
    pub(crate) fn bytes(&self, key: &[u8]) -> Result<Option<&[u8]>> {
        self.index.database.get(&self.transaction, key).map_err(fails("read"))
    }

    fn get<T: DeserializeOwned>(&self, key: &[u8]) -> Result<Option<T>> {
        Ok(self.bytes(key)?.and_then(decode))
    }

    /// The recorded answers to a question, newest first.
    ///
    /// # Errors
    /// When the index can't be read.
    pub fn candidates(&self, weak: WeakKey) -> Result<Vec<Record>> {
        let prefix = key(Table::Candidate, &[&weak.0]);
        let mut found: Vec<Record> = Vec::new();
        for entry in
            self.index.database.prefix_iter(&self.transaction, &prefix).map_err(fails("read"))?
        {
            let (_, value) = entry.map_err(fails("read"))?;
            found.extend(decode::<Record>(value));
        }
        found.sort_unstable_by_key(|record| std::cmp::Reverse((record.recorded_at, record.strong)));
        Ok(found)
    }

    /// One record.
    ///
    /// # Errors
    /// When the index can't be read.
    pub fn record(&self, weak: WeakKey, strong: StrongKey) -> Result<Option<Record>> {
        self.get(&key(Table::Candidate, &[&weak.0, &strong.0]))
    }

    /// What a step asked.
    ///
    /// # Errors
    /// When the index can't be read.
    pub fn reads(&self, strong: StrongKey) -> Result<Option<ReadSet>> {
        Ok(self.stored_reads(strong)?.map(StoredReads::unpack))
    }

    /// The same, as it is stored.
    ///
    /// # Errors
    /// When the index can't be read.
    pub fn stored_reads(&self, strong: StrongKey) -> Result<Option<StoredReads>> {
        self.get(&key(Table::Reads, &[&strong.0]))
    }

    /// When a record answered last, in nanoseconds since 1970, to the day; `None` if only its making is known.
    ///
    /// # Errors
    /// When the index can't be read.
    pub fn used_at(&self, strong: StrongKey) -> Result<Option<u64>> {
        self.get(&key(Table::Used, &[&strong.0]))
    }

    /// What a step printed.
    ///
    /// # Errors
    /// When the index can't be read.
    pub fn output(&self, strong: StrongKey) -> Result<Option<Vec<u8>>> {
        Ok(self.bytes(&key(Table::Output, &[&strong.0]))?.map(<[u8]>::to_vec))
    }

    /// The newest run of a step with this text: on `branch` if there is one, else on any.
    ///
    /// # Errors
    /// When the index can't be read.
    pub fn newest_by_text(
        &self,
        text: TextKey,
        branch: Option<[u8; 8]>,
    ) -> Result<Option<TextEntry>> {
        if let Some(branch) = branch
            && let Some(found) = self.get(&key(Table::Text, &[&text.0, &branch]))?
        {
            return Ok(Some(found));
        }
        self.get(&key(Table::Text, &[&text.0]))
    }

    /// The record of a state that events named. Looks through all of them: for people who ask, not for lookups.
    ///
    /// # Errors
    /// When the index can't be read.
    pub fn record_of_state(&self, state: StateId) -> Result<Option<Record>> {
        Ok(self.all_records()?.into_iter().find(|record| record.strong.id() == state))
    }

    /// Whether there is no record of anything.
    ///
    /// # Errors
    /// When the index can't be read.
    pub fn is_empty(&self) -> Result<bool> {
        let prefix = key(Table::Candidate, &[]);
        let mut entries =
            self.index.database.prefix_iter(&self.transaction, &prefix).map_err(fails("read"))?;
        Ok(entries.next().is_none())
    }

    /// Every record.
    ///
    /// # Errors
    /// When the index can't be read.
    pub fn all_records(&self) -> Result<Vec<Record>> {
        let prefix = key(Table::Candidate, &[]);
        let entries =
            self.index.database.prefix_iter(&self.transaction, &prefix).map_err(fails("read"))?;
        let mut records = Vec::new();
        for entry in entries {
            records.extend(decode::<Record>(entry.map_err(fails("read"))?.1));
        }
        Ok(records)
    }
}

/// A write that isn't committed yet.
pub(crate) struct Writer<'index> {
    index: &'index Index,
    transaction: RwTxn<'index>,
}

impl Writer<'_> {
    pub(crate) fn put(&mut self, key: &[u8], value: &[u8]) -> heed::Result<()> {
        self.index.database.put(&mut self.transaction, key, value)
    }

    /// Notes when a record answered.
    pub(crate) fn put_used(&mut self, strong: StrongKey, nanoseconds: u64) -> heed::Result<()> {
        self.put(&key(Table::Used, &[&strong.0]), &encode(&nanoseconds))
    }

    /// Gives a record another snapshot; one that is gone meanwhile stays gone.
    pub(crate) fn put_snapshot(
        &mut self,
        weak: WeakKey,
        strong: StrongKey,
        snapshot: &Snapshot,
    ) -> heed::Result<()> {
        let name = key(Table::Candidate, &[&weak.0, &strong.0]);
        let found = self.index.database.get(&self.transaction, &name)?.and_then(decode::<Record>);
        let Some(record) = found else { return Ok(()) };
        self.put(&name, &encode(&Record { snapshot: snapshot.clone(), ..record }))
    }

    pub(crate) fn put_entry(&mut self, entry: &Entry) -> heed::Result<()> {
        let Record { weak, strong, recorded_at, .. } = entry.record;
        self.put(&key(Table::Reads, &[&strong.0]), &encode(&pack(&entry.reads)))?;
        self.put(&key(Table::Output, &[&strong.0]), &entry.output)?;
        self.put(&key(Table::Candidate, &[&weak.0, &strong.0]), &encode(&entry.record))?;
        let by_text = encode(&TextEntry { recorded_at, weak, strong, keyed: entry.keyed.clone() });
        self.put(&key(Table::Text, &[&entry.text.0]), &by_text)?;
        if let Some(branch) = entry.branch {
            self.put(&key(Table::Text, &[&entry.text.0, &branch]), &by_text)?;
        }
        self.forget_oldest(weak)
    }

    fn forget_oldest(&mut self, weak: WeakKey) -> heed::Result<()> {
        let prefix = key(Table::Candidate, &[&weak.0]);
        let mut found: Vec<(u64, StrongKey)> = Vec::new();
        for entry in self.index.database.prefix_iter(&self.transaction, &prefix)? {
            let (_, value) = entry?;
            found.extend(decode::<Record>(value).map(|record| (record.recorded_at, record.strong)));
        }
        if found.len() <= MOST_CANDIDATES {
            return Ok(());
        }
        found.sort_unstable_by_key(|(recorded_at, _)| std::cmp::Reverse(*recorded_at));
        for (_, strong) in found.split_off(MOST_CANDIDATES) {
            self.forget(weak, strong)?;
        }
        Ok(())
    }

    /// Removes a record and what belongs to it.
    pub(crate) fn forget(&mut self, weak: WeakKey, strong: StrongKey) -> heed::Result<()> {
        let database = self.index.database;
        database.delete(&mut self.transaction, &key(Table::Candidate, &[&weak.0, &strong.0]))?;
        for table in [Table::Reads, Table::Output, Table::Used] {
            database.delete(&mut self.transaction, &key(table, &[&strong.0]))?;
        }
        Ok(())
    }
}

fn pack(reads: &ReadSet) -> StoredReads {
    let mut readers: Vec<Reader> = Vec::new();
    let mut known: BTreeMap<(String, u32), u32> = BTreeMap::new();
    let mut answers = Vec::with_capacity(reads.answers.len());
    for ((path, question), Answer { fingerprint, reader }) in &reads.answers {
        let next = u32::try_from(readers.len()).unwrap_or(u32::MAX);
        let place = *known.entry((reader.command.clone(), reader.pid)).or_insert_with(|| {
            readers.push(reader.clone());
            next
        });
        answers.push((path.clone(), *question, *fingerprint, place));
    }
    StoredReads { readers, answers }
}

impl StoredReads {
    /// The questions, in order.
    pub fn questions(&self) -> Vec<(&TrackedPath, Question)> {
        self.answers.iter().map(|(path, question, _, _)| (path, *question)).collect()
    }

    /// The answers, in the same order.
    pub fn fingerprints(&self) -> impl Iterator<Item = Fingerprint> {
        self.answers.iter().map(|(_, _, fingerprint, _)| *fingerprint)
    }

    /// Everything, with the readers.
    pub fn unpack(self) -> ReadSet {
        let Self { readers, answers } = self;
        let nobody = Reader { command: String::new(), pid: 0 };
        let answers = answers.into_iter().map(|(path, question, fingerprint, place)| {
            let reader = readers.get(place as usize).unwrap_or(&nobody).clone();
            ((path, question), Answer { fingerprint, reader })
        });
        ReadSet { answers: answers.collect() }
    }
}
