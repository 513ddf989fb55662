//! One message, whole: what is inspected, recorded and sent is the same slice.

use bytes::Bytes;

/// One tagged message: tag, length and body, exactly as it came or will be sent.
#[derive(Clone, PartialEq, Eq)]
pub struct Frame(Bytes);

impl Frame {
    /// Wraps bytes that are one whole message. `None` if the length word does not say so.
    pub fn whole(bytes: Bytes) -> Option<Self> {
        let length = bytes.get(1..5).and_then(|word| word.try_into().ok()).map(u32::from_be_bytes)?;
        (usize::try_from(length).ok()?.checked_add(1)? == bytes.len()).then_some(Self(bytes))
    }

    /// Builds a message from its tag and body. `None` if the body is longer than the protocol can say.
    pub fn build(tag: u8, body: &[u8]) -> Option<Self> {
        let length = i32::try_from(body.len().checked_add(4)?).ok()?;
        let mut bytes = Vec::with_capacity(body.len().checked_add(5)?);
        bytes.push(tag);
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(body);
        Some(Self(bytes.into()))
    }

    /// The tag byte.
    pub fn tag(&self) -> u8 {
        self.0.first().copied().unwrap_or_default()
    }

    /// What follows the length word.
    pub fn body(&self) -> &[u8] {
        self.0.get(5..).unwrap_or_default()
    }

    /// The whole message.
    pub fn bytes(&self) -> &Bytes {
        &self.0
    }
}

/// Bodies are passwords, tokens and values: none is for a log.
impl std::fmt::Debug for Frame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let tag = char::from(self.tag());
        f.debug_struct("Frame").field("tag", &tag).field("length", &self.0.len()).finish_non_exhaustive()
    }
}
