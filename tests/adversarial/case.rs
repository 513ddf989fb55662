//! The cases, as their file has them.

use std::collections::BTreeMap;

use serde::Deserialize;

/// How a case must end.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    Allow,
    Mask,
    Deny,
}

/// One attack or control.
#[derive(Clone, Debug, Deserialize)]
pub struct Case {
    pub id: String,
    pub sql: Option<String>,
    /// In place of the text, where it is not UTF-8.
    pub sql_bytes_hex: Option<String>,
    /// A case that is no SQL: `wire.rs` plays it.
    pub wire: Option<String>,
    pub setup: Option<String>,
    pub settings: Option<BTreeMap<String, String>>,
    /// `postgres` where only a superuser's connection makes it dangerous.
    pub db_role: String,
    pub verdict: Verdict,
    /// The columns of the answer that must be masked.
    #[serde(default)]
    pub mask_columns: Vec<String>,
    /// A refusal is as good.
    #[serde(default)]
    pub refusal_ok: bool,
}

impl Case {
    /// All of them.
    pub fn all() -> Vec<Self> {
        include_str!("../data/sql/adversarial.jsonl")
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}")))
            .collect()
    }

    /// What is sent.
    pub fn bytes(&self) -> Vec<u8> {
        match &self.sql_bytes_hex {
            Some(hex) => (0..hex.len())
                .step_by(2)
                .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("two hexadecimal digits"))
                .collect(),
            None => self.sql.clone().expect("a case without `wire` has its SQL").into_bytes(),
        }
    }

    /// What the attacker does in the session first. It goes through sidegate, as all that an attacker does.
    pub fn opening(&self) -> Vec<String> {
        let settings = self.settings.iter().flatten().map(|(name, value)| format!("SET {name} = '{value}'"));
        settings.chain(self.setup.clone().filter(|setup| is_of_the_session(setup))).collect()
    }

    /// What somebody else has done to the database before.
    pub fn scene(&self) -> Option<&str> {
        self.setup.as_deref().filter(|setup| !is_of_the_session(setup))
    }
}

fn is_of_the_session(setup: &str) -> bool {
    ["PREPARE ", "BEGIN;", "CREATE TEMP "].iter().any(|start| setup.starts_with(start))
}
