use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;

use serde_json::Map;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::{Instant, timeout_at};

use super::clock::{Clock, Expiry};
use super::keys::{Issuers, Keyring};
use super::mock::MockSecret;
use super::oauthbearer::{self, BearerMessage};
use super::scram::{self, Verifier};
use super::talk::Talk;
use super::token::{Known, Token, TokenError};
use super::users::{Users, UsersFile};
use super::validity::{Grant, Grants, Validity};
use super::{IdentifyError, certificate};
use crate::accept::{Accepted, Certificates, Peer, Refused, Shown, Slot, Stream};
use crate::config::{self, Ask, Identify};
use crate::model::{Caller, Hidden, Method};
use crate::wire::postgres::{
    Authentication, Frame, FrontendFramer, FrontendLimits, SaslInitialResponse, SaslResponse, Startup, WireError,
};

/// One listener's ways to recognise callers.
pub struct Identifier {
    config: Arc<config::Listener>,
    methods: Vec<Recogniser>,
    clock: Arc<Clock>,
    /// Who is in by a certificate.
    certified: Arc<Grants<Shown>>,
    /// Makes salts for users that do not exist.
    mock: MockSecret,
}

enum Recogniser {
    Workload { subject: String },
    Scram(Arc<UsersFile>),
    Jwt { keyring: Arc<Keyring>, ask: Ask },
    Mtls,
    Peer(BTreeMap<u32, String>),
    Anonymous,
}

/// A client whose identity is known. It has not been told yet: that is for [`Identified::admit`].
#[derive(Debug)]
pub struct Identified {
    /// Who it is.
    pub caller: Caller,
    /// How long that holds.
    pub validity: Validity,
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

/// What is known of a connection before anybody is asked.
struct Evidence {
    local: bool,
    /// Whether nobody in between can read an answer.
    private: bool,
    uid: Option<u32>,
    shown: Option<Shown>,
}

/// Who it is, and for how long.
struct Recognised {
    caller: Caller,
    validity: Validity,
}
/// What a user that does not exist seems to have where the file has nobody to be like.
const MOCK_ITERATIONS: u32 = 4096;
const MOCK_SALT: usize = 16;
/// How long a certificate is still taken after its end, as tokens are by default.
const CERTIFICATE_SKEW: std::time::Duration = std::time::Duration::from_secs(60);

impl Identifier {
    /// Prepares the methods of a listener, without reading any file.
    ///
    /// # Errors
    /// A method names an issuer that is not there.
    pub fn new(config: Arc<config::Listener>, issuers: &Issuers, mock: MockSecret) -> Result<Self, IdentifyError> {
        Self::with_clock(config, issuers, mock, Clock::system())
    }

    /// The same with another clock.
    pub(super) fn with_clock(
        config: Arc<config::Listener>,
        issuers: &Issuers,
        mock: MockSecret,
        clock: Arc<Clock>,
    ) -> Result<Self, IdentifyError> {
        let recogniser = |method: &Identify| {
            Ok(match method {
                Identify::Workload { subject } => Recogniser::Workload { subject: subject.clone() },
                Identify::Scram { users } => Recogniser::Scram(Arc::new(UsersFile::new(users.clone()))),
                Identify::Jwt { issuer, ask } => {
                    let missing = || IdentifyError::NoIssuer { issuer: issuer.clone() };
                    Recogniser::Jwt { keyring: issuers.get(issuer).ok_or_else(missing)?, ask: *ask }
                }
                Identify::Mtls => Recogniser::Mtls,
                Identify::Peer { uids } => Recogniser::Peer(uids.clone()),
                Identify::Anonymous => Recogniser::Anonymous,
            })
        };
        let methods = config.identify.iter().map(recogniser).collect::<Result<_, IdentifyError>>()?;
        Ok(Self { config, methods, clock, certified: Arc::default(), mock })
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
        let evidence = Evidence::of(&accepted);
        let Accepted { stream, peer, startup, slot, deadline, buffered } = accepted;
        let framer = FrontendFramer::new(FrontendLimits::for_statements(self.config.limits.statement), buffered);
        let mut talk = Talk { stream, framer };
        let limit = self.config.limits.startup;
        let recognised = timeout_at(deadline, self.recognise(&mut talk, &evidence, &startup))
            .await
            .unwrap_or(Err(IdentifyError::TooSlow { limit }));
        let Talk { stream, framer } = talk;
        match recognised {
            Ok(Recognised { caller, validity }) => {
                Ok(Identified { caller, validity, stream, peer, startup, slot, framer, deadline })
            }
            Err(error) => Err(Refused { error, stream, slot }),
        }
    }

    async fn recognise(
        &self,
        talk: &mut Talk,
        evidence: &Evidence,
        startup: &Startup,
    ) -> Result<Recognised, IdentifyError> {
        talk.negotiate(startup).await?;
        let user = startup.user().ok_or(IdentifyError::NoUser)?;
        if let Some(hidden) = Hidden::of(user) {
            return Err(IdentifyError::Hidden { what: "the user name", hidden });
        }
        let mut unknown_to = None;
        let mut asked = false;
        for method in &self.methods {
            match method {
                Recogniser::Workload { subject } if evidence.local => {
                    return Ok(Recognised::for_ever(subject, Method::Workload, true));
                }
                Recogniser::Workload { .. } => {}
                Recogniser::Anonymous => return Ok(Recognised::for_ever("anonymous", Method::Anonymous, false)),
                Recogniser::Mtls => {
                    if let Some(shown) = &evidence.shown {
                        return self.of_certificate(shown);
                    }
                }
                Recogniser::Peer(names) => {
                    if let Some(name) = evidence.uid.and_then(|uid| names.get(&uid)) {
                        return Ok(Recognised::for_ever(name, Method::Peer, true));
                    }
                }
                Recogniser::Scram(file) => {
                    let users = file.users().await?;
                    if let Some(verifier) = users.get(user) {
                        talk.prove(user, verifier).await?;
                        return Recognised::by_password(user, file, verifier);
                    }
                    unknown_to = Some(users);
                }
                Recogniser::Jwt { ask, .. } if evidence.private && !asked => {
                    asked = true;
                    let answer = match ask {
                        Ask::Password => self.ask_password(talk, evidence, user).await?,
                        Ask::OauthBearer => Some(self.ask_sasl(talk, evidence, user).await?),
                    };
                    if let Some(recognised) = answer {
                        return Ok(recognised);
                    }
                }
                // Asked once, for all issuers; never where somebody could listen.
                Recogniser::Jwt { .. } => {}
            }
        }
        self.turn_away(talk, user, unknown_to, asked).await
    }

    /// Nobody knows who it is.
    async fn turn_away(
        &self,
        talk: &mut Talk,
        user: &str,
        unknown_to: Option<Arc<Users>>,
        asked: bool,
    ) -> Result<Recognised, IdentifyError> {
        match unknown_to {
            // The same questions as for a known user, so that nobody learns who exists. There is no right answer.
            Some(users) if !asked => {
                talk.prove(user, &self.mock(user, &users)).await?;
                Err(IdentifyError::WrongPassword { user: user.to_owned() })
            }
            None if asked => Err(IdentifyError::Token { issuer: None, problem: TokenError::Missing }),
            Some(_) | None => {
                Err(IdentifyError::Unrecognised { listener: self.config.name.clone(), user: user.to_owned() })
            }
        }
    }

    /// Asks for a token as a password, unless the name belongs to a file of SCRAM users. `None`: there is no token.
    async fn ask_password(
        &self,
        talk: &mut Talk,
        evidence: &Evidence,
        user: &str,
    ) -> Result<Option<Recognised>, IdentifyError> {
        if let Some((file, verifier)) = self.verifier(user).await?.0 {
            talk.prove(user, &verifier).await?;
            return Recognised::by_password(user, file, &verifier).map(Some);
        }
        let password = talk.password().await?;
        match password.expose().as_str() {
            "" => Ok(None),
            token => self.of_token(token, evidence).await.map(Some),
        }
    }

    /// Offers OAUTHBEARER, and SCRAM beside it where there are users.
    async fn ask_sasl(&self, talk: &mut Talk, evidence: &Evidence, user: &str) -> Result<Recognised, IdentifyError> {
        let has_users = self.methods.iter().any(|method| matches!(method, Recogniser::Scram(_)));
        let proofs = if has_users { scram::mechanisms(talk.stream.end_point()) } else { &[] };
        let first = talk.offer(&[&[oauthbearer::MECHANISM][..], proofs].concat()).await?;
        let chosen = SaslInitialResponse::decode(first.body())?;
        if proofs.contains(&chosen.mechanism) {
            let (known, users) = self.verifier(user).await?;
            let (file, verifier) = known.map_or_else(|| (None, self.mock(user, &users)), |(file, it)| (Some(file), it));
            talk.prove_from(&first, user, &verifier).await?;
            // Nothing satisfies a made-up verifier; should something, it is still nobody.
            return match file {
                Some(file) => Recognised::by_password(user, file, &verifier),
                None => Err(IdentifyError::WrongPassword { user: user.to_owned() }),
            };
        }
        if chosen.mechanism != oauthbearer::MECHANISM {
            return Err(IdentifyError::Mechanism);
        }
        let outcome = match chosen.data {
            Some(data) => self.of_bearer(data, evidence).await,
            None => {
                let second = talk.go_on().await?;
                self.of_bearer(SaslResponse::decode(second.body()).data, evidence).await
            }
        };
        // A message that is none ends the exchange; a token that is refused has an answer of its own.
        if let Err(IdentifyError::Token { .. } | IdentifyError::Keys { .. }) = &outcome
            && let Some(keyring) = self.keyrings().next()
        {
            match talk.bearer_failed(&keyring.configuration()).await {
                // Who shows a wrong token and hangs up is refused for the token: that is written down.
                Ok(()) | Err(IdentifyError::Gone) => {}
                Err(error) => return Err(error),
            }
        }
        outcome
    }

    async fn of_bearer(&self, data: &[u8], evidence: &Evidence) -> Result<Recognised, IdentifyError> {
        match BearerMessage::read(data)?.token() {
            Some(token) => self.of_token(token, evidence).await,
            None => Err(IdentifyError::Token { issuer: None, problem: TokenError::Missing }),
        }
    }

    /// Who a token speaks for: it is read, its signature checked with a key of the issuer that it names, then its
    /// claims.
    async fn of_token(&self, text: &str, evidence: &Evidence) -> Result<Recognised, IdentifyError> {
        let unknown = |problem| IdentifyError::Token { issuer: None, problem };
        let token = Token::read(text).map_err(unknown)?;
        let keyring = self.keyrings().find(|keyring| token.issuer() == Some(&keyring.issuer().issuer));
        let keyring = keyring.ok_or_else(|| unknown(TokenError::Issuer))?;
        let used = keyring.verify(&token).await?;
        let issuer = keyring.issuer();
        let claims = token.into_claims();
        let leaf = evidence.shown.as_ref().and_then(Shown::leaf);
        let known = claims.check(issuer, self.clock.now(), leaf);
        let Known { caller, expires_at } = known.map_err(|problem| keyring.refused(problem))?;
        let grant = keyring.grant(&used)?;
        if let Some(shown) = evidence.shown.as_ref().filter(|_| claims.is_bound()) {
            self.enter(&grant, shown)?;
        }
        let expiry = Expiry::new(&self.clock, expires_at, issuer.skew);
        Ok(Recognised { caller, validity: Validity::granted(grant, Some(expiry)) })
    }

    fn of_certificate(&self, shown: &Shown) -> Result<Recognised, IdentifyError> {
        let refused = |problem| IdentifyError::Certificate { problem };
        let Known { caller, expires_at } = certificate::caller(shown.leaf().ok_or(refused("there is none"))?)?;
        let expiry = Expiry::new(&self.clock, expires_at, CERTIFICATE_SKEW);
        if expiry.is_over() {
            return Err(refused("it has expired"));
        }
        let grant = Arc::default();
        self.enter(&grant, shown)?;
        Ok(Recognised { caller, validity: Validity::granted(grant, Some(expiry)) })
    }

    /// From now on the grant ends when nobody vouches for the certificate any more.
    fn enter(&self, grant: &Arc<Grant>, shown: &Shown) -> Result<(), IdentifyError> {
        self.certified.enter(grant, shown.clone());
        // Authorities that were struck before this are not seen by who looks after it.
        if shown.holds() {
            return Ok(());
        }
        Err(IdentifyError::Certificate { problem: "nobody vouches for it any more" })
    }

    /// Ends identities whose proof is withdrawn, for ever: users struck from a file, clients of authorities that were
    /// struck. What becomes of keys is their issuer's business.
    pub async fn keep(&self, certificates: Option<Arc<Certificates>>) -> Infallible {
        let mut files = JoinSet::new();
        for method in &self.methods {
            if let Recogniser::Scram(file) = method {
                let file = Arc::clone(file);
                files.spawn(async move { file.keep().await });
            }
        }
        let mut certified = std::pin::pin!(self.keep_certified(certificates));
        loop {
            tokio::select! {
                never = &mut certified => match never {},
                Some(ended) = files.join_next() => match ended {
                    Ok(never) => match never {},
                    Err(error) => tracing::error!(%error, "nobody looks after a file of users any more, by a defect"),
                },
            }
        }
    }

    async fn keep_certified(&self, certificates: Option<Arc<Certificates>>) -> Infallible {
        if let Some(certificates) = certificates {
            let mut changes = certificates.changes();
            while changes.changed().await.is_ok() {
                let grants = Arc::clone(&self.certified);
                let looked = spawn_blocking(move || grants.keep(Shown::holds)).await;
                let listener = &self.config.name;
                match looked {
                    Ok(0) => {}
                    Ok(ended) => tracing::info!(%listener, ended, "nobody vouches any more for clients that are in"),
                    Err(error) => tracing::error!(%listener, %error, "a look at clients ended by a defect"),
                }
            }
        }
        std::future::pending().await
    }

    fn keyrings(&self) -> impl Iterator<Item = &Arc<Keyring>> {
        self.methods.iter().filter_map(|method| match method {
            Recogniser::Jwt { keyring, .. } => Some(keyring),
            Recogniser::Workload { .. }
            | Recogniser::Scram(_)
            | Recogniser::Mtls
            | Recogniser::Peer(_)
            | Recogniser::Anonymous => None,
        })
    }

    /// The verifier of a user that any file knows, with the file, and the users of the last file.
    async fn verifier(&self, user: &str) -> Result<(Option<(&UsersFile, Verifier)>, Arc<Users>), IdentifyError> {
        let mut last = Arc::default();
        for method in &self.methods {
            if let Recogniser::Scram(file) = method {
                last = file.users().await?;
                if let Some(verifier) = last.get(user) {
                    return Ok((Some((file, verifier.clone())), last));
                }
            }
        }
        Ok((None, last))
    }

    /// A verifier like those of the file, that no proof satisfies.
    fn mock(&self, user: &str, users: &Users) -> Verifier {
        let (iterations, length) = users.usual.unwrap_or((MOCK_ITERATIONS, MOCK_SALT));
        Verifier { iterations, salt: self.mock.salt(user, length), stored_key: [0; 32], server_key: [0; 32] }
    }
}

impl Evidence {
    fn of(accepted: &Accepted) -> Self {
        let uid = if let Stream::Unix(stream) = &accepted.stream {
            stream.peer_cred().ok().map(|peer| peer.uid())
        } else {
            None
        };
        let local = accepted.peer.is_local();
        Self { local, private: local || accepted.encrypted(), uid, shown: accepted.shown().cloned() }
    }
}

impl Recognised {
    fn for_ever(subject: &str, method: Method, verified: bool) -> Self {
        let caller = Caller {
            subject: subject.to_owned(),
            issuer: None,
            method,
            verified,
            groups: Vec::new(),
            claims: Map::new(),
            expires_at: None,
            actor: None,
        };
        Self { caller, validity: Validity::default() }
    }

    /// For as long as the file has the user with this verifier.
    fn by_password(user: &str, file: &UsersFile, verifier: &Verifier) -> Result<Self, IdentifyError> {
        let validity = Validity::granted(file.grant(user, verifier)?, None);
        Ok(Self { validity, ..Self::for_ever(user, Method::Scram, true) })
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
