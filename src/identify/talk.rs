//! What is said between the start-up packet and AuthenticationOk.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::IdentifyError;
use super::oauthbearer;
use super::scram::{self, Exchange, Failure, Verifier};
use crate::accept::Stream;
use crate::model::Secret;
use crate::wire::postgres::{
    Authentication, Frame, FrontendFramer, FrontendPiece, NegotiateProtocolVersion, Password, SaslInitialResponse,
    SaslResponse, Startup, WireError,
};

/// The newest minor version of the protocol that sidegate speaks.
const NEWEST_MINOR: u16 = 2;

/// The connection during authentication.
pub(super) struct Talk {
    pub(super) stream: Stream,
    pub(super) framer: FrontendFramer,
}

impl Talk {
    /// Says which version is spoken and which extensions are not, to who asked for more.
    pub(super) async fn negotiate(&mut self, startup: &Startup) -> Result<(), IdentifyError> {
        if !startup.wants_negotiation() {
            return Ok(());
        }
        let minor = startup.minor.min(NEWEST_MINOR);
        self.send(NegotiateProtocolVersion { minor, unsupported: &startup.options }.encode()).await
    }

    /// One SCRAM exchange. `Ok` means that the client knows the password.
    pub(super) async fn prove(&mut self, user: &str, verifier: &Verifier) -> Result<(), IdentifyError> {
        let first = self.offer(scram::mechanisms(self.stream.end_point())).await?;
        self.prove_from(&first, user, verifier).await
    }

    /// The same from the client's first message on.
    pub(super) async fn prove_from(
        &mut self,
        first: &Frame,
        user: &str,
        verifier: &Verifier,
    ) -> Result<(), IdentifyError> {
        let failed = |failure| match failure {
            Failure::Malformed(problem) => IdentifyError::Scram { problem },
            Failure::Mechanism => IdentifyError::Mechanism,
            Failure::Wrong => IdentifyError::WrongPassword { user: user.to_owned() },
        };
        let first = SaslInitialResponse::decode(first.body())?;
        let data = first.data.ok_or(IdentifyError::Scram { problem: "the first message is missing" })?;
        let end_point = self.stream.end_point();
        let exchange = Exchange::begin(first.mechanism, data, verifier, &nonce()?, end_point).map_err(failed)?;
        self.send(Authentication::sasl_continue(exchange.server_first().as_bytes().to_vec())).await?;
        let frame = self.receive().await?;
        let proof = exchange.finish(SaslResponse::decode(frame.body()).data, verifier).map_err(failed)?;
        self.send(Authentication::sasl_final(proof.into_bytes())).await
    }

    /// Asks for a password in clear.
    pub(super) async fn password(&mut self) -> Result<Secret<String>, IdentifyError> {
        self.send(Authentication::cleartext()).await?;
        let frame = self.receive().await?;
        Ok(Password::decode(frame.body())?.password)
    }

    /// Offers mechanisms; gives the client's first message.
    pub(super) async fn offer(&mut self, mechanisms: &[&str]) -> Result<Frame, IdentifyError> {
        self.send(Authentication::sasl_choice(mechanisms)).await?;
        self.receive().await
    }

    /// Asks for the first message of a client that has chosen a mechanism and said nothing yet.
    pub(super) async fn go_on(&mut self) -> Result<Frame, IdentifyError> {
        self.send(Authentication::sasl_continue(Vec::new())).await?;
        self.receive().await
    }

    /// Ends an OAUTHBEARER exchange that failed, as the client expects it, so that it can act on the answer.
    pub(super) async fn bearer_failed(&mut self, configuration: &str) -> Result<(), IdentifyError> {
        self.send(Authentication::sasl_continue(oauthbearer::failure(configuration))).await?;
        let frame = self.receive().await?;
        if SaslResponse::decode(frame.body()).data == oauthbearer::ACKNOWLEDGEMENT {
            Ok(())
        } else {
            Err(IdentifyError::Bearer { problem: "the error was not acknowledged" })
        }
    }

    pub(super) async fn send(&mut self, frame: Result<Frame, WireError>) -> Result<(), IdentifyError> {
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
