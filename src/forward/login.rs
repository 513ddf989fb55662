//! From the start-up packet to the first ReadyForQuery, against a server that nobody vouches for yet.

use postgres_protocol::authentication::sasl::{ChannelBinding, SCRAM_SHA_256, ScramSha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::ForwardError;
use crate::accept::Stream;
use crate::model::Secret;
use crate::wire::postgres::{
    Authentication, BackendFramer, BackendKey, BackendMessage, BackendPiece, ErrorFields, Frame, SaslInitialResponse,
    SaslResponse, TransactionStatus, WireError,
};

/// PostgreSQL's default is 4,096. Above this a server only wants to keep sidegate busy.
const MAX_ITERATIONS: u32 = 100_000;
/// PostgreSQL's first answer has about 90 bytes; room for long salts, not for more.
const MAX_SERVER_FIRST: usize = 1024;
/// PostgreSQL reports some fifteen settings.
const MAX_PARAMETERS: usize = 256;
/// Messages until ReadyForQuery; notices are dropped, but not for ever.
const MAX_MESSAGES: usize = 1024;

/// What a login learned.
pub(super) struct Login {
    pub(super) parameters: Vec<(String, String)>,
    pub(super) key: Option<BackendKey>,
    pub(super) status: TransactionStatus,
}

/// Sends the start-up packet and logs in. The caller sets the time limit.
pub(super) async fn log_in(
    stream: &mut Stream,
    framer: &mut BackendFramer,
    address: &str,
    packet: &[u8],
    password: Option<&Secret<String>>,
) -> Result<Login, ForwardError> {
    let mut wire = Wire { stream, framer, address };
    wire.send(packet).await?;
    authenticate(&mut wire, password).await?;
    settle(&mut wire).await
}

/// Where authentication stands. Each step may come once, in this order.
enum Step {
    Start,
    /// Our first answer is out; its nonce must come back extended.
    First(Box<ScramSha256>, String),
    /// Our proof is out; the server's is due.
    Proof(Box<ScramSha256>),
    /// The server has proved that it knows the credential.
    Proved,
}

async fn authenticate(wire: &mut Wire<'_>, password: Option<&Secret<String>>) -> Result<(), ForwardError> {
    let mut step = Step::Start;
    loop {
        let frame = wire.receive().await?;
        let message = BackendMessage::decode(&frame).map_err(|source| wire.protocol(source))?;
        // Nothing but these may come before a server has let its client in.
        if let BackendMessage::ErrorResponse(fields) = &message {
            return Err(wire.refused(fields));
        }
        let BackendMessage::Authentication(request) = message else { return Err(wire.unexpected(&frame)) };
        step = match (request, step) {
            (Authentication::Ok, Step::Proved) => return Ok(()),
            (Authentication::Ok, Step::Start) if password.is_none() => return Ok(()),
            (Authentication::Ok, _) => return Err(ForwardError::Unproven { address: wire.address.to_owned() }),
            (Authentication::Sasl(mechanisms), Step::Start) => begin(wire, &mechanisms, password).await?,
            (Authentication::SaslContinue(data), Step::First(scram, nonce)) => prove(wire, scram, &nonce, data).await?,
            (Authentication::SaslFinal(data), Step::Proof(mut scram)) => {
                scram.finish(data).map_err(|_| wire.scram("its proof is wrong"))?;
                Step::Proved
            }
            (Authentication::Cleartext, _) => return Err(wire.method("a password in clear")),
            (Authentication::Md5, _) => return Err(wire.method("md5")),
            (Authentication::Other(_), _) => return Err(wire.method("a method that is not known")),
            (
                Authentication::Sasl(_) | Authentication::SaslContinue(_) | Authentication::SaslFinal(_),
                Step::Start | Step::First(..) | Step::Proof(_) | Step::Proved,
            ) => return Err(wire.unexpected(&frame)),
        };
    }
}

async fn begin(
    wire: &mut Wire<'_>,
    mechanisms: &[&str],
    password: Option<&Secret<String>>,
) -> Result<Step, ForwardError> {
    if !mechanisms.contains(&SCRAM_SHA_256) {
        return Err(wire.method("another SASL mechanism"));
    }
    let Some(password) = password else {
        return Err(ForwardError::NoCredential { address: wire.address.to_owned() });
    };
    let scram = ScramSha256::new(password.expose().as_bytes(), ChannelBinding::unsupported());
    let nonce = std::str::from_utf8(scram.message()).ok().and_then(|first| first.strip_prefix("n,,n=,r="));
    let nonce = nonce.ok_or_else(|| wire.scram("it cannot begin"))?.to_owned();
    let first = SaslInitialResponse { mechanism: SCRAM_SHA_256, data: Some(scram.message()) };
    wire.send_frame(first.encode()).await?;
    Ok(Step::First(Box::new(scram), nonce))
}

async fn prove(
    wire: &mut Wire<'_>,
    mut scram: Box<ScramSha256>,
    nonce: &str,
    data: &[u8],
) -> Result<Step, ForwardError> {
    check_server_first(data, nonce).map_err(|problem| wire.scram(problem))?;
    // Thousands of hashes: other sessions on this thread should not wait for them.
    let data = data.to_vec();
    let computed = tokio::task::spawn_blocking(move || scram.update(&data).map(|()| scram)).await;
    let Ok(Ok(scram)) = computed else { return Err(wire.scram("its first answer is malformed")) };
    wire.send_frame(SaslResponse { data: scram.message() }.encode()).await?;
    Ok(Step::Proof(scram))
}

/// What must hold of the server's first answer before anything is computed from it.
fn check_server_first(data: &[u8], nonce: &str) -> Result<(), &'static str> {
    if data.len() > MAX_SERVER_FIRST {
        return Err("its first answer is too long");
    }
    let text = std::str::from_utf8(data).map_err(|_| "its first answer is malformed")?;
    let (mut extended, mut salted, mut iterations) = (false, false, None);
    for field in text.split(',') {
        match field.split_once('=') {
            Some(("r", theirs)) => extended = theirs.strip_prefix(nonce).is_some_and(|own| !own.is_empty()),
            Some(("s", salt)) => salted = !salt.is_empty(),
            Some(("i", count)) => iterations = count.parse::<u32>().ok(),
            Some(_) | None => return Err("its first answer is malformed"),
        }
    }
    match iterations {
        _ if !extended => Err("its nonce does not extend ours"),
        _ if !salted => Err("it has no salt"),
        Some(1..=MAX_ITERATIONS) => Ok(()),
        Some(_) | None => Err("its iteration count is not between 1 and 100000"),
    }
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
            BackendMessage::ErrorResponse(fields) => return Err(wire.refused(&fields)),
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
    stream: &'a mut Stream,
    framer: &'a mut BackendFramer,
    address: &'a str,
}

impl Wire<'_> {
    async fn send(&mut self, bytes: &[u8]) -> Result<(), ForwardError> {
        self.stream.write_all(bytes).await.map_err(|_| ForwardError::Gone { address: self.address.to_owned() })
    }

    async fn send_frame(&mut self, frame: Result<Frame, WireError>) -> Result<(), ForwardError> {
        let frame = frame.map_err(|source| self.protocol(source))?;
        self.send(frame.bytes()).await
    }

    async fn receive(&mut self) -> Result<Frame, ForwardError> {
        loop {
            match self.framer.next_piece().map_err(|source| self.protocol(source))? {
                Some(BackendPiece::Frame(frame)) => return Ok(frame),
                Some(BackendPiece::Relay(relay)) => return Err(self.protocol(WireError::Tag { tag: relay.tag })),
                None => match self.stream.read_buf(self.framer.room()).await {
                    Ok(1..) => {}
                    Ok(0) | Err(_) => return Err(ForwardError::Gone { address: self.address.to_owned() }),
                },
            }
        }
    }

    fn refused(&self, fields: &ErrorFields) -> ForwardError {
        let sqlstate = fields.sqlstate().unwrap_or("-----").to_owned();
        ForwardError::Refused { address: self.address.to_owned(), sqlstate }
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

    fn scram(&self, problem: &'static str) -> ForwardError {
        ForwardError::Scram { address: self.address.to_owned(), problem }
    }
}
