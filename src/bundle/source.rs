//! When a bundle's files are taken: two equal listings an interval apart, and an equal one after reading.

use crate::config::BundleSource;

use super::files::{self, Listing, TextFile};

/// One configured bundle and what was last seen of it.
#[derive(Debug)]
pub(super) struct Source {
    bundle: BundleSource,
    seen: Option<Seen>,
    taken: Option<Seen>,
}

/// A listing, or why there is none.
type Seen = Result<Listing, String>;

impl Source {
    pub(super) fn new(bundle: BundleSource) -> Self {
        Self { bundle, seen: None, taken: None }
    }

    /// Looks once; to be called an interval apart. Gives a whole version, or why there is none, once each.
    pub(super) fn look(&mut self) -> Option<Result<Vec<TextFile>, String>> {
        let now = self.list();
        if self.taken.as_ref() == Some(&now) {
            self.seen = None;
            return None;
        }
        if self.seen.as_ref() != Some(&now) {
            self.seen = Some(now);
            return None;
        }
        let read = match &now {
            Ok(listing) => files::read(&self.bundle.location, listing).map_err(|error| error.to_string()),
            Err(text) => Err(text.clone()),
        };
        let after = self.list();
        if after != now {
            self.seen = Some(after);
            return None;
        }
        self.seen = None;
        self.taken = Some(now);
        Some(read)
    }

    fn list(&self) -> Seen {
        files::list(&self.bundle.location).map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests;
