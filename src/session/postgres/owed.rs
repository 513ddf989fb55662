//! What the server owes for one message, and the statement that runs.

use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;

use crate::enforce::Refusal;
use crate::enforce::mask::cells::{Cells, CopyCells};
use crate::forward::{Described, Told};
use crate::journal::Entry;
use crate::model::Cause;
use crate::parse::{Effect, Facts};

use super::copying::Preview;
use super::masks::Masked;
use super::names::{Portal, Statement};
use super::stages::Columns;
use super::watch::{Sent, Watch};

/// The answer that is owed.
#[derive(Debug)]
pub(super) enum Owed {
    /// Rows, completions, errors, then ReadyForQuery. Of a FunctionCall, its result instead of rows.
    Query(Running),
    /// ParseComplete.
    Parse {
        /// The INTENT of kind `prepare`.
        entry: Entry,
        /// The name it gives.
        name: String,
        /// What it gives the name to.
        statement: Arc<Statement>,
    },
    /// BindComplete.
    Bind {
        /// The name it gives.
        name: String,
        /// What it gives the name to.
        portal: Arc<Portal>,
    },
    /// RowDescription or NoData, after ParameterDescription for a statement.
    Describe {
        /// The masks in what is described, as far as that is known.
        masked: Option<Arc<Masked>>,
    },
    /// The same, asked by sidegate itself: not relayed.
    OwnDescribe {
        /// What is wanted.
        wanted: Wanted,
    },
    /// The answer to a message of sidegate's own: not relayed.
    Own(Own),
    /// Rows, then CommandComplete, PortalSuspended, EmptyQueryResponse or an error.
    Execute(Running),
    /// CloseComplete.
    Close {
        /// Whether a portal or a statement is closed.
        portal: bool,
        /// Its name.
        name: String,
    },
    /// ReadyForQuery.
    Sync,
    /// An error, because a poison stands in the refused message's place.
    Refused {
        /// What the client sees instead of the server's words.
        refusal: Refusal,
        /// Whether ReadyForQuery follows (Query, FunctionCall).
        ready: bool,
    },
    /// ReadyForQuery after a refused Query.
    Ready,
    /// CommandComplete and ReadyForQuery of a ROLLBACK of sidegate's own.
    Undone {
        /// What the client sees instead of the first, if it waits for them.
        refusal: Option<Refusal>,
        /// It does not: neither goes to it.
        own: bool,
    },
}

/// A message of sidegate's own.
#[derive(Debug)]
pub(super) enum Own {
    /// Closes what was prepared before.
    Close,
    /// Prepares it anew.
    Parse {
        /// What is prepared.
        statement: Arc<Statement>,
        /// With which masks.
        masked: Option<Arc<Masked>>,
    },
    /// Asks what its answer looks like.
    Describe(Arc<Masked>),
    /// Asks what the rows of a COPY look like.
    Preview(Arc<Preview>),
    /// A whole exchange between two statements.
    Question(Question),
}

/// What sidegate asks between two statements, and what came of it so far.
#[derive(Debug)]
pub(super) struct Question {
    /// What is asked.
    pub(super) asked: Asked,
    /// Its rows.
    pub(super) rows: Vec<u8>,
    /// There were too many of them.
    pub(super) overflown: bool,
    /// How many texts the server has read.
    pub(super) parsed: usize,
    /// Texts that were run.
    pub(super) ran: usize,
    /// Where the rows of each of them end.
    pub(super) ends: Vec<usize>,
    /// SQLSTATE of the error that it ended with.
    pub(super) failed: Option<String>,
    /// No other one belongs to it: the session is again as it was.
    pub(super) last: bool,
}

/// What is asked.
#[derive(Debug)]
pub(super) enum Asked {
    /// What names mean.
    Names,
    /// What the server expects of a statement.
    Estimate(Arc<Mutex<Told>>),
    /// What the catalog is to this session alone.
    Catalog(Arc<Mutex<Described>>),
    /// The texts of rules in it.
    Definitions(Arc<Mutex<Described>>),
    /// Nothing: it takes back the path by which these were asked.
    Return,
    /// Nothing: it prepares a question, or takes back what that has left.
    Aside,
}

impl Question {
    /// One that was not answered yet.
    pub(super) fn new(asked: Asked, last: bool) -> Self {
        Self { asked, rows: Vec::new(), overflown: false, parsed: 0, ran: 0, ends: Vec::new(), failed: None, last }
    }
}

/// What sidegate asks for by itself.
#[derive(Debug)]
pub(super) enum Wanted {
    /// The parameter types of a statement.
    Types(Arc<Statement>),
    /// The columns of a portal.
    Columns(Columns),
}

/// A statement that runs.
#[derive(Debug)]
pub(super) struct Running {
    /// Its INTENT.
    pub(super) entry: Option<Entry>,
    /// What it does.
    pub(super) facts: Arc<Facts>,
    /// The masks in it.
    pub(super) masked: Option<Arc<Masked>>,
    /// The masks of its rows, once there is one.
    pub(super) cells: Option<Arc<Cells>>,
    /// The masks of what it copies out, and where in that it is.
    pub(super) copying: Option<Box<CopyCells>>,
    /// The formats that its values were asked for in; `None` where the server says them.
    pub(super) formats: Option<Arc<[i16]>>,
    /// Whether it is a FunctionCall.
    pub(super) called: bool,
    /// When its first byte went upstream.
    pub(super) sent: Instant,
    /// Rows relayed so far.
    pub(super) rows: u64,
    /// Bytes of answer relayed so far.
    pub(super) bytes: u64,
    /// SQLSTATE of the error it ended with.
    pub(super) sqlstate: Option<String>,
    /// Commands that completed.
    pub(super) completed: usize,
    /// The tag of the last command that completed.
    pub(super) tag: Option<String>,
    /// What is between it and the client, if its answer may end otherwise than the server ends it.
    pub(super) watch: Option<Box<Watch>>,
    /// It is: what comes after it must wait, since the server may have to fail here.
    pub(super) watched: bool,
    /// Not even a Sync may follow it before it is answered, since its failure would undo something.
    pub(super) exposed: bool,
    /// What was sent of its portal.
    pub(super) sent_before: Option<Arc<Sent>>,
    /// Why the client was told something else than the server said.
    pub(super) cause: Option<Cause>,
    /// How often the client said that the data ended before the server asked for any.
    pub(super) data_ends: usize,
}

impl Owed {
    /// The masks in what this answers.
    pub(super) fn masked(&self) -> Option<Arc<Masked>> {
        match self {
            Self::Query(running) | Self::Execute(running) => running.masked.clone(),
            Self::Parse { statement, .. } => statement.words.lock().masked(),
            Self::Bind { portal, .. } => portal.masked.clone(),
            Self::Own(Own::Parse { masked, .. }) => masked.clone(),
            Self::Own(Own::Describe(masked)) => Some(Arc::clone(masked)),
            Self::Own(Own::Preview(preview)) => Some(Arc::clone(preview.masked())),
            Self::Own(Own::Close | Own::Question(_))
            | Self::Describe { .. }
            | Self::OwnDescribe { .. }
            | Self::Close { .. }
            | Self::Sync
            | Self::Refused { .. }
            | Self::Undone { .. }
            | Self::Ready => None,
        }
    }
}

impl Running {
    /// A statement whose message is about to be sent.
    pub(super) fn new(entry: impl Into<Option<Entry>>, facts: Arc<Facts>) -> Self {
        let sent = Instant::now();
        Self {
            entry: entry.into(),
            facts,
            masked: None,
            cells: None,
            copying: None,
            formats: None,
            called: false,
            sent,
            rows: 0,
            bytes: 0,
            sqlstate: None,
            completed: 0,
            tag: None,
            watch: None,
            watched: false,
            exposed: true,
            sent_before: None,
            cause: None,
            data_ends: 0,
        }
    }

    /// The same with its answer watched, if it has a limit or policy is asked about it and its columns.
    pub(super) fn watched(mut self, sent_before: Option<Arc<Sent>>, asked: Option<Columns>) -> Self {
        let limit = self.entry.as_ref().and_then(|entry| entry.decision().limit());
        self.watched = limit.is_some() || asked.is_some();
        self.watch = self.watched.then(|| Box::new(Watch::new(limit, sent_before.clone(), asked)));
        self.sent_before = sent_before;
        self
    }
}

impl Running {
    /// Whether the server may ask for data in its midst.
    pub(super) fn may_take_data(&self) -> bool {
        !self.called && (self.facts.unparsed.is_some() || self.facts.effects.contains(&Effect::CopyIn))
    }
}

impl Owed {
    /// Whether its answer tells what the rows of a statement look like, which sidegate has asked for.
    pub(super) fn tells_form(&self) -> bool {
        matches!(self, Self::Own(Own::Describe(_)))
    }

    /// Whether its answer gives or takes the name of a prepared statement or portal.
    pub(super) fn names(&self) -> bool {
        match self {
            Self::Parse { .. } | Self::Bind { .. } | Self::Close { .. } => true,
            Self::Query(_)
            | Self::Describe { .. }
            | Self::OwnDescribe { .. }
            | Self::Own(_)
            | Self::Execute(_)
            | Self::Sync
            | Self::Refused { .. }
            | Self::Undone { .. }
            | Self::Ready => false,
        }
    }

    /// Whether its answer is watched.
    pub(super) fn is_watched(&self) -> bool {
        match self {
            Self::Query(running) | Self::Execute(running) => running.watched,
            Self::Parse { .. }
            | Self::Bind { .. }
            | Self::Describe { .. }
            | Self::OwnDescribe { .. }
            | Self::Own(_)
            | Self::Close { .. }
            | Self::Sync
            | Self::Refused { .. }
            | Self::Undone { .. }
            | Self::Ready => false,
        }
    }

    /// Whether its answer tells what became of a transaction, or of a part of one.
    pub(super) fn tells_deeds(&self) -> bool {
        match self {
            Self::Query(_)
            | Self::Execute(_)
            | Self::Sync
            | Self::Refused { .. }
            | Self::Undone { .. }
            | Self::Ready => true,
            Self::Parse { .. }
            | Self::Bind { .. }
            | Self::Describe { .. }
            | Self::OwnDescribe { .. }
            | Self::Own(_)
            | Self::Close { .. } => false,
        }
    }

    /// Whether the server answers it, and all before it, without being asked.
    pub(super) fn answers_by_itself(&self) -> bool {
        matches!(self, Self::Sync | Self::Query(_) | Self::Undone { .. } | Self::Own(Own::Question(_)))
    }

    /// Whether the next statement must wait to be judged until this one is answered.
    pub(super) fn makes_wait(&self) -> bool {
        match self {
            Self::Query(running) | Self::Execute(running) => {
                let aftermath = &running.facts.aftermath;
                let raw = running.masked.as_ref().is_some_and(|masked| masked.leaves_raw());
                raw || aftermath.waits || aftermath.forgets || !aftermath.prepares.is_empty()
            }
            Self::OwnDescribe { .. } | Self::Own(Own::Question(_) | Own::Preview(_)) | Self::Undone { .. } => true,
            Self::Parse { .. }
            | Self::Bind { .. }
            | Self::Describe { .. }
            | Self::Own(Own::Close | Own::Parse { .. } | Own::Describe(_))
            | Self::Close { .. }
            | Self::Sync
            | Self::Refused { .. }
            | Self::Ready => false,
        }
    }
}
