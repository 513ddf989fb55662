//! Versions of the protocol: what is agreed on, and the cancel keys of each.

use crate::harness::raw::{Message, Raw, query, spell, startup_of};
use crate::harness::{Setup, Sidegate, until};

fn welcome(sidegate: &Sidegate, minor: u16, options: &[(&str, &str)]) -> (Raw, Vec<Message>) {
    let mut client = Raw::silent(sidegate.port);
    let parameters = [&[("user", "alice"), ("database", sidegate.database.as_str())][..], options].concat();
    client.send(&startup_of(minor, &parameters));
    let welcome = client.until_ready();
    (client, welcome)
}

fn key(welcome: &[Message]) -> Vec<u8> {
    welcome.iter().find(|message| message.tag == 'K').expect("a key").body.clone()
}

#[test]
fn each_version_gets_a_key_of_its_length() {
    let sidegate = Setup::open().start();
    for (minor, length) in [(0, 4), (1, 4), (2, 32), (3, 32), (9_999, 32)] {
        let (mut client, welcome) = welcome(&sidegate, minor, &[]);
        assert_eq!(key(&welcome).len(), 4 + length, "3.{minor}");
        assert_eq!(welcome[0].tag, if minor > 2 { 'v' } else { 'R' }, "3.{minor}: {}", spell(&welcome));
        assert_eq!(client.ask(&query("select 1")), "T D C:SELECT 1 Z:I");
    }
}

#[test]
fn what_is_not_spoken_is_told_by_name() {
    let sidegate = Setup::open().start();
    let options = [("_pq_.row_compression", "on"), ("_pq_.test", "")];
    for (minor, newest) in [(0, 0), (2, 2), (5, 2)] {
        let (_, welcome) = welcome(&sidegate, minor, &options);
        assert_eq!(welcome[0].tag, 'v');
        let told = [&[0, 3, 0, newest, 0, 0, 0, 2][..], b"_pq_.row_compression\0_pq_.test\0"].concat();
        assert_eq!(welcome[0].body, told, "3.{minor}");
    }
    for version in [[0, 2, 0, 0], [0, 4, 0, 0], [4, 0xd2, 0x16, 0x31]] {
        let mut client = Raw::silent(sidegate.port);
        client.send(&[&[0, 0, 0, 9][..], &version, &[0]].concat());
        assert_eq!(spell(&client.until_end()), "E:08P01");
    }
}

#[test]
fn only_the_whole_long_key_cancels() {
    let sidegate = Setup::open().start();
    let (mut client, welcome) = welcome(&sidegate, 2, &[]);
    let (_other, others) = self::welcome(&sidegate, 2, &[]);
    let (key, other) = (key(&welcome), key(&others));
    let cancel = |key: &[u8]| {
        let length = u32::try_from(key.len() + 8).expect("short").to_be_bytes();
        let mut canceller = Raw::silent(sidegate.port);
        canceller.send(&[&length[..], &80_877_102_u32.to_be_bytes(), key].concat());
        spell(&canceller.until_end())
    };
    client.send(&query("select pg_sleep(60)"));
    let mut flipped = key.clone();
    flipped[35] ^= 1;
    let wrong: [&[u8]; 6] = [
        &key[..8],
        &key[..35],
        &[&key[..], &[0]].concat(),
        &flipped,
        &[&key[..4], &[0; 256]].concat(),
        &[&other[..4], &key[4..]].concat(),
    ];
    for wrong in wrong {
        assert_eq!(cancel(wrong), "", "nobody learns that it was wrong");
    }
    for malformed in [&key[..4], &key[..7], &[&key[..], &[0; 225]].concat()] {
        assert_eq!(cancel(malformed), "E:08P01");
    }
    assert!(!client.answers_within(std::time::Duration::from_millis(500)), "it still runs");
    until("the statement to be cancelled", || {
        assert_eq!(cancel(&key), "");
        client.answers_within(std::time::Duration::from_millis(200)).then_some(())
    });
    assert_eq!(spell(&client.until_ready()), "T E:57014 Z:I");
    drop(client);
    until("the session to end", || (sidegate.metric("sidegate_sessions_open{") < 2.0).then_some(()));
    assert_eq!(cancel(&key), "", "a key that is used again cancels nothing");
}
