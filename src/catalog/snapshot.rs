//! A snapshot, and how names and OIDs are looked up in it.

use std::collections::BTreeSet;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use super::held::{Held, place};
use super::powers::Power;
use super::rows::{CastContext, CastMethod, CastRow, NamespaceRow};
use super::symbols::{Symbol, Symbols};
use super::things::{Function, Operator, Relation, Type};

/// The schema that PostgreSQL looks into first.
pub(super) const OWN: &str = "pg_catalog";

/// Where a snapshot was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// `server_version_num`.
    pub version: u32,
    /// The database.
    pub database: Box<str>,
    /// The role that looked.
    pub user: Box<str>,
    /// Its OID.
    pub user_oid: u32,
    /// Whether it is a superuser.
    pub superuser: bool,
    /// The database's encoding.
    pub encoding: Box<str>,
}

/// One database as one role saw it at one moment. Snapshots are equal when they are the same one.
#[derive(Debug)]
pub struct Snapshot {
    version: u64,
    digest: u128,
    server: Server,
    pub(super) names: Symbols,
    pub(super) held: Held,
    /// Some columns are computed from others.
    generates: bool,
    /// Code turns values of types that are not PostgreSQL's own into others, or others into them.
    casts: bool,
    /// What it is besides, to a session that has defined something and has not committed it.
    before: Option<Before>,
}

/// What all others see while a session alone sees what it has defined.
#[derive(Debug)]
pub struct Before {
    /// The catalog without it.
    pub snapshot: Arc<Snapshot>,
    /// Relations that it may have altered, by OID.
    pub altered: BTreeSet<u32>,
}

impl PartialEq for Snapshot {
    fn eq(&self, other: &Self) -> bool {
        self.version == other.version
    }
}

impl Eq for Snapshot {}

impl Hash for Snapshot {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.version.hash(state);
    }
}

impl Snapshot {
    pub(super) fn new(version: u64, digest: u128, server: Server, names: Symbols, held: Held) -> Self {
        let (generates, casts) = (held.columns.iter().any(|column| column.generated), casts_others(&names, &held));
        Self { version, digest, server, names, held, generates, casts, before: None }
    }

    /// The same for a session that alone sees it.
    #[must_use]
    pub fn behind(self, before: Before) -> Self {
        Self { before: Some(before), ..self }
    }

    /// What all others see, where one session alone sees this.
    pub fn before(&self) -> Option<&Before> {
        self.before.as_ref()
    }

    /// Whether any column is computed from others.
    pub fn generates(&self) -> bool {
        self.generates
    }

    /// Whether a cast of a type that is not PostgreSQL's own calls a function.
    pub fn casts_others(&self) -> bool {
        self.casts
    }

    /// Higher than that of every snapshot of this process that was finished before.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Whether another snapshot holds the same, but for what the role may do and the texts of rules: these are the same
    /// where both were told them.
    pub fn says_the_same_as(&self, other: &Self) -> bool {
        self.digest == other.digest
    }

    /// Whether it was told the texts of rules.
    pub fn has_definitions(&self) -> bool {
        self.held.defined
    }

    /// Where it was taken.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Whether the session with that process was there; `None` where the server did not tell.
    pub fn has_backend(&self, process: i32) -> Option<bool> {
        self.held.backends.as_ref().map(|backends| backends.contains(&process))
    }

    /// What the role may do beyond what statements need, sorted; `None` where the server did not tell.
    pub fn powers(&self) -> Option<&[Power]> {
        self.held.powers.as_deref()
    }

    /// Relations that it holds.
    pub fn relation_count(&self) -> usize {
        self.held.relations.len()
    }

    /// Bytes of memory that it takes.
    pub fn bytes(&self) -> usize {
        self.held.bytes().saturating_add(self.names.bytes())
    }

    pub(super) fn text(&self, name: Symbol) -> &str {
        self.names.text(name)
    }

    fn namespace(&self, oid: u32) -> Option<&NamespaceRow> {
        let at = self.held.namespaces.binary_search_by_key(&oid, |row| row.oid).ok()?;
        self.held.namespaces.get(at)
    }

    pub(super) fn schema(&self, oid: u32) -> &str {
        self.namespace(oid).map_or("", |row| self.text(row.name))
    }

    fn namespace_named(&self, name: &str) -> Option<&NamespaceRow> {
        let name = self.names.find(name)?;
        self.held.namespaces.iter().find(|row| row.name == name)
    }

    /// The schemas of a path in which the role may look, in order; PostgreSQL's own comes first unless it is named.
    fn searched<'a>(&'a self, path: &'a [impl AsRef<str>]) -> impl Iterator<Item = &'a NamespaceRow> {
        let named = path.iter().any(|schema| schema.as_ref() == OWN);
        let schemas = (!named).then_some(OWN).into_iter().chain(path.iter().map(AsRef::as_ref));
        schemas.filter_map(|schema| self.namespace_named(schema)).filter(|row| row.usable)
    }

    /// Whether there is such a schema and the role may look into it.
    pub fn is_usable(&self, schema: &str) -> bool {
        self.namespace_named(schema).is_some_and(|row| row.usable)
    }

    /// Where an unqualified name makes something, and whether the role may make it: the first schema of the path that
    /// there is.
    pub fn creation_schema<'a>(&self, path: &'a [impl AsRef<str>]) -> Option<(&'a str, bool)> {
        let own = |schema: &&str| *schema == OWN || schema.starts_with("pg_temp");
        let schemas = path.iter().map(AsRef::as_ref).filter(|schema| !own(schema));
        let mut found = schemas.filter_map(|schema| Some((schema, self.namespace_named(schema)?)));
        found.find(|(_, row)| row.usable).map(|(schema, row)| (schema, row.creates))
    }

    /// The relation that an unqualified name means.
    pub fn relation(&self, path: &[impl AsRef<str>], name: &str) -> Option<Relation<'_>> {
        let name = self.names.find(name)?;
        self.searched(path).find_map(|namespace| self.relation_at(namespace.oid, name))
    }

    /// The relation of that schema and name.
    pub fn relation_in(&self, schema: &str, name: &str) -> Option<Relation<'_>> {
        self.relation_at(self.namespace_named(schema)?.oid, self.names.find(name)?)
    }

    /// The relations of that name in whatever schemas.
    pub fn relations_named(&self, name: &str) -> impl Iterator<Item = Relation<'_>> {
        let name = self.names.find(name);
        let schemas = self.held.namespaces.iter();
        schemas.filter_map(move |schema| self.relation_at(schema.oid, name?))
    }

    fn relation_at(&self, namespace: u32, name: Symbol) -> Option<Relation<'_>> {
        let held = &self.held;
        let key = |at: &u32| place(&held.relations, *at).map(|row| (row.name, row.namespace));
        let at = held.relation_names.binary_search_by_key(&Some((name, namespace)), key).ok()?;
        let row = held.relation_names.get(at).and_then(|at| place(&held.relations, *at))?;
        Some(Relation { snapshot: self, row })
    }

    /// The relation with that OID.
    pub fn by_oid(&self, oid: u32) -> Option<Relation<'_>> {
        let at = self.held.relations.binary_search_by_key(&oid, |row| row.oid).ok()?;
        Some(Relation { snapshot: self, row: self.held.relations.get(at)? })
    }

    /// Every relation, by OID.
    pub fn relations(&self) -> impl Iterator<Item = Relation<'_>> {
        self.held.relations.iter().map(|row| Relation { snapshot: self, row })
    }

    /// Every function of that name that an unqualified call with so many arguments may mean.
    pub fn functions<'a>(
        &'a self,
        path: &'a [impl AsRef<str>],
        name: &str,
        arguments: usize,
    ) -> impl Iterator<Item = Function<'a>> {
        self.functions_named(path, name).filter(move |function| function.takes(arguments))
    }

    /// Every function of that name that the path shows, whatever it takes.
    pub fn functions_named<'a>(
        &'a self,
        path: &'a [impl AsRef<str>],
        name: &str,
    ) -> impl Iterator<Item = Function<'a>> {
        let name = self.names.find(name);
        self.searched(path)
            .flat_map(move |namespace| name.into_iter().flat_map(|name| self.functions_at(namespace.oid, name)))
    }

    /// Every function of that schema and name.
    pub fn functions_in(&self, schema: &str, name: &str) -> impl Iterator<Item = Function<'_>> {
        let found = self.namespace_named(schema).zip(self.names.find(name));
        found.into_iter().flat_map(|(namespace, name)| self.functions_at(namespace.oid, name))
    }

    fn functions_at(&self, namespace: u32, name: Symbol) -> impl Iterator<Item = Function<'_>> {
        let held = &self.held;
        let key = |at: &u32| place(&held.functions, *at).map(|row| (row.name, row.namespace));
        let wanted = Some((name, namespace));
        let range = among(&held.function_names, &wanted, key);
        let rows = range.iter().filter_map(|at| place(&held.functions, *at));
        rows.map(|row| Function { snapshot: self, row })
    }

    /// The function with that OID.
    pub fn function(&self, oid: u32) -> Option<Function<'_>> {
        let at = self.held.functions.binary_search_by_key(&oid, |row| row.oid).ok()?;
        Some(Function { snapshot: self, row: self.held.functions.get(at)? })
    }

    /// Every operator of that name that the path shows.
    pub fn operators<'a>(&'a self, path: &'a [impl AsRef<str>], name: &str) -> impl Iterator<Item = Operator<'a>> {
        self.operators_in(self.searched(path), name)
    }

    /// The same but for PostgreSQL's own.
    pub fn foreign_operators<'a>(
        &'a self,
        path: &'a [impl AsRef<str>],
        name: &str,
    ) -> impl Iterator<Item = Operator<'a>> {
        self.operators_in(self.searched(path).filter(|namespace| self.text(namespace.name) != OWN), name)
    }

    fn operators_in<'a>(
        &'a self,
        schemas: impl Iterator<Item = &'a NamespaceRow>,
        name: &str,
    ) -> impl Iterator<Item = Operator<'a>> {
        let held = &self.held;
        let key = |at: &u32| place(&held.operators, *at).map(|row| (row.name, row.namespace));
        let name = self.names.find(name);
        let at = schemas.flat_map(move |namespace| {
            let wanted = name.map(|name| (name, namespace.oid));
            let found = if wanted.is_some() { among(&held.operator_names, &wanted, key) } else { &[] };
            found.iter()
        });
        at.filter_map(|at| place(&held.operators, *at)).map(|row| Operator { snapshot: self, row })
    }

    /// How values of one type become another; `None` without a cast of its own.
    pub fn cast(&self, source: u32, target: u32) -> Option<(CastContext, CastMethod, Option<Function<'_>>)> {
        let held = &self.held;
        let at = held.casts.binary_search_by_key(&(source, target), |cast| (cast.source, cast.target)).ok()?;
        let cast = held.casts.get(at)?;
        Some((cast.context, cast.method, self.function(cast.function)))
    }

    /// How values of other types become one of this type.
    pub fn casts_to(&self, target: u32) -> impl Iterator<Item = (CastMethod, Option<Function<'_>>)> {
        let casts = self.held.casts.iter().filter(move |cast| cast.target == target);
        casts.map(|cast| (cast.method, self.function(cast.function)))
    }

    /// How values of a type become others, where a cast is defined for that.
    pub fn casts_from(&self, source: u32) -> impl Iterator<Item = (CastMethod, Option<Function<'_>>)> {
        let casts = among(&self.held.casts, &source, |cast| cast.source);
        casts.iter().map(|cast| (cast.method, self.function(cast.function)))
    }

    /// The type with that OID.
    pub fn data_type(&self, oid: u32) -> Option<Type<'_>> {
        let at = self.held.types.binary_search_by_key(&oid, |row| row.oid).ok()?;
        Some(Type { snapshot: self, row: self.held.types.get(at)? })
    }

    /// The type that an unqualified name means.
    pub fn type_named(&self, path: &[impl AsRef<str>], name: &str) -> Option<Type<'_>> {
        let name = self.names.find(name)?;
        let held = &self.held;
        let key = |at: &u32| place(&held.types, *at).map(|row| (row.name, row.namespace));
        self.searched(path).find_map(|namespace| {
            let at = held.type_names.binary_search_by_key(&Some((name, namespace.oid)), key).ok()?;
            let row = held.type_names.get(at).and_then(|at| place(&held.types, *at))?;
            Some(Type { snapshot: self, row })
        })
    }

    /// Installed extensions: name and version.
    pub fn extensions(&self) -> impl Iterator<Item = (&str, &str)> {
        self.held.extensions.iter().map(|row| (self.text(row.name), self.text(row.version)))
    }

    /// Schema and name of a collation, and whether its equal values are the same.
    pub fn collation(&self, oid: u32) -> Option<(&str, &str, bool)> {
        let at = self.held.collations.binary_search_by_key(&oid, |row| row.oid).ok()?;
        let row = self.held.collations.get(at)?;
        Some((self.schema(row.namespace), self.text(row.name), row.deterministic))
    }
}

/// The part of a sorted list with that key.
pub(super) fn among<'a, T, K: Ord>(list: &'a [T], wanted: &K, key: impl Fn(&T) -> K) -> &'a [T] {
    let start = list.partition_point(|item| key(item) < *wanted);
    let end = list.partition_point(|item| key(item) <= *wanted);
    list.get(start..end).unwrap_or_default()
}

fn casts_others(names: &Symbols, held: &Held) -> bool {
    let own = names.find(OWN).and_then(|name| held.namespaces.iter().find(|row| row.name == name)).map(|row| row.oid);
    let is_own = |oid: u32| {
        let at = held.types.binary_search_by_key(&oid, |row| row.oid).ok();
        at.and_then(|at| held.types.get(at)).is_some_and(|row| Some(row.namespace) == own)
    };
    let calls = |cast: &&CastRow| cast.method == CastMethod::Function;
    held.casts.iter().filter(calls).any(|cast| !(is_own(cast.source) && is_own(cast.target)))
}
