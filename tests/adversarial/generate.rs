//! Statements that nobody would write: keywords where names stand, operators that run into comments, tokens in any order,
//! other people's statements with something put in or left out. They aim at what is hidden, and hold nothing of it.

use std::io::Read;

use sqlparser::keywords::ALL_KEYWORDS;

use crate::case::Case;

/// `K` is a keyword.
const TEMPLATES: [&str; 44] = [
    "SELECT val K FROM secrets",
    "SELECT val K, 1 FROM secrets",
    "SELECT 1 FROM orders K",
    "SELECT 1 FROM orders K, secrets",
    "SELECT 1 FROM orders K JOIN secrets ON true",
    "SELECT K FROM secrets",
    "SELECT K val FROM secrets",
    "SELECT K(val) FROM secrets",
    "SELECT K (SELECT val FROM secrets)",
    "SELECT 1 K, val FROM secrets",
    "SELECT 1 K; DELETE FROM secrets WHERE id = 77",
    "SELECT id FROM orders K SELECT val FROM secrets",
    "SELECT id FROM orders K (SELECT val FROM secrets)",
    "SELECT id FROM orders WHERE id K (SELECT 1 FROM secrets)",
    "SELECT * FROM K secrets",
    "SELECT * FROM K (secrets)",
    "SELECT * FROM orders K secrets",
    "SELECT * FROM orders K JOIN secrets USING (id)",
    "SELECT ssn K FROM customers",
    "SELECT K.ssn FROM customers K",
    "SELECT K ssn FROM customers",
    "SELECT id K ssn FROM customers",
    "SELECT name, K FROM customers",
    "SELECT (K).ssn FROM customers K",
    "SELECT K FROM customers K",
    "SELECT to_jsonb(K) FROM customers K",
    "SELECT c.K FROM customers c",
    "SELECT * FROM customers K(a, b, c, d)",
    "SELECT id FROM customers ORDER BY K ssn",
    "SELECT id FROM customers GROUP BY id, K ssn",
    "SELECT id FROM orders LIMIT K (SELECT id FROM secrets)",
    "SELECT ssn::K FROM customers",
    "SELECT K 'x', val FROM secrets",
    "SELECT CAST(val AS K) FROM secrets",
    "WITH K AS (SELECT val FROM secrets) SELECT * FROM K",
    "WITH q AS K (SELECT val FROM secrets) SELECT * FROM q",
    "K secrets",
    "K TABLE secrets",
    "K SELECT val FROM secrets",
    "K DELETE FROM secrets WHERE id = 77",
    "EXPLAIN K DELETE FROM secrets WHERE id = 77",
    "EXPLAIN (K) SELECT val FROM secrets",
    "VALUES (1) K SELECT id FROM secrets",
    "TABLE orders K TABLE secrets",
];
const BASES: [&str; 12] = [
    "SELECT id FROM orders WHERE id ",
    "SELECT id FROM orders ",
    "SELECT id ",
    "SELECT * FROM ",
    "SELECT 'a' ",
    "SELECT note FROM orders o ",
    "SELECT id FROM (orders ",
    "SELECT o.id FROM orders o JOIN ",
    "SELECT name, ",
    "SELECT c.id, c.name FROM customers c ",
    "WITH x AS (SELECT id FROM orders) ",
    "SELECT 1 @",
];
const OPERATORS: [&str; 42] = [
    "+", "-", "*", "/", "<", ">", "=", "~", "!", "@", "#", "%", "^", "&", "|", "`", "?", "||", "->", "->>", "#>", "<@",
    "@>", "&&", "<>", "!=", ">=", "<=", "::", "!~", "~*", "!~*", "~~", "=>", ":=", "<->", "<<", ">>", "|/", "@@", "?|",
    "&>",
];
const PREFIXES: [&str; 12] = ["E", "U&", "N", "B", "X", "x", "e", "n", "b", "u&", "", "_utf8"];
const BLANKS: [&str; 14] = [
    " ", "\n", "\r", "\t", "\u{c}", "\u{b}", "\r\n", "\u{a0}", "\u{2028}", "\u{feff}", "", "\u{1c}", "\u{85}",
    "\u{3000}",
];
const QUOTES: [&str; 21] = [
    "'", "\"", "''", "\"\"", "\\'", "\\", "\\\\'", "$$", "$a$", "$1$", "$", "$_$", "$a", "$é$", "$1", "$a-$", "'\n'",
    "' '", "\"'\"", "'--\n'", "'/**/'",
];
const COMMENTS: [&str; 16] = [
    "--", "/*", "*/", "/**/", "/*/", "--\n", "-- \r", "/*/**/*/", "/*+", "*/*", "--\\\n", "//", "#", "/*!", "---",
    "/**",
];
const TAILS: [&str; 16] = [
    " 0 UNION ALL SELECT val FROM secrets ",
    " 1, (SELECT val FROM secrets) ",
    " , val FROM secrets ",
    " UNION SELECT val FROM secrets ",
    " ; DELETE FROM secrets ; ",
    " ONLY secrets ",
    " FROM secrets ",
    " , ssn FROM customers ",
    " 0 UNION ALL SELECT ssn FROM customers ",
    " , customers.* FROM customers ",
    " (SELECT emp || salary FROM hr.salaries) ",
    " , get_ssn(1) ",
    " , run_sql('select val from secrets') ",
    " , c FROM customers c ",
    " RETURNING (SELECT val FROM secrets) ",
    " FROM v_orders ",
];
const WORDS: [&str; 34] = [
    "1",
    "a",
    "id",
    "0x",
    "1e",
    "1_",
    ".5",
    "1.",
    "AS",
    "AS b",
    "WHERE",
    "FROM orders",
    "IN",
    "(",
    ")",
    "[",
    "]",
    ",",
    ",",
    ";",
    "SELECT",
    "NOT",
    "NULL",
    "::text",
    "UESCAPE",
    "UESCAPE '!'",
    "ONLY",
    "TABLE",
    "WITH",
    "LIKE",
    "COLLATE",
    "END",
    "LATERAL",
    "ROWS FROM",
];
const ENDS: [&str; 12] = ["'", "\"", "--'", "--\"", " */", "/*'*/", "$$", "$a$", "--$$", ")", "--)", ""];
/// What takes the place of other people's names.
const NAMES: [&str; 22] = [
    "orders",
    "customers",
    "secrets",
    "public.secrets",
    "hr.salaries",
    "customers_vip",
    "v_customers",
    "v_orders",
    "parted",
    "id",
    "val",
    "ssn",
    "email",
    "name",
    "note",
    "total",
    "customer_id",
    "c",
    "o",
    "salary",
    "note2",
    "leak",
];
const AFTER_OPERATOR: [&str; 13] =
    ["'1'", "\"a\"", "(1)", "--'\n1", "/*'*/1", "$$1$$", "1", "a", " 1", "-1", "E'1'", "'1'--'\n", "[1]"];
const HOW_OPERATORS_GO_ON: [&str; 5] = [
    ", val FROM secrets --'",
    ", (SELECT val FROM secrets) --\"",
    ", ssn FROM customers /*'*/",
    "; DELETE FROM secrets --'",
    " FROM orders UNION ALL SELECT 1 FROM secrets --'",
];

/// Numbers that look random and are the same for the same seed.
pub struct Dice(u64);

/// Makes statements.
pub struct Generator {
    dice: Dice,
    keywords: Vec<String>,
    corpus: Vec<String>,
    /// Which keyword comes in which template next: all of them do before one does again.
    next: usize,
}

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn roll(&mut self) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.roll() % u64::try_from(bound).expect("small")).expect("small")
    }

    pub fn one<'a, T: ?Sized + AsRef<str>>(&mut self, list: &'a [&'a T]) -> &'a str {
        list[self.below(list.len())].as_ref()
    }

    fn percent(&mut self, chance: usize) -> bool {
        self.below(100) < chance
    }
}

impl Generator {
    /// `keywords` are the server's; those of the reader are beside them.
    pub fn new(seed: u64, keywords: impl Iterator<Item = String>) -> Self {
        let mut keywords: Vec<String> = keywords.chain(ALL_KEYWORDS.iter().map(|word| word.to_lowercase())).collect();
        keywords.sort();
        keywords.dedup();
        let mut dice = Dice::new(seed);
        let next = dice.below(keywords.len() * TEMPLATES.len());
        Self { dice, keywords, corpus: corpus(), next }
    }

    pub fn dice(&mut self) -> &mut Dice {
        &mut self.dice
    }

    /// The next statement.
    pub fn statement(&mut self) -> String {
        match self.dice.below(10) {
            0..=2 => self.keyword_in_a_template(),
            3 => self.operator(),
            4..=5 => self.soup(),
            _ => self.mutation(),
        }
    }

    fn keyword(&mut self) -> String {
        let at = self.dice.below(self.keywords.len());
        self.keywords[at].clone()
    }

    fn keyword_in_a_template(&mut self) -> String {
        let template = TEMPLATES[self.next % TEMPLATES.len()];
        let mut keyword = self.keywords[self.next / TEMPLATES.len() % self.keywords.len()].clone();
        self.next += 1;
        if self.dice.percent(10) {
            keyword = format!("{keyword} {}", self.keyword());
        }
        tokens(template).iter().map(|token| if *token == "K" { keyword.as_str() } else { token }).collect()
    }

    fn operator(&mut self) -> String {
        const SIGNS: &[u8] = b"+-*/<>=~!@#%^&|`?";
        let length = 1 + self.dice.below(3);
        let operator: String = (0..length).map(|_| char::from(SIGNS[self.dice.below(SIGNS.len())])).collect();
        let start = self.dice.one(&["SELECT 1 ", "SELECT id ", "SELECT id FROM orders WHERE id ", "SELECT name "]);
        let (after, rest) = (self.dice.one(&AFTER_OPERATOR), self.dice.one(&HOW_OPERATORS_GO_ON));
        format!("{start}{operator}{after}{rest}")
    }

    fn piece(&mut self) -> String {
        let pools: [&[&str]; 8] = [&OPERATORS, &PREFIXES, &BLANKS, &QUOTES, &COMMENTS, &TAILS, &WORDS, &NAMES];
        match self.dice.below(10) {
            at @ 0..=7 => self.dice.one(pools[at]).to_owned(),
            8 => self.keyword(),
            _ => self.dice.one(&QUOTES).to_owned(),
        }
    }

    fn soup(&mut self) -> String {
        let mut text = self.dice.one(&BASES).to_owned();
        let count = 2 + self.dice.below(8);
        let mut pieces: Vec<String> = (0..count).map(|_| self.piece()).collect();
        let at = self.dice.below(pieces.len() + 1);
        pieces.insert(at, self.dice.one(&TAILS).to_owned());
        text.push_str(&pieces.join(if self.dice.percent(50) { " " } else { "" }));
        if self.dice.percent(50) {
            text.push_str(self.dice.one(&ENDS));
        }
        text
    }

    fn mutation(&mut self) -> String {
        let at = self.dice.below(self.corpus.len());
        let text = self.corpus[at].clone();
        let own = text.contains("orders") || text.contains("customers");
        let mut tokens: Vec<String> = tokens(&text).into_iter().map(str::to_owned).collect();
        for token in &mut tokens {
            let is_name =
                token.starts_with(|c: char| c.is_ascii_alphabetic()) && !self.keywords.contains(&token.to_lowercase());
            if is_name && self.dice.percent(if own { 8 } else { 75 }) {
                *token = self.dice.one(&NAMES).to_owned();
            }
        }
        for _ in 0..self.dice.below(4) {
            let at = self.dice.below(tokens.len() + 1);
            let blank = if self.dice.percent(60) { " " } else { "" };
            match self.dice.below(10) {
                0..=4 => tokens.insert(at, format!("{blank}{}{blank}", self.piece())),
                5 | 6 if at < tokens.len() => drop(tokens.remove(at)),
                7 | 8 if at < tokens.len() => tokens[at] = self.piece(),
                _ if !tokens.is_empty() => {
                    let from = self.dice.below(tokens.len());
                    tokens.insert(at, tokens[from].clone());
                }
                _ => {}
            }
        }
        tokens.concat()
    }
}

/// Statements to start from: the attacks, many times over, and what other programs send.
fn corpus() -> Vec<String> {
    let mut lines = String::new();
    flate2::read::GzDecoder::new(include_bytes!("../data/sql/corpus.jsonl.gz").as_slice())
        .read_to_string(&mut lines)
        .expect("it is whole");
    let others = lines.lines().filter_map(|line| {
        let value: serde_json::Value = serde_json::from_str(line).ok()?;
        let sql = value["sql"].as_str()?.trim().to_owned();
        let start = sql.split_whitespace().next()?.to_lowercase();
        let readable = ["select", "with", "values", "explain", "table", "merge", "delete", "copy", "declare"];
        (sql.len() < 300 && readable.contains(&start.as_str())).then_some(sql)
    });
    let others: Vec<String> = others.step_by(5).collect();
    let cases: Vec<String> = Case::all()
        .into_iter()
        .filter(|case| case.sql_bytes_hex.is_none() && !case.id.starts_with('D'))
        .filter_map(|case| case.sql)
        .map(|sql| sql.replace("123-45-", "123+45+").replace("@leak", "+leak").replace("TOPSECRET", "TOP"))
        .map(|sql| sql.replace("99999", "9+999"))
        .collect();
    let times = others.len() / cases.len();
    others.into_iter().chain(std::iter::repeat_n(cases, times).flatten()).collect()
}

/// Cuts a text: words, numbers, strings and blanks whole, all else letter by letter.
fn tokens(text: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let run = |kind: fn(char) -> bool| rest.find(|c| !kind(c)).unwrap_or(rest.len());
        let length = if first.is_alphabetic() || first == '_' {
            run(|c| c.is_alphanumeric() || c == '_' || c == '$')
        } else if first.is_ascii_digit() {
            run(|c| c.is_ascii_digit())
        } else if first.is_whitespace() {
            run(char::is_whitespace)
        } else if first == '\'' || first == '"' {
            rest[1..].find(first).map_or(rest.len(), |end| end + 2)
        } else {
            first.len_utf8()
        };
        let (token, after) = rest.split_at(length);
        tokens.push(token);
        rest = after;
    }
    tokens
}
