//! A bundle's files as they stand on the disk, before anybody looks into them.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use serde::{Deserialize, Serialize};

use crate::config::BundleLocation;

use super::error::BundleError;
use super::tarball;

/// Bytes of all files of one bundle, inflated.
pub(super) const MAX_BYTES: u64 = 64 << 20;
/// Files of one bundle.
pub(super) const MAX_FILES: usize = 4_096;

/// One file of a bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TextFile {
    /// Path below the bundle, without a leading slash.
    pub(super) path: String,
    /// Its whole text.
    pub(super) text: String,
}

/// What can be known of a bundle without reading it. Two equal listings mean: nothing was written in between.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Listing(BTreeMap<String, Stamp>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    // Unlike the time of modification, nobody can set this one back.
    changed: (i64, i64),
}

/// Lists what a bundle consists of.
///
/// # Errors
/// When something cannot be read, is no regular file, or there is too much of it.
pub(super) fn list(location: &BundleLocation) -> Result<Listing, BundleError> {
    let mut listing = BTreeMap::new();
    match location {
        BundleLocation::Directory(root) => walk(root, "", MAX_DEPTH, &mut 0, &mut listing)?,
        BundleLocation::Tarball(path) => {
            listing.insert(String::new(), stamp(path, &metadata(path)?)?);
        }
    }
    Ok(Listing(listing))
}

/// Reads what was listed.
///
/// # Errors
/// When a file is not what was listed any more, is not text, or the archive is not one that may be read.
pub(super) fn read(location: &BundleLocation, listing: &Listing) -> Result<Vec<TextFile>, BundleError> {
    match location {
        BundleLocation::Directory(root) => {
            let mut budget = MAX_BYTES;
            listing
                .0
                .iter()
                .map(|(path, stamp)| {
                    budget = budget
                        .checked_sub(stamp.size)
                        .ok_or_else(|| BundleError::TooLarge { file: path.clone(), limit: MAX_BYTES })?;
                    text_file(path.clone(), read_file(&root.join(path), *stamp)?)
                })
                .collect()
        }
        BundleLocation::Tarball(path) => {
            let Some(stamp) = listing.0.values().next() else { return Ok(Vec::new()) };
            if stamp.size > MAX_BYTES {
                return Err(BundleError::TooLarge { file: path.display().to_string(), limit: MAX_BYTES });
            }
            tarball::read(path, &read_file(path, *stamp)?)
        }
    }
}

/// Whether a bundle's file of this name means anything.
pub(super) fn is_relevant(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    // Emacs leaves dangling links of this form beside the files it edits.
    let is_policy = name.ends_with(".rego") && !name.starts_with(".#");
    let is_root = matches!(path, ".manifest" | ".manifest.pb" | ".signatures.json" | "patch.json");
    is_policy || is_root || matches!(name, "data.json" | "data.yaml" | "data.yml")
}

/// A file's bytes as text.
///
/// # Errors
/// When they are not UTF-8.
pub(super) fn text_file(path: String, bytes: Vec<u8>) -> Result<TextFile, BundleError> {
    match String::from_utf8(bytes) {
        Ok(text) => Ok(TextFile { path, text }),
        Err(_) => Err(BundleError::NotText { file: path }),
    }
}

/// Lists `below`, at most `depth` directories deep. `seen` bounds the work even where links lead in circles.
fn walk(
    root: &Path,
    below: &str,
    depth: usize,
    seen: &mut usize,
    into: &mut BTreeMap<String, Stamp>,
) -> Result<(), BundleError> {
    let Some(depth) = depth.checked_sub(1) else {
        return Err(BundleError::TooMany { what: "directories below one another", limit: MAX_DEPTH });
    };
    let directory = root.join(below);
    let read_error = |cause| BundleError::Read { path: directory.clone(), cause };
    for entry in fs::read_dir(&directory).map_err(read_error)? {
        *seen = seen.saturating_add(1);
        if *seen > MAX_ENTRIES {
            return Err(BundleError::TooMany { what: "directory entries", limit: MAX_ENTRIES });
        }
        let name = entry.map_err(read_error)?.file_name();
        let name = name.to_str().ok_or_else(|| BundleError::Name { name: name.to_string_lossy().into_owned() })?;
        // Kubernetes keeps the versions of a mounted ConfigMap behind names that begin so.
        if name.starts_with("..") {
            continue;
        }
        let path = if below.is_empty() { name.to_owned() } else { format!("{below}/{name}") };
        let full = root.join(&path);
        let found = match metadata(&full) {
            Ok(found) => found,
            Err(_) if !is_relevant(&path) => continue,
            Err(error) => return Err(error),
        };
        if found.is_dir() {
            if !name.starts_with('.') {
                walk(root, &path, depth, seen, into)?;
            }
        } else if is_relevant(&path) {
            into.insert(path, stamp(&full, &found)?);
            if into.len() > MAX_FILES {
                return Err(BundleError::TooMany { what: "files", limit: MAX_FILES });
            }
        }
    }
    Ok(())
}

fn metadata(path: &Path) -> Result<fs::Metadata, BundleError> {
    fs::metadata(path).map_err(|cause| BundleError::Read { path: path.to_owned(), cause })
}

fn stamp(path: &Path, found: &fs::Metadata) -> Result<Stamp, BundleError> {
    if !found.is_file() {
        return Err(BundleError::NotRegular { path: path.to_owned() });
    }
    Ok(Stamp {
        device: found.dev(),
        inode: found.ino(),
        size: found.size(),
        modified: (found.mtime(), found.mtime_nsec()),
        changed: (found.ctime(), found.ctime_nsec()),
    })
}

fn read_file(path: &Path, listed: Stamp) -> Result<Vec<u8>, BundleError> {
    let error = |cause: std::io::Error| BundleError::Read { path: path.to_owned(), cause };
    // Without NONBLOCK, a pipe put in the file's place would hold the reader for ever.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let handle = rustix::fs::open(path, flags, Mode::empty()).map_err(|errno| error(errno.into()))?;
    let mut file = File::from(handle);
    let opened = stamp(path, &file.metadata().map_err(error)?)?;
    let changed = || BundleError::Changed { path: PathBuf::from(path) };
    if opened != listed {
        return Err(changed());
    }
    let mut bytes = Vec::new();
    file.by_ref().take(listed.size.saturating_add(1)).read_to_end(&mut bytes).map_err(error)?;
    if u64::try_from(bytes.len()) != Ok(listed.size) {
        return Err(changed());
    }
    Ok(bytes)
}

const MAX_DEPTH: usize = 32;
const MAX_ENTRIES: usize = 65_536;
