//! YAML (and so JSON) to a tree of [`Node`]s; what could be read two ways is a problem.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span, StrInput, Tag};

use super::node::{At, Entry, Kind, Node, Scalar};
use super::substitute::Source;

/// Nodes after aliases are expanded: a bomb of anchors ends here.
const MAX_NODES: usize = 50_000;
/// Levels of nesting.
const MAX_DEPTH: usize = 64;

/// Why a text is no configuration: the line of the file, the key if there is one, and what is wrong.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unreadable {
    pub(super) line: usize,
    pub(super) text: String,
}

/// Reads one document. Duplicate keys are collected, anything else ends the reading.
pub(super) fn read(source: &Source) -> Result<Node, Vec<Unreadable>> {
    let mut reader = Reader {
        source,
        parser: Parser::new_from_str(&source.text),
        anchors: BTreeMap::new(),
        nodes: 0,
        duplicates: Vec::new(),
    };
    match reader.document() {
        Ok(node) if reader.duplicates.is_empty() => Ok(node),
        Ok(_) => Err(reader.duplicates),
        Err(problem) => {
            reader.duplicates.push(problem);
            Err(reader.duplicates)
        }
    }
}

struct Reader<'a> {
    source: &'a Source,
    parser: Parser<'a, StrInput<'a>>,
    anchors: BTreeMap<usize, Node>,
    nodes: usize,
    duplicates: Vec<Unreadable>,
}

impl<'a> Reader<'a> {
    fn document(&mut self) -> Result<Node, Unreadable> {
        let mut root = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd | Event::Nothing => {}
                Event::StreamEnd => {
                    return Ok(root.unwrap_or(Node { at: At::Line(1), kind: Kind::Map(Vec::new()) }));
                }
                Event::Scalar(..) | Event::Alias(_) | Event::SequenceStart(..) | Event::MappingStart(..) => {
                    if root.is_some() {
                        return Err(self.unreadable(span, "a second document: one file holds one configuration"));
                    }
                    root = Some(self.node(event, span, 0)?);
                }
                Event::SequenceEnd | Event::MappingEnd => {
                    return Err(self.unreadable(span, "an end without a beginning"));
                }
            }
        }
    }

    fn node(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Node, Unreadable> {
        if depth > MAX_DEPTH {
            return Err(self.unreadable(span, &format!("nested deeper than {MAX_DEPTH} levels")));
        }
        self.count(1, span)?;
        let at = At::Line(self.source.written_at(span.start.line()));
        let (kind, anchor) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                (Kind::Scalar(self.scalar(&text, style, tag.as_deref(), span)?), anchor)
            }
            Event::SequenceStart(anchor, tag) => {
                self.refuse_tag(tag.as_deref(), span)?;
                (self.list(depth)?, anchor)
            }
            Event::MappingStart(anchor, tag) => {
                self.refuse_tag(tag.as_deref(), span)?;
                (self.map(depth)?, anchor)
            }
            Event::Alias(id) => {
                let Some(target) = self.anchors.get(&id).cloned() else {
                    return Err(self.unreadable(span, "an alias inside the value it names"));
                };
                self.count(target.size(), span)?;
                return Ok(target);
            }
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd
            | Event::SequenceEnd
            | Event::MappingEnd => return Err(self.unreadable(span, "a value is missing")),
        };
        let node = Node { at, kind };
        if anchor != 0 {
            self.count(node.size(), span)?;
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn list(&mut self, depth: usize) -> Result<Kind, Unreadable> {
        let mut items = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::SequenceEnd {
                return Ok(Kind::List(items));
            }
            items.push(self.node(event, span, depth.saturating_add(1))?);
        }
    }

    fn map(&mut self, depth: usize) -> Result<Kind, Unreadable> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut merged: Vec<Node> = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::MappingEnd {
                break;
            }
            let key = self.node(event, span, depth.saturating_add(1))?;
            let Kind::Scalar(Scalar { text: key, quoted, hidden }) = key.kind else {
                return Err(self.unreadable(span, "a key must be text"));
            };
            let (event, value_span) = self.next()?;
            let value = self.node(event, value_span, depth.saturating_add(1))?;
            if key == "<<" && !quoted {
                merged.push(value);
            } else if entries.iter().any(|entry| entry.key == key) {
                let name = if hidden { "a key from the environment".to_owned() } else { format!("`{key}`") };
                let problem = self.unreadable(span, &format!("{name} is there twice: keep one"));
                self.duplicates.push(problem);
            } else {
                let at = At::Line(self.source.written_at(span.start.line()));
                entries.push(Entry { key, at, hidden, value });
            }
        }
        for node in merged {
            merge(&mut entries, node);
        }
        Ok(Kind::Map(entries))
    }

    fn scalar(&self, text: &str, style: ScalarStyle, tag: Option<&Tag>, span: Span) -> Result<Scalar, Unreadable> {
        let is_string_tag = tag.is_some_and(|tag| tag.is_yaml_core_schema() && tag.suffix == "str");
        if !is_string_tag {
            self.refuse_tag(tag, span)?;
        }
        Ok(Scalar {
            text: text.to_owned(),
            quoted: is_string_tag || style != ScalarStyle::Plain,
            hidden: self.source.touches(span.start.line(), span.end.line()),
        })
    }

    fn refuse_tag(&self, tag: Option<&Tag>, span: Span) -> Result<(), Unreadable> {
        match tag {
            Some(_) => Err(self.unreadable(span, "YAML tags are not used here: leave it out")),
            None => Ok(()),
        }
    }

    fn count(&mut self, more: usize, span: Span) -> Result<(), Unreadable> {
        self.nodes = self.nodes.saturating_add(more);
        if self.nodes > MAX_NODES {
            return Err(self.unreadable(span, &format!("more than {MAX_NODES} values once aliases are expanded")));
        }
        Ok(())
    }

    fn next(&mut self) -> Result<(Event<'a>, Span), Unreadable> {
        match self.parser.next_event() {
            Some(Ok(pair)) => Ok(pair),
            Some(Err(error)) => Err(self.scan(&error)),
            None => Err(Unreadable { line: 1, text: "it ends in the middle".to_owned() }),
        }
    }

    fn scan(&self, error: &ScanError) -> Unreadable {
        let line = error.marker().line();
        Unreadable { line: self.source.written_at(line), text: format!("not YAML: {}", error.info()) }
    }

    fn unreadable(&self, span: Span, text: &str) -> Unreadable {
        Unreadable { line: self.source.written_at(span.start.line()), text: text.to_owned() }
    }
}

/// YAML's `<<`: what is not there yet is taken over.
fn merge(entries: &mut Vec<Entry>, node: Node) {
    match node.kind {
        Kind::Map(more) => {
            for entry in more {
                if !entries.iter().any(|own| own.key == entry.key) {
                    entries.push(entry);
                }
            }
        }
        Kind::List(nodes) => nodes.into_iter().for_each(|node| merge(entries, node)),
        Kind::Scalar(_) => {}
    }
}

#[cfg(test)]
mod tests;
