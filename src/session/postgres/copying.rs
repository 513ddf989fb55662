//! COPY … TO STDOUT of masked rows, which nobody describes: the server is asked what they look like before, and holds on
//! to what it looked at until the COPY behind it has ended.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::enforce::mask::cells::CopyFormat;
use crate::enforce::{Copied, Permit, Refusal};
use crate::journal::Outcome;
use crate::model::{Cause, FaultKind, OutcomeKind};
use crate::parse::Encoding;
use crate::wire::postgres::{CopyResponse, ErrorFields, Frame, RowDescription};

use super::answers::{Answers, broken, lost};
use super::corridor::{Corridor, End, bound_only, denied};
use super::ledger::Line;
use super::masks::Masked;
use super::owed::{Owed, Own, Running};
use super::requests::Requests;

/// The question what the rows of a COPY look like, and what came of it.
#[derive(Debug)]
pub(super) struct Preview {
    masked: Arc<Masked>,
    /// It stands in an extended exchange, which fails with it.
    extended: bool,
    seen: Mutex<Seen>,
}

#[derive(Clone, Debug)]
enum Seen {
    /// It was not answered.
    Nothing,
    /// They show nothing that is masked.
    Fits,
    /// They are not what was foreseen, but this, if they are described at all.
    Differs(String, Option<Frame>),
    /// The server refused the query with this SQLSTATE, and the client was told.
    Refused(String),
}

impl Preview {
    /// The masks in what was asked about.
    pub(super) fn masked(&self) -> &Arc<Masked> {
        &self.masked
    }

    /// Whether the exchange that it stands in has failed with it.
    fn is_over(&self) -> bool {
        self.extended && matches!(*self.seen.lock(), Seen::Refused(_))
    }

    fn sees(&self, seen: Seen) {
        *self.seen.lock() = seen;
    }
}

impl Masked {
    /// Whether the rows that it copies out are those that were foreseen, which show nothing that is masked.
    fn copies(&self, description: &Frame) -> Result<(), String> {
        let copied = self.copied().ok_or("it copies nothing out")?;
        let columns = RowDescription::decode(description.body()).map_err(|error| error.to_string())?;
        copied.guard().admits(0, &columns)?;
        self.plan().describe(description);
        Ok(())
    }
}

impl Corridor {
    /// The masks in a statement, unless it copies rows out that cannot be masked on their way back.
    pub(super) fn copied(&self, masked: Option<Arc<Masked>>) -> Result<Option<Arc<Masked>>, String> {
        if let Some(masked) = &masked {
            self.can_copy(masked)?;
        }
        Ok(masked)
    }

    /// Whether the rows of a COPY are what was foreseen once the catalog is read again.
    async fn copies_after_all(&self, masked: &Masked, description: &Frame) -> bool {
        let Some(again) = self.foreseen_again(masked).await else { return false };
        let query = |masked: &Masked| masked.copied().map(|copied| copied.query().to_owned());
        let same = query(&again) == query(masked) && again.copies(description).is_ok();
        if same {
            masked.plan().describe(description);
        }
        same
    }

    fn can_copy(&self, masked: &Masked) -> Result<(), String> {
        let Some(copied) = masked.copied().filter(|_| !masked.plan().is_empty()) else { return Ok(()) };
        match copied.format()? {
            CopyFormat::Binary => Ok(()),
            CopyFormat::Text { .. } | CopyFormat::Csv { .. } => match self.state.lock().encoding() {
                Encoding::Safe => Ok(()),
                Encoding::AsciiTrailBytes | Encoding::Unknown => {
                    Err("columns are masked on their way back, which needs client_encoding UTF8".to_owned())
                }
            },
        }
    }
}

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Requests<'_, R, W> {
    /// The right to send a statement that may be a COPY of masked rows, once the server has said that these show nothing
    /// that is masked. `None` if the client was told something else. `tag`: that of the message that runs it.
    pub(super) async fn preview(
        &mut self,
        tag: u8,
        permit: Permit,
        masked: Option<&Arc<Masked>>,
    ) -> Result<Option<Permit>, End> {
        let Some((masked, copied)) = masked.and_then(|masked| Some((masked, masked.copied()?))) else {
            return Ok(Some(permit));
        };
        Box::pin(self.look(tag, permit, masked, copied.query())).await
    }

    async fn look(
        &mut self,
        tag: u8,
        permit: Permit,
        masked: &Arc<Masked>,
        query: &str,
    ) -> Result<Option<Permit>, End> {
        self.answered(|_| true).await?;
        let (masked, extended) = (Arc::clone(masked), tag != b'Q');
        let preview = Arc::new(Preview { masked, extended, seen: Mutex::new(Seen::Nothing) });
        {
            let mut state = self.corridor.state.lock();
            if state.ledger.skipping() {
                // Nor will the server run what is sent now.
                return Ok(Some(permit));
            }
            if !self.upstream.send_preview(&permit, query) {
                return Err(End::Fault(Refusal::new(FaultKind::Internal, "a COPY is too long to be asked about")));
            }
            state.ledger.owe(Owed::Own(Own::Preview(Arc::clone(&preview))));
            state.ledger.flushed();
            self.corridor.asking.store(true, Ordering::Relaxed);
        }
        self.answered(|owed| matches!(owed, Owed::Own(Own::Preview(_)))).await?;
        let mut seen = preview.seen.lock().clone();
        if let Seen::Differs(_, Some(description)) = &seen
            && Box::pin(self.corridor.copies_after_all(&preview.masked, description)).await
        {
            seen = Seen::Fits;
        }
        match seen {
            Seen::Fits => return Ok(Some(permit)),
            Seen::Refused(sqlstate) => {
                let failed =
                    Outcome { kind: OutcomeKind::Failed, sqlstate: Some(sqlstate), event: true, ..bound_only() };
                self.corridor.keep_back(permit, failed).await?;
                if !extended {
                    self.corridor.state.lock().ledger.owe(Owed::Ready);
                    self.upstream.send_sync();
                }
            }
            Seen::Nothing => return Err(lost("the database did not say what the rows of a COPY look like")),
            Seen::Differs(problem, _) => {
                tracing::error!(problem, "a COPY would have shown what is masked");
                self.corridor.keep_back(permit, denied(Cause::Obligation)).await?;
                self.poison(tag, None, Refusal::new(FaultKind::Denied, "the COPY would have shown what is masked"))?;
            }
        }
        Ok(None)
    }
}

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Answers<'_, R, W> {
    /// Takes a message for the answer to the question what the rows of a COPY look like; `false` if it is none.
    pub(super) fn previewed(&mut self, frame: &Frame) -> Result<bool, End> {
        let mut state = self.corridor.state.lock();
        let preview = match state.ledger.front() {
            Some(Line { owed: Owed::Own(Own::Preview(preview)), .. }) => Arc::clone(preview),
            Some(_) | None => return Ok(false),
        };
        match frame.tag() {
            b'1' | b't' => return Ok(true),
            b'T' => {
                preview.sees(match preview.masked.copies(frame) {
                    Ok(()) => Seen::Fits,
                    Err(problem) => Seen::Differs(problem, Some(frame.clone())),
                });
                return Ok(true);
            }
            b'n' => {
                preview.sees(Seen::Differs("it has no rows".to_owned(), None));
                return Ok(true);
            }
            b'3' => {}
            b'E' => {
                let error = ErrorFields::decode(frame.body()).map_err(|error| broken(&error))?;
                if error.is_fatal() {
                    return Ok(false);
                }
                let before = preview.masked.copied().and_then(Copied::before);
                let told = preview.masked.told_of_copy(&error, before);
                let told = told.ok_or_else(|| lost("the database sent an error that cannot be masked"))?;
                self.out.extend_from_slice(told.bytes());
                preview.sees(Seen::Refused(error.sqlstate().unwrap_or("XX000").to_owned()));
            }
            _ => return Ok(false),
        }
        state.ledger.settle();
        if preview.is_over() {
            // The server ignores what comes until the client's Sync.
            state.ledger.skip_to_sync();
        }
        self.corridor.asking.store(false, Ordering::Relaxed);
        drop(state);
        self.corridor.rang();
        Ok(true)
    }
}

impl Running {
    /// The server begins or ends what it copies out.
    pub(super) fn copies(&mut self, frame: &Frame) -> Result<(), String> {
        let Some(masked) = self.masked.as_ref().filter(|masked| !masked.plan().is_empty()) else { return Ok(()) };
        if frame.tag() == b'c' {
            let copying = self.copying.take().ok_or("a COPY ended that has not begun")?;
            return copying.finish().map_err(|error| error.to_string());
        }
        let format = masked.copied().ok_or("a COPY began where rows were foreseen")?.format()?;
        let cells = masked.plan().copy(format)?;
        let answer = CopyResponse::decode(frame.body()).map_err(|error| error.to_string())?;
        let binary = *format == CopyFormat::Binary;
        let fits = |code: &i16| *code == i16::from(binary);
        if answer.format != u8::from(binary)
            || answer.columns.len() != cells.count()
            || !answer.columns.iter().all(fits)
        {
            return Err("the rows of a COPY have another format than was foreseen".to_owned());
        }
        self.copying = Some(Box::new(cells));
        Ok(())
    }
}
