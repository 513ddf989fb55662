//! A server whose rows are not what it said that they are: no column that is masked on its way back comes as it is.

use crate::harness::meddler::{Script, Then, cue, meddler};
use crate::harness::raw::{Raw, bind, execute, message, parse, query, sync};
use crate::harness::{Setup, postgres, until};

const POLICY: &str = "package policies.shop\n\nallow contains \"everything\" if true\n\n\
    mask contains {\"column\": \"public.customers.email\", \"with\": {\"hash\": {\"key\": \"masks\"}}} if true\n";

const SECRET: &[u8] = b"c1@example.com";

/// A field of a row: so long as this says, and these bytes.
fn field(length: i32, bytes: &[u8]) -> Vec<u8> {
    [&length.to_be_bytes()[..], bytes].concat()
}

fn row(count: u16, fields: &[Vec<u8>]) -> Vec<u8> {
    message('D', &[count.to_be_bytes().to_vec(), fields.concat()].concat())
}

/// The two columns of the statement, of a table with this number.
fn description(table: u32) -> Vec<u8> {
    let column = |name: &str, table: u32, place: i16| {
        let numbers = [&table.to_be_bytes()[..], &place.to_be_bytes(), &25_u32.to_be_bytes(), &(-1_i16).to_be_bytes()];
        [name.as_bytes(), &[0], &numbers.concat(), &(-1_i32).to_be_bytes(), &[0, 0]].concat()
    };
    message('T', &[2_u16.to_be_bytes().to_vec(), column("email", table, 3), column("?column?", 0, 0)].concat())
}

/// What the server says in place of rows, none of which it described.
fn lies() -> Vec<Vec<u8>> {
    let (secret, other) = (field(14, SECRET), field(1, b"x"));
    let whole = row(2, &[secret.clone(), other.clone()]);
    let mut longer = whole.clone();
    longer[4] += 5;
    let mut shorter = whole.clone();
    shorter[4] -= 3;
    vec![
        // The masked column moves by a field, or by a few bytes.
        row(3, &[other.clone(), secret.clone(), other.clone()]),
        row(2, &[other.clone(), secret.clone(), other.clone()]),
        row(2, &[field(-1, b""), field(-1, b""), secret.clone()]),
        row(2, &[field(-2, SECRET), other.clone()]),
        row(2, &[field(i32::MIN, SECRET), other.clone()]),
        row(2, &[field(i32::MAX, SECRET), other.clone()]),
        row(2, &[field(0, SECRET), other.clone()]),
        row(2, &[field(13, SECRET), other.clone()]),
        row(1, std::slice::from_ref(&secret)),
        row(0, &[secret.clone(), other]),
        message('D', b""),
        message('D', b"\0"),
        // So does the message itself.
        [longer, whole.clone()].concat(),
        [shorter, whole.clone()].concat(),
        [&b"D\0\0\0\x03"[..], &whole].concat(),
        [&b"D\xff\xff\xff\xff"[..], &whole].concat(),
        [&b"D\0\0\0\x04"[..], &whole].concat(),
        // And what is no row.
        message('d', SECRET),
        [message('H', &[0, 0, 1, 0, 0]), message('d', SECRET)].concat(),
        message('V', &field(14, SECRET)),
    ]
}

#[test]
fn rows_that_are_not_as_they_were_described_show_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let key = folder.path().join("key");
    std::fs::write(&key, "0123456789abcdef0123456789abcdefXYZ").expect("the key is written");
    let database = postgres().database();
    let table = postgres().sql(&database, "select 'customers'::regclass::oid").parse().expect("a number");
    let end = [message('C', b"SELECT 1\0"), message('Z', b"I")].concat();
    let ready = [message('1', b""), message('2', b"")].concat();
    // What it says truly is masked; then it lies, and again in answer to what was prepared.
    let truth = row(2, &[field(14, SECRET), field(1, b"x")]);
    let simple = |rows: &Vec<u8>| [description(table), rows.clone(), end.clone()].concat();
    let mut scripts = vec![simple(&truth)];
    scripts.extend(lies().iter().map(simple));
    scripts.extend(lies().iter().map(|rows| [ready.clone(), rows.clone(), end.clone()].concat()));
    let extended_from = 1 + lies().len();
    let scripts: Vec<_> = scripts.into_iter().map(|says| Script { says, then: Then::Waits }).collect();
    let count = scripts.len();
    let keys = format!("keys: {{masks: {{file: {}}}}}", key.display());
    let sidegate = Setup::policy(POLICY).sidegate(&keys).database(&database).upstream(meddler(scripts)).start();
    let open = || Raw::open(sidegate.port, &database);
    until("the catalog", || {
        open().ask(&query("select * from nowhere"));
        (open().ask(&query("select email from customers where id = 1")) == "T D C:SELECT 1 Z:I").then_some(())
    });
    for script in 0..count {
        let text = format!("select email, ({}) from customers where id = 1", cue(script));
        let mut client = open();
        if script < extended_from {
            client.send(&query(&text));
        } else {
            client.send(&[parse("", &text), bind("", "", &[]), execute("", 0), sync()].concat());
        }
        let answer = if script == 0 { client.until_ready() } else { client.until_end() };
        let shown = answer.iter().find(|message| message.body.windows(SECRET.len()).any(|part| part == SECRET));
        assert!(shown.is_none(), "{script}: {answer:?}");
        let masked = answer.iter().filter(|message| message.tag == 'D').count();
        assert!(script > 0 || masked == 1, "{answer:?}");
    }
}
