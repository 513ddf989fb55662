use super::*;

#[tokio::test]
async fn the_console_line_and_the_journal_tell_the_same_event() {
    let directory = tempfile::tempdir().unwrap();
    let paper = Paper::default();
    let journal = Journal::start_with(directory.path(), settings(), paper.console()).unwrap();
    let entry = journal.open(intent(AuditClass::Strict, "select\u{202e} '\u{9b}2J'")).await.unwrap();
    entry.close(Outcome { sqlstate: Some("23505".to_owned()), ..forwarded(3) }).await.unwrap();
    journal.shutdown().await.unwrap();

    let lines = paper.lines();
    assert_eq!(lines.len(), 1);
    assert!(lines[0].contains(r"select\u202e '\u009b2J'"), "{}", lines[0]);
    let mut line: Value = serde_json::from_str(&lines[0]).unwrap();
    let console = line.as_object_mut().unwrap();
    assert_eq!(console.remove("type").unwrap(), "openpolicyagent.org/decision_logs");
    assert_eq!(console.remove("level").unwrap(), "info");
    assert_eq!(console.remove("msg").unwrap(), "Decision Log");
    assert!(console.remove("time").unwrap().as_str().unwrap().ends_with('Z'));
    let mut read = events(directory.path()).remove(0);
    // Measured by the caller and by the record: the same moment twice.
    for event in [&mut line, &mut read] {
        assert!(event["metrics"].as_object_mut().unwrap().remove("timer_server_handler_ns").unwrap().is_u64());
    }
    assert_eq!(line, read);
}

#[tokio::test]
async fn an_event_has_opas_keys_and_every_key_of_the_contract() {
    let directory = tempfile::tempdir().unwrap();
    let journal = start(directory.path());
    let intent = intent(AuditClass::Async, "select 1");
    let (id, session) = (intent.decision.id().to_string(), intent.session.to_string());
    journal.open(intent).await.unwrap().close(forwarded(3)).await.unwrap();
    let mut event = events(directory.path()).remove(0);
    let timestamp = event["timestamp"].take();
    assert!(timestamp.as_str().unwrap().parse::<jiff::Timestamp>().is_ok(), "{timestamp}");
    assert!(event["metrics"]["timer_server_handler_ns"].take().is_u64());
    let expected = json!({
        "bundles": {"main": {"revision": "r41"}},
        "custom": {"sidegate": {
            "approval": null, "bytes": 30, "cause": null,
            "journal": {"chain": null, "class": "async", "sequence": 1},
            "listener": "orders-db", "masked": null, "outcome": "forwarded", "reason": null, "rows": 3,
            "session": session, "sqlstate": null, "stage": "request", "upstream_ns": 900_000,
        }},
        "decision_id": id,
        "input": {"version": 1, "caller": caller_of("select 1").value(),
                  "session": {"client": {"address": "127.0.0.1:50112"}}, "sql": {"text": "select 1"}},
        "labels": {"id": "i1", "version": "0.1.0"},
        "metrics": {"counter_server_query_cache_hit": 0, "timer_rego_query_eval_ns": 42_000,
                    "timer_server_handler_ns": null},
        "path": "sidegate/decision",
        "requested_by": "127.0.0.1:50112",
        "result": {"allow": true, "reasons": ["readers may read"]},
        "timestamp": null,
    });
    assert_eq!(event, expected);
}

#[tokio::test]
async fn console_keys_are_sorted_as_opas() {
    let directory = tempfile::tempdir().unwrap();
    let paper = Paper::default();
    let journal = Journal::start_with(directory.path(), settings(), paper.console()).unwrap();
    journal.open(intent(AuditClass::Async, "x")).await.unwrap().close(forwarded(1)).await.unwrap();
    journal.shutdown().await.unwrap();
    let line = paper.lines().remove(0);
    let keys = ["bundles", "custom", "decision_id", "input", "labels", "level", "metrics", "msg", "path"];
    let keys = keys.into_iter().chain(["requested_by", "result", "time", "timestamp", "type"]);
    let places: Vec<usize> = keys.map(|key| line.rfind(&format!("\"{key}\":")).unwrap()).collect();
    assert!(places.is_sorted(), "{places:?} in {line}");
}

#[tokio::test]
async fn a_stderr_that_nobody_reads_holds_no_statement_up() {
    struct Stuck(std::sync::mpsc::Receiver<()>);
    impl Write for Stuck {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            // Until the test ends.
            let _ = self.0.recv();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let directory = tempfile::tempdir().unwrap();
    let (release, stuck) = std::sync::mpsc::channel();
    let console = Console::start(Box::new(Stuck(stuck))).unwrap();
    let journal = Journal::start_with(directory.path(), settings(), Some(console)).unwrap();
    for _ in 0..5000 {
        journal.open(intent(AuditClass::Async, "x")).await.unwrap().close(forwarded(1)).await.unwrap();
    }
    assert!(journal.dropped_console_lines() >= 5000 - 4096 - 1);
    assert_eq!(events(directory.path()).len(), 5000);
    drop(release);
}

#[tokio::test]
async fn text_shows_what_a_terminal_would_obey() {
    let directory = tempfile::tempdir().unwrap();
    let journal = start(directory.path());
    let entry = journal.open(intent(AuditClass::Async, "select 1\n2026 denied\u{1b}[1A")).await.unwrap();
    entry.close(Outcome { sqlstate: Some("x\u{1b}y".to_owned()), ..forwarded(1) }).await.unwrap();
    let text = items(directory.path())[0].to_text().unwrap();
    assert!(text.ends_with(r"| select 1\u000a2026 denied\u001b[1A"), "{text}");
    assert!(text.contains(" forwarded orders-db request alice sqlstate=????? rows=1 decision="), "{text}");
}
