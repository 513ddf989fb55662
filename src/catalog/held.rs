//! Everything that rows gave, sorted so that it is found again, after it was checked against itself.

use super::powers::Power;
use super::rows::{
    AttachedRow, CastRow, CollationRow, ColumnRow, ConstraintRow, EventTriggerRow, ExtensionRow, FunctionRow, KeyRow,
    NamespaceRow, OperatorRow, RelationRow, RuleRelationRow, RuleRow, TypeRow,
};
use super::symbols::Symbol;
use super::{CatalogError, Table};

/// Rows, each list in the order in which it is searched.
#[derive(Debug, Default)]
pub(super) struct Held {
    /// By OID.
    pub namespaces: Vec<NamespaceRow>,
    /// By OID.
    pub relations: Vec<RelationRow>,
    /// By relation and number.
    pub columns: Vec<ColumnRow>,
    /// Parent and child.
    pub inheritance: Vec<(u32, u32)>,
    /// Child and parent.
    pub heritage: Vec<(u32, u32)>,
    /// By relation.
    pub rules: Vec<RuleRow>,
    /// By rule, relation, column.
    pub rule_relations: Vec<RuleRelationRow>,
    /// Rule and function.
    pub rule_functions: Vec<(u32, u32)>,
    /// Relation, generated column, and a column that it is generated from; 0 for any.
    pub generated: Vec<(u32, u16, u16)>,
    /// By relation.
    pub attached: Vec<AttachedRow>,
    /// Relation with row security, bits of events, and a relation that its policies read then.
    pub policy_relations: Vec<(u32, u16, u32)>,
    /// By what they refer to, and by key.
    pub keys: Vec<KeyRow>,
    /// Functions that run where something is defined.
    pub event_triggers: Vec<EventTriggerRow>,
    /// Domain, and a function that its checks or its default call.
    pub domain_functions: Vec<(u32, u32)>,
    /// By OID.
    pub functions: Vec<FunctionRow>,
    /// Argument types of all functions.
    pub arguments: Vec<u32>,
    /// Settings that a function's calls run under, by function.
    pub configurations: Vec<(u32, Box<str>)>,
    /// Aggregate and a function that computes it.
    pub aggregates: Vec<(u32, u32)>,
    /// By OID.
    pub operators: Vec<OperatorRow>,
    /// By source and target.
    pub casts: Vec<CastRow>,
    /// By OID.
    pub types: Vec<TypeRow>,
    /// By domain.
    pub constraints: Vec<ConstraintRow>,
    /// By OID.
    pub collations: Vec<CollationRow>,
    /// By OID.
    pub extensions: Vec<ExtensionRow>,
    /// Processes of sessions; nothing where they were not told.
    pub backends: Option<Vec<i32>>,
    /// What the role may do too much; nothing where it was not told.
    pub powers: Option<Vec<Power>>,
    /// The texts of rules were told.
    pub defined: bool,
    /// Places in `relations`, by name and schema.
    pub relation_names: Vec<u32>,
    /// Places in `functions`, by name and schema.
    pub function_names: Vec<u32>,
    /// Places in `operators`, by name and schema.
    pub operator_names: Vec<u32>,
    /// Places in `types`, by name and schema.
    pub type_names: Vec<u32>,
}

impl Held {
    /// Sorts and checks.
    pub(super) fn settle(&mut self) -> Result<(), CatalogError> {
        by_oid(&mut self.namespaces, |row| row.oid, Table::Namespaces)?;
        by_oid(&mut self.relations, |row| row.oid, Table::Relations)?;
        by_oid(&mut self.functions, |row| row.oid, Table::Functions)?;
        by_oid(&mut self.operators, |row| row.oid, Table::Operators)?;
        by_oid(&mut self.types, |row| row.oid, Table::Types)?;
        by_oid(&mut self.collations, |row| row.oid, Table::Collations)?;
        by_oid(&mut self.extensions, |row| row.oid, Table::Extensions)?;
        by_oid(&mut self.rules, |row| row.oid, Table::Rules)?;
        self.check_places()?;
        self.rules.sort_by_key(|rule| (rule.relation, rule.oid));
        self.inheritance.sort_unstable();
        self.inheritance.dedup();
        self.heritage = self.inheritance.iter().map(|(parent, child)| (*child, *parent)).collect();
        self.heritage.sort_unstable();
        self.rule_relations.sort_unstable();
        self.rule_relations.dedup();
        self.rule_functions.sort_unstable();
        self.rule_functions.dedup();
        self.generated.sort_unstable();
        self.generated.dedup();
        self.attached.sort_unstable();
        self.attached.dedup();
        self.policy_relations.sort_unstable();
        self.policy_relations.dedup();
        self.keys.sort_unstable_by_key(|key| (key.referenced, key.oid, key.referenced_column));
        self.domain_functions.sort_unstable();
        self.domain_functions.dedup();
        self.configurations.sort_unstable();
        self.aggregates.sort_unstable();
        self.aggregates.dedup();
        self.casts.sort_unstable_by_key(|cast| (cast.source, cast.target));
        self.constraints.sort_by_key(|constraint| constraint.domain);
        if let Some(powers) = &mut self.powers {
            powers.sort_unstable();
        }
        self.check_columns()?;
        self.check_rules()?;
        self.index()?;
        self.shrink();
        Ok(())
    }

    /// Whatever can be named by schema is in one that was described.
    fn check_places(&self) -> Result<(), CatalogError> {
        let relations = self.relations.iter().map(|row| (Table::Relations, row.namespace));
        let functions = self.functions.iter().map(|row| (Table::Functions, row.namespace));
        let operators = self.operators.iter().map(|row| (Table::Operators, row.namespace));
        let types = self.types.iter().map(|row| (Table::Types, row.namespace));
        for (table, oid) in relations.chain(functions).chain(operators).chain(types) {
            if self.namespaces.binary_search_by_key(&oid, |row| row.oid).is_err() {
                return Err(CatalogError::Dangling { table, oid, of: Table::Namespaces });
            }
        }
        let mut names: Vec<(Symbol, u32)> = self.namespaces.iter().map(|row| (row.name, row.oid)).collect();
        names.sort_unstable();
        differ(&names, Table::Namespaces, |(name, _)| *name, |(_, oid)| *oid)
    }

    fn describes(&self, table: Table, oid: u32) -> Result<(), CatalogError> {
        match self.relations.binary_search_by_key(&oid, |row| row.oid) {
            Ok(_) => Ok(()),
            Err(_) => Err(CatalogError::Dangling { table, oid, of: Table::Relations }),
        }
    }

    fn check_columns(&mut self) -> Result<(), CatalogError> {
        self.columns.sort_unstable_by_key(|column| (column.relation, column.number));
        for relation in self.columns.chunk_by(|one, other| one.relation == other.relation) {
            let Some(oid) = relation.first().map(|column| column.relation) else { continue };
            self.describes(Table::Columns, oid)?;
            let mut names: Vec<Symbol> = relation.iter().map(|column| column.name).collect();
            names.sort_unstable();
            let same = |pair: &[Symbol]| pair.first() == pair.last();
            let numbers = |pair: &[ColumnRow]| pair.first().map(|c| c.number) == pair.last().map(|c| c.number);
            if names.windows(2).any(same) || relation.windows(2).any(numbers) {
                return Err(CatalogError::Twice { table: Table::Columns, oid });
            }
        }
        for (relation, _, _) in &self.generated {
            self.describes(Table::Generated, *relation)?;
        }
        for row in &self.attached {
            self.describes(Table::Attached, row.relation)?;
        }
        for (relation, _, _) in &self.policy_relations {
            self.describes(Table::PolicyRelations, *relation)?;
        }
        for key in &self.keys {
            self.describes(Table::ForeignKeys, key.referenced)?;
            self.describes(Table::ForeignKeys, key.referencing)?;
        }
        for (parent, child) in &self.inheritance {
            self.describes(Table::Inheritance, *parent)?;
            self.describes(Table::Inheritance, *child)?;
        }
        Ok(())
    }

    fn check_rules(&self) -> Result<(), CatalogError> {
        for rule in &self.rules {
            self.describes(Table::Rules, rule.relation)?;
        }
        let mut known: Vec<u32> = self.rules.iter().map(|rule| rule.oid).collect();
        known.sort_unstable();
        let relations = self.rule_relations.iter().map(|row| (Table::RuleRelations, row.rule));
        let functions = self.rule_functions.iter().map(|(rule, _)| (Table::RuleFunctions, *rule));
        for (table, oid) in relations.chain(functions) {
            if known.binary_search(&oid).is_err() {
                return Err(CatalogError::Dangling { table, oid, of: Table::Rules });
            }
        }
        Ok(())
    }

    fn index(&mut self) -> Result<(), CatalogError> {
        self.relation_names = by_name(&self.relations, |row| (row.name, row.namespace));
        self.function_names = by_name(&self.functions, |row| (row.name, row.namespace));
        self.operator_names = by_name(&self.operators, |row| (row.name, row.namespace));
        self.type_names = by_name(&self.types, |row| (row.name, row.namespace));
        let relations: Vec<&RelationRow> =
            self.relation_names.iter().filter_map(|at| place(&self.relations, *at)).collect();
        differ(&relations, Table::Relations, |row| (row.name, row.namespace), |row| row.oid)?;
        let types: Vec<&TypeRow> = self.type_names.iter().filter_map(|at| place(&self.types, *at)).collect();
        differ(&types, Table::Types, |row| (row.name, row.namespace), |row| row.oid)
    }

    fn shrink(&mut self) {
        self.namespaces.shrink_to_fit();
        self.relations.shrink_to_fit();
        self.columns.shrink_to_fit();
        self.inheritance.shrink_to_fit();
        self.aggregates.shrink_to_fit();
        self.rules.shrink_to_fit();
        self.rule_relations.shrink_to_fit();
        self.rule_functions.shrink_to_fit();
        self.generated.shrink_to_fit();
        self.attached.shrink_to_fit();
        self.policy_relations.shrink_to_fit();
        self.keys.shrink_to_fit();
        self.domain_functions.shrink_to_fit();
        self.functions.shrink_to_fit();
        self.arguments.shrink_to_fit();
        self.configurations.shrink_to_fit();
        self.operators.shrink_to_fit();
        self.casts.shrink_to_fit();
        self.types.shrink_to_fit();
        self.constraints.shrink_to_fit();
    }

    /// Bytes of memory.
    pub(super) fn bytes(&self) -> usize {
        let texts = self.rules.iter().map(|rule| rule.definition.as_ref().map_or(0, |text| text.len()));
        let constraints = self.constraints.iter().map(|constraint| constraint.definition.len());
        let settings = self.configurations.iter().map(|(_, text)| text.len());
        let lists = [
            list(&self.namespaces),
            list(&self.relations),
            list(&self.columns),
            list(&self.inheritance),
            list(&self.heritage),
            list(&self.aggregates),
            list(&self.rules),
            list(&self.rule_relations),
            list(&self.rule_functions),
            list(&self.generated),
            list(&self.attached),
            list(&self.policy_relations),
            list(&self.keys),
            list(&self.event_triggers),
            list(&self.domain_functions),
            list(&self.functions),
            list(&self.arguments),
            list(&self.configurations),
            list(&self.operators),
            list(&self.casts),
            list(&self.types),
            list(&self.constraints),
            list(&self.collations),
            list(&self.extensions),
            list(&self.relation_names),
            list(&self.function_names),
            list(&self.operator_names),
            list(&self.type_names),
        ];
        let power = |power: &Power| {
            let texts = power.what.len().saturating_add(power.object.len()).saturating_add(power.remedy.len());
            texts.saturating_add(size_of::<Power>())
        };
        let powers = self.powers.iter().flatten().map(power);
        lists.into_iter().chain(texts).chain(constraints).chain(settings).chain(powers).fold(0, usize::saturating_add)
    }
}

/// The row at a place of an index.
pub(super) fn place<T>(rows: &[T], at: u32) -> Option<&T> {
    rows.get(usize::try_from(at).ok()?)
}

fn list<T>(rows: &Vec<T>) -> usize {
    rows.capacity().saturating_mul(size_of::<T>())
}

fn by_oid<T>(rows: &mut [T], oid: impl Fn(&T) -> u32, table: Table) -> Result<(), CatalogError> {
    rows.sort_unstable_by_key(&oid);
    for pair in rows.windows(2) {
        if let [one, other] = pair
            && oid(one) == oid(other)
        {
            return Err(CatalogError::Twice { table, oid: oid(one) });
        }
    }
    Ok(())
}

fn by_name<T>(rows: &[T], key: impl Fn(&T) -> (Symbol, u32)) -> Vec<u32> {
    let mut keyed: Vec<((Symbol, u32), u32)> = (0_u32..).zip(rows).map(|(at, row)| (key(row), at)).collect();
    keyed.sort_unstable();
    keyed.into_iter().map(|(_, at)| at).collect()
}

/// Of sorted rows, no two have one name.
fn differ<T, K: PartialEq>(
    rows: &[T],
    table: Table,
    name: impl Fn(&T) -> K,
    oid: impl Fn(&T) -> u32,
) -> Result<(), CatalogError> {
    for pair in rows.windows(2) {
        if let [one, other] = pair
            && name(one) == name(other)
        {
            return Err(CatalogError::SameName { table, first: oid(one), second: oid(other) });
        }
    }
    Ok(())
}
