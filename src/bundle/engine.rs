//! Rewritten modules and data to an engine that is ready to answer. The checking process and the
//! serving one build it the same way.

use std::num::NonZeroU32;
use std::time::Duration;

use regorus::utils::limits::ExecutionTimerConfig;
use regorus::{Engine, Value};

use super::files::TextFile;
use super::rego;

/// Loads modules and data into an engine with strict built-in errors, without analysing them.
///
/// # Errors
/// The engine's own words about the first module or document that it does not accept.
pub(super) fn load(modules: Vec<TextFile>, data: &str) -> Result<Engine, String> {
    let mut engine = Engine::new();
    engine.set_rego_v0(false);
    engine.set_strict_builtin_errors(true);
    engine.set_policy_length_config(rego::length_limits());
    rego::extend(&mut engine).map_err(|error| error.to_string())?;
    for module in modules {
        engine.add_policy(module.path, module.text).map_err(|error| one_line(&error.to_string()))?;
    }
    Value::from_json_str(data)
        .and_then(|data| engine.add_data(data))
        .map_err(|error| format!("data: {}", one_line(&error.to_string())))?;
    Ok(engine)
}

/// Analyses what was loaded, so that clones share the work, and lets one evaluation of a clone take `limit`.
///
/// # Errors
/// The engine's own words about what it cannot analyse.
pub(super) fn warm_up(engine: &mut Engine, limit: Duration) -> Result<(), String> {
    engine.set_execution_timer_config(timer(WARM_UP));
    engine.set_input(Value::new_object());
    engine.eval_rule(ALWAYS_THERE.to_owned()).map_err(|error| one_line(&error.to_string()))?;
    engine.set_execution_timer_config(timer(limit));
    Ok(())
}

/// An engine's message has many lines; a problem has one.
pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn timer(limit: Duration) -> ExecutionTimerConfig {
    ExecutionTimerConfig { limit, check_interval: CHECK_INTERVAL }
}

const WARM_UP: Duration = Duration::from_secs(5);
const CHECK_INTERVAL: NonZeroU32 = NonZeroU32::MIN.saturating_add(63);
/// A rule of the library, so that every engine has one to be warmed up with.
const ALWAYS_THERE: &str = "data.sidegate.sql.reads_only";
