//! Log lines on stderr. Never coloured: a line may quote what a client sent, so no control character leaves here.

use std::io::{self, Write};

use tracing_subscriber::filter::{EnvFilter, LevelFilter};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::Registry;

use super::lines::{Lines, LogGuard};

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// The least severe line that is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    /// Everything.
    Debug,
    /// What an operator follows.
    Info,
    /// What may need somebody.
    Warn,
    /// What failed.
    Error,
}

/// Why logging cannot start.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// `RUST_LOG` is not a filter.
    #[error("RUST_LOG is not a filter such as `info` or `sidegate=debug`: {reason}")]
    Filter {
        /// What the filter's reader says.
        reason: String,
    },
    /// No thread to write lines.
    #[error("the thread that writes log lines cannot start: {source}")]
    Thread {
        /// The operating system's words.
        source: io::Error,
    },
    /// Somebody else started logging before.
    #[error("logging was started twice")]
    Twice,
}

/// Starts logging for the whole process, until the guard is dropped. `filter` is the value of `RUST_LOG`, which wins over
/// `level`.
///
/// # Errors
/// A filter that cannot be read; no thread; a second start.
pub fn init(format: LogFormat, level: LogLevel, filter: Option<&str>) -> Result<LogGuard, LogError> {
    let filter = filter_of(level, filter)?;
    let stderr = Lines::start(Box::new(io::stderr())).map_err(|source| LogError::Thread { source })?;
    let lines = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(Stderr(stderr.clone()));
    let started = match format {
        LogFormat::Text => tracing::subscriber::set_global_default(Registry::default().with(filter).with(lines)),
        LogFormat::Json => {
            let lines = lines.json().flatten_event(true).with_current_span(true).with_span_list(false);
            tracing::subscriber::set_global_default(Registry::default().with(filter).with(lines))
        }
    };
    started.map(|()| LogGuard(stderr)).map_err(|_| LogError::Twice)
}

fn filter_of(level: LogLevel, filter: Option<&str>) -> Result<EnvFilter, LogError> {
    let level = match level {
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Error => LevelFilter::ERROR,
    };
    match filter.filter(|text| !text.is_empty()) {
        Some(text) => text
            .parse()
            .map_err(|error: tracing_subscriber::filter::ParseError| LogError::Filter { reason: error.to_string() }),
        None => Ok(EnvFilter::default().add_directive(level.into())),
    }
}

struct Stderr(Lines);

impl<'a> MakeWriter<'a> for Stderr {
    type Writer = Escaping<Lines>;

    fn make_writer(&'a self) -> Self::Writer {
        Escaping(self.0.clone())
    }
}

/// Writes `\u00XX` for every control character but the line break that ends a line; in JSON that means the same.
struct Escaping<W: Write>(W);

impl<W: Write> Write for Escaping<W> {
    /// One call is one line: that is how the formatters write.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        let body = text.strip_suffix('\n').unwrap_or(&text);
        let mut out = String::with_capacity(text.len());
        for c in body.chars() {
            if c.is_control() {
                out.push_str(&format!("\\u{:04x}", u32::from(c)));
            } else {
                out.push(c);
            }
        }
        if body.len() < text.len() {
            out.push('\n');
        }
        self.0.write_all(out.as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_sent_cannot_forge_a_line_or_colour_a_terminal() {
        let mut out = Escaping(Vec::new());
        out.write_all("user `a\nINFO forged\u{1b}[31m\u{9b}2J` ü\n".as_bytes()).unwrap();
        assert_eq!(String::from_utf8(out.0).unwrap(), "user `a\\u000aINFO forged\\u001b[31m\\u009b2J` ü\n");
    }

    #[test]
    fn the_variable_wins_over_the_level_and_a_wrong_one_is_refused() {
        assert_eq!(filter_of(LogLevel::Info, Some("sidegate=debug")).unwrap().to_string(), "sidegate=debug");
        assert_eq!(filter_of(LogLevel::Warn, None).unwrap().to_string(), "warn");
        assert_eq!(filter_of(LogLevel::Warn, Some("")).unwrap().to_string(), "warn");
        assert!(filter_of(LogLevel::Warn, Some("sidegate=loud=x")).is_err());
    }
}
