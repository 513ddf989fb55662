//! Callers with tokens: who they are for policy and in events, and when they are nobody any more.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::pki::{Leaf, Pki};
use crate::harness::provider::{Key, Provider};
use crate::harness::raw::{Raw, bind, execute, message, parse, query, spell, startup, sync};
use crate::harness::{Setup, Sidegate, postgres, python, said, tools, until};

const ANALYSTS: &str = "package policies.shop\n\n\
    allow contains \"analysts\" if {\n\t\"analysts\" in input.caller.groups\n\tinput.caller.method == \"jwt\"\n}\n";
const JWT: &str = "[{jwt: {issuer: corp}}]";

fn start(provider: &Provider, more: &str) -> Sidegate {
    let configuration = provider.configuration(&format!(", groups_claim: groups, claims: [department]{more}"));
    Setup::policy(ANALYSTS).identify(JWT).sidegate(&configuration).start()
}

/// A session that a token opened, and what it was told meanwhile.
fn log_in(sidegate: &Sidegate, token: &str) -> (Raw, String) {
    let mut raw = Raw::silent(sidegate.port);
    raw.send(&startup(&[("user", "anybody"), ("database", &sidegate.database)]));
    assert_eq!(raw.next().expect("a question").body, 3_u32.to_be_bytes(), "a password is asked for");
    raw.send(&message('p', &[token.as_bytes(), b"\0"].concat()));
    let mut told = Vec::new();
    while let Some(message) = raw.next() {
        let ready = message.tag == 'Z';
        told.push(message);
        if ready {
            break;
        }
    }
    let told = spell(&told);
    (raw, told)
}

fn open(sidegate: &Sidegate, token: &str) -> Raw {
    let (raw, told) = log_in(sidegate, token);
    assert!(told.ends_with("Z:I"), "{told}");
    raw
}

#[test]
fn psql_and_psycopg_log_in_with_a_token_as_their_password() {
    let key = Key::new("k1");
    let provider = Provider::start(&[&key]);
    let sidegate = start(&provider, "");
    let token = key.token(&provider.claims(600));
    assert_eq!(said(&sidegate.psql_as(&token, &["-c", "select count(*) from customers"])), "100\n");
    let event = sidegate.event_of("select count(*) from customers");
    let caller = &event["input"]["caller"];
    let expires_at = caller["expires_at"].as_str().expect("a time");
    assert!(expires_at.starts_with("20") && expires_at.ends_with('Z'), "{expires_at}");
    assert_eq!(
        caller,
        &json!({"subject": "alice@example.com", "issuer": provider.issuer, "method": "jwt", "verified": true,
                "groups": ["analysts"], "claims": {"department": "risk"}, "expires_at": expires_at,
                "actor": {"subject": "agent-7"}})
    );
    assert_eq!(event["input"]["session"]["client"]["user"], "alice", "a claim, never an identity");
    let script = "import os, psycopg\n\
                  with psycopg.connect(autocommit=True) as c: print(c.execute('select 7').fetchone()[0])";
    let mut command = python();
    command.args(["-c", script]).env("PGPASSWORD", &token);
    assert_eq!(said(&sidegate.environment(&mut command).output().expect("python runs")), "7\n");
    assert!((sidegate.metric("sidegate_logins_total{listener=\"shop\",method=\"jwt\"}") - 2.0).abs() < 0.5);
    assert!((sidegate.metric("sidegate_issuer_keys{issuer=\"corp\"}") - 1.0).abs() < 0.5);
    let taken = sidegate.metric("sidegate_issuer_keys_taken_seconds{issuer=\"corp\"}");
    let now = f64::from(u32::try_from(crate::harness::provider::now()).expect("before 2106"));
    assert!(taken > now - 60.0 && taken < now + 2.0, "{taken}, and it is {now}");
    assert!(!sidegate.stderr().join("\n").contains(&token[..40]), "no token in any log");
}

#[test]
fn a_token_that_is_not_for_here_is_refused_and_written_down() {
    let (key, mallory) = (Key::new("k1"), Key::new("k1"));
    let provider = Provider::start(&[&key]);
    let sidegate = start(&provider, "");
    let with = |name: &str, value: Value| {
        let mut claims = provider.claims(600);
        claims[name] = value;
        key.token(&claims)
    };
    let (header, rest) = {
        let token = key.token(&provider.claims(600));
        let (header, rest) = token.split_once('.').map(|(a, b)| (a.to_owned(), b.to_owned())).expect("three parts");
        (header, rest)
    };
    let none = base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, r#"{"alg":"none"}"#);
    for (token, logged) in [
        (with("aud", json!("another")), "another audience"),
        (with("exp", json!("never")), "the claim `exp` is missing"),
        (with("exp", json!(1)), "it has expired"),
        (with("sub", json!("")), "the claim `sub` is missing"),
        (
            with("sub", json!("alice\u{ad}@example.com")),
            "the claim `sub` has the character U+00AD where nobody sees it",
        ),
        (with("jti", json!(7)), "the claim `jti` is missing or not text"),
        (with("department", json!(1e300)), "the claim `department` is missing or not a value whose numbers"),
        (with("groups", json!("analysts")), "the claim `groups` is missing"),
        (with("iss", json!("https://evil.example")), "no issuer of this listener"),
        (mallory.token(&provider.claims(600)), "the signature is wrong"),
        (Key::new("k2").token(&provider.claims(600)), "the issuer has no key `k2`"),
        (format!("{none}.{rest}"), "its `alg` is none that is accepted"),
        (format!("{none}.{}.", rest.split('.').next().expect("claims")), "its `alg` is none that is accepted"),
        (format!("{header}.{rest}.x"), "three parts"),
        ("hunter2".to_owned(), "three parts"),
    ] {
        let before = sidegate.stderr().len();
        let (_, told) = log_in(&sidegate, &token);
        assert_eq!(told, "E:28000", "{logged}");
        until(logged, || {
            let lines = sidegate.stderr();
            let said = lines[before..].iter().find(|line| line.contains("refused a caller"))?.clone();
            assert!(said.contains(logged), "{logged}: {said}");
            Some(())
        });
    }
    let event = sidegate.event("the refusal", |event| event["custom"]["sidegate"]["cause"] == "identity");
    assert_eq!(event["custom"]["sidegate"]["outcome"], "denied");
    assert_eq!(event["input"]["caller"]["verified"], false);
    assert!(sidegate.metric("sidegate_logins_refused_total") > 14.0);
    let mut without = provider.claims(600);
    without.as_object_mut().expect("claims").remove("department");
    assert_eq!(said(&sidegate.psql_as(&key.token(&without), &["-c", "select 'none'"])), "none\n");
    let caller = sidegate.event_of("select 'none'")["input"]["caller"].clone();
    assert_eq!(caller["claims"], json!({"department": null}), "what is configured is always there");
    let shown = said(&sidegate.psql_as("hunter2", &["-c", "select 1"]));
    assert!(shown.contains("FATAL:  the token was not accepted"), "{shown}");
    assert!(!sidegate.stderr().join("\n").contains("hunter2"));
}

#[test]
fn an_idle_session_ends_when_its_identity_does() {
    let key = Key::new("k1");
    let provider = Provider::start(&[&key]);
    let sidegate = start(&provider, ", skew: 0s");
    let mut idle = open(&sidegate, &key.token(&provider.claims(3)));
    let mut in_transaction = open(&sidegate, &key.token(&provider.claims(3)));
    let mut lasting = open(&sidegate, &key.token(&provider.claims(600)));
    assert_eq!(in_transaction.ask(&query("begin")), "C:BEGIN Z:T");
    assert_eq!(spell(&idle.until_end()), "E:57P01");
    assert_eq!(spell(&in_transaction.until_end()), "E:57P01", "an open transaction does not keep it");
    assert_eq!(lasting.ask(&query("select 1")), "T D C:SELECT 1 Z:I");
    let ended = sidegate.metric("sidegate_identities_ended_total{listener=\"shop\",reason=\"expired\"}");
    assert!((ended - 2.0).abs() < 0.5, "{ended}");
}

#[test]
fn a_running_statement_ends_after_its_answer_and_the_next_is_refused() {
    let key = Key::new("k1");
    let provider = Provider::start(&[&key]);
    let sidegate = start(&provider, ", skew: 0s");
    let mut running = open(&sidegate, &key.token(&provider.claims(2)));
    running.send(&query("select pg_sleep(4)"));
    assert_eq!(spell(&running.until_end()), "T D C:SELECT 1 Z:I E:57P01");

    let claims = provider.claims(2);
    let mut pipelined = open(&sidegate, &key.token(&claims));
    pipelined.send(&query("select pg_sleep(4)"));
    let expired = claims["exp"].as_u64().expect("a time");
    until("the token to expire", || (crate::harness::provider::now() > expired).then_some(()));
    pipelined.send(&query("select 'after the end'"));
    assert_eq!(spell(&pipelined.until_end()), "T D C:SELECT 1 Z:I E:28000");
    let event = sidegate.event("the refusal", |event| event["custom"]["sidegate"]["cause"] == "identity");
    assert_eq!(event["custom"]["sidegate"]["stage"], "request");
    assert!(!crate::harness::postgres().log().contains("after the end"), "it never arrived");
}

#[test]
fn a_statement_that_had_to_wait_until_its_caller_was_nobody_is_not_sent() {
    let key = Key::new("k1");
    let provider = Provider::start(&[&key]);
    let sidegate = start(&provider, ", skew: 0s");
    let mut client = open(&sidegate, &key.token(&provider.claims(2)));
    // What follows a change of settings is judged once that is answered.
    client.send(&query("select set_config('work_mem', '5MB', false), pg_sleep(4)"));
    client.send(&query("select 'queued too long'"));
    assert_eq!(spell(&client.until_end()), "T D C:SELECT 1 Z:I E:28000");
    assert!(!crate::harness::postgres().log().contains("queued too long"), "it never arrived");
}

#[test]
fn what_waits_for_a_sync_when_the_identity_ends_is_never_committed() {
    let key = Key::new("k1");
    let provider = Provider::start(&[&key]);
    let sidegate = start(&provider, ", skew: 0s");
    let run = |sql: &str| [parse("", sql), bind("", "", &[]), execute("", 0)].concat();
    let claims = provider.claims(3);
    let [mut silent, mut late, mut done] = std::array::from_fn(|_| open(&sidegate, &key.token(&claims)));
    silent.send(&run("insert into payroll values (900, 1)"));
    late.send(&[run("insert into payroll values (901, 1)"), run("select pg_sleep(5)")].concat());
    done.send(&[run("insert into payroll select 902, 1 from pg_sleep(5)"), sync()].concat());
    let expired = claims["exp"].as_u64().expect("a time");
    until("the token to expire", || (crate::harness::provider::now() > expired).then_some(()));
    late.send(&sync());
    assert_eq!(spell(&silent.until_end()), "1 2 C:INSERT 0 1 E:57P01");
    assert_eq!(spell(&late.until_end()), "1 2 C:INSERT 0 1 1 2 D C:SELECT 1 E:57P01");
    assert_eq!(spell(&done.until_end()), "1 2 C:INSERT 0 1 Z:I E:57P01");
    let written = postgres().sql(&sidegate.database, "select string_agg(id::text, ',') from payroll where id >= 900");
    assert_eq!(written, "902", "only what had its Sync in time");
}

#[test]
fn a_copy_does_not_outlive_the_identity() {
    let key = Key::new("k1");
    let provider = Provider::start(&[&key]);
    let sidegate = start(&provider, ", skew: 0s");
    let claims = provider.claims(3);
    let mut clients: [_; 3] = std::array::from_fn(|_| open(&sidegate, &key.token(&claims)));
    for client in &mut clients {
        client.send(&[query("copy payroll from stdin"), message('d', b"900\t1\n")].concat());
        assert_eq!(client.next().map(|message| message.tag), Some('G'));
    }
    let [mut silent, mut torn, mut busy] = clients;
    torn.send(&message('d', b"901\t1\n")[..7]);
    until("the end", || {
        busy.send(&message('d', b"902\t1\n"));
        busy.answers_within(Duration::from_millis(20)).then_some(())
    });
    for client in [&mut silent, &mut torn, &mut busy] {
        assert_eq!(spell(&client.until_end()), "E:57P01");
    }
    assert_eq!(postgres().sql(&sidegate.database, "select count(*) from payroll where id >= 900"), "0");
}

#[test]
fn keys_rotate_and_a_provider_that_is_away_locks_nobody_out_at_once() {
    let (old, new, last) = (Key::new("k1"), Key::new("k2"), Key::new("k3"));
    let provider = Provider::start(&[&old]);
    let sidegate = start(&provider, ", max_age: 8s");
    let try_with = |key: &Key| log_in(&sidegate, &key.token(&provider.claims(600))).1;
    assert!(try_with(&old).ends_with("Z:I"));
    provider.has(&[&new]);
    assert!(try_with(&new).ends_with("Z:I"), "a new key is asked for");
    assert_eq!(try_with(&old), "E:28000", "a key that is gone is gone");
    provider.says("{\"keys\":[]}");
    assert!(try_with(&new).ends_with("Z:I"), "an empty set is no set");
    provider.goes_away();
    let away = Instant::now();
    assert!(try_with(&new).ends_with("Z:I"));
    assert_eq!(try_with(&last), "E:28000");
    until("the keys to be too old", || (try_with(&new) == "E:28000").then_some(()));
    assert!(away.elapsed() > Duration::from_secs(4), "{:?}", away.elapsed());
    for said in ["cannot get an issuer's keys", "younger than `max_age`"] {
        until(said, || sidegate.stderr().iter().any(|line| line.contains(said)).then_some(()));
    }
    assert!(sidegate.metric("sidegate_issuer_key_fetches_total{issuer=\"corp\",outcome=\"failed\"}") > 0.5);
}

#[test]
fn a_provider_that_comes_later_is_found() {
    let key = Key::new("k1");
    let provider = Provider::start(&[&key]);
    provider.says("starting…");
    let sidegate = start(&provider, "");
    let token = key.token(&provider.claims(600));
    assert_eq!(log_in(&sidegate, &token).1, "E:28000");
    provider.has(&[&key]);
    until("the keys", || log_in(&sidegate, &token).1.ends_with("Z:I").then_some(()));
}

#[test]
fn oauthbearer_ends_in_a_session_or_in_an_answer_that_says_where_to_go() {
    let key = Key::new("k1");
    let provider = Provider::start(&[&key]);
    let sidegate = Setup::open()
        .identify("[{jwt: {issuer: corp, ask: oauthbearer}}]")
        .sidegate(&provider.configuration(""))
        .start();
    let token = key.token(&provider.claims(600));
    for (auth, want) in
        [(format!("Bearer {token}"), ""), (String::new(), "invalid_token"), ("Bearer x".to_owned(), "invalid_token")]
    {
        let mut raw = Raw::silent(sidegate.port);
        raw.send(&startup(&[("user", "anybody"), ("database", &sidegate.database)]));
        assert_eq!(raw.next().expect("an offer").body, b"\0\0\0\x0aOAUTHBEARER\0\0");
        let data = format!("n,,\u{1}auth={auth}\u{1}\u{1}");
        let length = u32::try_from(data.len()).expect("short").to_be_bytes();
        raw.send(&message('p', &[b"OAUTHBEARER\0", &length[..], data.as_bytes()].concat()));
        if want.is_empty() {
            assert!(spell(&raw.until_ready()).ends_with("Z:I"));
            assert!(raw.ask(&query("select 1")).ends_with("Z:I"));
            continue;
        }
        let answer = raw.next().expect("an answer").body;
        let said: Value = serde_json::from_slice(&answer[4..]).expect("JSON");
        assert_eq!(said["status"], want);
        assert_eq!(said["openid-configuration"], format!("{}/.well-known/openid-configuration", provider.issuer));
        raw.send(&message('p', b"\x01"));
        assert_eq!(spell(&raw.until_end()), "E:28000");
    }
}

#[test]
fn libpqs_own_oauthbearer_opens_a_session() {
    let (key, pki) = (Key::new("k1"), Pki::new());
    let provider = Provider::start(&[&key]);
    // libpq takes nothing but https for a provider; the keys are at an address of their own.
    let issuer = "https://idp.example.com";
    let keys = format!("{}/keys", provider.issuer);
    let sidegate = Setup::open()
        .identify("[{jwt: {issuer: corp, ask: oauthbearer}}]")
        .sidegate(&format!(
            "issuers: [{{name: corp, issuer: \"{issuer}\", audience: sidegate, jwks: {{url: \"{keys}\"}}}}]"
        ))
        .listener(&pki.yaml())
        .start();
    let run = |token: &str| {
        let mut program = python();
        program.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/journeys/clients/oauth_journey.py"));
        program.env("PGSSLMODE", "verify-full").env("PGSSLROOTCERT", pki.path("ca.crt"));
        program.env("TOKEN", token).env("ISSUER", issuer);
        said(&sidegate.environment(&mut program).output().expect("python runs"))
    };
    let mut claims = provider.claims(600);
    claims["iss"] = json!(issuer);
    assert_eq!(run(&key.token(&claims)), format!("42 {issuer}/.well-known/openid-configuration\n"));
    let told = run("nonsense");
    assert!(told.contains("the token was not accepted"), "{told}");
}

/// psql with a client certificate.
fn psql_with(sidegate: &Sidegate, pki: &Pki, leaf: &Leaf, password: &str) -> String {
    let (certificate, key) = (pki.path("client.crt"), pki.path("client.key"));
    std::fs::write(&certificate, leaf.certificate.pem()).expect("written");
    std::fs::write(&key, leaf.key.serialize_pem()).expect("written");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(&key, mode).expect("private");
    let mut psql = Command::new("psql");
    psql.args(["-X", "-A", "-t", "-w", "-c", "select 'through'"]).env("PGPASSWORD", password);
    psql.env("PGSSLMODE", "require").env("PGSSLCERT", certificate).env("PGSSLKEY", key);
    said(&sidegate.environment(&mut psql).output().expect("psql runs"))
}

fn with_uri(pki: &Pki, uri: &str) -> Leaf {
    let uri = rcgen::string::Ia5String::try_from(uri).expect("ASCII");
    pki.issue(|params| params.subject_alt_names.push(rcgen::SanType::URI(uri)))
}

#[test]
fn a_client_certificate_says_who_it_is() {
    const ORDERS: &str = "spiffe://example.com/ns/shop/sa/orders";
    let (pki, stranger) = (Pki::new(), Pki::new());
    let sidegate = Setup::open().identify("[{mtls: {}}]").listener(&pki.yaml()).start();
    assert_eq!(psql_with(&sidegate, &pki, &with_uri(&pki, ORDERS), ""), "through\n");
    let event = sidegate.event_of("select 'through'");
    assert_eq!(event["input"]["caller"]["subject"], ORDERS);
    assert_eq!(event["input"]["caller"]["method"], "mtls");
    assert!(event["input"]["caller"]["expires_at"].is_string());
    let told = psql_with(&sidegate, &pki, &with_uri(&pki, "spiffe://example.com/ns/../admin"), "");
    assert!(told.contains("FATAL:  the client certificate was not accepted"), "{told}");
    let told = psql_with(&sidegate, &pki, &with_uri(&stranger, ORDERS), "");
    assert!(!told.contains("through"), "{told}");
    let mut without = Command::new("psql");
    without.args(["-X", "-w", "-c", "select 1"]).env("PGSSLMODE", "require");
    let told = said(&sidegate.environment(&mut without).output().expect("psql runs"));
    assert!(told.contains("FATAL:  sidegate does not recognise the caller"), "{told}");
}

#[test]
fn a_token_that_is_bound_to_a_certificate_needs_it() {
    let (key, pki) = (Key::new("k1"), Pki::new());
    let provider = Provider::start(&[&key]);
    let (own, other) = (pki.issue(|_| {}), pki.issue(|_| {}));
    let sidegate = Setup::open().identify(JWT).sidegate(&provider.configuration("")).listener(&pki.yaml()).start();
    let mut claims = provider.claims(600);
    let thumbprint = ring::digest::digest(&ring::digest::SHA256, own.certificate.der());
    let engine = base64::engine::general_purpose::URL_SAFE_NO_PAD;
    claims["cnf"] = json!({"x5t#S256": base64::Engine::encode(&engine, thumbprint)});
    let token = key.token(&claims);
    assert_eq!(psql_with(&sidegate, &pki, &own, &token), "through\n");
    let told = psql_with(&sidegate, &pki, &other, &token);
    assert!(told.contains("FATAL:  the token was not accepted"), "{told}");
}

#[test]
fn a_user_of_this_machine_is_who_the_kernel_says_it_is() {
    let own = String::from_utf8(Command::new("id").arg("-u").output().expect("id runs").stdout).expect("a number");
    let names = format!("{{{}: operator, 65534: somebody}}", own.trim());
    let sidegate = Setup::open().identify(&format!("[{{peer: {{uids: {names}}}}}]")).socket().start();
    let psql = |command: &mut Command| {
        sidegate.environment(command).env("PGHOST", sidegate.path("")).env("PGPORT", "5432").env("PGUSER", "postgres");
        said(&command.output().expect("psql runs"))
    };
    let arguments = ["-X", "-A", "-t", "-w", "-c", "select 'by the kernel'"];
    assert_eq!(psql(Command::new("psql").args(arguments)), "by the kernel\n");
    let caller = sidegate.event_of("select 'by the kernel'")["input"]["caller"].clone();
    assert_eq!(caller["subject"], "operator");
    assert_eq!((&caller["method"], &caller["verified"]), (&json!("peer"), &json!(true)));
    if own.trim() != "0" {
        // Only root can be somebody else.
        return;
    }
    // Another user of the machine that is not listed, whatever it calls itself.
    let socket = sidegate.path(".s.PGSQL.5432");
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    std::fs::set_permissions(&socket, open).expect("ours");
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(sidegate.path(""), open).expect("ours");
    let mut other = Command::new("setpriv");
    other.args(["--reuid=postgres", "--clear-groups", "psql"]).args(arguments);
    let told = psql(&mut other);
    assert!(told.contains("FATAL:  sidegate does not recognise the caller"), "{told}");
}

/// A program that ends with its value.
struct Running(std::process::Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn tokens_of_a_provider_that_others_wrote_open_sessions() {
    let program = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/journeys/clients/oidc_provider.mjs");
    let mut node = Command::new("node");
    node.arg(program).env("OIDC_PROVIDER", tools().join("node/node_modules/oidc-provider/lib/index.js"));
    let mut provider = Running(node.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("node runs"));
    let mut issuer = String::new();
    let out = provider.0.stdout.take().expect("it is piped");
    BufReader::new(out).read_line(&mut issuer).expect("it says where it is");
    let issuer = issuer.trim();
    let corp = format!("issuer: \"{issuer}\", audience: \"urn:sidegate\", groups_claim: groups, claims: [department]");
    let sidegate =
        Setup::policy(ANALYSTS).identify(JWT).sidegate(&format!("issuers: [{{name: corp, {corp}}}]")).start();
    let mut client = python();
    client.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/journeys/clients/token_journey.py")).env("ISSUER", issuer);
    let output = sidegate.environment(&mut client).output().expect("python runs");
    assert_eq!(said(&output), "by rs\nby ec\nthe token was not accepted\n");
    let caller = sidegate.event_of("select 'by ec'")["input"]["caller"].clone();
    assert_eq!((&caller["subject"], &caller["issuer"]), (&json!("agent-7"), &json!(issuer)));
    assert_eq!((&caller["groups"], &caller["claims"]), (&json!(["analysts"]), &json!({"department": "risk"})));
}

#[test]
fn who_compares_salts_over_restarts_and_edits_does_not_learn_who_exists() {
    let folder = tempfile::tempdir().expect("a folder");
    let users = folder.path().join("users");
    let line = |name: &str| format!("{name}:{}\n", postgres_protocol::password::scram_sha_256(b"s3cret"));
    let alice = line("alice");
    std::fs::write(&users, &alice).expect("the users");
    let mut sidegate = Setup::open().identify(&format!("[{{scram: {{users: {}}}}}]", users.display())).start();
    let salts = |sidegate: &Sidegate| {
        ["alice", "mallory"].map(|user| {
            let mut raw = Raw::silent(sidegate.port);
            raw.send(&startup(&[("user", user), ("database", &sidegate.database)]));
            raw.next().expect("an offer");
            let first = b"n,,n=,r=abc";
            let length = u32::try_from(first.len()).expect("short").to_be_bytes();
            raw.send(&message('p', &[b"SCRAM-SHA-256\0", &length[..], first].concat()));
            let answer = String::from_utf8(raw.next().expect("a challenge").body[4..].to_vec()).expect("text");
            answer.split_once(',').expect("a nonce").1.to_owned()
        })
    };
    let before = salts(&sidegate);
    assert_ne!(before[0], before[1]);
    sidegate.kill_and_restart();
    assert_eq!(salts(&sidegate), before);
    std::fs::write(&users, format!("{alice}{}", line("bob"))).expect("the users");
    assert_eq!(salts(&sidegate), before);
}
