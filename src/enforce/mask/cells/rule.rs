//! One mask, checked as far as that goes without a column.

use std::sync::{Arc, LazyLock};

use serde_json::Value;

use super::column::Column;
use super::error::CellError;
use super::json::Pointer;
use super::key::Key;
use super::keyring::Keyring;
use super::kind::ColumnType;
use super::masker::{Masker, Partial};
use crate::decide;

/// Most characters of `with`: a value grows by it.
const MOST_WITH: usize = 16;
/// Most paths of one mask.
const MOST_PATHS: usize = 64;

/// A masker, and the parts of a JSON value that it is for.
#[derive(Clone, Debug)]
pub struct Rule {
    pub(super) masker: Masker,
    pub(super) paths: Vec<Pointer>,
    /// The type that the column is read as, where it is not its own.
    pub(super) oid: Option<u32>,
}

impl Rule {
    /// What policy said, with the keys that it names.
    ///
    /// # Errors
    /// A key that is not configured, or a `with` that is too long: the statement is denied, with cause `obligation`.
    pub fn of(masker: &decide::Masker, keys: &Keyring) -> Result<Self, CellError> {
        Self::with(masker, |name| keys.get(name))
    }

    fn with(masker: &decide::Masker, key: impl Fn(&str) -> Result<Arc<Key>, CellError>) -> Result<Self, CellError> {
        let rule = match masker {
            decide::Masker::Null { .. } => Self::null(),
            decide::Masker::Replace { value, .. } => Self::replace(value.clone()),
            decide::Masker::Redact { .. } => Self::redact(),
            decide::Masker::Hash { key: name, .. } => Self::hash(key(name)?),
            decide::Masker::Tokenize { key: name, .. } => Self::tokenize(key(name)?),
            decide::Masker::Partial { keep_first, keep_last, with, .. } => {
                Self::partial(*keep_first, *keep_last, with.as_deref())?
            }
            decide::Masker::Email { .. } => Self::email(),
            decide::Masker::Detect { .. } => Self::detect(),
        };
        rule.within(&masker.paths().iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// NULL, whatever it was.
    pub fn null() -> Self {
        Masker::Null.into()
    }

    /// The same value for all.
    pub fn replace(value: Value) -> Self {
        Masker::Replace(value).into()
    }

    /// `*` for each character, or what says nothing.
    pub fn redact() -> Self {
        Masker::Redact.into()
    }

    /// A digest under a key.
    pub fn hash(key: Arc<Key>) -> Self {
        Masker::Hash(key).into()
    }

    /// Enciphered under a key.
    pub fn tokenize(key: Arc<Key>) -> Self {
        Masker::Tokenize(key).into()
    }

    /// The first and last characters.
    ///
    /// # Errors
    /// `with` is too long or has a NUL.
    pub fn partial(first: Option<u32>, last: Option<u32>, with: Option<&str>) -> Result<Self, CellError> {
        let with = with.unwrap_or("*");
        if with.chars().nth(MOST_WITH).is_some() || with.contains('\0') {
            return Err(CellError::With { most: MOST_WITH });
        }
        let count = |number: Option<u32>| usize::try_from(number.unwrap_or(0)).unwrap_or(usize::MAX);
        Ok(Masker::Partial(Partial { first: count(first), last: count(last), with: with.to_owned() }).into())
    }

    /// `a***@e***.com`.
    pub fn email() -> Self {
        Masker::Email.into()
    }

    /// What is found in it.
    pub fn detect() -> Self {
        Masker::Detect.into()
    }

    /// The same for a column whose type is written like another: an enum or `citext` like `text` (25).
    #[must_use]
    pub fn reading_as(mut self, oid: u32) -> Self {
        self.oid = Some(oid);
        self
    }

    /// The same for parts of a JSON value: JSON Pointers, with `*` for any one step.
    ///
    /// # Errors
    /// A path that does not begin with `/`, or more than 64.
    pub fn within(mut self, paths: &[&str]) -> Result<Self, CellError> {
        if paths.len() > MOST_PATHS {
            return Err(CellError::Paths { most: MOST_PATHS });
        }
        self.paths = paths
            .iter()
            .map(|path| Pointer::of(path).ok_or_else(|| CellError::Path { path: (*path).to_owned() }))
            .collect::<Result<_, _>>()?;
        Ok(self)
    }
}

/// Whether a masker has something for a column of this type. Under which key makes no difference.
///
/// # Errors
/// The type is not known, the masker has no meaning for it, or `replace` has no value of it.
pub fn fits(masker: &decide::Masker, column: ColumnType, name: &str) -> Result<(), CellError> {
    static ANY: LazyLock<Arc<Key>> = LazyLock::new(|| Arc::new(Key::new(&[0; 32])));
    let rule = Rule::with(masker, |_| Ok(Arc::clone(&ANY)))?;
    Column::new(&rule, column, 0, name).map(drop)
}

impl From<Masker> for Rule {
    fn from(masker: Masker) -> Self {
        Self { masker, paths: Vec::new(), oid: None }
    }
}
