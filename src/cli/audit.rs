//! `sidegate audit tail`: the newest events of the journal, also while a sidecar writes it.

use std::fmt::Display;

use super::args::{AuditTailArguments, Format};
use super::furnish;
use super::output::{self, Exit};
use crate::journal::{self, TailItem, TailOptions};

/// Prints the newest events, oldest first, and goes on if asked to.
pub(super) fn tail(arguments: &AuditTailArguments) -> Exit {
    let warn = |warning: &dyn Display| output::complain(&format!("warning: {warning}"));
    let config = match output::load(&arguments.config, warn) {
        Ok(config) => config,
        Err(exit) => return exit,
    };
    let options = TailOptions { lines: Some(arguments.lines), follow: arguments.follow };
    let items = match journal::tail(&furnish::journal_directory(&config), options) {
        Ok(items) => items,
        Err(error) => return output::fail(&error),
    };
    for item in items {
        let printed = match item {
            Ok(item) => print(&item, arguments.format),
            Err(error) => output::fail(&error),
        };
        if printed != Exit::Ok {
            return printed;
        }
    }
    Exit::Ok
}

fn print(item: &TailItem, format: Format) -> Exit {
    if let TailItem::Foreign { path, offset } = item {
        let path = path.display();
        output::complain(&format!(
            "warning: `{path}` is left out from byte {offset} on: another version of sidegate wrote it; read it with that one"
        ));
        return Exit::Ok;
    }
    let line = match format {
        Format::Json => item.to_json(),
        Format::Text => item.to_text(),
    };
    match line {
        Some(line) => output::say(&line),
        None => output::fail(&"the journal holds a record that this version cannot read"),
    }
}
