//! Against a real PostgreSQL.

use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::certificates::Shown;
use super::*;
use crate::config::{CertificateCheck, UpstreamTls};
use crate::wire::postgres::{BackendMessage, BackendPiece, Query, Rows, TransactionStatus};

const BINARIES: &str = "/usr/lib/postgresql/15/bin";

/// A server of its own that lets `app` in by SCRAM-SHA-256 only.
pub(super) struct Server {
    directory: PathBuf,
    pub(super) port: u16,
}

/// A port below those that the kernel gives to whoever connects: one of them would have it before the server does.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = u16::try_from(std::process::id() % 20_000).unwrap();
    let mut ports = std::iter::repeat_with(|| 10_000 + (start + NEXT.fetch_add(1, Ordering::Relaxed)) % 20_000);
    ports.find(|port| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok()).unwrap()
}

impl Server {
    fn start() -> Self {
        Self::with("", "", None)
    }

    /// With more settings, with lines in front of `pg_hba.conf`, and with a certificate.
    pub(super) fn with(settings: &str, hba: &str, shown: Option<&Shown>) -> Self {
        let port = free_port();
        let show = shown.map(|shown| install(shown, "$d/data")).unwrap_or_default();
        let ssl = if shown.is_some() { "-c ssl=on" } else { "" };
        let script = format!(
            "set -e; umask 077; cd /; d=$(mktemp -d); echo '{PASSWORD}' > $d/password; \
             {BINARIES}/initdb -D $d/data -U app -A scram-sha-256 --pwfile=$d/password --no-sync >$d/initdb.log 2>&1; \
             printf '%s\n' '{hba}' | cat - $d/data/pg_hba.conf >$d/hba; mv $d/hba $d/data/pg_hba.conf; {show} \
             {BINARIES}/pg_ctl -D $d/data -l $d/server.log -w start -o \"-p {port} -k $d -c listen_addresses=127.0.0.1 \
             -c fsync=off {ssl} {settings}\" >$d/start.log 2>&1 </dev/null; echo $d"
        );
        let output = as_postgres(&script);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Self { directory: String::from_utf8(output.stdout).unwrap().trim().into(), port }
    }

    /// Replaces the certificate, and waits until it is shown.
    pub(super) async fn show(&self, shown: &Shown) {
        let directory = self.directory.display();
        let script = install(shown, &format!("{directory}/data"));
        let output = as_postgres(&format!("{script} {BINARIES}/pg_ctl -D {directory}/data reload"));
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let started = Instant::now();
        while leaf(self.port).await.as_deref() != Some(&*shown.certificate) {
            assert!(started.elapsed() < Duration::from_secs(20), "it is not shown");
            tokio::task::yield_now().await;
        }
    }

    pub(super) fn upstream(&self, unix: bool, password: &tempfile::NamedTempFile) -> config::Upstream {
        let address = if unix {
            Address::Unix(self.directory.join(format!(".s.PGSQL.{}", self.port)))
        } else {
            Address::Tcp { host: "localhost".into(), port: self.port }
        };
        config::Upstream {
            password: Some(SecretSource::File(password.path().to_owned())),
            connect: Duration::from_secs(20),
            ..plain(address)
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let directory = self.directory.display();
        as_postgres(&format!("{BINARIES}/pg_ctl -D {directory}/data -m immediate stop; rm -r {directory}"));
    }
}

/// A script that puts a certificate and its key in their places.
fn install(shown: &Shown, data: &str) -> String {
    let (certificate, key) = (&shown.certificate_pem, &shown.key_pem);
    format!("umask 077; printf '%s' '{certificate}' >{data}/server.crt; printf '%s' '{key}' >{data}/server.key;")
}

/// The certificate that a server shows now.
async fn leaf(port: u16) -> Option<Vec<u8>> {
    let tls = UpstreamTls { check: CertificateCheck::Nothing, ca: None };
    let tls = Arc::new(super::super::tls::Tls::new(tls, "localhost", crate::accept::Hands::default()));
    let stream = crate::accept::Stream::tcp(TcpStream::connect(("127.0.0.1", port)).await.ok()?).ok()?;
    let (stream, _) = tls.encrypt(stream, "localhost").await.ok()?;
    Some(stream.get_ref().1.peer_certificates()?.first()?.to_vec())
}

/// PostgreSQL refuses to run as root.
fn as_postgres(script: &str) -> std::process::Output {
    let root = Command::new("id").arg("-u").output().unwrap().stdout == b"0\n";
    let mut command = if root { Command::new("runuser") } else { Command::new("sh") };
    if root {
        command.args(["-u", "postgres", "--", "sh"]);
    }
    command.args(["-c", script]).output().unwrap()
}

pub(super) fn password(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), format!("{text}\n")).unwrap();
    file
}

/// The first value of each row, or the error's SQLSTATE, until the server is ready.
pub(super) async fn ask(upstream: &mut Upstream, sql: &str) -> (Vec<String>, Option<String>) {
    upstream.framer.set_rows(Rows::Whole);
    let query = Query { sql: sql.as_bytes() }.encode().unwrap();
    upstream.stream.write_all(query.bytes()).await.unwrap();
    let (mut values, mut error) = (Vec::new(), None);
    loop {
        match upstream.framer.next_piece().unwrap() {
            Some(BackendPiece::Relay(_) | BackendPiece::Rows(_)) => panic!("rows are asked for whole"),
            None => assert_ne!(upstream.stream.read_buf(upstream.framer.room()).await.unwrap(), 0),
            Some(BackendPiece::Frame(frame)) => {
                let message = BackendMessage::decode(&frame).unwrap();
                if let BackendMessage::DataRow(row) = &message {
                    values.push(String::from_utf8(row.values[0].unwrap().to_vec()).unwrap());
                }
                if let BackendMessage::ErrorResponse(fields) = &message {
                    error = fields.sqlstate().map(str::to_owned);
                }
                if let BackendMessage::ReadyForQuery(_) = &message {
                    return (values, error);
                }
            }
        }
    }
}

#[tokio::test]
async fn a_real_server_lets_us_in_by_scram_obeys_our_pins_and_cancels() {
    let server = Server::start();
    let right = password(PASSWORD);
    let pins = [("search_path", "public, pg_temp"), ("application_name", "psql"), ("application_name", "pinned")];
    let pins = pins.map(|(name, value)| (name.to_owned(), value.to_owned()));
    for unix in [false, true] {
        let mut upstream = Connector::new(server.upstream(unix, &right)).connect("postgres", &pins).await.unwrap();
        assert_eq!(upstream.status, TransactionStatus::Idle);
        let reported = |name| upstream.parameters.iter().find(|(each, _)| each == name).unwrap().1.clone();
        assert_eq!((reported("application_name"), reported("is_superuser")), ("pinned".into(), "on".into()));
        let changed = "set search_path = evil; reset search_path; select current_setting('search_path')";
        assert_eq!(ask(&mut upstream, changed).await, (vec!["public, pg_temp".to_owned()], None));
        let target = upstream.cancel.clone().unwrap();
        let mut sleeping = tokio::spawn(async move { ask(&mut upstream, "select pg_sleep(60)").await });
        // The request may overtake the statement: then it hits nothing, and another one is due.
        let (_, error) = loop {
            cancel(&target).await.unwrap();
            if let Ok(answer) = tokio::time::timeout(Duration::from_millis(200), &mut sleeping).await {
                break answer.unwrap();
            }
        };
        assert_eq!(error.as_deref(), Some("57014"));
    }
    let refused =
        Connector::new(server.upstream(false, &password("wrong"))).connect("postgres", &[]).await.unwrap_err();
    assert!(matches!(&refused, ForwardError::Refused { sqlstate, .. } if sqlstate == "28P01"), "{refused}");
    assert_eq!(refused.of_server(), None);
    let refused = Connector::new(server.upstream(false, &right)).connect("no_such", &[]).await.unwrap_err();
    assert_eq!(refused.of_server(), Some(("3D000", "database \"no_such\" does not exist")), "{refused}");
    let misspelt = [("DateStyle".to_owned(), "nonsense".to_owned())];
    let refused = Connector::new(server.upstream(false, &right)).connect("postgres", &misspelt).await.unwrap_err();
    assert_eq!(refused.of_server(), Some(("22023", "invalid value for parameter \"DateStyle\": \"nonsense\"")));
}
