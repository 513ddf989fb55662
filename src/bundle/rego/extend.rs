//! Built-ins that the engine lacks or answers wrongly, supplied by us.

use regorus::Engine;

/// Functions that `extend` adds: name and number of arguments. Part of what `lint` must know.
pub(in crate::bundle) const EXTENSIONS: &[(&str, u8)] = &[];

/// Adds our functions to an engine. Every engine that evaluates a bundle needs them.
///
/// # Errors
/// The engine refuses a name that it has already.
pub(in crate::bundle) fn extend(_engine: &mut Engine) -> Result<(), String> {
    Ok(())
}
