//! Masks on one session: what goes upstream in place of the client's words, and what comes back of it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::catalog::Snapshot;
use crate::decide::{Decision, Masker, Masks, Verdict};
use crate::enforce::mask::cells::Keyring;
use crate::enforce::{self, Copied, Earlier, Guard, Later, Refusal, Views, Wording, Woven};
use crate::model::FaultKind;
use crate::parse::{Facts, RelationFacts, Request, Role};

use crate::wire::postgres::{Frame, RowDescription};

use super::budget::{Budget, Charge};
use super::carried::Carried;
use super::cells::Plan;
use super::corridor::{Corridor, End};
use super::given::{Given, Meant, by};
use super::names::{Portal, Statement};

/// A statement that goes upstream with masks in it.
#[derive(Debug)]
pub(super) struct Masked {
    woven: Woven,
    /// What is masked in its rows.
    plan: Plan,
    /// The client's words.
    text: Box<str>,
    /// What it is masked by.
    masks: Arc<Masks>,
    /// The server has described its answer, which is the one that was foreseen; or nobody need ask.
    seen: AtomicBool,
    /// It has described another.
    refused: AtomicBool,
    /// What it takes of the session's budget.
    _charge: Charge,
}

/// What was woven last, for the texts that come again.
#[derive(Debug, Default)]
pub(super) struct Loom {
    pieces: VecDeque<Piece>,
    /// The masks under which SQL's own names were given.
    given: Given,
    /// What was masked last.
    last: Option<Arc<Masks>>,
    /// What no answer may show under some masks, in a version of the catalog.
    guard: Option<(Arc<Masks>, u64, Guard)>,
}

#[derive(Debug)]
struct Piece {
    text: Box<str>,
    facts: Arc<Facts>,
    masks: Arc<Masks>,
    catalog: Option<u64>,
    /// The keys that its plan rests on.
    keys: Arc<Keyring>,
    masked: Option<Arc<Masked>>,
}

/// A statement: its text, and what it does.
pub(super) type Said<'a> = (&'a str, &'a Arc<Facts>);

/// What weaving rests on beside the statement.
struct Under<'a> {
    masks: &'a Arc<Masks>,
    catalog: Option<u64>,
    keys: Arc<Keyring>,
}

/// Texts of one session that are remembered with their masks, and what each may weigh with its facts and in the words that
/// go upstream.
const PIECES: usize = 32;
const HEAVIEST: usize = 96 << 10;

impl Loom {
    /// What was masked last.
    pub(super) fn last(&self) -> Option<&Arc<Masks>> {
        self.last.as_ref()
    }

    /// The masks under which SQL's own names were given.
    pub(super) fn given(&mut self) -> &mut Given {
        &mut self.given
    }

    /// What no answer may show under these masks; `None` where they cannot be read.
    fn guard(&mut self, masks: &Arc<Masks>, catalog: &Snapshot, views: &Views) -> Option<Guard> {
        if !views.is_empty() {
            return enforce::guard(masks, catalog, views).ok();
        }
        let known = self.guard.as_ref().filter(|(of, version, _)| of == masks && *version == catalog.version());
        if let Some((_, _, guard)) = known {
            return Some(guard.clone());
        }
        let guard = enforce::guard(masks, catalog, views).ok()?;
        self.guard = Some((Arc::clone(masks), catalog.version(), guard.clone()));
        Some(guard)
    }

    fn recall(&self, (text, facts): Said<'_>, under: &Under<'_>) -> Option<Option<Arc<Masked>>> {
        let piece = self.pieces.iter().find(|piece| {
            piece.catalog == under.catalog
                && Arc::ptr_eq(&piece.keys, &under.keys)
                && Arc::ptr_eq(&piece.facts, facts)
                && (Arc::ptr_eq(&piece.masks, under.masks) || piece.masks == *under.masks)
                // Whether any mask binds, and what comes back then, is said by the facts alone.
                && (piece.masked.as_ref().is_none_or(|masked| !masked.is_of_its_text()) || *piece.text == *text)
        })?;
        Some(piece.masked.clone())
    }

    fn keep(&mut self, (text, facts): Said<'_>, under: &Under<'_>, masked: Option<Arc<Masked>>) -> Option<Arc<Masked>> {
        let woven = masked.as_ref().map_or(0, |masked| masked.woven.text().len());
        if text.len().saturating_add(facts.weight()).saturating_add(woven) <= HEAVIEST {
            self.pieces.truncate(PIECES.saturating_sub(1));
            self.pieces.push_front(Piece {
                text: text.into(),
                facts: Arc::clone(facts),
                masks: Arc::clone(under.masks),
                catalog: under.catalog,
                keys: Arc::clone(&under.keys),
                masked: masked.clone(),
            });
        }
        masked
    }
}

impl Masked {
    fn new(
        (text, facts): Said<'_>,
        masks: &Arc<Masks>,
        woven: Woven,
        keys: &Keyring,
        budget: &Budget,
    ) -> Result<Self, String> {
        let plan = Plan::new(&woven, keys).map_err(|error| error.to_string())?;
        // Whoever keeps it has room for itself: so that there is none left then, and not that this is refused.
        let charge = budget.take_admitted(text.len().saturating_add(woven.text().len()));
        // Nobody asks what comes of a BEGIN.
        let reads = woven.binds() || !(facts.relations.is_empty() && facts.functions.is_empty());
        let (seen, refused) = (AtomicBool::new(!reads), AtomicBool::new(false));
        Ok(Self { woven, plan, text: text.into(), masks: Arc::clone(masks), seen, refused, _charge: charge })
    }

    /// What goes upstream.
    pub(super) fn wording(&self) -> Wording<'_> {
        if self.binds() { Wording::Woven(&self.woven) } else { Wording::Own }
    }

    /// Whether a mask binds in it.
    pub(super) fn binds(&self) -> bool {
        self.woven.binds()
    }

    /// Whether what is made of it has words of its text in it, which the facts do not say.
    fn is_of_its_text(&self) -> bool {
        self.binds() || self.copied().is_some()
    }

    /// The words that go upstream, if they are not the client's.
    fn words(&self) -> Option<&str> {
        // Where nobody has looked at what it makes, it binds and says the same.
        Some(self.woven.text()).filter(|words| self.binds() && **words != *self.text)
    }

    /// The client's words.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// What it is masked by.
    pub(super) fn masks(&self) -> &Arc<Masks> {
        &self.masks
    }

    /// How many columns it reads masked.
    pub(super) fn columns(&self) -> u64 {
        self.woven.columns()
    }

    /// What it copies out, if that is all it does.
    pub(super) fn copied(&self) -> Option<&Copied> {
        self.woven.copied()
    }

    /// The place in the client's text of a character of what goes upstream.
    pub(super) fn original_position(&self, place: usize) -> Option<usize> {
        self.woven.original_position(place)
    }

    /// What is masked in its rows.
    pub(super) fn plan(&self) -> &Plan {
        &self.plan
    }

    /// What the names that it gives will answer.
    pub(super) fn later(&self) -> &[Later] {
        self.woven.later()
    }

    /// Whether the server will keep values under a name that it gives which are masked on their way back.
    pub(super) fn leaves_raw(&self) -> bool {
        self.later().iter().flat_map(|later| later.rows.iter()).any(|rows| rows.cells().next().is_some())
    }

    /// Whether the server must still be asked what its answer looks like.
    pub(super) fn is_unseen(&self) -> bool {
        !self.seen.load(Ordering::Relaxed)
    }

    /// The answer is another than was foreseen.
    pub(super) fn refuse(&self) {
        self.refused.store(true, Ordering::Relaxed);
    }

    /// Whether it was.
    pub(super) fn is_refused(&self) -> bool {
        self.refused.load(Ordering::Relaxed)
    }

    /// Whether an answer of this form is the one that was foreseen, which shows nothing that is masked. `at`: which one
    /// of a text's, counted from 0.
    pub(super) fn admits(&self, at: usize, description: &Frame) -> Result<(), String> {
        self.compares(at, description)?;
        self.described(description);
        Ok(())
    }

    /// The same, and no more.
    pub(super) fn compares(&self, at: usize, description: &Frame) -> Result<(), String> {
        if description.tag() != b'T' {
            return self.woven.guard().admits_nothing();
        }
        let columns = RowDescription::decode(description.body()).map_err(|error| error.to_string())?;
        self.woven.guard().admits(at, &columns)
    }

    /// Its answer is of this form.
    pub(super) fn described(&self, description: &Frame) {
        if description.tag() == b'T' {
            self.plan.describe(description);
        }
        self.seen.store(true, Ordering::Relaxed);
    }
}

impl Corridor {
    /// The decision, and what goes upstream in place of the client's words where masks bind. What cannot be answered
    /// masked is denied.
    pub(super) async fn weave(&self, request: &Request, decision: Decision) -> (Decision, Option<Arc<Masked>>) {
        if *decision.verdict() != Verdict::Allow {
            return (decision, None);
        }
        let aftermath = &request.facts().aftermath;
        if !(aftermath.prepares.is_empty() && aftermath.declares.is_empty()) {
            let meant = self.meant();
            self.loom.lock().given().add(aftermath, decision.masks(), meant);
        }
        let said = (request.text(), request.facts());
        let masked = if decision.masks().is_empty() {
            Ok(None)
        } else {
            self.loom.lock().last = Some(Arc::clone(decision.masks()));
            self.woven(said, decision.masks()).await.and_then(|masked| self.copied(masked))
        };
        match masked.and_then(|masked| self.shows_raw(said, masked.as_deref()).map_or(Ok(masked), Err)) {
            Ok(masked) => {
                let later = masked.iter().flat_map(|masked| masked.later());
                self.loom.lock().given().leads(later);
                (decision, masked)
            }
            Err(reason) => (self.house.decider.unfulfilled(decision, vec![reason]), None),
        }
    }

    /// What goes upstream in place of the words of a statement that is judged when its values come, so far as that can
    /// be told before.
    pub(super) async fn foresee(&self, request: &Request, decision: Decision) -> (Decision, Option<Arc<Masked>>) {
        let Some(policy) = self.house.store.snapshot().filter(|policy| policy.may_mask()) else {
            return (decision, None);
        };
        let masks = self.house.decider.foresee(&policy, decision.input()).await;
        if masks.is_empty() {
            return (decision, None);
        }
        let masked = self.woven((request.text(), request.facts()), &masks).await;
        match masked.and_then(|masked| self.copied(masked)) {
            Ok(masked) => (decision, masked),
            // What its Bind would be told; prepared unmasked, it could be run by SQL's EXECUTE.
            Err(reason) => (self.house.decider.unfulfilled(decision, vec![reason]), None),
        }
    }

    /// The words in which a statement will go upstream if it is allowed, so far as that can be told before; `None` if it
    /// will not.
    pub(super) async fn foreseen_words(&self, request: &Request) -> Option<Arc<str>> {
        let own = || Some(Arc::from(request.text()));
        let Some(policy) = self.house.store.snapshot().filter(|policy| policy.may_mask()) else { return own() };
        let document = self.document(request, &self.house.info(Some(&policy)));
        let masks = self.house.decider.foresee(&policy, &document).await;
        if masks.is_empty() {
            return own();
        }
        match self.woven((request.text(), request.facts()), &masks).await {
            Ok(Some(masked)) => masked.words().map(Arc::from).or_else(own),
            Ok(None) => own(),
            Err(_) => None,
        }
    }

    /// The same for a prepared statement, which goes upstream in the words that it was prepared in.
    pub(super) async fn weave_prepared(
        &self,
        statement: &Statement,
        request: &Request,
        decision: Decision,
    ) -> (Decision, Option<Arc<Masked>>) {
        let own = |schema: &str| matches!(schema, "pg_catalog" | "information_schema");
        let own = |relation: &RelationFacts| relation.schema.as_deref().is_some_and(own);
        let raw = statement.source.is_some() && self.loom.lock().given().carried().is_some_and(Carried::has_prepared);
        let masks = !decision.masks().is_empty() || raw;
        let bare = statement.source.is_none() || !masks || *decision.verdict() != Verdict::Allow;
        if bare || (request.facts().relations.iter().all(own) && request.facts().unparsed.is_none()) {
            return self.weave(request, decision).await;
        }
        // Under which masks it was prepared is not known, nor can it be prepared anew.
        let reason =
            "it was prepared with SQL's PREPARE, and masks hold: prepare it with a Parse message, or EXECUTE it";
        (self.house.decider.unfulfilled(decision, vec![reason.to_owned()]), None)
    }

    /// The same for a portal, whose words the server has already.
    pub(super) async fn weave_again(&self, portal: &Portal, request: &Request, decision: Decision) -> Decision {
        let (decision, masked) = self.weave_prepared(&portal.statement, request, decision).await;
        if *decision.verdict() != Verdict::Allow {
            return decision;
        }
        if portal.masked.as_ref().is_some_and(|masked| masked.is_refused() || masked.is_unseen()) {
            return self.house.decider.unfulfilled(decision, vec![enforce::UNFORESEEN.to_owned()]);
        }
        let (bound, now) = (portal.masked.as_deref(), masked.as_deref());
        // What a name answers by now are other rows than were described, even if the same fields of them are masked.
        let guard =
            |masked: Option<&Masked>| masked.filter(|masked| !masked.plan.is_empty()).map(|m| m.woven.guard().clone());
        if is_same(bound, now) && (!portal.statement.by_name || guard(bound) == guard(now)) {
            return decision;
        }
        let reason = "its masks are not those that it was bound with: bind it again";
        self.house.decider.unfulfilled(decision, vec![reason.to_owned()])
    }

    /// What goes upstream in place of the client's words under these masks, and what its answer must look like.
    pub(super) async fn woven(&self, said: Said<'_>, masks: &Arc<Masks>) -> Result<Option<Arc<Masked>>, String> {
        let snapshot = self.snapshot();
        let catalog = snapshot.as_deref().map(Snapshot::version);
        let under = Under { masks, catalog, keys: self.house.keys.load_full() };
        let (text, facts) = said;
        // What is run by name may be something else by now.
        let elsewhere = facts.references.iter().any(|reference| reference.role == Role::Elsewhere);
        let by_name =
            elsewhere || facts.statements.iter().any(|statement| !statement.nested && by(statement).is_some());
        if let Some(masked) = self.loom.lock().recall(said, &under).filter(|_| !by_name) {
            return Ok(masked);
        }
        let views = match &snapshot {
            // Boxed: what a session is while nobody reads a view must not have room for it.
            Some(snapshot) => Box::pin(self.views(facts, masks, snapshot)).await,
            None => Views::default(),
        };
        let earlier = if by_name { self.earlier(said, masks) } else { Earlier::default() };
        let woven = enforce::weave_with(text, facts, masks, snapshot.as_deref(), earlier.clone(), &views)?;
        let woven = woven.or_else(|| {
            let catalog = snapshot.as_deref().filter(|_| facts.unparsed.is_none())?;
            let guard = self.loom.lock().guard(masks, catalog, &views)?;
            Some(enforce::guarded(text, facts, catalog, &guard))
        });
        let woven = woven.map(|woven| if by_name { self.expecting(said, woven, &earlier) } else { woven });
        let masked = match woven {
            Some(woven) => {
                let budget = self.state.lock().names.budget.clone();
                let masked = Masked::new(said, masks, woven, &under.keys, &budget)?;
                self.masks_cells.fetch_or(!masked.plan.is_empty(), Ordering::Relaxed);
                Some(Arc::new(masked))
            }
            None => None,
        };
        Ok(self.loom.lock().keep(said, &under, masked))
    }

    /// What names mean just now.
    pub(super) fn meant(&self) -> Meant {
        let catalog = self.snapshot().as_deref().map(Snapshot::version);
        (catalog, self.state.lock().view())
    }

    pub(super) fn snapshot(&self) -> Option<Arc<Snapshot>> {
        self.state.lock().snapshot()
    }
}

/// The end of a session whose server is about to show what is masked: what was woven is not what it understood.
pub(super) fn unmasked(problem: &str) -> End {
    tracing::error!(problem, "an answer would have shown what is masked");
    End::Fault(Refusal::new(FaultKind::Denied, "the answer would have shown what is masked"))
}

/// In which words the server has a prepared statement.
#[derive(Debug)]
pub(super) struct Words {
    /// `None` where it may have others.
    known: Option<Option<Arc<Masked>>>,
    /// How often it was prepared anew and the server has not said so yet.
    pending: usize,
}

impl Default for Words {
    fn default() -> Self {
        Self { known: Some(None), pending: 0 }
    }
}

impl Words {
    /// It is prepared with these masks.
    pub(super) fn with(masked: Option<Arc<Masked>>) -> Self {
        Self { known: Some(masked), pending: 0 }
    }

    /// The masks in them, as far as that is known.
    pub(super) fn masked(&self) -> Option<Arc<Masked>> {
        self.known.clone().flatten()
    }

    /// It is about to be prepared anew. The server may be ignoring what it is sent.
    pub(super) fn change(&mut self) {
        self.known = None;
        self.pending = self.pending.saturating_add(1);
    }

    /// The server has it with these masks, unless more is on its way.
    pub(super) fn are(&mut self, masked: Option<Arc<Masked>>) {
        self.pending = self.pending.saturating_sub(1);
        self.known = (self.pending == 0).then_some(masked);
    }

    /// The server did not take it.
    pub(super) fn stay(&mut self) {
        self.pending = self.pending.saturating_sub(1);
        self.known = None;
    }

    fn have(&self, masked: Option<&Masked>) -> bool {
        self.known
            .as_ref()
            .is_some_and(|known| known.as_deref().and_then(Masked::words) == masked.and_then(Masked::words))
    }
}

/// How a statement that was prepared in some words goes upstream in these.
pub(super) fn rewording<'a>(name: &'a str, statement: &'a Statement, masked: Option<&'a Masked>) -> Wording<'a> {
    if statement.words.lock().have(masked) {
        return Wording::Own;
    }
    let text = masked.and_then(Masked::words).unwrap_or(&statement.text);
    Wording::Anew { name, text, types: &statement.declared }
}

/// Whether both go upstream in the same words, and come back alike.
pub(super) fn is_same(one: Option<&Masked>, other: Option<&Masked>) -> bool {
    let cells = |masked: Option<&Masked>| -> Vec<(usize, Masker)> {
        let cells = masked.iter().flat_map(|masked| masked.woven.cells());
        cells.map(|(field, masker)| (field, masker.clone())).collect()
    };
    one.and_then(Masked::words) == other.and_then(Masked::words) && cells(one) == cells(other)
}
