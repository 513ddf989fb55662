//! Rows in, a snapshot out. A database that describes itself wrongly is told what is wrong, and not believed.

use std::collections::HashMap;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use super::held::Held;
use super::powers::Power;
use super::row::Row;
use super::rows::{
    AttachedRow, CastContext, CastMethod, CastRow, CollationRow, ColumnRow, ConstraintRow, EventTriggerRow,
    ExtensionRow, FunctionKind, FunctionRow, FunctionVolatility, KeyAction, KeyRow, NamespaceRow, Occasion,
    OperatorRow, RelationKind, RelationRow, RuleEvent, RuleRelationRow, RuleRow, TypeKind, TypeRow,
};
use super::snapshot::{Server, Snapshot};
use super::symbols::Interner;
use super::{CatalogError, Table};

/// Rows of one table.
const MAX_ROWS: usize = 4_000_000;
/// Bytes of all rows together.
const MAX_BYTES: usize = 256 << 20;

/// Collects rows.
#[derive(Debug, Default)]
pub struct Builder {
    names: Interner,
    servers: Vec<Server>,
    held: Held,
    /// What the trees of rules hash to.
    trees: HashMap<u32, Box<str>>,
    /// The texts of rules, each with what its tree hashes to.
    definitions: HashMap<u32, (Box<str>, Box<str>)>,
    defined: bool,
    rows: HashMap<Table, usize>,
    bytes: usize,
    /// The sum over all rows: servers give them in whatever order. Nobody outside knows the key, or rows could be
    /// chosen that together make the same sum.
    digest: u128,
}

impl Builder {
    /// Takes a row of an answer to [`Table::sql`], as text.
    ///
    /// # Errors
    /// It is not what was asked for, or there is too much of it.
    pub fn row(&mut self, table: Table, values: &[Option<&[u8]>]) -> Result<(), CatalogError> {
        let count = self.rows.entry(table).or_default();
        *count = count.saturating_add(1);
        let number = *count;
        let weight = values.iter().map(|value| value.map_or(0, <[u8]>::len).saturating_add(4));
        self.bytes = weight.fold(self.bytes, usize::saturating_add);
        if number > MAX_ROWS {
            return Err(CatalogError::TooMuch { table, limit: MAX_ROWS, unit: "rows" });
        }
        if self.bytes > MAX_BYTES {
            return Err(CatalogError::TooMuch { table, limit: MAX_BYTES, unit: "bytes" });
        }
        if !matches!(table, Table::Backends | Table::Definitions | Table::Powers) {
            self.digest = self.digest.wrapping_add(digest(table, values));
        }
        let row = Row::new(table, number, values)?;
        match table {
            Table::Server => self.server(&row),
            Table::Namespaces => self.namespace(&row),
            Table::Relations => self.relation(&row),
            Table::Columns => self.column(&row),
            Table::Inheritance => self.inheritance(&row),
            Table::Rules => self.rule(&row),
            Table::RuleRelations => self.rule_relation(&row),
            Table::RuleFunctions => self.rule_function(&row),
            Table::Generated => self.generated(&row),
            Table::Attached => self.attached(&row),
            Table::PolicyRelations => self.policy_relation(&row),
            Table::ForeignKeys => self.foreign_key(&row),
            Table::EventTriggers => self.event_trigger(&row),
            Table::DomainFunctions => self.domain_function(&row),
            Table::Functions => self.function(&row),
            Table::Aggregates => self.aggregate(&row),
            Table::Operators => self.operator(&row),
            Table::Casts => self.cast(&row),
            Table::Types => self.data_type(&row),
            Table::DomainConstraints => self.constraint(&row),
            Table::Collations => self.collation(&row),
            Table::Extensions => self.extension(&row),
            Table::Backends => self.backend(&row),
            Table::Powers => self.power(&row),
            Table::Definitions => self.definition(&row),
        }
    }

    /// All rows were taken.
    ///
    /// # Errors
    /// They contradict each other.
    pub fn finish(self) -> Result<Snapshot, CatalogError> {
        static VERSIONS: AtomicU64 = AtomicU64::new(1);
        let Self { names, mut servers, mut held, trees, mut definitions, defined, rows: _, bytes: _, digest } = self;
        let server = match (servers.pop(), servers.len()) {
            (Some(server), 0) => server,
            (given, more) => {
                let rows = more.saturating_add(usize::from(given.is_some()));
                return Err(CatalogError::Rows { table: Table::Server, rows });
            }
        };
        for rule in &mut held.rules {
            // Between the two questions it may have become another one.
            let text = definitions.remove(&rule.oid).filter(|(tree, _)| trees.get(&rule.oid) == Some(tree));
            rule.definition = text.map(|(_, text)| text);
        }
        held.defined = defined;
        held.settle()?;
        let version = VERSIONS.fetch_add(1, Ordering::Relaxed);
        Ok(Snapshot::new(version, digest, server, names.finish(), held))
    }

    fn server(&mut self, row: &Row<'_>) -> Result<(), CatalogError> {
        self.servers.push(Server {
            version: row.unsigned(0)?,
            database: Box::from(row.text(1)?),
            user: Box::from(row.text(2)?),
            user_oid: row.real_oid(3)?,
            superuser: row.flag(4)?,
            encoding: Box::from(row.text(5)?),
        });
        Ok(())
    }

    fn namespace(&mut self, row: &Row<'_>) -> Result<(), CatalogError> {
        self.held.namespaces.push(NamespaceRow {
            oid: row.real_oid(0)?,
            name: row.name(1, &mut self.names)?,
            usable: row.flag(2)?,
            creates: row.flag(3)?,
        });
        Ok(())
    }

    fn relation(&mut self, row: &Row<'_>) -> Result<(), CatalogError> {
        let kind = row.letter(3, |letter| match letter {
            b'r' => Some(RelationKind::Table),
            b'p' => Some(RelationKind::Partitioned),
            b'v' => Some(RelationKind::View),
            b'm' => Some(RelationKind::Materialized),
            b'f' => Some(RelationKind::Foreign),
            b'S' => Some(RelationKind::Sequence),
            b'c' => Some(RelationKind::Composite),
            _ => None,
        })?;
        self.held.relations.push(RelationRow {
            oid: row.real_oid(0)?,
            namespace: row.real_oid(1)?,
            name: row.name(2, &mut self.names)?,
            kind,
            owner: row.oid(4)?,
            row_type: row.oid(5)?,
            row_security: row.flag(6)?,
            forced_row_security: row.flag(7)?,
            partition: row.flag(8)?,
            triggers: row.flag(9)?,
        });
        Ok(())
    }

    fn column(&mut self, row: &Row<'_>) -> Result<(), CatalogError> {
        self.held.columns.push(ColumnRow {
            relation: row.real_oid(0)?,
            number: row.column_number(1, 1)?,
            name: row.name(2, &mut self.names)?,
            type_oid: row.oid(3)?,
            modifier: row.signed(4)?,
            collation: row.oid(5)?,
            not_null: row.flag(6)?,
            key: row.flag(7)?,
            has_default: row.flag(8)?,
            generated: row.letter(9, |letter| match letter {
                0 => Some(false),
                b's' | b'v' => Some(true),
                _ => None,
            })?,
            identity: row.letter(10, |letter| match letter {
                0 => Some(false),
                b'a' | b'd' => Some(true),
                _ => None,
            })?,
        });
        Ok(())
    }

    fn inheritance(&mut self, row: &Row<'_>) -> Result<(), CatalogError> {
        self.held.inheritance.push((row.real_oid(0)?, row.real_oid(1)?));
        Ok(())
    }

    fn rule(&mut self, row: &Row<'_>) -> Result<(), CatalogError> {
        let oid = row.real_oid(0)?;
        self.trees.insert(oid, Box::from(row.text(8)?));
        self.held.rules.push(RuleRow {
            oid,
            relation: row.real_oid(1)?,
            name: row.name(2, &mut self.names)?,
            event: row.letter(3, |letter| match letter {
                b'1' => Some(RuleEvent::Select),
                b'2' => Some(RuleEvent::Update),
                b'3' => Some(RuleEvent::Insert),
                b'4' => Some(RuleEvent::Delete),
                _ => None,
            })?,
            instead: row.flag(4)?,
            // A replica's rules act when `session_replication_role` says so, which any of them may.
            enabled: row.letter(5, |letter| match letter {
                b'O' | b'R' | b'A' => Some(true),
                b'D' => Some(false),
                _ => None,
            })?,
            whole_rows: row.flag(6)?,
            read: row.flag(7)?,
            definition: None,
        });
        Ok(())
    }

    fn rule_relation(&mut self, row: &Row<'_>) -> Result<(), CatalogError> {
        let reached =
            RuleRelationRow { rule: row.real_oid(0)?, relation: row.real_oid(1)?, column: row.column_number(2, 0)? };
        self.held.rule_relations.push(reached);
        Ok(())
    }

    fn rule_function(&mut self, row: &Row<'_>) -> Result<(), CatalogError> {
        self.held.rule_functions.push((row.real_oid(0)?, row.real_oid(1)?));
        Ok(())
    }

    fn generated(&mut self, row: &Row<'_>) -> Result<(), CatalogError> {
        self.held.generated.push((row.real_oid(0)?, row.column_number(1, 1)?, row.column_number(2, 0)?));
        Ok(())
    }

    fn attached(&mut self, row: &Row<'_>) -> Result<(), CatalogError> {
        self.held.attached.push(AttachedRow {
            relation: row.real_oid(0)?,
            occasion: row.letter(1, |letter| match letter {
                b't' => Some(Occasion::Trigger),
                b'p' => Some(Occasion::RowSecurity),
                b'c' => Some(Occasion::Check),
                b'd' => Some(Occasion::Default),
                b'i' => Some(Occasion::Index),
                _ => None,
            })?,
            events: row.count(2)?,
            function: row.oid(3)?,
        });
        Ok(())
    }

    fn policy_relation(&mut self, row: &Row<'_>) -> Result<(), CatalogError> {
        self.held.policy_relations.push((row.real_oid(0)?, row.count(1)?, row.real_oid(2)?));
        Ok(())
    }

    fn foreign_key(&mut self, row: &Row<'_>) -> Result<(), CatalogError> {
        let action = |letter| match letter {
            b'a' | b'r' => Some(KeyAction::Refuses),
            b'c' => Some(KeyAction::Cascades),
            b'n' | b'd' => Some(KeyAction::Lets),
            _ => None,
        };
        self.held.keys.push(KeyRow {
            oid: row.real_oid(0)?,
            referenced: row.real_oid(1)?,
            referencing: row.real_oid(2)?,
            on_delete: row.letter(3, action)?,
            on_update: row.letter(4, action)?,
            referenced_column: row.column_number(5, 1)?,
            referencing_column: row.column_number(6, 1)?,
        });
        Ok(())
    }

    fn event_trigger(&mut self, row: &Row<'_>) -> Result<(), CatalogError> {
        self.held.event_triggers.push(EventTriggerRow { function: row.real_oid(0)?, tags: row.texts(1)? });
        Ok(())
    }

    fn domain_function(&mut self, row: &Row<'_>) -> Result<(), CatalogError> {
        self.held.domain_functions.push((row.real_oid(0)?, row.real_oid(1)?));
        Ok(())
    }

    fn function(&mut self, row: &Row<'_>) -> Result<(), CatalogError> {
        let oids = row.oids(4)?;
        let wrong = |limit| CatalogError::TooMuch { table: Table::Functions, limit, unit: "arguments" };
        let start = u32::try_from(self.held.arguments.len()).map_err(|_| wrong(MAX_ROWS))?;
        let count = u16::try_from(oids.len()).map_err(|_| wrong(usize::from(u16::MAX)))?;
        self.held.arguments.extend(oids);
        let oid = row.real_oid(0)?;
        self.held.configurations.extend(row.texts(14)?.into_iter().map(|text| (oid, text)));
        self.held.functions.push(FunctionRow {
            oid,
            namespace: row.real_oid(1)?,
            name: row.name(2, &mut self.names)?,
            kind: row.letter(3, |letter| match letter {
                b'f' => Some(FunctionKind::Function),
                b'p' => Some(FunctionKind::Procedure),
                b'a' => Some(FunctionKind::Aggregate),
                b'w' => Some(FunctionKind::Window),
                _ => None,
            })?,
            arguments: (start, count),
            defaults: row.count(5)?,
            variadic: row.oid(6)?,
            returns: row.oid(7)?,
            volatility: row.letter(8, |letter| match letter {
                b'i' => Some(FunctionVolatility::Immutable),
                b's' => Some(FunctionVolatility::Stable),
                b'v' => Some(FunctionVolatility::Volatile),
                _ => None,
            })?,
            security_definer: row.flag(9)?,
            leakproof: row.flag(10)?,
            set: row.flag(11)?,
            strict: row.flag(12)?,
            language: row.name(13, &mut self.names)?,
        });
        Ok(())
    }

    fn aggregate(&mut self, row: &Row<'_>) -> Result<(), CatalogError> {
        self.held.aggregates.push((row.real_oid(0)?, row.real_oid(1)?));
        Ok(())
    }

    fn operator(&mut self, row: &Row<'_>) -> Result<(), CatalogError> {
        self.held.operators.push(OperatorRow {
            oid: row.real_oid(0)?,
            namespace: row.real_oid(1)?,
            name: row.name(2, &mut self.names)?,
            left: row.oid(3)?,
            right: row.oid(4)?,
            result: row.oid(5)?,
            function: row.oid(6)?,
        });
        Ok(())
    }

    fn cast(&mut self, row: &Row<'_>) -> Result<(), CatalogError> {
        self.held.casts.push(CastRow {
            source: row.real_oid(0)?,
            target: row.real_oid(1)?,
            function: row.oid(2)?,
            context: row.letter(3, |letter| match letter {
                b'i' => Some(CastContext::Implicit),
                b'a' => Some(CastContext::Assignment),
                b'e' => Some(CastContext::Explicit),
                _ => None,
            })?,
            method: row.letter(4, |letter| match letter {
                b'f' => Some(CastMethod::Function),
                b'i' => Some(CastMethod::Text),
                b'b' => Some(CastMethod::Binary),
                _ => None,
            })?,
        });
        Ok(())
    }

    fn data_type(&mut self, row: &Row<'_>) -> Result<(), CatalogError> {
        self.held.types.push(TypeRow {
            oid: row.real_oid(0)?,
            namespace: row.real_oid(1)?,
            name: row.name(2, &mut self.names)?,
            kind: row.letter(3, |letter| match letter {
                b'b' => Some(TypeKind::Base),
                b'c' => Some(TypeKind::Composite),
                b'd' => Some(TypeKind::Domain),
                b'e' => Some(TypeKind::Enum),
                b'p' => Some(TypeKind::Pseudo),
                b'r' => Some(TypeKind::Range),
                b'm' => Some(TypeKind::Multirange),
                _ => None,
            })?,
            category: row.letter(4, Some)?,
            preferred: row.flag(5)?,
            relation: row.oid(6)?,
            element: row.oid(7)?,
            array: row.oid(8)?,
            base: row.oid(9)?,
            modifier: row.signed(10)?,
            not_null: row.flag(11)?,
            collation: row.oid(12)?,
            subtype: row.oid(13)?,
        });
        Ok(())
    }

    fn constraint(&mut self, row: &Row<'_>) -> Result<(), CatalogError> {
        let definition = Box::from(row.text(1)?);
        self.held.constraints.push(ConstraintRow { domain: row.real_oid(0)?, definition });
        Ok(())
    }

    fn collation(&mut self, row: &Row<'_>) -> Result<(), CatalogError> {
        self.held.collations.push(CollationRow {
            oid: row.real_oid(0)?,
            namespace: row.real_oid(1)?,
            name: row.name(2, &mut self.names)?,
            deterministic: row.flag(3)?,
        });
        Ok(())
    }

    fn extension(&mut self, row: &Row<'_>) -> Result<(), CatalogError> {
        self.held.extensions.push(ExtensionRow {
            oid: row.real_oid(0)?,
            name: row.name(1, &mut self.names)?,
            version: row.name(2, &mut self.names)?,
        });
        Ok(())
    }

    /// Which sessions there are was told.
    pub fn backends_are_told(&mut self) {
        self.held.backends.get_or_insert_default();
    }

    fn backend(&mut self, row: &Row<'_>) -> Result<(), CatalogError> {
        self.held.backends.get_or_insert_default().push(row.signed(0)?);
        Ok(())
    }

    /// What the role may do was told, if only that there is nothing: its rows follow.
    pub fn powers_are_told(&mut self) {
        self.held.powers.get_or_insert_default();
    }

    /// The texts of rules were told, each that can be.
    pub fn definitions_are_told(&mut self) {
        self.defined = true;
    }

    fn power(&mut self, row: &Row<'_>) -> Result<(), CatalogError> {
        let power =
            Power { what: Box::from(row.text(0)?), object: Box::from(row.text(1)?), remedy: Box::from(row.text(2)?) };
        self.held.powers.get_or_insert_default().push(power);
        Ok(())
    }

    /// A rule that is gone by the time its text is asked for has none.
    fn definition(&mut self, row: &Row<'_>) -> Result<(), CatalogError> {
        if let Some(text) = row.nullable(2)? {
            self.definitions.insert(row.real_oid(0)?, (Box::from(row.text(1)?), Box::from(text)));
        }
        Ok(())
    }
}

static KEY: LazyLock<[u8; 32]> = LazyLock::new(|| {
    let mut key = [0; 32];
    // Without random numbers no session would have got a key to cancel with, and no TLS.
    let _ = getrandom::fill(&mut key);
    key
});

fn digest(table: Table, values: &[Option<&[u8]>]) -> u128 {
    let mut hasher = blake3::Hasher::new_keyed(&KEY);
    hasher.update(table.sql().as_bytes());
    for value in values {
        let length = value.map_or(u64::MAX, |value| u64::try_from(value.len()).unwrap_or(u64::MAX));
        hasher.update(&length.to_le_bytes());
        hasher.update(value.unwrap_or_default());
    }
    let mut bytes = [0; 16];
    hasher.finalize_xof().fill(&mut bytes);
    u128::from_le_bytes(bytes)
}
