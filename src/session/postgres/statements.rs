//! Query, Parse, Bind and Execute: the messages that are judged.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::enforce;
use crate::enforce::{Permit, Refusal, Wording};
use crate::forward::Free;
use crate::journal::{Entry, IntentKind};
use crate::model::{Cause, FaultKind};
use crate::parse::{self, Effect, Facts, Parameter, Request};
use crate::wire::postgres::{Bind, Execute, Frame, FunctionCall, Parse, Query};

use super::budget::{self, Charge};
use super::corridor::{End, bound_only};
use super::judge::{Judged, Read, inner, mentions_names};
use super::masks::{self, Masked, Words};
use super::names::{Meaning, Portal, Statement};
use super::owed::{Owed, Own, Running, Wanted};
use super::requests::{Requests, breach};
use super::stages::Columns;
use super::state::{Stamp, State};

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Requests<'_, R, W> {
    /// One text, any number of statements, one question, before any of it is sent.
    pub(super) async fn query(&mut self, frame: Frame) -> Result<(), End> {
        self.settled().await?;
        self.deeds_settled().await?;
        if self.corridor.state.lock().ledger.skipping() {
            return Ok(());
        }
        let query = Query::decode(frame.body()).map_err(breach)?;
        let by_name = mentions_names(query.sql);
        if by_name {
            self.run_names_settled().await?;
        }
        let Some(Read { facts, stamp }) = self.read(query.sql, by_name).await? else {
            return self.poison(b'Q', None, cancelled());
        };
        if !self.corridor.state.lock().names.can_declare(&facts, query.sql.len()) {
            return Box::pin(self.over_budget(b'Q')).await;
        }
        let text: Arc<str> = Arc::from(String::from_utf8_lossy(query.sql));
        self.at_once(b'Q', parse::simple(frame.clone(), Arc::clone(&text), facts), text, stamp).await
    }

    /// A function by its number, and no SQL: asked about as what cannot be read.
    pub(super) async fn function_call(&mut self, frame: Frame) -> Result<(), End> {
        self.settled().await?;
        self.deeds_settled().await?;
        if self.corridor.state.lock().ledger.skipping() {
            return Ok(());
        }
        let call = FunctionCall::decode(frame.body()).map_err(breach)?;
        self.at_once(b'F', parse::function_call(frame.clone(), &call), Arc::default(), Stamp::NEVER).await
    }

    /// What the server runs when it comes, up to its ReadyForQuery.
    async fn at_once(&mut self, tag: u8, request: Request, text: Arc<str>, stamp: Stamp) -> Result<(), End> {
        let facts = Arc::clone(request.facts());
        // A COPY is not described, nor is a function's result.
        let described = tag == b'Q' && !facts.effects.contains(&Effect::CopyOut);
        let asked = || Columns::new(Mutex::new(described.then(Vec::new)));
        let asked = self.corridor.asks_about_answer(&facts).then(asked);
        let request = self.expected(request, &[]).await?;
        let mut decision = self.corridor.ask(&request).await;
        if asked.is_some() {
            decision = self.corridor.keeps_back(&facts, decision);
        }
        let (decision, masked) = self.corridor.weave(&request, decision).await;
        if let Some((commits, refusal)) = self.corridor.commit_refused(&facts, &decision).await {
            return self.undo(tag, commits, refusal);
        }
        let wording = masked.as_deref().map_or(Wording::Own, Masked::wording);
        let judged = Box::pin(self.corridor.carry_out(IntentKind::Statement, request, decision, wording)).await;
        let previewed = masked.clone();
        let running = |entry| {
            let new = Running { called: tag == b'F', masked, ..Running::new(entry, Arc::clone(&facts)) };
            new.watched(None, asked)
        };
        match judged {
            Judged::Permitted(permit) => {
                let Some(permit) = self.preview(tag, *permit, previewed.as_ref()).await? else { return Ok(()) };
                if self.forward(permit, |entry| Owed::Query(running(entry))).await? {
                    self.corridor.state.lock().sends(&facts, &text, stamp);
                }
                Ok(())
            }
            Judged::Refused(refusal) => self.poison(tag, None, refusal),
        }
    }

    /// Judged here when no rule reads values; else it passes on under an INTENT of kind `prepare`.
    pub(super) async fn parse(&mut self, frame: Frame) -> Result<(), End> {
        self.settled().await?;
        if self.corridor.state.lock().ledger.skipping() {
            return Ok(());
        }
        let parse = Parse::decode(frame.body()).map_err(breach)?;
        let name = self.name(parse.name)?.to_owned();
        let by_name = mentions_names(parse.sql);
        if by_name {
            self.run_names_settled().await?;
        }
        let Some(Read { facts, stamp }) = self.read(parse.sql, by_name).await? else {
            return self.poison(b'P', Some(&name), cancelled());
        };
        let facts = parse::typed(facts, &parse.types);
        let weight = parse.sql.len().saturating_add(facts.weight()).saturating_add(parse.types.len().saturating_mul(8));
        let Some(charge) = self.charge(weight).await? else { return Box::pin(self.over_budget(b'P')).await };
        let statement = Arc::new(Statement {
            text: Arc::from(String::from_utf8_lossy(parse.sql)),
            facts: Arc::clone(&facts),
            stamp,
            words: Mutex::default(),
            types: Mutex::new(parse.types.clone()),
            declared: Arc::from(parse.types.as_slice()),
            by_name,
            source: None,
            _charge: charge,
        });
        let request = parse::prepared(frame.clone(), Arc::clone(&statement.text), Arc::clone(&facts));
        let request = self.expected(request, &statement.declared).await?;
        let waits_for_values =
            facts.unparsed.is_none() && facts.placeholders > 0 && self.corridor.policy_reads_values();
        let (decision, masked) = if waits_for_values {
            let decision = self.corridor.put_off(&request);
            self.corridor.foresee(&request, decision).await
        } else {
            let decision = self.corridor.ask(&request).await;
            self.corridor.weave(&request, decision).await
        };
        *statement.words.lock() = Words::with(masked.clone());
        let wording = masked.as_deref().map_or(Wording::Own, Masked::wording);
        match Box::pin(self.corridor.carry_out(IntentKind::Prepare, request, decision, wording)).await {
            Judged::Permitted(permit) => {
                let described = name.clone();
                if self.forward(*permit, |entry| Owed::Parse { entry, name, statement }).await? {
                    self.look_at_answer(Free::describe_statement(&described), masked.as_ref())?;
                }
                Ok(())
            }
            Judged::Refused(refusal) => self.poison(b'P', Some(&name), refusal),
        }
    }

    /// Judged with its values, before the server plans it.
    pub(super) async fn bind(&mut self, frame: Frame) -> Result<(), End> {
        self.settled().await?;
        let bind = Bind::decode(frame.body()).map_err(breach)?;
        let (source, portal) = (self.name(bind.statement)?, self.name(bind.portal)?.to_owned());
        let Some(statement) = self.meaning_of_statement(source).await? else { return Ok(()) };
        if !self.types_known(source, &statement, bind.values.len()).await? {
            return Ok(());
        }
        if statement.by_name {
            self.run_names_settled().await?;
        }
        let Some(facts) = self.read_again(source, &statement, &statement.facts).await? else {
            return self.poison(b'B', None, cancelled());
        };
        let prepared = parse::Prepared {
            text: Arc::clone(&statement.text),
            facts: Arc::clone(&facts),
            types: self.corridor.types_of(&statement),
        };
        let values = parse::Values { values: &bind.values, formats: &bind.formats };
        let request = parse::bound(frame.clone(), &prepared, values);
        let request = self.expected(request, &statement.declared).await?;
        let parameters: Arc<[_]> = request.parameters().iter().map(as_shown).collect();
        let Some(charge) = self.charge(weight(&statement.text, &parameters)).await? else {
            return Box::pin(self.over_budget(b'B')).await;
        };
        let rests_on = self.corridor.rests_on();
        let decision = self.corridor.ask(&request).await;
        let (decision, masked) = self.corridor.weave_prepared(&statement, &request, decision).await;
        let wording = masks::rewording(source, &statement, masked.as_deref());
        let anew = matches!(wording, Wording::Anew { .. });
        match Box::pin(self.corridor.carry_out(IntentKind::Statement, request, decision, wording)).await {
            Judged::Permitted(permit) => {
                let prepared = Arc::clone(&statement);
                let cells = masked.as_ref().is_some_and(|masked| !masked.plan().is_empty());
                let formats = cells.then(|| Arc::from(bind.result_formats.as_slice()));
                let made = |entry| Portal {
                    name: source.to_owned(),
                    statement,
                    facts,
                    parameters,
                    formats,
                    masked: masked.clone(),
                    rests_on,
                    sent: Arc::default(),
                    entry: Mutex::new(Some(entry)),
                    _charge: charge,
                };
                // Of what is run by name, the server tells by a statement what was there when that was prepared.
                let by_name = prepared.by_name && cells;
                let describe = if by_name { Free::describe_portal(&portal) } else { Free::describe_statement(source) };
                let before = if anew { self.prepares_anew(&prepared, masked.as_ref()) } else { Vec::new() };
                let bound = |entry| Owed::Bind { name: portal, portal: Arc::new(made(entry)) };
                if self.forward_after(before, *permit, bound).await? {
                    self.look_at_answer(describe, masked.as_ref())?;
                }
                Ok(())
            }
            Judged::Refused(refusal) => self.poison(b'B', None, refusal),
        }
    }

    /// Runs what was bound. Asked about again if what its answer rests on has changed.
    pub(super) async fn execute(&mut self, frame: Frame) -> Result<(), End> {
        self.settled().await?;
        self.deeds_settled().await?;
        let execute = Execute::decode(frame.body()).map_err(breach)?;
        let name = self.name(execute.portal)?.to_owned();
        let Some(portal) = self.meaning_of_portal(&name).await? else { return Ok(()) };
        if portal.statement.by_name {
            self.run_names_settled().await?;
        }
        if !self.corridor.state.lock().names.can_declare(&portal.facts, portal.statement.text.len()) {
            return Box::pin(self.over_budget(b'E')).await;
        }
        self.described(&portal).await?;
        if self.corridor.state.lock().ledger.skipping() {
            return Ok(());
        }
        let stamp = self.corridor.state.lock().stamp();
        let Some((permit, facts)) = self.permitted(frame, &portal).await? else { return Ok(()) };
        let masked = portal.masked.clone();
        let Some(permit) = self.preview(b'E', permit, masked.as_ref()).await? else { return Ok(()) };
        let asked = self.asked_about(&name, &facts)?;
        let exposed = self.corridor.state.lock().exposes(&facts);
        let running = |entry| {
            let new =
                Running { exposed, masked, formats: portal.formats.clone(), ..Running::new(entry, Arc::clone(&facts)) };
            new.watched(Some(Arc::clone(&portal.sent)), asked)
        };
        if self.forward(permit, |entry| Owed::Execute(running(entry))).await? {
            let demanded = {
                let mut state = self.corridor.state.lock();
                state.sends(&facts, &portal.statement.text, stamp);
                facts.aftermath.transaction && !state.sees_what_others_see()
            };
            if demanded {
                // What it defined may be there for everybody from now on: its answer tells.
                self.demand();
            }
        }
        Ok(())
    }

    /// The right to run a portal, and what it would do: that of its Bind, while nothing has changed that it rests on.
    /// `None` if it was refused.
    async fn permitted(&mut self, frame: Frame, portal: &Portal) -> Result<Option<(Permit, Arc<Facts>)>, End> {
        let entry = portal.entry.lock().take();
        let foreseen = portal.masked.as_ref().is_none_or(|masked| !masked.is_refused() && !masked.is_unseen());
        let fresh =
            foreseen && portal.rests_on == self.corridor.rests_on() && !self.corridor.is_stale(&portal.statement);
        // What it calls may read what the server keeps raw by now.
        let fresh = fresh && !self.corridor.keeps_raw();
        let entry = match entry {
            Some(entry) if fresh => {
                if let Some((commits, refusal)) = self.corridor.commit_refused(&portal.facts, entry.decision()).await {
                    self.corridor.close(entry, bound_only()).await?;
                    return self.undo(b'E', commits, refusal).map(|()| None);
                }
                if let Some(permit) = enforce::resume(frame, entry) {
                    return Ok(Some((permit, Arc::clone(&portal.facts))));
                }
                let refusal = Refusal::new(FaultKind::Internal, "a portal of a refused statement");
                return self.poison(b'E', None, refusal).map(|()| None);
            }
            stale => stale,
        };
        Box::pin(self.permitted_anew(frame, portal, entry)).await
    }

    /// The same where something has changed, or nothing was decided yet.
    async fn permitted_anew(
        &mut self,
        frame: Frame,
        portal: &Portal,
        entry: Option<Entry>,
    ) -> Result<Option<(Permit, Arc<Facts>)>, End> {
        if let Some(entry) = entry {
            self.corridor.close(entry, bound_only()).await?;
        }
        let Some(facts) = self.read_again(&portal.name, &portal.statement, &portal.facts).await? else {
            return self.poison(b'E', None, cancelled()).map(|()| None);
        };
        let text = Arc::clone(&portal.statement.text);
        let request = parse::executed(frame, text, Arc::clone(&facts), portal.parameters.to_vec());
        let request = self.expected(request, &portal.statement.declared).await?;
        let decision = self.corridor.ask(&request).await;
        let decision = self.corridor.weave_again(portal, &request, decision).await;
        if let Some((commits, refusal)) = self.corridor.commit_refused(&facts, &decision).await {
            return self.undo(b'E', commits, refusal).map(|()| None);
        }
        match self.corridor.carry_out(IntentKind::Statement, request, decision, Wording::Own).await {
            Judged::Permitted(permit) => Ok(Some((*permit, facts))),
            Judged::Refused(refusal) => self.poison(b'E', None, refusal).map(|()| None),
        }
    }

    /// What a text would do, with whatever the server must be asked for that; `None` if the client cancels it.
    async fn read(&mut self, text: &[u8], by_name: bool) -> Result<Option<Read>, End> {
        let Some(read) = self.corridor.read(text, by_name).await else { return Ok(None) };
        let lost = read.facts.relations.iter().any(|relation| relation.schema.is_none())
            || read.facts.functions.iter().any(|function| function.schema.is_none());
        let read = if lost && self.search().await? {
            let Some(read) = Box::pin(self.corridor.read(text, by_name)).await else { return Ok(None) };
            read
        } else {
            read
        };
        // Boxed: most sessions define nothing.
        let alone = self.corridor.is_puzzled_by_its_own(&read.facts);
        Ok(Some(if alone { Box::pin(self.read_with_its_own(read, text, by_name)).await? } else { read }))
    }

    /// What a prepared statement would do now.
    async fn read_again(
        &mut self,
        name: &str,
        statement: &Statement,
        facts: &Arc<Facts>,
    ) -> Result<Option<Arc<Facts>>, End> {
        if !(facts.relations.is_empty() && facts.functions.is_empty()) {
            self.search().await?;
        }
        if !self.corridor.is_stale(statement) {
            return Ok(Some(Arc::clone(facts)));
        }
        let text = statement.source.as_ref().unwrap_or(&statement.text);
        let read = Box::pin(self.read(text.as_bytes(), statement.by_name)).await?;
        let Some(Read { facts, .. }) = read else { return Ok(None) };
        Ok(Some(match &statement.source {
            // What cannot be read again may be anything.
            Some(_) => inner(&facts, name).unwrap_or(facts),
            None => parse::typed(facts, &statement.declared),
        }))
    }

    /// What is owed for preparing a statement anew.
    fn prepares_anew(&self, statement: &Arc<Statement>, masked: Option<&Arc<Masked>>) -> Vec<Own> {
        vec![Own::Close, Own::Parse { statement: Arc::clone(statement), masked: masked.cloned() }]
    }

    /// Before any row of a masked statement comes, the server says what its rows look like.
    fn look_at_answer(&mut self, describe: Option<Free>, masked: Option<&Arc<Masked>>) -> Result<(), End> {
        let Some(masked) = masked.filter(|masked| masked.is_unseen()) else { return Ok(()) };
        let describe = describe
            .ok_or_else(|| End::Fault(Refusal::new(FaultKind::Protocol, "the name of a statement has a NUL in it")))?;
        self.corridor.state.lock().ledger.owe(Owed::Own(Own::Describe(Arc::clone(masked))));
        self.upstream.send_free(describe);
        Ok(())
    }

    /// Where the columns will be of an answer that policy is asked about. If a rule reads them, the server is asked for
    /// them first.
    fn asked_about(&mut self, portal: &str, facts: &Facts) -> Result<Option<Columns>, End> {
        if !self.corridor.asks_about_answer(facts) {
            return Ok(None);
        }
        let columns = Columns::default();
        let reads = self.corridor.policy_reads(&["result", "columns"]);
        if reads && !facts.effects.contains(&Effect::CopyOut) && !self.corridor.state.lock().ledger.skipping() {
            let describe = Free::describe_portal(portal)
                .ok_or_else(|| End::Fault(Refusal::new(FaultKind::Protocol, "the name of a portal has a NUL in it")))?;
            let wanted = Wanted::Columns(Arc::clone(&columns));
            self.corridor.state.lock().ledger.owe(Owed::OwnDescribe { wanted });
            self.upstream.send_free(describe);
        }
        Ok(Some(columns))
    }

    /// Takes a part of the session's budget. What is unanswered may be about to give some back.
    async fn charge(&mut self, bytes: usize) -> Result<Option<Charge>, End> {
        let budget = self.corridor.state.lock().names.budget.clone();
        if let Some(charge) = budget.take(bytes) {
            return Ok(Some(charge));
        }
        self.names_settled().await?;
        Ok(budget.take(bytes))
    }

    async fn over_budget(&mut self, tag: u8) -> Result<(), End> {
        if self.corridor.state.lock().ledger.skipping() {
            return Ok(());
        }
        let reason = format!(
            "the prepared statements, portals and cursors of one session may hold {} MiB: close some first",
            budget::LIMIT >> 20
        );
        let refusal = self.corridor.refuse_outright(Cause::Limit, &reason).await;
        self.poison(tag, None, refusal)
    }

    /// What the name of a prepared statement stands for; `None` if a poison answers, or nobody waits for one.
    async fn meaning_of_statement(&mut self, name: &str) -> Result<Option<Arc<Statement>>, End> {
        let meaning = self.meaning(|state| state.names.statement(&state.ledger, name)).await?;
        let problem = match meaning {
            None => return Ok(None),
            Some(Meaning::One(statement)) => return Ok(Some(statement)),
            Some(Meaning::Nothing | Meaning::Unsettled) => format!("prepared statement \"{name}\" does not exist"),
            Some(Meaning::Ambiguous) => {
                format!("prepared statement \"{name}\" was prepared more than once: close it and prepare it again")
            }
        };
        self.poison(b'B', None, Refusal::new(FaultKind::UnknownStatement, problem))?;
        Ok(None)
    }

    /// The same for a portal.
    async fn meaning_of_portal(&mut self, name: &str) -> Result<Option<Arc<Portal>>, End> {
        match self.meaning(|state| state.names.portal(&state.ledger, name)).await? {
            None => Ok(None),
            Some(Meaning::One(portal)) => Ok(Some(portal)),
            Some(Meaning::Nothing | Meaning::Ambiguous | Meaning::Unsettled) => {
                let refusal = Refusal::new(FaultKind::UnknownPortal, format!("portal \"{name}\" does not exist"));
                self.poison(b'E', None, refusal)?;
                Ok(None)
            }
        }
    }

    /// Looks a name up, once the answers tell what it stands for. `None`: the server ignores what is sent.
    async fn meaning<T>(&mut self, look_up: impl Fn(&State) -> Meaning<T>) -> Result<Option<Meaning<T>>, End> {
        let look = |state: &State| if state.ledger.skipping() { None } else { Some(look_up(state)) };
        let meaning = look(&self.corridor.state.lock());
        let Some(Meaning::Unsettled) = meaning else { return Ok(meaning) };
        self.names_settled().await?;
        Ok(look(&self.corridor.state.lock()))
    }

    /// Where a rule reads values and the client gave no types, the server is asked first. `false` if
    /// that failed: then the client has its error, and the server drops everything until Sync.
    async fn types_known(&mut self, name: &str, statement: &Arc<Statement>, values: usize) -> Result<bool, End> {
        let known = {
            let types = statement.types.lock();
            types.len() >= values && types.iter().all(|oid| *oid != 0)
        };
        if known || values == 0 || !self.corridor.policy_reads_values() {
            return Ok(true);
        }
        let describe = Free::describe_statement(name)
            .ok_or_else(|| End::Fault(Refusal::new(FaultKind::Protocol, "the name of a statement has a NUL in it")))?;
        if self.corridor.state.lock().ledger.skipping() {
            return Ok(false);
        }
        self.corridor.state.lock().ledger.owe(Owed::OwnDescribe { wanted: Wanted::Types(Arc::clone(statement)) });
        self.upstream.send_free(describe);
        self.settled().await?;
        Ok(!self.corridor.state.lock().ledger.skipping())
    }
}

/// What a client is told that asked to cancel a statement before it was sent.
fn cancelled() -> Refusal {
    Refusal::new(FaultKind::Cancelled, "canceling statement due to user request")
}

/// Bytes that a portal keeps, its values twice: beside its own, its journal entry holds them.
fn weight(text: &str, parameters: &[Parameter]) -> usize {
    let values = parameters.iter().map(|parameter| parameter.value.as_str().map_or(0, str::len).saturating_add(64));
    values.fold(text.len(), |sum, bytes| sum.saturating_add(bytes.saturating_mul(2)))
}

/// A value as far as policy sees it. What is not decoded is not shown, and not kept either.
fn as_shown(parameter: &Parameter) -> Parameter {
    let value = if parameter.decoded { parameter.value.clone() } else { serde_json::Value::Null };
    Parameter { value, type_name: parameter.type_name.clone(), ..*parameter }
}
