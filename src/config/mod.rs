//! Configuration. Takes a file, `--set` and the environment, gives a checked [`Config`],
//! refuses with every problem at once, each as `file:line: key.path: what was wrong, what it got`.

mod checked;
mod file;
mod identify;
mod issuer;
mod keys;
mod listener;
mod load;
mod node;
mod opa;
mod overrides;
mod places;
mod plugin;
mod problem;
mod settings;
mod substitute;
mod units;
mod upstream;
mod value;
mod yaml;

pub use checked::{
    Address, Admin, Algorithm, Ask, Audit, AuditRule, BundleLocation, BundleSource, CertificateCheck, Config,
    GroupsClaim, Identify, Issuer, KeySource, Limits, Listener, ListenerTls, MaskKey, SecretSource, Settings, Sidegate,
    Upstream, UpstreamTls,
};
pub use file::{FileVersion, read_file, read_file_aside};
pub use issuer::{is_fetchable, is_same_origin};
pub use places::Places;
pub use problem::{PolicySource, Problem, Problems, Warning};
pub use settings::may_be_allowed;

#[cfg(test)]
mod tests;
