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
fn described(mut psql: Command) -> Vec<String> {
    let script: String = COMMANDS.lines().map(|line| format!("{line}\n\\echo {MARK}\n\\warn {MARK}\n")).collect();
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), script).expect("it is written");
    let output = psql.args(["-X", "-f"]).arg(file.path()).stdin(Stdio::null()).output().expect("psql runs");
    let parts = |bytes: &[u8]| {
        let text = String::from_utf8(bytes.to_vec()).expect("text");
        let text = text.replace(&format!("psql:{}:", file.path().display()), "psql:");
        text.split(&format!("{MARK}\n")).map(str::to_owned).collect::<Vec<_>>()
    };
    let (out, err) = (parts(&output.stdout), parts(&output.stderr));
    let count = COMMANDS.lines().count() + 1;
    assert_eq!((out.len(), err.len()), (count, count), "{err:?}");
    out.into_iter().zip(err).map(|(out, err)| out + &err).collect()
}

/// Commands to which psql gives another answer, and the first line that is another.
fn differing(version: Version, sidegate: &Sidegate) -> Vec<(&'static str, String)> {
    let direct = described(version.directly("psql", sidegate));
    let through = described(version.through("psql", sidegate));
    let both = COMMANDS.lines().zip(direct.into_iter().zip(through));
    let differing = both.filter(|(_, (direct, through))| direct != through);
    let other = |(direct, through): (String, String)| {
        let line = through.lines().find(|line| !direct.contains(line)).or(direct.lines().last());
        line.unwrap_or_default().to_owned()
    };
    differing.map(|(command, both)| (command, other(both))).collect()
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

fn pg_dump_writes_the_same(version: Version) {
    let sidegate = version.museum("package policies.x\n\nallow contains \"all\" if true\n\nmask contains {\"column\": \"public.payroll.salary\", \"with\": {\"replace\": {\"value\": 0}}} if true\n");
    for arguments in [&["--schema-only"][..], &["-B", "-T", "payroll"], &["-B", "-T", "payroll", "--inserts"], &["-t", "payroll"]] {
        let direct = dumped(version.directly("pg_dump", &sidegate), arguments);
        let through = dumped(version.through("pg_dump", &sidegate), arguments);
        println!("{arguments:?} {} {:?}", direct == through, through.as_ref().err());
        if let (Ok(a), Ok(b)) = (&direct, &through) { for (a, b) in a.lines().zip(b.lines()) { if a != b { println!("{a}\n{b}"); break; } } }
    }
    let p = sidegate.stderr().join("\n");
    std::fs::write(format!("/tmp/dump{}.txt", (version.server)().port), p).unwrap();
    panic!();
}

#[test]
fn pg_dump_of_postgresql_15_writes_the_same() {
    pg_dump_writes_the_same(FIFTEEN);
}

#[test]
fn pg_dump_of_postgresql_18_writes_the_same() {
    pg_dump_writes_the_same(EIGHTEEN);
}
