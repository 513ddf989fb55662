//! TLS towards clients: those that others wrote, those that mean ill, and certificates that change meanwhile.

use std::io::Write;
use std::net::TcpStream;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::date_time_ymd;

use crate::harness::pki::Pki;
use crate::harness::raw::{Raw, RawTls, SSL_REQUEST, message, query, spell, startup};
use crate::harness::{Setup, Sidegate, binary, node, python, said, until};

fn start(pki: &Pki) -> Sidegate {
    Setup::open().listener(&pki.yaml()).start()
}

fn psql(sidegate: &Sidegate, pki: &Pki, mode: &str, command: &str) -> Output {
    let mut psql = Command::new("psql");
    psql.args(["-X", "-A", "-t", "-c", command]).env("PGSSLMODE", mode).env("PGSSLROOTCERT", pki.path("ca.crt"));
    sidegate.environment(&mut psql).output().expect("psql runs")
}

fn open(sidegate: &Sidegate, pki: &Pki) -> RawTls {
    let mut client = RawTls::encrypted(sidegate.port, &pki.client()).expect("a handshake");
    client.send(&startup(&[("user", "alice"), ("database", &sidegate.database)]));
    client.until_ready();
    client
}

#[test]
fn psql_speaks_tls_in_each_mode_and_never_without() {
    let (pki, stranger) = (Pki::new(), Pki::new());
    let sidegate = start(&pki);
    // `allow` tries without first, and is told.
    for mode in ["allow", "prefer", "require", "verify-ca", "verify-full"] {
        let text = said(&psql(&sidegate, &pki, mode, "\\conninfo"));
        assert!(text.contains("SSL connection (protocol: TLSv1.3"), "{mode}: {text}");
        assert_eq!(said(&psql(&sidegate, &pki, mode, "select name from customers where id = 7")), "customer 7\n");
    }
    let text = said(&psql(&sidegate, &pki, "disable", "select 1"));
    assert!(text.contains("FATAL:  sidegate takes TLS connections only here"), "{text}");
    let text = said(&psql(&sidegate, &stranger, "verify-full", "select 1"));
    assert!(text.contains("certificate verify failed"), "{text}");
    assert!(sidegate.events().iter().all(|event| event["input"]["sql"]["text"] != "select 1"));
}

#[test]
fn drivers_go_through_their_journeys_inside_tls() {
    let pki = Pki::new();
    let sidegate = start(&pki);
    let journey = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/journeys/clients");
    for negotiation in ["postgres", "direct"] {
        let mut program = python();
        program.arg(format!("{journey}/tls_journey.py")).env("PGSSLNEGOTIATION", negotiation);
        program.env("PGSSLMODE", "verify-full").env("PGSSLROOTCERT", pki.path("ca.crt"));
        let output = sidegate.environment(&mut program).output().expect("python runs");
        assert!(output.status.success(), "{negotiation}: {}", said(&output));
    }
    let mut programs = [python(), node()];
    programs[0].arg(format!("{journey}/psycopg_journey.py")).env("PGSSLROOTCERT", pki.path("ca.crt"));
    programs[1].arg(format!("{journey}/node_journey.js")).env("NODE_EXTRA_CA_CERTS", pki.path("ca.crt"));
    for program in &mut programs {
        let output = sidegate.environment(program.env("PGSSLMODE", "verify-full")).output().expect("it runs");
        assert!(output.status.success(), "{}", said(&output));
    }
}

/// Whoever stands in between with a certificate that the client takes for good learns nothing that opens a session.
#[test]
fn passwords_are_bound_to_the_certificate_where_the_client_can() {
    let pki = Pki::new();
    let users = pki.path("users");
    let verifier = postgres_protocol::password::scram_sha_256(b"s3cret");
    std::fs::write(&users, format!("alice:{verifier}\n")).expect("the users");
    let identify = format!("[{{scram: {{users: {}}}}}]", users.display());
    let sidegate = Setup::open().identify(&identify).listener(&pki.yaml()).start();
    for (password, binding, want) in [
        ("s3cret", "require", "customer 7\n"),
        ("s3cret", "prefer", "customer 7\n"),
        ("s3cret", "disable", "customer 7\n"),
        ("wrong", "require", "password authentication failed"),
    ] {
        let mut psql = Command::new("psql");
        psql.args(["-X", "-A", "-t", "-w", "-c", "select name from customers where id = 7"]);
        psql.env("PGPASSWORD", password).env("PGCHANNELBINDING", binding).env("PGSSLMODE", "require");
        let text = said(&sidegate.environment(&mut psql).output().expect("psql runs"));
        assert!(text.contains(want), "{password} {binding}: {text}");
    }
    let begin = |mechanism: &str, data: &str| {
        let mut client = RawTls::encrypted(sidegate.port, &pki.client()).expect("a handshake");
        client.send(&startup(&[("user", "alice"), ("database", &sidegate.database)]));
        assert!(client.next().expect("an offer").body.ends_with(b"SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0"));
        let length = u32::try_from(data.len()).expect("short").to_be_bytes();
        client.send(&message('p', &[mechanism.as_bytes(), &[0], &length, data.as_bytes()].concat()));
        let answer = client.next().expect("an answer");
        (client, answer)
    };
    // A client that could bind and was not offered it has been lied to; other bindings are not spoken.
    for (mechanism, data) in [
        ("SCRAM-SHA-256", "y,,n=,r=abc"),
        ("SCRAM-SHA-256", "p=tls-server-end-point,,n=,r=abc"),
        ("SCRAM-SHA-256-PLUS", "n,,n=,r=abc"),
        ("SCRAM-SHA-256-PLUS", "y,,n=,r=abc"),
        ("SCRAM-SHA-256-PLUS", "p=tls-unique,,n=,r=abc"),
        ("SCRAM-SHA-256-PLUS", "p=tls-server-end-point,a=admin,n=,r=abc"),
        ("SCRAM-SHA-1", "n,,n=,r=abc"),
    ] {
        let (_, answer) = begin(mechanism, data);
        assert_eq!(spell(&[answer]), "E:08P01", "{mechanism} {data}");
    }
    // The other end of another certificate.
    let (mut client, challenge) = begin("SCRAM-SHA-256-PLUS", "p=tls-server-end-point,,n=,r=abc");
    let nonce = String::from_utf8_lossy(&challenge.body[4..]).split(',').next().expect("a nonce").to_owned();
    let stranger = STANDARD.encode([&b"p=tls-server-end-point,,"[..], &[7; 32]].concat());
    client.send(&message('p', format!("c={stranger},{nonce},p={}", STANDARD.encode([0; 32])).as_bytes()));
    assert_eq!(spell(&client.until_end()), "E:08P01");
}

#[test]
fn pgbench_holds_its_connections_inside_tls() {
    let pki = Pki::new();
    let sidegate = start(&pki);
    let bench = |arguments: &[&str]| {
        let mut command = Command::new("pgbench");
        command.args(arguments).env("PGSSLMODE", "require");
        let output = sidegate.environment(&mut command).output().expect("pgbench runs");
        assert!(output.status.success(), "{}", said(&output));
        said(&output)
    };
    bench(&["-i", "-q", "-s", "1"]);
    let text = bench(&["-n", "-M", "prepared", "-c", "4", "-j", "2", "-t", "50"]);
    assert!(text.contains("transactions actually processed: 200/200"), "{text}");
}

/// CVE-2021-23214, CVE-2021-3935: what somebody in between puts before the handshake is nobody's statement.
#[test]
fn a_session_that_was_begun_in_clear_is_never_carried_on_inside() {
    let pki = Pki::new();
    let mut sidegate = start(&pki);
    let mut neighbour = open(&sidegate, &pki);
    let start = startup(&[("user", "alice"), ("database", &sidegate.database)]);
    let mut client = Raw::silent(sidegate.port);
    client.send(&[&SSL_REQUEST[..], &start, &query("create table smuggled (id int)")].concat());
    assert_eq!(spell(&client.until_end()), "E:08P01");
    assert_eq!(neighbour.ask(&query("select to_regclass('public.smuggled') is null")), "T D C:SELECT 1 Z:I");
    assert_eq!(neighbour.ask(&query("select count(*) from smuggled")), "E:42P01 Z:I");
    assert!(sidegate.is_alive());
}

#[test]
fn half_handshakes_and_garbage_end_and_nobody_else_waits() {
    let pki = Pki::new();
    let mut sidegate =
        Setup::open().listener(&format!("{}\nlimits: {{connections: 60, startup: 1s}}", pki.yaml())).start();
    let mut neighbour = open(&sidegate, &pki);
    let before = sidegate.resident();
    let mut crowd: Vec<TcpStream> = Vec::new();
    for number in 0..50_u8 {
        let mut client = TcpStream::connect(("127.0.0.1", sidegate.port)).expect("somebody listens");
        // A record that ends in the middle, one that is garbage, and one that claims more than a record may.
        let said: &[u8] = match number % 3 {
            0 => &[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3],
            1 => &[0x16, 3, 1, 0, 5, 1, 2, 3, 4, 5],
            _ => &[0x16, 3, 1, 0xff, 0xff, 1, 2],
        };
        client.write_all(said).expect("it is taken");
        crowd.push(client);
    }
    assert_eq!(neighbour.ask(&query("select 1")), "T D C:SELECT 1 Z:I");
    let failed = || sidegate.metric("sidegate_tls_handshakes_failed_total{");
    until("every handshake to be given up", || (failed() >= 50.0).then_some(()));
    assert_eq!(neighbour.ask(&query("select 1")), "T D C:SELECT 1 Z:I");
    assert!(sidegate.resident() < before + 32_768, "{} KiB more", sidegate.resident() - before);
    drop(crowd);
    drop(open(&sidegate, &pki));
    assert!(sidegate.is_alive());
}

#[test]
fn certificates_rotate_under_load_and_no_connection_is_lost() {
    let pki = Pki::new();
    let sidegate = start(&pki);
    let mut session = open(&sidegate, &pki);
    let (done, opened) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    assert_eq!(open(&sidegate, &pki).ask(&query("select 1")), "T D C:SELECT 1 Z:I");
                    opened.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for year in 2041..2045 {
            let leaf = pki.issue(|params| params.not_after = date_time_ymd(year, 1, 2));
            let before = opened.load(Ordering::Relaxed);
            pki.install(&leaf);
            until("the new certificate", || {
                (open(&sidegate, &pki).certificate() == *leaf.certificate.der()).then_some(())
            });
            let ends = f64::from(u32::try_from(date_time_ymd(year, 1, 2).unix_timestamp()).expect("before 2106"));
            let told = sidegate.metric("sidegate_certificate_expiry_timestamp_seconds{listener=\"shop\"}");
            assert!((told - ends).abs() < 0.5, "{told}, where it is {ends}");
            until("more sessions", || (opened.load(Ordering::Relaxed) > before + 5).then_some(()));
            assert_eq!(session.ask(&query("select 1")), "T D C:SELECT 1 Z:I", "older sessions go on");
        }
        done.store(true, Ordering::Relaxed);
    });
    assert_eq!(sidegate.metric("sidegate_certificate_reload_failures_total"), 0.0);
    // One that cannot serve changes nothing, and is told.
    let serving = open(&sidegate, &pki).certificate();
    pki.install(&pki.issue(|params| params.not_after = date_time_ymd(2020, 1, 1)));
    let failures = "sidegate_certificate_reload_failures_total{";
    until("the refusal", || (sidegate.metric(failures) == 1.0).then_some(()));
    assert_eq!(open(&sidegate, &pki).certificate(), serving);
    let told = |line: &String| line.contains("expired on 2020-01-01T00:00:00Z") && line.contains("tls.crt");
    assert!(sidegate.stderr().iter().any(told));
}

#[test]
fn an_expired_certificate_keeps_sidegate_from_starting_and_check_finds_it() {
    let pki = Pki::new();
    let mut sidegate = start(&pki);
    assert!(sidegate.terminate().success());
    let run = |command: &str| {
        let mut program = Command::new(binary());
        program.args([command, "-c"]).arg(sidegate.path("sidegate.yaml")).output().expect("it runs")
    };
    assert!(run("check").status.success(), "{}", said(&run("check")));
    pki.install(&pki.issue(|params| params.not_after = date_time_ymd(2020, 1, 1)));
    for (command, code) in [("check", 1), ("run", 2)] {
        let output = run(command);
        let text = said(&output);
        assert_eq!(output.status.code(), Some(code), "{text}");
        let file = pki.path("tls.crt").display().to_string();
        assert!(text.contains(&format!("the certificate in `{file}` expired on 2020-01-01T00:00:00Z")), "{text}");
    }
    assert!(said(&run("check")).contains("plugins.sidegate.listeners[0].tls: "), "{}", said(&run("check")));
}

#[test]
fn who_is_turned_away_at_the_door_is_counted_and_written_down_but_not_without_end() {
    let pki = Pki::new();
    let sidegate = start(&pki);
    let plain = startup(&[("user", &"x".repeat(5_000)), ("database", "shop")]);
    let refused = |bytes: &[u8]| {
        let mut raw = Raw::silent(sidegate.port);
        raw.send(bytes);
        raw.until_end()
    };
    assert_eq!(spell(&refused(&plain)), "E:28000");
    refused(&[&SSL_REQUEST[..], &plain].concat());
    for (cause, reason) in [("identity", "clear"), ("protocol", "early_bytes")] {
        let event = sidegate.event(reason, |event| event["custom"]["sidegate"]["cause"] == cause);
        assert_eq!(
            (&event["custom"]["sidegate"]["stage"], &event["custom"]["sidegate"]["outcome"]),
            (&"session".into(), &"denied".into())
        );
        assert_eq!(event["input"]["session"]["client"]["user"], "", "nothing of what a stranger sends");
        assert!(event["requested_by"].as_str().is_some_and(|peer| peer.starts_with("127.0.0.1:")), "{event}");
        let metric = format!("sidegate_connections_turned_away_total{{listener=\"shop\",reason=\"{reason}\"}}");
        until(reason, || (sidegate.metric(&metric) > 0.5).then_some(()));
    }
    let began = Instant::now();
    for _ in 0..200 {
        refused(&plain);
    }
    let unrecorded = until("each to be counted", || {
        let unrecorded = sidegate.metric("sidegate_refusals_unrecorded_total");
        let written = u32::try_from(sidegate.events().len()).expect("few");
        (unrecorded + f64::from(written) > 201.5).then_some(unrecorded)
    });
    let allowed = 21.0 + began.elapsed().as_secs_f64();
    assert!(unrecorded >= 202.0 - allowed, "{unrecorded}, where {allowed} may be written down");
    // A cancel request with a key of nobody.
    let key = [16_u32.to_be_bytes(), 80_877_102_u32.to_be_bytes(), [0; 4], [7; 4]].concat();
    assert!(refused(&key).is_empty());
    until("the request to be counted", || {
        (sidegate.metric("sidegate_cancel_requests_total{listener=\"shop\",outcome=\"wrong_key\"}") > 0.5).then_some(())
    });
}
