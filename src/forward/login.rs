//! From the start-up packet to the first ReadyForQuery, against a server that nobody vouches for yet.

use std::sync::Arc;

use postgres_protocol::authentication::md5_hash;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::ForwardError;
use super::link::Link;
use super::scram::{self, Binding, Challenge, Exchange, Keys, Proof};
use crate::model::Secret;
use crate::wire::postgres::{
    Authentication, BackendFramer, BackendKey, BackendMessage, BackendPiece, ErrorFields, Frame, Password,
    SaslInitialResponse, SaslResponse, TransactionStatus, WireError,
};

/// PostgreSQL reports some fifteen settings.
const MAX_PARAMETERS: usize = 256;
/// Messages until ReadyForQuery; notices are dropped, but not for ever.
const MAX_MESSAGES: usize = 1024;

/// As much of a server's own words as goes into the log.
const MAX_SAID: usize = 200;

/// What a login proves itself with.
pub(super) struct Credential<'a> {
    pub(super) user: &'a str,
    pub(super) password: Option<&'a Arc<Secret<String>>>,
    /// What it came to at the last login.
    pub(super) memory: &'a scram::Memory,
    /// Whether md5 will do.
    pub(super) md5: bool,
}

/// What carries a login, and may be bound to it.
pub(super) enum Channel {
    /// Bytes as they are.
    Plain,
    /// TLS.
    Tls {
        /// `tls-server-end-point`; `None` if the certificate has none.
        end_point: Option<Vec<u8>>,
        /// The certificate was checked. If it was not, the binding alone shows who is at the other end.
        checked: bool,
    },
}

/// What a login learned.
pub(super) struct Login {
    pub(super) parameters: Vec<(String, String)>,
    pub(super) key: Option<BackendKey>,
    pub(super) status: TransactionStatus,
}

/// Sends the start-up packet and logs in. The caller sets the time limit.
pub(super) async fn log_in(
    stream: &mut Link,
    framer: &mut BackendFramer,
    address: &str,
    packet: &[u8],
    credential: &Credential<'_>,
    channel: Channel,
) -> Result<Login, ForwardError> {
    let mut wire = Wire { stream, framer, address };
    wire.send(packet).await?;
    authenticate(&mut wire, credential, channel).await?;
    settle(&mut wire).await
}

/// Where authentication stands. Each step may come once, in this order.
enum Step {
    Start(Channel),
    /// Our first answer is out; its nonce must come back extended.
    First(Exchange),
    /// Our proof is out; the server's is due.
    Proof(Box<Proving>),
    /// The server has proved that it knows the credential, or md5 will do.
    Proved,
}

/// What the server's proof is checked with, and what is kept if it holds.
struct Proving {
    proof: Proof,
    challenge: Challenge,
    keys: Arc<Keys>,
}

async fn authenticate(wire: &mut Wire<'_>, credential: &Credential<'_>, channel: Channel) -> Result<(), ForwardError> {
    let mut step = Step::Start(channel);
    loop {
        let frame = wire.receive().await?;
        let message = BackendMessage::decode(&frame).map_err(|source| wire.protocol(source))?;
        // Nothing but these may come before a server has let its client in.
        if let BackendMessage::ErrorResponse(fields) = &message {
            return Err(wire.refused(fields, false));
        }
        let BackendMessage::Authentication(request) = message else { return Err(wire.unexpected(&frame)) };
        step = match (request, step) {
            (Authentication::Ok, Step::Proved) => return Ok(()),
            (Authentication::Ok, Step::Start(_)) if credential.password.is_none() => return Ok(()),
            (Authentication::Ok, _) => return Err(ForwardError::Unproven { address: wire.address.to_owned() }),
            (Authentication::Sasl(mechanisms), Step::Start(channel)) => {
                begin(wire, &mechanisms, credential, channel).await?
            }
            (Authentication::SaslContinue(data), Step::First(exchange)) => {
                prove(wire, exchange, credential, data).await?
            }
            (Authentication::SaslFinal(data), Step::Proof(proving)) => {
                let Proving { proof, challenge, keys } = *proving;
                if !proof.is_answered_by(data, &keys) {
                    return Err(wire.scram("its proof is wrong"));
                }
                credential.memory.keep(wire.asked(credential.password)?.expose(), &challenge, &keys);
                Step::Proved
            }
            (Authentication::Md5 { salt }, Step::Start(channel)) if credential.md5 => {
                digest(wire, credential, salt, &channel).await?
            }
            (Authentication::Cleartext, _) => return Err(wire.method("a password in clear")),
            (Authentication::Md5 { .. }, _) => return Err(wire.method("md5")),
            (Authentication::Other(_), _) => return Err(wire.method("a method that is not known")),
            (
                Authentication::Sasl(_) | Authentication::SaslContinue(_) | Authentication::SaslFinal(_),
                Step::Start(_) | Step::First(..) | Step::Proof(_) | Step::Proved,
            ) => return Err(wire.unexpected(&frame)),
        };
    }
}

/// The mechanism to choose, and how its exchange is bound to the channel.
fn choose(mechanisms: &[&str], channel: Channel, wire: &Wire<'_>) -> Result<(&'static str, Binding), ForwardError> {
    let (plain, plus) = (mechanisms.contains(&scram::MECHANISM), mechanisms.contains(&scram::MECHANISM_PLUS));
    match channel {
        _ if !plain && !plus => Err(wire.method("another SASL mechanism")),
        // Nobody can bind a login to nothing: it was meant for somebody else's TLS.
        Channel::Plain if plus => Err(wire.scram("it offers to bind the login to TLS, and there is none")),
        Channel::Plain => Ok((scram::MECHANISM, Binding::Unsupported)),
        Channel::Tls { end_point: Some(end_point), .. } if plus => {
            Ok((scram::MECHANISM_PLUS, Binding::EndPoint(end_point)))
        }
        Channel::Tls { end_point: None, checked: false } => Err(wire.unbound("its certificate has nothing to bind to")),
        Channel::Tls { checked: false, .. } => Err(wire.unbound("it does not offer SCRAM-SHA-256-PLUS")),
        Channel::Tls { checked: true, .. } if !plain => Err(wire.unbound("its certificate has nothing to bind to")),
        // We cannot, and say so; the certificate was checked.
        Channel::Tls { end_point: None, checked: true } => Ok((scram::MECHANISM, Binding::Unsupported)),
        // We could, and say so: a server that could as well learns that somebody has taken its offer away.
        Channel::Tls { end_point: Some(_), checked: true } => Ok((scram::MECHANISM, Binding::Unrequested)),
    }
}

async fn begin(
    wire: &mut Wire<'_>,
    mechanisms: &[&str],
    credential: &Credential<'_>,
    channel: Channel,
) -> Result<Step, ForwardError> {
    let (mechanism, binding) = choose(mechanisms, channel, wire)?;
    wire.asked(credential.password)?;
    let exchange = Exchange::begin(binding).ok_or_else(|| wire.scram("it cannot begin"))?;
    let first = exchange.message();
    wire.send_frame(SaslInitialResponse { mechanism, data: Some(first.as_bytes()) }.encode()).await?;
    Ok(Step::First(exchange))
}

/// What md5 asks for. It proves nothing about the server, so a certificate must have done that.
async fn digest(
    wire: &mut Wire<'_>,
    credential: &Credential<'_>,
    salt: [u8; 4],
    channel: &Channel,
) -> Result<Step, ForwardError> {
    if let Channel::Tls { checked: false, .. } = channel {
        return Err(wire.unbound("it asks for md5"));
    }
    let password = wire.asked(credential.password)?;
    let digest = md5_hash(credential.user.as_bytes(), password.expose().as_bytes(), salt);
    wire.send_frame(Password { password: Secret::new(digest) }.encode()).await?;
    Ok(Step::Proved)
}

async fn prove(
    wire: &mut Wire<'_>,
    exchange: Exchange,
    credential: &Credential<'_>,
    data: &[u8],
) -> Result<Step, ForwardError> {
    let password = wire.asked(credential.password)?;
    let mut challenge = exchange.challenge(data).map_err(|problem| wire.scram(problem))?;
    let keys = match credential.memory.recall(password.expose(), &challenge) {
        Some(keys) => keys,
        None => {
            let password = Arc::clone(password);
            // Thousands of hashes: other sessions on this thread should not wait for them.
            let computed = tokio::task::spawn_blocking(move || (Keys::of(password.expose(), &challenge), challenge));
            let (keys, given_back) = computed.await.map_err(|_| wire.scram("its first answer cannot be answered"))?;
            challenge = given_back;
            Arc::new(keys)
        }
    };
    let proof = exchange.prove(&challenge, &keys);
    wire.send_frame(SaslResponse { data: proof.message().as_bytes() }.encode()).await?;
    Ok(Step::Proof(Box::new(Proving { proof, challenge, keys })))
}

/// A byte as it is where people can read it, else by its number.
fn legible(byte: u8) -> impl Iterator<Item = char> {
    let plain = byte == b' ' || byte.is_ascii_graphic();
    let escaped = (!plain).then(|| std::ascii::escape_default(byte).map(char::from));
    plain.then(|| char::from(byte)).into_iter().chain(escaped.into_iter().flatten())
}

/// Collects what the server reports until it is ready.
async fn settle(wire: &mut Wire<'_>) -> Result<Login, ForwardError> {
    let mut parameters: Vec<(String, String)> = Vec::new();
    let mut key = None;
    for _ in 0..MAX_MESSAGES {
        let frame = wire.receive().await?;
        match BackendMessage::decode(&frame).map_err(|source| wire.protocol(source))? {
            BackendMessage::ParameterStatus(status) => {
                parameters.retain(|(name, _)| name != status.name);
                if parameters.len() >= MAX_PARAMETERS {
                    return Err(wire.unexpected(&frame));
                }
                parameters.push((status.name.to_owned(), status.value.to_owned()));
            }
            BackendMessage::BackendKeyData(given) => key = Some(given),
            BackendMessage::NoticeResponse(_) => {}
            BackendMessage::ErrorResponse(fields) => return Err(wire.refused(&fields, true)),
            BackendMessage::ReadyForQuery(ready) if ready.status == TransactionStatus::Idle => {
                return Ok(Login { parameters, key, status: ready.status });
            }
            BackendMessage::ReadyForQuery(_)
            | BackendMessage::Authentication(_)
            | BackendMessage::NegotiateProtocolVersion
            | BackendMessage::NotificationResponse
            | BackendMessage::CommandComplete(_)
            | BackendMessage::EmptyQueryResponse
            | BackendMessage::ParseComplete
            | BackendMessage::BindComplete
            | BackendMessage::CloseComplete
            | BackendMessage::ParameterDescription(_)
            | BackendMessage::RowDescription(_)
            | BackendMessage::NoData
            | BackendMessage::DataRow(_)
            | BackendMessage::PortalSuspended
            | BackendMessage::CopyInResponse(_)
            | BackendMessage::CopyOutResponse(_)
            | BackendMessage::CopyBothResponse(_)
            | BackendMessage::CopyDone
            | BackendMessage::FunctionCallResponse => return Err(wire.unexpected(&frame)),
        }
    }
    Err(wire.protocol(WireError::Body { message: "start-up", problem: "it does not end" }))
}

/// The connection during login.
struct Wire<'a> {
    stream: &'a mut Link,
    framer: &'a mut BackendFramer,
    address: &'a str,
}

impl Wire<'_> {
    async fn send(&mut self, bytes: &[u8]) -> Result<(), ForwardError> {
        let gone = |_| ForwardError::Gone { address: self.address.to_owned() };
        self.stream.write_all(bytes).await.map_err(gone)?;
        self.stream.flush().await.map_err(gone)
    }

    async fn send_frame(&mut self, frame: Result<Frame, WireError>) -> Result<(), ForwardError> {
        let frame = frame.map_err(|source| self.protocol(source))?;
        self.send(frame.bytes()).await
    }

    async fn receive(&mut self) -> Result<Frame, ForwardError> {
        loop {
            match self.framer.next_piece().map_err(|source| self.protocol(source))? {
                Some(BackendPiece::Frame(frame)) => return Ok(frame),
                Some(BackendPiece::Relay(rows) | BackendPiece::Rows(rows)) => {
                    return Err(self.protocol(WireError::Tag { tag: rows.tag }));
                }
                None => match self.stream.read_buf(self.framer.room()).await {
                    Ok(1..) => {}
                    Ok(0) | Err(_) => return Err(ForwardError::Gone { address: self.address.to_owned() }),
                },
            }
        }
    }

    /// The server's own words are for whoever reads the log, a few of them and without control characters. Unless the
    /// login is behind it (`inside`), nobody vouches for them, and no client gets to see them.
    fn refused(&self, fields: &ErrorFields, inside: bool) -> ForwardError {
        let said = fields.get(ErrorFields::MESSAGE).unwrap_or_default();
        let words = inside.then(|| Secret::new(String::from_utf8_lossy(said).into_owned()));
        let said: String = said.iter().take(MAX_SAID).copied().flat_map(legible).collect();
        tracing::warn!(upstream = self.address, %said, "the upstream refused the login");
        let sqlstate = fields.sqlstate().unwrap_or("-----").to_owned();
        ForwardError::Refused { address: self.address.to_owned(), sqlstate, words }
    }

    fn unexpected(&self, frame: &Frame) -> ForwardError {
        self.protocol(WireError::Tag { tag: frame.tag() })
    }

    fn protocol(&self, source: WireError) -> ForwardError {
        ForwardError::Protocol { address: self.address.to_owned(), source }
    }

    fn method(&self, method: &'static str) -> ForwardError {
        ForwardError::Method { address: self.address.to_owned(), method }
    }

    fn unbound(&self, problem: &'static str) -> ForwardError {
        ForwardError::Unbound { address: self.address.to_owned(), problem }
    }

    fn asked<'b>(&self, password: Option<&'b Arc<Secret<String>>>) -> Result<&'b Arc<Secret<String>>, ForwardError> {
        password.ok_or_else(|| ForwardError::NoCredential { address: self.address.to_owned() })
    }

    fn scram(&self, problem: &'static str) -> ForwardError {
        ForwardError::Scram { address: self.address.to_owned(), problem }
    }
}
