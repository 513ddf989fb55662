//! What somebody may try who has read how cursors are told apart.

/// Texts that are sent one after the other, and what the last of them answers.
pub const ATTACKS: &[(&[&str], &str)] = &[
    // More in one text than the cursor.
    (&["begin", "declare c cursor for select email from customers; fetch c"], "refused Z:E"),
    (&["begin", "declare c cursor for select email from customers", "fetch c; fetch c"], "refused Z:E"),
    (&["begin", "declare c cursor for select email from customers", "select 1; fetch c"], "refused Z:E"),
    (&["begin", "declare c cursor for select email from customers", "move c; fetch c"], "refused Z:E"),
    // What does more with a column than show it.
    (&["begin", "declare c cursor for select upper(email) from customers"], "refused Z:E"),
    (&["begin", "declare c cursor for select id from customers where email like 'c7%'"], "refused Z:E"),
    (&["begin", "declare c cursor for select customers from customers"], "refused Z:E"),
    (&["begin", "declare c cursor for select email from customers union select 'x'"], "refused Z:E"),
    (&["explain analyze declare c cursor for select email from customers"], "refused Z:I"),
    // A name that is gone, and is given anew.
    (
        &["begin", "savepoint s", "declare c cursor for select email from customers", "rollback to s", "fetch c"],
        "E:34000 Z:E",
    ),
    (
        &[
            "begin",
            "savepoint s",
            "declare c cursor for select email from customers",
            "rollback to s",
            "declare c cursor for select name from customers",
            "fetch c",
        ],
        "T D C:FETCH 1 Z:T",
    ),
    (
        &[
            "begin",
            "savepoint s",
            "declare c cursor for select email, name from customers",
            "rollback to s",
            "savepoint t",
            "declare c cursor for select name, email, 1/0 from customers",
            "rollback to t",
            "fetch c",
        ],
        "E:34000 Z:E",
    ),
    (
        &[
            "begin",
            "declare c cursor for select email, name from customers",
            "savepoint s",
            "declare c cursor for select name, email from customers",
            "rollback to s",
            "fetch c",
        ],
        "T D C:FETCH 1 Z:T",
    ),
    (
        &[
            "begin",
            "declare c cursor for select email from customers",
            "savepoint s",
            "select 1/0",
            "rollback to s",
            "fetch c",
        ],
        "T D C:FETCH 1 Z:T",
    ),
    (&["begin", "declare c cursor for select email from customers", "commit; begin", "fetch c"], "E:34000 Z:E"),
    (&["begin", "declare c cursor for select email from customers", "close c", "fetch c"], "refused Z:E"),
    (&["begin", "declare c cursor for select email from customers", "close all", "fetch c"], "refused Z:E"),
    (&["declare c cursor with hold for select email from customers", "discard all", "fetch c"], "refused Z:I"),
    // Several statements that give the name anew: it is not certain any more.
    (
        &[
            "begin",
            "declare c cursor for select email, id from customers",
            "close c; declare c cursor for select id, upper('x') from customers",
            "fetch c",
        ],
        "refused Z:E",
    ),
    // What stands in a failed transaction.
    (
        &["begin", "select 1/0", "declare c cursor for select email from customers", "rollback", "fetch c"],
        "refused Z:I",
    ),
    // Rows that somebody would store or have changed.
    (
        &[
            "begin",
            "declare c cursor for select id, email from customers for update",
            "fetch c",
            "delete from customers where current of c returning *",
        ],
        "refused Z:E",
    ),
    // What else reads a cursor.
    (
        &[
            "begin",
            "declare c cursor for select email from customers",
            "select cursor_to_xml('c', 5, false, false, '')",
        ],
        "refused Z:E",
    ),
    (&["begin", "declare c cursor for select email from customers", "select reads('c')"], "refused Z:E"),
    (
        &[
            "begin",
            "declare c cursor for select email from customers",
            "select reopens('c', 'select email from customers')",
        ],
        "refused Z:E",
    ),
    (&["begin", "declare c cursor for select email from customers", "do $$ begin close c; end $$"], "refused Z:E"),
];
