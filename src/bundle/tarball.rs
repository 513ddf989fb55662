//! A bundle in a `.tar.gz`, read in memory: nothing in it can name a place on the disk.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;
use tar::{Archive, Entry};

use super::error::BundleError;
use super::files::{self, MAX_BYTES, MAX_FILES, TextFile};

/// Reads an archive to its very end, so that a cut one is noticed.
///
/// # Errors
/// For links, devices, names that lead elsewhere, names given twice, too many files or bytes, more than a
/// hundredfold inflation, and anything that is not a whole archive.
pub(super) fn read(path: &Path, compressed: &[u8]) -> Result<Vec<TextFile>, BundleError> {
    let broken = |cause| BundleError::Archive { path: path.to_owned(), cause };
    let mut archive = Archive::new(Inflated::new(compressed));
    let mut files = BTreeMap::new();
    let mut entries: usize = 0;
    for entry in archive.entries().map_err(broken)? {
        let mut entry = entry.map_err(broken)?;
        entries = entries.saturating_add(1);
        if entries > MAX_FILES {
            return Err(BundleError::TooMany { what: "files", limit: MAX_FILES });
        }
        let Some(name) = checked_name(&entry)? else { continue };
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).map_err(broken)?;
        if u64::try_from(bytes.len()) != Ok(entry.size()) {
            return Err(broken(io::ErrorKind::UnexpectedEof.into()));
        }
        let file = files::is_relevant(&name).then(|| files::text_file(name.clone(), bytes)).transpose()?;
        if files.insert(name.clone(), file).is_some() {
            return Err(BundleError::ArchiveTwice { name });
        }
    }
    io::copy(&mut archive.into_inner(), &mut io::sink()).map_err(broken)?;
    Ok(files.into_values().flatten().collect())
}

/// The name of a regular file; `None` for what holds no file and does no harm.
fn checked_name<R: Read>(entry: &Entry<'_, R>) -> Result<Option<String>, BundleError> {
    let bytes = entry.path_bytes();
    let name = std::str::from_utf8(&bytes)
        .map_err(|_| BundleError::Name { name: String::from_utf8_lossy(&bytes).into_owned() })?;
    let kind = entry.header().entry_type();
    if kind.is_dir() || kind.is_pax_global_extensions() {
        return Ok(None);
    }
    if !kind.is_file() {
        return Err(BundleError::ArchiveEntry { name: name.to_owned() });
    }
    // `opa build` writes names with a leading slash; there is no disk for it to lead to.
    let trimmed = name.strip_prefix("./").or_else(|| name.strip_prefix('/')).unwrap_or(name);
    let strange = |part: &str| part.is_empty() || part == "." || part == "..";
    if trimmed.contains(['\\', '\0']) || trimmed.split('/').any(strange) {
        return Err(BundleError::ArchiveName { name: name.to_owned() });
    }
    Ok(Some(trimmed.to_owned()))
}

/// Inflates, and fails before it has given too much.
struct Inflated<'a> {
    decoder: MultiGzDecoder<&'a [u8]>,
    allowed: u64,
    given: u64,
}

impl<'a> Inflated<'a> {
    fn new(compressed: &'a [u8]) -> Self {
        let length = u64::try_from(compressed.len()).unwrap_or(u64::MAX);
        // A small archive is mostly padding, so a ratio says nothing about it.
        let allowed = length.saturating_mul(MAX_RATIO).clamp(RATIO_FLOOR, MAX_BYTES);
        Self { decoder: MultiGzDecoder::new(compressed), allowed, given: 0 }
    }
}

impl Read for Inflated<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.decoder.read(buffer)?;
        self.given = self.given.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
        if self.given > self.allowed {
            let text = format!("it inflates to more than {} bytes (64 MiB and a hundredfold at most)", self.allowed);
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        Ok(read)
    }
}

const MAX_RATIO: u64 = 100;
const RATIO_FLOOR: u64 = 1 << 20;

#[cfg(test)]
mod tests;
