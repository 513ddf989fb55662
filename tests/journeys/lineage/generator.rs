//! Statements that PostgreSQL mostly takes, of everything that decides which column a name means.

use std::fmt::Write;

mod changes;

/// Relations of the database that statements are made for. One has lost a column, so that numbers have a gap.
pub const RELATIONS: &str = "create table a (id int, x int, y int, z int);
    create table b (id int, gone int, x int, w int, v int); alter table b drop column gone;
    create table c (id int, y int, w int, \"Odd name\" int);
    create table child (own int, gone int) inherits (a); alter table child drop column gone; alter table child add v int;
    create table parted (id int, w int, x int) partition by range (id);
    create table part (gone int, x int, w int, id int); alter table part drop column gone;
    alter table parted attach partition part for values from (0) to (10);
    create view simple as select id, y as x, \"Odd name\" as o from c where w > 0;
    create view nested as select o, x as z from simple where id > 1;
    create view joined as select a.id, b.v, a.x + b.x as s from a join b using (id) where a.z > 0;
    create view counts (y, n, top) as select w, count(*), max(v) from b group by w having sum(x) > 0;
    create view mixed as select id, x from a union all select w, v from b union select o, z from nested;
    create view whole as select id, k from (select c.id, c as k from c) s where s.id in (select s from joined, b);
    create view deep as with q as (select * from mixed m) select q.id as w, l.v from q, lateral (select v from b
        where b.id = q.id order by b.x limit 1) l;
    create materialized view stored as select s, v from joined;";

const COLUMNS: [(&str, &[&str]); 13] = [
    ("a", &["id", "x", "y", "z"]),
    ("b", &["id", "x", "w", "v"]),
    ("c", &["id", "y", "w", "\"Odd name\""]),
    ("child", &["id", "x", "y", "z", "own", "v"]),
    ("parted", &["id", "w", "x"]),
    ("part", &["x", "w", "id"]),
    ("simple", &["id", "x", "o"]),
    ("nested", &["o", "z"]),
    ("joined", &["id", "v", "s"]),
    ("counts", &["y", "n", "top"]),
    ("mixed", &["id", "x"]),
    ("deep", &["w", "v"]),
    ("stored", &["s", "v"]),
];

/// An item of FROM, as the ones that name it see it.
#[derive(Clone)]
struct Item {
    alias: String,
    columns: Vec<String>,
    /// A join of some: only its columns are seen, and their own aliases.
    hidden: bool,
}

pub struct Generator {
    state: u64,
    aliases: usize,
    ctes: Vec<Item>,
    levels: Vec<Vec<Item>>,
}

impl Generator {
    pub fn new(seed: u64) -> Self {
        Self { state: seed, aliases: 0, ctes: Vec::new(), levels: Vec::new() }
    }

    fn below(&mut self, end: usize) -> usize {
        // splitmix64
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % u64::try_from(end.max(1)).expect("small")).expect("small")
    }

    fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    fn alias(&mut self) -> String {
        self.aliases += 1;
        format!("t{}", self.aliases)
    }

    /// The next statement.
    pub fn statement(&mut self) -> String {
        (self.aliases, self.ctes, self.levels) = (0, Vec::new(), Vec::new());
        if self.one_in(3) { self.change() } else { self.query(3).0 }
    }

    /// A query, and the names of its columns.
    fn query(&mut self, depth: usize) -> (String, Vec<String>) {
        let known = self.ctes.len();
        let mut text = String::new();
        if depth > 1 && self.one_in(4) {
            let name = format!("q{}", self.alias());
            let outer = std::mem::take(&mut self.levels);
            let (inner, mut columns) = self.query(depth - 1);
            self.levels = outer;
            let list = self.column_list(&mut columns);
            write!(text, "with {name}{list} as ({inner}) ").expect("it is a text");
            self.ctes.push(Item { alias: name, columns, hidden: false });
        }
        let (first, columns) = self.select(depth);
        text += &first;
        if self.one_in(6) {
            let operator = ["union all", "union", "except", "intersect"][self.below(4)];
            let width = columns.len();
            // Another one as wide, or none.
            for _ in 0..6 {
                let (second, others) = self.select(depth.saturating_sub(1));
                if others.len() == width {
                    write!(text, " {operator} {second}").expect("it is a text");
                    break;
                }
            }
        } else if self.one_in(4) {
            write!(text, " order by {}", 1 + self.below(columns.len())).expect("it is a text");
        }
        if self.one_in(5) {
            text += " limit 3";
        }
        self.ctes.truncate(known);
        (text, columns)
    }

    fn select(&mut self, depth: usize) -> (String, Vec<String>) {
        self.levels.push(Vec::new());
        let mut from = Vec::new();
        for _ in 0..=self.below(3) {
            let item = self.item(depth);
            from.push(item);
        }
        let (mut list, mut columns) = (Vec::new(), Vec::new());
        for _ in 0..=self.below(3) {
            let (item, names) = self.output(depth);
            list.push(item);
            columns.extend(names);
        }
        let mut text = String::from("select ");
        let grouped = self.one_in(8);
        if !grouped && self.one_in(8) {
            text += "distinct ";
        }
        let condition = if self.one_in(2) { format!(" where {}", self.condition(depth)) } else { String::new() };
        let mut behind = String::new();
        if grouped {
            let (key, value) = (self.column(), self.column());
            let (first, name) = named(key.clone());
            list = vec![first, format!("sum({value})")];
            columns = [name, vec!["sum".to_owned()]].concat();
            behind = format!(" group by {key}");
        } else if self.one_in(5) && !text.ends_with("distinct ") {
            behind = format!(" order by {}", self.column());
        }
        write!(text, "{} from {}{condition}{behind}", list.join(", "), from.join(", ")).expect("it is a text");
        self.levels.pop();
        // A query in parentheses may have its own order in front of a set operation.
        (if behind.starts_with(" order") { format!("({text})") } else { text }, columns)
    }

    /// An item of the select list, and the names it gives.
    fn output(&mut self, depth: usize) -> (String, Vec<String>) {
        match self.below(9) {
            0 => {
                let visible = self.levels.last().into_iter().flatten().filter(|item| !item.hidden);
                ("*".to_owned(), visible.flat_map(|item| item.columns.clone()).collect())
            }
            1 => {
                let items: Vec<Item> =
                    self.levels.last().into_iter().flatten().filter(|i| !i.alias.is_empty()).cloned().collect();
                let item = items[self.below(items.len())].clone();
                (format!("{}.*", item.alias), item.columns)
            }
            2 => (format!("{} + {}", self.column(), self.column()), vec!["?column?".to_owned()]),
            3 => {
                let alias = format!("n{}", self.below(4));
                (format!("{} as {alias}", self.column()), vec![alias])
            }
            4 if depth > 0 => {
                let value = self.scalar(depth);
                (format!("{value} as s"), vec!["s".to_owned()])
            }
            5 => {
                let text =
                    format!("sum({}) over (partition by {} order by {})", self.column(), self.column(), self.column());
                (text, vec!["sum".to_owned()])
            }
            6 => (format!("coalesce({}, 0)", self.column()), vec!["coalesce".to_owned()]),
            7 => {
                let column = self.column();
                (format!("{column}::int"), vec![name_of(&column)])
            }
            _ => named(self.column()),
        }
    }

    fn scalar(&mut self, depth: usize) -> String {
        let (inner, columns) = self.query(depth - 1);
        let column = columns[self.below(columns.len())].clone();
        if column == "?column?" || columns.iter().filter(|name| **name == column).count() > 1 {
            return format!("(select count(*) from ({inner}) k)");
        }
        format!("(select max({column}) from ({inner}) k)")
    }

    fn condition(&mut self, depth: usize) -> String {
        match self.below(5) {
            0 if depth > 0 => format!("exists ({})", self.query(depth - 1).0),
            1 if depth > 0 => {
                let (inner, columns) = self.query(depth - 1);
                if columns.len() == 1 { format!("{} in ({inner})", self.column()) } else { format!("exists ({inner})") }
            }
            2 => format!("({}, {}) = ({}, 2)", self.column(), self.column(), self.column()),
            3 => format!("{} between {} and 5", self.column(), self.column()),
            _ => format!("{} = {}", self.column(), self.column()),
        }
    }

    /// A reference to a column, of an outer level now and then.
    fn column(&mut self) -> String {
        let level = if self.one_in(4) { self.below(self.levels.len()) } else { self.levels.len() - 1 };
        let items = self.levels[level].clone();
        let named: Vec<&Item> = items.iter().filter(|item| !item.columns.is_empty()).collect();
        if named.is_empty() {
            return "1".to_owned();
        }
        let item = named[self.below(named.len())];
        let column = item.columns[self.below(item.columns.len())].clone();
        if column == "?column?" {
            return "1".to_owned();
        }
        let visible = items.iter().filter(|item| !item.hidden).flat_map(|item| &item.columns);
        let clear = !item.hidden && visible.filter(|name| **name == column).count() == 1;
        if item.alias.is_empty() || (clear && self.one_in(2)) {
            return column;
        }
        format!("{}.{column}", item.alias)
    }

    /// Other names for some of the columns.
    fn column_list(&mut self, columns: &mut [String]) -> String {
        if !self.one_in(4) {
            return String::new();
        }
        let count = 1 + self.below(columns.len());
        for (at, column) in columns.iter_mut().take(count).enumerate() {
            *column = format!("r{at}");
        }
        format!(" ({})", columns[..count].join(", "))
    }

    /// An item of FROM; what it gives is added to the innermost level.
    fn item(&mut self, depth: usize) -> String {
        if depth > 0 && self.one_in(3) { self.join(depth) } else { self.factor(depth) }
    }

    fn factor(&mut self, depth: usize) -> String {
        let choice = self.below(6);
        if depth > 0 && choice < 2 {
            let lateral = choice == 1;
            let own = if lateral { None } else { self.levels.pop() };
            let (inner, mut columns) = self.query(depth - 1);
            self.levels.extend(own);
            let alias = self.alias();
            let list = self.column_list(&mut columns);
            self.add(&alias, columns);
            return format!("{}({inner}) {alias}{list}", if lateral { "lateral " } else { "" });
        }
        if choice == 2 && self.one_in(2) {
            return self.rows();
        }
        let ctes = self.ctes.clone();
        if !ctes.is_empty() && self.one_in(2) {
            let cte = ctes[self.below(ctes.len())].clone();
            let alias = self.alias();
            self.add(&alias, cte.columns);
            return format!("{} {alias}", cte.alias);
        }
        let (table, columns) = COLUMNS[self.below(COLUMNS.len())];
        let mut columns: Vec<String> = columns.iter().map(|&name| name.to_owned()).collect();
        let taken = self.levels.iter().flatten().any(|item| item.alias == table);
        if !taken && self.one_in(3) {
            self.add(table, columns);
            return table.to_owned();
        }
        let alias = self.alias();
        let list = self.column_list(&mut columns);
        self.add(&alias, columns);
        let only = if self.one_in(6) { "only " } else { "" };
        format!("{only}{table} {alias}{list}")
    }

    /// A function or VALUES in FROM.
    fn rows(&mut self) -> String {
        let mut argument = || if self.levels.last().is_none_or(Vec::is_empty) { "1".to_owned() } else { self.column() };
        let (one, other) = (argument(), argument());
        let alias = self.alias();
        let (text, columns) = match self.below(6) {
            0 => (
                format!("generate_series(1, {one}) with ordinality {alias}"),
                vec![alias.clone(), "ordinality".to_owned()],
            ),
            1 => (
                format!("json_each_text(json_build_object('k', {one})) {alias}"),
                vec!["key".to_owned(), "value".to_owned()],
            ),
            2 => (format!("generate_subscripts(array[{one}, {other}], 1) {alias}"), vec![alias.clone()]),
            3 => (
                format!("lateral (values ({one}, {other}), (1, 2)) {alias}"),
                vec!["column1".to_owned(), "column2".to_owned()],
            ),
            4 => (format!("lateral (values ({one})) {alias}"), vec!["column1".to_owned()]),
            _ => (format!("generate_series(1, {one}) {alias}"), vec![alias.clone()]),
        };
        self.add(&alias, columns);
        text
    }

    fn add(&mut self, alias: &str, columns: Vec<String>) {
        let item = Item { alias: alias.to_owned(), columns, hidden: false };
        self.levels.last_mut().expect("there is a level").push(item);
    }

    fn join(&mut self, depth: usize) -> String {
        let first = self.levels.last().map_or(0, Vec::len);
        let left = self.item(depth - 1);
        let middle = self.levels.last().map_or(0, Vec::len);
        let right = self.factor(depth - 1);
        let kind = ["join", "left join", "right join", "full join"][self.below(4)];
        let level = self.levels.last().expect("there is a level").clone();
        let names = |items: &[Item]| -> Vec<String> {
            items.iter().filter(|item| !item.hidden).flat_map(|item| item.columns.clone()).collect()
        };
        let sides = (names(&level[first..middle]), names(&level[middle..]));
        let once = |side: &[String], name: &String| side.iter().filter(|other| *other == name).count() == 1;
        let mut common: Vec<String> = sides.0.iter().filter(|name| sides.1.contains(name)).cloned().collect();
        common.dedup();
        let unique = !common.is_empty() && common.iter().all(|name| once(&sides.0, name) && once(&sides.1, name));
        let mut text = match self.below(4) {
            0 => format!("{left} cross join {right}"),
            1 if unique => {
                self.hide(first, common.clone(), &sides);
                format!("{left} natural {kind} {right}")
            }
            2 if unique => {
                let some = vec![common[self.below(common.len())].clone()];
                self.hide(first, some.clone(), &sides);
                format!("{left} {kind} {right} using ({})", some.join(", "))
            }
            _ => {
                // ON sees the join, and nothing before it.
                let before: Vec<Item> = self.levels.last_mut().expect("there is a level").drain(..first).collect();
                let condition = format!("{} = {}", self.column(), self.column());
                self.levels.last_mut().expect("there is a level").splice(0..0, before);
                format!("{left} {kind} {right} on {condition}")
            }
        };
        if self.one_in(4) {
            text = format!("({text})");
            if self.one_in(2) {
                let alias = self.alias();
                let level = self.levels.last_mut().expect("there is a level");
                let inside: Vec<Item> = level.drain(first..).collect();
                let mut columns = names(&inside);
                let list = self.column_list(&mut columns);
                self.add(&alias, columns);
                text += &format!(" {alias}{list}");
            }
        }
        text
    }

    /// What USING or NATURAL makes of a join's columns.
    fn hide(&mut self, first: usize, merged: Vec<String>, sides: &(Vec<String>, Vec<String>)) {
        let level = self.levels.last_mut().expect("there is a level");
        for item in &mut level[first..] {
            item.hidden = true;
        }
        let rest = sides.0.iter().chain(&sides.1).filter(|name| !merged.contains(name)).cloned();
        let columns = merged.iter().cloned().chain(rest).collect();
        level.push(Item { alias: String::new(), columns, hidden: false });
    }
}

/// A reference as a result. A literal has an alias: without one its name depends on which it is.
fn named(column: String) -> (String, Vec<String>) {
    let name = name_of(&column);
    if name == "?column?" { (format!("{column} as one"), vec!["one".to_owned()]) } else { (column, vec![name]) }
}

/// What a reference is called in a result.
fn name_of(column: &str) -> String {
    match column {
        "1" => "?column?".to_owned(),
        named => named.rsplit('.').next().unwrap_or_default().to_owned(),
    }
}
