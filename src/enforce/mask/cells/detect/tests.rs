use super::*;

fn masked(value: &str) -> String {
    let mut out = BytesMut::new();
    text(value, &mut out);
    String::from_utf8(out.to_vec()).unwrap()
}

/// What is between `[` and `]` is found, and nothing else.
fn check(marked: &str) {
    let value: String = marked.chars().filter(|character| !matches!(character, '⟦' | '⟧')).collect();
    let mut inside = false;
    let mut expected = String::new();
    for character in marked.chars() {
        match character {
            '⟦' => inside = true,
            '⟧' => inside = false,
            _ if inside => expected.push('*'),
            character => expected.push(character),
        }
    }
    assert_eq!(masked(&value), expected, "{marked}");
    assert_eq!(finds_any(&value), expected != value, "{marked}");
}

#[test]
fn cards_are_found_by_network_length_and_luhn() {
    for card in [
        "⟦4111111111111111⟧",
        "⟦4111 1111 1111 1111⟧",
        "⟦4111-1111-1111-1111⟧",
        "card ⟦5555555555554444⟧, exp 12/27",
        "⟦378282246310005⟧ ⟦3714 496353 98431⟧",
        "⟦6011111111111117⟧",
        "⟦3056 930902 5904⟧",
        "⟦3530111333300000⟧",
        "⟦2223003122003222⟧",
        "⟦6200000000000005⟧",
        "⟦4222222222222⟧",
        "⟦4111 1111 1111 1111⟧ 123",
        "2026 ⟦4111 1111 1111 1111⟧",
        "⟦４１１１１１１１１１１１１１１１⟧ full-width",
        "⟦4111‐1111‐1111‐1111⟧ with other dashes",
        "⟦4111\u{a0}1111\u{a0}1111\u{a0}1111⟧",
        "größe ⟦4111111111111111⟧ ✓",
    ] {
        check(card);
    }
    for other in [
        "4111111111111112",
        "1234567812345670",
        "41111111111111111111111111",
        "x4111111111111111",
        "4111111111111111x",
        "2026-11-21 21:40:00.123456",
        "1700000000000",
        "ab4111111111111111cd",
    ] {
        check(other);
    }
}

#[test]
fn national_ids_are_found_by_form_and_check_digits() {
    for id in [
        "⟦123-45-6789⟧",
        "ssn ⟦078-05-1120⟧.",
        "⟦219 09 9999⟧",
        "Steuer-ID ⟦86095742719⟧",
        "⟦86 095 742 719⟧",
        "NIR ⟦255081416802538⟧",
        "⟦2 55 08 14 168 025 38⟧",
        "⟦1 84 12 2A 451 089 33⟧",
        "DNI ⟦12345678Z⟧, ⟦12345678-Z⟧",
        "NIE ⟦X1234567L⟧ ⟦Y-1234567-X⟧",
        "⟦111222333⟧",
        "BSN: ⟦111222333⟧",
        "bsn ⟦111.222.333⟧",
        "NINO ⟦AB123456C⟧, ⟦AB 12 34 56 C⟧",
        "⟦RSSMRA85T10A562S⟧ codice fiscale",
        "CPF ⟦529.982.247-25⟧, ⟦52998224725⟧",
    ] {
        check(id);
    }
    for other in [
        "000-45-6789",
        "666-45-6789",
        "900-45-6789",
        "123-00-6789",
        "123-45-0000",
        "86095742718",
        "255081416802539",
        "12345678A",
        "X1234567A",
        "order 111222333 of 5",
        "111222334",
        "GB123456C AB123456E",
        "RSSMRA85T10A562T",
        "529.982.247-26",
        "111.111.111-11",
    ] {
        check(other);
    }
}

#[test]
fn accounts_are_found_by_country_length_and_modulus() {
    for account in [
        "⟦DE89370400440532013000⟧",
        "IBAN ⟦DE89 3704 0044 0532 0130 00⟧ EUR",
        "⟦GB29NWBK60161331926819⟧",
        "⟦gb29 nwbk 6016 1331 9268 19⟧",
        "⟦FR1420041010050500013M02606⟧",
        "⟦NL91ABNA0417164300⟧",
        "⟦NO9386011117947⟧",
    ] {
        check(account);
    }
    for other in ["DE89370400440532013001", "XX89370400440532013000", "DE8937040044053201300", "AB12CD34EF56GH78"] {
        check(other);
    }
}

#[test]
fn addresses_and_telephones_are_found() {
    for contact in [
        "⟦alice@example.com⟧",
        "write to ⟦a.b+c@mail.example.co.uk⟧, or not",
        "<⟦x_y-z@sub.example.org⟧>",
        "⟦müller@bücher.example⟧",
        "⟦+49 30 1234567⟧",
        "⟦+1 (555) 234-5678⟧",
        "call ⟦(555) 234-5678⟧ or ⟦555-234-5678⟧",
        "⟦+442071838750⟧",
        "⟦＋４９３０１２３４５６７⟧",
    ] {
        check(contact);
    }
    for other in [
        "alice at example.com",
        "@example",
        "user@localhost",
        "3.14159265358979",
        "2026-11-21",
        "10.0.0.1",
        "192.168.100.200",
        "12:30:45",
        "550e8400-e29b-41d4-a716-446655440000",
        "version 1.2.3-4",
        "123 456",
        "1,234,567.89",
    ] {
        check(other);
    }
}

#[test]
fn secrets_are_found() {
    let jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U";
    let random = "9xKq3TzWm7LfRb2VnYc8HdPs5JgXeAu4";
    for secret in [
        "⟦AKIAIOSFODNN7EXAMPLE⟧",
        &format!("token ⟦{}_{}⟧ here", "ghp", "16C7e42F292c6912E7710c838347Ae178B4a"),
        &format!("⟦{}-{}⟧", "xoxb", "2345678901-abcdefghijklmnop"),
        &format!("a ⟦{jwt}⟧ b"),
        &format!("⟦{}_live_{}⟧", "sk", "4eC39HqLyjWDarjtT1zdp7dc"),
        "⟦-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----⟧ after",
        "⟦-----BEGIN RSA PRIVATE KEY-----\nMIIB and no end⟧",
        &format!("id ⟦{random}⟧"),
    ] {
        check(secret);
    }
    assert_eq!(masked("password=hunter2hunter2;"), format!("{};", "*".repeat(23)));
    assert_eq!(masked("Bearer abcdefghij0123456789"), "*".repeat(27));
    assert_eq!(masked("postgres://app:hunter2@db.example/orders"), format!("{}/orders", "*".repeat(33)));
    for other in [
        "0123456789abcdef0123456789abcdef01234567",
        "the quick brown fox jumps over the lazy dog",
        "src/enforce/mask/cells/detect/secrets/tests/module",
        "AKIAIOSFODNN7",
        "internationalization_and_localization_of_software",
        "ghp_short",
        "https://example.com/path/to/page",
        "a basic understanding of internationalization",
    ] {
        check(other);
    }
}

#[test]
fn every_pattern_is_one() {
    assert!(documents::are_patterns() && secrets::are_patterns());
}

/// What addresses are looked for without.
fn by_pattern(text: &[u8]) -> Vec<Range<usize>> {
    let pattern = r"(?-u)[A-Za-z0-9.!#$%&'*+/=?^_`{|}~\x80-]+@(?:[A-Za-z0-9\x80](?:[A-Za-z0-9\x80-]*[A-Za-z0-9\x80])?\.)+[A-Za-z\x80]{2,}";
    let pattern = regex::bytes::Regex::new(pattern).unwrap();
    pattern.find_iter(text).map(|found| found.range()).collect()
}

/// All that is looked for, with every pattern asked, whatever the text.
fn by_all_patterns(text: &[u8]) -> Vec<Range<usize>> {
    let mut found = by_pattern(text);
    documents::find_by_pattern(text, &mut found);
    secrets::find_by_pattern(text, &mut found);
    found.sort_by_key(|range| (range.start, range.end));
    found
}

fn by_looking_first(text: &[u8]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    documents::find(text, &mut found);
    secrets::addresses(text, &mut found);
    let signs = Signs::of(text);
    secrets::find(text, signs.longest, signs.has(OPENS), &mut found);
    found.sort_by_key(|range| (range.start, range.end));
    found
}

/// What each of the patterns finds, and what is nearly that.
const FORMS: &str = "-----BEGIN RSA PRIVATE KEY-----|eyJ[A-Za-z0-9_-]{8,9}[.][A-Za-z0-9]{4,5}[.]|(AKIA|ASIA|ABIA|ACCA|AKIB)[A-Z2-7]{15,17}|\
    gh[opusrx]_[A-Za-z0-9]{29,31}|github_pat_[A-Za-z0-9_]{21,23}|gl(pat|dt|rt|cbt|ptt|ft|soat|agent)-[A-Za-z0-9_.-]{19,21}|\
    xox[abceoprs]([.][a-z])?-[A-Za-z0-9-]{9,11}|xapp-[0-9]-[A-Za-z0-9-]{9,11}|hooks[.]slack[.]com/services/[A-Za-z0-9/]{19,21}|\
    AIza[A-Za-z0-9_-]{34,36}|ya29[.][A-Za-z0-9_-]{19,21}|(sk|rk|pk)_(live|test)_[A-Za-z0-9]{9,11}|whsec_[A-Za-z0-9+/=]{19,21}|\
    sk-[A-Za-z0-9_-]{19,21}|npm_[A-Za-z0-9]{29,31}|pypi-[A-Za-z0-9_-]{29,31}|SG[.][A-Za-z0-9_-]{16}[.][A-Za-z0-9_-]{15,17}|\
    hv[sbrt][.][A-Za-z0-9_-]{19,21}|dop_v1_[a-f0-9]{39,41}|AGE-SECRET-KEY-1[A-Z0-9]{49,51}|[Bb]eareR {1,2}[A-Za-z0-9._~+/-]{19,21}=?|\
    [Aa]uthorizatioN: {0,2}[a-z]{1,2} {1,2}[A-Za-z0-9._~+/-]{7,9}|[a-z][a-z+.-]{0,3}://[^ /:@]{0,3}:[^ /@]{0,3}@|\
    (password|Passwd|pwD|secret|token|api_?keY|access-?key|client_secret)[\"']?[ \t\u{b}]{0,2}[:=] ?[\"']?[a-z0-9]{7,9}|\
    [A-Za-z0-9+/_-]{31,40}={0,2}|[a-zA-Z]{2}[0-9]{2}([ -]?[a-zA-Z0-9]){10,16}|[A-Za-z]{2}([ -]?[0-9]{2}){3}[ -]?[a-dA-D]|\
    ([0-9]{8}|[xyzXYZ][ -]?[0-9]{7})[ -]?[a-zA-Z]|[a-zA-Z]{6}[0-9LMNl]{2}[abAB][0-9Mn]{2}[a-zA-Z][0-9vV]{3}[a-zA-Z]|\
    [1-9][ .-]?[0-9]{2}[ .-]?[0-9]{2}[ .-]?2[abAB][ .-]?[0-9]{3}[ .-]?[0-9]{3}[ .-]?[0-9]{2}|DE89370400440532013000|12345678Z|\
    RSSMRA85T10A562S|1 84 12 2A 451 089 33|AB 12 34 56 C|[a-z.+-]{0,4}@[a-z0-9-]{0,4}([.][a-z0-9-]{0,4}){0,3}@?";

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(4_000))]

    #[test]
    fn looking_first_finds_what_every_pattern_finds(
        before in "[ -~\u{80}]{0,3}|", form in FORMS, between in "[ .@=:\"-]?", other in FORMS, after in "[ -~]{0,3}|",
    ) {
        let value = format!("{before}{form}{between}{other}{after}");
        let text = plain(&value);
        proptest::prop_assert_eq!(by_looking_first(&text), by_all_patterns(&text), "{}", value);
    }

    #[test]
    fn addresses_are_those_of_the_pattern(value in "[a-b0@.\\-é_ ]{0,24}") {
        let text = plain(&value);
        let mut found = Vec::new();
        secrets::addresses(&text, &mut found);
        proptest::prop_assert_eq!(found, by_pattern(&text));
    }
}

#[test]
fn looking_takes_time_in_proportion() {
    let pieces = [
        "4111 1111 1111 1112 ",
        "a@",
        "-----BEGIN PRIVATE KEY",
        "eyJhbGciOiJI.",
        "+1-",
        "DE89 3704 ",
        "1 2 3 ",
        "aB3/",
        "x=\"",
        "a.b.c@d.",
    ];
    for piece in pieces {
        let began = std::time::Instant::now();
        let value = piece.repeat(100_000 / piece.len());
        let _ = masked(&value);
        assert!(began.elapsed() < std::time::Duration::from_secs(10), "{piece}: {:?}", began.elapsed());
    }
}

proptest::proptest! {
    #[test]
    fn a_find_is_hidden_and_the_rest_stays(value in "[ -~４é\n]{0,40}(4111111111111111|a@b.co|123-45-6789)?[ -~４é]{0,40}") {
        let masked = masked(&value);
        proptest::prop_assert_eq!(masked.chars().count(), value.chars().count());
        for (before, after) in value.chars().zip(masked.chars()) {
            proptest::prop_assert!(after == before || after == '*');
        }
    }
}
