//! The product of this room.

use std::sync::Arc;

use super::estimate::Estimate;
use super::facts::Facts;
use crate::wire::postgres::Frame;

/// A message that was read whole, with what it would do. It owns the bytes that are judged.
#[derive(Debug)]
pub struct Request {
    frame: Frame,
    text: Arc<str>,
    facts: Arc<Facts>,
    protocol: Protocol,
    parameters: Arc<[Parameter]>,
    estimate: Estimate,
}

/// Which of PostgreSQL's query protocols carries it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// A Query message.
    Simple,
    /// Parse, Bind, Execute.
    Extended,
    /// FunctionCall.
    FunctionCall,
}

/// A bound value, or a literal of a simple query.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Parameter {
    /// PostgreSQL's name of its type; `unknown` where the client gave none.
    #[serde(rename = "type")]
    pub type_name: String,
    /// Its value; `null` also where it could not be decoded.
    pub value: serde_json::Value,
    /// Whether it is NULL.
    pub null: bool,
    /// Whether `value` is what the server will see.
    pub decoded: bool,
}

impl Request {
    /// Only this room's readers build one.
    pub(super) fn new(
        frame: Frame,
        text: Arc<str>,
        facts: Arc<Facts>,
        protocol: Protocol,
        parameters: Vec<Parameter>,
    ) -> Self {
        Self { frame, text, facts, protocol, parameters: parameters.into(), estimate: Estimate::Nothing }
    }

    /// A request as the readers would build it, for the tests of later rooms.
    #[cfg(test)]
    pub(crate) fn stub(
        text: &str,
        facts: impl Into<Arc<Facts>>,
        protocol: Protocol,
        parameters: Vec<Parameter>,
    ) -> Self {
        let frame = Frame::build(b'Q', text.as_bytes()).unwrap();
        Self::new(frame, text.into(), facts.into(), protocol, parameters)
    }

    /// The statement's text as the client sent it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What it would do.
    pub fn facts(&self) -> &Arc<Facts> {
        &self.facts
    }

    /// Which protocol carries it.
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Its values.
    pub fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    /// The same, for whoever keeps them.
    pub fn shared_parameters(&self) -> &Arc<[Parameter]> {
        &self.parameters
    }

    /// What the server expects of it.
    pub fn estimate(&self) -> Estimate {
        self.estimate
    }

    /// The same request with what the server expects of it.
    #[must_use]
    pub fn expected(self, estimate: Estimate) -> Self {
        Self { estimate, ..self }
    }

    /// The message that is judged.
    pub fn frame(&self) -> &Frame {
        &self.frame
    }

    /// Gives up the message, for the permit that sends it.
    pub fn into_frame(self) -> Frame {
        self.frame
    }
}
