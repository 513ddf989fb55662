//! Which tokens a reference to a relation is made of. The tree says where the name begins and whether an alias or a
//! sample follows; the rest is counted in our own tokens, and where both do not agree there is no place.

use std::ops::Range;

use sqlparser::ast::{Ident, ObjectName, TableAlias};
use sqlparser::tokenizer::Location;

use super::guard::Places;
use super::lexer::{Kind, Lexeme};
use super::tokens::name;
use crate::parse::reference::{Place, Reference, Role};

/// Where the tree says that a relation is named.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spot {
    first: Location,
    alias: Option<Location>,
    parts: usize,
    sampled: bool,
}

impl Spot {
    /// `None` for names that are in no text.
    pub(super) fn of(name: &ObjectName, alias: Option<&TableAlias>, sampled: bool) -> Option<Self> {
        let start = |ident: &Ident| (ident.span.start.line > 0).then_some(ident.span.start);
        let first = start(name.0.first()?.as_ident()?)?;
        let alias = match alias {
            Some(alias) => Some(start(&alias.name)?),
            None => None,
        };
        Some(Self { first, alias, parts: name.0.len(), sampled })
    }
}

/// References with their tokens.
pub(super) fn placed(text: &str, lexemes: &[Lexeme], mut references: Vec<(Reference, Option<Spot>)>) -> Vec<Reference> {
    references.sort_by_key(|(_, spot)| spot.map(|spot| (spot.first.line, spot.first.column)));
    let mut places = Places::new(text);
    let mut found = Vec::with_capacity(references.len());
    for (reference, spot) in references {
        let place = spot.and_then(|spot| {
            let byte = places.byte(spot.first);
            // The alias stands behind: what is asked of places goes on from there, so that it has a walk of its own.
            let alias = spot.alias.map(|alias| places.clone().byte(alias));
            place(&Text { text, lexemes }, byte, alias, spot, reference.role)
        });
        let last = |place: &Place| lexemes.get(place.name.end.checked_sub(1)?);
        let place = place.filter(|place| {
            last(place).and_then(|lexeme| name(text, lexeme)).is_some_and(|name| name == reference.name)
        });
        found.push(Reference { place, ..reference });
    }
    found
}

struct Text<'t> {
    text: &'t str,
    lexemes: &'t [Lexeme],
}

fn place(text: &Text<'_>, byte: usize, alias: Option<usize>, spot: Spot, role: Role) -> Option<Place> {
    let name = text.name(text.at(byte)?)?;
    if name.len() != spot.parts.checked_mul(2)?.checked_sub(1)? {
        return None;
    }
    let before = |back: usize| name.start.checked_sub(back);
    let word = |at: Option<usize>, word: &str| at.is_some_and(|at| text.is_word(at, word));
    let mut whole = name.clone();
    let mut only = word(before(1), "only");
    if only {
        whole.start = before(1)?;
    } else if word(before(2), "only") && before(1).is_some_and(|at| text.is_mark(at, "(")) {
        let last = whole.end;
        if !text.is_mark(last, ")") {
            return None;
        }
        only = true;
        whole = before(2)?..last.checked_add(1)?;
    } else if text.is_star(whole.end) {
        // `t *`: what inherits from it is meant as well, as it is without.
        whole.end = whole.end.checked_add(1)?;
    }
    let mut end = whole.end;
    let alias = match alias {
        None => None,
        Some(byte) => {
            let at = text.at(byte)?;
            if at != end && !(text.is_word(end, "as") && Some(at) == end.checked_add(1)) {
                return None;
            }
            end = at.checked_add(1)?;
            if text.is_mark(end, "(") && role == Role::Read {
                end = text.closed(end)?;
            }
            Some(at)
        }
    };
    let sample = text.sample(end);
    if spot.sampled != sample.is_some() {
        return None;
    }
    let is_query = role == Role::Read && word(whole.start.checked_sub(1), "table");
    Some(Place { whole, name, only, is_query, alias, sample })
}

impl Text<'_> {
    /// The token that begins at that byte.
    fn at(&self, byte: usize) -> Option<usize> {
        self.lexemes.binary_search_by_key(&byte, |lexeme| lexeme.start).ok()
    }

    fn is_word(&self, at: usize, word: &str) -> bool {
        self.lexemes.get(at).is_some_and(|lexeme| lexeme.is_word(self.text, word))
    }

    fn is_mark(&self, at: usize, mark: &str) -> bool {
        self.lexemes.get(at).is_some_and(|lexeme| lexeme.is_mark(self.text, mark))
    }

    fn is_star(&self, at: usize) -> bool {
        self.lexemes.get(at).is_some_and(|lexeme| match lexeme.kind() {
            Kind::Operator => lexeme.of(self.text) == "*",
            Kind::Word | Kind::Quoted | Kind::Constant | Kind::Parameter | Kind::Punctuation => false,
        })
    }

    /// The name, qualified or not, that begins there.
    fn name(&self, start: usize) -> Option<Range<usize>> {
        let is_name = |at: usize| {
            self.lexemes.get(at).is_some_and(|lexeme| match lexeme.kind() {
                Kind::Word | Kind::Quoted => true,
                Kind::Constant | Kind::Parameter | Kind::Operator | Kind::Punctuation => false,
            })
        };
        if !is_name(start) {
            return None;
        }
        let mut end = start.checked_add(1)?;
        while self.is_mark(end, ".") && is_name(end.checked_add(1)?) {
            end = end.checked_add(2)?;
        }
        Some(start..end)
    }

    /// One past the bracket that closes the one there.
    fn closed(&self, open: usize) -> Option<usize> {
        let mut depth = 0_usize;
        for (at, lexeme) in self.lexemes.iter().enumerate().skip(open) {
            if lexeme.is_mark(self.text, "(") {
                depth = depth.saturating_add(1);
            } else if lexeme.is_mark(self.text, ")") {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return at.checked_add(1);
                }
            }
        }
        None
    }

    fn sample(&self, start: usize) -> Option<Range<usize>> {
        if !self.is_word(start, "tablesample") {
            return None;
        }
        let method = self.name(start.checked_add(1)?)?;
        let mut end = self.closed(method.end).filter(|_| self.is_mark(method.end, "("))?;
        if self.is_word(end, "repeatable") {
            let seed = end.checked_add(1)?;
            end = self.closed(seed).filter(|_| self.is_mark(seed, "("))?;
        }
        Some(start..end)
    }
}

#[cfg(test)]
mod tests {
    use super::super::reading::{Encoding, Names, Quoting, Reading, ReadingLimits, Remembered};
    use super::super::{lexer, read};
    use super::*;

    /// Role, name, and what is replaced where it is read, of each reference.
    fn references(text: &str) -> Vec<String> {
        let nothing = Remembered::new();
        let reading = Reading {
            quoting: Quoting::Standard,
            encoding: Encoding::Safe,
            names: Names::Certain { schema: "public".into() },
            read_only: true,
            limits: ReadingLimits::default(),
            prepared: &nothing,
            cursors: &nothing,
        };
        let facts = read::read(text, None, &reading).facts;
        assert!(facts.unparsed.is_none(), "{text}");
        let lexemes = lexer::lex(text).unwrap();
        let of = |range: &Range<usize>| text.get(lexemes[range.start].start..lexemes[range.end - 1].end).unwrap();
        let spell = |reference: &Reference| match &reference.place {
            None => format!("{:?} {} nowhere", reference.role, reference.relation),
            Some(place) => {
                let alias = place.alias.map_or("", |at| lexemes[at].of(text));
                let sample = place.sample.as_ref().map_or("", of);
                let rest = format!("{alias}|{sample}|{}{}", u8::from(place.only), u8::from(place.is_query));
                format!("{:?} {} {}|{rest}", reference.role, reference.relation, of(&place.whole))
            }
        };
        facts.references.iter().map(spell).collect()
    }

    #[test]
    fn each_reference_has_its_own_tokens() {
        for (text, expected) in [
            ("select 1 from t", vec!["Read public.t t|||00"]),
            ("select 'ä', 1 from/**/\"Ä b\".\"t\"as x(t)", vec!["Read \"Ä b\".t \"Ä b\".\"t\"|x||00"]),
            (
                "select t from only (t) x tablesample system (1) repeatable (2)",
                vec!["Read public.t only (t)|x|tablesample system (1) repeatable (2)|10"],
            ),
            ("select 1 from t*, (select 2 from u * as x)", vec!["Read public.t t*|||00", "Read public.u u *|x||00"]),
            ("select 1 from s.t * x join u/**/* y on true", vec!["Read s.t s.t *|x||00", "Read public.u u/**/*|y||00"]),
            (
                "select 1 from t* x tablesample system (1) repeatable (1 + 2 * 3)",
                vec!["Read public.t t*|x|tablesample system (1) repeatable (1 + 2 * 3)|00"],
            ),
            ("select 1 from only t", vec!["Read public.t only t|||10"]),
            ("table t union all table only u", vec!["Read public.t t|||01", "Read public.u only u|||11"]),
            ("with t as (select * from t) select * from t, u t", vec!["Read public.t t|||00", "Read public.u u|t||00"]),
            ("update t as x set a = 1 from t y", vec!["Target public.t t|x||00", "Read public.t t|y||00"]),
            ("insert into t as x (a) select a from u", vec!["Target public.t t|x||00", "Read public.u u|||00"]),
            ("delete from only t using u", vec!["Target public.t only t|||10", "Read public.u u|||00"]),
            (
                "merge into t using u on true when matched then delete",
                vec!["Target public.t t|||00", "Read public.u u|||00"],
            ),
            ("copy t (a) to stdout (format csv)", vec!["CopyOut public.t t|||00"]),
            ("copy t from stdin", vec!["Target public.t t|||00"]),
            ("truncate t", vec!["Named public.t nowhere"]),
            ("select 't'::regclass", vec![]),
            ("prepare p as select 1 from t; execute p", vec!["Elsewhere public.t nowhere", "Read public.t t|||00"]),
            (
                "select 1 from a join b on (select true from c) ; select 1 from d",
                vec!["Read public.a a|||00", "Read public.b b|||00", "Read public.c c|||00", "Read public.d d|||00"],
            ),
        ] {
            assert_eq!(references(text), expected, "{text}");
        }
    }
}
