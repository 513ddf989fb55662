//! Messages that say that something was done: statements prepared, portals bound, names closed, commands run.

use tokio::io::{AsyncRead, AsyncWrite};

use crate::wire::postgres::{CommandComplete, Frame};

use super::answers::{Answers, broken, lost};
use super::corridor::{End, bound_only};
use super::endings::tell;
use super::ledger::Line;
use super::owed::{Owed, Own, Running};

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Answers<'_, R, W> {
    pub(super) async fn parse_complete(&mut self, frame: &Frame) -> Result<(), End> {
        let line = self.settle(|owed| matches!(owed, Owed::Parse { .. } | Owed::Own(Own::Parse { .. })))?;
        if let Owed::Own(Own::Parse { statement, masked }) = line.owed {
            statement.words.lock().are(masked);
            return Ok(());
        }
        if let Owed::Parse { entry, name, statement } = line.owed {
            self.corridor.state.lock().names.parsed(line.sequence, name, statement);
            self.corridor.close(entry, bound_only()).await?;
        }
        self.pass(frame);
        self.corridor.rang();
        Ok(())
    }

    pub(super) async fn bind_complete(&mut self, frame: &Frame) -> Result<(), End> {
        let line = self.settle(|owed| matches!(owed, Owed::Bind { .. }))?;
        let replaced = if let Owed::Bind { name, portal } = line.owed {
            self.corridor.state.lock().names.bound(line.sequence, name, portal)
        } else {
            None
        };
        self.corridor.close_portals(replaced).await?;
        self.pass(frame);
        self.corridor.rang();
        Ok(())
    }

    pub(super) async fn close_complete(&mut self, frame: &Frame) -> Result<(), End> {
        let line = self.settle(|owed| matches!(owed, Owed::Close { .. } | Owed::Own(Own::Close)))?;
        if matches!(line.owed, Owed::Own(_)) {
            return Ok(());
        }
        let gone = if let Owed::Close { portal, name } = line.owed {
            self.corridor.state.lock().names.closed(line.sequence, portal, &name)
        } else {
            None
        };
        self.corridor.close_portals(gone).await?;
        self.pass(frame);
        self.corridor.rang();
        Ok(())
    }

    /// CommandComplete, PortalSuspended, EmptyQueryResponse: the end of an Execute; of a Query only a part.
    pub(super) async fn complete(&mut self, frame: Frame) -> Result<(), End> {
        let finished = {
            let mut state = self.corridor.state.lock();
            state.copy_ended(&self.corridor.signals);
            if let Some(refusal) = state.ledger.undone() {
                refusal.take().iter().for_each(|refusal| tell(&mut self.out, refusal));
                return Ok(());
            }
            if frame.tag() == b'C' && state.deeds.is_some() {
                let complete = CommandComplete::decode(frame.body()).map_err(|error| broken(&error))?;
                state.completed(complete.tag);
            } else if frame.tag() == b's' {
                state.suspended();
            }
            let watched = matches!(state.ledger.front(), Some(line) if line.owed.is_watched());
            let state = &mut *state;
            match state.ledger.front() {
                Some(Line { owed: Owed::Query(running), .. }) => {
                    running.completes(&frame);
                    None
                }
                Some(Line { owed: Owed::Execute(running), .. }) => {
                    running.completes(&frame);
                    let tag = running.tag.as_deref().filter(|_| frame.tag() == b'C');
                    state.since.completes(&running.facts, tag);
                    if watched { None } else { state.ledger.settle() }
                }
                _ => return Err(lost("the database completed a command that nobody sent")),
            }
        };
        match finished {
            Some(line) if matches!(line.owed, Owed::Execute(_)) => {
                self.conclude(line).await?;
                self.corridor.rang();
                self.pass(&frame);
                Ok(())
            }
            _ if self.corridor.state.lock().ledger.is_executing() => Box::pin(self.execute_ends(&frame)).await,
            _ => {
                self.give(&frame, true);
                Ok(())
            }
        }
    }
}

impl Running {
    /// A command of it completed.
    fn completes(&mut self, frame: &Frame) {
        if frame.tag() == b'C' {
            self.completed = self.completed.saturating_add(1);
            self.tag = CommandComplete::decode(frame.body()).ok().map(|complete| complete.tag.to_owned());
        }
    }
}
