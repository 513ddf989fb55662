//! A disk without room: new work is refused, nothing runs unrecorded, and it goes on by itself.

use std::io::Write;
use std::path::PathBuf;

use crate::harness::raw::{Raw, query, spell, startup};
use crate::harness::{Setup, Sidegate, postgres, until};

/// A file on the disk that only sidegate sees.
fn filler(sidegate: &Sidegate) -> PathBuf {
    let state = sidegate.path("state/filler");
    PathBuf::from(format!("/proc/{}/root{}", sidegate.pid(), state.display()))
}

#[test]
fn a_full_disk_refuses_new_work_and_goes_on_when_there_is_room() {
    // Room for a few of the journal's segments.
    let mut sidegate = Setup::open().disk("72m").start();
    let mut client = Raw::open(sidegate.port, &sidegate.database);
    let mut within = Raw::open(sidegate.port, &sidegate.database);
    within.ask(&query("begin"));
    let path = filler(&sidegate);
    let mut file = std::fs::File::create(&path).expect("its disk can be reached");
    while file.write(&[1; 65_536]).is_ok() {}
    // What room the journal has left goes quickly with long statements; short ones take the rest.
    let name = format!("full {}", std::process::id());
    let mut fill = |length: usize| {
        for n in 0..2_000 {
            client.send(&query(&format!("select '{}', {n}", "x".repeat(length))));
            let answer = client.until_ready();
            if answer[0].tag == 'E' {
                return answer;
            }
        }
        panic!("the disk never filled up");
    };
    fill(60_000);
    fill(6_000);
    let refused = fill(0);
    assert_eq!(spell(&refused), "E:53100 Z:I");
    assert_eq!(refused[0].field('M'), "the audit journal has no space left");
    let write = query(&format!("insert into orders values (9001, 1, 1) /* {name} refused */"));
    assert_eq!(client.ask(&write), "E:53100 Z:I", "the session goes on, and refuses");
    assert_eq!(within.ask(&write), "E:53100 Z:E", "in a transaction");
    assert_eq!(postgres().log().matches(&format!("{name} refused")).count(), 0);
    // A session's record is shorter still: there may be room for a few.
    let refused = (0..200).find_map(|_| {
        let mut late = Raw::silent(sidegate.port);
        late.send(&startup(&[("user", "alice"), ("database", &sidegate.database)]));
        late.next().filter(|message| message.tag == 'E')
    });
    assert_eq!(refused.expect("no session begins").field('C'), "53100");
    // What was filled, the write, the one in a transaction, and the session.
    assert!(sidegate.metric("sidegate_journal_refused_total") > 5.5);

    drop(file);
    std::fs::remove_file(&path).expect("it is removed");
    until("work to be taken again", || (client.ask(&query("select 1")) == "T D C:SELECT 1 Z:I").then_some(()));
    assert_eq!(client.ask(&write), "C:INSERT 0 1 Z:I");
    assert_eq!(within.ask(&query("rollback")), "C:ROLLBACK Z:I");
    assert_eq!(postgres().log().matches(&format!("{name} refused")).count(), 1);
    assert!(sidegate.is_alive());
}
