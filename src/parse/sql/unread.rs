//! The facts of a statement that could not be read whole: it may do anything.

use std::collections::BTreeSet;

use super::joined;
use super::lexer::{self, Class, Lexeme};
use super::literal;
use super::shape::{self, Lift, Shape};
use crate::parse::definitions::Definitions;
use crate::parse::facts::{Aftermath, Effect, Facts, Unparsed, UnparsedKind};

/// How much of a text was understood before it was given up.
pub(super) enum Understood<'t> {
    /// Nothing: not even where constants begin and end.
    Nothing(&'t str),
    /// Its tokens.
    Tokens(&'t str, &'t [Lexeme]),
}

/// Facts that say: unknown.
pub(super) fn facts(understood: &Understood<'_>, reason: String, kind: UnparsedKind) -> Facts {
    let (text, lexemes) = match *understood {
        Understood::Nothing(text) => (text, [].as_slice()),
        Understood::Tokens(text, lexemes) => (text, lexemes),
    };
    let keyword = match lexemes.iter().find(|lexeme| lexeme.class == Class::Word) {
        Some(word) => word.of(text).chars().take(KEYWORD).collect::<String>().to_ascii_uppercase(),
        None => lexer::first_word(text),
    };
    let sensitive = match *understood {
        Understood::Nothing(text) => mentions_secrets(text),
        Understood::Tokens(text, lexemes) => names_secrets(text, lexemes),
    };
    let mut shape = match *understood {
        // Where constants end is not known, so nothing of the text is safe to show as a shape.
        Understood::Nothing(_) => Shape { normalized: keyword.clone(), lifted: Vec::new() },
        Understood::Tokens(text, lexemes) => shape::shape(text, lexemes, Lift::All),
    };
    if sensitive {
        shape.lifted.clear();
    }
    Facts {
        // An unread statement is never of the shape of one that was read.
        fingerprint: fingerprint(&format!("unparsed {}", shape.normalized)),
        normalized: shape.normalized,
        effects: BTreeSet::from([Effect::Unknown]),
        statements: Vec::new(),
        relations: Vec::new(),
        columns: Vec::new(),
        outputs: None,
        answers: Vec::new(),
        functions: Vec::new(),
        cursors: BTreeSet::new(),
        settings: Vec::new(),
        references: Vec::new(),
        unparsed: Some(Unparsed { keyword, reason, kind }),
        unknown: BTreeSet::from(["sql.relations", "sql.columns", "sql.functions"]),
        lifted: shape.lifted,
        aftermath: Aftermath {
            waits: true,
            names: true,
            defines: Definitions::everything(),
            transaction: true,
            undoes: true,
            prepares: Vec::new(),
            declares: Vec::new(),
            holds: true,
            forgets: true,
            deallocates: None,
            closes: None,
        },
        sensitive,
        placeholders: u16::try_from(shape::highest_parameter(text, lexemes)).unwrap_or(u16::MAX),
        empty: false,
        outdated: false,
        describes: false,
    }
}

/// Facts of the call of a function by its number: which function that is, only the database knows.
pub(in crate::parse) fn function_call(text: &str) -> Facts {
    let reason = "the function call protocol names its function by number: call it in a SELECT".to_owned();
    let mut facts = facts(&Understood::Nothing(text), reason, UnparsedKind::Unreadable);
    // The number is all there is of it, and no constant.
    facts.fingerprint = fingerprint(&format!("unparsed {text}"));
    text.clone_into(&mut facts.normalized);
    if let Some(unparsed) = &mut facts.unparsed {
        "FUNCTION CALL".clone_into(&mut unparsed.keyword);
    }
    facts
}

/// Hex of the first 128 bits of a digest.
pub(super) fn fingerprint(normalized: &str) -> String {
    blake3::hash(normalized.as_bytes()).to_hex().get(..32).unwrap_or_default().to_owned()
}

/// Whether one of the tokens may carry a secret or say that another one does. What a comment says hides nothing.
pub(super) fn names_secrets(text: &str, lexemes: &[Lexeme]) -> bool {
    // One blank between two tokens, so that words which belong together are found whatever stood between them.
    let mut tokens = String::with_capacity(text.len());
    for lexeme in lexemes {
        tokens.push_str(lexeme.of(text));
        tokens.push(' ');
        let hides = matches!(lexeme.class, Class::Escaped | Class::UnicodeText | Class::UnicodeQuoted);
        if hides || !joined::is_plain(text, *lexeme) {
            // `E'pass\x77ord=…'`
            tokens.push_str(&literal::value(text, *lexeme).unwrap_or_default());
            tokens.push(' ');
        }
    }
    mentions_secrets(&tokens)
}

/// Whether a text may carry a secret: a password, or what logs in somewhere else. Nobody searches
/// through what is far over every limit.
fn mentions_secrets(text: &str) -> bool {
    let bytes = text.as_bytes();
    if bytes.len() > SEARCHED {
        return true;
    }
    SECRETS.iter().any(|word| bytes.windows(word.len()).any(|window| window.eq_ignore_ascii_case(word.as_bytes())))
}

const SECRETS: &[&str] = &[
    "password",
    "passwd",
    "secret",
    "connection",
    "user mapping",
    "dblink",
    "passphrase",
    "pgp_sym",
    "primary_conninfo",
    "create server",
    "alter server",
];

const SEARCHED: usize = 1024 * 1024;

/// No keyword of PostgreSQL is longer.
const KEYWORD: usize = 32;
