//! Every key that is known, by section; the schema and the documentation are held to this list by a test.

/// A mapping with known keys.
#[derive(Debug)]
pub(super) struct Section {
    /// Its dotted key; `[]` is any item of a list, `*` any name.
    #[cfg_attr(not(test), expect(dead_code, reason = "only documentation and schema go by it"))]
    pub(super) path: &'static str,
    /// The keys it may have.
    pub(super) keys: &'static [&'static str],
}

/// OPA's own keys.
pub(super) const ROOT: Section = Section {
    path: "",
    keys: &[
        "services",
        "labels",
        "discovery",
        "bundle",
        "bundles",
        "decision_logs",
        "status",
        "plugins",
        "keys",
        "default_decision",
        "default_authorization_decision",
        "caching",
        "nd_builtin_cache",
        "persistence_directory",
        "distributed_tracing",
        "metrics_export",
        "server",
        "storage",
    ],
};
pub(super) const BUNDLE: Section = Section {
    path: "bundles.*",
    keys: &["service", "resource", "polling", "trigger", "persist", "signing", "size_limit_bytes"],
};
pub(super) const DECISION_LOGS: Section = Section {
    path: "decision_logs",
    keys: &[
        "console",
        "service",
        "plugin",
        "resource",
        "resource_path",
        "partition_name",
        "reporting",
        "request_context",
        "mask_decision",
        "drop_decision",
        "nd_builtin_cache",
    ],
};
pub(super) const SIDEGATE: Section = Section {
    path: "plugins.sidegate",
    keys: &[
        "decision",
        "deadline",
        "evaluators",
        "state_directory",
        "admin",
        "audit",
        "drain",
        "keys",
        "workload",
        "issuers",
        "listeners",
    ],
};
pub(super) const ADMIN: Section =
    Section { path: "plugins.sidegate.admin", keys: &["address", "authentication", "writable"] };
pub(super) const AUDIT: Section = Section { path: "plugins.sidegate.audit", keys: &["class", "sync"] };
pub(super) const WORKLOAD: Section =
    Section { path: "plugins.sidegate.workload", keys: &["name", "namespace", "service_account", "labels"] };
pub(super) const MASK_KEY: Section = Section { path: "plugins.sidegate.keys.*", keys: &["file", "env"] };
pub(super) const ISSUER: Section = Section {
    path: "plugins.sidegate.issuers[]",
    keys: &[
        "name",
        "issuer",
        "jwks",
        "ca",
        "audience",
        "algorithms",
        "subject_claim",
        "actor_claim",
        "groups_claim",
        "groups_optional",
        "claims",
        "skew",
        "max_age",
    ],
};
pub(super) const ISSUER_JWKS: Section = Section { path: "plugins.sidegate.issuers[].jwks", keys: &["file", "url"] };
pub(super) const LISTENER: Section = Section {
    path: "plugins.sidegate.listeners[]",
    keys: &[
        "name",
        "protocol",
        "address",
        "tls",
        "identify",
        "stages",
        "settings",
        "pins",
        "startup_parameters",
        "limits",
        "upstream",
        "labels",
    ],
};
pub(super) const LISTENER_TLS: Section =
    Section { path: "plugins.sidegate.listeners[].tls", keys: &["certificate", "key", "client_ca"] };
pub(super) const IDENTIFY: Section = Section {
    path: "plugins.sidegate.listeners[].identify[]",
    keys: &["workload", "scram", "anonymous", "jwt", "mtls", "peer"],
};
pub(super) const IDENTIFY_WORKLOAD: Section =
    Section { path: "plugins.sidegate.listeners[].identify[].workload", keys: &["subject"] };
pub(super) const IDENTIFY_SCRAM: Section =
    Section { path: "plugins.sidegate.listeners[].identify[].scram", keys: &["users"] };
pub(super) const IDENTIFY_JWT: Section =
    Section { path: "plugins.sidegate.listeners[].identify[].jwt", keys: &["issuer", "ask"] };
pub(super) const IDENTIFY_MTLS: Section = Section { path: "plugins.sidegate.listeners[].identify[].mtls", keys: &[] };
pub(super) const IDENTIFY_PEER: Section =
    Section { path: "plugins.sidegate.listeners[].identify[].peer", keys: &["uids"] };
pub(super) const IDENTIFY_ANONYMOUS: Section =
    Section { path: "plugins.sidegate.listeners[].identify[].anonymous", keys: &[] };
pub(super) const STARTUP_PARAMETERS: Section =
    Section { path: "plugins.sidegate.listeners[].startup_parameters", keys: &["allow"] };
pub(super) const LIMITS: Section = Section {
    path: "plugins.sidegate.listeners[].limits",
    keys: &["connections", "startup", "idle", "statement", "tokens"],
};
pub(super) const UPSTREAM: Section =
    Section { path: "plugins.sidegate.listeners[].upstream", keys: &["address", "tls", "credential", "connect"] };
pub(super) const UPSTREAM_TLS: Section =
    Section { path: "plugins.sidegate.listeners[].upstream.tls", keys: &["mode", "ca"] };
pub(super) const CREDENTIAL: Section =
    Section { path: "plugins.sidegate.listeners[].upstream.credential", keys: &["user", "password", "allow_md5"] };
pub(super) const SECRET: Section =
    Section { path: "plugins.sidegate.listeners[].upstream.credential.password", keys: &["file", "env"] };

/// All of them, for whoever documents or draws them.
#[cfg(test)]
pub(super) const ALL: [&Section; 25] = [
    &ROOT,
    &BUNDLE,
    &DECISION_LOGS,
    &SIDEGATE,
    &ADMIN,
    &AUDIT,
    &WORKLOAD,
    &MASK_KEY,
    &ISSUER,
    &ISSUER_JWKS,
    &LISTENER,
    &LISTENER_TLS,
    &IDENTIFY,
    &IDENTIFY_WORKLOAD,
    &IDENTIFY_SCRAM,
    &IDENTIFY_JWT,
    &IDENTIFY_MTLS,
    &IDENTIFY_PEER,
    &IDENTIFY_ANONYMOUS,
    &STARTUP_PARAMETERS,
    &LIMITS,
    &UPSTREAM,
    &UPSTREAM_TLS,
    &CREDENTIAL,
    &SECRET,
];
