//! What a statement would do: the `sql` section of the policy input, and what the corridor
//! itself needs to know about it. What the input shows has its members in the order of the alphabet, as the input has.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Serialize;

use super::definitions::Definitions;
use super::reference::Reference;

/// What a statement does, a closed set (see `docs/input.md`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// COPY … FROM STDIN.
    CopyIn,
    /// COPY … TO STDOUT.
    CopyOut,
    /// Grants, roles, owners, row policies.
    Dcl,
    /// Creates, alters or drops objects.
    Ddl,
    /// The server's files.
    File,
    /// LISTEN, NOTIFY, UNLISTEN.
    Notify,
    /// Code or names that the sidecar cannot read run.
    Procedure,
    /// The server's programs.
    Program,
    /// Rows of a relation are read, or a value is computed.
    Read,
    /// Harmless session commands.
    Session,
    /// Changes how statements are read, who one is or what one sees.
    Settings,
    /// BEGIN, COMMIT, ROLLBACK, savepoints.
    Transaction,
    /// Could not be read whole.
    Unknown,
    /// Rows change, or are locked for change.
    Write,
}

/// What one statement, or one data-changing node inside it, does.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StatementFacts {
    /// PostgreSQL's command tag, `SELECT`, `CREATE TABLE`….
    pub command: String,
    /// Its own effects.
    pub effects: BTreeSet<Effect>,
    /// The constant LIMIT; 0 when `limit_kind` is not `constant`.
    pub limit: u64,
    /// What kind of LIMIT it has.
    pub limit_kind: LimitKind,
    /// Whether it sits inside another statement (CTE, EXPLAIN, PREPARE, cursor).
    pub nested: bool,
    /// Whether its WHERE clause is always true (`1=1`, `true`, `id = id`).
    pub tautology: bool,
    /// Whether it has a WHERE clause.
    #[serde(rename = "where")]
    pub has_where: bool,
}

/// What kind of LIMIT a statement has. `LIMIT ALL` and `LIMIT NULL` are none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitKind {
    /// No limit.
    None,
    /// A literal.
    Constant,
    /// A bind parameter.
    Parameter,
    /// Anything else.
    Expression,
}

/// How a relation is touched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// Rows or its definition are read.
    Read,
    /// Rows or its definition change.
    Write,
    /// It is locked.
    Lock,
    /// Only named, as in `'orders'::regclass`.
    Reference,
}

/// A relation that a statement touches.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RelationFacts {
    /// How it is touched.
    pub access: BTreeSet<Access>,
    /// Names of its columns that the statement uses; `*` when a star could not be expanded.
    pub columns: BTreeSet<String>,
    /// Command tags of the statements that touch it.
    pub commands: BTreeSet<String>,
    /// `schema.name`, quoted as PostgreSQL would; `?.name` when the schema is not known.
    pub id: String,
    /// Its name, folded and cut as PostgreSQL does.
    pub name: String,
    /// Its schema; `None` when the name could not be resolved.
    pub schema: Option<String>,
}

/// Where a column is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Use {
    /// In the result.
    Output,
    /// In WHERE, HAVING, FILTER, LIMIT.
    Predicate,
    /// In ON, USING, NATURAL.
    Join,
    /// In GROUP BY, PARTITION BY, DISTINCT.
    Group,
    /// In ORDER BY.
    Order,
    /// As an argument of a function or operator.
    Argument,
    /// As the target of an assignment.
    Assignment,
    /// As part of a whole-row reference.
    WholeRow,
}

/// A column that a statement uses.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ColumnFacts {
    /// Its name.
    pub name: String,
    /// The relation's `id`; `None` when it is not certain which relation it belongs to.
    pub relation: Option<String>,
    /// Where it is used.
    pub uses: BTreeSet<Use>,
    /// Whether nothing is made of it: wherever it is used, it is a result or part of one as it is.
    #[serde(skip)]
    pub passed: bool,
}

/// A column of a relation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BaseColumn {
    /// The relation's `id`.
    pub relation: String,
    /// The column's name.
    pub column: String,
}

/// A column of a statement's result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputLineage {
    /// Its name; `None` where PostgreSQL's choice is not certain.
    pub name: Option<String>,
    /// The base columns that it depends on, sorted.
    pub columns: Vec<BaseColumn>,
    /// Whether it is the only one of them, as it is, and the server says that it comes from there.
    pub bare: bool,
    /// Whether each of its values is that of one of them, as it is: of a UNION ALL, for one, where the server says nothing.
    pub shown: bool,
}

/// What PostgreSQL promises about a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Volatility {
    /// Same arguments, same value, always.
    Immutable,
    /// Same arguments, same value, within one statement.
    Stable,
    /// Anything may happen.
    Volatile,
}

/// Why a function runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CalledBy {
    /// A check of a column, a table or a domain.
    Check,
    /// A default, or the expression of a generated column.
    Default,
    /// An expression of an index, or the key of partitions.
    Index,
    /// A policy of row security.
    RowSecurity,
    /// The statement calls it, or a view or rule that it names.
    Statement,
    /// A trigger.
    Trigger,
}

/// A function that a statement calls.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FunctionFacts {
    /// Whether it is one of PostgreSQL's own.
    pub builtin: bool,
    /// Why it runs.
    pub called_by: BTreeSet<CalledBy>,
    /// `schema.name`; `?.name` when the schema is not known.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its schema; `None` when not known.
    pub schema: Option<String>,
    /// Whether it runs as its owner; `None` when not known.
    pub security_definer: Option<bool>,
    /// The least strict volatility of the overloads it may be; `None` when not known.
    pub volatility: Option<Volatility>,
}

/// A setting that a statement changes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SettingFacts {
    /// Whether it ends with the transaction (`SET LOCAL`).
    pub local: bool,
    /// Its name, lower-case.
    pub name: String,
    /// The new value; `None` for RESET and DEFAULT, and for what is not a constant (`sql.settings` is unknown then).
    pub value: Option<String>,
}

/// Why a statement could not be read whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unparsed {
    /// Its leading keyword, upper-case; empty when it has none.
    pub keyword: String,
    /// One clear sentence.
    pub reason: String,
    /// Which refusal it earns.
    #[serde(skip)]
    pub kind: UnparsedKind,
}

/// Which refusal an unread statement earns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnparsedKind {
    /// 0A000, unless policy allows what is unparsed.
    Unreadable,
    /// Over `limits.statement` or `limits.tokens`: 54000, whatever policy says.
    TooLarge,
    /// Over the budgets for joins, operators, nesting: 54001, whatever policy says.
    TooComplex,
}

/// A literal that was lifted out of the text: a value of `sql.parameters` of a simple query.
#[derive(Clone, Debug, PartialEq)]
pub struct Literal {
    /// PostgreSQL's name of the type it has as written: `int4`, `int8`, `numeric`, `text` (unknown), `bool`, `bit`.
    pub type_name: &'static str,
    /// Its value: a JSON number, string or boolean; numbers that JSON cannot hold are strings.
    pub value: serde_json::Value,
}

/// What one of several statements answers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// What each of its columns is made of; `None` where that is not certain, or it has none of its own.
    pub outputs: Option<Vec<OutputLineage>>,
    /// The cursor that is read in it.
    pub fetches: Option<String>,
    /// The prepared statement that is run in it.
    pub executes: Option<String>,
}

/// Everything that is known about one statement text. Immutable and shared.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The text with every liftable literal replaced by a placeholder.
    pub normalized: String,
    /// Hex of a 128-bit keyless digest of `normalized`.
    pub fingerprint: String,
    /// Sorted union over `statements`.
    pub effects: BTreeSet<Effect>,
    /// Its procedures show what the catalogs hold of objects, and nothing else. False where it has none.
    pub describes: bool,
    /// One per statement and per data-changing node inside it.
    pub statements: Vec<StatementFacts>,
    /// Relations, sorted by id.
    pub relations: Vec<RelationFacts>,
    /// Columns, sorted.
    pub columns: Vec<ColumnFacts>,
    /// What each column of the result is made of, of a single statement that gives rows of its own; `None` where that
    /// is not certain.
    pub outputs: Option<Vec<OutputLineage>>,
    /// What each statement of a text with several answers, in order; empty where there is one.
    pub answers: Vec<Answer>,
    /// Functions, sorted by id.
    pub functions: Vec<FunctionFacts>,
    /// Cursors that FETCH and MOVE read, by name.
    pub cursors: BTreeSet<String>,
    /// Settings in order.
    pub settings: Vec<SettingFacts>,
    /// Every place where a relation is named whose rows or definition are touched, however deep.
    pub references: Vec<Reference>,
    /// Set when it could not be read whole.
    pub unparsed: Option<Unparsed>,
    /// Which of `sql.*` is not known: `sql.relations`, `sql.columns`, `sql.functions`, `sql.settings`.
    pub unknown: BTreeSet<&'static str>,
    /// Which tokens are literals that were lifted, in order: what they are differs from text to text.
    pub lifted: Vec<usize>,
    /// What it changes for the statements after it.
    pub aftermath: Aftermath,
    /// It has a PASSWORD clause or the like: its text and literals are shown nowhere.
    pub sensitive: bool,
    /// The highest `$n` in it.
    pub placeholders: u16,
    /// Whether its text is empty (comments and white space only).
    pub empty: bool,
    /// It rests on a catalog that does not know a name in it, or that may not hold any more.
    pub outdated: bool,
}

impl Facts {
    /// Whether all that becomes of a column is that it is, as it is, columns of the result: nothing is compared with it,
    /// computed from it or stored. False wherever that is not certain.
    pub fn only_passed(&self, relation: &str, column: &str) -> bool {
        self.becomes(relation, column, |output| output.bare)
    }

    /// The same where the result may have other values in the same column, too.
    pub fn only_shown(&self, relation: &str, column: &str) -> bool {
        self.becomes(relation, column, |output| output.bare || output.shown)
    }

    fn becomes(&self, relation: &str, column: &str, as_it_is: impl Fn(&OutputLineage) -> bool) -> bool {
        let unread = [Effect::Procedure, Effect::Unknown, Effect::Settings, Effect::File, Effect::Program];
        let Some(outputs) = self.outputs.as_ref().filter(|_| self.unknown.is_empty() && !self.outdated) else {
            return false;
        };
        let is = |base: &BaseColumn| base.relation == relation && base.column == column;
        let used = self.columns.iter().find(|used| used.relation.as_deref() == Some(relation) && used.name == column);
        let whole = |used: &ColumnFacts| used.relation.as_deref() == Some(relation) && used.name == "*";
        self.unparsed.is_none()
            && unread.iter().all(|effect| !self.effects.contains(effect))
            && used.is_some_and(|used| used.passed)
            && !self.columns.iter().any(whole)
            && outputs.iter().all(|output| as_it_is(output) || !output.columns.iter().any(is))
    }

    /// About how many bytes of memory it takes, on the safe side.
    pub fn weight(&self) -> usize {
        const ITEM: usize = 256;
        let texts = |names: &BTreeSet<String>| names.iter().map(|name| name.len().saturating_add(64)).sum::<usize>();
        let relations = self.relations.iter().map(|relation| {
            let own = relation.id.len().saturating_add(relation.name.len().saturating_mul(2));
            own.saturating_add(texts(&relation.columns)).saturating_add(texts(&relation.commands))
        });
        let columns =
            self.columns.iter().map(|column| column.name.len() + column.relation.as_ref().map_or(0, String::len));
        let functions = self.functions.iter().map(|function| function.id.len() + function.name.len().saturating_mul(2));
        let settings =
            self.settings.iter().map(|setting| setting.name.len() + setting.value.as_ref().map_or(0, String::len));
        let references = self.references.iter().map(|reference| {
            let own = reference.relation.len().saturating_add(reference.command.len());
            own.saturating_add(reference.name.len().saturating_mul(2))
        });
        let statements = self.statements.iter().map(|_| ITEM);
        let bases = |output: &OutputLineage| {
            output.columns.iter().map(|base| base.relation.len() + base.column.len() + ITEM / 4).sum::<usize>()
        };
        let each = self.answers.iter().flat_map(|answer| answer.outputs.iter().flatten());
        let outputs = self.outputs.iter().flatten().chain(each).map(bases);
        let inner = self.aftermath.prepares.iter().chain(&self.aftermath.declares);
        let items = relations.chain(columns).chain(functions).chain(settings).chain(statements);
        let items = items.chain(references).chain(outputs);
        let own = items.fold(ITEM.saturating_add(self.lifted.len().saturating_mul(8)), |sum, bytes| {
            sum.saturating_add(bytes).saturating_add(ITEM)
        });
        inner.fold(own.saturating_add(self.normalized.len()), |sum, (name, facts)| {
            sum.saturating_add(name.len()).saturating_add(facts.0.weight())
        })
    }
}

/// What a statement changes for the ones after it in the same session.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Aftermath {
    /// It can change how later statements are read (`settings`, `procedure`, `unknown`,
    /// ROLLBACK): the next one waits for its answer.
    pub waits: bool,
    /// It can change what unqualified names mean in this session (temporary relations, `procedure`,
    /// `unknown`, `settings`).
    pub names: bool,
    /// What it can make to mean something else for everybody: relations, functions, rights.
    pub defines: Definitions,
    /// It can change whether a transaction is open.
    pub transaction: bool,
    /// It can take back what was defined before in its transaction, or end that.
    pub undoes: bool,
    /// SQL-level PREPARE: the name and what is inside.
    pub prepares: Vec<(String, Inner)>,
    /// DECLARE … CURSOR: the name and what is inside.
    pub declares: Vec<(String, Inner)>,
    /// One of them outlives its transaction (WITH HOLD).
    pub holds: bool,
    /// It may remove prepared statements (DEALLOCATE, DISCARD) or cursors (CLOSE).
    pub forgets: bool,
    /// The one prepared statement that DEALLOCATE names.
    pub deallocates: Option<String>,
    /// The one cursor that CLOSE names.
    pub closes: Option<String>,
}

/// The facts of a statement inside PREPARE or DECLARE, shared.
#[derive(Clone, Debug)]
pub struct Inner(pub Arc<Facts>);

impl PartialEq for Inner {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}
