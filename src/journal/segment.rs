//! Segment files: names, preallocation, locking, and reading them back.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{FallocateFlags, FlockOperation, Mode, OFlags};

use super::JournalError;
use super::record::{self, Decoded, Record};

/// A segment that is written to.
#[derive(Clone, Debug)]
pub(super) struct Segment {
    pub(super) file: Arc<File>,
    pub(super) path: PathBuf,
    /// Bytes of records in it.
    pub(super) length: u64,
    /// Bytes it may hold.
    pub(super) size: u64,
}

impl Segment {
    /// Creates and preallocates a file under a working name; [`Segment::publish`] gives it its own.
    pub(super) fn create(path: PathBuf, size: u64) -> Result<Self, JournalError> {
        remove(&path)?;
        let file = open(&path, OFlags::CREATE | OFlags::EXCL | OFlags::RDWR)?;
        let created = preallocate(&file, size).map_err(|error| JournalError::io("preallocate", &path, &error));
        if let Err(error) = created {
            remove(&path)?;
            return Err(error);
        }
        Ok(Self { file: Arc::new(file), path, length: 0, size })
    }

    /// Opens a segment to go on after `length` bytes of records. What stands behind them, if it is `torn`, is
    /// blanked and not cut off: its space is kept, so that this works on a full disk, too.
    pub(super) fn resume(path: PathBuf, length: u64, torn: bool, size: u64) -> Result<Self, JournalError> {
        let file = open(&path, OFlags::RDWR)?;
        let failed = |error: io::Error| JournalError::io("resume", &path, &error);
        let held = file.metadata().map_err(failed)?.len();
        if torn {
            blank(&file, length, held).map_err(failed)?;
        }
        let size = if held < size && preallocate(&file, size).is_ok() { size } else { held.max(length) };
        file.sync_all().map_err(failed)?;
        Ok(Self { file: Arc::new(file), path, length, size })
    }

    /// Opens a file that an earlier process preallocated and never used; `None` when there is none.
    pub(super) fn unused(path: PathBuf, size: u64) -> Option<Self> {
        let file = open(&path, OFlags::RDWR).ok()?;
        let bytes = read(&path).ok()?;
        let fits = u64::try_from(bytes.len()).is_ok_and(|length| length == size);
        (fits && bytes.iter().all(|byte| *byte == 0)).then(|| Self { file: Arc::new(file), path, length: 0, size })
    }

    /// Renames it to the segment that starts with `first`. The directory is not synced.
    pub(super) fn publish(&mut self, directory: &Path, first: u64) -> Result<(), JournalError> {
        let path = directory.join(format!("{first:020}.segment"));
        std::fs::rename(&self.path, &path).map_err(|error| JournalError::io("rename", &path, &error))?;
        self.path = path;
        Ok(())
    }

    /// Bytes left.
    pub(super) fn room(&self) -> u64 {
        self.size.saturating_sub(self.length)
    }

    /// Writes one sealed record behind the last. A failed write leaves the length alone, so that the
    /// next one overwrites what may have got there.
    pub(super) fn write(&mut self, sealed: &[u8]) -> Result<(), JournalError> {
        self.file
            .write_all_at(sealed, self.length)
            .map_err(|error| JournalError::io("write to", &self.path, &error))?;
        self.length = self.length.saturating_add(u64::try_from(sealed.len()).unwrap_or(u64::MAX));
        Ok(())
    }

    /// Brings its data to the disk.
    pub(super) fn sync(&self) -> Result<(), JournalError> {
        rustix::fs::fdatasync(&*self.file).map_err(|error| JournalError::io("sync", &self.path, &error.into()))
    }

    /// Gives back what was preallocated and not used, and brings all of it to the disk.
    pub(super) fn seal(&self) -> Result<(), JournalError> {
        self.file.set_len(self.length).map_err(|error| JournalError::io("seal", &self.path, &error))?;
        self.sync()
    }
}

/// Creates the directory if it is missing and takes it for this process, until the file is dropped.
pub(super) fn lock(directory: &Path) -> Result<File, JournalError> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .map_err(|error| JournalError::io("create", directory, &error))?;
    let path = directory.join("lock");
    let file = open(&path, OFlags::CREATE | OFlags::RDWR)?;
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(JournalError::Locked { directory: directory.to_owned() }),
        Err(error) => Err(JournalError::io("lock", &path, &error.into())),
    }
}

/// Makes names in the directory durable.
pub(super) fn sync_directory(directory: &Path) -> Result<(), JournalError> {
    File::open(directory)
        .and_then(|file| file.sync_all())
        .map_err(|error| JournalError::io("sync the directory", directory, &error))
}

/// Every segment with the sequence it starts with, oldest first.
pub(super) fn list(directory: &Path) -> Result<Vec<(u64, PathBuf)>, JournalError> {
    let failed = |error: io::Error| JournalError::io("list", directory, &error);
    let mut segments = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(".segment"));
        if let Some(first) = name.filter(|name| name.len() == 20).and_then(|name| name.parse().ok()) {
            segments.push((first, path));
        }
    }
    segments.sort();
    Ok(segments)
}

/// The whole content of a segment.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, JournalError> {
    std::fs::read(path).map_err(|error| JournalError::io("read", path, &error))
}

/// Whether a record starts at `offset`; cheaper than reading the segment to find that none does.
pub(super) fn written_at(path: &Path, offset: usize) -> Result<bool, JournalError> {
    let failed = |error: io::Error| JournalError::io("read", path, &error);
    let file = File::open(path).map_err(failed)?;
    let mut length = [0; 4];
    let read = file.read_at(&mut length, u64::try_from(offset).unwrap_or(u64::MAX)).map_err(failed)?;
    Ok(read > 0 && length != [0; 4])
}

/// Removes a file that may be missing.
pub(super) fn remove(path: &Path) -> Result<(), JournalError> {
    match std::fs::remove_file(path) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(JournalError::io("remove", path, &error)),
    }
}

/// Walks the records of a segment's bytes.
#[derive(Debug)]
pub(super) struct Records<'a> {
    bytes: &'a [u8],
    offset: usize,
    bad: Option<&'static str>,
}

impl<'a> Records<'a> {
    /// Starts at `offset`.
    pub(super) fn new(bytes: &'a [u8], offset: usize) -> Self {
        Self { bytes, offset, bad: None }
    }

    /// How many bytes of whole records were walked.
    pub(super) fn offset(&self) -> usize {
        self.offset
    }

    /// Why the walk ended before the end of what was written; `None` when it did not.
    pub(super) fn bad(&self) -> Option<&'static str> {
        self.bad
    }

    /// Bytes behind the walk.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.offset..).unwrap_or_default()
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Record<'a>;

    fn next(&mut self) -> Option<Record<'a>> {
        match record::decode(self.rest()) {
            Decoded::Record(record, length) => {
                self.offset = self.offset.saturating_add(length);
                Some(record)
            }
            Decoded::End => None,
            Decoded::Bad(reason) => {
                self.bad = Some(reason);
                None
            }
        }
    }
}

fn open(path: &Path, flags: OFlags) -> Result<File, JournalError> {
    rustix::fs::open(path, flags | OFlags::CLOEXEC | OFlags::NOFOLLOW, Mode::RUSR | Mode::WUSR)
        .map(File::from)
        .map_err(|error| JournalError::io("open", path, &error.into()))
}

/// Takes the space at once: a disk that fills up later cannot take it away again.
fn preallocate(file: &File, size: u64) -> io::Result<()> {
    match rustix::fs::fallocate(file, FallocateFlags::empty(), 0, size) {
        Ok(()) => Ok(()),
        Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => fill(file, size),
        Err(error) => Err(error.into()),
    }
}

fn fill(file: &File, size: u64) -> io::Result<()> {
    blank(file, file.metadata()?.len(), size)
}

fn blank(file: &File, from: u64, to: u64) -> io::Result<()> {
    let block = [0_u8; 65536];
    let mut at = from;
    while at < to {
        let left = usize::try_from(to.saturating_sub(at)).unwrap_or(usize::MAX);
        let part = block.get(..left.min(block.len())).unwrap_or(&block);
        file.write_all_at(part, at)?;
        at = at.saturating_add(u64::try_from(part.len()).unwrap_or(u64::MAX));
    }
    Ok(())
}
