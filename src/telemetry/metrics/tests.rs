use super::*;

/// Every metric once.
fn touched() -> Metrics {
    let metrics = Metrics::new();
    let db = ListenerName::new("db");
    metrics.decided(&db, Stage::Request, OutcomeKind::Denied, Some(Cause::Policy));
    metrics.connection_refused(&db);
    metrics.upstream_failed(&db);
    metrics.unparsed(&db);
    metrics.cache(3, 1);
    metrics.evaluated(Duration::from_micros(30));
    metrics.journal_written(2, 300);
    metrics.journal_synced(Duration::from_millis(2));
    metrics.journal_refused();
    metrics.console_dropped(1);
    metrics.bundle_activated("main", "r1", UNIX_EPOCH + Duration::from_secs(5));
    metrics.bundle_failed("main", BundleFailure::Rejected, "a rule\nis recursive");
    metrics.plugin_status(Plugin::Bundle, PluginStatus::Ok);
    metrics.http_answered(Handler::Health, HttpMethod::Get, 200, Duration::from_micros(7));
    metrics
}

#[test]
fn a_metric_has_opas_name_where_opa_has_it() {
    let text = touched().render();
    for line in [
        "# TYPE bundle_loaded_counter counter\nbundle_loaded_counter{name=\"main\"} 1\n",
        "bundle_failed_load_counter{name=\"main\",code=\"bundle_rejected\",message=\"a rule is recursive\"} 1\n",
        "last_success_bundle_activation{name=\"main\",active_revision=\"r1\"} 5000000000\n",
        "plugin_status_gauge{name=\"bundle\",status=\"OK\"} 1\n",
        concat!("opa_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1\n"),
        "http_request_duration_seconds_bucket{le=\"0.00001\",code=\"200\",handler=\"health\",method=\"get\"} 1\n",
        "# TYPE sidegate_decisions_total counter\nsidegate_decisions_total{listener=\"db\",stage=\"request\",\
         outcome=\"denied\",cause=\"policy\"} 1\n",
        "sidegate_decision_cache_hits_total 3\n",
    ] {
        assert!(text.contains(line), "{line}");
    }
    assert!(!text.contains("# EOF"));
}

#[test]
fn an_open_session_counts_until_it_is_dropped() {
    let metrics = Metrics::new();
    let session = metrics.session_opened(&ListenerName::new("db"));
    assert!(metrics.render().contains("sidegate_sessions_open{listener=\"db\"} 1\n"));
    drop(session);
    let text = metrics.render();
    assert!(text.contains("sidegate_sessions_open{listener=\"db\"} 0\n"), "{text}");
    assert!(text.contains("sidegate_sessions_total{listener=\"db\"} 1\n"), "{text}");
}

#[test]
fn a_plugin_is_in_one_state() {
    let metrics = Metrics::new();
    metrics.plugin_status(Plugin::Bundle, PluginStatus::NotReady);
    metrics.plugin_status(Plugin::Bundle, PluginStatus::Ok);
    assert_eq!(metrics.render().matches("\nplugin_status_gauge{").count(), 1);
}

#[test]
fn an_endless_row_of_refused_bundles_makes_a_bounded_number_of_series() {
    let metrics = Metrics::new();
    for number in 0..MESSAGES * 3 {
        metrics.bundle_failed("main", BundleFailure::Bundle, &format!("reason {number} {}", "x".repeat(5000)));
    }
    let text = metrics.render();
    assert_eq!(text.matches("\nbundle_failed_load_counter{").count(), MESSAGES + 1);
    assert!(text.contains("message=\"other\"} 200\n"));
    assert!(text.lines().all(|line| line.len() < 400));
}

#[test]
fn a_replaced_revision_has_no_series_any_more() {
    let metrics = touched();
    metrics.bundle_replaced("main", "r1");
    metrics.bundle_activated("main", "r2", UNIX_EPOCH);
    let text = metrics.render();
    assert_eq!(text.matches("\nlast_success_bundle_activation{").count(), 1);
    assert!(text.contains("active_revision=\"r2\""));
}

#[test]
fn every_metric_is_documented() {
    let documented = include_str!("../../../docs/metrics.md");
    let metrics = touched();
    drop(metrics.session_opened(&ListenerName::new("db")));
    let text = metrics.render();
    let names: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    assert_eq!(names.len(), 20);
    for name in names {
        assert!(documented.contains(&format!("`{name}`")), "{name} is not in docs/metrics.md");
    }
}
