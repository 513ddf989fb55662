//! What masks do not hide, as docs/masked-statements.md says: whoever relies on more should see it fail here.

use crate::harness::{Setup, Sidegate, postgres, said};

fn policy(mask: &str) -> String {
    format!(
        "package policies.shop\n\nallow contains \"everything\" if true\n\n\
         mask contains {{\"column\": \"public.customers.email\", \"with\": {mask}}} if true\n"
    )
}

fn psql(sidegate: &Sidegate, sql: &str) -> String {
    let text = said(&sidegate.psql(&["-Atc", sql]));
    assert!(!text.contains("@example.com"), "{sql}: {text}");
    text.trim().to_owned()
}

#[test]
fn what_masks_do_not_hide_can_be_seen() {
    let folder = tempfile::tempdir().expect("a folder");
    let key = folder.path().join("key");
    std::fs::write(&key, "0123456789abcdef0123456789abcdefXYZ").expect("the key is written");
    let keys = format!("keys: {{masks: {{file: {}}}}}", key.display());
    let sidegate = Setup::policy(&policy("{\"redact\": {}}")).sidegate(&keys).start();
    postgres().sql(
        &sidegate.database,
        "create unique index on customers (email); create table mails (email text);
         insert into mails select email from customers; alter table customers add twin text;
         update customers set twin = email where id < 4; update customers set email = 'x' || id where id = 2",
    );
    // How many there are, and how many a statement would change.
    assert_eq!(psql(&sidegate, "select count(*) from customers where id < 8"), "7");
    assert_eq!(psql(&sidegate, "update customers set name = name where id < 8"), "UPDATE 7");
    // Lengths.
    assert_eq!(psql(&sidegate, "select email from customers where id in (2, 7) order by id"), "**\n**************");
    assert_eq!(psql(&sidegate, "select count(*) from customers where length(email) = 2"), "1");
    // That a value is there: the server refuses a second one.
    let guess =
        |mail: &str| psql(&sidegate, &format!("insert into customers (id, name, email) values (900, 'x', {mail})"));
    let known = guess("(select email from mails where email like 'c7%' limit 1)");
    assert!(known.contains("a constraint was violated (its values are masked)"), "{known}");
    // Which values are equal, and how often they are.
    sidegate.edit_policy(&policy("{\"hash\": {\"key\": \"masks\"}}"));
    postgres()
        .sql(&sidegate.database, "drop index customers_email_idx; update customers set email = 'same' where id < 4");
    let hashes = psql(&sidegate, "select email from customers where id < 6 order by id");
    let hashes: Vec<&str> = hashes.lines().collect();
    assert!(hashes[0] == hashes[1] && hashes[1] == hashes[2] && hashes[2] != hashes[3], "{hashes:?}");
    // What was copied before is a relation of its own.
    assert_eq!(psql(&sidegate, "select left(email, 3) from mails where email like 'c7@%'"), "c7@");
}
