//! The command line. OPA's flags keep OPA's names.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::telemetry::{LogFormat, LogLevel};

/// A policy gate beside a workload: reads each statement, asks Rego, journals, then lets it through or refuses it.
#[derive(Debug, Parser)]
#[command(name = "sidegate", version, disable_help_subcommand = true)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// The sidecar
    Run(RunArguments),
    /// Configuration and bundles, every problem; exit 1 if there is any
    Check(CheckArguments),
    /// What a statement parses to, the decision, and the rules that made it; exit 1 if it is refused
    Explain(ExplainArguments),
    /// Everything on one machine, nothing to configure
    Demo(DemoArguments),
    /// What was decided
    #[command(subcommand)]
    Audit(AuditCommand),
}

#[derive(Debug, Subcommand)]
pub(super) enum AuditCommand {
    /// The newest events of the journal
    Tail(AuditTailArguments),
}

/// Which configuration.
#[derive(Clone, Debug, Args)]
pub struct ConfigArguments {
    /// Configuration file, YAML or JSON
    #[arg(short = 'c', long, value_name = "PATH")]
    pub config_file: PathBuf,
    /// Set a value: `a.b=c`, `a[0].b=c`; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Set a value to a file's text; may be repeated
    #[arg(long, value_name = "KEY=PATH")]
    pub set_file: Vec<String>,
}

#[derive(Debug, Args)]
pub(super) struct RunArguments {
    #[command(flatten)]
    pub(super) config: ConfigArguments,
    /// Admin address, instead of plugins.sidegate.admin.address
    #[arg(short = 'a', long, value_name = "ADDRESS")]
    pub(super) addr: Option<String>,
    /// Another address where /health and /metrics answer, and nothing else ever will; may be repeated
    #[arg(long, value_name = "ADDRESS", value_delimiter = ',')]
    pub(super) diagnostic_addr: Vec<String>,
    /// Taken for OPA's sake: it always is a server
    #[arg(short = 's', long)]
    pub(super) server: bool,
    /// Taken for OPA's sake: it never asks for versions
    #[arg(long, alias = "disable-telemetry")]
    pub(super) skip_version_check: bool,
    /// How log lines look; json-pretty is taken for json
    #[arg(long, value_enum, default_value = "json")]
    pub(super) log_format: Lines,
    /// The least severe line that is written; RUST_LOG wins
    #[arg(short = 'l', long, value_enum, default_value = "info")]
    pub(super) log_level: Level,
    /// Seconds from SIGTERM to the end of the last session, instead of plugins.sidegate.drain
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u16).range(0..=3600))]
    pub(super) shutdown_grace_period: Option<u16>,
}

#[derive(Debug, Args)]
pub(super) struct CheckArguments {
    #[command(flatten)]
    pub(super) config: ConfigArguments,
    /// Also log in upstream: what the role may do beyond what statements need, and the statements that mend it
    #[arg(long)]
    pub(super) upstream: bool,
    /// The database in which; may be repeated
    #[arg(long, value_name = "NAME", requires = "upstream", default_value = "postgres")]
    pub(super) database: Vec<String>,
    /// How the answer is printed
    #[arg(short = 'f', long, value_enum, default_value = "text")]
    pub(super) format: Format,
}

/// `explain`.
#[derive(Debug, Args)]
pub struct ExplainArguments {
    /// Which configuration.
    #[command(flatten)]
    pub config: ConfigArguments,
    /// Who asks: the subject that policy sees
    #[arg(long = "as", value_name = "SUBJECT")]
    pub subject: String,
    /// On which listener; the first one if left out
    #[arg(long, value_name = "NAME")]
    pub listener: Option<String>,
    /// How the answer is printed
    #[arg(short = 'f', long, value_enum, default_value = "text")]
    pub format: Format,
    /// The statement
    #[arg(value_name = "SQL")]
    pub statement: String,
}

/// `audit tail`.
#[derive(Debug, Args)]
pub struct AuditTailArguments {
    /// Which configuration; its state_directory holds the journal
    #[command(flatten)]
    pub config: ConfigArguments,
    /// How many of the newest events
    #[arg(short = 'n', long, value_name = "COUNT", default_value = "10")]
    pub lines: usize,
    /// Go on as events come
    #[arg(short = 'F', long)]
    pub follow: bool,
    /// How events are printed
    #[arg(short = 'f', long, value_enum, default_value = "text")]
    pub format: Format,
}

#[derive(Debug, Args)]
pub(super) struct DemoArguments {
    /// Bundle directory to copy, instead of the one in this program
    #[arg(long, value_name = "DIRECTORY")]
    pub(super) bundle: Option<PathBuf>,
    /// Where everything is kept, and stays; a temporary directory that is removed at the end if left out
    #[arg(long, value_name = "DIRECTORY")]
    pub(super) directory: Option<PathBuf>,
    /// Port for clients
    #[arg(long, value_name = "PORT", default_value = "6432")]
    pub(super) port: u16,
    /// End after the tour even on a terminal
    #[arg(long)]
    pub(super) once: bool,
}

/// How a command prints its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// One JSON document, or one a line.
    Json,
    /// For people.
    Text,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Lines {
    Text,
    Json,
    JsonPretty,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Level {
    Debug,
    Info,
    Warn,
    Error,
}

impl From<Lines> for LogFormat {
    fn from(lines: Lines) -> Self {
        match lines {
            Lines::Text => Self::Text,
            Lines::Json | Lines::JsonPretty => Self::Json,
        }
    }
}

impl From<Level> for LogLevel {
    fn from(level: Level) -> Self {
        match level {
            Level::Debug => Self::Debug,
            Level::Info => Self::Info,
            Level::Warn => Self::Warn,
            Level::Error => Self::Error,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_command_and_flag_is_documented() {
        let documented = include_str!("../../docs/commands.md");
        for command in Arguments::command().get_subcommands() {
            assert!(documented.contains(&format!("## `sidegate {}", command.get_name())), "{}", command.get_name());
            let inner = command.get_subcommands().flat_map(clap::Command::get_arguments);
            for flag in command.get_arguments().chain(inner).filter_map(|argument| argument.get_long()) {
                assert!(flag == "help" || documented.contains(&format!("`--{flag}")), "--{flag}");
            }
        }
    }

    #[test]
    fn opas_flags_are_understood() {
        let line = "sidegate run --server -c x.yaml --addr :9000 --diagnostic-addr :9001 --skip-version-check --set a=b --set c=d --set-file e=f --log-format json-pretty \
                    --log-level error --shutdown-grace-period 5";
        let Command::Run(run) = Arguments::try_parse_from(line.split_whitespace()).unwrap().command else {
            panic!("not run")
        };
        assert_eq!(run.config.set, ["a=b", "c=d"]);
        assert_eq!(run.addr.as_deref(), Some(":9000"));
        assert_eq!(run.diagnostic_addr, [":9001"]);
        assert!(run.server && run.skip_version_check);
        assert_eq!(run.shutdown_grace_period, Some(5));
    }
}
