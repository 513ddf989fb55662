use super::*;

fn bundle(name: &str, files: &[(&str, &str)]) -> Bundle {
    let file = |(path, text): &(&str, &str)| TextFile { path: (*path).to_owned(), text: (*text).to_owned() };
    Bundle { name: name.to_owned(), files: files.iter().map(file).collect() }
}

fn examine_all(bundles: Vec<Bundle>) -> Result<Checked, Vec<Problem>> {
    examine(Ask { decision: PACKAGES.to_owned(), bundles })
}

fn refusal(bundles: Vec<Bundle>) -> String {
    examine_all(bundles).unwrap_err().iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

const SHOP: &str = "package policies.shop\n\nallow contains \"reads\" if input.sql.effects == [\"read\"]\n";

#[test]
fn a_package_under_policies_is_asked() {
    let checked =
        examine_all(vec![bundle("main", &[("shop.rego", SHOP), (".manifest", r#"{"revision":"r1"}"#)])]).unwrap();
    let Entrypoint::Packages(questions) = checked.entrypoint else { panic!("not packages") };
    assert_eq!(questions.iter().map(|q| q.rule.path.as_str()).collect::<Vec<_>>(), ["data.policies.shop.allow"]);
    assert_eq!(checked.revisions["main"], "r1");
}

#[test]
fn overlapping_roots_of_two_bundles_are_refused() {
    let one = bundle("one", &[(".manifest", r#"{"roots":["policies/shop"]}"#)]);
    let other = bundle("other", &[(".manifest", r#"{"roots":["policies"]}"#)]);
    let text = refusal(vec![one, other]);
    assert!(text.contains("detected overlapping roots in manifests for these bundles: [one, other]"), "{text}");
}

#[test]
fn bundles_with_their_own_roots_may_use_each_other() {
    let one = bundle(
        "one",
        &[
            (".manifest", r#"{"roots":["policies"]}"#),
            ("p.rego", "package policies.p\n\ndeny contains \"no\" if data.shared.closed\n"),
        ],
    );
    let other =
        bundle("other", &[(".manifest", r#"{"roots":["shared"]}"#), ("shared/data.json", r#"{"closed":true}"#)]);
    assert_eq!(examine_all(vec![one, other]).unwrap().data.get(), r#"{"shared":{"closed":true}}"#);
}

#[test]
fn a_package_outside_the_roots_is_refused() {
    let text = refusal(vec![bundle("main", &[(".manifest", r#"{"roots":["other"]}"#), ("shop.rego", SHOP)])]);
    assert!(text.contains("main/shop.rego: package `policies.shop` is outside"), "{text}");
}

#[test]
fn what_belongs_to_sidegate_is_refused_unless_it_is_the_library_itself() {
    let text = refusal(vec![bundle("main", &[("x.rego", "package sidegate.sql\n\nreads_only := true\n")])]);
    assert!(text.contains("main/x.rego:1") && text.contains("sidegate"), "{text}");
    let text = refusal(vec![bundle("main", &[("data.json", r#"{"sidegate":{"sql":{"reads_only":true}}}"#)])]);
    assert!(text.contains("sidegate"), "{text}");
    let (path, source) = library::MODULES[0];
    assert!(examine_all(vec![bundle("main", &[(path, source), ("shop.rego", SHOP)])]).is_ok());
}

#[test]
fn base_data_under_policies_is_refused() {
    let text = refusal(vec![bundle("main", &[("data.json", r#"{"policies":{"shop":{"deny":[]}}}"#)])]);
    assert!(text.contains("policies"), "{text}");
}

#[test]
fn a_failing_test_refuses_the_bundle() {
    let tests = "package policies.shop_test\n\nimport data.policies.shop\n\n\
                 test_reads if count(shop.allow) == 1 with input as {\"sql\": {\"effects\": [\"read\"]}}\n\
                 test_wrong if count(shop.allow) == 7 with input as {}\n";
    let text = refusal(vec![bundle("main", &[("shop.rego", SHOP), ("shop_test.rego", tests)])]);
    assert!(text.contains("the test `data.policies.shop_test.test_wrong` fails"), "{text}");
    assert!(!text.contains("test_reads"), "{text}");
}

#[test]
fn passing_tests_are_counted() {
    let tests = "package policies.shop_test\n\ntest_one if true\n\ntest_two if { 1 + 1 == 2 }\n";
    let checked = examine_all(vec![bundle("main", &[("shop.rego", SHOP), ("shop_test.rego", tests)])]).unwrap();
    assert_eq!(checked.tests, 2);
}

#[test]
fn a_rule_that_takes_too_long_on_an_ordinary_input_is_refused() {
    let slow = "package policies.slow\n\nxs := [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]\n\n\
                deny contains \"slow\" if {\n\tinput.stage\n\tsome a in xs\n\tsome b in xs\n\tsome c in xs\n\tsome d in xs\n\
                \tsome e in xs\n\tsome f in xs\n\tsome g in xs\n\tsome h in xs\n\ta + b + c + d + e + f + g + h == 0\n}\n";
    let text = refusal(vec![bundle("main", &[("slow.rego", slow)])]);
    assert!(text.contains("`data.policies.slow.deny` takes longer than"), "{text}");
}

#[test]
fn another_rule_may_be_the_decision() {
    let files = [("e.rego", "package envoy.authz\n\ndefault allow := false\n\nallow if input.ok\n")];
    let ask = |decision: &str| Ask { decision: decision.to_owned(), bundles: vec![bundle("main", &files)] };
    let Entrypoint::Rule(question) = examine(ask("envoy/authz/allow")).unwrap().entrypoint else { panic!("no rule") };
    assert_eq!(question.path, "data.envoy.authz.allow");
    let problems = examine(ask("envoy/authz/alow")).unwrap_err();
    assert!(problems[0].text.contains("no bundle has a rule of that name"), "{}", problems[0]);
}

#[test]
fn the_samples_are_documents() {
    for sample in SAMPLES {
        assert!(crate::bundle::json::parse(sample).unwrap().is_object());
    }
}

#[test]
fn the_librarys_own_tests_pass() {
    let mut files = Vec::new();
    for (path, text) in library::MODULES
        .into_iter()
        .chain([("sidegate/sql_test.rego", include_str!("../../../../rego/sidegate/sql_test.rego"))])
    {
        files.push(read_module(path, text).unwrap().serving);
    }
    let mut engine = engine::load(files, "{}").unwrap();
    let outlines = outline(&engine).unwrap();
    engine::warm_up(&mut engine, SAMPLE_LIMIT).unwrap();
    assert!(run_tests(&engine, &outlines, &Bundles::new()).unwrap() > 10);
}

#[test]
fn a_denial_in_a_package_of_tests_is_refused() {
    let text =
        refusal(vec![bundle("main", &[("a.rego", "package policies.speed_test\n\ndeny contains \"no\" if true\n")])]);
    assert!(text.contains("would never be asked"), "{text}");
}

#[test]
fn what_opa_would_ignore_or_obey_silently_is_refused_at_its_line() {
    for (source, said) in [
        ("package policies.a\n\ndeny := true\n", "main/a.rego:3"),
        (
            "package policies.a\n\ndeny contains \"no\" if http.send({\"method\": \"get\", \"url\": \"x\"}).ok\n",
            "http.send",
        ),
        ("package policies.a\n\nf(x) := f(x)\n", "main/a.rego:3"),
        ("package policies.a\n\ndeny contains \"no\" if nothing.of(\"kind\")\n", "main/a.rego:3"),
        ("package policies.deny\n\nx := 1\n", "main/a.rego:1"),
        ("package other\n\nlist := 1\n", "main/a.rego:3"),
    ] {
        let text = refusal(vec![bundle("main", &[("a.rego", source), ("data.json", r#"{"other":{"list":[]}}"#)])]);
        assert!(text.contains(said), "{source}: {text}");
    }
}
