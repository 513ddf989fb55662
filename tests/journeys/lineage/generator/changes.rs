//! Statements that change rows.

use super::{COLUMNS, Generator, Item};

/// What rows are changed of: the first so many relations, and views that PostgreSQL changes by itself.
const TARGETS: [&str; 8] = ["a", "b", "c", "child", "parted", "part", "simple", "nested"];

impl Generator {
    /// INSERT, UPDATE, DELETE or MERGE, at the top or in front of a query.
    pub(super) fn change(&mut self) -> String {
        if self.one_in(8) {
            let (change, columns) = self.any_change();
            if columns.is_empty() {
                return change;
            }
            self.ctes.push(Item { alias: "changed".to_owned(), columns, hidden: false });
            let query = self.select(2).0;
            return format!("with changed as ({change}) {query}");
        }
        self.any_change().0
    }

    fn any_change(&mut self) -> (String, Vec<String>) {
        match self.below(7) {
            0 | 1 => self.insert(),
            2 | 3 => self.update(),
            4 | 5 => self.delete(),
            _ => (self.merge(), Vec::new()),
        }
    }

    /// A relation to change, as FROM has it, and as it is named.
    fn target(&mut self) -> (String, Item) {
        let name = TARGETS[self.below(TARGETS.len())];
        let columns = COLUMNS.iter().find(|(table, _)| *table == name).map_or(&[][..], |(_, columns)| columns);
        let columns = columns.iter().map(|&column| column.to_owned()).collect();
        let only = if self.one_in(5) { "only " } else { "" };
        if self.one_in(3) {
            return (format!("{only}{name}"), Item { alias: name.to_owned(), columns, hidden: false });
        }
        let alias = self.alias();
        (format!("{only}{name} as {alias}"), Item { alias, columns, hidden: false })
    }

    fn target_column(&mut self, target: &Item) -> String {
        target.columns[self.below(target.columns.len())].clone()
    }

    /// What SET has.
    fn assignments(&mut self, target: &Item) -> String {
        let mut columns = target.columns.clone();
        let mut parts = Vec::new();
        for _ in 0..=self.below(2) {
            let column = columns.remove(self.below(columns.len()));
            let part = match self.below(6) {
                0 => format!("{column} = default"),
                1 => format!("{column} = {}", self.scalar(1)),
                2 if !columns.is_empty() => {
                    let other = columns.remove(self.below(columns.len()));
                    format!("({column}, {other}) = ({}, {} + 1)", self.column(), self.column())
                }
                3 if !columns.is_empty() => {
                    let other = columns.remove(self.below(columns.len()));
                    let (one, two) = (self.column(), self.column());
                    format!("({column}, {other}) = (select {one}, max({two}) from b k group by 1 limit 1)")
                }
                4 => format!("{column} = {} + {}", self.column(), self.column()),
                _ => format!("{column} = {}", self.column()),
            };
            parts.push(part);
            if columns.is_empty() {
                break;
            }
        }
        parts.join(", ")
    }

    fn returning(&mut self) -> (String, Vec<String>) {
        if self.one_in(3) {
            return (String::new(), Vec::new());
        }
        let (mut list, mut columns) = (Vec::new(), Vec::new());
        for _ in 0..=self.below(2) {
            let (item, names) = self.plain_output();
            list.push(item);
            columns.extend(names);
        }
        (format!(" returning {}", list.join(", ")), columns)
    }

    /// An item of RETURNING, which has no windows.
    fn plain_output(&mut self) -> (String, Vec<String>) {
        loop {
            let (item, names) = self.output(1);
            if !item.contains(" over ") {
                return (item, names);
            }
        }
    }

    /// Puts the target in front of what FROM or USING has, which does not see it.
    fn beside(&mut self, target: &Item, word: &str) -> String {
        self.levels.push(Vec::new());
        let item = if self.one_in(2) { format!(" {word} {}", self.item(1)) } else { String::new() };
        if let Some(level) = self.levels.last_mut() {
            level.insert(0, target.clone());
        }
        item
    }

    fn condition_or_none(&mut self) -> String {
        if self.one_in(3) { String::new() } else { format!(" where {}", self.condition(1)) }
    }

    fn update(&mut self) -> (String, Vec<String>) {
        let (text, target) = self.target();
        let from = self.beside(&target, "from");
        let set = self.assignments(&target);
        let condition = self.condition_or_none();
        let (returning, columns) = self.returning();
        self.levels.pop();
        (format!("update {text} set {set}{from}{condition}{returning}"), columns)
    }

    fn delete(&mut self) -> (String, Vec<String>) {
        let (text, target) = self.target();
        let using = self.beside(&target, "using");
        let condition = self.condition_or_none();
        let (returning, columns) = self.returning();
        self.levels.pop();
        (format!("delete from {text}{using}{condition}{returning}"), columns)
    }

    fn insert(&mut self) -> (String, Vec<String>) {
        let (text, target) = self.target();
        let text = text.trim_start_matches("only ").to_owned();
        let (source, width) = match self.below(4) {
            0 => (" default values".to_owned(), 0),
            1 => (" values (1, default)".to_owned(), 2),
            _ => {
                let (query, columns) = self.query(1);
                (format!(" {query}"), columns.len())
            }
        };
        let mut columns = target.columns.clone();
        let width = width.min(columns.len());
        let mut list = Vec::new();
        for _ in 0..width {
            list.push(columns.remove(self.below(columns.len())));
        }
        let list = if list.is_empty() || self.one_in(4) { String::new() } else { format!(" ({})", list.join(", ")) };
        self.levels.push(vec![target.clone()]);
        let conflict = match self.below(5) {
            0 => " on conflict do nothing".to_owned(),
            1 => {
                let key = self.target_column(&target);
                let visible = self.levels.last_mut().map(|level| {
                    level.push(Item { alias: "excluded".to_owned(), columns: target.columns.clone(), hidden: true });
                });
                let proposed = format!("excluded.{}", self.target_column(&target));
                let column = self.target_column(&target);
                let set = if self.one_in(2) { self.assignments(&target) } else { format!("{column} = {proposed}") };
                let condition = if self.one_in(2) { format!(" where {}", self.condition(1)) } else { String::new() };
                if let (Some(()), Some(level)) = (visible, self.levels.last_mut()) {
                    level.pop();
                }
                format!(" on conflict ({key}) do update set {set}{condition}")
            }
            _ => String::new(),
        };
        let (returning, columns) = self.returning();
        self.levels.pop();
        (format!("insert into {text}{list}{source}{conflict}{returning}"), columns)
    }

    fn merge(&mut self) -> String {
        let (text, target) = self.target();
        self.levels.push(Vec::new());
        let source = self.factor(1);
        let of_source = self.levels.last().cloned().unwrap_or_default();
        if let Some(level) = self.levels.last_mut() {
            level.insert(0, target.clone());
        }
        let on = format!("{} = {}", self.column(), self.column());
        let mut clauses = Vec::new();
        for _ in 0..=self.below(2) {
            if self.one_in(3) {
                let own = self.levels.pop();
                self.levels.push(of_source.clone());
                let column = self.target_column(&target);
                clauses.push(format!("when not matched then insert ({column}) values ({})", self.column()));
                self.levels.pop();
                self.levels.extend(own);
                continue;
            }
            let also = if self.one_in(2) { format!(" and {}", self.condition(0)) } else { String::new() };
            let action = match self.below(3) {
                0 => "delete".to_owned(),
                1 => "do nothing".to_owned(),
                _ => format!("update set {}", self.assignments(&target)),
            };
            clauses.push(format!("when matched{also} then {action}"));
        }
        self.levels.pop();
        format!("merge into {text} using {source} on {on} {}", clauses.join(" "))
    }
}
