//! What is behind a name: the relations that views show and that rules touch, down to those that hold rows.

use std::collections::{BTreeMap, BTreeSet};

use super::rows::{RelationKind, RuleEvent, RuleRow};
use super::snapshot::Snapshot;
use super::things::{Function, Relation, Rule};

/// Further than that nobody follows: more than PostgreSQL itself would plan.
const FAR: usize = 4096;

/// What is asked of a relation.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Read,
    Rows,
    Write,
}

/// What is behind a relation. PostgreSQL's own views are not followed: everybody knows what they show.
#[derive(Clone, Debug, Default)]
pub struct Reach<'a> {
    /// Relations by OID, and how each is reached.
    pub relations: BTreeMap<u32, Reached<'a>>,
    /// Functions that run on the way, by OID.
    pub functions: BTreeMap<u32, Function<'a>>,
    /// A part of it leads to what the snapshot does not hold, or too far.
    pub open: bool,
}

/// How a relation is reached.
#[derive(Clone, Debug)]
pub struct Reached<'a> {
    /// Which.
    pub relation: Relation<'a>,
    /// Columns that are used; `None` for all of them.
    pub columns: Option<BTreeSet<&'a str>>,
    /// Whether it may be changed, not only read.
    pub written: bool,
}

impl Snapshot {
    /// What is read where this relation is.
    pub fn behind_read<'a>(&'a self, relation: Relation<'a>) -> Reach<'a> {
        let mut reach = Reach::default();
        self.follow(relation, Way::Read, &mut reach);
        reach
    }

    /// What its rows were ever taken from: through materialized views, too.
    pub fn behind_rows<'a>(&'a self, relation: Relation<'a>) -> Reach<'a> {
        let mut reach = Reach::default();
        self.follow(relation, Way::Rows, &mut reach);
        reach
    }

    /// Views and materialized views that show any of these relations, directly or not.
    pub fn showing(&self, relations: &BTreeSet<u32>) -> Vec<Relation<'_>> {
        let mut reached = relations.clone();
        let mut found = Vec::new();
        loop {
            let naming =
                self.held.rule_relations.iter().filter(|row| row.column == 0 && reached.contains(&row.relation));
            let rules: BTreeSet<u32> = naming.map(|row| row.rule).collect();
            if rules.is_empty() {
                return found;
            }
            let shows = |rule: &&RuleRow| rule.event == RuleEvent::Select && rules.contains(&rule.oid);
            let views = self.held.rules.iter().filter(shows).filter_map(|rule| self.by_oid(rule.relation));
            let before = found.len();
            found.extend(views.filter(|view| reached.insert(view.oid())));
            if found.len() == before {
                return found;
            }
        }
    }

    /// What may be read and changed where this relation is changed: through a view what it shows, and whatever its
    /// rules name.
    pub fn behind_write<'a>(&'a self, relation: Relation<'a>) -> Reach<'a> {
        let mut reach = Reach::default();
        self.follow(relation, Way::Write, &mut reach);
        reach
    }

    fn follow<'a>(&'a self, relation: Relation<'a>, way: Way, reach: &mut Reach<'a>) {
        let (writes, stored) = (way == Way::Write, way == Way::Rows);
        let mut seen: BTreeSet<(u32, bool)> = BTreeSet::from([(relation.oid(), writes)]);
        let mut next = vec![(relation, writes)];
        while let Some((relation, writes)) = next.pop() {
            for rule in relation.rules().filter(|rule| rule.is_enabled()) {
                let shows = rule.event() == RuleEvent::Select;
                // A rule on SELECT of what holds rows itself is a materialized view's, which is read as it stands.
                let stands = relation.kind() != RelationKind::View && !stored;
                if (shows && stands) || !(shows || writes) {
                    continue;
                }
                reach.open |= !rule.is_read();
                for (oid, function) in self.functions_of(rule) {
                    match function {
                        Some(function) => _ = reach.functions.insert(oid, function),
                        None => reach.open = true,
                    }
                }
                for (oid, columns) in self.relations_of(rule) {
                    let Some(relation) = self.by_oid(oid) else {
                        reach.open = true;
                        continue;
                    };
                    reach.add(relation, columns, writes);
                    if seen.len() >= FAR {
                        reach.open = true;
                    } else if seen.insert((oid, writes)) {
                        next.push((relation, writes));
                    }
                }
            }
        }
    }

    fn functions_of<'a>(&'a self, rule: Rule<'a>) -> impl Iterator<Item = (u32, Option<Function<'a>>)> {
        let rows = &self.held.rule_functions;
        let start = rows.partition_point(|(of, _)| *of < rule.oid());
        let found = rows.iter().skip(start).take_while(move |(of, _)| *of == rule.oid());
        found.map(|(_, function)| (*function, self.function(*function)))
    }

    /// Relations that a rule names, with their columns where dependencies tell all of them.
    fn relations_of<'a>(&'a self, rule: Rule<'a>) -> BTreeMap<u32, Option<BTreeSet<&'a str>>> {
        let rows = &self.held.rule_relations;
        let start = rows.partition_point(|row| row.rule < rule.oid());
        let mut found: BTreeMap<u32, Option<BTreeSet<&'a str>>> = BTreeMap::new();
        for row in rows.iter().skip(start).take_while(|row| row.rule == rule.oid()) {
            let columns = found.entry(row.relation).or_default();
            if row.column == 0 {
                continue;
            }
            let name = self.by_oid(row.relation).and_then(|relation| {
                relation.columns().find(|column| column.number() == row.column).map(|column| column.name())
            });
            columns.get_or_insert_default().insert(name.unwrap_or("*"));
        }
        if rule.has_whole_rows() {
            found.values_mut().for_each(|columns| *columns = None);
        }
        found
    }
}

impl<'a> Reach<'a> {
    fn add(&mut self, relation: Relation<'a>, columns: Option<BTreeSet<&'a str>>, written: bool) {
        let new = Reached { relation, columns: Some(BTreeSet::new()), written: false };
        let reached = self.relations.entry(relation.oid()).or_insert(new);
        reached.written |= written;
        match (&mut reached.columns, columns) {
            (Some(known), Some(more)) => known.extend(more),
            (known, _) => *known = None,
        }
    }
}
