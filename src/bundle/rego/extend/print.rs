//! `sprintf` as Go prints: what does not fit its verb is named in the text, and is no error. `lint` admits the verbs
//! that are here.

mod collection;

use regorus::Value;

use super::guard::engines;
use super::{CallError, LARGEST_TEXT};

/// Verbs that a format may use.
pub(in crate::bundle::rego) const VERBS: &str = "svdqxf";

/// One `%…`: `-` and `0` for flags, then width and precision.
pub(in crate::bundle::rego) struct Directive {
    left: bool,
    zeros: bool,
    pub(in crate::bundle::rego) width: Option<usize>,
    pub(in crate::bundle::rego) precision: Option<usize>,
    pub(in crate::bundle::rego) verb: char,
}

/// The text up to the next directive, that directive, and the rest; `%%` counts as text.
pub(in crate::bundle::rego) fn next(format: &str) -> (String, Option<Directive>, &str) {
    let mut text = String::new();
    let mut rest = format;
    while let Some((before, after)) = rest.split_once('%') {
        text.push_str(before);
        if let Some(after) = after.strip_prefix('%') {
            text.push('%');
            rest = after;
            continue;
        }
        let flags = after.len().saturating_sub(after.trim_start_matches(['-', '0']).len());
        let (flags, after) = after.split_at_checked(flags).unwrap_or_default();
        let (width, after) = number(after);
        let (precision, after) = match after.strip_prefix('.') {
            Some(after) => {
                let (precision, after) = number(after);
                (Some(precision.unwrap_or(0)), after)
            }
            None => (None, after),
        };
        let verb = after.chars().next().unwrap_or('\0');
        let after = after.get(verb.len_utf8()..).unwrap_or_default();
        let directive = Directive { left: flags.contains('-'), zeros: flags.contains('0'), width, precision, verb };
        return (text, Some(directive), after);
    }
    text.push_str(rest);
    (text, None, "")
}

fn number(text: &str) -> (Option<usize>, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at_checked(end).unwrap_or_default();
    (if digits.is_empty() { None } else { Some(digits.parse().unwrap_or(usize::MAX)) }, rest)
}

/// `sprintf`.
pub(super) fn sprintf(name: &'static str, arguments: &[Value]) -> Result<Value, CallError> {
    let [Value::String(format), Value::Array(values)] = arguments else {
        return Err(CallError::Types { name, takes: "a format and an array" });
    };
    let mut values = values.iter();
    let mut out = String::new();
    let mut rest = format.as_ref();
    loop {
        let (text, directive, after) = next(rest);
        out.push_str(&text);
        let Some(directive) = directive else { break };
        rest = after;
        match values.next() {
            Some(value) => out.push_str(&directive.print(name, value)?),
            None => out.push_str(&format!("%!{}(MISSING)", directive.verb)),
        }
        bounded(name, &out)?;
    }
    let extra: Vec<String> = values.map(|value| Ok(named(&Printed::of(name, value)?))).collect::<Result<_, _>>()?;
    if !extra.is_empty() {
        out.push_str(&format!("%!(EXTRA {})", extra.join(", ")));
    }
    bounded(name, &out)?;
    Ok(Value::from(out))
}

fn bounded(name: &'static str, text: &str) -> Result<(), CallError> {
    if text.len() > LARGEST_TEXT { Err(CallError::TooLarge { name, limit: LARGEST_TEXT }) } else { Ok(()) }
}

/// What Go is given: numbers as such, anything else as text.
enum Printed {
    Text(String),
    Whole(i64),
    Float(f64),
    /// Too large for the machine's numbers; any verb prints it alike.
    Big(String),
}

impl Printed {
    fn of(name: &'static str, value: &Value) -> Result<Self, CallError> {
        let plain = || match engines("sprintf", &[Value::from("%v"), Value::from(vec![value.clone()])])? {
            Value::String(text) => Ok(text.to_string()),
            _ => Err(CallError::Argument { name, what: "a value without text" }),
        };
        Ok(match value {
            Value::String(text) => Self::Text(text.to_string()),
            Value::Number(_) => match (value.as_i64(), value.as_f64()) {
                (Ok(whole), _) => Self::Whole(whole),
                (_, Ok(float)) => Self::Float(float),
                _ => Self::Big(plain()?),
            },
            _ => Self::Text(collection::text(name, value)?),
        })
    }
}

fn kind(value: &Printed) -> &'static str {
    match value {
        Printed::Text(_) => "string",
        Printed::Whole(_) => "int64",
        Printed::Float(_) => "float64",
        Printed::Big(_) => "*big.Int",
    }
}

fn plain(value: &Printed) -> String {
    match value {
        Printed::Text(text) | Printed::Big(text) => text.clone(),
        Printed::Whole(number) => number.to_string(),
        Printed::Float(number) => shortest(*number),
    }
}

/// A value with its kind, where no directive asks for it.
fn named(value: &Printed) -> String {
    format!("{}={}", kind(value), plain(value))
}

impl Directive {
    fn print(&self, name: &'static str, value: &Value) -> Result<String, CallError> {
        let printed = Printed::of(name, value)?;
        let text = match (self.verb, &printed) {
            ('s' | 'v', Printed::Text(text)) => self.cut(text),
            ('q', Printed::Text(text)) => {
                match engines("sprintf", &[Value::from("%q"), Value::from(vec![Value::from(self.cut(text))])])? {
                    Value::String(text) => text.to_string(),
                    _ => return Err(CallError::Argument { name, what: "a value without text" }),
                }
            }
            ('x', Printed::Text(text)) => {
                // Go counts bytes here, and characters elsewhere.
                let bytes = text.bytes().take(self.precision.unwrap_or(usize::MAX));
                bytes.map(|byte| format!("{byte:02x}")).collect()
            }
            ('d' | 'v', Printed::Whole(number)) if self.precision.is_none() => {
                return Ok(self.padded(&number.to_string()));
            }
            ('x', Printed::Whole(number)) if self.precision.is_none() => {
                let sign = if *number < 0 { "-" } else { "" };
                return Ok(self.padded(&format!("{sign}{:x}", number.unsigned_abs())));
            }
            ('v', Printed::Float(number)) if self.precision.is_none() => return Ok(self.padded(&shortest(*number))),
            ('f', Printed::Float(number)) => {
                return Ok(self.padded(&format!("{number:.*}", self.precision.unwrap_or(6))));
            }
            ('d' | 'v' | 's', Printed::Big(text)) if self.precision.is_none() => return Ok(self.padded(text)),
            (_, Printed::Big(_)) => return Err(CallError::Argument { name, what: "a number that is too large" }),
            (_, Printed::Whole(_) | Printed::Float(_))
                if self.precision.is_some() || self.verb == 'q' || self.verb == 'x' =>
            {
                return Err(CallError::Argument { name, what: "a number for a verb that is not for numbers" });
            }
            (verb, printed) => return Ok(format!("%!{verb}({}={})", kind(printed), self.misfit(printed))),
        };
        Ok(self.field(&text, false))
    }

    /// What does not fit its verb, in the field that the directive gives it all the same.
    fn misfit(&self, value: &Printed) -> String {
        match value {
            Printed::Text(text) => self.field(&self.cut(text), false),
            Printed::Whole(_) | Printed::Float(_) | Printed::Big(_) => self.field(&plain(value), true),
        }
    }

    fn cut(&self, text: &str) -> String {
        text.chars().take(self.precision.unwrap_or(usize::MAX)).collect()
    }

    fn padded(&self, number: &str) -> String {
        self.field(number, true)
    }

    /// Zeros stand behind the sign of a number, and in front of a text.
    fn field(&self, text: &str, number: bool) -> String {
        let missing = self.width.unwrap_or(0).saturating_sub(text.chars().count());
        if self.left {
            return format!("{text}{}", " ".repeat(missing));
        }
        let fill = if self.zeros { "0" } else { " " }.repeat(missing);
        match text.strip_prefix('-').filter(|_| self.zeros && number) {
            Some(digits) => format!("-{fill}{digits}"),
            None => format!("{fill}{text}"),
        }
    }
}

/// The shortest digits that mean this number, with an exponent where Go has one.
fn shortest(number: f64) -> String {
    let scientific = format!("{number:e}");
    let exponent = scientific.split_once('e').and_then(|(_, exponent)| exponent.parse::<i32>().ok()).unwrap_or(0);
    if (-4..21).contains(&exponent) {
        return number.to_string();
    }
    let digits = scientific.split_once('e').map_or(scientific.as_str(), |(digits, _)| digits);
    format!("{digits}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.unsigned_abs())
}
