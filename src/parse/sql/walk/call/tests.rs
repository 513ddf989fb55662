use super::super::tests::{effects, read};

#[test]
fn a_setting_that_is_not_constant_makes_the_settings_unknown() {
    for sql in [
        "select set_config('timezone', $1, true)",
        "select set_config('timezone', $1, $2)",
        "select set_config('timezone', 'utc', $1)",
        "select set_config('timezone', a, false) from t",
        "select set_config('timezone', null, false)",
        "select set_config($1, 'x', false)",
        "select set_config('role', $1, false)",
        "select set_config(setting_name => 'role', new_value => 'x', is_local => false)",
    ] {
        assert!(read(sql).unknown.contains("sql.settings"), "{sql}");
    }
    for (sql, local) in [
        ("select set_config('timezone', 'utc', false)", false),
        ("select set_config('timezone', 'utc', true)", true),
        ("select set_config('timezone', 'utc', 'on')", true),
    ] {
        let facts = read(sql);
        assert!(facts.unknown.is_empty(), "{sql}");
        let settings: Vec<_> = facts.settings.iter().map(|s| (s.name.as_str(), s.value.as_deref(), s.local)).collect();
        assert_eq!(settings, [("timezone", Some("utc"), local)], "{sql}");
    }
    // The name alone says that it is harmless, as before.
    assert_eq!(effects(&read("select set_config('timezone', $1, $2)")), "read session");
    assert_eq!(effects(&read("select set_config('role', $1, true)")), "read settings");
}
