//! From the client to the server: every message is read, judged where it can do something,
//! and sent as it came, or as a poison in its place.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};

use crate::enforce::{Permit, Refusal, Severity, poison};
use crate::forward::{Free, Sender, Unsent};
use crate::journal::Entry;
use crate::model::{Cause, FaultKind};
use crate::parse::Encoding;
use crate::wire::postgres::{
    Close, CopyFail, Describe, Frame, FrontendFramer, FrontendPiece, Object, Relay, WireError,
};

use super::corridor::{Corridor, End};
use super::fill::Fill;
use super::owed::{Owed, Own};
use super::signals::Signal;
use super::state::Copy;

/// The requests' direction of one session.
pub(super) struct Requests<'a, R, W> {
    /// The session.
    pub(super) corridor: &'a Corridor,
    /// What the client sends.
    pub(super) client: R,
    /// Cuts it into messages.
    pub(super) framer: FrontendFramer,
    /// How it is read.
    pub(super) fill: Fill,
    /// Where permits go.
    pub(super) upstream: Sender<W>,
    /// The client was silent for as long as it may be: once all is answered the session ends, unless it speaks.
    pub(super) silent: bool,
}

/// How far a client is read ahead while its next statement has to wait.
pub(super) const AHEAD: usize = 64 << 10;

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Requests<'_, R, W> {
    /// Runs until the session ends, and says why it did.
    pub(super) async fn run(&mut self) -> End {
        loop {
            if let Err(end) = self.step().await {
                // A goodbye must not overtake what was permitted before it. A COPY that is cut off needs no more data,
                // and a server that does not take any would keep the session.
                if !matches!(end, End::Fault(_)) || !self.corridor.takes_data() {
                    let _ = self.upstream.flush().await;
                }
                return end;
            }
        }
    }

    async fn step(&mut self) -> Result<(), End> {
        if self.corridor.state.lock().ledger.is_crowded() {
            Box::pin(self.uncrowded()).await?;
        }
        match self.framer.next_piece().map_err(breach)? {
            Some(FrontendPiece::Frame(frame)) => {
                self.turn(frame.tag()).await?;
                if self.corridor.takes_data() {
                    Box::pin(self.data_over(frame.tag())).await?;
                }
                if self.corridor.signals.take(Signal::SYNC_WANTED) != Signal::NONE {
                    // It came before this.
                    Box::pin(self.held_sync()).await?;
                }
                self.message(frame).await
            }
            Some(FrontendPiece::CopyData(relay)) => self.copy_data(relay).await,
            Some(FrontendPiece::TooLarge { tag, length, limit }) => {
                self.turn(tag).await?;
                Box::pin(self.too_large(tag, length, limit)).await
            }
            None => {
                // It may have had to wait for the end of data.
                self.make_fail();
                self.flush().await?;
                self.receive().await
            }
        }
    }

    /// Waits for bytes from the client, for a Sync that was held back, or for the end.
    async fn receive(&mut self) -> Result<(), End> {
        let corridor = self.corridor;
        let (answered, over) = (corridor.has_answered(), corridor.is_expired());
        if over && !answered {
            Box::pin(self.wane()).await?;
        }
        let quiet = answered && corridor.is_quiet();
        if quiet && (self.silent || corridor.is_draining()) {
            return Err(self.unused());
        }
        let patience = self.patience(quiet);
        // In the middle of data a Sync would be data, and the end of that data messages that nobody has judged.
        let between = !self.framer.is_mid_copy_data();
        let news = Signal::WENT_QUIET
            .and(Signal::FAILURE_WANTED)
            .and(Signal::SYNC_WANTED.only_if(between))
            .and(Signal::ANSWERED.only_if(!answered && over));
        tokio::select! {
            // A client that goes on speaking is heard first: each of its messages is looked at in the light of the rest.
            biased;
            read = self.fill.read(&mut self.client, &mut self.framer) => match read {
                Ok(0) | Err(_) => Err(End::Client),
                Ok(_) => {
                    self.silent = false;
                    Ok(())
                }
            },
            heard = corridor.signals.heard(news) => {
                // What fails stands before the Sync that the client sent behind it.
                self.heed(heard).await?;
                if heard.has(Signal::SYNC_WANTED) { Box::pin(self.held_sync()).await } else { Ok(()) }
            }
            () = idled(patience) => Box::pin(self.silence(quiet)).await,
            // An open transaction is no reason to wait: nothing more can be done in it.
            () = corridor.expired(), if answered || !over => if answered { Err(expired(corridor)) } else { Ok(()) },
        }
    }

    /// How long the client may be silent from now on; zero: as long as it likes. What the server keeps back for lack
    /// of a Sync is no work that anybody waits for.
    fn patience(&self, quiet: bool) -> Duration {
        let (corridor, idle) = (self.corridor, self.corridor.lane.listener.limits.idle);
        if corridor.takes_data() && self.silent {
            PAUSE
        } else if quiet || corridor.takes_data() {
            idle
        } else if !corridor.is_withheld() {
            Duration::ZERO
        } else if corridor.is_draining() && (idle.is_zero() || idle > PAUSE) {
            PAUSE
        } else {
            idle
        }
    }

    /// The client was silent for as long as it may be. A statement that runs is answered first, unless it is a COPY
    /// that waits for the client.
    async fn silence(&mut self, quiet: bool) -> Result<(), End> {
        let copying = self.corridor.takes_data();
        if quiet || self.framer.is_mid_copy_data() || copying && self.silent {
            return Err(self.unused());
        }
        self.silent = true;
        if copying {
            // The data may have ended before the server asked for it. While it waits for data it swallows this.
            self.upstream.send_flush();
        } else {
            self.demand();
        }
        self.flush().await
    }

    /// The end of a session that nobody uses.
    fn unused(&self) -> End {
        if self.corridor.is_draining() {
            return End::Fault(Refusal::new(FaultKind::ShuttingDown, "sidegate is shutting down"));
        }
        let limit = humantime::format_duration(self.corridor.lane.listener.limits.idle);
        let problem = format!("the session was idle for longer than `limits.idle`, {limit}");
        End::Fault(Refusal::new(FaultKind::IdleTimeout, problem))
    }

    /// The identity is over: what was sent before is answered, with or without a Sync; a COPY gets no more data.
    async fn wane(&mut self) -> Result<(), End> {
        if self.corridor.takes_data() {
            return Err(expired(self.corridor));
        }
        if !self.corridor.state.lock().ledger.lags() {
            return Ok(());
        }
        if self.framer.is_mid_copy_data() {
            return Err(expired(self.corridor));
        }
        self.demand();
        self.flush().await
    }

    /// Asks the server for what it keeps back until a Sync. Never in the middle of a message.
    pub(super) fn demand(&mut self) {
        self.corridor.state.lock().ledger.flushed();
        self.upstream.send_flush();
    }

    async fn message(&mut self, frame: Frame) -> Result<(), End> {
        if frame.tag() != b'X' && self.corridor.is_expired() {
            return Box::pin(self.too_late(frame.tag())).await;
        }
        match frame.tag() {
            b'S' => self.sync().await,
            b'X' => Err(End::Goodbye),
            // After an error the server drops everything until Sync: so does sidegate, without asking.
            _ if self.corridor.state.lock().ledger.skipping() => Ok(()),
            b'H' => self.client_flush(frame),
            b'c' | b'f' => self.copy_end(frame),
            _ if self.corridor.takes_data() => Err(self.amid_copy()),
            b'Q' => self.query(frame).await,
            b'P' => self.parse(frame).await,
            b'B' => self.bind(frame).await,
            b'E' => self.execute(frame).await,
            b'D' => self.describe(frame),
            b'C' => self.close_name(frame),
            b'F' => Box::pin(self.function_call(frame)).await,
            tag => Err(breach(WireError::Tag { tag })),
        }
    }

    /// Nobody may ask for anything more in the name of an identity that has ended. What runs ends first.
    async fn refuse_expired(&mut self) -> Result<(), End> {
        let refusal = self.corridor.refuse_outright(Cause::Identity, self.corridor.epitaph()).await;
        self.all_answered().await?;
        Err(End::Fault(refusal))
    }

    /// A message that comes after the end of the identity is not passed on, not even a Sync: the server would commit
    /// what it was sent before. Without one it rolls back when the connection ends.
    async fn too_late(&mut self, tag: u8) -> Result<(), End> {
        let heard = !self.corridor.takes_data() && !self.corridor.state.lock().ledger.skipping();
        if heard && matches!(tag, b'Q' | b'P' | b'B' | b'E' | b'F') {
            return self.refuse_expired().await;
        }
        self.all_answered().await?;
        Err(expired(self.corridor))
    }

    /// Waits until the client has every answer.
    async fn all_answered(&mut self) -> Result<(), End> {
        self.answered(|_| true).await?;
        while !self.corridor.has_answered() {
            self.rung().await?;
        }
        Ok(())
    }

    /// A message above its limit was dropped as it came; a poison takes its place.
    async fn too_large(&mut self, tag: u8, length: u32, limit: u32) -> Result<(), End> {
        if self.corridor.state.lock().ledger.skipping() {
            return Ok(());
        }
        if self.corridor.takes_data() {
            return Err(self.amid_copy());
        }
        let reason = format!("a message of {length} bytes, where {limit} are allowed");
        let refusal = self.corridor.refuse_outright(Cause::Limit, &reason).await;
        self.poison(tag, None, refusal)
    }

    /// Sends what must fail in place of what was refused.
    pub(super) fn poison(&mut self, tag: u8, statement: Option<&str>, refusal: Refusal) -> Result<(), End> {
        if refusal.severity() == Severity::Fatal {
            return Err(End::Fault(refusal));
        }
        let Some(poison) = poison(tag, statement) else {
            return Err(End::Fault(Refusal::new(FaultKind::Internal, "a message that is never judged was refused")));
        };
        {
            let mut state = self.corridor.state.lock();
            // The server may have begun to ignore messages while this one was judged.
            if state.ledger.skipping() {
                return Ok(());
            }
            state.ledger.owe(Owed::Refused { refusal, ready: matches!(tag, b'Q' | b'F') });
        }
        self.upstream.send_poison(poison);
        Ok(())
    }

    /// Sends what was permitted, unless the server began to ignore messages while it was judged: then
    /// nobody would answer it, and every later answer would be taken for an earlier one's.
    pub(super) async fn forward(&mut self, permit: Permit, owed: impl FnOnce(Entry) -> Owed) -> Result<bool, End> {
        self.forward_after(Vec::new(), permit, owed).await
    }

    /// The same where messages of sidegate's own go before it.
    pub(super) async fn forward_after(
        &mut self,
        before: Vec<Own>,
        permit: Permit,
        owed: impl FnOnce(Entry) -> Owed,
    ) -> Result<bool, End> {
        // An answer may have begun meanwhile that must end before anything follows it.
        self.turn(b'Q').await?;
        if self.corridor.state.lock().ledger.skipping() {
            Box::pin(self.corridor.abandon(permit)).await?;
            return Ok(false);
        }
        if self.corridor.is_expired() {
            // It waited for an answer that came too late for it.
            Box::pin(self.corridor.abandon(permit)).await?;
            return Box::pin(self.refuse_expired()).await.map(|()| false);
        }
        let entry = self.upstream.send(permit);
        let mut state = self.corridor.state.lock();
        for own in before {
            if let Own::Parse { statement, .. } = &own {
                statement.words.lock().change();
            }
            state.ledger.owe(Owed::Own(own));
        }
        state.ledger.owe(owed(entry));
        Ok(true)
    }

    fn describe(&mut self, frame: Frame) -> Result<(), End> {
        let describe = Describe::decode(frame.body()).map_err(breach)?;
        let name = self.name(describe.name)?;
        {
            let mut state = self.corridor.state.lock();
            let masked = match describe.object {
                Object::Portal => {
                    state.names.portal(&state.ledger, name).one().and_then(|portal| portal.masked.clone())
                }
                Object::Statement => {
                    let statement = state.names.statement(&state.ledger, name).one();
                    statement.and_then(|statement| statement.words.lock().masked())
                }
            };
            state.ledger.owe(Owed::Describe { masked });
        }
        self.free(frame)
    }

    fn close_name(&mut self, frame: Frame) -> Result<(), End> {
        let close = Close::decode(frame.body()).map_err(breach)?;
        let owed = Owed::Close { portal: close.object == Object::Portal, name: self.name(close.name)?.to_owned() };
        self.corridor.state.lock().ledger.owe(owed);
        self.free(frame)
    }

    async fn sync(&mut self) -> Result<(), End> {
        {
            let mut state = self.corridor.state.lock();
            if let Copy::In { sync_held } = &mut state.copy {
                // The server would swallow it. Should COPY fail, the client counts on its answer.
                *sync_held = true;
                return Ok(());
            }
            // It may have become wanted just now.
            if let Some(poison) = state.wanted.take().and_then(|tag| poison(tag, None)) {
                self.upstream.send_poison(poison);
            }
            state.ledger.owe(Owed::Sync);
            state.holds();
        }
        self.upstream.send_sync();
        Ok(())
    }

    pub(super) async fn held_sync(&mut self) -> Result<(), End> {
        self.turn(b'S').await?;
        if self.corridor.is_expired() {
            return self.too_late(b'S').await;
        }
        {
            let mut state = self.corridor.state.lock();
            state.ledger.owe(Owed::Sync);
            state.holds();
        }
        self.upstream.send_sync();
        self.flush().await
    }

    async fn copy_data(&mut self, relay: Relay) -> Result<(), End> {
        if self.corridor.is_expired() {
            return Err(expired(self.corridor));
        }
        if let Copy::In { sync_held } = &mut self.corridor.state.lock().copy {
            // The server has read what comes before this, or has failed on the way.
            *sync_held = false;
        }
        self.upstream.send_copy_data(&relay);
        if self.upstream.is_full() { self.flush().await } else { Ok(()) }
    }

    fn copy_end(&mut self, frame: Frame) -> Result<(), End> {
        if frame.tag() == b'f' {
            CopyFail::decode(frame.body()).map_err(breach)?;
        }
        {
            let mut state = self.corridor.state.lock();
            match state.copy {
                Copy::In { .. } => state.copy = Copy::Ended,
                // The data was sent before the server asked for it; or there was no COPY, and the server ignores this.
                Copy::No | Copy::Ended => state.ledger.data_ends(),
            }
        }
        self.free(frame)
    }

    fn client_flush(&mut self, frame: Frame) -> Result<(), End> {
        {
            let mut state = self.corridor.state.lock();
            if !state.copy.takes_data() {
                state.ledger.flushed();
            }
        }
        self.free(frame)
    }

    fn free(&mut self, frame: Frame) -> Result<(), End> {
        let free = Free::of(frame)
            .ok_or_else(|| End::Fault(Refusal::new(FaultKind::Internal, "a message that must be judged was not")))?;
        self.upstream.send_free(free);
        Ok(())
    }

    /// A name that sidegate must compare as the server does: what is not text, is longer than what
    /// PostgreSQL compares, or comes in another encoding than the last time cannot be told apart.
    pub(super) fn name<'name>(&self, name: &'name [u8]) -> Result<&'name str, End> {
        let problem = |words: &str| {
            End::Fault(Refusal::new(FaultKind::Protocol, format!("the name of a statement or portal {words}")))
        };
        if name.len() > NAME_BYTES {
            return Err(problem(&format!("is longer than the {NAME_BYTES} bytes that PostgreSQL compares")));
        }
        if !name.is_ascii() && self.corridor.state.lock().encoding() != Encoding::Safe {
            return Err(problem("is not ASCII where client_encoding is not UTF8"));
        }
        std::str::from_utf8(name).map_err(|_| problem("is not UTF-8"))
    }

    pub(super) async fn flush(&mut self) -> Result<(), End> {
        let corridor = self.corridor;
        if !corridor.takes_data() {
            return self.upstream.flush().await.map_err(unsent);
        }
        Box::pin(self.flush_data()).await
    }

    async fn flush_data(&mut self) -> Result<(), End> {
        let corridor = self.corridor;
        tokio::select! {
            flushed = self.upstream.flush() => flushed.map_err(unsent),
            // The server may not take data for as long as it likes: it waits for a lock, say.
            () = corridor.expired() => Err(expired(corridor)),
        }
    }

    /// A server in COPY throws what is no data away unread, or ends: either way no answer would be its own.
    pub(super) fn amid_copy(&self) -> End {
        if self.corridor.is_expired() {
            return expired(self.corridor);
        }
        End::Fault(Refusal::new(FaultKind::Protocol, "a statement was sent while COPY FROM STDIN waits for data"))
    }
}

/// The end of a session whose caller is nobody any more.
fn expired(corridor: &Corridor) -> End {
    End::Fault(Refusal::new(FaultKind::IdentityExpired, corridor.epitaph()))
}

/// What cannot be sent ends the session.
fn unsent(unsent: Unsent) -> End {
    match unsent {
        Unsent::Gone => End::Server,
        Unsent::Unrecorded(error) => End::Fault(Refusal::fault(&error)),
    }
}

/// What breaks the protocol ends the session.
pub(super) fn breach(error: WireError) -> End {
    End::Fault(Refusal::fault(&error))
}

/// How long a client may still be silent: while draining, when it was about to send a Sync; and in a COPY, once the
/// server was asked whether that has ended. How long the server, that may be about to say that it has.
pub(super) const PAUSE: Duration = Duration::from_secs(1);
/// What PostgreSQL compares of a name.
const NAME_BYTES: usize = 63;

/// Returns after `limit`; never, when there is none.
async fn idled(limit: Duration) {
    if limit.is_zero() {
        std::future::pending::<()>().await;
    }
    Box::pin(tokio::time::sleep(limit)).await;
}
