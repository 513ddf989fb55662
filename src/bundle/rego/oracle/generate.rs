//! Programs over a small vocabulary, every shape of head and negation among them, with inputs
//! and data in which any part may be missing.

mod documents;

use std::fmt;

use serde_json::Value;

pub(super) struct Program {
    pub(super) text: String,
    pub(super) rules: Vec<String>,
    pub(super) input: Value,
    pub(super) data: Value,
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\ninput {}\ndata {}", self.text, self.input, self.data)
    }
}

/// SplitMix64: the same seed gives the same programs everywhere.
pub(super) struct Generator {
    state: u64,
    names: usize,
    /// Rules whose value may be used by later ones.
    values: Vec<String>,
    sets: Vec<String>,
    objects: Vec<String>,
    functions: Vec<String>,
}

impl Generator {
    pub(super) fn new(seed: u64) -> Self {
        let lists = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { state: seed, names: 0, values: lists.0, sets: lists.1, objects: lists.2, functions: lists.3 }
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end).expect("small")).expect("small")
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }

    fn fresh(&mut self, prefix: &str) -> String {
        self.names += 1;
        format!("{prefix}{}", self.names)
    }

    // Expressions.

    fn scalar(&mut self) -> String {
        self.pick(&["\"x\"", "\"y\"", "\"eve\"", "5", "1", "0", "true", "false", "null", "\"k1\""]).to_owned()
    }

    /// A reference or scalar; any of them may be undefined.
    fn term(&mut self, vars: &[String]) -> String {
        if self.chance(12) {
            return self.scalar();
        }
        let mut choices: Vec<String> = [
            "input.u",
            "input.n",
            "input.g",
            "input.f",
            "input.zz",
            "input.o.a",
            "input.o.n",
            "input.z",
            "data.base.deny",
            "data.base.n",
            "data.base.m.k1.a",
            "data.base.roles[input.u]",
            "data.base.m[input.o.k].a",
            "input[\"u\"]",
            "data.base.m[input.o.k]",
            "input.t[0].a",
            "input.t[input.n].k",
            "data.more.x",
        ]
        .iter()
        .map(|text| (*text).to_owned())
        .collect();
        choices.extend(self.values.iter().cloned());
        choices.extend(self.values.iter().map(|rule| format!("data.p.{rule}")));
        choices.extend(self.objects.iter().map(|rule| format!("{rule}.x")));
        for var in vars {
            for _ in 0..2 {
                choices.push(var.clone());
            }
            for field in ["a", "b", "s", "k", "n"] {
                choices.push(format!("{var}.{field}"));
            }
            choices.push(format!("data.base.m[{var}.k].a"));
            choices.push(format!("data.base.m[{var}].s"));
            choices.extend(self.objects.iter().map(|rule| format!("{rule}[{var}]")));
        }
        self.pick(&choices)
    }

    fn collection(&mut self, vars: &[String]) -> String {
        let mut choices: Vec<String> = [
            "input.t",
            "input.t",
            "input.g",
            "data.base.deny",
            "data.base.m",
            "data.base.roles[input.u]",
            "input.o",
            "{\"x\", \"y\"}",
        ]
        .iter()
        .map(|text| (*text).to_owned())
        .collect();
        choices.extend(self.sets.iter().cloned());
        choices.extend(self.objects.iter().cloned());
        for var in vars {
            choices.push(format!("{var}.s"));
            choices.push(format!("data.base.m[{var}.k].s"));
        }
        self.pick(&choices)
    }

    fn terms(&mut self, vars: &[String]) -> (String, String) {
        (self.term(vars), self.term(vars))
    }

    fn call(&mut self, vars: &[String], depth: usize) -> String {
        let (a, b) = if depth > 0 && self.chance(30) {
            (self.value(vars, depth - 1), self.term(vars))
        } else {
            self.terms(vars)
        };
        let c = self.collection(vars);
        match self.below(12) {
            0 | 1 => format!("sprintf(\"%v-%v\", [{a}, {b}])"),
            2 => format!("count({c})"),
            3 => format!("object.get(data.base.m, {a}, {b})"),
            4 => format!("startswith({}, \"e\")", self.pick(&["input.u", "input.o.a", "input.zz", "input.o.k"])),
            5 => format!(
                "{} + {}",
                self.pick(&["input.n", "input.o.n", "data.base.n"]),
                self.pick(&["1", "input.n", "input.zz"])
            ),
            6 => format!("is_string({a})"),
            7 => format!("concat(\",\", {})", self.pick(&["input.g", "data.base.deny", "input.zz"])),
            8 => format!(
                "array.concat({}, {})",
                self.pick(&["input.g", "data.base.deny"]),
                self.pick(&["input.g", "input.zz", "[1]"])
            ),
            9 => format!("max([{}, 2])", self.pick(&["input.n", "input.o.n", "input.zz"])),
            10 if !self.functions.is_empty() => format!("{}({a})", self.pick(&self.functions.clone())),
            10 | 11 => format!("upper({})", self.pick(&["input.u", "input.o.a", "input.zz"])),
            _ => format!("json.marshal({a})"),
        }
    }

    /// Anything that has a value.
    fn value(&mut self, vars: &[String], depth: usize) -> String {
        match self.below(10) {
            0..=3 => self.term(vars),
            4 | 5 => self.call(vars, depth),
            6 => {
                let (a, b) = self.terms(vars);
                self.pick(&[format!("[{a}, {b}]"), format!("{{\"q\": {a}, \"r\": {b}}}"), format!("{{{a}, {b}}}")])
            }
            7 if depth > 0 => self.comprehension(vars, depth),
            8 if depth > 0 => {
                let test = if self.chance(50) { self.membership(vars) } else { self.comparison(vars, depth - 1) };
                format!("({test})")
            }
            8 => self.scalar(),
            _ => self.term(vars),
        }
    }

    fn comprehension(&mut self, vars: &[String], depth: usize) -> String {
        let mut inner = vars.to_vec();
        let query = self.query(&mut inner, depth.saturating_sub(1), 2);
        let term = self.value(&inner, 0);
        let term = if term.contains(" + ") { format!("({term})") } else { term };
        match self.below(3) {
            0 => format!("[{term} | {query}]"),
            1 => format!("{{{term} | {query}}}"),
            _ => format!("{{sprintf(\"%v\", [{}]): {term} | {query}}}", self.term(&inner)),
        }
    }

    // Statements.

    fn query(&mut self, vars: &mut Vec<String>, depth: usize, most: usize) -> String {
        let before = vars.len();
        let count = 1 + self.below(most);
        let mut stmts: Vec<String> = (0..count).map(|_| self.stmt(vars, depth)).collect();
        // OPA wants declared variables used.
        let used = vars[before..].to_vec();
        stmts.extend(used.iter().map(|var| format!("{var} == {var}")));
        stmts.join("; ")
    }

    fn stmt(&mut self, vars: &mut Vec<String>, depth: usize) -> String {
        match self.below(20) {
            0..=2 => {
                let (collection, var) = (self.collection(vars), self.fresh("v"));
                if self.chance(25) {
                    let key = self.fresh("w");
                    vars.extend([key.clone(), var.clone()]);
                    format!("some {key}, {var} in {collection}")
                } else {
                    vars.push(var.clone());
                    format!("some {var} in {collection}")
                }
            }
            3 | 4 => {
                let (value, var) = (self.value(vars, depth), self.fresh("v"));
                vars.push(var.clone());
                format!("{var} := {value}")
            }
            5..=7 => self.comparison(vars, depth),
            8 => self.term(vars),
            9 => self.membership(vars),
            10 => {
                let var = self.fresh("i");
                vars.push(var.clone());
                format!("some {var}; {}[{var}]", self.pick(&["input.g", "input.t", "data.base.m", "data.base.deny"]))
            }
            11 if depth > 0 => self.every(vars),
            11 => {
                let (a, b) = (self.fresh("v"), self.fresh("v"));
                let (x, y) = self.terms(vars);
                vars.extend([a.clone(), b.clone()]);
                self.pick(&[
                    format!("[{a}, {b}] := [{x}, {y}]"),
                    format!("some [{a}, {b}] in [[{x}, {y}]]"),
                    format!("{{\"k\": {a}, \"l\": {b}}} := {{\"k\": {x}, \"l\": {y}}}"),
                    format!("some {a}; {b} := input.t[{a}]"),
                    format!("some {a}, {b}; data.base.m[{a}].k = {b}"),
                ])
            }
            12 => self.call(vars, depth),
            13 => {
                let stmt = self.positive(vars, depth);
                // OPA does not ask for the replacements of a constant.
                if stmt.contains('.') { format!("{stmt}{}", self.with(vars)) } else { stmt }
            }
            14..=18 => self.negation(vars, depth),
            _ => self.comparison(vars, depth),
        }
    }

    fn comparison(&mut self, vars: &[String], depth: usize) -> String {
        let op = self.pick(&["==", "==", "!=", "<", "<=", ">", ">="]);
        // The engine puts sets before objects and OPA objects before sets, so nothing that could
        // be either is put in order with the other.
        let ordered = !matches!(op, "==" | "!=");
        let (a, b) = (self.value(vars, depth), if ordered { self.scalar() } else { self.term(vars) });
        // A line that begins with a parenthesis continues the one before, for the engine.
        if self.chance(50) && !a.starts_with('(') { format!("{a} {op} {b}") } else { format!("{b} {op} {a}") }
    }

    fn membership(&mut self, vars: &[String]) -> String {
        let (a, c) = (self.term(vars), self.collection(vars));
        if self.chance(20) { format!("{}, {a} in {c}", self.term(vars)) } else { format!("{a} in {c}") }
    }

    fn every(&mut self, vars: &[String]) -> String {
        let (collection, var) = (self.collection(vars), self.fresh("e"));
        let mut inner = vars.to_vec();
        inner.push(var.clone());
        let key = if self.chance(30) { Some(self.fresh("e")) } else { None };
        inner.extend(key.clone());
        let head = key.as_ref().map_or(var.clone(), |key| format!("{key}, {var}"));
        let query = self.query(&mut inner, 0, 2);
        let used = key.map_or(String::new(), |key| format!("; {key} == {key}"));
        format!("every {head} in {collection} {{ {query}; {var} == {var}{used} }}")
    }

    fn rule_condition(&mut self) -> Option<String> {
        let mut choices = self.values.clone();
        choices.extend(self.sets.iter().map(|rule| format!("count({rule}) == 0")));
        choices.extend(self.sets.iter().map(|rule| format!("{rule}[input.u]")));
        choices.extend(self.objects.iter().map(|rule| format!("{rule}[input.u]")));
        choices.extend(self.objects.iter().map(|rule| format!("data.p.{rule}[input.o.k].a")));
        choices.extend(self.functions.iter().map(|rule| format!("{rule}(input.u)")));
        if choices.is_empty() { None } else { Some(self.pick(&choices)) }
    }

    fn positive(&mut self, vars: &[String], depth: usize) -> String {
        match self.below(3) {
            0 => self.rule_condition().unwrap_or_else(|| self.term(vars)),
            1 => self.comparison(vars, depth),
            _ => self.membership(vars),
        }
    }

    fn with(&mut self, vars: &[String]) -> String {
        let value = self.term(vars);
        match self.below(5) {
            0 => format!(" with input.u as {value}"),
            1 => format!(" with input.o.k as {value}"),
            2 => format!(" with input as {{\"u\": {value}, \"g\": [\"x\"]}}"),
            3 => format!(" with data.base.deny as [{value}]"),
            _ => format!(" with input.n as 1 with input.g as [{value}]"),
        }
    }

    fn negation(&mut self, vars: &[String], depth: usize) -> String {
        let body = match self.below(10) {
            0 => self.rule_condition().unwrap_or_else(|| self.term(vars)),
            1 | 2 => self.comparison(vars, depth),
            3 => self.membership(vars),
            4 => self.call(vars, depth),
            5 => self.term(vars),
            6 if self.chance(50) => format!("data.base.m[{}]", self.value(vars, 0)),
            6 | 7 if !vars.is_empty() && self.chance(50) => {
                let var = self.pick(vars);
                self.pick(&[
                    format!("data.base.m[{var}]"),
                    format!("input.o[{var}]"),
                    format!("data.base.roles[{var}][0]"),
                ])
            }
            6 | 7 => format!(
                "{}[{}] == {}",
                self.pick(&["data.base.m", "input.o", "data.base.roles"]),
                self.term(vars),
                self.term(vars)
            ),
            8 if depth > 0 => format!("{} == {}", self.comprehension(vars, depth), self.value(vars, 0)),
            8 => format!("({}) == {}", self.membership(vars), self.pick(&["true", "false"])),
            _ => format!("count({}) {} {}", self.collection(vars), self.pick(&["==", ">", "<"]), self.term(vars)),
        };
        // OPA 1.22 makes `not true` true.
        let body = if body == "true" { "input.f".to_owned() } else { body };
        let with = if self.chance(12) { self.with(vars) } else { String::new() };
        format!("not {body}{with}")
    }

    // Rules.

    /// ` if …` in one of its spellings.
    fn condition(&mut self, vars: &mut Vec<String>) -> String {
        if self.chance(25) {
            let mut none = Vec::new();
            let stmt = loop {
                let (stmt, known) = (self.stmt(&mut none, 1), none.len());
                if known == 0 && !stmt.starts_with('{') && !stmt.contains("; ") {
                    break stmt;
                }
                none.clear();
            };
            return format!(" if {stmt}");
        }
        let query = self.query(vars, 2, 4);
        if self.chance(30) {
            format!(" if {{\n\t{}\n}}", query.replace("; ", "\n\t"))
        } else {
            format!(" if {{ {query} }}")
        }
    }

    fn function(&mut self, lines: &mut Vec<String>) {
        let name = self.fresh("f");
        let mut vars = vec!["p".to_owned()];
        let condition = self.condition(&mut vars);
        let vars = if condition.contains('{') { vars } else { vec!["p".to_owned()] };
        let value = self.value(&vars, 1);
        let text = match self.below(5) {
            0 => format!("{name}(p) := {}", self.value(&["p".to_owned()], 1)),
            1 => format!("{name}(p){condition}"),
            2 => {
                let mut more = vec!["p".to_owned()];
                let otherwise = self.condition(&mut more);
                format!("{name}(p) := {value}{condition} else := {}{otherwise}", self.value(&["p".to_owned()], 1))
            }
            _ => format!("{name}(p) := {value}{condition}"),
        };
        lines.push(text);
        if self.chance(15) {
            lines.push(format!("default {name}(_) := \"none\""));
        }
        self.functions.push(name);
    }

    fn complete(&mut self, lines: &mut Vec<String>) {
        let name = self.fresh("c");
        if self.chance(40) {
            lines.push(format!("default {name} := {}", self.scalar()));
        }
        let mut vars = Vec::new();
        let condition = self.condition(&mut vars);
        let mut text = match self.below(8) {
            0 => format!("{name} := {}", self.value(&[], 1)),
            1 => format!("{name}{condition}"),
            _ => format!("{name} := {}{condition}", self.value(&vars, 1)),
        };
        if text.contains(" if ") && self.chance(35) {
            let mut vars = Vec::new();
            let condition = self.condition(&mut vars);
            text += &format!(" else := {}{condition}", self.value(&vars, 1));
            if self.chance(40) {
                text += &format!(" else := {}", self.value(&[], 0));
            }
        }
        lines.push(text);
        self.values.push(name);
    }

    fn partial_set(&mut self, lines: &mut Vec<String>) {
        let name = self.fresh("s");
        for _ in 0..1 + self.below(3) {
            let mut vars = Vec::new();
            let condition = if self.chance(10) { String::new() } else { self.condition(&mut vars) };
            lines.push(format!("{name} contains {}{condition}", self.value(&vars, 1)));
        }
        self.sets.push(name);
    }

    fn partial_object(&mut self, lines: &mut Vec<String>) {
        let name = self.fresh("o");
        for _ in 0..1 + self.below(2) {
            let mut vars = Vec::new();
            let condition = self.condition(&mut vars);
            let key = self.term(&vars);
            lines.push(match self.below(5) {
                0 => format!("{name}[\"x\"] := {}{condition}", self.value(&vars, 1)),
                1 => format!("{name}[{key}] := {}{condition}", self.value(&vars, 1)),
                2 => format!("{name}[sprintf(\"%v\", [{key}])] := {}{condition}", self.term(&vars)),
                _ => format!("{name}[{key}] := 1{condition}"),
            });
        }
        self.objects.push(name);
    }

    pub(super) fn program(&mut self) -> Program {
        (self.values, self.sets, self.objects, self.functions) = Default::default();
        self.names = 0;
        let mut lines = vec!["package p\n".to_owned()];
        for _ in 0..2 + self.below(4) {
            match self.below(8) {
                0 | 1 => self.function(&mut lines),
                2..=4 => self.complete(&mut lines),
                5 | 6 => self.partial_set(&mut lines),
                _ => self.partial_object(&mut lines),
            }
        }
        let rules = [&self.values, &self.sets, &self.objects].into_iter().flatten().cloned().collect();
        let (input, data) = self.documents();
        Program { text: lines.join("\n") + "\n", rules, input, data }
    }
}
