//! Any text as a token, any bytes as its parts or as an OAUTHBEARER message: never a panic, and what is taken for a
//! token is one to the letter.
#![no_main]

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use libfuzzer_sys::fuzz_target;
use sidegate::identify::{BearerMessage, Token};

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data)
        && Token::read(text).is_ok()
    {
        assert_eq!(text.bytes().filter(|byte| *byte == b'.').count(), 2);
        assert!(text.len() <= 64 << 10);
    }
    // As parts, so that the inside of a token is reached, too.
    let (header, claims) = data.split_at(data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len()));
    let parts = [header, claims, &data[..data.len().min(64)]].map(|part| URL_SAFE_NO_PAD.encode(part));
    if let Ok(token) = Token::read(&parts.join(".")) {
        let name = format!("\"{}\"", token.algorithm().label());
        assert!(String::from_utf8_lossy(header).contains(&name) || header.contains(&b'\\'));
    }
    if let Ok(message) = BearerMessage::read(data)
        && let Some(token) = message.token()
    {
        assert!(token.bytes().all(|byte| byte.is_ascii_graphic()));
        let again = format!("n,,\u{1}auth=Bearer {token}\u{1}\u{1}");
        assert_eq!(BearerMessage::read(again.as_bytes()).ok().and_then(|message| message.token()), Some(token));
    }
});
