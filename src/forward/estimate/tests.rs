use serde_json::json;

use super::*;

fn rows(plan: &Value) -> Vec<u8> {
    let row = |value: &[u8]| {
        let length = u32::try_from(value.len()).unwrap();
        [&b"D"[..], &(length + 10).to_be_bytes(), &[0, 1], &length.to_be_bytes(), value].concat()
    };
    [row(b"on"), row(plan.to_string().as_bytes())].concat()
}

fn told(plan: &Value) -> Told {
    Told::read(&rows(plan), None)
}

fn node(kind: &str, rows: f64, plans: Value) -> Value {
    json!({"Node Type": kind, "Plan Rows": rows, "Total Cost": 12.5, "Parent Relationship": "Outer", "Plans": plans})
}

#[test]
fn rows_are_those_that_come_back_or_change_anywhere_in_the_plan() {
    let scan = || node("Seq Scan", 5000.0, json!([]));
    let expects = |rows| Told::Expects { rows, cost: 12.5 };
    assert_eq!(told(&json!([{"Plan": scan()}])), expects(5000));
    assert_eq!(told(&json!([{"Plan": node("Aggregate", 1.0, json!([scan()]))}])), expects(1));
    let delete = node("ModifyTable", 0.0, json!([scan()]));
    assert_eq!(told(&json!([{"Plan": delete}])), expects(5000));
    let mut hidden = delete.clone();
    hidden["Parent Relationship"] = "InitPlan".into();
    assert_eq!(told(&json!([{"Plan": node("Result", 1.0, json!([hidden]))}])), expects(5000));
    let two = json!([{"Plan": scan()}, {"Plan": delete}]);
    assert_eq!(told(&two), Told::Expects { rows: 10_000, cost: 25.0 });
    assert_eq!(told(&json!([{"Plan": node("Seq Scan", 1e300, json!([]))}])), expects(u64::MAX));
}

#[test]
fn what_is_no_whole_plan_says_nothing() {
    let good = rows(&json!([{"Plan": node("Seq Scan", 1.0, json!([]))}]));
    for cut in 0..good.len() {
        assert_eq!(Told::read(&good[..cut], None), Told::Nothing, "{cut}");
    }
    assert_eq!(Told::read(&[good.clone(), good].concat(), None), Told::Nothing);
    let mut deep = node("Append", 1.0, json!([]));
    for _ in 0..=DEEPEST {
        deep = node("Append", 1.0, json!([deep]));
    }
    for bad in [
        json!([]),
        json!(["Utility Statement"]),
        json!({}),
        json!([{"Plan": {"Plan Rows": 1}}]),
        json!([{"Plan": deep}]),
    ] {
        assert_eq!(told(&bad), Told::Nothing, "{bad}");
    }
    for rows in [json!(-1), json!("5"), json!(null)] {
        assert_eq!(told(&json!([{"Plan": {"Plan Rows": rows, "Total Cost": 1}}])), Told::Nothing);
    }
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_read(start in 0_usize..400, bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..64)) {
        let mut all = rows(&json!([{"Plan": node("ModifyTable", 0.0, json!([node("Seq Scan", 2.0, json!([]))]))}]));
        let at = start.min(all.len());
        let end = at.saturating_add(bytes.len()).min(all.len());
        all.splice(at..end, bytes.iter().copied());
        if let Told::Expects { cost, .. } = Told::read(&all, None) {
            proptest::prop_assert!(cost.is_finite() && cost >= 0.0);
        }
        Told::read(&bytes, None);
    }
}

#[test]
fn only_what_the_server_cannot_read_is_refused_for_certain() {
    for (failed, wanted) in [
        (((1, 1), "42P01"), Told::Refuses),
        (((1, 1), "22P02"), Told::Refuses),
        (((1, 1), "57014"), Told::Nothing),
        (((1, 1), "55P03"), Told::Nothing),
        (((1, 1), "42P05"), Told::Nothing),
        (((0, 0), "42501"), Told::Nothing),
        // sidegate's own text was read, and the role may not run it, or somebody has its portal's name.
        (((1, 0), "42501"), Told::Nothing),
        (((1, 0), "42P03"), Told::Nothing),
        (((2, 1), "42501"), Told::Nothing),
        (((2, 1), "22012"), Told::Nothing),
    ] {
        assert_eq!(Told::read(&[], Some(failed)), wanted, "{failed:?}");
    }
}

#[test]
fn each_exchange_ends_with_its_sync_and_the_last_leaves_no_name() {
    let spelled = |within, plans| {
        let question = WhatIf { text: "select $1", types: &[23], parameters: 1, plans, within };
        let bytes = question.exchanges().unwrap();
        let (mut tags, mut rest) = (String::new(), bytes.as_slice());
        while let [tag, a, b, c, d, ..] = rest {
            tags.push(char::from(*tag));
            rest = &rest[1 + u32::from_be_bytes([*a, *b, *c, *d]) as usize..];
        }
        tags
    };
    assert_eq!(spelled(false, true), "PBECCPPBECCSCCCS");
    assert_eq!(spelled(false, false), "PBECCPSCCCS");
    assert_eq!(spelled(true, true), "PBECCSPBECCPPBECCSCCCPBECCPBECCS");
}
