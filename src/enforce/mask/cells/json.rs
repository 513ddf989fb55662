//! JSON, masked leaf by leaf. What is not masked stays as it was written, to the byte: no number is read and written again.

use bytes::{BufMut, BytesMut};

use super::detect;
use super::kind::Width;
use super::masker::Masker;
use super::tokenize;

/// Deeper values than the database itself takes.
const DEEPEST: usize = 10_000;
/// Whole numbers that every reader of JSON tells apart.
const EXACT: u64 = (1 << 53) - 1;

/// A JSON Pointer (RFC 6901) whose steps may be `*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pointer(Vec<String>);

impl Pointer {
    pub(super) fn of(path: &str) -> Option<Self> {
        if path.is_empty() {
            return Some(Self(Vec::new()));
        }
        let steps = path.strip_prefix('/')?.split('/');
        Some(Self(steps.map(|step| step.replace("~1", "/").replace("~0", "~")).collect()))
    }
}

/// An array or an object that is open.
struct Frame {
    array: bool,
    index: u64,
    place: Place,
}

/// Where a value is.
#[derive(Clone, Copy)]
struct Place {
    /// The paths that lead here or further, one bit each.
    alive: u64,
    /// Whether one ends here or has ended.
    inside: bool,
}

struct Walk<'t> {
    text: &'t str,
    at: usize,
    /// Up to where the text was written.
    written: usize,
    masker: &'t Masker,
    paths: &'t [Pointer],
    frames: Vec<Frame>,
}

/// Writes the text with its leaves masked: all of them, or those below the paths. `None` where it is no JSON.
pub(super) fn masked(text: &str, masker: &Masker, paths: &[Pointer], out: &mut BytesMut) -> Option<()> {
    let mut walk = Walk { text, at: 0, written: 0, masker, paths, frames: Vec::new() };
    let alive =
        (0..u32::try_from(paths.len()).ok()?).fold(0, |alive, path| alive | 1_u64.checked_shl(path).unwrap_or(0));
    let inside = paths.is_empty() || paths.iter().any(|path| path.0.is_empty());
    walk.value(Place { alive, inside }, out)?;
    loop {
        walk.blanks();
        let Some(frame) = walk.frames.last() else { break };
        let (array, place, index) = (frame.array, frame.place, frame.index);
        let end = if array { b']' } else { b'}' };
        if walk.next_is(end) {
            walk.frames.pop();
            continue;
        }
        if index > 0 && !walk.next_is(b',') {
            return None;
        }
        walk.blanks();
        let below = if array { walk.step(place, &index.to_string()) } else { walk.key(place, out)? };
        walk.frames.last_mut()?.index = index.checked_add(1)?;
        walk.value(below, out)?;
    }
    walk.copy(out);
    (walk.at == text.len()).then_some(())
}

impl<'t> Walk<'t> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn next_is(&mut self, byte: u8) -> bool {
        let is = self.peek() == Some(byte);
        self.at = self.at.saturating_add(usize::from(is));
        is
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at = self.at.saturating_add(1);
        }
    }

    /// What was read and not written.
    fn copy(&mut self, out: &mut BytesMut) {
        out.put_slice(self.text.get(self.written..self.at).unwrap_or_default().as_bytes());
        self.written = self.at;
    }

    fn step(&self, place: Place, name: &str) -> Place {
        let depth = self.frames.len().saturating_sub(1);
        let mut below = Place { alive: 0, inside: place.inside };
        for (bit, path) in (0_u32..).zip(self.paths) {
            let here = 1_u64.checked_shl(bit).unwrap_or(0);
            let fits = path.0.get(depth).is_some_and(|step| step == "*" || step == name);
            if place.alive & here != 0 && fits {
                below.alive |= here;
                below.inside |= path.0.len() == depth.saturating_add(1);
            }
        }
        below
    }

    /// A member's name and its colon.
    fn key(&mut self, place: Place, out: &mut BytesMut) -> Option<Place> {
        let start = self.at;
        let raw = self.string()?;
        let name: String = serde_json::from_str(raw).ok()?;
        if place.inside && matches!(self.masker, Masker::Detect) && detect::finds_any(&name) {
            self.put(start, &self.string_of(&name)?, out);
        }
        self.blanks();
        self.next_is(b':').then(|| self.step(place, &name))
    }

    /// A value; of an array or an object only its beginning.
    fn value(&mut self, place: Place, out: &mut BytesMut) -> Option<()> {
        self.blanks();
        let start = self.at;
        let constant = match self.masker {
            Masker::Null if place.inside => Some("null".to_owned()),
            Masker::Replace(value) if place.inside => Some(value.to_string()),
            Masker::Null
            | Masker::Replace(_)
            | Masker::Redact
            | Masker::Hash(_)
            | Masker::Tokenize(_)
            | Masker::Partial(_)
            | Masker::Email
            | Masker::Detect => None,
        };
        let first = self.peek()?;
        if matches!(first, b'{' | b'[') {
            if let Some(constant) = constant {
                self.skip()?;
                self.put(start, &constant, out);
                return Some(());
            }
            self.at = self.at.checked_add(1)?;
            self.frames.push(Frame { array: first == b'[', index: 0, place });
            return (self.frames.len() <= DEEPEST).then_some(());
        }
        let raw = if first == b'"' { self.string()? } else { self.word()? };
        if !place.inside {
            return Some(());
        }
        let leaf = match constant {
            Some(constant) => constant,
            None => self.leaf(raw)?,
        };
        self.put(start, &leaf, out);
        Some(())
    }

    /// Writes something in the place of what was read since.
    fn put(&mut self, start: usize, text: &str, out: &mut BytesMut) {
        out.put_slice(self.text.get(self.written..start).unwrap_or_default().as_bytes());
        out.put_slice(text.as_bytes());
        self.written = self.at;
    }

    /// A string with its quotes.
    fn string(&mut self) -> Option<&'t str> {
        let start = self.at;
        if !self.next_is(b'"') {
            return None;
        }
        loop {
            match self.peek()? {
                b'"' => break,
                b'\\' => self.at = self.at.checked_add(2)?,
                0..=0x1f => return None,
                _ => self.at = self.at.checked_add(1)?,
            }
        }
        self.at = self.at.checked_add(1)?;
        self.text.get(start..self.at)
    }

    /// A number, `true`, `false` or `null`.
    fn word(&mut self) -> Option<&'t str> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.')) {
            self.at = self.at.saturating_add(1);
        }
        let word = self.text.get(start..self.at)?;
        let number = word.starts_with(|first: char| first == '-' || first.is_ascii_digit());
        (matches!(word, "true" | "false" | "null") || number).then_some(word)
    }

    /// A whole array or object, whatever is in it.
    fn skip(&mut self) -> Option<()> {
        let mut depth = 0_usize;
        loop {
            match self.peek()? {
                b'"' => {
                    self.string()?;
                    continue;
                }
                b'{' | b'[' => depth = depth.checked_add(1)?,
                b'}' | b']' => depth = depth.checked_sub(1)?,
                _ => {}
            }
            self.at = self.at.checked_add(1)?;
            if depth == 0 {
                return Some(());
            }
        }
    }

    fn leaf(&self, raw: &str) -> Option<String> {
        if raw.starts_with('"') {
            return self.string_of(&serde_json::from_str::<String>(raw).ok()?);
        }
        let kept = matches!(self.masker, Masker::Detect);
        Some(match raw {
            "null" => raw.to_owned(),
            "true" | "false" => (if kept { raw } else { "false" }).to_owned(),
            number => self.number(number),
        })
    }

    /// A string's value, masked, as a string.
    fn string_of(&self, value: &str) -> Option<String> {
        let mut masked = BytesMut::new();
        self.masker.text(value, &mut masked);
        serde_json::to_string(std::str::from_utf8(&masked).ok()?).ok()
    }

    fn number(&self, number: &str) -> String {
        match self.masker {
            Masker::Hash(key) => {
                let digest = key.hash(number.as_bytes());
                (digest.first_chunk().copied().map_or(0, u64::from_be_bytes) & EXACT).to_string()
            }
            Masker::Tokenize(key) => {
                number.parse().map_or(0, |number| tokenize::integer(key, Width::Eight, number)).to_string()
            }
            Masker::Detect if !detect::is_found(number) => number.to_owned(),
            Masker::Null
            | Masker::Replace(_)
            | Masker::Redact
            | Masker::Partial(_)
            | Masker::Email
            | Masker::Detect => "0".to_owned(),
        }
    }
}
