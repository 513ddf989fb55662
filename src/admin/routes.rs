//! Path and method to an answer; no I/O.

use serde_json::{Value, json};

use super::health::{self, Health, Question};
use crate::telemetry::{Handler, HttpMethod, Metrics};

const JSON: &str = "application/json";
const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What goes back.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) handler: Handler,
    pub(super) code: u16,
    pub(super) content_type: &'static str,
    pub(super) body: String,
}

/// Answers one request.
pub(super) fn answer(
    method: HttpMethod,
    path: &str,
    query: Option<&str>,
    health: &dyn Fn() -> Health,
    metrics: &Metrics,
) -> Answer {
    let handler = match path {
        "/health" | "/health/live" => Handler::Health,
        "/metrics" => Handler::Metrics,
        _ => Handler::Catchall,
    };
    match (handler, method) {
        (Handler::Catchall, _) => json_answer(handler, 404, &json!({"code": "not_found", "message": "no such path"})),
        (Handler::Health, HttpMethod::Get | HttpMethod::Head) => {
            // Whoever can answer at all is alive: only that is asked under /health/live.
            let question = if path == "/health" { Question::of(query) } else { Question::default() };
            let (code, body) = health::answer(&health(), question);
            json_answer(handler, code, &body)
        }
        (Handler::Metrics, HttpMethod::Get | HttpMethod::Head) => {
            Answer { handler, code: 200, content_type: PROMETHEUS, body: metrics.render() }
        }
        (
            Handler::Health | Handler::Metrics,
            HttpMethod::Post | HttpMethod::Put | HttpMethod::Patch | HttpMethod::Delete | HttpMethod::Other,
        ) => json_answer(handler, 405, &json!({"code": "method_not_allowed", "message": "only GET is answered here"})),
    }
}

fn json_answer(handler: Handler, code: u16, body: &Value) -> Answer {
    let mut body = body.to_string();
    // As OPA's encoder does.
    body.push('\n');
    Answer { handler, code, content_type: JSON, body }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(method: HttpMethod, path: &str) -> u16 {
        answer(method, path, None, &Health::default, &Metrics::new()).code
    }

    #[test]
    fn only_health_and_metrics_answer_without_credentials() {
        for path in ["/health", "/health/live", "/metrics"] {
            assert_eq!(code(HttpMethod::Get, path), 200, "{path}");
            assert_eq!(code(HttpMethod::Post, path), 405, "{path}");
        }
        for path in ["/", "/v1/data", "/v1/policies", "/health/", "/health/x", "/metrics/x", "//health", "/HEALTH", ""]
        {
            assert_eq!(code(HttpMethod::Get, path), 404, "{path}");
            assert_eq!(code(HttpMethod::Put, path), 404, "{path}");
        }
    }

    #[test]
    fn health_is_opas_empty_object() {
        let answer = answer(HttpMethod::Get, "/health", None, &Health::default, &Metrics::new());
        assert_eq!((answer.code, answer.body.as_str(), answer.content_type), (200, "{}\n", JSON));
    }
}
