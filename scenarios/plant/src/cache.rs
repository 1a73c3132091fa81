//! Built files that were read lately.
//!
//! Documents, databases and mails are built whole. They are kept until a byte budget is full; then
//! the one that was not read for longest goes first and is built again when it is needed. What is
//! larger than the budget is never kept.

use crate::content::BuiltKey;
use lru::LruCache;
use std::sync::{Arc, Mutex, PoisonError};

/// The byte budget of a plant's cache unless another is asked for.
pub const DEFAULT_CACHE_BYTES: u64 = 64 << 20;

/// Built files by what they are a function of, within a byte budget.
pub(crate) struct Cache {
    budget: u64,
    kept: Mutex<Kept>,
}

struct Kept {
    files: LruCache<BuiltKey, Arc<[u8]>>,
    bytes: u64,
    built: u64,
}

impl std::fmt::Debug for Cache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        f.debug_struct("Cache")
            .field("budget", &self.budget)
            .field("bytes", &kept.bytes)
            .field("files", &kept.files.len())
            .finish()
    }
}

impl Cache {
    pub(crate) fn new(budget: u64) -> Self {
        let kept = Kept { files: LruCache::unbounded(), bytes: 0, built: 0 };
        Self { budget, kept: Mutex::new(kept) }
    }

    /// The file, built if it is not kept. Two threads may build the same file at the same time:
    /// they get the same bytes, and no reader of another file waits.
    pub(crate) fn get_or_build(&self, key: BuiltKey, build: impl FnOnce() -> Vec<u8>) -> Arc<[u8]> {
        {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(bytes) = kept.files.get(&key) {
                return Arc::clone(bytes);
            }
        }
        let bytes: Arc<[u8]> = build().into();
        let size = bytes.len() as u64;
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.built += 1;
        if size > self.budget {
            return bytes;
        }
        if let Some(before) = kept.files.put(key, Arc::clone(&bytes)) {
            kept.bytes -= before.len() as u64;
        }
        kept.bytes += size;
        while kept.bytes > self.budget {
            let Some((_, oldest)) = kept.files.pop_lru() else { break };
            kept.bytes -= oldest.len() as u64;
        }
        bytes
    }

    pub(crate) fn use_of(&self) -> CacheUse {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        CacheUse {
            budget: self.budget,
            bytes: kept.bytes,
            files: kept.files.len() as u64,
            built: kept.built,
        }
    }
}

/// What the cache of a plant holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheUse {
    /// The most bytes that it keeps.
    pub budget: u64,
    /// Bytes that it keeps now.
    pub bytes: u64,
    /// Files that it keeps now.
    pub files: u64,
    /// How many times a file was built.
    pub built: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;

    fn key(number: u64) -> BuiltKey {
        BuiltKey { seed: Seed::new(number), flip: None }
    }

    #[test]
    fn the_cache_never_keeps_more_than_its_budget_and_drops_the_oldest_first() {
        let cache = Cache::new(1000);
        for number in 0..50 {
            cache.get_or_build(key(number), || vec![0; 300]);
            assert!(cache.use_of().bytes <= 1000);
        }
        assert_eq!(cache.use_of().files, 3);
        let built = cache.use_of().built;
        cache.get_or_build(key(49), || panic!("it is kept"));
        cache.get_or_build(key(0), || vec![0; 300]);
        assert_eq!(cache.use_of().built, built + 1);
    }

    #[test]
    fn what_is_larger_than_the_budget_is_not_kept() {
        let cache = Cache::new(10);
        assert_eq!(cache.get_or_build(key(1), || vec![7; 11]).len(), 11);
        assert_eq!(cache.use_of().bytes, 0);
    }
}
