//! Somebody on the line, on either side of sidegate: passes everything on, until a cue makes it misbehave.

use std::future::pending;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};

/// What it does, and when.
#[derive(Clone, Copy)]
pub struct Plan {
    /// The text in what a client says that begins it; empty for the first byte.
    pub cue: &'static str,
    /// Which way it misbehaves.
    pub way: Way,
    /// Bytes that it still passes that way from there on.
    pub after: usize,
    /// What it does then.
    pub act: Act,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// From the client on.
    Requests,
    /// Back to it.
    Answers,
}

#[derive(Clone, Copy)]
pub enum Act {
    /// Resets both connections.
    Reset,
    /// Ends both streams in order.
    Close,
    /// Takes nothing, says nothing, and keeps both open.
    Silence,
    /// Lets go of the server as soon as somebody is logged in, and keeps the rest of the line open: whoever is idle
    /// costs the server nothing.
    Park,
    /// Passes the rest byte by byte, with so much time between.
    Trickle(Duration),
    /// Passes something else instead of what came next.
    Rewrite(Lie),
}

/// What is said instead of these bytes.
pub type Lie = fn(&[u8]) -> Vec<u8>;

/// Starts it in front of `target` and gives its port.
pub fn proxy(target: u16, plan: Plan) -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    listener.set_nonblocking(true).expect("a mode");
    runtime().spawn(async move {
        let listener = TcpListener::from_std(listener).expect("a listener");
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(async move {
                if let Ok(server) = TcpStream::connect(("127.0.0.1", target)).await {
                    between(client, server, plan).await;
                }
            });
        }
    });
    port
}

/// ReadyForQuery, outside of a transaction.
const READY: &[u8] = b"Z\0\0\0\x05I";

fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime"))
}

async fn between(client: TcpStream, server: TcpStream, plan: Plan) {
    client.set_nodelay(true).expect("an option");
    server.set_nodelay(true).expect("an option");
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let cued = AtomicBool::new(plan.cue.is_empty());
    let requests = pass(Way::Requests, &mut from_client, &mut to_server, plan, &cued);
    let answers = pass(Way::Answers, &mut from_server, &mut to_client, plan, &cued);
    let Err(act) = tokio::try_join!(requests, answers) else { return };
    match act {
        Act::Reset => {
            for half in [&to_client, &to_server] {
                let _ = SockRef::from(half.as_ref()).set_linger(Some(Duration::ZERO));
            }
        }
        Act::Close => {
            let _ = to_client.shutdown().await;
            let _ = to_server.shutdown().await;
            // Closing with bytes unread would be a reset.
            let mut rest = vec![0; 65_536];
            while from_client.read(&mut rest).await.is_ok_and(|count| count > 0) {}
        }
        Act::Silence => pending().await,
        Act::Park => {
            drop((from_server, to_server));
            let mut rest = [0; 64];
            while from_client.read(&mut rest).await.is_ok_and(|count| count > 0) {}
        }
        Act::Trickle(_) | Act::Rewrite(_) => {}
    }
}

/// Passes on what comes, until the end of the stream or what is planned.
async fn pass(
    way: Way,
    from: &mut OwnedReadHalf,
    to: &mut OwnedWriteHalf,
    plan: Plan,
    cued: &AtomicBool,
) -> Result<(), Act> {
    let (mut buffer, mut left, mut done) = (vec![0; 65_536], plan.after, false);
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        let bytes = &buffer[..count];
        if way == Way::Requests && String::from_utf8_lossy(bytes).contains(plan.cue) {
            cued.store(true, Ordering::SeqCst);
        }
        let begun = plan.way == way && cued.load(Ordering::SeqCst) && !done;
        let (before, rest) = bytes.split_at(if begun { left.min(count) } else { count });
        if to.write_all(before).await.is_err() {
            break;
        }
        if !begun {
            continue;
        }
        left -= before.len();
        if left > 0 {
            continue;
        }
        match plan.act {
            Act::Reset | Act::Close | Act::Silence => return Err(plan.act),
            Act::Park => {
                if to.write_all(rest).await.is_err() {
                    break;
                }
                if rest.ends_with(READY) {
                    return Err(plan.act);
                }
            }
            Act::Trickle(pace) => {
                for byte in rest {
                    tokio::time::sleep(pace).await;
                    if to.write_all(&[*byte]).await.is_err() {
                        return Ok(());
                    }
                }
            }
            Act::Rewrite(_) if rest.is_empty() => {}
            Act::Rewrite(rewrite) => {
                done = true;
                if to.write_all(&rewrite(rest)).await.is_err() {
                    break;
                }
            }
        }
    }
    let _ = to.shutdown().await;
    Ok(())
}
