//! Cells that are masked in the rows of an answer, since no expression of the server's can.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::BytesMut;
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::enforce::mask::cells::{CellError, Cells, ColumnType, CopyCells, CopyField, CopyFormat, Keyring, Rule};
use crate::enforce::{Refusal, Woven};
use crate::model::FaultKind;
use crate::wire::postgres::{Frame, Relay, RowDescription, Rows, WireError};

use super::answers::{Answers, broken, lost};
use super::corridor::End;
use super::ledger::Line;
use super::masks::unmasked;
use super::owed::{Owed, Running};

/// How the rows of one statement are masked, once the server has said what they look like.
#[derive(Debug, Default)]
pub(super) struct Plan {
    rules: Vec<(usize, Rule)>,
    described: Mutex<Option<Frame>>,
}

impl Plan {
    /// The plan of a statement; none of its fields may need one.
    ///
    /// # Errors
    /// A mask names a key that is not configured.
    pub(super) fn new(woven: &Woven, keys: &Keyring) -> Result<Self, CellError> {
        let cells = woven.guard().cells();
        let rules =
            cells.map(|(field, masker)| Ok((field, Rule::of(masker, keys)?))).collect::<Result<_, CellError>>()?;
        Ok(Self { rules, described: Mutex::default() })
    }

    /// Whether rows come back as they are.
    pub(super) fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// The server has described the rows.
    pub(super) fn describe(&self, description: &Frame) {
        if !self.is_empty() {
            *self.described.lock() = Some(description.clone());
        }
    }

    /// The masks of rows whose values have these formats, as a Bind gives them; `None`: as they were described.
    fn cells(&self, formats: Option<&[i16]>) -> Result<Cells, String> {
        let described = self.described.lock().clone().ok_or("the database did not say what they look like")?;
        let mut description = RowDescription::decode(described.body()).map_err(|error| error.to_string())?;
        for (field, column) in description.columns.iter_mut().enumerate() {
            match formats {
                None => {}
                Some([]) => column.format = 0,
                Some([all]) => column.format = *all,
                Some(each) => column.format = each.get(field).copied().ok_or("a Bind has too few formats")?,
            }
        }
        Cells::new(&description, &self.rules).map_err(|error| error.to_string())
    }

    /// The masks of the rows of a COPY.
    pub(super) fn copy(&self, format: &CopyFormat) -> Result<CopyCells, String> {
        let described = self.described.lock().clone().ok_or("the database did not say what they look like")?;
        let columns = RowDescription::decode(described.body()).map_err(|error| error.to_string())?.columns;
        let field = |(place, rule): &(usize, Rule)| {
            let column = columns.get(*place)?;
            let kind = ColumnType { oid: column.type_oid, modifier: column.modifier };
            Some(CopyField { place: *place, kind, rule: rule.clone() })
        };
        let fields: Option<Vec<CopyField>> = self.rules.iter().map(field).collect();
        let fields = fields.ok_or("they have fewer columns than were foreseen")?;
        CopyCells::new(format.clone(), columns.len(), &fields).map_err(|error| error.to_string())
    }
}

impl Running {
    /// The masks of its rows; `None` where they come as they are.
    fn cells(&mut self) -> Result<Option<Arc<Cells>>, String> {
        let Some(plan) = self.masked.as_ref().map(|masked| masked.plan()).filter(|plan| !plan.is_empty()) else {
            return Ok(None);
        };
        if self.cells.is_none() {
            self.cells = Some(Arc::new(plan.cells(self.formats.as_deref())?));
        }
        Ok(self.cells.clone())
    }
}

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Answers<'_, R, W> {
    /// Rows are held whole where cells in them are masked.
    pub(super) fn choose_rows(&mut self) {
        if !self.corridor.masks_cells.load(Ordering::Relaxed) {
            return;
        }
        let masks = match self.corridor.state.lock().ledger.front() {
            Some(Line { owed: Owed::Query(running) | Owed::Execute(running), .. }) => {
                running.masked.as_ref().is_some_and(|masked| !masked.plan().is_empty())
            }
            Some(_) | None => false,
        };
        self.framer.set_rows(if masks { Rows::Runs } else { Rows::Relayed });
    }

    /// The end of a session of whose answer no messages can be made.
    pub(super) fn uncut(&self, error: &WireError) -> End {
        match *error {
            WireError::Length { tag: b'D' | b'd', length, limit } if length > limit && self.masks().is_some() => {
                let problem = format!(
                    "a row of {length} bytes has columns that are masked on their way back, which rows of up to {limit} \
                     bytes can have: leave one out"
                );
                End::Fault(Refusal::new(FaultKind::TooLarge, problem))
            }
            WireError::Length { .. }
            | WireError::StartupLength { .. }
            | WireError::Version { .. }
            | WireError::Tag { .. }
            | WireError::Body { .. }
            | WireError::Encode { .. } => broken(error),
        }
    }

    /// Whole rows, of which some cells are masked.
    pub(super) fn rows(&mut self, rows: &Relay) -> Result<(), End> {
        if self.is_cut_off() {
            return Ok(());
        }
        let mut state = self.corridor.state.lock();
        let running = state.ledger.running().ok_or_else(unasked)?;
        // What is watched is looked at once more before any of it is the client's.
        let mut aside = running.watch.is_some().then(BytesMut::new);
        let out = aside.as_mut().unwrap_or(&mut self.out);
        let before = out.len();
        out.reserve(rows.bytes.len().saturating_add(rows.bytes.len() / 2));
        let (count, problem) = if rows.tag == b'd' {
            let copying = running.copying.as_mut().ok_or_else(|| unmasked("rows came that no COPY was asked for"))?;
            let fed = copying.messages(rows.bodies(), out);
            drop(state);
            fed
        } else {
            let cells = running.cells().map_err(|problem| unmasked(&problem))?.ok_or_else(unasked)?;
            drop(state);
            cells.messages(rows.bodies(), out)
        };
        // What came before a row that cannot be masked is the client's.
        match aside {
            Some(masked) => self.relay(&Relay { tag: rows.tag, begins: count, ends: count, bytes: masked.freeze() })?,
            None => self.passed(count, self.out.len().saturating_sub(before))?,
        }
        problem.map_or(Ok(()), |problem| Err(unmasked(&problem.to_string())))
    }

    /// So much of the answer that runs was made ready for the client.
    fn passed(&self, rows: u64, bytes: usize) -> Result<(), End> {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        let mut state = self.corridor.state.lock();
        let running = state.ledger.running().ok_or_else(unasked)?;
        running.rows = running.rows.saturating_add(rows);
        running.bytes = running.bytes.saturating_add(bytes);
        state.count(rows, bytes);
        Ok(())
    }
}

fn unasked() -> End {
    lost("the database sent rows that nobody asked for")
}
