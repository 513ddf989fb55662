//! A real OPA server on loopback, spoken to over one connection.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use super::generate::Program;

/// What an engine says about one rule.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    Value(Value),
    Undefined,
    Error(#[expect(dead_code, reason = "shown by Debug where two answers differ")] String),
}

impl Answer {
    /// Equal values; numbers by value, not by spelling.
    pub(super) fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Value(a), Self::Value(b)) => equal(a, b),
            (Self::Undefined, Self::Undefined) => true,
            _ => false,
        }
    }
}

fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => {
            let equal_in_order = |a: &[Value], b: &[Value]| a.iter().zip(b).all(|(a, b)| equal(a, b));
            // Sets are arrays here, and the two engines order sets and objects differently.
            a.len() == b.len() && (equal_in_order(a, b) || equal_in_order(&sorted(a), &sorted(b)))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| equal(a, b)))
        }
        (a, b) => a == b,
    }
}

fn sorted(values: &[Value]) -> Vec<Value> {
    let mut values = values.to_vec();
    values.sort_by_cached_key(ToString::to_string);
    values
}

pub(super) struct Opa {
    child: Child,
    stream: BufReader<TcpStream>,
}

impl Drop for Opa {
    fn drop(&mut self) {
        // Ours, by its own handle; nothing to do when it is gone already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Opa {
    pub(super) fn start() -> Self {
        let program = std::env::var("OPA").unwrap_or_else(|_| "opa".to_owned());
        let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port").port();
        let mut child = Command::new(program)
            .args(["run", "--server", "--skip-version-check", "--addr", &format!("127.0.0.1:{port}")])
            .stderr(Stdio::piped())
            .spawn()
            .expect("`opa` runs");
        // OPA logs that it initialises the server right before it listens.
        let mut lines = BufReader::new(child.stderr.take().expect("piped")).lines();
        lines
            .find(|line| line.as_ref().is_ok_and(|line| line.contains("Initializing server")))
            .expect("OPA starts")
            .expect("text");
        std::thread::spawn(move || lines.for_each(drop));
        let stream = loop {
            if let Ok(stream) = TcpStream::connect(("127.0.0.1", port)) {
                break stream;
            }
            assert!(child.try_wait().expect("a child").is_none(), "OPA ended");
            std::thread::yield_now();
        };
        stream.set_nodelay(true).expect("a socket");
        Self { child, stream: BufReader::new(stream) }
    }

    /// The answers to every rule, or why OPA does not take the program.
    pub(super) fn answers(&mut self, program: &Program) -> Result<BTreeMap<String, Answer>, String> {
        let (status, text) = self.ask("PUT", "/v1/policies/p", &program.text);
        if status != 200 {
            return Err(text);
        }
        for root in ["base", "more"] {
            let value = program.data.get(root).cloned().unwrap_or_else(|| json!({}));
            let (status, text) = self.ask("PUT", &format!("/v1/data/{root}"), &value.to_string());
            assert!(status < 300, "{status} {text}");
        }
        let input = json!({"input": program.input}).to_string();
        let (status, text) = self.ask("POST", "/v1/data/p?strict-builtin-errors=true", &input);
        let mut answers = BTreeMap::new();
        if status == 200 {
            let all: Value = serde_json::from_str(&text).expect("JSON");
            for name in &program.rules {
                let answer = all["result"].get(name).cloned().map_or(Answer::Undefined, Answer::Value);
                answers.insert(name.clone(), answer);
            }
            return Ok(answers);
        }
        for name in &program.rules {
            let (status, text) = self.ask("POST", &format!("/v1/data/p/{name}?strict-builtin-errors=true"), &input);
            let answer = match serde_json::from_str::<Value>(&text) {
                Ok(value) if status == 200 => value.get("result").cloned().map_or(Answer::Undefined, Answer::Value),
                _ => Answer::Error(text),
            };
            answers.insert(name.clone(), answer);
        }
        Ok(answers)
    }

    fn ask(&mut self, method: &str, path: &str, body: &str) -> (u16, String) {
        let request = format!("{method} {path} HTTP/1.1\r\nHost: opa\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        self.stream.get_mut().write_all(request.as_bytes()).expect("OPA listens");
        let status = self.line().split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status line");
        let (mut length, mut chunked) = (0, false);
        loop {
            let line = self.line().to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().expect("a length");
            }
            chunked |= line.starts_with("transfer-encoding:") && line.contains("chunked");
        }
        let mut body = self.bytes(length);
        while chunked {
            let length = usize::from_str_radix(&self.line(), 16).expect("a chunk length");
            body.extend(self.bytes(length));
            assert_eq!(self.line(), "");
            chunked = length > 0;
        }
        (status, String::from_utf8(body).expect("text"))
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.stream.read_line(&mut line).expect("OPA answers");
        line.trim_end().to_owned()
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.stream.read_exact(&mut bytes).expect("OPA answers");
        bytes
    }
}
