//! SET, RESET, SHOW and transactions. What is on the harmless list is `session`; everything else
//! is `settings`.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the last arm refuses, or hands on to a match that names every variant"
)]

use sqlparser::ast::{
    ContextModifier, Expr, Ident, ObjectName, Reset, Set, SetSessionAuthorizationParamKind, Statement,
    TransactionAccessMode, TransactionMode, UnaryOperator, Value,
};

use super::facts::Walker;
use super::{Unread, Walk, absent, names};
use crate::parse::facts::{Effect, SettingFacts};

/// How long a time-out may be at most and still be harmless, in milliseconds. The present value is
/// not known here, so "downward" is read as: set to a constant, not off, and at most a minute.
const HARMLESS_TIMEOUT: f64 = 60_000.0;

/// Settings that change nothing but how values look, what a session is called, and how the server goes about a
/// statement that says the same.
const HARMLESS: &[&str] = &[
    "application_name",
    "datestyle",
    "default_transaction_deferrable",
    "default_transaction_isolation",
    "extra_float_digits",
    "intervalstyle",
    "jit",
    "timezone",
    "transaction_deferrable",
    "transaction_isolation",
];

const TIMEOUTS: &[&str] =
    &["idle_in_transaction_session_timeout", "idle_session_timeout", "lock_timeout", "statement_timeout"];

/// Settings that say nothing about the server's files, keys or other sessions.
const READABLE: &[&str] = &[
    "block_size",
    "bytea_output",
    "client_encoding",
    "default_transaction_read_only",
    "escape_string_warning",
    "in_hot_standby",
    "integer_datetimes",
    "is_superuser",
    "lc_collate",
    "lc_ctype",
    "lc_messages",
    "lc_monetary",
    "lc_numeric",
    "lc_time",
    "max_connections",
    "max_identifier_length",
    "max_index_keys",
    "plan_cache_mode",
    "search_path",
    "server_encoding",
    "server_version",
    "server_version_num",
    "session_authorization",
    "standard_conforming_strings",
    "transaction_read_only",
];

/// Whether a setting changes nothing that matters, whatever it is set to.
pub(super) fn harmless_with_any_value(name: &str) -> bool {
    HARMLESS.contains(&name)
}

/// Whether reading a setting shows nothing.
pub(super) fn harmless_to_read(name: &str) -> bool {
    HARMLESS.contains(&name) || TIMEOUTS.contains(&name) || READABLE.contains(&name)
}

impl Walker<'_> {
    /// A setting gets a value; `None` where it is not a constant or the default.
    pub(super) fn set(&mut self, name: &str, value: Option<String>, local: bool) {
        let harmless = match value.as_deref() {
            Some(value) if TIMEOUTS.contains(&name) => {
                milliseconds(value).is_some_and(|ms| ms > 0.0 && ms <= HARMLESS_TIMEOUT)
            }
            Some(value) if name == "client_encoding" => is_utf8(value),
            Some(value) if name == "standard_conforming_strings" => is_on(value),
            Some(value) if name == "transaction_read_only" || name == "default_transaction_read_only" => is_on(value),
            // The pinned value comes back.
            None if TIMEOUTS.contains(&name) => true,
            Some(_) | None => HARMLESS.contains(&name),
        };
        self.effect(if harmless { Effect::Session } else { Effect::Settings });
        self.settings.push(SettingFacts { name: name.to_owned(), value, local });
    }

    pub(super) fn set_statement(&mut self, set: &Set) -> Walk {
        self.keep_all();
        match set {
            Set::SingleAssignment { scope, hivevar, variable, values } => {
                absent(!hivevar, "HIVEVAR")?;
                let name = setting_name(variable)?;
                let local = is_local(scope.as_ref())?;
                let value = self.set_value(values)?;
                self.set(&name, value, local);
            }
            Set::SetTimeZone { local, value } => {
                let value = match value {
                    // As it stands there: its sign is that of an offset, and a text's that of POSIX.
                    Expr::Interval(interval) if matches!(interval.value.as_ref(), Expr::Value(_)) => {
                        Some(interval.to_string())
                    }
                    value => self.set_value(std::slice::from_ref(value))?,
                };
                self.set("timezone", value, *local);
            }
            Set::SetNames { charset_name, collation_name } => {
                absent(collation_name.is_none(), "SET NAMES … COLLATE")?;
                self.set("client_encoding", Some(charset_name.value.clone()), false);
            }
            Set::SetNamesDefault {} => self.set("client_encoding", None, false),
            Set::SetRole { context_modifier, role_name } => {
                let local = is_local(context_modifier.as_ref())?;
                let role = role_name.as_ref().map_or_else(|| "none".to_owned(), names::label);
                self.set("role", Some(role), local);
            }
            Set::SetSessionAuthorization(authorization) => {
                let local = is_local(Some(&authorization.scope))?;
                let user = match &authorization.kind {
                    SetSessionAuthorizationParamKind::Default => None,
                    SetSessionAuthorizationParamKind::User(user) => Some(names::label(user)),
                };
                self.set("session_authorization", user, local);
            }
            Set::SetTransaction { modes, snapshot, session } => {
                self.effect(if *session { Effect::Session } else { Effect::Transaction });
                // A snapshot shows another session's view of the data.
                if snapshot.is_some() {
                    self.effect(Effect::Settings);
                }
                self.transaction_modes(modes, !session);
            }
            Set::ParenthesizedAssignments { .. } | Set::MultipleAssignments { .. } | Set::SetSessionParam(_) => {
                return Err(Unread::new("SET of that kind"));
            }
        }
        Ok(())
    }

    pub(super) fn reset(&mut self, reset: &Reset) -> Walk {
        match reset {
            // The pins hold: they are the session's defaults, and what was certain stays so.
            Reset::ALL => {
                self.effect(Effect::Session);
                // A path that was set is gone.
                self.aftermath.names = true;
                self.aftermath.waits = true;
            }
            Reset::SessionAuthorization => self.set("session_authorization", None, false),
            Reset::ConfigurationParameter(name) => {
                let name = setting_name(name)?;
                self.set(&name, None, false);
            }
        }
        Ok(())
    }

    /// SHOW of one setting is a read, whichever it is: the server has its own list of what it tells nobody.
    pub(super) fn show(&mut self, variable: &[Ident]) {
        self.effect(Effect::Read);
        if matches!(variable, [all] if names::label(all) == "all") {
            self.procedure();
        }
    }

    pub(super) fn transaction(&mut self, statement: &Statement) -> Walk {
        self.effect(Effect::Transaction);
        match statement {
            Statement::StartTransaction {
                modes,
                begin: _,
                transaction: _,
                modifier,
                statements,
                exception,
                has_end_keyword,
            } => {
                let plain = modifier.is_none() && statements.is_empty() && exception.is_none() && !has_end_keyword;
                absent(plain, "BEGIN with what PostgreSQL does not have")?;
                self.transaction_modes(modes, false);
            }
            // In a failed transaction COMMIT is a ROLLBACK, and takes back what was SET.
            Statement::Commit { chain: _, end: _, modifier } => {
                absent(modifier.is_none(), "COMMIT with a modifier")?;
                self.aftermath.waits = true;
            }
            // It may take settings back. What names mean it cannot change: only what made them uncertain
            // before could come back, and then they stay uncertain.
            Statement::Rollback { chain: _, savepoint: _ } => self.aftermath.waits = true,
            _ => {}
        }
        Ok(())
    }

    /// READ WRITE may undo a pin. `amended`: of a transaction that has begun already it is said to undo what it began
    /// with, which may be what the server has set for the role; where it begins one, drivers say it and mean nothing.
    fn transaction_modes(&mut self, modes: &[TransactionMode], amended: bool) {
        for mode in modes {
            match mode {
                TransactionMode::AccessMode(TransactionAccessMode::ReadWrite) => {
                    if self.context.read_only || amended {
                        self.effect(Effect::Settings);
                    }
                }
                TransactionMode::AccessMode(TransactionAccessMode::ReadOnly) | TransactionMode::IsolationLevel(_) => {}
            }
        }
    }

    fn set_value(&mut self, values: &[Expr]) -> Walk<Option<String>> {
        let mut texts = Vec::with_capacity(values.len());
        for value in values {
            match value {
                Expr::Identifier(ident) if ident.quote_style.is_none() && names::label(ident) == "default" => {
                    return Ok(None);
                }
                Expr::Identifier(ident) => texts.push(names::label(ident)),
                Expr::Value(value) => {
                    self.value(value)?;
                    texts.push(literal(&value.value).ok_or_else(|| Unread::new("SET to that value"))?);
                }
                Expr::UnaryOp { op: UnaryOperator::Minus, expr } => match expr.as_ref() {
                    Expr::Value(value) => {
                        let text = literal(&value.value).ok_or_else(|| Unread::new("SET to that value"))?;
                        texts.push(format!("-{text}"));
                    }
                    _ => return Err(Unread::new("SET to an expression")),
                },
                _ => return Err(Unread::new("SET to an expression")),
            }
        }
        Ok(Some(texts.join(", ")))
    }
}

fn literal(value: &Value) -> Option<String> {
    match value {
        Value::Number(number, _) => Some(number.clone()),
        Value::Boolean(truth) => Some(truth.to_string()),
        other => super::types::text(other).map(str::to_owned),
    }
}

fn setting_name(name: &ObjectName) -> Walk<String> {
    let mut parts = Vec::new();
    for part in &name.0 {
        let ident = part.as_ident().ok_or_else(|| Unread::new("a setting of that name"))?;
        parts.push(ident.value.to_ascii_lowercase());
    }
    Ok(parts.join("."))
}

fn is_local(scope: Option<&ContextModifier>) -> Walk<bool> {
    match scope {
        None | Some(ContextModifier::Session) => Ok(false),
        Some(ContextModifier::Local) => Ok(true),
        Some(ContextModifier::Global) => Err(Unread::new("SET GLOBAL")),
    }
}

fn milliseconds(value: &str) -> Option<f64> {
    let value = value.trim();
    let end = value.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(value.len());
    let (number, unit) = value.split_at_checked(end)?;
    let factor = match unit.trim() {
        "" | "ms" => 1.0,
        "us" => 0.001,
        "s" => 1_000.0,
        "min" => 60_000.0,
        _ => return None,
    };
    number.parse::<f64>().ok().map(|number| number * factor)
}

fn is_utf8(value: &str) -> bool {
    let plain: String = value.chars().filter(char::is_ascii_alphanumeric).collect();
    matches!(plain.to_ascii_lowercase().as_str(), "utf8" | "unicode")
}

fn is_on(value: &str) -> bool {
    matches!(value.trim().to_ascii_lowercase().as_str(), "on" | "true" | "yes" | "1")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::sql::builtins::published;

    #[test]
    fn the_lists_of_settings_are_published() {
        assert_eq!(published("Settings that are harmless to change"), HARMLESS);
        assert_eq!(published("Time-outs that are harmless to lower"), TIMEOUTS);
        assert_eq!(published("Settings that are harmless to read"), READABLE);
    }
}
