use super::*;

fn place(schema: Option<&str>, name: &str) -> Place {
    (schema.map(str::to_owned), name.to_owned())
}

#[test]
fn a_name_is_told_with_its_schema() {
    let mut defined = Definitions::relations([place(Some("a"), "t")]);
    assert!(defined.touch_relation(&["a"], "t") && defined.touch_relation(&["b", "a"], "t"));
    assert!(!defined.touch_relation(&["b"], "t") && !defined.touch_relation(&["a"], "u"));
    assert!(defined.touch_type(&["a"], "t") && !defined.touch_function(&["a"], "t"));
    defined.extend(&Definitions::relations([place(None, "u"), place(Some("pg_catalog"), "v")]));
    assert!(defined.touch_relation(&["b"], "u") && defined.touch_relation(&["b"], "v"));
    defined.extend(&Definitions::schemas(["s".to_owned()]));
    assert!(defined.touch_operator(&["a", "s"], "=") && !defined.touch_operator(&["a"], "="));
    assert!(Definitions::types([place(None, "mood")]).touch_function(&["a"], "mood"));
    let everything = Definitions::everything();
    assert!(everything.touch_relation::<&str>(&[], "x") && everything.touch_operator::<&str>(&[], "="));
}

#[test]
fn what_moves_anything_is_not_empty() {
    let one = || [place(None, "x")];
    let all = [
        Definitions::everything(),
        Definitions::every_function(),
        Definitions::relations(one()),
        Definitions::table("1".to_owned(), place(None, "x"), true),
        Definitions::referenced(one()),
        Definitions::functions(one()),
        Definitions::types(one()),
        Definitions::operators(one()),
        Definitions::schemas(["x".to_owned()]),
        Definitions::computed(one()),
    ];
    for defined in &all {
        assert!(!defined.is_empty() && *defined != Definitions::default(), "{defined:?}");
    }
    assert!(Definitions::default().is_empty() && Definitions::relations([]).is_empty());
    let different: std::collections::HashSet<_> = all.iter().collect();
    assert_eq!(different.len(), all.len());
}

#[test]
fn what_keys_refer_to_keeps_its_name() {
    let mut defined = Definitions::relations([place(Some("a"), "orders")]);
    defined.extend(&Definitions::referenced([place(Some("a"), "customers"), place(None, "items")]));
    assert!(defined.touch_referenced(&["a"], "customers") && defined.touch_referenced(&["b"], "items"));
    assert!(!defined.touch_relation(&["a"], "customers") && !defined.touch_referenced(&["b"], "customers"));
    assert!(Definitions::everything().touch_referenced(&["a"], "customers"));
    defined.extend(&Definitions::computed([place(Some("a"), "people")]));
    assert!(defined.touch_computed(&["a"], "people") && !defined.touch_relation(&["a"], "people"));
}

#[test]
fn event_triggers_are_told_apart_from_names() {
    let mut defined = Definitions::everything();
    assert!(!defined.touch_event_triggers());
    defined.extend(&Definitions::everything_and_event_triggers());
    defined.extend(&Definitions::schemas((0..=MANY).map(|number| number.to_string())));
    assert!(defined.touch_event_triggers() && defined.without_tables().touch_event_triggers());
}

#[test]
fn too_many_names_are_all_names_of_that_kind() {
    let mut defined = Definitions::default();
    assert!(defined.is_empty() && !defined.touch_relation(&["a"], "a") && !defined.reach_far());
    defined.extend(&Definitions::functions([place(None, "f")]));
    for number in 0..MANY {
        defined.extend(&Definitions::relations([place(Some("s"), &number.to_string())]));
    }
    assert!(!defined.touch_relation(&["s"], "b") && !defined.is_everything());
    defined.extend(&Definitions::relations([place(Some("s"), "one more")]));
    assert!(defined.touch_relation(&["s"], "b") && !defined.touch_function(&["s"], "b") && defined.reach_far());
    assert_eq!(defined.relation_names().count(), 0);
}

#[test]
fn a_table_just_made_is_one_until_something_else_is_done_to_it() {
    let table = || Definitions::table("public.t".to_owned(), place(Some("public"), "t"), true);
    let mut defined = table();
    defined.extend(&Definitions::table("public.u".to_owned(), place(Some("public"), "u"), false));
    defined.extend(&Definitions::relations([place(None, "other")]));
    assert_eq!((defined.new_table("public.t"), defined.new_table("public.u")), (Some(true), Some(false)));
    assert!(defined.touch_relation(&["public"], "t"));
    let schema = Definitions::schemas(["public".to_owned()]);
    for after in [Definitions::relations([place(None, "t")]), Definitions::everything(), schema] {
        let mut defined = table();
        defined.extend(&after);
        assert_eq!(defined.new_table("public.t"), None, "{after:?}");
    }
    assert_eq!(table().without_tables().new_table("public.t"), None);
}

#[test]
fn a_table_that_something_is_done_to_beside_others_just_made_is_no_longer_one() {
    let mut defined = Definitions::table("public.t".to_owned(), place(Some("public"), "t"), true);
    let mut others = Definitions::relations([place(Some("public"), "t")]);
    for schema in ["a", "b", "c"] {
        others.extend(&Definitions::table(format!("{schema}.u"), place(Some(schema), "u"), true));
    }
    defined.extend(&others);
    assert_eq!((defined.new_table("public.t"), defined.new_table("a.u")), (None, Some(true)));
}

#[test]
fn tables_just_made_are_not_told_apart_among_too_many_names() {
    let mut defined = Definitions::default();
    let mut weighs = 0;
    for number in 0..=2 * MANY {
        let name = format!("t{number}");
        defined.extend(&Definitions::table(format!("public.{name}"), place(Some("public"), &name), true));
        weighs = weighs.max(defined.weight());
    }
    assert_eq!(defined.new_table("public.t0"), None, "it may be anything by now");
    assert!(weighs < MANY * 512 && defined.weight() == 0, "{weighs}");
    assert!(defined.touch_relation(&["public"], "t0"));
}
