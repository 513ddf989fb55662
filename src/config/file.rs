//! Reading the files that a configuration names: regular ones only, up to a size. A pipe or a device in the place of one
//! is refused, never waited for.

use std::fs::OpenOptions;
use std::io::{self, Error, ErrorKind, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::{Duration, SystemTime};

use rustix::fs::OFlags;
use zeroize::Zeroizing;

/// Which file a path leads to, and since when: one that was replaced or written has another one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileVersion {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

/// Far more than what the clocks of file systems do not tell apart.
const MOMENT: Duration = Duration::from_secs(1);

impl FileVersion {
    /// The version that a path leads to now. It asks the system and no disk that it could wait for, other than a
    /// network's.
    ///
    /// # Errors
    /// The system's.
    pub fn of(path: &Path) -> io::Result<Self> {
        let file = std::fs::metadata(path)?;
        Ok(Self {
            device: file.dev(),
            inode: file.ino(),
            size: file.size(),
            modified: (file.mtime(), file.mtime_nsec()),
            changed: (file.ctime(), file.ctime_nsec()),
        })
    }

    /// Whether whatever is written from now on gives another version: not where something was written a moment ago.
    pub fn is_settled(&self) -> bool {
        let Ok(seconds) = u64::try_from(self.changed.0) else { return false };
        let changed = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds));
        let passed = changed.and_then(|changed| SystemTime::now().duration_since(changed).ok());
        // The second that it was changed in is over for as long.
        passed.is_some_and(|passed| passed >= 2 * MOMENT)
    }
}

/// The contents of a file of at most `most` bytes.
///
/// # Errors
/// The system's; it is no regular file, or larger.
pub fn read_file(path: &Path, most: usize) -> io::Result<Zeroizing<Vec<u8>>> {
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or(0);
    // A pipe without a writer would keep whoever opens it.
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(Error::new(ErrorKind::InvalidInput, "it is not a regular file"));
    }
    let too_large = || Error::new(ErrorKind::FileTooLarge, format!("it is larger than {most} bytes"));
    let size = usize::try_from(metadata.len()).ok().filter(|size| *size <= most).ok_or_else(too_large)?;
    // Of full size from the beginning: a buffer that grows leaves copies of secrets behind.
    let mut contents = Zeroizing::new(Vec::with_capacity(size.saturating_add(1)));
    file.take(u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1)).read_to_end(&mut contents)?;
    if contents.len() > most { Err(too_large()) } else { Ok(contents) }
}

/// The same for those who must not wait for a disk.
///
/// # Errors
/// As [`read_file`].
pub async fn read_file_aside(path: &Path, most: usize) -> io::Result<Zeroizing<Vec<u8>>> {
    let path = path.to_owned();
    tokio::task::spawn_blocking(move || read_file(&path, most)).await.map_err(Error::other)?
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    #[tokio::test]
    async fn a_file_is_read_whole_and_what_is_none_is_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("small"), "12345678").unwrap();
        std::fs::write(path("empty"), "").unwrap();
        std::os::unix::fs::symlink(path("small"), path("link")).unwrap();
        for name in ["small", "link"] {
            assert_eq!(&read_file(&path(name), 8).unwrap()[..], b"12345678");
            assert_eq!(read_file(&path(name), 7).unwrap_err().to_string(), "it is larger than 7 bytes");
        }
        assert!(read_file(&path("empty"), 0).unwrap().is_empty());
        let made = std::process::Command::new("mkfifo").arg(path("pipe")).status().unwrap();
        assert!(made.success());
        let began = Instant::now();
        for odd in [path("pipe"), folder.path().to_owned(), "/dev/zero".into(), "/proc/self/fd".into()] {
            let error = read_file_aside(&odd, 1 << 20).await.unwrap_err();
            assert_eq!(error.to_string(), "it is not a regular file", "{}", odd.display());
        }
        assert!(began.elapsed() < Duration::from_secs(5));
        assert_eq!(read_file(&path("none"), 1).unwrap_err().kind(), ErrorKind::NotFound);
        assert!(read_file(Path::new("/proc/self/status"), 1).is_err(), "a file that says it has no bytes and has some");
    }
}
