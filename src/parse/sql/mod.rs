//! Reads SQL. Takes a statement's text and how the server would read it, gives its
//! [`Facts`](super::Facts); what two readers do not agree on is `unparsed`.

mod builtins;
mod walk;
