//! A policy file as a tree of our own: what the engine's parser read, without its spans.
//! Text is kept where its spelling matters (numbers), values where it does not (strings).

/// Where something starts in the author's file, counted from one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::bundle) struct Pos {
    pub(super) line: u32,
    pub(super) column: u32,
}

/// One file.
#[derive(Clone, Debug)]
pub(in crate::bundle) struct Module {
    pub(super) file: String,
    pub(super) at: Pos,
    /// Part of the library that comes with the binary, not of a bundle.
    pub(super) shipped: bool,
    /// Package path without `data`.
    pub(super) package: Vec<String>,
    pub(super) imports: Vec<Import>,
    pub(super) rules: Vec<Rule>,
}

#[derive(Clone, Debug)]
pub(super) struct Import {
    pub(super) at: Pos,
    /// Begins with `data`, `input`, `rego` or `future`.
    pub(super) path: Vec<String>,
    pub(super) alias: Option<String>,
}

impl Import {
    /// The name it binds; `None` for `rego.v1` and `future.keywords`.
    pub(super) fn name(&self) -> Option<&str> {
        match self.path.first().map(String::as_str) {
            Some("data" | "input") => self.alias.as_deref().or_else(|| self.path.last().map(String::as_str)),
            _ => None,
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Rule {
    pub(super) at: Pos,
    pub(super) head: Head,
    /// Empty for a rule without a body. The first belongs to the head, the others are `else`
    /// branches or further blocks.
    pub(super) bodies: Vec<Body>,
}

#[derive(Clone, Debug)]
pub(super) struct Head {
    /// A variable with steps: `masks[k]`, `a.b`.
    pub(super) name: Expr,
    pub(super) kind: HeadKind,
}

#[derive(Clone, Debug)]
pub(super) enum HeadKind {
    Default {
        args: Option<Vec<Expr>>,
        value: Expr,
    },
    /// `name := value`, also with steps; the value may be left out (`true`).
    Value(Option<Expr>),
    /// `name contains member`.
    Member(Expr),
    Function {
        args: Vec<Expr>,
        value: Option<Expr>,
    },
}

#[derive(Clone, Debug)]
pub(super) struct Body {
    pub(super) at: Pos,
    pub(super) otherwise: bool,
    /// The value of an `else` branch.
    pub(super) value: Option<Expr>,
    /// Empty for an `else := value` without condition.
    pub(super) query: Vec<Stmt>,
}

#[derive(Clone, Debug)]
pub(super) struct Stmt {
    pub(super) at: Pos,
    pub(super) literal: Literal,
    pub(super) with: Vec<With>,
}

#[derive(Clone, Debug)]
pub(super) struct With {
    pub(super) target: Expr,
    pub(super) value: Expr,
}

#[derive(Clone, Debug)]
pub(super) enum Literal {
    Some(Vec<String>),
    SomeIn { key: Option<Expr>, value: Expr, collection: Expr },
    Expr(Expr),
    Not(Expr),
    Every { key: Option<String>, value: String, domain: Expr, query: Vec<Stmt> },
}

#[derive(Clone, Debug)]
pub(super) struct Expr {
    pub(super) at: Pos,
    pub(super) kind: Kind,
}

#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// `null`, `true`, `false` or a number, as written.
    Scalar(String),
    /// The value of a string.
    Text(String),
    Var(String),
    Array(Vec<Expr>),
    Set(Vec<Expr>),
    Object(Vec<(Expr, Expr)>),
    Compr(Box<Compr>),
    Call {
        name: Box<Expr>,
        args: Vec<Expr>,
    },
    /// At least one step.
    Ref {
        base: Box<Expr>,
        steps: Vec<Step>,
    },
    Infix {
        op: Infix,
        sides: Box<(Expr, Expr)>,
    },
    Assign {
        op: Assign,
        sides: Box<(Expr, Expr)>,
    },
    Member {
        key: Option<Box<Expr>>,
        value: Box<Expr>,
        collection: Box<Expr>,
    },
}

#[derive(Clone, Debug)]
pub(super) struct Compr {
    pub(super) kind: ComprKind,
    pub(super) query: Vec<Stmt>,
}

#[derive(Clone, Debug)]
pub(super) enum ComprKind {
    Array(Expr),
    Set(Expr),
    Object(Expr, Expr),
}

#[derive(Clone, Debug)]
pub(super) enum Step {
    /// `.name`
    Field(String),
    /// `[index]`
    Index(Expr),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Infix {
    Union,
    Intersection,
    Add,
    Sub,
    Mul,
    Div,
    Mod,
    Lt,
    Le,
    Eq,
    Ge,
    Gt,
    Ne,
}

impl Infix {
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Union => "|",
            Self::Intersection => "&",
            Self::Add => "+",
            Self::Sub => "-",
            Self::Mul => "*",
            Self::Div => "/",
            Self::Mod => "%",
            Self::Lt => "<",
            Self::Le => "<=",
            Self::Eq => "==",
            Self::Ge => ">=",
            Self::Gt => ">",
            Self::Ne => "!=",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Assign {
    /// `=`
    Unify,
    /// `:=`
    Declare,
}

impl Module {
    /// `data` and the package, the path of everything in this file.
    pub(super) fn path(&self) -> Vec<String> {
        std::iter::once("data".to_owned()).chain(self.package.iter().cloned()).collect()
    }

    /// Marks a file of the library that comes with the binary: it may live under `data.sidegate`.
    #[must_use]
    pub(in crate::bundle) fn shipped(self) -> Self {
        Self { shipped: true, ..self }
    }

    /// Dotted package, without `data`.
    pub(in crate::bundle) fn package_name(&self) -> String {
        self.package.join(".")
    }

    /// Whether serving leaves it out: a package of tests.
    pub(in crate::bundle) fn is_test(&self) -> bool {
        self.package.iter().any(|part| part.ends_with("_test"))
    }
}

impl Rule {
    /// The static beginning of the rule's path below its package: `masks` of `masks[k]`.
    /// The flag says whether that is the whole name.
    pub(super) fn name(&self) -> (Vec<String>, bool) {
        static_path(&self.head.name)
    }
}

impl Expr {
    pub(super) fn var(at: Pos, name: &str) -> Self {
        Self { at, kind: Kind::Var(name.to_owned()) }
    }

    pub(super) fn as_var(&self) -> Option<&str> {
        if let Kind::Var(name) = &self.kind { Some(name) } else { None }
    }
}

/// The leading static names of a reference, and whether there is nothing after them.
pub(super) fn static_path(expr: &Expr) -> (Vec<String>, bool) {
    if let Kind::Var(name) = &expr.kind {
        return (vec![name.clone()], true);
    }
    let Kind::Ref { base, steps } = &expr.kind else {
        return (Vec::new(), false);
    };
    let (mut path, mut whole) = static_path(base);
    for step in steps {
        match step {
            Step::Field(name) if whole => path.push(name.clone()),
            Step::Index(Expr { kind: Kind::Text(name), .. }) if whole => path.push(name.clone()),
            Step::Field(_) | Step::Index(_) => whole = false,
        }
    }
    (path, whole)
}
