//! Tools of PostgreSQL's own that read definitions, and write as many rows as they can: they notice nothing where
//! policy masks something else.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::harness::{PASSWORD, Postgres, Setup, Sidegate, postgres, postgres18, tools};

const MUSEUM: &str = include_str!("tools/museum.sql");

/// What psql is asked, a command a line.
const COMMANDS: &str = include_str!("tools/psql.txt");

const POLICY: &str = include_str!("tools/policy.rego");

/// What a metadata policy refuses rightly: all settings at once, and catalogs with passwords in them.
const REFUSED: [&str; 3] = ["\\dRs", "\\dconfig", "\\deu"];

/// Where they are allowed, too.
const ADMINISTRATOR: &str = "\nallow contains \"settings, subscriptions and user mappings\" if {\n\
    \tevery effect in input.sql.effects {\n\t\teffect in {\"read\", \"procedure\"}\n\t}\n\
    \tcount(input.sql.relations) > 0\n\
    \tevery relation in input.sql.relations {\n\t\trelation.id in administered\n\t}\n\
    \tevery function in input.sql.functions {\n\t\tfunction.builtin\n\t}\n}\n\n\
    administered := {\n\t\"pg_catalog.pg_database\",\n\t\"pg_catalog.pg_parameter_acl\",\n\t\"pg_catalog.pg_settings\",\n\
    \t\"pg_catalog.pg_subscription\",\n\t\"pg_catalog.pg_user_mappings\",\n}\n";

const MASK: &str =
    "mask contains {\"column\": \"public.payroll.salary\", \"with\": {\"replace\": {\"value\": 0}}} if true\n";

/// A server, and the clients of its version.
#[derive(Clone, Copy)]
struct Version {
    server: fn() -> &'static Postgres,
    programs: fn() -> PathBuf,
}

const FIFTEEN: Version = Version { server: postgres, programs: || PathBuf::from("/usr/bin") };
const EIGHTEEN: Version = Version { server: postgres18, programs: || tools().join("pg18clients/bin") };

impl Version {
    fn program(self, name: &str) -> Command {
        Command::new((self.programs)().join(name))
    }

    /// A program that talks to the server itself.
    fn directly(self, name: &str, sidegate: &Sidegate) -> Command {
        let (mut program, port) = (self.program(name), (self.server)().port.to_string());
        sidegate.environment(&mut program).env("PGPORT", port).env("PGUSER", "app").env("PGPASSWORD", PASSWORD);
        // Pinned by sidegate.
        program.env("PGOPTIONS", "-c search_path=public,\\ pg_temp");
        program
    }

    fn through(self, name: &str, sidegate: &Sidegate) -> Command {
        let mut program = self.program(name);
        sidegate.environment(&mut program);
        program
    }

    /// A sidegate before a museum.
    fn museum(self, policy: &str) -> Sidegate {
        let server = (self.server)();
        let database = server.database();
        server.sql(&database, MUSEUM);
        Setup::policy(policy).server(server).database(&database).start()
    }
}

const MARK: &str = "@@@@";

/// What psql prints for each command, what it complains of behind it.
fn described(mut psql: Command, commands: &[&str]) -> Vec<String> {
    let script: String = commands.iter().map(|command| format!("{command}\n\\echo {MARK}\n\\warn {MARK}\n")).collect();
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), script).expect("it is written");
    let output = psql.args(["-X", "-f"]).arg(file.path()).stdin(Stdio::null()).output().expect("psql runs");
    let parts = |bytes: &[u8]| {
        let text = String::from_utf8(bytes.to_vec()).expect("text");
        // The line of the script is in it.
        let lines = text.lines().map(|line| match line.strip_prefix(&format!("psql:{}:", file.path().display())) {
            Some(rest) => rest.split_once(": ").map_or(rest, |(_, rest)| rest),
            None => line,
        });
        let text: String = lines.flat_map(|line| [line, "\n"]).collect();
        text.split(&format!("{MARK}\n")).map(str::to_owned).collect::<Vec<_>>()
    };
    let (out, err) = (parts(&output.stdout), parts(&output.stderr));
    assert_eq!((out.len(), err.len()), (commands.len() + 1, commands.len() + 1), "{err:?}");
    out.into_iter().zip(err).map(|(out, err)| out + &err).collect()
}

/// Commands to which psql gives another answer, and the first line that is another. The server tidies up while it is
/// asked, and sizes are others then: what differs is asked again.
fn differing(version: Version, sidegate: &Sidegate) -> Vec<(&'static str, String)> {
    let mut commands: Vec<&str> = COMMANDS.lines().collect();
    let mut found = Vec::new();
    for _ in 0..4 {
        let direct = described(version.directly("psql", sidegate), &commands);
        let through = described(version.through("psql", sidegate), &commands);
        let both = commands.into_iter().zip(direct.into_iter().zip(through));
        let differing = both.filter(|(_, (direct, through))| direct != through);
        let other = |(direct, through): (String, String)| {
            let line = through.lines().find(|line| !direct.contains(line)).or(direct.lines().last());
            line.unwrap_or_default().to_owned()
        };
        found = differing.map(|(command, both)| (command, other(both))).collect();
        commands = found.iter().map(|(command, _)| *command).collect();
        if commands.is_empty() {
            break;
        }
    }
    found
}

fn psql_describes_the_same(version: Version) {
    let metadata = version.museum(POLICY);
    let refused = |(command, line): &(&str, String)| {
        REFUSED.iter().any(|refused| command.starts_with(refused)) && line.contains("denied by policy")
    };
    let (refused, wrong): (Vec<_>, Vec<_>) = differing(version, &metadata).into_iter().partition(refused);
    assert!(wrong.is_empty(), "{wrong:#?}");
    let asked = COMMANDS.lines().filter(|command| REFUSED.iter().any(|refused| command.starts_with(refused)));
    assert_eq!(refused.len(), asked.count(), "what the rule for metadata refuses");
    metadata.edit_policy(&format!("{POLICY}{ADMINISTRATOR}"));
    let wrong = differing(version, &metadata);
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn psql_describes_everything_of_postgresql_15_as_if_nobody_were_between() {
    psql_describes_the_same(FIFTEEN);
}

#[test]
fn psql_describes_everything_of_postgresql_18_as_if_nobody_were_between() {
    psql_describes_the_same(EIGHTEEN);
}

#[test]
fn psql_is_asked_each_of_its_commands() {
    for version in [FIFTEEN, EIGHTEEN] {
        let output = version.program("psql").arg("--help=commands").output().expect("psql runs");
        let help = String::from_utf8(output.stdout).expect("text");
        let (_, help) = help.split_once("Informational").expect("a heading");
        let (help, _) = help.split_once("Large Objects").expect("a heading");
        let commands: Vec<&str> = help.lines().filter_map(|line| line.trim_start().strip_prefix('\\')).collect();
        assert!(commands.len() > 45, "{commands:?}");
        for command in commands {
            let name = command.split(|c: char| !c.is_ascii_alphanumeric()).next().expect("a name");
            let flags = command[name.len()..].split(' ').next().unwrap_or_default();
            let asked = |wanted: &str| {
                let words = COMMANDS.lines().filter_map(|line| line.split(' ').next()?.strip_prefix('\\'));
                let mut with = words.filter_map(|word| word.strip_prefix(name));
                with.any(|rest| if wanted.is_empty() { rest.is_empty() } else { rest.contains(wanted) })
            };
            for wanted in ["", "S", "+"].into_iter().filter(|flag| flags.contains(flag)) {
                assert!(asked(wanted), "`{name}` with `{wanted}`: {command}");
            }
        }
    }
}

/// What pg_dump writes, without the line that is another one each time.
fn dumped(mut pg_dump: Command, arguments: &[&str]) -> Result<String, String> {
    let output = pg_dump.args(arguments).output().expect("pg_dump runs");
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let text = String::from_utf8(output.stdout).expect("text");
    let kept = text.lines().filter(|line| !line.starts_with("\\restrict ") && !line.starts_with("\\unrestrict "));
    Ok(kept.collect::<Vec<_>>().join("\n"))
}

/// The policy that docs/clients.md shows for it, and a mask.
fn dumping() -> String {
    let page = include_str!("../../docs/clients.md");
    let (_, after) = page.split_once("```rego check\npackage policies.dumps\n").expect("it is there");
    let (policy, _) = after.split_once("```").expect("it ends");
    let mask = MASK.replace("if true", "if sql.touches({\"public.payroll\"})");
    format!("package policies.dumps\n{policy}\n{mask}")
}

fn pg_dump_writes_the_same(version: Version) {
    let sidegate = version.museum(&dumping());
    for arguments in [
        &["--schema-only"][..],
        &["-B", "--exclude-table=payroll"],
        &["-B", "--exclude-table=payroll", "--inserts", "--schema=public"],
        &["--table=museum.painting", "--table=customers"],
    ] {
        let direct = dumped(version.directly("pg_dump", &sidegate), arguments).expect("it dumps");
        let through = dumped(version.through("pg_dump", &sidegate), arguments);
        let through = through.unwrap_or_else(|problem| panic!("{arguments:?}: {problem}"));
        for (direct, through) in direct.lines().zip(through.lines()) {
            assert_eq!(through, direct, "{arguments:?}");
        }
        assert_eq!(through.lines().count(), direct.lines().count(), "{arguments:?}");
        assert!(direct.lines().count() > 50, "{arguments:?}: {direct}");
    }
    for arguments in [&["--table=payroll", "--data-only"][..], &["--table=payroll", "--data-only", "--inserts"]] {
        let masked = dumped(version.through("pg_dump", &sidegate), arguments).expect("it dumps");
        let row = |line: &&str| line.ends_with("\t0") || line.ends_with(", 0);");
        assert_eq!(masked.lines().filter(row).count(), 10, "{arguments:?}: {masked}");
        assert!((1..=10).all(|n| !masked.contains(&format!("{n}000"))), "{arguments:?}: {masked}");
    }
}

#[test]
fn pg_dump_of_postgresql_15_writes_the_same() {
    pg_dump_writes_the_same(FIFTEEN);
}

#[test]
fn pg_dump_of_postgresql_18_writes_the_same() {
    pg_dump_writes_the_same(EIGHTEEN);
}

fn pgbench_runs(version: Version) {
    let policy = format!(
        "package policies.bench\n\nallow contains \"its own tables\" if {{\n\
         \tevery relation in input.sql.relations {{\n\t\tstartswith(relation.id, \"public.pgbench_\")\n\t}}\n\
         \tevery effect in input.sql.effects {{\n\t\teffect in {{\"read\", \"write\", \"ddl\", \"copy_in\", \"transaction\"}}\n\t}}\n}}\n\n\
         allow contains \"which tables are partitioned\" if data.sidegate.sql.metadata\n\n{MASK}"
    );
    let sidegate = Setup::policy(&policy).server((version.server)()).start();
    let run = |arguments: &[&str]| {
        let output = version.through("pgbench", &sidegate).args(arguments).output().expect("pgbench runs");
        let text = crate::harness::said(&output);
        assert!(output.status.success(), "{arguments:?}: {text}");
        text
    };
    run(&["-i", "-q", "-s", "1"]);
    run(&["-i", "-q", "-s", "1", "--foreign-keys", "--partitions=3", "-I", "dtGvpf"]);
    for kind in ["tpcb-like", "simple-update", "select-only"] {
        for mode in ["simple", "extended", "prepared"] {
            let text = run(&["-n", "-b", kind, "-M", mode, "-c", "4", "-j", "2", "-t", "25"]);
            assert!(text.contains("transactions actually processed: 100/100"), "{kind} {mode}: {text}");
            assert!(text.contains("number of failed transactions: 0 "), "{kind} {mode}: {text}");
        }
    }
    let denied = sidegate.events().iter().filter(|event| event["result"]["allow"] != true).count();
    assert_eq!(denied, 0);
    let sums = "select (select sum(delta) from pgbench_history) = (select sum(abalance) from pgbench_accounts)";
    assert_eq!((version.server)().sql(&sidegate.database, sums), "t");
}

#[test]
fn pgbench_on_postgresql_15_has_no_failed_transaction_under_masks() {
    pgbench_runs(FIFTEEN);
}

#[test]
fn pgbench_on_postgresql_18_has_no_failed_transaction_under_masks() {
    pgbench_runs(EIGHTEEN);
}
