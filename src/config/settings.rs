//! `settings`, `pins` and `startup_parameters`: what statements are read by.

use super::checked::Settings;
use super::keys;
use super::value::{Table, Value};

/// What is pinned where nobody says otherwise: how statements and values are read, and that row security is not switched
/// off in silence. Every role may set these, on every version from 14 on.
const PINS: [(&str, &str); 7] = [
    ("search_path", "public, pg_temp"),
    ("standard_conforming_strings", "on"),
    ("backslash_quote", "safe_encoding"),
    ("transform_null_equals", "off"),
    ("row_security", "on"),
    ("bytea_output", "hex"),
    ("xmloption", "content"),
];
/// Not settings but the start-up packet's own words, or a way around the pins.
const NOT_SETTINGS: [&str; 4] = ["user", "database", "replication", "options"];

/// Both together, since a parameter that is pinned cannot be left to the client.
pub(super) fn settings(table: &Table<'_>) -> Option<(Settings, Vec<String>)> {
    let free = match table.get("settings") {
        Some(value) => value.choice(&[("pinned", false), ("free", true)])?,
        None => false,
    };
    let pins = table.get("pins");
    let settings = match (free, pins) {
        (true, Some(pins)) => {
            pins.problem("`settings: free` leaves everything to the client: leave one of the two out");
            return None;
        }
        (true, None) => Settings::Free,
        (false, pins) => Settings::Pinned(pinned(pins.as_ref())?),
    };
    let allowed = allowed(table, &settings)?;
    Some((with_defaults(settings, &allowed), allowed))
}

fn pinned(value: Option<&Value<'_>>) -> Option<Vec<(String, String)>> {
    let mut pins: Vec<(String, String)> = Vec::new();
    let mut whole = true;
    for (name, value) in value.map_or(Some(Vec::new()), Value::entries)? {
        match pin(name, &value) {
            Some(_) if pins.iter().any(|(other, _)| other.eq_ignore_ascii_case(name)) => {
                value.problem("it is there twice, in another spelling: keep one");
                whole = false;
            }
            Some(text) => pins.push((name.to_owned(), text)),
            None => whole = false,
        }
    }
    // `search_path` is looked up by this spelling.
    for (name, _) in &mut pins {
        if name.eq_ignore_ascii_case("search_path") {
            "search_path".clone_into(name);
        }
    }
    whole.then_some(pins)
}

/// A client that is allowed to set one of them at start-up sets it.
fn with_defaults(settings: Settings, allowed: &[String]) -> Settings {
    let Settings::Pinned(mut pins) = settings else { return Settings::Free };
    for (name, value) in PINS {
        let is_pinned = pins.iter().any(|(pin, _)| pin.eq_ignore_ascii_case(name));
        if !is_pinned && !allowed.iter().any(|allowed| allowed == name) {
            pins.push((name.to_owned(), value.to_owned()));
        }
    }
    Settings::Pinned(pins)
}

fn pin(name: &str, value: &Value<'_>) -> Option<String> {
    if !is_setting(name) || NOT_SETTINGS.contains(&name.to_ascii_lowercase().as_str()) {
        value.problem(format!("`{name}` is not a setting that can be pinned"));
        return None;
    }
    let text = value.text()?;
    let lower = name.to_ascii_lowercase();
    if lower == "search_path" {
        if let Err(why) = check_search_path(text) {
            value.problem(format!("{why}, got `{text}`"));
            return None;
        }
    } else if lower == "standard_conforming_strings" && text != "on" {
        value.problem("statements are read with it `on`: leave it out");
        return None;
    } else if lower == "client_encoding" && !text.eq_ignore_ascii_case("utf8") {
        value.problem("statements are read as `UTF8`: leave it out");
        return None;
    }
    Some(text.to_owned())
}

fn is_setting(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '.')
}

/// Every place where a search path could mean something else to PostgreSQL than to this program is refused.
fn check_search_path(text: &str) -> Result<(), &'static str> {
    let schemas: Vec<&str> = text.split(',').map(str::trim).collect();
    for schema in &schemas {
        let inner = schema.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        let plain = schema.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
            && schema.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        let quoted = inner.is_some_and(|name| !name.is_empty() && !name.contains('"'));
        if !plain && !quoted {
            return Err("must be schema names parted by commas, in lower case or quoted");
        }
        if inner.is_some_and(|name| name.starts_with("pg_")) {
            return Err("must name PostgreSQL's own schemas without quotes");
        }
        if inner == Some("$user") {
            return Err("must not hold \"$user\", which is a different schema for each user");
        }
    }
    if schemas.iter().position(|schema| *schema == "pg_temp") != schemas.len().checked_sub(1) {
        return Err("must end with pg_temp (left out, temporary tables are found before all others)");
    }
    if schemas.iter().skip(1).any(|schema| *schema == "pg_catalog") {
        return Err("must not name pg_catalog after another schema, whose functions would hide the built-in ones");
    }
    Ok(())
}

/// Whether `startup_parameters.allow` may name a parameter, in lower case.
pub fn may_be_allowed(name: &str, settings: &Settings) -> bool {
    // Names mean nothing without a path.
    let path = name == "search_path" && matches!(settings, Settings::Pinned(_));
    is_setting(name) && !NOT_SETTINGS.contains(&name) && !path
}

fn allowed(table: &Table<'_>, settings: &Settings) -> Option<Vec<String>> {
    let Some(value) = table.get("startup_parameters") else { return Some(Vec::new()) };
    let Some(list) = value.table(&keys::STARTUP_PARAMETERS)?.get("allow") else { return Some(Vec::new()) };
    let mut allowed = Vec::new();
    let mut whole = true;
    for item in list.list()? {
        let Some(text) = item.text() else {
            whole = false;
            continue;
        };
        let name = text.to_ascii_lowercase();
        let pinned = match settings {
            Settings::Pinned(pins) => {
                name == "search_path" || pins.iter().any(|(pin, _)| pin.eq_ignore_ascii_case(&name))
            }
            Settings::Free => false,
        };
        if pinned {
            item.problem(format!("`{name}` is pinned: a client cannot set it"));
            whole = false;
        } else if !may_be_allowed(&name, settings) {
            item.problem(format!("`{name}` can never be allowed"));
            whole = false;
        } else {
            allowed.push(name);
        }
    }
    whole.then_some(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_may_set_or_somebody_pinned_is_not_pinned_again() {
        let pins = vec![("Bytea_Output".to_owned(), "escape".to_owned())];
        let settings = with_defaults(Settings::Pinned(pins), &["xmloption".to_owned()]);
        let Settings::Pinned(pins) = settings else { panic!("pinned stays pinned") };
        let names: Vec<&str> = pins.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(
            names,
            [
                "Bytea_Output",
                "search_path",
                "standard_conforming_strings",
                "backslash_quote",
                "transform_null_equals",
                "row_security"
            ]
        );
        assert_eq!(with_defaults(Settings::Free, &[]), Settings::Free);
    }

    #[test]
    fn a_search_path_means_one_thing_or_is_refused() {
        for good in ["public, pg_temp", "pg_catalog, shop, pg_temp", "\"Shop Ä\",pg_temp", "pg_temp"] {
            assert_eq!(check_search_path(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "public",
            "pg_temp, public",
            "\"$user\", public, pg_temp",
            "$user, pg_temp",
            "Public, pg_temp",
            "public, pg_catalog, pg_temp",
            "public, \"pg_catalog\", pg_temp",
            "\"a,b\", pg_temp",
            "a\"b, pg_temp",
            "public,, pg_temp",
            "public; pg_temp",
        ] {
            assert!(check_search_path(bad).is_err(), "{bad}");
        }
    }
}
