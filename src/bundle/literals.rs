//! What the files of bundles name as columns, in so many words: in policies and in data alike, whatever becomes of it. What
//! rules put together from parts is not found.

use std::iter::Peekable;
use std::str::Chars;

use super::files;
use super::store::Settings;

/// A text in a file that may name a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Literal {
    /// The bundle.
    pub bundle: String,
    /// The file in it.
    pub file: String,
    /// The line, counted from one.
    pub line: u32,
    /// The column, as its author wrote it.
    pub written: Written,
}

/// How a column is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written {
    /// In one text: `schema.table.column`.
    Whole(String),
    /// As OPA's column masks do, `{"schema.table": {"column": {masker: …}}}`.
    Nested {
        /// `schema.table`.
        relation: String,
        /// The column's name.
        column: String,
    },
}

/// What names a masker in OPA's form.
const MASKERS: [&str; 8] = ["null", "replace", "redact", "hash", "tokenize", "partial", "email", "detect"];

/// Every text in the policies and data of the configured bundles that may name a column. What cannot be read names none.
pub fn literals(settings: &Settings) -> Vec<Literal> {
    let mut found = Vec::new();
    for source in &settings.sources {
        let read = files::list(&source.location).and_then(|listing| files::read(&source.location, &listing));
        for file in read.unwrap_or_default() {
            if file.path.ends_with("_test.rego") || !(file.path.ends_with(".rego") || file.path.ends_with("data.json"))
            {
                continue;
            }
            let literal =
                |(line, written)| Literal { bundle: source.name.clone(), file: file.path.clone(), line, written };
            found.extend(written(&file.text).into_iter().map(literal));
        }
    }
    found
}

#[derive(Debug, PartialEq, Eq)]
enum Token {
    Text(u32, String),
    Sign(char),
}

fn written(source: &str) -> Vec<(u32, Written)> {
    let tokens = tokens(source);
    let mut found = Vec::new();
    // Of every open bracket, the text that it is the value of.
    let mut open: Vec<Option<&str>> = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let next = |ahead: usize| tokens.get(at.saturating_add(ahead));
        let begins = next(1) == Some(&Token::Sign(':')) && next(2) == Some(&Token::Sign('{'));
        match token {
            Token::Text(line, text) => {
                let masker = matches!(next(3), Some(Token::Text(_, name)) if MASKERS.contains(&name.as_str()));
                if let (true, true, Some(Some(relation))) = (begins, masker, open.last()) {
                    let (relation, column) = ((*relation).to_owned(), text.clone());
                    found.push((*line, Written::Nested { relation, column }));
                }
                if text.contains('.') {
                    found.push((*line, Written::Whole(text.clone())));
                }
            }
            Token::Sign('{' | '[' | '(') => {
                let before = at.checked_sub(2).and_then(|before| tokens.get(before));
                let of = match (before, at.checked_sub(1).and_then(|before| tokens.get(before))) {
                    (Some(Token::Text(_, text)), Some(Token::Sign(':'))) => Some(text.as_str()),
                    (_, _) => None,
                };
                open.push(of);
            }
            Token::Sign('}' | ']' | ')') => _ = open.pop(),
            Token::Sign(_) => {}
        }
    }
    found
}

/// Texts and signs, without comments and blanks. Words are signs, too: nobody looks at them.
fn tokens(source: &str) -> Vec<Token> {
    let (mut tokens, mut line, mut rest) = (Vec::new(), 1_u32, source.chars().peekable());
    while let Some(c) = rest.next() {
        let begun = line;
        match c {
            '\n' => line = line.saturating_add(1),
            '#' => while rest.next_if(|c| *c != '\n').is_some() {},
            '"' => tokens.push(Token::Text(begun, quoted(&mut rest))),
            '`' => {
                let raw: String = std::iter::from_fn(|| rest.next_if(|c| *c != '`')).collect();
                rest.next();
                line = line.saturating_add(u32::try_from(raw.matches('\n').count()).unwrap_or(u32::MAX));
                tokens.push(Token::Text(begun, raw));
            }
            c if c.is_whitespace() => {}
            c => tokens.push(Token::Sign(c)),
        }
    }
    tokens
}

/// A text in double quotes, after the first. What is not valid names nothing.
fn quoted(rest: &mut Peekable<Chars<'_>>) -> String {
    let mut json = String::from('"');
    while let Some(c) = rest.next_if(|c| *c != '\n') {
        json.push(c);
        match c {
            '"' => break,
            '\\' => json.extend(rest.next_if(|c| *c != '\n')),
            _ => {}
        }
    }
    serde_json::from_str(&json).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(source: &str) -> Vec<(u32, String)> {
        let one = |(line, written)| match written {
            Written::Whole(text) => Some((line, text)),
            Written::Nested { .. } => None,
        };
        written(source).into_iter().filter_map(one).collect()
    }

    #[test]
    fn texts_are_found_wherever_they_stand_and_comments_are_not() {
        let source = "package policies.shop # \"public.no.way\"\n\n\
            mask contains {\"column\": \"public.a.b\", \"with\": {\"null\": {}}}\n\
            pii := {`public.c.\nd`, \"public.\\\"E f\\\".g\\u0068\"}\nx := \"public.i.j";
        let found = [(3, "public.a.b"), (4, "public.c.\nd"), (5, "public.\"E f\".gh")];
        assert_eq!(whole(source), found.map(|(line, text)| (line, text.to_owned())));
        assert_eq!(whole("{\"columns\": [\"s.t.c\"], \"s.t.k\": 1}").len(), 2);
    }

    #[test]
    fn columns_of_opas_form_are_found_below_their_table() {
        let nested = |source: &str| {
            let all = written(source).into_iter();
            all.filter_map(|(line, one)| match one {
                Written::Nested { relation, column } => Some(format!("{line} {relation} {column}")),
                Written::Whole(_) => None,
            })
            .collect::<Vec<_>>()
        };
        let source = "decision := {\"allow\": true, \"mask\": {\"public.a\": {\"b\": {\"replace\": {\"value\": 1}},\n\
            \"c\": {\"null\": {}}}, \"public.d\": {\"e\": {\"partial\": {\"keep_last\": 4}}}}}";
        assert_eq!(nested(source), ["1 public.a b", "2 public.a c", "2 public.d e"]);
        assert_eq!(nested("{\"public.a\": {\"owner\": {\"team\": \"x\"}}, \"b\": [{\"c\": {\"null\": {}}}]}"), [""; 0]);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_looked_through(source in "(?s).{0,200}") {
            written(&source);
        }

        #[test]
        fn a_name_is_found_as_it_was_written(name in "[a-z]{1,5}\\.[a-z\"\\\\ é]{1,5}\\.[a-z]{1,5}") {
            let source = format!("x := [{}]", serde_json::to_string(&name).unwrap());
            proptest::prop_assert_eq!(whole(&source), [(1, name)]);
        }
    }
}
