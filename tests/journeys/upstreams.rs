//! A server that lies once it has let sidegate in. The session it is in ends in a sentence, or
//! goes on where nothing is lost; nobody else notices.

use crate::harness::meddler::{Script, Then, cue, meddler};
use crate::harness::raw::{Raw, bind, execute, message, parse, query, spell, sync};
use crate::harness::{Setup, Sidegate};

fn description() -> Vec<u8> {
    message('T', b"\0\x01a\0\0\0\0\0\0\0\0\0\0\x19\xff\xff\xff\xff\xff\xff\0\0")
}

fn row() -> Vec<u8> {
    message('D', b"\0\x01\0\0\0\x01x")
}

fn complete() -> Vec<u8> {
    message('C', b"SELECT 1\0")
}

fn ready() -> Vec<u8> {
    message('Z', b"I")
}

fn fatal() -> Vec<u8> {
    message('E', b"SFATAL\0VFATAL\0C57P01\0Mthe administrator says so\0\0")
}

/// What clients saw of these scripts, each up to the end of its session.
struct Show {
    sidegate: Sidegate,
    neighbour: Raw,
}

impl Show {
    fn of(scripts: impl IntoIterator<Item = Vec<u8>>, then: Then) -> Self {
        let port = meddler(scripts.into_iter().map(|says| Script { says, then }).collect());
        let sidegate = Setup::open().upstream(port).start();
        let neighbour = Raw::open(sidegate.port, &sidegate.database);
        Self { sidegate, neighbour }
    }

    /// The answers to what a client of its own sends, and the words of the errors in them.
    fn seen(&mut self, send: &[u8]) -> (String, Vec<String>) {
        let mut client = Raw::open(self.sidegate.port, &self.sidegate.database);
        client.send(send);
        let answer = client.until_end();
        assert_eq!(self.neighbour.ask(&query("select 1")), "T D C:SELECT 1 Z:I", "another session does not notice");
        assert!(self.sidegate.is_alive());
        let words = answer.iter().filter(|message| message.tag == 'E').map(|error| error.field('M')).collect();
        (spell(&answer), words)
    }

    /// How the statement that brought a script ended.
    fn outcome(&self, script: usize) -> String {
        self.sidegate.event_of(&cue(script))["custom"]["sidegate"]["outcome"].as_str().expect("a word").to_owned()
    }
}

#[test]
fn answers_that_nobody_asked_for_end_the_session() {
    let whole = [description(), row(), complete(), ready()].concat();
    let lies: [(&str, Vec<u8>, &str); 13] = [
        ("a row", [whole.clone(), row()].concat(), "T D C:SELECT 1 Z:I E:08006"),
        ("a COPY to fill", [whole.clone(), message('G', b"\0\0\0")].concat(), "T D C:SELECT 1 Z:I E:08006"),
        ("a COPY to read", [whole.clone(), message('H', b"\0\0\0")].concat(), "T D C:SELECT 1 Z:I E:08006"),
        ("the end of a COPY", [whole.clone(), message('c', b"")].concat(), "T D C:SELECT 1 Z:I E:08006"),
        ("a completion", [whole.clone(), complete()].concat(), "T D C:SELECT 1 Z:I E:08006"),
        ("a second ready", [whole.clone(), ready()].concat(), "T D C:SELECT 1 Z:I E:08006"),
        ("a description", [whole.clone(), description()].concat(), "T D C:SELECT 1 Z:I E:08006"),
        ("a replication stream", message('W', b"\0\0\0"), "E:08006"),
        ("another login", message('R', b"\0\0\0\0"), "E:08006"),
        ("the result of a function", message('V', b"\0\0\0\x01x"), "E:08006"),
        ("a parse", message('1', b""), "E:08006"),
        ("an unknown message", message('?', b""), "E:08006"),
        ("a status that does not exist", [description(), message('Z', b"?")].concat(), "T E:08006"),
    ];
    let mut show = Show::of(lies.iter().map(|(_, says, _)| says.clone()), Then::Waits);
    for (script, (what, _, expected)) in lies.into_iter().enumerate() {
        let (answer, words) = show.seen(&query(&cue(script)));
        assert_eq!(answer, expected, "{what}");
        assert!(words.len() == 1 && words[0].starts_with("the database "), "{what}: {words:?}");
    }
}

#[test]
fn lying_lengths_of_a_server_end_the_session() {
    let lies: Vec<_> =
        "DTECZStn1GHd".chars().flat_map(|tag| [0_u32, 3, 1 << 31, u32::MAX].map(|lie| (tag, lie))).collect();
    let scripts = lies.iter().map(|(tag, lie)| [description(), vec![*tag as u8], lie.to_be_bytes().to_vec()].concat());
    let mut show = Show::of(scripts, Then::Waits);
    for (script, lie) in lies.into_iter().enumerate() {
        assert_eq!(show.seen(&query(&cue(script))).0, "T E:08006", "{lie:?}");
    }
}

#[test]
fn a_server_that_goes_away_is_told_of_in_a_sentence() {
    for then in [Then::Closes, Then::Resets] {
        let half = row()[..9].to_vec();
        let scripts = [[description(), row()].concat(), [description(), half].concat()];
        let mut show = Show::of(scripts, then);
        let (answer, words) = show.seen(&query(&cue(0)));
        assert_eq!(answer, "T D E:08006");
        assert_eq!(words, ["the database closed the connection"]);
        assert_eq!(show.outcome(0), "unknown", "it may have run");
        let (answer, _) = show.seen(&query(&cue(1)));
        assert_eq!(answer, "T", "a word in the middle of a row would be read as a part of it");
        assert_eq!(show.outcome(1), "unknown");
    }
}

#[test]
fn a_servers_own_last_word_is_the_last() {
    let mut show = Show::of([[description(), row(), fatal()].concat()], Then::Closes);
    let (answer, words) = show.seen(&query(&cue(0)));
    assert_eq!(answer, "T D E:57P01");
    assert_eq!(words, ["the administrator says so"]);
    assert_eq!(show.outcome(0), "unknown");
}

#[test]
fn a_pipeline_is_not_answered_out_of_turn() {
    let lies = [
        ("a ready before the parse", ready()),
        ("a bind before the parse", message('2', b"")),
        ("a completion before the parse", complete()),
        ("rows before the parse", row()),
        ("a close", message('3', b"")),
        ("parameters", message('t', b"\0\0")),
    ];
    let mut show = Show::of(lies.iter().map(|(_, says)| says.clone()), Then::Waits);
    for (script, (what, _)) in lies.into_iter().enumerate() {
        let pipeline = [parse("", &cue(script)), bind("", "", &[]), execute("", 0), sync()].concat();
        assert_eq!(show.seen(&pipeline).0, "E:08006", "{what}");
    }
}

#[test]
fn an_error_without_a_code_is_an_error() {
    let says = [message('E', b"SERROR\0Mno reason\0\0"), ready(), fatal()].concat();
    let mut show = Show::of([says], Then::Closes);
    let (answer, words) = show.seen(&query(&cue(0)));
    assert_eq!(answer, "E: Z:I E:57P01");
    assert_eq!(words[0], "no reason");
    assert_eq!(show.outcome(0), "failed");
}
