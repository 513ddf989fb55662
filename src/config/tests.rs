mod documented;
mod issuers;
mod upstream;

use super::*;
use crate::model::Stage;
use std::path::PathBuf;
use std::time::Duration;

const LEAST: &str = "\
bundles: {main: {resource: file:///etc/policy}}
plugins:
  sidegate:
    listeners:
      - name: db
        protocol: postgres
        address: 127.0.0.1:6432
        identify: [{anonymous: {}}]
        upstream: {address: 127.0.0.1:5432, credential: {user: app}}
";

fn no_env(_: &str) -> Option<String> {
    None
}

fn load(text: &str) -> Result<(Config, Vec<Warning>), Problems> {
    Config::parse("c.yaml", text, &[], &[], &no_env)
}

/// The least configuration with one line replaced or, for an unknown one, added.
fn with(line: &str, instead: &str) -> String {
    assert!(LEAST.contains(line), "{line}");
    LEAST.replace(line, instead)
}

fn problems(text: &str) -> Vec<String> {
    load(text).unwrap_err().problems.iter().map(Problem::to_string).collect()
}

fn warnings(text: &str) -> Vec<String> {
    load(text).unwrap().1.iter().map(Warning::to_string).collect()
}

#[test]
fn what_is_left_out_has_the_default_of_the_contract() {
    let (config, warnings) = load(LEAST).unwrap();
    assert!(warnings.is_empty(), "{warnings:?}");
    let sidegate = &config.sidegate;
    assert_eq!(sidegate.decision, "sidegate/decision");
    assert_eq!(sidegate.deadline, Duration::from_millis(50));
    assert_eq!(sidegate.state_directory, PathBuf::from("/var/lib/sidegate"));
    assert_eq!(sidegate.admin.address.to_string(), "127.0.0.1:8181");
    assert_eq!(sidegate.audit, Audit { class: AuditRule::Auto, sync: Duration::from_millis(500) });
    assert_eq!(sidegate.drain, Duration::from_secs(30));
    assert!(!config.console);
    let listener = &sidegate.listeners[0];
    assert_eq!(listener.stages, [Stage::Session, Stage::Request]);
    let Settings::Pinned(pins) = &listener.settings else { panic!("pinned by default") };
    assert_eq!(pins.first(), Some(&("search_path".to_owned(), "public, pg_temp".to_owned())));
    assert_eq!(pins.len(), 7);
    assert!(listener.allowed_parameters.is_empty());
    let limits = Limits {
        connections: 1000,
        startup: Duration::from_secs(10),
        idle: Duration::ZERO,
        statement: 65_536,
        tokens: 20_000,
    };
    assert_eq!(listener.limits, limits);
    assert_eq!(listener.upstream.connect, Duration::from_secs(5));
    assert_eq!(config.bundles[0].location, BundleLocation::Directory(PathBuf::from("/etc/policy")));
}

#[test]
fn every_part_that_this_version_has_is_taken() {
    let text = "\
labels: {app: orders, id: mine}
bundles: {main: {resource: file:///p/main.tar.gz}}
decision_logs: {console: true}
plugins:
  sidegate:
    decision: /envoy/authz/allow
    deadline: 20ms
    evaluators: 3
    state_directory: /tmp/s
    admin: {address: 'localhost:9000', authentication: token, writable: false}
    audit: {class: strict, sync: 1s}
    drain: 5s
    workload: {name: orders, labels: {tier: one}}
    listeners:
      - name: db
        protocol: postgres
        address: unix:/run/sidegate/.s.PGSQL.6432
        identify: [{scram: {users: /etc/users}}, {workload: {subject: 'spiffe://e/orders'}}]
        stages: [request]
        pins: {search_path: 'shop, pg_temp', statement_timeout: '5s'}
        startup_parameters: {allow: [Lock_Timeout]}
        limits: {connections: 5, startup: 1s, idle: 1m, statement: 1KiB, tokens: 9}
        upstream:
          address: unix:/var/run/postgresql/.s.PGSQL.5432
          credential: {user: app, password: {file: /run/secrets/p}, allow_md5: false}
          connect: 1s
        labels: {data: pii}
";
    let (config, warnings) = load(text).unwrap();
    assert!(warnings.is_empty(), "{warnings:?}");
    assert_eq!(config.labels["app"], "orders");
    assert_ne!(config.labels["id"], "mine");
    assert_eq!(config.labels["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(config.bundles[0].location, BundleLocation::Tarball(PathBuf::from("/p/main.tar.gz")));
    assert!(config.console);
    assert_eq!(config.sidegate.decision, "envoy/authz/allow");
    assert_eq!(config.sidegate.workload.labels["tier"], "one");
    let listener = &config.sidegate.listeners[0];
    assert_eq!(listener.address.to_string(), "unix:/run/sidegate/.s.PGSQL.6432");
    assert_eq!(listener.identify.len(), 2);
    assert_eq!(listener.settings.user_schemas(), ["shop"]);
    assert_eq!(listener.allowed_parameters, ["lock_timeout"]);
    assert_eq!(listener.upstream.password, Some(SecretSource::File(PathBuf::from("/run/secrets/p"))));
    assert_eq!(listener.labels["data"], "pii");
}

#[test]
fn all_problems_show_at_once_with_line_and_key() {
    let text = "\
bundles: {main: {resource: http://x}}
plugins:
  sidegate:
    deadlin: 5ms
    drain: soon
    listeners:
      - name: db
        protocol: postgres
        address: 0.0.0.0:6432
        identify: [{jwt: {issuer: corp}}]
        limits: {tokens: -1}
        upstream: {address: db.internal:5432, credential: {user: 5}}
";
    let got = problems(text);
    let want = [
        "c.yaml:1: bundles.main.resource: must be file://DIRECTORY or file://FILE.tar.gz where there is no `service`, got `http://x`",
        "c.yaml:4: plugins.sidegate.deadlin: unknown key, did you mean `deadline`?",
        "c.yaml:5: plugins.sidegate.drain: must be a duration from 0ns to 3600s with its unit, such as `50ms` or `10s`, got `soon`",
        "c.yaml:9: plugins.sidegate.listeners[0].address: plain connections are only for loopback or a unix socket, got `0.0.0.0:6432`: add `tls`",
        "c.yaml:10: plugins.sidegate.listeners[0].identify[0].jwt.issuer: must be the `name` of one of `plugins.sidegate.issuers`, got `corp`",
        "c.yaml:11: plugins.sidegate.listeners[0].limits.tokens: must be a whole number from 1 to 1000000, got `-1`",
        "c.yaml:12: plugins.sidegate.listeners[0].upstream.credential.user: must be text (put it in quotes), got `5`",
    ];
    assert_eq!(got, want);
}

#[test]
fn a_promise_that_cannot_be_kept_is_an_error() {
    for (line, instead) in [
        ("address: 127.0.0.1:6432", "address: unix:/run/s\n        tls: {certificate: c, key: k}"),
        ("address: 127.0.0.1:6432", "address: 192.0.2.1:6432\n        tls: {certificate: c}"),
        ("address: 127.0.0.1:6432", "address: 127.0.0.1:6432\n        tls: {certificate: c, key: k, mode: prefer}"),
        ("address: 127.0.0.1:6432", "address: 192.0.2.1:6432"),
        ("address: 127.0.0.1:5432,", "address: 'unix:/run/s', tls: {mode: verify-full},"),
        ("address: 127.0.0.1:5432,", "address: 'unix:/run/s', tls: {mode: require},"),
        ("address: 127.0.0.1:5432,", "address: 127.0.0.1:5432, tls: {mode: prefer},"),
        ("address: 127.0.0.1:5432,", "address: 127.0.0.1:5432, tls: {ca: /etc/ca.pem},"),
        (
            "address: 127.0.0.1:5432, credential: {user: app}",
            "address: 127.0.0.1:5432, tls: {mode: require}, credential: {user: app, allow_md5: true}",
        ),
        ("[{anonymous: {}}]", "[{mtls: {}}]"),
        ("[{anonymous: {}}]", "[{peer: {uids: {1000: orders}}}]"),
        ("[{anonymous: {}}]", "[]"),
        ("protocol: postgres", "protocol: http"),
        ("protocol: postgres", "protocol: postgres\n        stages: [request, request]"),
        ("protocol: postgres", "protocol: postgres\n        stages: [session]"),
        ("file:///etc/policy}", "file:///etc/policy, signing: {keyid: k}}"),
        ("bundles:", "decision_logs: {mask_decision: /system/log/mask}\nbundles:"),
        ("bundles:", "bundle: {name: x}\nbundles:"),
        ("  sidegate:\n", "  sidegate:\n    admin: {authentication: tls}\n"),
    ] {
        assert_eq!(problems(&with(line, instead)).len(), 1, "{instead}: {:?}", load(&with(line, instead)));
    }
}

#[test]
fn tls_lets_a_listener_leave_the_machine() {
    let tls = "address: 192.0.2.1:6432\n        tls: {certificate: /c.pem, key: /k.pem, client_ca: /ca.pem}";
    let (config, warnings) = load(&with("address: 127.0.0.1:6432", tls)).unwrap();
    assert!(warnings.is_empty(), "{warnings:?}");
    let listener = &config.sidegate.listeners[0];
    assert_eq!(listener.address.to_string(), "192.0.2.1:6432");
    let files = ListenerTls { certificate: "/c.pem".into(), key: "/k.pem".into(), client_ca: Some("/ca.pem".into()) };
    assert_eq!(listener.tls, Some(files));
}

#[test]
fn keys_of_opa_without_a_feature_yet_are_named() {
    let text = format!(
        "services: {{c: {{url: 'https://x', credentials: {{bearer: {{token: s3cret}}}}}}}}\n\
         status: {{service: c}}\ndiscovery: {{}}\nkeys: {{}}\nfuture: 1\n{LEAST}"
    );
    let text = text.replace("plugins:\n", "plugins:\n  envoy_ext_authz_grpc: {}\n");
    let got = warnings(&text);
    let does_nothing = "accepted, but this version does nothing with it";
    assert_eq!(
        got,
        [
            "c.yaml:5: future: unknown configuration option \"future\" encountered".to_owned(),
            format!("c.yaml:1: services: {does_nothing}"),
            format!("c.yaml:3: discovery: {does_nothing}"),
            format!("c.yaml:2: status: {does_nothing}"),
            format!("c.yaml:4: keys: {does_nothing}"),
            format!("c.yaml:8: plugins.envoy_ext_authz_grpc: {does_nothing}"),
        ]
    );
    assert!(!format!("{:?}", load(&text)).contains("s3cret"));
}

#[test]
fn a_bundle_of_a_service_is_kept_as_one_that_never_activates() {
    let text = with("{resource: file:///etc/policy}", "{service: control}");
    let (config, warnings) = load(&text).unwrap();
    let remote = BundleLocation::Remote { service: "control".to_owned(), resource: "bundles/main".to_owned() };
    assert_eq!(config.bundles[0].location, remote);
    assert!(warnings[0].text.contains("every statement will be refused"), "{warnings:?}");
}

#[test]
fn without_a_bundle_the_refusals_to_come_are_announced() {
    let got = warnings(&with("bundles: {main: {resource: file:///etc/policy}}\n", ""));
    assert_eq!(got, ["c.yaml:1: no bundle is configured: every statement will be refused"]);
}

#[test]
fn a_password_or_a_value_from_the_environment_is_never_repeated() {
    let env = |name: &str| (name == "SECRET").then(|| "hunter2".to_owned());
    for (line, instead) in [
        ("{user: app}", "{user: app, password: hunter2}"),
        ("{user: app}", "{user: app, password: {file: [hunter2]}}"),
        ("address: 127.0.0.1:5432,", "address: 'host:${SECRET}',"),
        ("address: 127.0.0.1:5432,", "${SECRET}: 1,"),
        ("address: 127.0.0.1:5432,", "connect: ${SECRET},"),
    ] {
        let error = Config::parse("c.yaml", &with(line, instead), &[], &[], &env).unwrap_err();
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}

#[test]
fn arguments_win_over_the_file_and_name_themselves_in_problems() {
    let sets = ["plugins.sidegate.deadline=10ms".to_owned(), "plugins.sidegate.listeners[0].name=other".to_owned()];
    let (config, _) = Config::parse("c.yaml", LEAST, &sets, &[], &no_env).unwrap();
    assert_eq!(config.sidegate.deadline, Duration::from_millis(10));
    assert_eq!(config.sidegate.listeners[0].name.as_str(), "other");
    let sets = ["plugins.sidegate.deadline=soon".to_owned(), "novalue".to_owned()];
    let error = Config::parse("c.yaml", LEAST, &sets, &[], &no_env).unwrap_err().to_string();
    assert!(error.contains("--set: plugins.sidegate.deadline: must be a duration"), "{error}");
    assert!(error.contains("--set: `novalue` has no `=`: write --set key=value"), "{error}");
}

#[test]
fn the_environment_fills_in_the_workload() {
    let env = |name: &str| match name {
        "SIDEGATE_WORKLOAD_NAME" => Some("from-env".to_owned()),
        "SIDEGATE_WORKLOAD_NAMESPACE" => Some("shop".to_owned()),
        "SIDEGATE_WORKLOAD_LABELS" => Some("app=orders,tier=x".to_owned()),
        _ => None,
    };
    let text = with("  sidegate:\n", "  sidegate:\n    workload: {name: from-file}\n");
    let workload = Config::parse("c.yaml", &text, &[], &[], &env).unwrap().0.sidegate.workload;
    assert_eq!((workload.name.as_str(), workload.namespace.as_str()), ("from-file", "shop"));
    assert_eq!(workload.labels["tier"], "x");
}

#[test]
fn names_and_addresses_of_listeners_are_their_own() {
    let listeners = LEAST.split_once("    listeners:\n").unwrap().1;
    let got = problems(&format!("{LEAST}{listeners}"));
    assert_eq!(
        got,
        [
            "c.yaml:10: plugins.sidegate.listeners[1]: `name` is `db`, which plugins.sidegate.listeners[0] has already",
            "c.yaml:10: plugins.sidegate.listeners[1]: `address` is `127.0.0.1:6432`, which plugins.sidegate.listeners[0] has already",
        ]
    );
}

#[test]
fn a_pin_cannot_be_left_to_the_client_or_undone() {
    for (instead, part) in [
        ("startup_parameters: {allow: [search_path]}", "is pinned"),
        ("startup_parameters: {allow: [options]}", "can never be allowed"),
        ("startup_parameters: {allow: [replication]}", "can never be allowed"),
        ("pins: {options: '-c x=y'}", "is not a setting that can be pinned"),
        ("pins: {standard_conforming_strings: 'off'}", "are read with it `on`"),
        ("pins: {client_encoding: SJIS}", "are read as `UTF8`"),
        ("pins: {search_path: public}", "must end with pg_temp"),
        ("pins: {a: x, A: y}", "in another spelling"),
        ("settings: free\n        pins: {a: b}", "leave one of the two out"),
    ] {
        let got = problems(&with("protocol: postgres", &format!("protocol: postgres\n        {instead}")));
        assert!(got.len() == 1 && got[0].contains(part), "{instead}: {got:?}");
    }
}

#[test]
fn a_missing_file_is_an_error_and_not_a_default() {
    let error = Config::load(std::path::Path::new("/does/not/exist.yaml"), &[], &[], &no_env).unwrap_err();
    assert!(error.to_string().starts_with("/does/not/exist.yaml: cannot be read: "), "{error}");
}

#[test]
fn a_control_character_in_a_value_cannot_forge_a_line() {
    let got = problems(&with("address: 127.0.0.1:6432", r#"address: "x\n\e[2Jforged""#));
    assert!(got[0].contains(r"\u{a}\u{1b}[2Jforged") && !got[0].contains('\n'), "{got:?}");
}
