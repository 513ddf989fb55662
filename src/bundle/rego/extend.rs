//! Built-ins that the engine answers wrongly, or that a caller's texts could make endless, supplied by us. An
//! extension of a built-in's name is called in its place.

#![expect(clippy::wildcard_enum_match_arm, reason = "arguments are of some kinds, and all others are refused alike")]

#[cfg(test)]
mod agreement;
mod glob;
mod guard;
mod net;
mod objects;
mod print;
mod text;

pub(super) use print::{VERBS, next as directive};

use std::sync::LazyLock;

use regorus::{Engine, Value};
use thiserror::Error;

use super::ast::Pos;
use super::error::{Problem, RegoError};

/// Functions that `extend` adds: name and number of arguments. Part of what `lint` must know.
pub(in crate::bundle) static EXTENSIONS: LazyLock<Vec<(&str, u8)>> =
    LazyLock::new(|| functions().map(|(name, takes, _)| (name, takes)).collect());

type Function = fn(&'static str, &[Value]) -> Result<Value, CallError>;

fn functions() -> impl Iterator<Item = (&'static str, u8, Function)> {
    let own = OWN.iter().map(|(name, takes, function)| (*name, *takes, *function));
    own.chain(guard::GUARDED.iter().map(|guarded| (guarded.name, guarded.takes, guard::call as Function)))
}

const OWN: &[(&str, u8, Function)] = &[
    ("count", 1, text::length),
    ("glob.match", 3, glob::matches),
    ("glob.quote_meta", 1, glob::quote_meta),
    ("indexof", 2, text::index_of),
    ("indexof_n", 2, text::all_indexes_of),
    ("internal.member_3", 3, member),
    ("json.is_valid", 1, text::is_json),
    ("lower", 1, text::lower),
    ("net.cidr_contains", 2, net::cidr_contains),
    ("object.subset", 2, objects::subset),
    ("sprintf", 2, print::sprintf),
    ("strings.count", 2, text::count),
    ("strings.replace_n", 2, text::replace_n),
    ("trace", 1, text::trace),
    ("upper", 1, text::upper),
];

/// Bytes of the longest text that a function makes.
const LARGEST_TEXT: usize = 8 << 20;

/// Adds our functions to an engine. Every engine that evaluates a bundle needs them.
///
/// # Errors
/// The engine has an extension of that name already.
pub(in crate::bundle) fn extend(engine: &mut Engine) -> Result<(), RegoError> {
    for (name, takes, function) in functions() {
        let extension = Box::new(move |arguments: Vec<Value>| function(name, &arguments).map_err(Into::into));
        engine
            .add_extension(name.to_owned(), takes, extension)
            .map_err(|_| RegoError::at("sidegate", Pos::default(), Problem::TakenName { name: name.to_owned() }))?;
    }
    Ok(())
}

/// A call that has no value; evaluation is strict, so it denies.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
enum CallError {
    #[error("`internal.member_3` takes a key, a value and a collection")]
    Member,
    #[error("`{name}` takes {takes}")]
    Types { name: &'static str, takes: &'static str },
    #[error("`{text}` is no CIDR; write an address and a prefix length such as `10.0.0.0/8`")]
    Cidr { text: String },
    #[error("`{text}` is neither an address nor a CIDR")]
    Address { text: String },
    #[error("the pattern of `glob.match` cannot be used: {why}")]
    Glob { why: &'static str },
    #[error("`{name}` is given {what}, which it has no value for")]
    Argument { name: &'static str, what: &'static str },
    #[error("`{name}` would make more than {limit} bytes")]
    TooLarge { name: &'static str, limit: usize },
    #[error("`{name}` would take too many steps")]
    TooLong { name: &'static str },
    #[error("`{name}`: {detail}")]
    Engine { name: &'static str, detail: String },
}

fn strings<'v>(name: &'static str, arguments: &'v [Value]) -> Result<(&'v str, &'v str), CallError> {
    match arguments {
        [Value::String(a), Value::String(b)] => Ok((a, b)),
        _ => Err(CallError::Types { name, takes: "two strings" }),
    }
}

fn string<'v>(name: &'static str, arguments: &'v [Value]) -> Result<&'v str, CallError> {
    match arguments {
        [Value::String(text)] => Ok(text),
        _ => Err(CallError::Types { name, takes: "a string" }),
    }
}

fn whole(number: usize) -> Value {
    Value::from(u64::try_from(number).unwrap_or(u64::MAX))
}

/// `key, value in collection`; what is no collection has no members. Only `rewrite` calls it.
fn member(_: &'static str, arguments: &[Value]) -> Result<Value, CallError> {
    let [key, value, collection] = arguments else {
        return Err(CallError::Member);
    };
    let found = match collection {
        Value::Array(items) => {
            let index = key.as_u64().ok().and_then(|index| usize::try_from(index).ok());
            index.and_then(|index| items.get(index)) == Some(value)
        }
        Value::Object(fields) => fields.get(key) == Some(value),
        Value::Set(members) => key == value && members.contains(key),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Undefined => false,
    };
    Ok(Value::from(found))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(call: &str) -> Result<Value, String> {
        let mut engine = Engine::new();
        extend(&mut engine).expect("a new engine");
        engine.add_policy("p.rego".to_owned(), format!("package p\nx := {call}")).expect("it parses");
        engine.eval_rule("data.p.x".to_owned()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_mapped_address_is_in_the_network_of_its_ipv4_address() {
        for (network, inner, contained) in [
            ("10.0.0.0/8", "10.1.2.3", true),
            ("10.0.0.0/8", "::ffff:10.1.2.3", true),
            ("10.0.0.0/8", "::ffff:11.1.2.3", false),
            ("::ffff:10.0.0.0/104", "10.1.2.3", true),
            ("10.1.2.3/8", "10.9.9.9", true),
            ("::/0", "10.0.0.1", false),
            ("::/0", "::ffff:10.0.0.1", false),
            ("fd00::/8", "fd00::1", true),
            ("10.0.0.0/8", "10.1.0.0/16", true),
            ("10.1.0.0/16", "10.0.0.0/8", false),
        ] {
            let call = format!("net.cidr_contains(\"{network}\", \"{inner}\")");
            assert_eq!(ask(&call), Ok(Value::from(contained)), "{call}");
        }
        for (network, inner) in [("10.0.0.1", "10.0.0.1"), ("10.0.0.0/8", "010.1.2.3"), ("x/8", "10.0.0.1")] {
            assert!(ask(&format!("net.cidr_contains(\"{network}\", \"{inner}\")")).is_err(), "{network}");
        }
        assert!(ask("net.cidr_contains(\"10.0.0.0/8\", 1)").is_err());
    }

    #[test]
    fn a_member_is_found_under_its_key_in_every_kind_of_collection() {
        for (arguments, found) in [
            ("0, 1, [1]", true),
            ("1, 1, [1]", false),
            ("\"0\", 1, [1]", false),
            ("\"a\", 1, {\"a\": 1}", true),
            ("\"a\", 2, {\"a\": 1}", false),
            ("\"a\", \"a\", {\"a\"}", true),
            ("\"a\", \"b\", {\"a\", \"b\"}", false),
            ("0, \"a\", \"a\"", false),
        ] {
            assert_eq!(ask(&format!("internal.member_3({arguments})")), Ok(Value::from(found)), "{arguments}");
        }
    }

    #[test]
    fn occurrences_are_counted_without_overlap() {
        assert_eq!(ask("strings.count(\"aaaa\", \"aa\")"), Ok(Value::from(2_u64)));
        assert_eq!(ask("strings.count(\"é\", \"\")"), Ok(Value::from(2_u64)));
        assert_eq!(ask("strings.count(\"\", \"\")"), Ok(Value::from(1_u64)));
    }
}
