//! Arrays, element by element, in text and in binary.

use bytes::{BufMut, BytesMut};

/// PostgreSQL's own limit.
const MOST_DIMENSIONS: usize = 6;

/// What becomes of one element: its bytes, or NULL where nothing was written and it says so.
pub(super) trait Element {
    /// Writes what stands for an element; `false` for NULL.
    fn element(&self, value: &[u8], out: &mut BytesMut) -> bool;
}

/// `{a,"b c",NULL}`, also with bounds before it. `None` where it is no array.
pub(super) fn text(array: &[u8], element: &impl Element, out: &mut BytesMut) -> Option<()> {
    let start = array.iter().position(|byte| *byte == b'{')?;
    let (bounds, mut rest) = array.split_at_checked(start)?;
    let are_bounds = bounds.starts_with(b"[") && bounds.ends_with(b"]=");
    if !are_bounds && !bounds.is_empty() {
        return None;
    }
    out.put_slice(bounds);
    let mut depth = 0_usize;
    let mut raw = Vec::new();
    loop {
        let (first, after) = rest.split_first()?;
        match first {
            b'{' => depth = depth.checked_add(1).filter(|depth| *depth <= MOST_DIMENSIONS)?,
            b'}' => depth = depth.checked_sub(1)?,
            b',' => {}
            _ => {
                raw.clear();
                let quoted = *first == b'"';
                rest = if quoted { unquoted(after, &mut raw)? } else { bare(rest, &mut raw)? };
                put(&raw, quoted, element, out);
                continue;
            }
        }
        out.put_u8(*first);
        rest = after;
        if depth == 0 {
            return rest.is_empty().then_some(());
        }
    }
}

/// The element behind its first quote; gives what follows the second.
fn unquoted<'a>(mut rest: &'a [u8], raw: &mut Vec<u8>) -> Option<&'a [u8]> {
    loop {
        let (byte, after) = rest.split_first()?;
        rest = match byte {
            b'"' => return Some(after),
            b'\\' => {
                let (byte, after) = after.split_first()?;
                raw.push(*byte);
                after
            }
            byte => {
                raw.push(*byte);
                after
            }
        };
    }
}

fn bare<'a>(rest: &'a [u8], raw: &mut Vec<u8>) -> Option<&'a [u8]> {
    let end = rest.iter().position(|byte| matches!(byte, b',' | b'}' | b'{' | b'"' | b'\\'))?;
    let (element, after) = rest.split_at_checked(end)?;
    raw.extend_from_slice(element);
    matches!(after.first(), Some(b',' | b'}')).then_some(after)
}

fn put(raw: &[u8], quoted: bool, element: &impl Element, out: &mut BytesMut) {
    let mut masked = BytesMut::new();
    let null = !quoted && raw.eq_ignore_ascii_case(b"null");
    let shown = !null && element.element(raw, &mut masked);
    self::quoted(shown.then_some(&masked), out);
}

/// An element as it stands in an array: in quotes where PostgreSQL writes them.
pub(super) fn quoted(element: Option<&[u8]>, out: &mut BytesMut) {
    let Some(element) = element else { return out.put_slice(b"NULL") };
    let is_special = |byte: &u8| matches!(byte, b'"' | b'\\' | b'{' | b'}' | b',' | b' ' | 9..=13);
    if !element.is_empty() && !element.eq_ignore_ascii_case(b"null") && !element.iter().any(is_special) {
        return out.put_slice(element);
    }
    out.put_u8(b'"');
    for byte in element {
        if matches!(byte, b'"' | b'\\') {
            out.put_u8(b'\\');
        }
        out.put_u8(*byte);
    }
    out.put_u8(b'"');
}

/// The same in binary. The elements must be of type `oid`.
pub(super) fn binary(array: &[u8], oid: u32, element: &impl Element, out: &mut BytesMut) -> Option<()> {
    let mut rest = array;
    let mut word = || {
        let (word, after) = rest.split_first_chunk::<4>()?;
        rest = after;
        Some(u32::from_be_bytes(*word))
    };
    let (dimensions, flags, of) = (usize::try_from(word()?).ok()?, word()?, word()?);
    if dimensions > MOST_DIMENSIONS || flags > 1 || of != oid {
        return None;
    }
    let mut count = u32::from(dimensions > 0);
    for _ in 0..dimensions {
        count = count.checked_mul(word()?)?;
        word()?;
    }
    let head = array.len().checked_sub(rest.len())?;
    out.put_slice(array.get(..head)?);
    for _ in 0..count {
        let (length, after) = rest.split_first_chunk::<4>()?;
        let length = i32::from_be_bytes(*length);
        if length == -1 {
            out.put_i32(-1);
            rest = after;
            continue;
        }
        let (value, after) = after.split_at_checked(usize::try_from(length).ok()?)?;
        rest = after;
        let place = out.len();
        out.put_i32(-1);
        if element.element(value, out) {
            let length = out.len().checked_sub(place)?.checked_sub(4)?;
            out.get_mut(place..place.checked_add(4)?)?.copy_from_slice(&i32::try_from(length).ok()?.to_be_bytes());
        }
    }
    rest.is_empty().then_some(())
}
