use std::time::Duration;

/// How often files are looked at whose contents open sessions rest on.
pub(super) const LOOK: Duration = Duration::from_millis(500);
