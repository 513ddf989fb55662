use super::ast::Module;
use super::error::RegoError;
use super::parse::parse;

/// A file as the engine gets it.
#[derive(Clone, Debug)]
pub(in crate::bundle) struct Rewritten {
    /// Rego for the engine. Statements stay on the author's lines; columns move.
    pub(in crate::bundle) text: String,
    /// The author's file, for `lint`, `reads` and `entry_rules`.
    pub(in crate::bundle) module: Module,
}

/// Rewrites one file. Call `scan` on it first: the parser needs exponential time for nested literals.
pub(in crate::bundle) fn rewrite(file: &str, source: &str) -> Result<Rewritten, RegoError> {
    let module = parse(file, source)?;
    Ok(Rewritten { text: source.to_owned(), module })
}
