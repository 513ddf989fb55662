//! A real server with somebody on the line: the login is the server's own, what comes after it is not.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;

use super::postgres;

/// What the meddler says in place of the server.
#[derive(Clone)]
pub struct Script {
    /// Bytes as they are.
    pub says: Vec<u8>,
    /// What it does then.
    pub then: Then,
}

/// How a script ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// Says nothing more.
    Waits,
    /// Ends the stream in order.
    Closes,
    /// Resets the connection.
    Resets,
}

/// Starts it and gives its port. A statement with [`cue`]`(n)` wakes it and brings the script with
/// that number; everything else goes to the real server and back.
pub fn meddler(scripts: Vec<Script>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    thread::spawn(move || {
        for client in listener.incoming() {
            let (client, scripts) = (client.expect("a connection"), scripts.clone());
            thread::spawn(move || between(client, &scripts));
        }
    });
    port
}

/// The statement that brings the script with this number.
pub fn cue(script: usize) -> String {
    format!("select 'script {script} of the meddler'")
}

fn between(mut client: TcpStream, scripts: &[Script]) {
    let mut server = TcpStream::connect(("127.0.0.1", postgres().port)).expect("the server listens");
    let answers = (server.try_clone().expect("a handle"), client.try_clone().expect("a handle"));
    let pump = thread::spawn(move || {
        let (mut from, mut to) = answers;
        let _ = std::io::copy(&mut from, &mut to);
    });
    let mut buffer = [0; 65_536];
    // Looked at before it is taken: closing with bytes unread is what resets a connection.
    while let Ok(count @ 1..) = client.peek(&mut buffer) {
        let text = String::from_utf8_lossy(&buffer[..count]);
        if let Some(script) = (0..scripts.len()).find(|script| text.contains(&cue(*script))).map(|at| &scripts[at]) {
            let _ = server.shutdown(Shutdown::Both);
            pump.join().expect("the server's side ends");
            let _ = client.write_all(&script.says);
            if script.then == Then::Resets {
                return;
            }
            let _ = client.read(&mut buffer);
            if script.then == Then::Closes {
                let _ = client.shutdown(Shutdown::Write);
            }
            while client.read(&mut buffer).is_ok_and(|count| count > 0) {}
            return;
        }
        client.read_exact(&mut buffer[..count]).expect("they are there");
        if server.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    let _ = server.shutdown(Shutdown::Both);
}
