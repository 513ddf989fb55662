//! Every function and operator that policies may call, called with the worst arguments that we know of: no
//! panic, no long wait, no heap of memory, and where there is a value it is OPA's.

mod arguments;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Command, Stdio};
use std::time::Duration;

use regorus::unstable::BUILTINS;
use regorus::{Engine, Value};
use rustix::process::{Resource, Rlimit, setrlimit};
use serde_json::{Value as Json, json};

use self::arguments::{large, paired, sets, small};
use super::conformance::same;
use super::error::Problem;
use super::{EXTENSIONS, lint, rewrite, scan};
use crate::bundle::files::TextFile;
use crate::bundle::gate::STACK;
use crate::bundle::{engine, library};

/// One call may take so much of a processor in this slow build: nothing interrupts it.
const SLOWEST: Duration = Duration::from_millis(1_500);
/// And so many bytes.
const LARGEST: u64 = 256 << 20;
/// The whole process, so that a mistake here ends a test and not the machine.
const ADDRESS_SPACE: u64 = 4 << 30;
/// Where two large arguments could multiply; they must have been met.
const TWO_LARGE: [&str; 24] = [
    "concat",
    "contains",
    "endswith",
    "graph.reachable",
    "indexof",
    "indexof_n",
    "json.filter",
    "json.patch",
    "json.remove",
    "object.filter",
    "object.remove",
    "object.subset",
    "object.union",
    "replace",
    "split",
    "startswith",
    "strings.any_prefix_match",
    "strings.any_suffix_match",
    "strings.count",
    "strings.replace_n",
    "trim",
    "trim_left",
    "trim_prefix",
    "trim_right",
];

/// Operators are functions, too.
const OPERATORS: [&str; 12] = ["+", "-", "*", "/", "%", "&", "|", "==", "!=", "<", "<=", ">"];

/// What must be written out in the policy, and so is no caller's to choose: position and texts.
fn written_out(name: &str) -> Option<(usize, &'static [&'static str])> {
    const PATTERNS: &[&str] =
        &["", "a*", "(a*)*$", "(a|a)*b", "^(([a-z])+.)+[A-Z]([a-z])+$", "x{0,900}", "[^a]", "(?s).*"];
    Some(match name {
        "regex.match" | "regex.find_n" | "regex.find_all_string_submatch_n" | "regex.split" => (0, PATTERNS),
        "regex.replace" => (1, PATTERNS),
        // Texts would seldom be delimiters.
        "glob.match" => (1, &[]),
        "sprintf" => {
            (0, &["%s", "%v", "%d", "%s %v", "%5d|%x", "%.3f", "%e", "%c", "%q", "%t", "%o%b%X%g", "%%", "%08d"])
        }
        _ => return None,
    })
}

const GLOB_DELIMITERS: [&str; 5] = ["null", "[]", "[\":\"]", "[\"/\", \"-\"]", "input.a[1]"];

/// SplitMix64, as in the oracle.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((z ^ (z >> 31)) % u64::try_from(end).expect("small")).expect("small")
    }
}

/// A function to call: how it is written with its arguments at `input.a`.
struct Call {
    name: String,
    arity: usize,
    /// The argument that the policy writes out.
    literal: Option<usize>,
    written: String,
}

fn written(name: &str, arity: usize, literal: Option<(usize, &str)>) -> String {
    let arg = |index: usize| match literal {
        Some((position, text)) if position == index => text.to_owned(),
        _ => format!("input.a[{index}]"),
    };
    if OPERATORS.contains(&name) {
        return format!("{} {name} {}", arg(0), arg(1));
    }
    format!("{name}({})", (0..arity).map(arg).collect::<Vec<_>>().join(", "))
}

fn program(written: &str) -> String {
    format!("package p\n\nx := y if y := {written}\n")
}

fn checked(text: &str) -> Result<Vec<TextFile>, Vec<Problem>> {
    let one = |error: super::error::RegoError| vec![error.problem];
    let shipped = library::MODULES.map(|(path, text)| (path, text, true));
    let (mut modules, mut serving) = (Vec::new(), Vec::new());
    for (path, text, ours) in shipped.into_iter().chain([("p.rego", text, false)]) {
        scan(path, text).map_err(one)?;
        let rewritten = rewrite(path, text).map_err(one)?;
        modules.push(if ours { rewritten.module.shipped() } else { rewritten.module });
        serving.push(TextFile { path: path.to_owned(), text: rewritten.text });
    }
    lint(&modules, &json!({}), &EXTENSIONS)
        .map_err(|errors| errors.into_iter().map(|error| error.problem).collect::<Vec<_>>())?;
    Ok(serving)
}

/// All that the linter admits out of all that the engine has; how many it refuses.
fn admitted() -> (Vec<Call>, usize) {
    let names: BTreeMap<&str, usize> = BUILTINS
        .iter()
        .map(|(name, (_, arity))| (*name, usize::from(*arity)))
        .chain(EXTENSIONS.iter().map(|(name, arity)| (*name, usize::from(*arity))))
        .chain(OPERATORS.map(|name| (name, 2)))
        .collect();
    let (mut calls, mut refused) = (Vec::new(), 0);
    for (name, arity) in names {
        let texts: Vec<(usize, String)> = match written_out(name) {
            Some((position, [])) => GLOB_DELIMITERS.map(|text| (position, text.to_owned())).into(),
            Some((position, texts)) => texts.iter().map(|text| (position, format!("`{text}`"))).collect(),
            None => Vec::new(),
        };
        let literals = if texts.is_empty() {
            vec![None]
        } else {
            texts.iter().map(|(at, text)| Some((*at, text.as_str()))).collect()
        };
        for literal in literals {
            let written = written(name, arity, literal);
            match checked(&program(&written)) {
                Ok(_) => {
                    let literal = literal.map(|(position, _)| position);
                    calls.push(Call { name: name.to_owned(), arity, literal, written });
                }
                Err(problems) => {
                    // A new kind of argument that must be written out has to be taught to `written_out`.
                    let known = |problem: &Problem| {
                        matches!(problem, Problem::RefusedBuiltin { .. } | Problem::Template | Problem::WalkAsFunction)
                            || literal.is_some()
                                && matches!(problem, Problem::BadPattern { .. } | Problem::FormatVerb { .. })
                    };
                    assert!(problems.iter().all(known), "{written}: {problems:?}");
                    refused += 1;
                }
            }
        }
    }
    (calls, refused)
}

fn prepared(call: &Call) -> Engine {
    let mut engine = engine::load(checked(&program(&call.written)).expect("admitted"), "{}").expect("it loads");
    engine::warm_up(&mut engine, Duration::from_secs(5)).expect("it is analysed");
    engine
}

/// The most memory that this process has had since the last question.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("/proc");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("VmHWM");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") << 10
}

fn reset_peak() {
    std::fs::write("/proc/self/clear_refs", "5").expect("/proc");
}

/// Calls with small values, for OPA: arguments and our answer.
type Asked = Vec<(Vec<Json>, Value)>;

#[derive(Default)]
struct Report {
    problems: usize,
    calls: usize,
    values: usize,
    /// What each function needed most.
    slowest: BTreeMap<String, Duration>,
    /// Functions that two large arguments were given to.
    paired: BTreeSet<String>,
}

/// This thread's time on a processor: what else the machine does says nothing about us.
fn used() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("/proc");
    let nanoseconds = text.split(' ').next().expect("a field").parse().expect("a number");
    Duration::from_nanos(nanoseconds)
}

/// Short arguments of every kind, of which many functions take some: every combination is tried.
const SHAPES: [&str; 7] =
    ["\"a\"", "[\"a\",\"b\"]", "{\"a\":\"b\"}", "{\"a\":[\"b\"],\"b\":[\"a\",\"c\"],\"c\":[]}", "1", "[]", "[[]]"];

fn kind(value: &Value) -> u8 {
    match value {
        Value::Null => 0,
        Value::Bool(_) => 1,
        Value::Number(_) => 2,
        Value::String(_) => 3,
        Value::Array(_) => 4,
        Value::Set(_) => 5,
        Value::Object(_) => 6,
        Value::Undefined => 7,
    }
}

/// All arguments; each kind once, so that calls share them.
struct Arguments {
    small: Vec<Json>,
    all: Vec<Value>,
    large: Vec<Value>,
    paired: Vec<Value>,
}

impl Arguments {
    fn new() -> Self {
        let small = small();
        let large: Vec<Value> = paired().into_iter().chain(large()).collect();
        let documents = small.iter().map(|json| Value::from(json.clone()));
        Self { all: documents.chain(sets()).chain(large.iter().cloned()).collect(), small, large, paired: paired() }
    }

    fn shape(&self, json: &str) -> usize {
        let shape: Json = serde_json::from_str(json).expect("JSON");
        self.small.iter().position(|small| *small == shape).expect("a small argument")
    }
}

/// Every value at every position, other arguments at random; then large ones in place of small ones that had a value.
fn call_with_everything(call: &Call, engine: &Engine, given: &Arguments, report: &mut Report) -> Asked {
    let mut random = Random(call.written.bytes().map(u64::from).sum());
    let mut asked = Vec::new();
    let mut fitting: BTreeMap<Vec<u8>, Vec<Value>> = BTreeMap::new();
    let positions = || (0..call.arity).filter(|position| call.literal != Some(*position));
    let swept = positions().flat_map(|position| (0..given.all.len()).map(move |value| (Some(position), value)));
    let shapes = SHAPES.len().pow(u32::try_from(call.arity).expect("few"));
    let swept: Vec<_> = swept.chain((0..shapes).map(|shape| (None, shape))).collect();
    for (position, mut value) in swept {
        let chosen: Vec<usize> = match position {
            Some(position) => {
                // Mostly small ones: two large arguments that fit come below.
                let any = |random: &mut Random| match random.below(4) {
                    0 => random.below(given.all.len()),
                    _ => random.below(given.small.len()),
                };
                (0..call.arity).map(|at| if at == position { value } else { any(&mut random) }).collect()
            }
            None => (0..call.arity)
                .map(|_| {
                    let shape = given.shape(SHAPES[value % SHAPES.len()]);
                    value /= SHAPES.len();
                    shape
                })
                .collect(),
        };
        let arguments: Vec<Value> = chosen.iter().map(|index| given.all[*index].clone()).collect();
        let Some(answer) = one_call(call, engine, &arguments, report) else { continue };
        fitting.entry(arguments.iter().map(kind).collect()).or_insert(arguments);
        if let Some(arguments) = chosen.iter().map(|index| given.small.get(*index).cloned()).collect() {
            asked.push((arguments, answer));
        }
    }
    call_with_large(call, engine, given, &fitting.into_values().collect::<Vec<_>>(), report);
    asked
}

/// One large argument after the other, and each two at once, among small ones that are known to fit. Only one of
/// several examples that have the same kinds of values at those positions is tried.
fn call_with_large(call: &Call, engine: &Engine, given: &Arguments, fitting: &[Vec<Value>], report: &mut Report) {
    let mut tried = BTreeSet::new();
    for example in fitting {
        let kinds: Vec<u8> = example.iter().map(kind).collect();
        for one in (0..call.arity).filter(|position| call.literal != Some(*position)) {
            if tried.insert((one, kinds[one], one, kinds[one])) {
                for large in given.large.iter().filter(|large| kind(large) == kinds[one]) {
                    let mut arguments = example.clone();
                    arguments[one] = large.clone();
                    one_call(call, engine, &arguments, report);
                }
            }
            for other in (one + 1..call.arity).filter(|position| call.literal != Some(*position)) {
                if !tried.insert((one, kinds[one], other, kinds[other])) {
                    continue;
                }
                for first in given.paired.iter().filter(|large| kind(large) == kinds[one]) {
                    for second in given.paired.iter().filter(|large| kind(large) == kinds[other]) {
                        let mut arguments = example.clone();
                        arguments[one] = first.clone();
                        arguments[other] = second.clone();
                        one_call(call, engine, &arguments, report);
                        report.paired.insert(call.name.clone());
                    }
                }
            }
        }
    }
}

fn one_call(call: &Call, engine: &Engine, arguments: &[Value], report: &mut Report) -> Option<Value> {
    let mut engine = engine.clone();
    let input = BTreeMap::from([(Value::from("a"), Value::from(arguments.to_vec()))]);
    engine.set_input(Value::from(input));
    reset_peak();
    let (before, start) = (peak(), used());
    let answer = catch_unwind(AssertUnwindSafe(|| engine.eval_rule("data.p.x".to_owned())));
    let (took, grown) = (used().saturating_sub(start), peak().saturating_sub(before));
    report.calls += 1;
    let slowest = report.slowest.entry(call.name.clone()).or_default();
    *slowest = took.max(*slowest);
    let mut say = |what: &str| {
        let shown: Vec<String> = arguments.iter().map(|value| value.to_string().chars().take(60).collect()).collect();
        eprintln!("{what}: {} of {shown:?}", call.written);
        report.problems += 1;
    };
    if took > SLOWEST {
        say(&format!("SLOW {took:?}"));
    }
    if grown > LARGEST {
        say(&format!("LARGE {} MiB", grown >> 20));
    }
    match answer {
        Err(_) => {
            say("PANIC");
            None
        }
        Ok(Err(_) | Ok(Value::Undefined)) => None,
        Ok(Ok(value)) => {
            report.values += 1;
            Some(value)
        }
    }
}

/// What OPA says to the same arguments: by call, answers by index.
fn opa(asked: &[(&Call, Asked)]) -> BTreeMap<String, BTreeMap<usize, Json>> {
    let mut text = "package p\n".to_owned();
    let mut input = serde_json::Map::new();
    for (index, (call, answers)) in asked.iter().enumerate() {
        let written = call.written.replace("input.a[", "a[");
        writeln!(text, "r{index} := [[i, y] | some i, a in input.r{index}; y := {written}]").expect("a string");
        input.insert(format!("r{index}"), answers.iter().map(|(arguments, _)| json!(arguments)).collect());
    }
    answers(&text, &Json::Object(input))
}

/// What OPA makes of a policy whose rules are lists of an index and an answer.
pub(super) fn answers(text: &str, input: &Json) -> BTreeMap<String, BTreeMap<usize, Json>> {
    let policy = tempfile::Builder::new().suffix(".rego").tempfile().expect("a file");
    policy.as_file().write_all(text.as_bytes()).expect("a file");
    let program = std::env::var("OPA").unwrap_or_else(|_| "opa".to_owned());
    let mut child = Command::new(program)
        .args(["eval", "--stdin-input", "--format=raw", "data.p", "--data"])
        .arg(policy.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("`opa` runs");
    let mut stdin = child.stdin.take().expect("piped");
    let input = input.to_string();
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().expect("OPA ends");
    writer.join().expect("no panic").expect("OPA reads");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let answers: BTreeMap<String, Vec<(usize, Json)>> = serde_json::from_slice(&output.stdout).expect("JSON");
    answers.into_iter().map(|(name, rows)| (name, rows.into_iter().collect())).collect()
}

/// The engine does not keep how a number is written, and JSON text shows it.
fn respelled(call: &Call, arguments: &[Json]) -> bool {
    let whole = |argument: &Json| argument.is_f64() && argument.as_f64().is_some_and(|number| number.fract() == 0.0);
    call.name.starts_with("json.marshal") && arguments.iter().any(whole)
}

/// OPA reckons with more digits than a floating-point number has.
fn nearly(a: f64, b: f64) -> bool {
    // The second is the least that two such numbers can differ by.
    (a - b).abs() <= 4.0 * f64::EPSILON * a.abs() + f64::MIN_POSITIVE * f64::EPSILON
}

/// The functions whose values differ from OPA's, with the first arguments that show it.
fn differing(asked: &[(&Call, Asked)]) -> BTreeMap<String, Vec<String>> {
    let theirs = opa(asked);
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (index, (call, answers)) in asked.iter().enumerate() {
        let theirs = &theirs[&format!("r{index}")];
        for (at, (arguments, ours)) in answers.iter().enumerate() {
            let theirs = theirs.get(&at);
            let near = OPERATORS.contains(&call.name.as_str())
                && theirs
                    .and_then(Json::as_f64)
                    .zip(ours.as_f64().ok())
                    .is_some_and(|(theirs, ours)| nearly(ours, theirs));
            if !near && !respelled(call, arguments) && !theirs.is_some_and(|theirs| same(ours, theirs, false)) {
                let text = format!("{} of {} is {ours}, OPA's {theirs:?}", call.written, json!(arguments));
                found.entry(call.name.clone()).or_default().push(text);
            }
        }
    }
    found
}

/// Functions that OPA has not got, and so nothing to compare with.
const OURS_ALONE: [&str; 1] = ["internal.member_3"];

#[test]
#[ignore = "the test below runs it in a process of its own"]
fn calls() {
    let limit = Rlimit { current: Some(ADDRESS_SPACE), maximum: Some(ADDRESS_SPACE) };
    setrlimit(Resource::As, limit).expect("a limit");
    let work = || {
        std::panic::set_hook(Box::new(|_| {}));
        let only = std::env::var("HOSTILE_ONLY").ok();
        let (calls, refused) = admitted();
        let (mut report, given) = (Report::default(), Arguments::new());
        let mut asked: Vec<(&Call, Asked)> = Vec::new();
        for call in calls.iter().filter(|call| only.as_ref().is_none_or(|only| call.name == *only)) {
            eprintln!("calling {}", call.written);
            let answers = call_with_everything(call, &prepared(call), &given, &mut report);
            if !OURS_ALONE.contains(&call.name.as_str()) {
                asked.push((call, answers));
            }
        }
        let differing = differing(&asked);
        for (name, examples) in &differing {
            println!("DIFFERS {name} {}", examples.len());
            examples
                .iter()
                .take(6)
                .for_each(|example| println!("    {}", example.chars().take(300).collect::<String>()));
        }
        let compared: usize = asked.iter().map(|(_, answers)| answers.len()).sum();
        println!(
            "{} functions and operators, {refused} refused, {} calls, {} values, {compared} compared",
            calls.iter().map(|call| &call.name).collect::<BTreeSet<_>>().len(),
            report.calls,
            report.values
        );
        report.slowest.retain(|_, took| *took > SLOWEST / 5);
        println!("slowest {:?}, {:?} of a processor in all", report.slowest, used());
        assert_eq!(report.problems, 0);
        if only.is_none() {
            assert!(TWO_LARGE.iter().all(|name| report.paired.contains(*name)), "{:?}", report.paired);
        }
        assert_eq!(differing.keys().collect::<Vec<_>>(), Vec::<&String>::new());
    };
    std::thread::Builder::new().stack_size(STACK).spawn(work).expect("a thread").join().expect("all is well");
}

#[test]
fn every_admitted_function_survives_extreme_arguments_and_has_opas_value() {
    let output = Command::new(std::env::current_exe().expect("a test"))
        .args(["--exact", "bundle::rego::hostile::calls", "--ignored", "--nocapture"])
        .output()
        .expect("the test runs itself");
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    println!("{said}");
    assert!(output.status.success(), "{:?}", output.status);
    assert!(said.contains(" compared"), "the calls were made");
}
