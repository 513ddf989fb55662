//! Configuration. Takes a file, `--set` and the environment, gives a checked [`Config`],
//! refuses with every problem at once, each as `file:line: key.path: what was wrong, what it got`.

mod checked;

pub use checked::{
    Address, Admin, Audit, AuditRule, BundleLocation, BundleSource, Config, Identify, Ignored, Limits, Listener,
    SecretSource, Settings, Sidegate, Upstream,
};
