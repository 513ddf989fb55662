//! The `time` section: what a policy may know about now.

use jiff::Timestamp;
use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

/// RFC 3339 in UTC, whole seconds.
pub(super) fn seconds(at: Timestamp) -> String {
    let civil = TimeZone::UTC.to_datetime(at);
    format!("{}Z", civil.strftime("%Y-%m-%dT%H:%M:%S"))
}

/// `{now, minute, hour, weekday, date}`, all UTC.
pub(super) fn section(now: Timestamp) -> Value {
    let civil = TimeZone::UTC.to_datetime(now);
    json!({
        "now": seconds(now),
        "minute": civil.minute(),
        "hour": civil.hour(),
        "weekday": name(civil.weekday()),
        "date": civil.date().to_string(),
    })
}

fn name(day: Weekday) -> &'static str {
    match day {
        Weekday::Monday => "Monday",
        Weekday::Tuesday => "Tuesday",
        Weekday::Wednesday => "Wednesday",
        Weekday::Thursday => "Thursday",
        Weekday::Friday => "Friday",
        Weekday::Saturday => "Saturday",
        Weekday::Sunday => "Sunday",
    }
}
