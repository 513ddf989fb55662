//! A statement with its values: what one Query, or one Bind of what was parsed before, asks for.

use std::sync::Arc;

use super::facts::{Effect, Facts};
use super::request::{Parameter, Protocol, Request};
use super::sql::{self, literals};
use super::value;
use crate::wire::postgres::{Frame, FunctionCall};

/// A statement that was parsed before and waits for values.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// Its text.
    pub text: Arc<str>,
    /// What it would do.
    pub facts: Arc<Facts>,
    /// OIDs of its parameters' types, as the client (or the server, asked by sidegate) gave them; 0 and
    /// what is missing is not known.
    pub types: Vec<u32>,
}

/// The values of one Bind.
#[derive(Clone, Copy, Debug)]
pub struct Values<'a> {
    /// As on the wire; `None` is NULL.
    pub values: &'a [Option<&'a [u8]>],
    /// As on the wire: none means text, one is for all, else one a value (0 text, 1 binary).
    pub formats: &'a [i16],
}

/// What a Query asks for. Its parameters are the constants that its text carries.
pub fn simple(frame: Frame, text: Arc<str>, facts: Arc<Facts>) -> Request {
    let parameters = literals(&text, &facts)
        .into_iter()
        .map(|literal| Parameter {
            type_name: literal.type_name.to_owned(),
            decoded: value::is_exact(literal.type_name, &literal.value),
            value: literal.value,
            null: false,
        })
        .collect();
    Request::new(frame, text, facts, Protocol::Simple, parameters)
}

/// The same facts for parameters of these types, as the client gave them. A type that is not
/// PostgreSQL's own may be a domain, whose check runs when the value comes; a value of one for the catalogs' own numbers is
/// the name of anything.
pub fn typed(facts: Arc<Facts>, types: &[u32]) -> Arc<Facts> {
    let is_foreign = types.iter().any(|oid| *oid >= FIRST_USER_OID);
    if facts.unparsed.is_some() || !(is_foreign || types.iter().any(|oid| NAMING.contains(oid))) {
        return facts;
    }
    let mut facts = Facts::clone(&facts);
    let shows_more = facts.effects.contains(&Effect::Procedure) && !facts.describes;
    facts.effects.insert(Effect::Procedure);
    facts.describes = !is_foreign && !shows_more;
    for statement in &mut facts.statements {
        statement.effects.insert(Effect::Procedure);
    }
    if is_foreign {
        facts.aftermath.waits = true;
        facts.aftermath.names = true;
    }
    Arc::new(facts)
}

/// `regproc`, `regprocedure`, `regoper`, `regoperator`, `regclass`, `regtype`, `regconfig`, `regdictionary`, `regnamespace`,
/// `regrole`, `regcollation`, and arrays of them.
const NAMING: [u32; 22] = [
    24, 2202, 2203, 2204, 2205, 2206, 3734, 3769, 4089, 4096, 4191, 1008, 2207, 2208, 2209, 2210, 2211, 3735, 3770,
    4090, 4097, 4192,
];

/// PostgreSQL's own objects have smaller numbers.
const FIRST_USER_OID: u32 = 16_384;

/// What a Parse asks for, before its values are known.
pub fn prepared(frame: Frame, text: Arc<str>, facts: Arc<Facts>) -> Request {
    Request::new(frame, text, facts, Protocol::Extended, Vec::new())
}

/// What an Execute asks for, of a statement that was bound to these values.
pub fn executed(frame: Frame, text: Arc<str>, facts: Arc<Facts>, parameters: Vec<Parameter>) -> Request {
    Request::new(frame, text, facts, Protocol::Extended, parameters)
}

/// What a statement asks for with these values. A value that cannot be read as the server will read
/// it is there with `decoded: false`.
pub fn bound(frame: Frame, statement: &Prepared, values: Values<'_>) -> Request {
    let parameters = values
        .values
        .iter()
        .enumerate()
        .map(|(index, bytes)| {
            let oid = statement.types.get(index).copied().unwrap_or(0);
            value::parameter(oid, format(values, index), *bytes)
        })
        .collect();
    Request::new(frame, Arc::clone(&statement.text), Arc::clone(&statement.facts), Protocol::Extended, parameters)
}

/// What a FunctionCall asks for. Nothing of it is known but the function's number.
pub fn function_call(frame: Frame, call: &FunctionCall<'_>) -> Request {
    let text: Arc<str> = format!("function call {}", call.function).into();
    let facts = Arc::new(sql::function_call(&text));
    let parameters = call.arguments.iter().map(|bytes| value::parameter(UNTOLD, None, *bytes)).collect();
    Request::new(frame, text, facts, Protocol::FunctionCall, parameters)
}

/// The OID of a type that nobody told.
const UNTOLD: u32 = 0;

/// The format of one value; `None` where the message does not say, which the server refuses.
fn format(values: Values<'_>, index: usize) -> Option<i16> {
    match values.formats {
        [] => Some(0),
        [all] => Some(*all),
        each if each.len() == values.values.len() => each.get(index).copied(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::sql::{Encoding, Names, Quoting, Reader, Reading, ReadingLimits, Remembered, Stack};
    use super::*;
    use serde_json::json;

    fn read(text: &str) -> Arc<Facts> {
        let nothing = Remembered::new();
        Reader::new(1, 0, Stack::Ordinary).unwrap().statement_blocking(
            text,
            &Reading {
                quoting: Quoting::Standard,
                encoding: Encoding::Safe,
                names: Names::Uncertain,
                read_only: true,
                limits: ReadingLimits::default(),
                prepared: &nothing,
                cursors: &nothing,
            },
        )
    }

    fn frame() -> Frame {
        Frame::build(b'Q', b"").unwrap()
    }

    #[test]
    fn the_parameters_of_a_query_are_its_constants() {
        let text = "select * from t where a = 'x' and b > 12345678901234567890";
        let request = simple(frame(), text.into(), read(text));
        let seen: Vec<_> = request.parameters().iter().map(|p| (p.type_name.as_str(), &p.value, p.decoded)).collect();
        assert_eq!(seen, [("text", &json!("x"), true), ("numeric", &json!("12345678901234567890"), false)]);
    }

    #[test]
    fn bound_values_are_decoded_by_their_declared_types() {
        let text = "select $1, $2, $3";
        let prepared = Prepared { text: text.into(), facts: read(text), types: vec![23, 0] };
        let values = [Some([0, 0, 0, 7].as_slice()), Some(b"x".as_slice()), None];
        let request = bound(frame(), &prepared, Values { values: &values, formats: &[1, 0, 0] });
        let [first, second, third] = request.parameters() else { panic!("three values") };
        assert_eq!((first.type_name.as_str(), &first.value, first.decoded), ("int4", &json!(7), true));
        assert_eq!((second.type_name.as_str(), &second.value, second.decoded), ("unknown", &json!("x"), false));
        assert_eq!((third.null, third.decoded), (true, true));
    }

    #[test]
    fn a_parameter_of_a_type_that_names_things_may_name_any() {
        let of = |text: &str, oid: u32| typed(read(text), &[oid]);
        for oid in [2205, 24, 2210] {
            let facts = of("select $1", oid);
            assert!(facts.effects.contains(&Effect::Procedure) && facts.describes && !facts.aftermath.names, "{oid}");
        }
        assert!(!of("select $1, pg_sleep(1)", 2205).describes);
        assert!(!of("select $1", 16_385).describes && of("select $1", 16_385).aftermath.names);
        assert_eq!(of("select $1", 25).effects, read("select $1").effects);
    }

    #[test]
    fn of_a_function_call_only_the_number_is_known() {
        let call = |function, arguments| FunctionCall { function, formats: vec![], arguments, result_format: 0 };
        let request = function_call(frame(), &call(957, vec![Some(b"1".as_slice())]));
        assert_eq!((request.text(), request.protocol()), ("function call 957", Protocol::FunctionCall));
        let facts = request.facts();
        assert_eq!(facts.unparsed.as_ref().unwrap().keyword, "FUNCTION CALL");
        assert!(facts.effects.contains(&Effect::Unknown) && facts.aftermath.waits && facts.aftermath.names);
        assert!(request.parameters().iter().all(|parameter| !parameter.decoded));
        let other = function_call(frame(), &call(958, vec![]));
        assert_ne!(other.facts().fingerprint, facts.fingerprint);
    }

    #[test]
    fn formats_that_do_not_fit_the_values_decode_nothing() {
        let text = "select $1, $2, $3";
        let prepared = Prepared { text: text.into(), facts: read(text), types: vec![25, 25, 25] };
        let values = [Some(b"x".as_slice()); 3];
        let request = bound(frame(), &prepared, Values { values: &values, formats: &[0, 0] });
        assert!(request.parameters().iter().all(|parameter| !parameter.decoded));
    }
}
