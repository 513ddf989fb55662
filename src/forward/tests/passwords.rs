//! Passwords that change, and methods that have to be asked for, against a real PostgreSQL.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::server::{Server, ask, password};
use super::*;

/// In front of a server: the first login is refused, after the password's file was given what is in `writes`.
async fn refused_once(server: u16, file: std::path::PathBuf, writes: &'static str) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (port, count) = (listener.local_addr().unwrap().port(), Arc::new(AtomicUsize::new(0)));
    let logins = Arc::clone(&count);
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            if logins.fetch_add(1, Ordering::SeqCst) == 0 {
                let length = client.read_u32().await.unwrap();
                client.read_exact(&mut vec![0; length as usize - 4]).await.unwrap();
                std::fs::write(&file, writes).unwrap();
                let refusal = ErrorFields::new(Severity::Fatal, "28P01", "no").encode_error().unwrap();
                client.write_all(refusal.bytes()).await.unwrap();
                continue;
            }
            let mut server = TcpStream::connect(("127.0.0.1", server)).await.unwrap();
            tokio::spawn(async move {
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    (port, count)
}

#[tokio::test]
async fn a_login_that_met_a_rotation_is_tried_once_more() {
    let server = Server::with("", "", None);
    for (writes, expected) in [(PASSWORD, (true, 2)), ("third", (false, 2)), ("second", (false, 1)), ("", (false, 1))] {
        let secret = password("second");
        let (port, count) = refused_once(server.port, secret.path().to_owned(), writes).await;
        let address = Address::Tcp { host: "127.0.0.1".into(), port };
        let upstream = config::Upstream { address, ..server.upstream(false, &secret) };
        let result = Connector::new(upstream).connect("postgres", &[]).await;
        assert_eq!((result.is_ok(), count.load(Ordering::SeqCst)), expected, "{writes}: {result:?}");
    }
}

#[tokio::test]
async fn second_attempts_are_few() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (port, secret) = (listener.local_addr().unwrap().port(), password("0"));
    let (file, count) = (secret.path().to_owned(), Arc::new(AtomicUsize::new(0)));
    let logins = Arc::clone(&count);
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            // The file is another one each time.
            std::fs::write(&file, logins.fetch_add(1, Ordering::SeqCst).to_string() + "x").unwrap();
            let refusal = ErrorFields::new(Severity::Fatal, "28P01", "no").encode_error().unwrap();
            let _ = client.write_all(refusal.bytes()).await;
            let _ = client.read(&mut [0; 1024]).await;
        }
    });
    let address = Address::Tcp { host: "127.0.0.1".into(), port };
    let password = Some(SecretSource::File(secret.path().to_owned()));
    let connector = Connector::new(config::Upstream { password, ..plain(address) });
    let started = Instant::now();
    for _ in 0..30 {
        let error = connector.connect("orders", &[]).await.unwrap_err();
        assert!(matches!(error, ForwardError::Refused { .. }), "{error}");
    }
    let seconds = usize::try_from(started.elapsed().as_secs()).unwrap() + 1;
    let logins = count.load(Ordering::SeqCst);
    assert!(logins > 30 && logins <= 30 + 10 * seconds, "{logins} logins in {seconds} s");
}

#[tokio::test]
async fn md5_is_answered_where_it_is_allowed_and_a_password_in_clear_never() {
    let hba = "host all old 127.0.0.1/32 md5\nhost all open 127.0.0.1/32 trust\nhost all clear 127.0.0.1/32 password";
    let server = Server::with("", hba, None);
    let secret = password(PASSWORD);
    let upstream = server.upstream(false, &secret);
    let mut owner = Connector::new(upstream.clone()).connect("postgres", &[]).await.unwrap();
    let roles = format!(
        "create role open login; create role clear login password '{PASSWORD}'; \
         set password_encryption = md5; create role old login password '{PASSWORD}'"
    );
    assert_eq!(ask(&mut owner, &roles).await.1, None);
    let tried = async |user: &str, allow_md5, secret: &tempfile::NamedTempFile| {
        let password = Some(SecretSource::File(secret.path().to_owned()));
        let upstream = config::Upstream { user: user.to_owned(), allow_md5, password, ..upstream.clone() };
        Connector::new(upstream).connect("postgres", &[]).await
    };
    let mut old = tried("old", true, &secret).await.unwrap();
    assert_eq!(ask(&mut old, "select current_user").await.0, ["old"]);
    for (user, allow_md5, expected) in [("old", false, "md5"), ("clear", true, "a password in clear")] {
        let error = tried(user, allow_md5, &secret).await.unwrap_err();
        assert!(matches!(error, ForwardError::Method { method, .. } if method == expected), "{user}: {error}");
    }
    let error = tried("old", true, &password("wrong")).await.unwrap_err();
    assert!(matches!(&error, ForwardError::Refused { sqlstate, .. } if sqlstate == "28P01"), "{error}");
    let error = tried("open", true, &secret).await.unwrap_err();
    assert!(matches!(error, ForwardError::Unproven { .. }), "{error}");
    assert!(tried("app", true, &secret).await.is_ok(), "SCRAM goes on beside it");
}

#[tokio::test]
async fn md5_is_asked_for_once_and_only_at_the_beginning() {
    let request = |salt: &[u8; 4]| message(b'R', &[&[0, 0, 0, 5], &salt[..]].concat());
    let answers = [
        ([request(b"salt"), request(b"pepp")].concat(), true),
        ([request(b"salt"), sasl()].concat(), true),
        ([sasl(), request(b"salt")].concat(), false),
    ];
    for (bytes, begins) in answers {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = Address::Tcp { host: "127.0.0.1".into(), port: listener.local_addr().unwrap().port() };
        let told = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(&bytes).await.unwrap();
            let mut told = Vec::new();
            let _ = stream.read_to_end(&mut told).await;
            String::from_utf8_lossy(&told).into_owned()
        });
        let secret = password(PASSWORD);
        let password = Some(SecretSource::File(secret.path().to_owned()));
        let upstream = config::Upstream { password, allow_md5: true, ..plain(address) };
        let error = Connector::new(upstream).connect("orders", &[]).await.unwrap_err();
        assert!(matches!(error, ForwardError::Method { .. } | ForwardError::Protocol { .. }), "{error}");
        let told = told.await.unwrap();
        assert_eq!(told.matches("md5").count(), usize::from(begins), "{told:?}");
        assert!(!told.contains(PASSWORD));
    }
}
