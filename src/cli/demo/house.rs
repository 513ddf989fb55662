//! The demo's directory and its children; both end with it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::child::Child;
use super::{DemoError, io, shown};

/// Where everything of one demo lives.
pub(super) struct House {
    path: PathBuf,
    /// Whether the directory is the demo's own and goes with it.
    temporary: bool,
    children: Vec<Child>,
}

impl House {
    /// Makes the directory, which must not hold anything yet.
    pub(super) fn open(directory: Option<&Path>) -> Result<Self, DemoError> {
        let (path, temporary) = match directory {
            Some(path) => (std::path::absolute(path).map_err(io(shown(path)))?, false),
            None => {
                let id = uuid::Uuid::new_v4().simple().to_string();
                let short = id.get(..8).unwrap_or("demo");
                (std::env::temp_dir().join(format!("sidegate-{short}")), true)
            }
        };
        if temporary {
            // Fails where somebody was faster: the name is not taken over.
            fs::create_dir(&path).map_err(io(shown(&path)))?;
        } else {
            fs::create_dir_all(&path).map_err(io(shown(&path)))?;
            if fs::read_dir(&path).map_err(io(shown(&path)))?.next().is_some() {
                let source = std::io::Error::from(std::io::ErrorKind::DirectoryNotEmpty);
                return Err(DemoError::Io { what: shown(&path), source });
            }
        }
        // PostgreSQL may run as somebody else, who has to get through.
        mode(&path, 0o711)?;
        Ok(Self { path, temporary, children: Vec::new() })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// A directory within, for this account alone.
    pub(super) fn directory(&self, name: &str) -> Result<PathBuf, DemoError> {
        let path = self.path.join(name);
        fs::create_dir_all(&path).map_err(io(shown(&path)))?;
        mode(&path, 0o700)?;
        Ok(path)
    }

    /// A file within, for this account alone.
    pub(super) fn file(&self, name: &str, text: &str) -> Result<PathBuf, DemoError> {
        let path = self.path.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(io(shown(parent)))?;
        }
        fs::write(&path, "").map_err(io(shown(&path)))?;
        mode(&path, 0o600)?;
        fs::write(&path, text).map_err(io(shown(&path)))?;
        Ok(path)
    }

    /// Takes a child into care.
    pub(super) fn keep(&mut self, child: Child) {
        self.children.push(child);
    }

    /// Ends the children, the youngest first, and clears up.
    pub(super) async fn close(mut self) {
        while let Some(child) = self.children.pop() {
            child.end().await;
        }
        if self.temporary
            && let Err(error) = fs::remove_dir_all(&self.path)
        {
            super::output::complain(&format!("{}: {error}", shown(&self.path)));
        }
    }
}

pub(super) fn mode(path: &Path, mode: u32) -> Result<(), DemoError> {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(io(shown(path)))
}
