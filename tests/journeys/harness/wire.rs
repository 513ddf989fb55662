//! A client that says exactly what it is told to: drivers are too polite for an adversary's part.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// One connection, past its start-up.
pub struct Wire {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// One message of a server: its tag and body.
pub type Message = (u8, Vec<u8>);

impl Wire {
    /// Connects and waits until it may ask.
    pub fn connect(port: u16, database: &str) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("sidegate listens");
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a time limit");
        let mut wire = Self { stream, buffer: Vec::new() };
        let body = [&196_608_u32.to_be_bytes()[..], b"user\0alice\0database\0", database.as_bytes(), b"\0\0"].concat();
        let length = u32::try_from(body.len() + 4).expect("it is short");
        wire.send(&[&length.to_be_bytes()[..], &body].concat());
        wire.ready();
        wire
    }

    /// Sends bytes in one piece.
    pub fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("sidegate reads");
    }

    /// The next message; `None` at the end of the session.
    pub fn message(&mut self) -> Option<Message> {
        loop {
            if let Some(length) = self.buffer.get(1..5) {
                let length = u32::from_be_bytes(length.try_into().expect("four bytes")) as usize;
                if self.buffer.len() > length {
                    let message: Vec<u8> = self.buffer.drain(..=length).collect();
                    return Some((message[0], message[5..].to_vec()));
                }
            }
            let mut chunk = [0; 4096];
            match self.stream.read(&mut chunk).expect("an answer in time") {
                0 => return None,
                read => self.buffer.extend_from_slice(&chunk[..read]),
            }
        }
    }

    /// Everything up to the next ReadyForQuery or the end.
    pub fn ready(&mut self) -> Vec<Message> {
        let mut messages = Vec::new();
        while let Some(message) = self.message() {
            let last = message.0 == b'Z';
            messages.push(message);
            if last {
                break;
            }
        }
        messages
    }

    /// Sends, waits for that many ReadyForQuery, and gives what came as text.
    pub fn say(&mut self, messages: &[Vec<u8>], readies: usize) -> String {
        self.send(&messages.concat());
        (0..readies).map(|_| text(&self.ready())).collect()
    }
}

/// Messages as text that a test can look into: `E42501 …`, `D…`, `Z`.
pub fn text(messages: &[Message]) -> String {
    let show = |(tag, body): &Message| {
        let plain: String =
            String::from_utf8_lossy(body).chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        format!("{}{plain}\n", char::from(*tag))
    };
    messages.iter().map(show).collect()
}

/// A message with this tag.
pub fn message(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    let length = u32::try_from(body.len() + 4).expect("it is short");
    [&[tag][..], &length.to_be_bytes(), &body].concat()
}

/// Query.
pub fn query(sql: &str) -> Vec<u8> {
    message(b'Q', &[sql.as_bytes(), b"\0"])
}

/// Parse, with the types of its first parameters.
pub fn parse(name: &str, sql: &str, types: &[u32]) -> Vec<u8> {
    let count = u16::try_from(types.len()).expect("few").to_be_bytes();
    let types: Vec<u8> = types.iter().flat_map(|oid| oid.to_be_bytes()).collect();
    message(b'P', &[name.as_bytes(), b"\0", sql.as_bytes(), b"\0", &count, &types])
}

/// Bind of values as text to the unnamed portal.
pub fn bind(statement: &str, values: &[&str]) -> Vec<u8> {
    bind_to("", statement, values)
}

/// Bind of values as text.
pub fn bind_to(portal: &str, statement: &str, values: &[&str]) -> Vec<u8> {
    let count = u16::try_from(values.len()).expect("few").to_be_bytes();
    let values: Vec<u8> = values
        .iter()
        .flat_map(|value| [&u32::try_from(value.len()).expect("short").to_be_bytes()[..], value.as_bytes()].concat())
        .collect();
    message(b'B', &[portal.as_bytes(), b"\0", statement.as_bytes(), b"\0\0\0", &count, &values, b"\0\0"])
}

/// Execute, all rows.
pub fn execute(portal: &str) -> Vec<u8> {
    message(b'E', &[portal.as_bytes(), b"\0\0\0\0\0"])
}

/// Close of a statement.
pub fn close(statement: &str) -> Vec<u8> {
    message(b'C', &[b"S", statement.as_bytes(), b"\0"])
}

/// Sync.
pub fn sync() -> Vec<u8> {
    message(b'S', &[])
}

/// Flush.
pub fn flush() -> Vec<u8> {
    message(b'H', &[])
}
