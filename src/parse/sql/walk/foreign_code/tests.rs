use super::*;

#[test]
fn a_check_is_harmless_where_all_that_it_calls_is_postgresqls_own() {
    for text in [
        "CHECK ((VALUE ~~ '%@%'::text))",
        "CHECK ((VALUE > 0))",
        "CHECK (((VALUE >= 0.5) AND (VALUE < (100)::numeric)))",
        "CHECK ((length(VALUE) < 10))",
        "CHECK (((VALUE)::text = ANY ((ARRAY['a'::character varying, 'it''s (x)'::character varying])::text[])))",
        "CHECK ((lower((VALUE)::text) = (VALUE)::text))",
    ] {
        assert!(is_harmless_check(text), "{text}");
    }
    for text in [
        "CHECK (public.mine(VALUE))",
        "CHECK ((VALUE OPERATOR(public.===) 'x'::text))",
        "CHECK (mine(VALUE))",
        "CHECK (\"Mine\"(VALUE))",
        "CHECK ((VALUE = 'it''s'::text) AND public.mine(VALUE))",
        "CHECK ((pg_read_file(VALUE) = ''::text))",
        "CHECK ((VALUE = 'open",
        "CHECK (((VALUE)::public.other IS NOT NULL))",
    ] {
        assert!(!is_harmless_check(text), "{text}");
    }
}
