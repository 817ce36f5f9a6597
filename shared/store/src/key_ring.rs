//! The API keys that an instance knows.
//!
//! A call without a key never comes here: it costs what it cost before there were keys. A key that was read a moment ago
//! is not read again. A key that was read before is read again beside the operation itself, so a busy instance never
//! waits for it. What is older than [`STALE`] is not believed, so a revoked key is refused everywhere within that time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::api_key::{Caller, Credential, KeyHash, KeyRecord, KeyRefusal};
use domain::time::Timestamp;
use runtime::{Clock, DependencyError};
use tokio::join;

use super::Store;

/// For this long a key is not read again.
const FRESH: Duration = Duration::from_secs(5);
/// From this age on a key is not believed without being read again.
const STALE: Duration = Duration::from_secs(10);
/// How many keys an instance remembers. Random texts that look like keys can only displace others, which are then read.
const MOST_ENTRIES: usize = 1_024;

/// The keys of the table, and those that this instance has read.
#[derive(Debug, Clone)]
pub struct KeyRing {
    store: Store,
    clock: Clock,
    entries: Arc<Mutex<HashMap<KeyHash, Entry>>>,
}

#[derive(Debug, Clone)]
struct Entry {
    /// When the read was sent. What the table showed is at most so old.
    read_at: Timestamp,
    /// `None` if the table does not know the key.
    record: Option<KeyRecord>,
}

/// A caller whose key was accepted.
#[derive(Debug)]
pub struct Admission<'a> {
    /// Who calls.
    pub caller: Caller,
    refresh: Option<(&'a KeyRing, KeyHash)>,
}

impl<'a> Admission<'a> {
    /// Carries out an operation. A key that was not read for a while is read again meanwhile.
    pub fn beside<T>(self, operation: impl Future<Output = T> + 'a) -> impl Future<Output = T> + 'a
    where
        T: 'a,
    {
        // It is awaited in two places, and would take its room in each.
        let operation = Box::pin(operation);
        async move {
            let Some((ring, hash)) = self.refresh else {
                return operation.await;
            };
            // If the read fails, the entry grows old and is not believed any more.
            let (done, _read) = join!(operation, Box::pin(ring.read(hash)));
            done
        }
    }
}

impl KeyRing {
    /// Returns a ring that knows no key yet.
    pub fn new(store: Store, clock: Clock) -> Self {
        Self { store, clock, entries: Arc::default() }
    }

    /// Returns who calls. For operations that must know it before they begin: a key that is not known, or not believed
    /// any more, costs a round trip of its own.
    pub async fn admit(
        &self,
        credential: &Credential,
    ) -> Result<Result<Admission<'_>, KeyRefusal>, DependencyError> {
        let hash = match credential {
            Credential::Absent => return Ok(Ok(Admission { caller: Caller::Anonymous, refresh: None })),
            Credential::Malformed => return Ok(Err(KeyRefusal::Invalid)),
            Credential::Key(key) => key.hash(),
        };
        let now = self.clock.now();
        let (entry, refresh) = match self.remembered(&hash, now) {
            Some((entry, age)) if age < FRESH => (entry, None),
            Some((entry, _)) => (entry, Some((self, hash))),
            None => (Box::pin(self.read(hash)).await?, None),
        };
        Ok(entry.caller(now).map(|caller| Admission { caller, refresh }))
    }

    /// Carries out an operation that changes nothing, and returns who calls. A key that must be read is read beside the
    /// operation, whose outcome is dropped if the key is refused.
    pub fn beside<'a, T: 'a>(
        &'a self,
        credential: &'a Credential,
        operation: impl Future<Output = T> + 'a,
    ) -> impl Future<Output = Result<Result<(Caller, T), KeyRefusal>, DependencyError>> + 'a {
        // It is awaited in three places, and would take its room in each.
        let operation = Box::pin(operation);
        async move {
            let hash = match credential {
                Credential::Absent => return Ok(Ok((Caller::Anonymous, operation.await))),
                Credential::Malformed => return Ok(Err(KeyRefusal::Invalid)),
                Credential::Key(key) => key.hash(),
            };
            let now = self.clock.now();
            if let Some((entry, age)) = self.remembered(&hash, now) {
                let refresh = (age >= FRESH).then_some((self, hash));
                return Ok(match entry.caller(now) {
                    Ok(caller) => {
                        let done = Admission { caller: caller.clone(), refresh }.beside(operation).await;
                        Ok((caller, done))
                    }
                    Err(refusal) => Err(refusal),
                });
            }
            let (done, entry) = join!(operation, Box::pin(self.read(hash)));
            Ok(entry?.caller(now).map(|caller| (caller, done)))
        }
    }

    /// Returns what is known of a key, and how old that is, if it can still be believed.
    fn remembered(&self, hash: &KeyHash, now: Timestamp) -> Option<(Entry, Duration)> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = entries.get(hash)?;
        // A clock that was set back says nothing about an age.
        let age =
            u64::try_from(now.as_millis() - entry.read_at.as_millis()).ok().map(Duration::from_millis)?;
        (age <= STALE).then(|| (entry.clone(), age))
    }

    async fn read(&self, hash: KeyHash) -> Result<Entry, DependencyError> {
        let read_at = self.clock.now();
        let entry = Entry { read_at, record: self.store.read_key(&hash).await? };
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= MOST_ENTRIES && !entries.contains_key(&hash) {
            let oldest = entries.iter().min_by_key(|(_, entry)| entry.read_at).map(|(hash, _)| hash.clone());
            if let Some(oldest) = oldest {
                entries.remove(&oldest);
            }
        }
        entries.insert(hash, entry.clone());
        Ok(entry)
    }
}

impl Entry {
    fn caller(&self, now: Timestamp) -> Result<Caller, KeyRefusal> {
        self.record.as_ref().map_or(Err(KeyRefusal::Invalid), |record| record.caller(now))
    }
}
