//! Constants that are arrays, as PostgreSQL writes them: `{a,"b c",NULL}`.

/// The elements of an array constant, those of inner arrays among them; those that are NULL are left out.
/// `None` where the server would refuse the text, or might.
pub(super) fn elements(text: &str) -> Option<Vec<String>> {
    let text = text.trim_matches(SPACE);
    // `[2:3]={a,b}` counts from two.
    let body = if text.starts_with('[') { text.split_once('=')?.1 } else { text };
    let mut rest = body.trim_start_matches(SPACE).strip_prefix('{')?;
    let (mut found, mut depth) = (Vec::new(), 1_usize);
    loop {
        rest = rest.trim_start_matches(SPACE);
        let next = rest.chars().next()?;
        match next {
            '{' => depth = depth.checked_add(1)?,
            '}' => depth = depth.checked_sub(1)?,
            ',' => {}
            _ => {
                let (element, after) = element(rest)?;
                found.extend(element);
                rest = after;
                continue;
            }
        }
        rest = rest.get(1..)?;
        if depth == 0 {
            return rest.trim_matches(SPACE).is_empty().then_some(found);
        }
    }
}

/// One element and what follows it.
fn element(text: &str) -> Option<(Option<String>, &str)> {
    let quoted = text.strip_prefix('"');
    let body = quoted.unwrap_or(text);
    let (mut value, mut escaped) = (String::new(), false);
    // How much of the value is not white space at its end.
    let mut solid = 0_usize;
    let mut characters = body.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' => {
                value.push(characters.next()?.1);
                (escaped, solid) = (true, value.len());
            }
            '"' => {
                let after = body.get(at.checked_add(1)?..)?;
                // Two texts in a row, or a quote in the middle, are an error.
                quoted?;
                return after.trim_start_matches(SPACE).starts_with([',', '}']).then_some((Some(value), after));
            }
            ',' | '}' if quoted.is_none() => {
                value.truncate(solid);
                let null = !escaped && value.eq_ignore_ascii_case("null");
                return Some(((!null).then_some(value), body.get(at..)?));
            }
            '{' if quoted.is_none() => return None,
            other => {
                value.push(other);
                if !SPACE.contains(&other) {
                    solid = value.len();
                }
            }
        }
    }
    None
}

const SPACE: &[char] = &[' ', '\t', '\n', '\r', '\u{b}', '\u{c}'];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn elements_are_read_as_the_server_reads_them() {
        for (text, expected) in [
            ("{secrets}", Some(vec!["secrets"])),
            ("{}", Some(vec![])),
            (" { a , b c } ", Some(vec!["a", "b c"])),
            (r#"{"a,}",b\,c,"d\"e"}"#, Some(vec!["a,}", "b,c", "d\"e"])),
            ("{{a,b},{c,NULL}}", Some(vec!["a", "b", "c"])),
            (r#"{"null",\null,nul}"#, Some(vec!["null", "null", "nul"])),
            ("[0:1]={a,b}", Some(vec!["a", "b"])),
            ("[1:1][0:1] = {{a,b}}", Some(vec!["a", "b"])),
            (r"{a\ }", Some(vec!["a "])),
            ("secrets", None),
            ("{secrets", None),
            ("{secrets}}", None),
            ("{a\"b\"}", None),
            ("{\"a\"b}", None),
            ("{a{b}}", None),
            ("{\"a}", None),
            ("{a\\", None),
            ("", None),
        ] {
            assert_eq!(elements(text), expected.map(|list| list.into_iter().map(str::to_owned).collect()), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_quoted_comes_back(names in proptest::collection::vec(".{0,8}", 0..5)) {
            let quote = |name: &String| format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""));
            let text = format!("{{{}}}", names.iter().map(quote).collect::<Vec<_>>().join(","));
            prop_assert_eq!(elements(&text), Some(names));
        }
    }
}
