//! The cases that are no SQL.

use crate::case::Case;
use crate::harness::raw::{Message, bind, execute, message, parse, query, sync};
use crate::set::Door;

/// Plays it: the greeting, and then all answers.
pub fn play(door: &Door<'_>, case: &Case) -> Vec<Vec<Message>> {
    match case.id.as_str() {
        "P01" => one(door, &fast_path(door, "public.get_ssn(int)", &["1"])),
        "P02" => one(
            door,
            &fast_path(
                door,
                "pg_catalog.query_to_xml(text, boolean, boolean, text)",
                &["SELECT val FROM secrets", "t", "f", ""],
            ),
        ),
        "P04" => {
            at_the_door(door, &[&[("search_path", "hr")], &[("role", "hr_admin")], &[("options", "-c role=hr_admin")]])
        }
        "P05" => at_the_door(door, &[&[("replication", "database")], &[("replication", "true")]]),
        "P07" => {
            let denied = [parse("", "SELECT val FROM secrets"), bind("", "", &[]), execute("", 0)];
            let after = [parse("", "SELECT val FROM secrets"), bind("", "", &[]), execute("", 0), sync()];
            one(door, &[denied.concat(), after.concat()].concat())
        }
        "P08" => {
            let text = parse("", "SELECT query_to_xml($1, true, false, $2)");
            let values = bind("", "", &["SELECT val FROM secrets", ""]);
            one(door, &[text, values, execute("", 0), sync()].concat())
        }
        // Without a limit there is nothing to get around but the refusal.
        "P10" => {
            let portal = [parse("", "SELECT val FROM secrets"), bind("", "", &[])].concat();
            one(door, &[portal, execute("", 1), execute("", 1), sync()].concat())
        }
        "P11" => framing(door),
        "P13" => {
            let statement = query("SELECT val FROM secrets");
            one(door, &[message('d', b"TOPSECRET\n"), message('c', &[]), statement].concat())
        }
        other => panic!("{other}: nobody knows how to play it"),
    }
}

fn one(door: &Door<'_>, bytes: &[u8]) -> Vec<Vec<Message>> {
    let (mut client, welcome) = door.knock(&[]);
    client.send(bytes);
    vec![welcome, client.answer()]
}

fn at_the_door(door: &Door<'_>, attempts: &[&[(&str, &str)]]) -> Vec<Vec<Message>> {
    let opened = attempts.iter().map(|parameters| {
        let (mut client, welcome) = door.knock(parameters);
        if welcome.last().is_some_and(|last| last.tag == 'Z') {
            client.send(&query("SELECT * FROM salaries"));
            return [welcome, client.answer()].concat();
        }
        welcome
    });
    [vec![Vec::new()], opened.collect()].concat()
}

/// A FunctionCall of text arguments.
fn fast_path(door: &Door<'_>, function: &str, arguments: &[&str]) -> Vec<u8> {
    let oid = door.site.keeper.ask(&format!("select '{function}'::regprocedure::oid"));
    let oid: u32 = oid.rows[0][0].as_deref().and_then(|oid| oid.parse().ok()).expect("an OID");
    let count = u16::try_from(arguments.len()).expect("few").to_be_bytes();
    let mut body = [&oid.to_be_bytes()[..], &[0, 0], &count].concat();
    for argument in arguments {
        body.extend_from_slice(&u32::try_from(argument.len()).expect("short").to_be_bytes());
        body.extend_from_slice(argument.as_bytes());
    }
    body.extend_from_slice(&[0, 0]);
    message('F', &body)
}

fn framing(door: &Door<'_>) -> Vec<Vec<Message>> {
    let long = [&b"Q\0\0\0\x80"[..], b"SELECT val FROM secrets\0"].concat();
    let attempts = [
        message('Q', b"SELECT val FROM secrets"),
        message('Q', b"SELECT id FROM orders\0; SELECT val FROM secrets\0"),
        [&b"Q\0\0\0\x0c"[..], b"SELECT val FROM secrets\0"].concat(),
        [&b"Q\0\0\0\x03"[..], b"SELECT val FROM secrets\0"].concat(),
        [long, message('S', &[0; 99])].concat(),
    ];
    let answers = attempts.iter().map(|bytes| one(door, bytes).concat());
    [vec![Vec::new()], answers.collect()].concat()
}
