//! `${VAR}` in the raw text, as OPA does it: before YAML is read, so a value may carry structure of its own.

use std::collections::BTreeSet;

/// A file's text after substitution, with the way back to the lines that somebody wrote.
#[derive(Debug)]
pub(super) struct Source {
    /// What the YAML reader sees.
    pub(super) text: String,
    /// For each line of `text`, the line of the file it came from.
    lines: Vec<usize>,
    /// The lines of `text` that hold a value from the environment.
    touched: BTreeSet<usize>,
}

impl Source {
    /// Replaces every `${NAME}` that the environment defines; the others stay as they are.
    pub(super) fn substitute(raw: &str, env: &dyn Fn(&str) -> Option<String>) -> Self {
        let mut source = Self { text: String::with_capacity(raw.len()), lines: Vec::new(), touched: BTreeSet::new() };
        for (index, line) in raw.split_inclusive('\n').enumerate() {
            source.line(line, index.saturating_add(1), env);
        }
        source
    }

    /// The file's line for a line of the substituted text.
    pub(super) fn written_at(&self, line: usize) -> usize {
        let last = self.lines.last().copied().unwrap_or(1);
        self.lines.get(line.saturating_sub(1)).copied().unwrap_or(last)
    }

    /// Whether a value from the environment stands in these lines of the substituted text.
    pub(super) fn touches(&self, first: usize, last: usize) -> bool {
        self.touched.range(first..=last.max(first)).next().is_some()
    }

    fn line(&mut self, line: &str, number: usize, env: &dyn Fn(&str) -> Option<String>) {
        let before = self.lines.len();
        let mut out = String::new();
        let mut replaced = false;
        let mut rest = line;
        while let Some((head, tail)) = rest.split_once("${") {
            out.push_str(head);
            let known = tail.split_once('}').and_then(|(name, after)| Some((env(name)?, after)));
            if let Some((value, after)) = known {
                out.push_str(&value);
                replaced = true;
                rest = after;
            } else {
                out.push_str("${");
                rest = tail;
            }
        }
        out.push_str(rest);
        for _ in 0..out.split_inclusive('\n').count() {
            self.lines.push(number);
        }
        if replaced {
            self.touched.extend(before.saturating_add(1)..=self.lines.len());
        }
        self.text.push_str(&out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(name: &str) -> Option<String> {
        match name {
            "A" => Some("one".to_owned()),
            "LINES" => Some("x\n  y\n  z".to_owned()),
            _ => None,
        }
    }

    #[test]
    fn a_defined_variable_is_replaced_and_an_undefined_one_stays() {
        let source = Source::substitute("a: ${A}\nb: ${B} ${ ${}\nc: ${", &env);
        assert_eq!(source.text, "a: one\nb: ${B} ${ ${}\nc: ${");
        assert!(source.touches(1, 1));
        assert!(!source.touches(2, 3));
    }

    #[test]
    fn a_value_is_not_substituted_again() {
        let source = Source::substitute("${X}", &|_| Some("${X}".to_owned()));
        assert_eq!(source.text, "${X}");
    }

    #[test]
    fn a_value_of_many_lines_does_not_move_the_lines_after_it() {
        let source = Source::substitute("a: ${LINES}\nb: 1\n", &env);
        assert_eq!([1, 2, 3, 4].map(|line| source.written_at(line)), [1, 1, 1, 2]);
        assert!(source.touches(3, 3));
        assert!(!source.touches(4, 4));
    }
}
