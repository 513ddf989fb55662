//! Views of masked relations: their definitions are read as statements are.

use std::sync::Arc;

use super::corridor::Corridor;
use crate::catalog::Snapshot;
use crate::decide::Masks;
use crate::enforce::{self, Views};
use crate::parse::{Encoding, Facts, Names, Quoting, Reading, ReadingLimits, Remembered};

impl Corridor {
    /// What the views do that a statement leads to.
    pub(super) async fn views(&self, facts: &Facts, masks: &Masks, snapshot: &Arc<Snapshot>) -> Views {
        let mut views = Views::default();
        let nothing = Remembered::new();
        for (view, text) in enforce::views_of(facts, masks, snapshot) {
            let reading = Reading {
                quoting: Quoting::Standard,
                encoding: Encoding::Safe,
                names: Names::of_definitions(Arc::clone(snapshot)),
                read_only: true,
                limits: ReadingLimits::default(),
                prepared: &nothing,
                cursors: &nothing,
            };
            views.insert(view, self.lane.reader.statement(text, &reading).await);
        }
        views
    }
}
