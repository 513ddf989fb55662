//! Built-ins that the engine answers wrongly, supplied by us. An extension of a built-in's name
//! is called in its place.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};
use regorus::{Engine, Value};
use thiserror::Error;

use super::ast::Pos;
use super::error::{Problem, RegoError};

/// Functions that `extend` adds: name and number of arguments. Part of what `lint` must know.
pub(in crate::bundle) const EXTENSIONS: &[(&str, u8)] =
    &[("net.cidr_contains", 2), ("strings.count", 2), ("internal.member_3", 3)];

/// Adds our functions to an engine. Every engine that evaluates a bundle needs them.
///
/// # Errors
/// The engine has an extension of that name already.
pub(in crate::bundle) fn extend(engine: &mut Engine) -> Result<(), RegoError> {
    let functions: [Function; 3] = [cidr_contains, count, member];
    for ((name, arguments), function) in EXTENSIONS.iter().zip(functions) {
        let extension = Box::new(move |arguments: Vec<Value>| function(&arguments).map_err(Into::into));
        engine
            .add_extension((*name).to_owned(), *arguments, extension)
            .map_err(|_| RegoError::at("sidegate", Pos::default(), Problem::TakenName { name: (*name).to_owned() }))?;
    }
    Ok(())
}

type Function = fn(&[Value]) -> Result<Value, CallError>;

/// A call that has no value; evaluation is strict, so it denies.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
enum CallError {
    #[error("`internal.member_3` takes a key, a value and a collection")]
    Member,
    #[error("`{name}` takes two strings")]
    Types { name: &'static str },
    #[error("`{text}` is no CIDR; write an address and a prefix length such as `10.0.0.0/8`")]
    Cidr { text: String },
    #[error("`{text}` is neither an address nor a CIDR")]
    Address { text: String },
}

fn strings<'v>(name: &'static str, arguments: &'v [Value]) -> Result<(&'v str, &'v str), CallError> {
    match arguments {
        [Value::String(a), Value::String(b)] => Ok((a, b)),
        _ => Err(CallError::Types { name }),
    }
}

/// `net.cidr_contains`, with IPv4-mapped IPv6 addresses (`::ffff:10.0.0.1`) taken for the IPv4
/// addresses that they are. The engine's own lets them past a block-list.
fn cidr_contains(arguments: &[Value]) -> Result<Value, CallError> {
    let (network, inner) = strings("net.cidr_contains", arguments)?;
    let network = cidr(network)?;
    let contained = if inner.contains('/') {
        network.contains(&cidr(inner)?)
    } else {
        let address: IpAddr = inner.parse().map_err(|_| CallError::Address { text: inner.to_owned() })?;
        network.contains(&address.to_canonical())
    };
    Ok(Value::from(contained))
}

fn cidr(text: &str) -> Result<IpNet, CallError> {
    let wrong = || CallError::Cidr { text: text.to_owned() };
    let network: IpNet = text.parse().map_err(|_| wrong())?;
    match (network.addr().to_canonical(), network.prefix_len().checked_sub(96)) {
        (IpAddr::V4(address), Some(length)) if network.addr().is_ipv6() => {
            Ipv4Net::new(address, length).map(IpNet::V4).map_err(|_| wrong())
        }
        (IpAddr::V4(_) | IpAddr::V6(_), _) => Ok(network),
    }
}

/// `strings.count`: occurrences that do not overlap. The engine counts overlapping ones, and
/// panics on an empty search text.
fn count(arguments: &[Value]) -> Result<Value, CallError> {
    let (text, search) = strings("strings.count", arguments)?;
    let count = if search.is_empty() { text.chars().count().saturating_add(1) } else { text.matches(search).count() };
    Ok(Value::from(u64::try_from(count).unwrap_or(u64::MAX)))
}

/// `key, value in collection`; what is no collection has no members. Only `rewrite` calls it.
fn member(arguments: &[Value]) -> Result<Value, CallError> {
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
