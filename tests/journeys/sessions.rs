//! What a session is made of: pins, names, notifications, cancels, large answers.

use crate::harness::raw::{Raw, bind, close, execute, flush, message, parse, query, spell, startup, sync};
use crate::harness::{Setup, Sidegate, postgres, said, until};

fn open(sidegate: &Sidegate) -> Raw {
    Raw::open(sidegate.port, &sidegate.database)
}

#[test]
fn reset_returns_to_the_pins() {
    let sidegate = Setup::open().start();
    let script = ["set search_path = pg_catalog", "show search_path", "reset search_path", "show search_path"];
    let arguments: Vec<_> = script.iter().flat_map(|sql| ["-c", sql]).chain(["-c", "discard all"]).collect();
    let text = said(&sidegate.psql(&[&arguments[..], &["-c", "show search_path"]].concat()));
    assert_eq!(text, "SET\npg_catalog\nRESET\npublic, pg_temp\nDISCARD ALL\npublic, pg_temp\n");
}

#[test]
fn free_settings_switch_the_pins_off_and_leave_no_name_certain() {
    let sidegate = Setup::open().free_settings().start();
    assert_eq!(said(&sidegate.psql(&["-c", "show search_path"])), "\"$user\", public\n");
    assert_eq!(said(&sidegate.psql(&["-c", "select id from customers where id = 1"])), "1\n");
    let event = sidegate.event_of("select id from customers where id = 1");
    assert_eq!(event["input"]["sql"]["relations"][0]["id"], "?.customers");
    let unknown: Vec<_> = event["input"]["unknown"].as_array().expect("a list").iter().collect();
    assert!(unknown.iter().any(|path| *path == "sql.relations"), "{unknown:?}");
}

#[test]
fn names_are_certain_until_something_ran_that_could_change_them() {
    let sidegate = Setup::open().start();
    let mut client = open(&sidegate);
    client.ask(&query("select 1 from orders limit 1"));
    client.ask(&query("create temp table scratch (id int)"));
    client.ask(&query("select 2 from orders limit 1"));
    let relation = |sql: &str| sidegate.event_of(sql)["input"]["sql"]["relations"][0]["id"].clone();
    assert_eq!(relation("select 1 from orders limit 1"), "public.orders");
    assert_eq!(relation("select 2 from orders limit 1"), "?.orders");
}

#[test]
fn a_notification_reaches_a_client_that_only_waits() {
    let sidegate = Setup::open().start();
    let mut listener = open(&sidegate);
    assert_eq!(listener.ask(&query("listen news")), "C:LISTEN Z:I");
    let mut speaker = open(&sidegate);
    assert_eq!(speaker.ask(&query("notify news, 'hello'")), "C:NOTIFY Z:I");
    let message = listener.next().expect("it is told");
    assert_eq!(message.tag, 'A');
    assert!(String::from_utf8_lossy(&message.body).contains("hello"));
}

#[test]
fn only_the_right_key_cancels() {
    let sidegate = Setup::open().start();
    let mut client = Raw::silent(sidegate.port);
    client.send(&startup(&[("user", "alice"), ("database", &sidegate.database)]));
    let welcome = client.until_ready();
    let key = welcome.iter().find(|message| message.tag == 'K').expect("a key").body.clone();
    let cancel = |key: &[u8]| {
        let mut request = 16_u32.to_be_bytes().to_vec();
        request.extend_from_slice(&80_877_102_u32.to_be_bytes());
        request.extend_from_slice(key);
        let mut client = Raw::silent(sidegate.port);
        client.send(&request);
        assert!(client.until_end().is_empty(), "nobody learns whether there was something to cancel");
    };
    client.send(&query("select pg_sleep(1)"));
    let mut wrong = key.clone();
    wrong[7] ^= 1;
    cancel(&wrong);
    assert_eq!(spell(&client.until_ready()), "T D C:SELECT 1 Z:I");
    client.send(&query("select pg_sleep(60)"));
    until("the statement to be cancelled", || {
        cancel(&key);
        client.answers_within(std::time::Duration::from_millis(300)).then_some(())
    });
    let told = spell(&client.until_ready());
    assert!(told.ends_with("E:57014 Z:I"), "{told}");
}

#[test]
fn a_large_answer_streams_through_little_memory() {
    let sidegate = Setup::open().start();
    let mut client = open(&sidegate);
    client.send(&query("select repeat('x', 1000000) from generate_series(1, 200)"));
    let mut rows = 0;
    while let Some(message) = client.next() {
        match message.tag {
            'D' => rows += 1,
            'Z' => break,
            _ => {}
        }
        // The largest row is a megabyte; the process is a debug build with policy and threads in it.
        if rows == 100 {
            let kib = sidegate.resident();
            assert!(kib < 150_000, "{kib} KiB");
        }
    }
    assert_eq!(rows, 200);
    let event = sidegate.event("its event", |event| event["custom"]["sidegate"]["rows"] == 200);
    assert!(event["custom"]["sidegate"]["bytes"].as_u64().is_some_and(|bytes| bytes > 200_000_000));
}

/// A write that nobody asks the answer of, and so nobody commits.
fn withheld(id: u32) -> Vec<u8> {
    [parse("", &format!("insert into payroll values ({id}, 1)")), bind("", "", &[]), execute("", 0)].concat()
}

fn written(sidegate: &Sidegate) -> String {
    postgres().sql(&sidegate.database, "select count(*) from payroll where id >= 900")
}

#[test]
fn a_client_that_keeps_its_sync_back_is_idle() {
    let sidegate = Setup::open().listener("limits: {idle: 1s}").start();
    let mut clients: Vec<_> = (0..5).map(|_| open(&sidegate)).collect();
    let slow = [parse("", "select pg_sleep(3)"), bind("", "", &[]), execute("", 0)].concat();
    // In the middle of data for no COPY a Flush would be data, and the data's end a message.
    let amid = [close("a"), message('d', &[b'x'; 100])[..50].to_vec()].concat();
    let copied = [parse("", "copy payroll from stdin"), bind("", "", &[]), execute("", 0)].concat();
    let copied = [copied, message('d', b"901\t1\n"), message('c', b"")].concat();
    let cases = [
        (close("a"), "3 E:57P05"),
        (withheld(900), "1 2 C:INSERT 0 1 E:57P05"),
        (slow, "1 2 D C:SELECT 1 E:57P05"),
        (amid, "E:57P05"),
        (copied, "1 2 G C:COPY 1 E:57P05"),
    ];
    for (client, (sent, _)) in clients.iter_mut().zip(&cases) {
        client.send(sent);
    }
    for (client, (_, told)) in clients.iter_mut().zip(&cases) {
        assert_eq!(spell(&client.until_end()), *told);
    }
    assert_eq!(written(&sidegate), "0", "nobody sent a Sync");
}

#[test]
fn a_client_that_is_silent_in_a_copy_is_idle() {
    let sidegate = Setup::open().listener("limits: {idle: 1s}").start();
    let copy = || query("copy payroll from stdin");
    let extended = [parse("", "copy payroll from stdin"), bind("", "", &[]), execute("", 0), sync()].concat();
    let row = || message('d', b"901\t1\n");
    let cases = [
        (copy(), "G E:57P05"),
        ([query("begin"), copy(), row()].concat(), "C:BEGIN Z:T G E:57P05"),
        ([copy(), row(), row()[..7].to_vec()].concat(), "G E:57P05"),
        ([extended, row()].concat(), "1 2 G E:57P05"),
    ];
    let mut clients: Vec<_> = cases.iter().map(|_| open(&sidegate)).collect();
    for (client, (sent, _)) in clients.iter_mut().zip(&cases) {
        client.send(sent);
    }
    for (client, (_, told)) in clients.iter_mut().zip(&cases) {
        assert_eq!(spell(&client.until_end()), *told);
    }
    let copying = format!(
        "select count(*) from pg_stat_activity where datname = '{}' and query like 'copy payroll%'",
        sidegate.database
    );
    until("the server to know", || (postgres().sql(&sidegate.database, &copying) == "0").then_some(()));
    assert_eq!(written(&sidegate), "0", "nobody ended the data");
}

#[test]
fn a_copy_whose_data_comes_slowly_goes_on() {
    let sidegate = Setup::open().listener("limits: {idle: 1s}").start();
    let mut client = open(&sidegate);
    client.send(&query("copy payroll from stdin"));
    assert_eq!(client.next().map(|answer| answer.tag), Some('G'));
    for id in 901..906 {
        client.send(&message('d', format!("{id}\t1\n").as_bytes()));
        assert!(!client.answers_within(std::time::Duration::from_millis(400)), "it is still wanted");
    }
    assert_eq!(client.ask(&message('c', b"")), "C:COPY 5 Z:I");
    assert_eq!(written(&sidegate), "5");
}

#[test]
fn a_client_that_keeps_its_sync_back_does_not_hold_the_end_up() {
    let mut sidegate = Setup::open().start();
    let mut client = open(&sidegate);
    client.send(&withheld(900));
    let ran = format!(
        "select count(*) from pg_stat_activity where datname = '{}' and query like 'insert into payroll%'",
        sidegate.database
    );
    until("the write", || (postgres().sql(&sidegate.database, &ran) == "1").then_some(()));
    let asked = std::time::Instant::now();
    assert!(sidegate.terminate().success());
    assert!(asked.elapsed() < std::time::Duration::from_secs(20), "{:?}", asked.elapsed());
    assert_eq!(spell(&client.until_end()), "1 2 C:INSERT 0 1 E:57P01");
    assert_eq!(written(&sidegate), "0");
}

#[test]
fn a_sync_that_was_held_back_is_not_sent_in_the_middle_of_data() {
    let sidegate = Setup::policy(
        "package policies.copy\n\nallow contains \"copy\" if input.sql.statements[_].command == \"COPY\"\n",
    )
    .start();
    let mut client = open(&sidegate);
    client.send(&[parse("", "copy payroll from stdin"), bind("", "", &[]), execute("", 0), flush()].concat());
    let begun: String = (0..3).filter_map(|_| client.next()).map(|message| message.tag).collect();
    assert_eq!(begun, "12G");
    // It fails while the next data is half sent. Five bytes in between would make its end a header that swallows the
    // next one, and that one's data messages.
    let data = message('d', &[&[b'x'; 95][..], b"d\0\0\0\x09"].concat());
    client.send(&[&sync(), &message('d', b"not a number\t1\n")[..], &data[..20]].concat());
    assert_eq!(client.next().map(|message| message.field('C')).as_deref(), Some("22P02"));
    let smuggled = message('d', &[sync(), query("insert into payroll values (900, 1)")].concat());
    // The server swallowed the first Sync, which came before the data that failed: the client owes it another one.
    client.send(&[&data[20..], &smuggled[..], &sync()].concat());
    assert_eq!(spell(&client.until_ready()), "Z:I");
    assert_eq!(client.ask(&query("select 1")), "E:42501 Z:I", "in step");
    assert_eq!(written(&sidegate), "0", "nobody has judged it");
}
