//! Where each key was written, for problems that are found when what it names is looked at.

use std::collections::BTreeMap;

use super::node::{At, Kind, Node};

/// The place of every key, as problems name it.
#[derive(Clone, Debug, Default)]
pub struct Places {
    file: String,
    keys: BTreeMap<String, At>,
}

impl Places {
    pub(super) fn of(file: &str, root: &Node) -> Self {
        let mut places = Self { file: file.to_owned(), keys: BTreeMap::new() };
        places.add(root, "");
        places
    }

    /// `file:line` of a dotted key, or of what it would stand under; the file alone where nothing of it was written.
    pub fn place(&self, key: &str) -> String {
        let mut rest = key;
        loop {
            if let Some(at) = self.keys.get(rest) {
                return at.label(&self.file);
            }
            match rest.rfind(['.', '[']) {
                Some(end) => rest = rest.get(..end).unwrap_or_default(),
                None => return self.file.clone(),
            }
        }
    }

    fn add(&mut self, node: &Node, path: &str) {
        match &node.kind {
            Kind::Scalar(_) => {}
            Kind::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    let key = format!("{path}[{index}]");
                    self.add(item, &key);
                    self.keys.insert(key, item.at);
                }
            }
            Kind::Map(entries) => {
                for entry in entries {
                    let key = if path.is_empty() { entry.key.clone() } else { format!("{path}.{}", entry.key) };
                    self.add(&entry.value, &key);
                    self.keys.insert(key, entry.at);
                }
            }
        }
    }
}
