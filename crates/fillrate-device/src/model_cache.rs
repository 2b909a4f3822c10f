//! Models that stay where they were loaded, until another needs the room.

use std::collections::HashMap;
use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use crate::error::Error;

/// Models by name within a budget of bytes; what a model is, is the caller's.
///
/// A model that somebody has is in use. Loading one past the budget evicts models that nobody has,
/// the one first that was asked for longest ago, and never one in use. Two who ask for a model that
/// is not here load it once.
///
/// ```
/// use fillrate_device::model_cache::ModelCache;
/// use fillrate_device::Error;
///
/// let cache = ModelCache::new(100);
/// let load = |name: &str, size_bytes| {
///     cache.get_or_load(name, size_bytes, || Ok::<_, Error>(format!("weights of {name}")))
/// };
/// let first = load("a", 60)?;
/// assert_eq!(*first, "weights of a");
/// assert!(load("b", 50).is_err(), "`a` is in use");
/// drop(first);
/// load("b", 50)?;
/// assert_eq!(cache.statistics().evictions, 1);
/// # Ok::<(), Error>(())
/// ```
pub struct ModelCache<M> {
    budget_bytes: u64,
    state: Mutex<State<M>>,
    /// Told when a load has ended.
    loaded: Condvar,
}

struct State<M> {
    entries: HashMap<String, Entry<M>>,
    /// Counts requests; an entry's is that of its last.
    requests: u64,
    statistics: CacheStatistics,
}

struct Entry<M> {
    /// `None` while it is being loaded.
    model: Option<Arc<M>>,
    size_bytes: u64,
    asked: u64,
}

impl<M> Entry<M> {
    /// Whether nobody has it. Who asks for it does so under the lock, so that this stays true while
    /// the lock is held.
    fn is_idle(&self) -> bool {
        self.model.as_ref().is_some_and(|model| Arc::strong_count(model) == 1)
    }
}

/// A model in use, as long as this or a clone of it lives.
#[derive(Debug)]
pub struct Resident<M>(Arc<M>);

impl<M> Clone for Resident<M> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<M> Deref for Resident<M> {
    type Target = M;

    fn deref(&self) -> &M {
        &self.0
    }
}

/// What a cache has and did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CacheStatistics {
    /// Models that are here or being loaded.
    pub models: usize,
    /// Their bytes.
    pub resident_bytes: u64,
    /// Those of them that are in use or being loaded.
    pub in_use_bytes: u64,
    /// Requests for a model that was here.
    pub hits: u64,
    /// Requests for one that was not.
    pub misses: u64,
    /// Models that made room for another.
    pub evictions: u64,
}

impl<M> ModelCache<M> {
    /// An empty cache for models of `budget_bytes` together.
    #[must_use]
    pub fn new(budget_bytes: u64) -> Self {
        let statistics = CacheStatistics::default();
        let state = State { entries: HashMap::new(), requests: 0, statistics };
        Self { budget_bytes, state: Mutex::new(state), loaded: Condvar::new() }
    }

    /// The model of this name, if it is here.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Resident<M>> {
        self.state().get(name)
    }

    /// The model of this name. If it is not here, `load` makes it, once room for its `size_bytes`
    /// has been made; who asks for it meanwhile waits.
    ///
    /// # Errors
    ///
    /// [`Error::NoRoom`] if those in use leave no room; what `load` says if it fails, after which
    /// the model can be asked for again.
    pub fn get_or_load<E: From<Error>>(
        &self,
        name: &str,
        size_bytes: u64,
        load: impl FnOnce() -> Result<M, E>,
    ) -> Result<Resident<M>, E> {
        let mut state = self.state();
        while state.entries.get(name).is_some_and(|entry| entry.model.is_none()) {
            state = self.loaded.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if let Some(resident) = state.get(name) {
            return Ok(resident);
        }
        state.statistics.misses += 1;
        let evicted = state.make_room(name, size_bytes, self.budget_bytes)?;
        let asked = state.requests;
        state.entries.insert(name.to_owned(), Entry { model: None, size_bytes, asked });
        drop(state);
        // Only now, since giving memory back may take time and call anything.
        drop(evicted);
        let loading = Loading { cache: self, name };
        let model = Arc::new(load()?);
        if let Some(entry) = self.state().entries.get_mut(name) {
            entry.model = Some(Arc::clone(&model));
        }
        drop(loading);
        Ok(Resident(model))
    }

    /// Lets go of a model that nobody has. Returns whether it did.
    pub fn evict(&self, name: &str) -> bool {
        let mut state = self.state();
        let is_idle = state.entries.get(name).is_some_and(Entry::is_idle);
        let evicted = if is_idle { state.entries.remove(name) } else { None };
        drop(state);
        evicted.is_some()
    }

    /// What it has and did.
    #[must_use]
    pub fn statistics(&self) -> CacheStatistics {
        let state = self.state();
        CacheStatistics {
            models: state.entries.len(),
            resident_bytes: state.bytes(|_| true),
            in_use_bytes: state.bytes(|entry| !entry.is_idle()),
            ..state.statistics
        }
    }

    fn state(&self) -> MutexGuard<'_, State<M>> {
        // No caller's code runs under the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<M> State<M> {
    fn get(&mut self, name: &str) -> Option<Resident<M>> {
        self.requests += 1;
        let entry = self.entries.get_mut(name)?;
        let model = entry.model.clone()?;
        entry.asked = self.requests;
        self.statistics.hits += 1;
        Some(Resident(model))
    }

    fn bytes(&self, of: impl Fn(&Entry<M>) -> bool) -> u64 {
        self.entries.values().filter(|entry| of(entry)).map(|entry| entry.size_bytes).sum()
    }

    /// Takes out models that nobody has until there is room; none, if there will not be.
    fn make_room(
        &mut self,
        name: &str,
        size_bytes: u64,
        budget_bytes: u64,
    ) -> Result<Vec<Entry<M>>, Error> {
        let in_use_bytes = self.bytes(|entry| !entry.is_idle());
        if in_use_bytes.saturating_add(size_bytes) > budget_bytes {
            let name = name.to_owned();
            return Err(Error::NoRoom { name, size_bytes, in_use_bytes, budget_bytes });
        }
        let mut evicted = Vec::new();
        while self.bytes(|_| true) + size_bytes > budget_bytes {
            let idle = self.entries.iter().filter(|(_, entry)| entry.is_idle());
            let oldest = idle.min_by_key(|(_, entry)| entry.asked).map(|(name, _)| name.clone());
            // There is one, since those in use leave room.
            let Some(entry) = oldest.and_then(|name| self.entries.remove(&name)) else { break };
            self.statistics.evictions += 1;
            evicted.push(entry);
        }
        Ok(evicted)
    }
}

/// Wakes those who wait for a load when it ends, however it does.
struct Loading<'a, M> {
    cache: &'a ModelCache<M>,
    name: &'a str,
}

impl<M> Drop for Loading<'_, M> {
    fn drop(&mut self) {
        let mut state = self.cache.state();
        if state.entries.get(self.name).is_some_and(|entry| entry.model.is_none()) {
            state.entries.remove(self.name);
        }
        drop(state);
        self.cache.loaded.notify_all();
    }
}

impl<M> fmt::Debug for ModelCache<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ModelCache")
            .field("budget_bytes", &self.budget_bytes)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use super::*;

    fn load(
        cache: &ModelCache<String>,
        name: &str,
        size_bytes: u64,
    ) -> Result<Resident<String>, Error> {
        cache.get_or_load(name, size_bytes, || Ok(name.to_owned()))
    }

    #[test]
    fn the_model_asked_for_longest_ago_goes_first() {
        let cache = ModelCache::new(100);
        for name in ["a", "b", "c"] {
            load(&cache, name, 30).unwrap();
        }
        assert!(cache.get("a").is_some());
        load(&cache, "d", 40).unwrap();
        assert!(cache.get("b").is_none() && cache.get("a").is_some() && cache.get("c").is_some());
        let statistics = cache.statistics();
        assert_eq!((statistics.models, statistics.resident_bytes), (3, 100));
        assert_eq!((statistics.misses, statistics.evictions), (4, 1));
    }

    #[test]
    fn a_model_in_use_is_never_evicted() {
        let cache = ModelCache::new(100);
        let used = load(&cache, "used", 60).unwrap();
        let also = used.clone();
        drop(used);
        load(&cache, "idle", 40).unwrap();
        assert!(!cache.evict("used"));
        let error = load(&cache, "large", 50).unwrap_err();
        assert!(
            matches!(&error, Error::NoRoom { size_bytes: 50, in_use_bytes: 60, .. }),
            "{error}"
        );
        assert!(cache.get("idle").is_some(), "what would not help is not evicted");
        drop(also);
        load(&cache, "large", 100).unwrap();
        assert_eq!(cache.statistics().models, 1);
        assert!(cache.evict("large") && !cache.evict("large"));
    }

    #[test]
    fn a_load_that_fails_or_panics_can_be_tried_again() {
        let cache = ModelCache::<String>::new(100);
        let failed = cache.get_or_load("a", 100, || {
            Err(Error::NoRoom {
                name: String::new(),
                size_bytes: 0,
                in_use_bytes: 0,
                budget_bytes: 0,
            })
        });
        assert!(failed.is_err());
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            cache.get_or_load("a", 100, || -> Result<_, Error> { panic!("on purpose") })
        }));
        assert!(panicked.is_err());
        assert_eq!(*load(&cache, "a", 100).unwrap(), "a");
    }

    #[test]
    fn many_who_ask_for_one_model_load_it_once() {
        let (cache, loads) = (ModelCache::new(10), AtomicUsize::new(0));
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let model = cache.get_or_load("a", 10, || {
                        loads.fetch_add(1, Ordering::Relaxed);
                        thread::yield_now();
                        Ok::<_, Error>("a".to_owned())
                    });
                    assert_eq!(*model.unwrap(), "a");
                });
            }
        });
        assert_eq!(loads.into_inner(), 1);
        let statistics = cache.statistics();
        assert_eq!((statistics.hits, statistics.misses, statistics.in_use_bytes), (7, 1, 0));
    }
}
