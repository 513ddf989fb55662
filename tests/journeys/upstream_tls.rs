//! The way to the database: TLS, and credentials that change while sessions are open.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

use crate::harness::raw::{Raw, message, query, spell, startup};
use crate::harness::{Setup, postgres, python, said, until};

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("a certificate")
}

/// Switches TLS on at the run's server; gives the file of who has signed its certificate.
fn trusted() -> &'static PathBuf {
    static CA: OnceLock<PathBuf> = OnceLock::new();
    CA.get_or_init(|| {
        let authority = authority();
        let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("a host");
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &authority).expect("a certificate");
        let ca = tempfile::Builder::new().prefix("sidegate-ca-").tempdir().expect("a folder").keep().join("ca.pem");
        fs::write(&ca, authority.pem()).expect("the file");
        // The server writes its files itself: they must be its own.
        for (name, pem) in [("server.crt", certificate.pem()), ("server.key", key.serialize_pem())] {
            let command = format!("umask 077; cat >/dev/null; printf \"%s\" \"{pem}\" >{name}");
            postgres().sql("postgres", &format!("copy (select 1) to program '{command}'"));
        }
        postgres().sql("postgres", "alter system set ssl = on");
        postgres().sql("postgres", "select pg_reload_conf()");
        until("TLS", || (postgres().sql("postgres", "show ssl") == "on").then_some(()));
        ca
    })
}

fn verified() -> Setup {
    Setup::open().upstream_tls(&format!("{{mode: verify-full, ca: {}}}", trusted().display()))
}

#[test]
fn clients_work_over_a_verified_connection() {
    let sidegate = verified().start();
    let ssl = "select ssl from pg_stat_ssl where pid = pg_backend_pid()";
    assert_eq!(said(&sidegate.psql(&["-c", ssl])), "t\n");
    let large = sidegate.psql(&["-c", "select repeat('x', 1000) from generate_series(1, 20000)"]);
    assert_eq!(large.stdout.len(), 20_000 * 1001);
    let file = sidegate.path("rows");
    fs::write(&file, format!("{}\n", "y".repeat(999)).repeat(5000)).expect("the rows");
    let copy = format!("\\copy cargo from '{}'", file.display());
    let counted =
        sidegate.psql(&["-q", "-c", "create table cargo (t text)", "-c", &copy, "-c", "select count(*) from cargo"]);
    assert_eq!(said(&counted), "5000\n");
}

#[test]
fn a_cancel_request_goes_through_tls_as_well() {
    let sidegate = verified().start();
    let mut client = Raw::silent(sidegate.port);
    client.send(&startup(&[("user", "alice"), ("database", &sidegate.database)]));
    let welcome = client.until_ready();
    let key = welcome.iter().find(|message| message.tag == 'K').expect("a key").body.clone();
    let request = [&16_u32.to_be_bytes()[..], &80_877_102_u32.to_be_bytes(), &key].concat();
    client.send(&query("select pg_sleep(60)"));
    until("the statement to be cancelled", || {
        let mut another = Raw::silent(sidegate.port);
        another.send(&request);
        assert!(another.until_end().is_empty());
        client.answers_within(Duration::from_millis(300)).then_some(())
    });
    assert_eq!(spell(&client.until_ready()), "T E:57014 Z:I");
}

#[test]
fn a_server_that_is_not_trusted_is_told_of_in_a_sentence_and_named_in_the_log() {
    trusted();
    let file = tempfile::NamedTempFile::new().expect("a file");
    fs::write(file.path(), authority().pem()).expect("another signer");
    let sidegate = Setup::open().upstream_tls(&format!("{{mode: verify-ca, ca: {}}}", file.path().display())).start();
    let text = said(&sidegate.psql(&["-c", "select 1"]));
    assert!(text.contains("there is no trusted connection to the database") && !text.contains("sign"), "{text}");
    let told = |line: &String| line.contains("the certificate of `127.0.0.1:") && line.contains("signature");
    until("the log", || sidegate.stderr().iter().find(|line| told(line)).cloned());
    let mut client = Raw::silent(sidegate.port);
    client.send(&startup(&[("user", "alice"), ("database", &sidegate.database)]));
    assert_eq!(spell(&client.until_end()), "E:08001");
    let failed = sidegate.metric("sidegate_upstream_connect_failures_total{listener=\"shop\"}");
    assert!((failed - 2.0).abs() < 0.5, "{failed}");
}

#[test]
fn a_server_without_tls_gets_nothing_in_clear() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let told = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        let mut told = vec![0; 8];
        stream.read_exact(&mut told).expect("a request");
        stream.write_all(b"N").expect("an answer");
        stream.read_to_end(&mut told).expect("the end");
        told
    });
    let sidegate = verified().upstream(port).start();
    let text = said(&sidegate.psql(&["-c", "select 1"]));
    assert!(text.contains("there is no trusted connection to the database"), "{text}");
    assert_eq!(told.join().expect("it ends"), b"\0\0\0\x08\x04\xd2\x16\x2f");
}

#[test]
fn passwords_rotate_under_open_sessions() {
    let role = "rotating";
    postgres().sql("postgres", &format!("create role {role} login superuser password 'first'"));
    let sidegate = verified().credential(role, "first").start();
    let mut open = Raw::open(sidegate.port, &sidegate.database);
    for password in ["hunter2-b", "hunter2 with blanks ", "hunter2-d"] {
        postgres().sql("postgres", &format!("alter role {role} password '{password}'"));
        let text = said(&sidegate.psql(&["-c", "select 1"]));
        assert!(text.contains("sidegate could not log in to the database"), "{text}");
        assert!(!text.contains("rotating"), "the server's words are not repeated: {text}");
        let file = sidegate.path("password");
        fs::write(file.with_extension("new"), format!("{password}\n")).expect("the password");
        fs::rename(file.with_extension("new"), file).expect("the password");
        assert_eq!(said(&sidegate.psql(&["-c", "select 1"])), "1\n");
        assert_eq!(open.ask(&query("select 1")), "T D C:SELECT 1 Z:I", "open sessions go on");
    }
    assert!(!sidegate.stderr().iter().any(|line| line.contains("hunter2")), "no password is logged");
}

#[test]
fn a_storm_of_sighup_drops_nobody() {
    let sidegate = verified().start();
    let mut open = Raw::open(sidegate.port, &sidegate.database);
    for _ in 0..100 {
        let sent = Command::new("kill").args(["-HUP", &sidegate.pid().to_string()]).status().expect("kill runs");
        assert!(sent.success());
        assert_eq!(open.ask(&query("select 1")), "T D C:SELECT 1 Z:I");
    }
    until("the log", || sidegate.stderr().iter().any(|line| line.contains("asked by SIGHUP")).then_some(()));
    assert_eq!(said(&sidegate.psql(&["-c", "select 2"])), "2\n");
}

#[test]
fn the_systems_certificates_count_without_a_ca_and_are_read_anew_on_sighup() {
    let system = tempfile::NamedTempFile::new().expect("a file");
    fs::write(system.path(), authority().pem()).expect("another signer");
    let path = system.path().to_str().expect("a name");
    let setup = Setup::open().upstream_tls("{mode: verify-full}").variable("SSL_CERT_FILE", path);
    let ours = fs::read(trusted()).expect("the signer");
    let sidegate = setup.variable("SSL_CERT_DIR", "/nowhere").start();
    let tried = || said(&sidegate.psql(&["-c", "select 1"]));
    assert!(tried().contains("there is no trusted connection to the database"));
    fs::write(system.path(), ours).expect("the signer");
    let sent = Command::new("kill").args(["-HUP", &sidegate.pid().to_string()]).status().expect("kill runs");
    assert!(sent.success());
    until("the signer to be trusted", || (tried() == "1\n").then_some(()));
}

#[test]
fn what_the_server_has_against_a_session_is_told_as_the_server_tells_it() {
    let sidegate = Setup::open().start();
    let reach = |parameters: &[(&str, &str)]| {
        let mut client = Raw::silent(sidegate.port);
        client.send(&startup(&[&[("user", "alice")][..], parameters].concat()));
        let answer = client.until_end();
        (spell(&answer), answer[0].field('M'))
    };
    let database = sidegate.database.as_str();
    for (parameters, code, words) in [
        (&[("database", "no_such_shop")][..], "E:3D000", "database \"no_such_shop\" does not exist"),
        (&[("database", "template0")], "E:55000", "database \"template0\" is not currently accepting connections"),
        (
            &[("database", database), ("DateStyle", "nonsense")],
            "E:22023",
            "invalid value for parameter \"DateStyle\": \"nonsense\"",
        ),
    ] {
        assert_eq!(reach(parameters), (code.to_owned(), words.to_owned()));
    }
    let script = "import psycopg\n\
                  try: psycopg.connect(dbname='no_such_shop')\n\
                  except psycopg.OperationalError as e: print(e)";
    let told =
        said(&sidegate.environment(python().args(["-c", script])).env_remove("PGDATABASE").output().expect("it runs"));
    assert!(told.contains("FATAL:  database \"no_such_shop\" does not exist"), "{told}");
}

#[test]
fn what_a_server_says_before_it_is_known_reaches_the_log_only_and_little_of_it() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        let words = format!("call 555-0100\u{1b}[2J\r\n{{\"msg\":\"forged\"}}\n{}", "\u{7}x".repeat(10_000));
        let refusal = message('E', format!("SFATAL\0VFATAL\0C28000\0M{words}\0\0").as_bytes());
        for stream in listener.incoming() {
            let _ = stream.expect("a connection").write_all(&refusal);
        }
    });
    let sidegate = Setup::open().upstream(port).start();
    let text = said(&sidegate.psql(&["-c", "select 1"]));
    assert!(text.contains("sidegate could not log in to the database") && !text.contains("555"), "{text}");
    let line = until("the log", || sidegate.stderr().into_iter().find(|line| line.contains("555-0100")));
    assert!(line.len() < 1500 && !line.contains('\u{1b}') && !line.contains('\u{7}'), "{line:?}");
    assert!(!sidegate.stderr().iter().any(|line| line.starts_with("{\"msg\":\"forged\"")));
}
