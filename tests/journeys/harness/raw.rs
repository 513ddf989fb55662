//! A client that sends whatever bytes it likes: drivers are too polite for an adversary's part.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, StreamOwned};

/// One message from the other side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub tag: char,
    pub body: Vec<u8>,
}

/// A connection on which every byte is chosen by the journey.
pub struct Raw<S = TcpStream> {
    stream: S,
}

/// The same inside TLS.
pub type RawTls = Raw<StreamOwned<ClientConnection, TcpStream>>;

impl Message {
    /// A field of an ErrorResponse, by its code.
    pub fn field(&self, code: char) -> String {
        self.body
            .split(|byte| *byte == 0)
            .find(|field| field.first() == Some(&(code as u8)))
            .map(|field| String::from_utf8_lossy(&field[1..]).into_owned())
            .unwrap_or_default()
    }
}

/// A message with its length word.
pub fn message(tag: char, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag as u8];
    bytes.extend_from_slice(&u32::try_from(body.len() + 4).expect("short").to_be_bytes());
    bytes.extend_from_slice(body);
    bytes
}

/// SSLRequest.
pub const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 0xd2, 0x16, 0x2f];

/// A start-up packet with these parameters.
pub fn startup(parameters: &[(&str, &str)]) -> Vec<u8> {
    startup_of(0, parameters)
}

/// The same for another minor version of the protocol.
pub fn startup_of(minor: u16, parameters: &[(&str, &str)]) -> Vec<u8> {
    let mut body = (196_608 + u32::from(minor)).to_be_bytes().to_vec();
    for (name, value) in parameters {
        body.extend_from_slice(format!("{name}\0{value}\0").as_bytes());
    }
    body.push(0);
    let mut bytes = u32::try_from(body.len() + 4).expect("short").to_be_bytes().to_vec();
    bytes.extend_from_slice(&body);
    bytes
}

pub fn query(sql: &str) -> Vec<u8> {
    message('Q', format!("{sql}\0").as_bytes())
}

pub fn parse(name: &str, sql: &str) -> Vec<u8> {
    typed_parse(name, sql, &[])
}

/// A Parse with the types of its first parameters.
pub fn typed_parse(name: &str, sql: &str, types: &[u32]) -> Vec<u8> {
    let mut body = format!("{name}\0{sql}\0").into_bytes();
    body.extend_from_slice(&u16::try_from(types.len()).expect("few").to_be_bytes());
    body.extend(types.iter().flat_map(|oid| oid.to_be_bytes()));
    message('P', &body)
}

/// A Bind of text values.
pub fn bind(portal: &str, statement: &str, values: &[&str]) -> Vec<u8> {
    let mut body = format!("{portal}\0{statement}\0").into_bytes();
    body.extend_from_slice(&[0, 0]);
    body.extend_from_slice(&u16::try_from(values.len()).expect("few").to_be_bytes());
    for value in values {
        body.extend_from_slice(&u32::try_from(value.len()).expect("short").to_be_bytes());
        body.extend_from_slice(value.as_bytes());
    }
    body.extend_from_slice(&[0, 0]);
    message('B', &body)
}

pub fn execute(portal: &str, rows: u32) -> Vec<u8> {
    let mut body = format!("{portal}\0").into_bytes();
    body.extend_from_slice(&rows.to_be_bytes());
    message('E', &body)
}

/// A Close of a statement.
pub fn close(statement: &str) -> Vec<u8> {
    message('C', format!("S{statement}\0").as_bytes())
}

pub fn sync() -> Vec<u8> {
    message('S', &[])
}

pub fn flush() -> Vec<u8> {
    message('H', &[])
}

impl RawTls {
    /// Connects, asks for TLS and verifies who answers. Says nothing inside.
    pub fn encrypted(port: u16, config: &Arc<ClientConfig>) -> std::io::Result<Self> {
        let mut plain = Raw::silent(port).stream;
        plain.write_all(&SSL_REQUEST)?;
        let mut answer = [0];
        plain.read_exact(&mut answer)?;
        assert_eq!(answer, *b"S");
        let name = ServerName::try_from("localhost").expect("a name");
        let mut connection = ClientConnection::new(Arc::clone(config), name).expect("a configuration");
        while connection.is_handshaking() {
            connection.complete_io(&mut plain)?;
        }
        Ok(Self { stream: StreamOwned::new(connection, plain) })
    }

    /// The certificate that was shown.
    pub fn certificate(&self) -> CertificateDer<'static> {
        self.stream.conn.peer_certificates().expect("it was shown")[0].clone()
    }
}

impl Raw {
    /// Connects and says nothing.
    pub fn silent(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("somebody listens");
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a time-out");
        Self { stream }
    }

    /// Connects and opens a session.
    pub fn open(port: u16, database: &str) -> Self {
        let mut raw = Self::silent(port);
        raw.send(&startup(&[("user", "alice"), ("database", database)]));
        let ready = raw.until_ready();
        assert_eq!(ready.first().map(|message| message.tag), Some('R'), "{ready:?}");
        raw
    }

    /// The same where sidegate may be killed meanwhile.
    pub fn try_open(port: u16, database: &str) -> Option<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(30))).ok()?;
        let mut raw = Self { stream };
        raw.send(&startup(&[("user", "alice"), ("database", database)]));
        raw.answered()?.then_some(raw)
    }

    /// Sends these bytes again and again until nobody takes any for this long. How many were taken.
    pub fn flood(&mut self, bytes: &[u8], patience: Duration) -> usize {
        self.stream.set_write_timeout(Some(patience)).expect("a time-out");
        let mut taken = 0;
        // A repeated message may be cut where the last write stopped, so the rest goes first.
        while let Ok(count @ 1..) = self.stream.write(&bytes[taken % bytes.len()..]) {
            taken += count;
        }
        taken
    }

    /// Its own port.
    pub fn port(&self) -> u16 {
        self.stream.local_addr().expect("an address").port()
    }

    /// The same connection in another's hands.
    pub fn another(&self) -> Self {
        Self { stream: self.stream.try_clone().expect("a handle") }
    }

    /// Breaks the connection off, as a machine that loses its power and comes back.
    pub fn reset(self) {
        let _ = socket2::SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
    }

    /// Says that nothing more will come.
    pub fn close_write(&mut self) {
        let _ = self.stream.shutdown(std::net::Shutdown::Write);
    }

    /// Whether bytes wait to be read, or come within this time.
    pub fn answers_within(&self, time: Duration) -> bool {
        self.stream.set_read_timeout(Some(time)).expect("a time-out");
        let came = self.stream.peek(&mut [0; 8]).is_ok_and(|count| count == 8);
        self.stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a time-out");
        came
    }
}

impl<S: Read + Write> Raw<S> {
    /// Sends a message whose body begins like this and goes on with so many letters; stops where nobody takes more.
    pub fn send_long(&mut self, tag: char, start: &[u8], letters: usize) {
        let length = u32::try_from(start.len() + letters + 4).expect("no longer than a message can be");
        let begin = [&[tag as u8][..], &length.to_be_bytes(), start].concat();
        let rest = std::io::repeat(b'x').take(u64::try_from(letters).expect("small"));
        // A peer that has closed already shows when its answer is read.
        let _ = self.stream.write_all(&begin).and_then(|()| std::io::copy(&mut { rest }, &mut self.stream).map(drop));
    }

    pub fn send(&mut self, bytes: &[u8]) {
        // A peer that has closed already shows when its answer is read.
        let _ = self.stream.write_all(bytes);
    }

    /// The next message; `None` at the end of the stream.
    pub fn next(&mut self) -> Option<Message> {
        let mut header = [0; 5];
        self.stream.read_exact(&mut header).ok()?;
        let length = u32::from_be_bytes(header[1..].try_into().expect("four bytes"));
        let mut body = vec![0; usize::try_from(length).expect("it fits").checked_sub(4).expect("a length")];
        self.stream.read_exact(&mut body).ok()?;
        Some(Message { tag: char::from(header[0]), body })
    }

    /// Tag and length of the next message, whose body nobody keeps; `None` at the end of the stream.
    pub fn pass_over(&mut self) -> Option<(char, u64)> {
        let mut header = [0; 5];
        self.stream.read_exact(&mut header).ok()?;
        let length = u64::from(u32::from_be_bytes(header[1..].try_into().expect("four bytes"))).checked_sub(4)?;
        let passed = std::io::copy(&mut Read::take(&mut self.stream, length), &mut std::io::sink()).ok()?;
        (passed == length).then_some((char::from(header[0]), length))
    }

    /// Everything up to and with the next ReadyForQuery, or to the end of the stream.
    pub fn answer(&mut self) -> Vec<Message> {
        let mut seen: Vec<Message> = Vec::new();
        while seen.last().is_none_or(|message| message.tag != 'Z') {
            let Some(message) = self.next() else { break };
            seen.push(message);
        }
        seen
    }

    /// Everything up to and with the next ReadyForQuery.
    pub fn until_ready(&mut self) -> Vec<Message> {
        let seen = self.answer();
        assert_eq!(seen.last().map(|message| message.tag), Some('Z'), "the session ended: {seen:?}");
        seen
    }

    /// Whether the next answer came whole; `None` if the stream ended before it did.
    pub fn answered(&mut self) -> Option<bool> {
        loop {
            match self.next()?.tag {
                'Z' => return Some(true),
                'E' => return Some(false),
                _ => {}
            }
        }
    }

    /// Everything up to the end of the stream.
    pub fn until_end(&mut self) -> Vec<Message> {
        std::iter::from_fn(|| self.next()).collect()
    }

    /// Sends and gives the answer as the tags of its messages; errors with SQLSTATE, Z with its status.
    pub fn ask(&mut self, bytes: &[u8]) -> String {
        self.send(bytes);
        spell(&self.until_ready())
    }

    /// Sends all of them at once and gives that many answers as text, or what came of them.
    pub fn say(&mut self, messages: &[Vec<u8>], answers: usize) -> String {
        self.send(&messages.concat());
        (0..answers).map(|_| text(&self.answer())).collect()
    }
}

/// Messages as text that a test can look into, a line each, without ids of decisions: `E42501 …`, `D…`, `Z`.
fn text(messages: &[Message]) -> String {
    let show = |Message { tag, body }: &Message| {
        let plain: String =
            String::from_utf8_lossy(body).chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        format!("{tag}{plain}\n")
    };
    super::without_ids(&messages.iter().map(show).collect::<String>())
}

/// Messages as words: `1 2 T D C:SELECT 1 E:42501 Z:I`.
pub fn spell(messages: &[Message]) -> String {
    let words: Vec<_> = messages
        .iter()
        .filter(|message| !matches!(message.tag, 'S' | 'N'))
        .map(|message| match message.tag {
            'E' => format!("E:{}", message.field('C')),
            'Z' => format!("Z:{}", char::from(message.body[0])),
            'C' => format!("C:{}", String::from_utf8_lossy(&message.body).trim_end_matches('\0')),
            tag => tag.to_string(),
        })
        .collect();
    words.join(" ")
}
