//! The least that a proxy can do: bytes both ways, 64 KiB at a time. `relay LISTEN UPSTREAM`.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on fails")]

use tokio::net::{TcpListener, TcpStream};

const BUFFER: usize = 64 << 10;

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, listen, upstream] = <[String; 3]>::try_from(arguments).unwrap();
    let listener = TcpListener::bind(listen).await.unwrap();
    loop {
        let (mut client, _) = listener.accept().await.unwrap();
        let upstream = upstream.clone();
        tokio::spawn(async move {
            let mut server = TcpStream::connect(upstream).await.unwrap();
            client.set_nodelay(true).unwrap();
            server.set_nodelay(true).unwrap();
            // Whoever goes away first ends it.
            let _ = tokio::io::copy_bidirectional_with_sizes(&mut client, &mut server, BUFFER, BUFFER).await;
        });
    }
}
