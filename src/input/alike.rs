//! Parts that many sessions have in common.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::Value;

use super::part::Part;
use super::session::shared;

/// Values of one kind that are remembered; the one that was made first is forgotten first.
const REMEMBERED: usize = 16;

/// Bytes of a value that is worth remembering.
const LIGHT: usize = 4 * 1024;

/// What sessions of one listener were made of lately: whoever is like another is made of the same parts, so that they
/// are held, measured and serialised once.
#[derive(Debug, Default)]
pub struct Alike {
    pub(super) callers: Kind,
    pub(super) workloads: Kind,
    pub(super) targets: Kind,
    pub(super) paths: Kind,
}

/// Values that are compared with each other.
#[derive(Debug, Default)]
pub(super) struct Kind(Mutex<VecDeque<Arc<Part>>>);

impl Kind {
    /// The part of this value.
    pub(super) fn part(&self, value: Value) -> Arc<Part> {
        let mut known = self.0.lock();
        if let Some(part) = known.iter().find(|part| *part.value() == value) {
            return Arc::clone(part);
        }
        let part = shared(value);
        if part.size() <= LIGHT {
            if known.len() >= REMEMBERED {
                known.pop_front();
            }
            known.push_back(Arc::clone(&part));
        }
        part
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn equal_values_are_one_part_and_others_are_not() {
        let kind = Kind::default();
        let first = kind.part(json!({"subject": "a", "groups": ["x"]}));
        assert!(Arc::ptr_eq(&first, &kind.part(json!({"subject": "a", "groups": ["x"]}))));
        for other in [json!({"subject": "a", "groups": []}), json!({"subject": "a"}), json!(null)] {
            let part = kind.part(other.clone());
            assert!(!Arc::ptr_eq(&first, &part) && *part.value() == other);
        }
    }

    #[test]
    fn what_is_many_or_long_is_not_held() {
        let kind = Kind::default();
        let long = Arc::downgrade(&kind.part(json!("x".repeat(LIGHT))));
        let first = Arc::downgrade(&kind.part(json!(0)));
        assert!(long.upgrade().is_none() && first.upgrade().is_some());
        (1..=REMEMBERED).for_each(|number| drop(kind.part(json!(number))));
        assert!(first.upgrade().is_none());
    }
}
