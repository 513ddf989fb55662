use std::collections::BTreeMap;

use super::ast::Module;
use crate::bundle::reads::Reads;

/// What every rule reads, by rule path (`data.policies.shop.deny`).
pub(in crate::bundle) fn reads(_modules: &[Module]) -> BTreeMap<String, Reads> {
    BTreeMap::new()
}
