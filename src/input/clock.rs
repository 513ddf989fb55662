//! The `time` section: what a policy may know about now.

use std::cell::RefCell;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::document::{Fields, Fixed, Members, Section};
use super::part::Part;
use super::session::shared;

/// RFC 3339 in UTC, whole seconds.
pub(super) fn seconds(at: Timestamp) -> String {
    let civil = TimeZone::UTC.to_datetime(at);
    format!("{}Z", civil.strftime("%Y-%m-%dT%H:%M:%S"))
}

thread_local! {
    static LAST: RefCell<Option<(i64, Arc<Fixed>)>> = const { RefCell::new(None) };
}

/// `{now, minute, hour, weekday, date}`, all UTC. Built once a second; what has not changed since the last time is
/// the same part, so that who reads the hour sees the same part for an hour.
pub(super) fn section(now: Timestamp) -> Section {
    let second = now.as_second();
    let members = LAST.with_borrow_mut(|last| match last {
        Some((at, members)) if *at == second => Arc::clone(members),
        _ => {
            let members = Arc::new(Fixed::new(members(now, last.as_ref().map(|(_, members)| members.members()))));
            *last = Some((second, Arc::clone(&members)));
            members
        }
    });
    Section::Fields(Fields::new(members, Vec::new()))
}

fn members(now: Timestamp, last: Option<&[(&'static str, Arc<Part>)]>) -> Members {
    let civil = TimeZone::UTC.to_datetime(now);
    let values = [
        ("now", json!(seconds(now))),
        ("minute", json!(civil.minute())),
        ("hour", json!(civil.hour())),
        ("weekday", json!(name(civil.weekday()))),
        ("date", json!(civil.date().to_string())),
    ];
    let kept = |wanted: &str, value: &Value| {
        let known = last?.iter().find(|(name, part)| *name == wanted && part.value() == value);
        known.map(|(_, part)| Arc::clone(part))
    };
    values.into_iter().map(|(name, value)| (name, kept(name, &value).unwrap_or_else(|| shared(value)))).collect()
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
