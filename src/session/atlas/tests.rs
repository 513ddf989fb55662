use super::*;
use crate::catalog::{Builder, Table};
use crate::session::postgres::stub::Session;

fn snapshot(schema: &str) -> Arc<Snapshot> {
    with_backends(schema, &[])
}

fn with_backends(schema: &str, backends: &[&str]) -> Arc<Snapshot> {
    let mut builder = Builder::default();
    let mut row = |table, row: &[&str]| {
        let values: Vec<_> = row.iter().map(|text| Some(text.as_bytes())).collect();
        builder.row(table, &values).unwrap();
    };
    row(Table::Server, &["150000", "shop", "app", "10", "f", "UTF8"]);
    row(Table::Namespaces, &["7", schema, "t", "t"]);
    for (oid, name) in [("100", "parts"), ("101", "part"), ("102", "orders")] {
        row(Table::Relations, &[oid, "7", name, "r", "10", "0", "f", "f", "f", "f"]);
    }
    backends.iter().for_each(|process| row(Table::Backends, &[process]));
    row(Table::Inheritance, &["100", "101"]);
    Arc::new(builder.finish().unwrap())
}

fn relation(name: &str) -> Definitions {
    Definitions::relations([(Some("a".to_owned()), name.to_owned())])
}

fn touches(page: &Page, name: &str) -> bool {
    page.known().unwrap().defined.touch_relation(&["a"], name)
}

#[test]
fn what_is_known_is_relied_on_until_it_is_old() {
    let (page, now) = (Page::new("shop"), Instant::now());
    let trust = |after: Duration| page.known_at(now + after).map(|seen| seen.trust);
    assert_eq!(trust(Duration::ZERO), None);
    page.take(snapshot("a"), 0, now);
    assert_eq!(trust(OLD), Some(Trust::Recent));
    assert_eq!(trust(OLD + keeper::PAUSE), Some(Trust::Outdated));
}

#[test]
fn what_somebody_defines_is_not_relied_on_until_somebody_has_looked() {
    let (page, now) = (Page::new("shop"), Instant::now());
    page.take(snapshot("a"), 0, now);
    let before = page.stamp();
    page.changed(&relation("orders"));
    assert!(touches(&page, "orders") && !touches(&page, "other"), "the others are what they were");
    assert_ne!(page.stamp(), before);
    page.take(snapshot("a"), 0, now);
    assert!(touches(&page, "orders"), "that look began before the change");
    page.take(snapshot("a"), 1, now);
    assert!(!touches(&page, "orders"));
    page.changed(&Definitions::functions([(None, "f".to_owned())]));
    assert!(page.known().unwrap().defined.touch_function(&["a"], "f") && !touches(&page, "orders"));
    page.changed(&Definitions::default());
    assert!(page.is_wished());
}

#[test]
fn what_changes_a_table_changes_what_inherits_from_it() {
    let page = Page::new("shop");
    page.take(snapshot("a"), 0, Instant::now());
    page.changed(&relation("parts"));
    assert!(touches(&page, "parts") && touches(&page, "part") && !touches(&page, "orders"));
}

#[test]
fn a_storm_of_definitions_takes_no_more_room_than_a_few() {
    let page = Page::new("shop");
    page.take(snapshot("a"), 0, Instant::now());
    for number in 0..1_000 {
        page.changed(&relation("churn"));
        page.changed(&relation(&format!("t{}", number % 100)));
    }
    assert!(page.unsettled.lock().made.len() <= APART + 1);
    assert!(touches(&page, "churn") && touches(&page, "t99") && !touches(&page, "orders"));
    let many = (0..10_000).map(|number| (Some("b".to_owned()), format!("u{number}")));
    page.changed(&Definitions::relations(many));
    assert!(touches(&page, "orders"), "too many are all");
    page.take(snapshot("a"), page.asked.load(Ordering::Acquire), Instant::now());
    assert!(page.known().unwrap().defined.is_empty());
}

#[test]
fn a_storm_of_definitions_of_many_names_takes_no_more_room_than_a_few() {
    let page = Page::new("shop");
    for storm in 0..APART {
        let many = |number: usize| (Some("b".to_owned()), format!("u{storm}.{number}"));
        page.changed(&Definitions::relations((0..Definitions::MANY).map(many)));
        let weight: usize = page.unsettled.lock().made.iter().map(|(_, defined)| defined.weight()).sum();
        assert!(weight <= HEAVY, "{weight}");
    }
    assert!(page.defined.load().is_everything());
}

#[test]
fn what_may_be_done_at_any_moment_is_not_settled_by_a_look() {
    let page = Arc::new(Page::new("shop"));
    page.take(snapshot("a"), 0, Instant::now());
    let hold = page.hold(&relation("orders"), &Arc::default());
    page.take(snapshot("a"), page.asked.load(Ordering::Acquire), Instant::now());
    assert!(touches(&page, "orders"));
    drop(hold);
    assert!(touches(&page, "orders"), "nobody has looked since");
    page.take(snapshot("a"), page.asked.load(Ordering::Acquire), Instant::now());
    assert!(!touches(&page, "orders"));
}

#[test]
fn what_a_dead_session_left_running_is_held_until_its_process_is_gone() {
    let (page, now) = (Page::new("shop"), Instant::now());
    page.take(with_backends("a", &["77"]), 0, now);
    page.orphan(&relation("orders"), 77);
    let look = |backends: &[&str]| page.take(with_backends("a", backends), page.asked.load(Ordering::Acquire), now);
    for _ in 0..3 {
        look(&["5", "77"]);
        assert!(touches(&page, "orders") && page.has_orphans());
    }
    look(&["5"]);
    assert!(touches(&page, "orders") && !page.has_orphans(), "it may have ended behind that look");
    look(&["5"]);
    assert!(!touches(&page, "orders"));
}

#[test]
fn what_a_dead_session_left_running_is_held_where_nobody_says_whether_it_is_gone() {
    let (page, now) = (Page::new("shop"), Instant::now());
    page.take(snapshot("a"), 0, now);
    page.orphan(&relation("orders"), 77);
    for _ in 0..3 {
        page.take(snapshot("a"), page.asked.load(Ordering::Acquire), now);
        assert!(touches(&page, "orders") && page.has_orphans() && page.unsettled.lock().untold);
    }
    page.take(with_backends("a", &["5"]), page.asked.load(Ordering::Acquire), now);
    assert!(touches(&page, "orders") && !page.has_orphans());
}

#[tokio::test]
async fn who_leaves_names_of_others_uncertain_for_too_long_is_ended() {
    let page = Arc::new(Page::new("shop"));
    page.take(snapshot("a"), 0, Instant::now());
    let [own, far] = [Arc::<Notify>::default(), Arc::default()];
    let _holds = [page.hold(&relation("orders"), &own), page.hold(&Definitions::schemas(["a".to_owned()]), &far)];
    let rung = |bell: Arc<Notify>| async move { timeout(Duration::ZERO, bell.notified()).await.is_ok() };
    page.end_overdue(Instant::now() + HELD - INTERVAL);
    assert!(!rung(Arc::clone(&far)).await);
    page.end_overdue(Instant::now() + HELD + keeper::PAUSE);
    assert!(rung(far).await && !rung(own).await, "who changes a table holds its lock, too");
}

#[tokio::test]
async fn whoever_keeps_a_page_ends_what_is_overdue_though_no_look_succeeds() {
    let (atlas, over) = (Atlas::default(), Arc::new(Notify::new()));
    let page = atlas.page("shop");
    let _hold = page.hold(&Definitions::schemas(["a".to_owned()]), &over);
    for held in &mut page.unsettled.lock().held {
        held.since = held.since.checked_sub(HELD + keeper::PAUSE).unwrap();
    }
    let (session, metrics) = (Session::open(), Metrics::new());
    let keeping = atlas.keep(&session.lane().connector, &session.lane().listener.name, &metrics);
    tokio::select! {
        () = keeping => panic!("it keeps it"),
        rung = timeout(Duration::from_secs(20), over.notified()) => rung.unwrap(),
    }
}

#[test]
fn a_catalog_that_says_the_same_stays_the_same() {
    let page = Page::new("shop");
    page.take(snapshot("a"), 0, Instant::now());
    let before = page.stamp();
    page.take(snapshot("a"), 0, Instant::now());
    assert_eq!(page.stamp(), before);
    page.take(snapshot("b"), 0, Instant::now());
    assert_ne!(page.stamp(), before);
}

#[tokio::test]
async fn nobody_waits_twice_for_a_look_that_does_not_end() {
    let page = Page::new("shop");
    assert!(!page.look_within(Duration::from_millis(1)).await);
    assert!(!page.look_within(Duration::from_secs(3600)).await);
    page.take(snapshot("a"), 1, Instant::now());
    page.looked.send_replace(1);
    let (looked, ()) = tokio::join!(page.look_within(Duration::from_secs(3600)), async {
        page.take(snapshot("a"), 2, Instant::now());
        page.looked.send_replace(2);
    });
    assert!(looked);
}

#[tokio::test]
async fn a_database_has_one_page_and_idle_ones_make_room_though_somebody_keeps_them() {
    let atlas = Atlas::default();
    let mut opened = atlas.unkept.lock().take().unwrap();
    let first = atlas.page("a");
    assert!(Arc::ptr_eq(&first, &atlas.page("a")));
    let used: Vec<_> = (0..40).map(|number| atlas.page(&number.to_string())).collect();
    assert_eq!(atlas.pages.lock().len(), used.len() + 1, "what is in use stays");
    let weak = opened.recv().await.unwrap();
    first.looked.send_replace(first.asked.load(Ordering::Acquire));
    let waits = tokio::spawn(async move { keeper::is_due(&weak).await });
    tokio::task::yield_now().await;
    drop((used, first));
    atlas.page("b");
    assert!(atlas.pages.lock().iter().any(|page| *page.database == *"b"));
    assert!(!atlas.pages.lock().iter().any(|page| *page.database == *"a"), "its keeper holds nothing while it waits");
    waits.abort();
}

impl Page {
    /// Somebody has looked.
    pub(in crate::session) fn looked_and_saw(&self, snapshot: Arc<Snapshot>) {
        self.take(snapshot, self.asked.load(Ordering::Acquire), Instant::now());
    }
}
