use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Map;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout_at};

use super::IdentifyError;
use super::scram::{self, Exchange, Failure, Verifier};
use super::users::{Users, UsersFile};
use crate::accept::{Accepted, Peer, Refused, Slot, Stream};
use crate::config::{self, Identify};
use crate::model::{Caller, Method};
use crate::wire::postgres::{
    Authentication, Frame, FrontendFramer, FrontendLimits, FrontendPiece, NegotiateProtocolVersion,
    SaslInitialResponse, SaslResponse, Startup, WireError,
};

/// One listener's ways to recognise callers.
pub struct Identifier {
    config: Arc<config::Listener>,
    methods: Vec<Recogniser>,
    /// Makes salts for users that do not exist: always the same for the same name, and not to be foreseen.
    mock: [u8; 32],
}

enum Recogniser {
    Workload { subject: String },
    Scram(UsersFile),
    Anonymous,
}

/// A client whose identity is known. It has not been told yet: that is for [`Identified::admit`].
#[derive(Debug)]
pub struct Identified {
    /// Who it is.
    pub caller: Caller,
    /// The connection.
    pub stream: Stream,
    /// Who is at its other end.
    pub peer: Peer,
    /// What the client asked for.
    pub startup: Startup,
    /// Counts the connection until it is closed.
    pub slot: Slot,
    /// Cuts what comes from the client; it may hold bytes already.
    pub framer: FrontendFramer,
    /// When start-up must have ended.
    pub deadline: Instant,
}

/// The newest minor version of the protocol that sidegate speaks.
const NEWEST_MINOR: u16 = 2;
/// What a user that does not exist seems to have where the file has nobody to be like.
const MOCK_ITERATIONS: u32 = 4096;
const MOCK_SALT: usize = 16;

impl Identifier {
    /// Prepares the methods of a listener, without reading any file.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub fn new(config: Arc<config::Listener>) -> Result<Self, IdentifyError> {
        let mut mock = [0; 32];
        getrandom::fill(&mut mock).map_err(|error| IdentifyError::Random { problem: error.to_string() })?;
        let methods = config
            .identify
            .iter()
            .map(|method| match method {
                Identify::Workload { subject } => Recogniser::Workload { subject: subject.clone() },
                Identify::Scram { users } => Recogniser::Scram(UsersFile::new(users.clone())),
                Identify::Anonymous => Recogniser::Anonymous,
            })
            .collect();
        Ok(Self { config, methods, mock })
    }

    /// Reads every file of users once, so that a bad one is known at start.
    ///
    /// # Errors
    /// A file that cannot be read, or a line that is no verifier.
    pub async fn check(&self) -> Result<(), IdentifyError> {
        for method in &self.methods {
            if let Recogniser::Scram(file) = method {
                file.users().await?;
            }
        }
        Ok(())
    }

    /// Finds out who is calling, before the connection's deadline.
    ///
    /// # Errors
    /// No method recognises the caller, its proof is wrong, it breaks the protocol, is too slow or goes away.
    /// The refusal must be told to the client, and the connection closed.
    pub async fn identify(&self, accepted: Accepted) -> Result<Identified, Refused<IdentifyError>> {
        let Accepted { stream, peer, startup, slot, deadline, buffered } = accepted;
        let framer = FrontendFramer::new(FrontendLimits::for_statements(self.config.limits.statement), buffered);
        let mut talk = Talk { stream, framer };
        let limit = self.config.limits.startup;
        let recognised = timeout_at(deadline, self.recognise(&mut talk, &peer, &startup))
            .await
            .unwrap_or(Err(IdentifyError::TooSlow { limit }));
        let Talk { stream, framer } = talk;
        match recognised {
            Ok(caller) => Ok(Identified { caller, stream, peer, startup, slot, framer, deadline }),
            Err(error) => Err(Refused { error, stream, slot }),
        }
    }

    async fn recognise(&self, talk: &mut Talk, peer: &Peer, startup: &Startup) -> Result<Caller, IdentifyError> {
        if startup.wants_negotiation() {
            let minor = startup.minor.min(NEWEST_MINOR);
            talk.send(NegotiateProtocolVersion { minor, unsupported: &startup.options }.encode()).await?;
        }
        let user = startup.user().ok_or(IdentifyError::NoUser)?;
        let mut unknown_to = None;
        for method in &self.methods {
            match method {
                Recogniser::Workload { subject } if peer.is_local() => {
                    return Ok(caller(subject, Method::Workload, true));
                }
                Recogniser::Workload { .. } => {}
                Recogniser::Anonymous => return Ok(caller("anonymous", Method::Anonymous, false)),
                Recogniser::Scram(file) => {
                    let users = file.users().await?;
                    if let Some(verifier) = users.get(user) {
                        talk.prove(user, verifier).await?;
                        return Ok(caller(user, Method::Scram, true));
                    }
                    unknown_to = Some(users);
                }
            }
        }
        if let Some(users) = unknown_to {
            // The same questions as for a known user, so that nobody learns who exists. There is no right answer.
            talk.prove(user, &self.mock(user, &users)).await?;
            return Err(IdentifyError::WrongPassword { user: user.to_owned() });
        }
        Err(IdentifyError::Unrecognised { listener: self.config.name.clone(), user: user.to_owned() })
    }

    /// A verifier like those of the file, that no proof satisfies.
    fn mock(&self, user: &str, users: &Users) -> Verifier {
        let (iterations, length) = users.usual.unwrap_or((MOCK_ITERATIONS, MOCK_SALT));
        let salt = scram::hmac(&self.mock, user.as_bytes()).into_iter().cycle().take(length).collect();
        Verifier { iterations, salt, stored_key: [0; 32], server_key: [0; 32] }
    }
}

impl Identified {
    /// Lets the client in: what comes from it now are statements. The frame is its AuthenticationOk, to be sent
    /// together with what the upstream reported.
    ///
    /// # Errors
    /// None in practice.
    pub fn admit(&mut self) -> Result<Frame, WireError> {
        self.framer.authenticated();
        Authentication::ok()
    }
}

fn caller(subject: &str, method: Method, verified: bool) -> Caller {
    Caller {
        subject: subject.to_owned(),
        issuer: None,
        method,
        verified,
        groups: Vec::new(),
        claims: Map::new(),
        expires_at: None,
        actor: None,
    }
}

/// The connection during authentication.
struct Talk {
    stream: Stream,
    framer: FrontendFramer,
}

impl Talk {
    /// One SCRAM exchange. `Ok` means that the client knows the password.
    async fn prove(&mut self, user: &str, verifier: &Verifier) -> Result<(), IdentifyError> {
        let failed = |failure| match failure {
            Failure::Malformed(problem) => IdentifyError::Scram { problem },
            Failure::Mechanism => IdentifyError::Mechanism,
            Failure::Wrong => IdentifyError::WrongPassword { user: user.to_owned() },
        };
        self.send(Authentication::sasl_choice(scram::mechanisms(self.stream.end_point()))).await?;
        let frame = self.receive().await?;
        let first = SaslInitialResponse::decode(frame.body())?;
        let data = first.data.ok_or(IdentifyError::Scram { problem: "the first message is missing" })?;
        let end_point = self.stream.end_point();
        let exchange = Exchange::begin(first.mechanism, data, verifier, &nonce()?, end_point).map_err(failed)?;
        self.send(Authentication::sasl_continue(exchange.server_first().as_bytes().to_vec())).await?;
        let frame = self.receive().await?;
        let proof = exchange.finish(SaslResponse::decode(frame.body()).data, verifier).map_err(failed)?;
        self.send(Authentication::sasl_final(proof.into_bytes())).await
    }

    async fn send(&mut self, frame: Result<Frame, WireError>) -> Result<(), IdentifyError> {
        self.stream.write_all(frame?.bytes()).await.map_err(|_| IdentifyError::Gone)?;
        // TLS keeps what the connection does not take at once.
        self.stream.flush().await.map_err(|_| IdentifyError::Gone)
    }

    async fn receive(&mut self) -> Result<Frame, IdentifyError> {
        loop {
            match self.framer.next_piece()? {
                Some(FrontendPiece::Frame(frame)) => return Ok(frame),
                Some(FrontendPiece::CopyData(_) | FrontendPiece::TooLarge { .. }) => {
                    return Err(WireError::Tag { tag: b'd' }.into());
                }
                None => match self.stream.read_buf(self.framer.room()).await {
                    Ok(1..) => {}
                    Ok(0) | Err(_) => return Err(IdentifyError::Gone),
                },
            }
        }
    }
}

/// Our part of the nonce: 18 random bytes, as PostgreSQL's.
fn nonce() -> Result<String, IdentifyError> {
    let mut bytes = [0; 18];
    getrandom::fill(&mut bytes).map_err(|error| IdentifyError::Random { problem: error.to_string() })?;
    Ok(STANDARD.encode(bytes))
}
