//! OpenMetrics text to Prometheus' classic text format, which OPA serves and every scraper reads.
//!
//! The two differ in what a counter is called: OpenMetrics names the family `x` and the sample `x_total`, the classic
//! format names both alike. OPA's own counters end in `_counter` and have no `_total` at all.

/// Rewrites one encoded registry.
pub(super) fn classic(open_metrics: &str) -> String {
    let mut out = String::with_capacity(open_metrics.len());
    let mut family = Family::new("", "");
    let mut help = None;
    for line in open_metrics.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            help = rest.split_once(' ');
        } else if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' ')) {
            family = Family::new(name, kind);
            if let Some((_, text)) = help.take() {
                push(&mut out, &["# HELP ", &family.written, " ", text]);
            }
            push(&mut out, &["# TYPE ", &family.written, " ", family.kind]);
        } else if !line.starts_with('#') {
            match line.strip_prefix(family.sample.as_str()) {
                Some(rest) if family.is_counter => push(&mut out, &[&family.written, rest]),
                _ => push(&mut out, &[line]),
            }
        }
    }
    out
}

struct Family<'a> {
    is_counter: bool,
    /// The name of its samples in OpenMetrics.
    sample: String,
    /// The name that is written.
    written: String,
    /// The type that is written.
    kind: &'a str,
}

impl<'a> Family<'a> {
    fn new(name: &str, kind: &'a str) -> Self {
        let is_counter = kind == "counter";
        let sample = if is_counter { format!("{name}_total") } else { name.to_owned() };
        let written = match kind {
            "counter" if !name.ends_with("_counter") => sample.clone(),
            "info" => format!("{name}_info"),
            _ => name.to_owned(),
        };
        // The classic format knows no info: OPA's are gauges.
        Self { is_counter, sample, written, kind: if kind == "info" { "gauge" } else { kind } }
    }
}

fn push(out: &mut String, parts: &[&str]) {
    parts.iter().for_each(|part| out.push_str(part));
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_called_as_the_classic_format_and_opa_call_them() {
        let open = "# HELP a Things.\n# TYPE a counter\na_total{x=\"a_total\"} 1\n\
                    # HELP b_counter Others.\n# TYPE b_counter counter\nb_counter_total{name=\"m\"} 2\n\
                    # HELP c Now.\n# TYPE c gauge\n# UNIT c seconds\nc 3\n\
                    # HELP d It.\n# TYPE d info\nd_info{v=\"1\"} 1\n# EOF\n";
        let want = "# HELP a_total Things.\n# TYPE a_total counter\na_total{x=\"a_total\"} 1\n\
                    # HELP b_counter Others.\n# TYPE b_counter counter\nb_counter{name=\"m\"} 2\n\
                    # HELP c Now.\n# TYPE c gauge\nc 3\n\
                    # HELP d_info It.\n# TYPE d_info gauge\nd_info{v=\"1\"} 1\n";
        assert_eq!(classic(open), want);
    }
}
