use super::super::tests::{effects, ids, read};

#[test]
fn each_element_of_an_array_names_a_relation() {
    for sql in [
        "select '{secrets}'::regclass[]",
        "select '{secrets,NULL}'::regclass[]",
        "select cast('{secrets}' as regclass[])",
        "select ('{ SECRETS }')::regclass[]",
        "select '[0:0]={\"secrets\"}'::regclass[]",
        "select array['secrets']::regclass[]",
        "select array['secrets', null]::pg_catalog.regclass[]",
        "select array[array[('secrets')]]::regclass[][]",
    ] {
        let facts = read(sql);
        assert_eq!((ids(&facts), effects(&facts).as_str()), (vec!["public.secrets"], "read"), "{sql}");
    }
    let two = read("select '{secrets,shop.orders}'::regclass[]");
    assert_eq!(ids(&two), ["public.secrets", "shop.orders"]);
}

#[test]
fn an_array_that_may_name_any_relation_is_a_procedure() {
    for sql in [
        "select 'secrets'::regclass[]",
        "select '{secrets'::regclass[]",
        "select '{42}'::regclass[]",
        "select $1::regclass[]",
        "select array[$1]::regclass[]",
        "select array[a]::regclass[] from t",
        "select array['secrets' || '']::regclass[]",
        "select '{secrets}'::text[]::regclass[]",
        "select '{secrets}'::_regclass",
    ] {
        assert!(effects(&read(sql)).contains("procedure"), "{sql}");
    }
}
