//! Refusing in sync. The refused message is replaced with one that must fail, the server
//! reports that failure where the refused message's would have stood, and that report is
//! rewritten: ordering, transaction state and skip-to-Sync stay the server's own.

use crate::wire::postgres::{Bind, Execute, Frame, FunctionCall, Parse, Query};

/// A message that must fail on the server, in place of one that was refused.
#[derive(Debug)]
pub struct Poison(Frame);

impl Poison {
    /// The message to send.
    pub fn into_frame(self) -> Frame {
        self.0
    }
}

/// The name that no statement or portal has: quotes in it would need escaping in SQL, and the
/// process draws it at random, so a client can neither create nor guess it.
fn nowhere() -> String {
    use std::sync::LazyLock;
    static NAME: LazyLock<String> = LazyLock::new(|| format!("sidegate refused {}", uuid::Uuid::new_v4()));
    NAME.clone()
}

/// Substitutes the message with `tag`. `statement` is the name a refused Parse would have given,
/// where it is known: a failing Parse of the unnamed statement drops it, one of a named does not.
/// `None` for messages that are never judged.
pub fn poison(tag: u8, statement: Option<&str>) -> Option<Poison> {
    let nowhere = nowhere();
    let frame = match tag {
        // No SQL grammar of any version accepts two closing brackets first, so neither an aborted
        // transaction nor a multi-statement text changes that this fails to parse.
        b'Q' => Query { sql: b"))" }.encode(),
        b'P' => {
            let name = statement.unwrap_or(&nowhere).as_bytes();
            Parse { name, sql: b"))", types: Vec::new() }.encode()
        }
        b'B' => Bind {
            portal: b"",
            statement: nowhere.as_bytes(),
            formats: Vec::new(),
            values: Vec::new(),
            result_formats: Vec::new(),
        }
        .encode(),
        b'E' => Execute { portal: nowhere.as_bytes(), max_rows: 0 }.encode(),
        // OID 0 is no function's.
        b'F' => FunctionCall { function: 0, formats: Vec::new(), arguments: Vec::new(), result_format: 0 }.encode(),
        _ => return None,
    };
    frame.ok().map(Poison)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_judged_message_has_a_poison_of_its_own_kind() {
        for tag in *b"QPBEF" {
            let poison = poison(tag, None).expect("it is judged");
            assert_eq!(poison.into_frame().tag(), tag);
        }
        for tag in *b"DCSHXdcfp" {
            assert!(poison(tag, None).is_none(), "{} is never judged", char::from(tag));
        }
    }

    #[test]
    fn a_refused_parse_fails_under_its_own_name() {
        let frame = poison(b'P', Some("by-id")).expect("it is judged").into_frame();
        assert_eq!(Parse::decode(frame.body()).expect("it is a Parse").name, b"by-id");
        let frame = poison(b'P', Some("")).expect("it is judged").into_frame();
        assert_eq!(Parse::decode(frame.body()).expect("it is a Parse").name, b"");
    }

    #[test]
    fn nobody_can_name_what_a_poison_asks_for() {
        let frame = poison(b'E', None).expect("it is judged").into_frame();
        let execute = Execute::decode(frame.body()).expect("it is an Execute");
        assert!(execute.portal.starts_with(b"sidegate refused "));
    }
}
