//! The real binary beside the real server.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex, OnceLock};

use serde_json::Value;

use super::{Postgres, free_port, postgres, until};

/// What a journey's sidegate is started with.
pub struct Setup {
    policy: String,
    identify: String,
    settings: &'static str,
    extra_listener: String,
    extra: String,
    upstream: Option<u16>,
    upstream_tls: String,
    credential: (String, String),
    environment: Vec<(String, String)>,
    server: Option<&'static Postgres>,
    ready: bool,
    disk: Option<Disk>,
    bundle: bool,
    socket: bool,
    database: Option<String>,
    console: bool,
}

/// A disk for the state that only the process sees; others find it under its `/proc/PID/root`. It goes with it.
#[derive(Clone, Copy)]
enum Disk {
    /// Memory, of this size (as `mount` says it).
    Memory(&'static str),
    /// A file with ext4 in it, which root alone may mount.
    Image,
}

impl Setup {
    /// With one policy file.
    pub fn policy(rego: &str) -> Self {
        Self {
            policy: rego.to_owned(),
            identify: "[{workload: {subject: \"spiffe://example.com/ns/shop/sa/orders\"}}]".to_owned(),
            settings: "pinned",
            extra_listener: String::new(),
            extra: String::new(),
            upstream: None,
            upstream_tls: "{mode: disable}".to_owned(),
            credential: ("app".to_owned(), super::postgres::PASSWORD.to_owned()),
            environment: Vec::new(),
            server: None,
            ready: true,
            disk: None,
            bundle: true,
            socket: false,
            database: None,
            console: true,
        }
    }

    /// With a policy that allows whatever can be read.
    pub fn open() -> Self {
        Self::policy("package policies.open\n\nallow contains \"everything\" if true\n")
    }

    /// With other `identify` methods (YAML).
    pub fn identify(mut self, yaml: &str) -> Self {
        self.identify = yaml.to_owned();
        self
    }

    /// With `settings: free`.
    pub fn free_settings(mut self) -> Self {
        self.settings = "free";
        self
    }

    /// With more keys of the listener (YAML, one `key: value` a line).
    pub fn listener(mut self, yaml: &str) -> Self {
        self.extra_listener = yaml.lines().map(|line| format!("        {line}\n")).collect();
        self
    }

    /// With more keys of `plugins.sidegate` (YAML, one `key: value` a line).
    pub fn sidegate(mut self, yaml: &str) -> Self {
        self.extra = yaml.lines().map(|line| format!("    {line}\n")).collect();
        self
    }

    /// With its state on a disk of its own, of this size (as `mount` says it).
    pub fn disk(mut self, size: &'static str) -> Self {
        self.disk = Some(Disk::Memory(size));
        self
    }

    /// With its state on a disk of its own that turns read-only when it finds an error. Root only.
    pub fn image(mut self) -> Self {
        self.disk = Some(Disk::Image);
        self
    }

    /// On a unix socket in its folder instead of a port, as clients look for one of port 5432.
    pub fn socket(mut self) -> Self {
        self.socket = true;
        self
    }

    /// With a bundle that is not there.
    pub fn without_bundle(mut self) -> Self {
        self.bundle = false;
        self
    }

    /// With a policy that will not serve.
    pub fn never_ready(mut self) -> Self {
        self.ready = false;
        self
    }

    /// With something else on this port as the upstream.
    pub fn upstream(mut self, port: u16) -> Self {
        self.upstream = Some(port);
        self
    }

    /// With `upstream.tls` (YAML).
    pub fn upstream_tls(mut self, yaml: &str) -> Self {
        self.upstream_tls = yaml.to_owned();
        self
    }

    /// With another role's credential.
    pub fn credential(mut self, user: &str, password: &str) -> Self {
        self.credential = (user.to_owned(), password.to_owned());
        self
    }

    /// With a variable of its environment.
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With another server than the run's first.
    pub fn server(mut self, server: &'static Postgres) -> Self {
        self.server = Some(server);
        self
    }

    /// With no events on its console: many statements come.
    pub fn quiet(mut self) -> Self {
        self.console = false;
        self
    }

    /// On a database that is there already.
    pub fn database(mut self, name: &str) -> Self {
        self.database = Some(name.to_owned());
        self
    }

    /// Starts it, on a new database of its server unless it has one.
    pub fn start(self) -> Sidegate {
        let server = self.server.unwrap_or_else(postgres);
        Sidegate::start(self, server)
    }
}

/// A running sidegate. It ends with its value.
pub struct Sidegate {
    disk: Option<Disk>,
    child: Child,
    directory: tempfile::TempDir,
    stderr: Arc<Mutex<Vec<String>>>,
    pub port: u16,
    pub admin: u16,
    pub database: String,
}

/// The program under test: the released one where SIDEGATE_BINARY names it.
pub fn binary() -> &'static str {
    static BINARY: OnceLock<String> = OnceLock::new();
    BINARY.get_or_init(|| released().unwrap_or_else(|| env!("CARGO_BIN_EXE_sidegate").to_owned()))
}

/// Whether figures are those that are promised.
pub fn is_released() -> bool {
    released().is_some()
}

fn released() -> Option<String> {
    std::env::var("SIDEGATE_BINARY").ok()
}

impl Sidegate {
    fn start(setup: Setup, server: &Postgres) -> Self {
        let directory = tempfile::tempdir().expect("a folder");
        let database = setup.database.clone().unwrap_or_else(|| server.database());
        let (port, admin) = (free_port(), free_port());
        let bundle = directory.path().join("bundle");
        if setup.bundle {
            fs::create_dir(&bundle).expect("the bundle's folder");
            fs::write(bundle.join("policy.rego"), &setup.policy).expect("the policy");
        }
        // A busy machine must not decide what policy says: who tests the deadline names one.
        let patience = if setup.extra.contains("deadline:") { "" } else { "    deadline: 3s\n" };
        fs::write(directory.path().join("password"), &setup.credential.1).expect("the password");
        let config = format!(
            "labels: {{app: journey}}\n\
             bundles:\n  main: {{resource: \"file://{bundle}\"}}\n\
             decision_logs: {{console: {console}}}\n\
             plugins:\n  sidegate:\n    state_directory: {state}\n    admin: {{address: \"127.0.0.1:{admin}\"}}\n{patience}{extra}    \
             listeners:\n      - name: shop\n        protocol: postgres\n        address: {address}\n        \
             identify: {identify}\n        settings: {settings}\n{extra_listener}        \
             upstream:\n          address: 127.0.0.1:{upstream}\n          tls: {tls}\n          \
             credential: {{user: {user}, password: {{file: {password}}}}}\n",
            address = if setup.socket {
                format!("\"unix:{}\"", directory.path().join(".s.PGSQL.5432").display())
            } else {
                format!("127.0.0.1:{port}")
            },
            bundle = bundle.display(),
            console = setup.console,
            state = directory.path().join("state").display(),
            extra = setup.extra,
            identify = setup.identify,
            settings = setup.settings,
            extra_listener = setup.extra_listener,
            upstream = setup.upstream.unwrap_or(server.port),
            tls = setup.upstream_tls,
            user = setup.credential.0,
            password = directory.path().join("password").display(),
        );
        fs::write(directory.path().join("sidegate.yaml"), config).expect("the configuration");
        let config = directory.path().join("sidegate.yaml");
        let (child, stderr) = match setup.disk {
            Some(disk) => spawn_on_disk(directory.path(), disk),
            None => spawn(&config, setup.environment),
        };
        let sidegate = Self { disk: setup.disk, child, directory, stderr, port, admin, database };
        let page = if setup.ready { "/health?bundles" } else { "/health" };
        until("sidegate", || sidegate.get(page).filter(|(status, _)| *status == 200));
        if setup.ready {
            until("the policy to be counted", || (sidegate.activations().0 > 0.0).then_some(()));
        }
        sidegate
    }

    /// Ends it at once and starts it again on the same state.
    pub fn kill_and_restart(&mut self) {
        self.child.kill().expect("it is ours");
        self.child.wait().expect("it ends");
        let (child, stderr) = match self.disk {
            Some(disk) => spawn_on_disk(self.directory.path(), disk),
            None => spawn(&self.directory.path().join("sidegate.yaml"), Vec::new()),
        };
        (self.child, self.stderr) = (child, stderr);
        until("sidegate", || self.get("/health?bundles").filter(|(status, _)| *status == 200));
    }

    /// Where its files are.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Replaces the policy as an editor does, and waits until it serves.
    pub fn edit_policy(&self, rego: &str) {
        let before = self.activations();
        let file = self.path("bundle/policy.rego");
        fs::write(file.with_extension("new"), rego).expect("the policy");
        fs::rename(file.with_extension("new"), file).expect("the policy");
        until("the new policy", || (self.activations() != before).then_some(()));
    }

    /// Puts the bundle where it should have been.
    pub fn bring_bundle(&self, rego: &str) {
        fs::create_dir(self.path("bundle")).expect("the bundle's folder");
        fs::write(self.path("bundle/policy.rego"), rego).expect("the policy");
    }

    /// How often a bundle was taken or refused.
    pub fn activations(&self) -> (f64, f64) {
        (self.metric("bundle_loaded_counter"), self.metric("bundle_failed_load_counter"))
    }

    /// The sum of a metric over its labels.
    pub fn metric(&self, name: &str) -> f64 {
        let (_, text) = self.get("/metrics").expect("metrics answer");
        text.lines()
            .filter(|line| !line.starts_with('#') && line.starts_with(name))
            .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
            .sum()
    }

    /// Status and body of a page of the admin address; `None` while nobody answers.
    pub fn get(&self, path: &str) -> Option<(u16, String)> {
        let output = Command::new("curl")
            .args(["-s", "-m", "5", "-w", "\n%{http_code}", &format!("http://127.0.0.1:{}{path}", self.admin)])
            .output()
            .expect("curl runs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let (body, status) = text.rsplit_once('\n')?;
        output.status.success().then(|| Some((status.parse().ok()?, body.to_owned())))?
    }

    /// What it wrote to stderr so far.
    pub fn stderr(&self) -> Vec<String> {
        self.stderr.lock().expect("nobody panics here").clone()
    }

    /// The decision events on its console so far.
    pub fn events(&self) -> Vec<Value> {
        self.stderr()
            .iter()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .filter(|line| line["type"] == "openpolicyagent.org/decision_logs")
            .collect()
    }

    /// The first event that `wanted` accepts, once it is there.
    pub fn event(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        until(what, || self.events().into_iter().find(|event| wanted(event)))
    }

    /// The event of the statement with this text.
    pub fn event_of(&self, sql: &str) -> Value {
        self.event(sql, |event| event["input"]["sql"]["text"] == sql)
    }

    /// The upstream's password is written once more.
    pub fn rewrite_password(&self) {
        let path = self.directory.path().join("password");
        let password = fs::read(&path).expect("the password");
        fs::write(&path, password).expect("the password");
    }

    /// psql through it, unchanged.
    pub fn psql(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new("psql");
        command.args(["-X", "-A", "-t"]).args(arguments);
        self.environment(&mut command).output().expect("psql runs")
    }

    /// The same with a password.
    pub fn psql_as(&self, password: &str, arguments: &[&str]) -> Output {
        let mut command = Command::new("psql");
        command.args(["-X", "-A", "-t", "-w"]).args(arguments).env("PGPASSWORD", password);
        self.environment(&mut command).output().expect("psql runs")
    }

    /// What libpq and its like need to reach it.
    pub fn environment<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command
            .env("PGHOST", "127.0.0.1")
            .env("PGPORT", self.port.to_string())
            .env("PGUSER", "alice")
            .env("PGDATABASE", &self.database)
            .env("PGCONNECT_TIMEOUT", "20")
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its own memory in KiB. What it maps of its own program file, to unwind a panic say, is the kernel's to keep.
    pub fn resident(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("it runs");
        let line = status.lines().find(|line| line.starts_with("RssAnon:")).expect("it has memory");
        line.split_whitespace().nth(1).and_then(|word| word.parse().ok()).expect("a number")
    }

    /// Asks it to end, and waits until it did.
    pub fn terminate(&mut self) -> std::process::ExitStatus {
        let status = Command::new("kill").arg(self.child.id().to_string()).status().expect("kill runs");
        assert!(status.success());
        self.child.wait().expect("it ends")
    }

    /// Whether it still runs.
    pub fn is_alive(&mut self) -> bool {
        self.child.try_wait().expect("it is ours").is_none()
    }
}

impl Drop for Sidegate {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("sidegate said:\n{}", self.stderr().join("\n"));
        }
    }
}

fn spawn(config: &Path, environment: Vec<(String, String)>) -> (Child, Arc<Mutex<Vec<String>>>) {
    watch(Command::new(binary()).args(["run", "-c"]).arg(config).envs(environment))
}

/// The same with a disk of its own. What was in memory is gone at a second start; what is in an image is repaired.
fn spawn_on_disk(directory: &Path, disk: Disk) -> (Child, Arc<Mutex<Vec<String>>>) {
    let (state, image) = (directory.join("state"), directory.join("image"));
    fs::create_dir_all(&state).expect("the state's folder");
    let (spaces, mount) = match disk {
        Disk::Memory(size) => ("-Urm", format!("mount -t tmpfs -o size={size},mode=700 tmpfs \"$1\"")),
        Disk::Image => {
            let image = image.display();
            let make = format!("truncate -s 160M {image} && mkfs.ext4 -q -F {image}");
            // The disk of an earlier process is let go of some time after its end.
            let repair = format!(
                "while [ -n \"$(losetup -j {image})\" ]; do sleep 0.05; done; e2fsck -fp {image} >/dev/null || [ $? -le 1 ]"
            );
            let ready = format!("if [ -e {image} ]; then {repair}; else {make}; fi");
            ("-m", format!("{ready} && mount -o loop,errors=remount-ro {image} \"$1\""))
        }
    };
    let script = format!("{mount} && shift && exec \"$@\"");
    let mut command = Command::new("unshare");
    command.args([spaces, "sh", "-c", &script, "sh"]).arg(state);
    command.args([binary(), "run", "-c"]).arg(directory.join("sidegate.yaml"));
    watch(&mut command)
}

fn watch(command: &mut Command) -> (Child, Arc<Mutex<Vec<String>>>) {
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("sidegate starts");
    let lines = Arc::new(Mutex::new(Vec::new()));
    let (out, kept) = (child.stderr.take().expect("stderr is piped"), Arc::clone(&lines));
    std::thread::spawn(move || {
        for line in BufReader::new(out).split(b'\n').map_while(Result::ok) {
            kept.lock().expect("nobody panics here").push(String::from_utf8_lossy(&line).into_owned());
        }
    });
    (child, lines)
}
