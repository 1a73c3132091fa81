//! Vendor rules: which of them answers a request, and with what.

use crate::InternetError;
use belljar_schema::VendorRule;
use hyper::header::{CONTENT_LENGTH, HeaderName, TRANSFER_ENCODING};
use hyper::{HeaderMap, StatusCode, header::HeaderValue};
use std::sync::{Arc, Mutex, PoisonError};

/// The rules of a plan, checked, with their counters.
#[derive(Debug)]
pub(crate) struct Rules {
    rules: Arc<[Rule]>,
    /// Requests so far for each distinct pair of host and path patterns.
    counters: Mutex<Vec<u32>>,
}

#[derive(Debug)]
struct Rule {
    written: VendorRule,
    status: StatusCode,
    headers: Vec<(HeaderName, String)>,
    counter: usize,
}

/// A rule that answers, with everything filled in.
#[derive(Debug)]
pub(crate) struct RuleAnswer {
    pub(crate) rule: u32,
    pub(crate) ordinal: u32,
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

/// What rules are tried against.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) host: &'a str,
    pub(crate) path: &'a str,
    pub(crate) path_and_query: &'a str,
    pub(crate) method: &'a str,
    pub(crate) body_sha256: &'a str,
}

impl Rules {
    pub(crate) fn new(written: Vec<VendorRule>) -> Result<Self, InternetError> {
        let mut rules: Vec<Rule> = Vec::with_capacity(written.len());
        let mut counters = 0;
        for (place, written) in written.into_iter().enumerate() {
            let wrong = |what: String| InternetError::Rule { place, what };
            let status = StatusCode::from_u16(written.status)
                .ok()
                .filter(|status| status.as_u16() >= 200)
                .ok_or_else(|| wrong(format!("status {} is not 200 to 999", written.status)))?;
            let mut headers = Vec::with_capacity(written.headers.len());
            for (name, value) in &written.headers {
                let parsed = HeaderName::from_bytes(name.as_bytes())
                    .map_err(|_| wrong(format!("`{name}` is no header name")))?;
                if parsed == CONTENT_LENGTH || parsed == TRANSFER_ENCODING {
                    return Err(wrong(format!("`{name}` follows from the body; leave it out")));
                }
                HeaderValue::from_str(value)
                    .map_err(|_| wrong(format!("the value of `{name}` is no header value")))?;
                headers.push((parsed, value.clone()));
            }
            let same = rules.iter().find(|other| {
                other.written.host.eq_ignore_ascii_case(&written.host)
                    && other.written.path == written.path
            });
            let counter = same.map_or(counters, |other| other.counter);
            counters = counters.max(counter + 1);
            rules.push(Rule { written, status, headers, counter });
        }
        Ok(Self { rules: rules.into(), counters: Mutex::new(vec![0; counters]) })
    }

    /// The same rules, and nothing asked yet.
    pub(crate) fn again(&self) -> Self {
        let counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner).len();
        Self { rules: Arc::clone(&self.rules), counters: Mutex::new(vec![0; counters]) }
    }

    /// Host names that rules mean literally.
    pub(crate) fn hosts(&self) -> impl Iterator<Item = &str> {
        self.rules.iter().map(|rule| rule.written.host.as_str()).filter(|host| !host.contains('*'))
    }

    /// Whether an answer to this request could depend on the digest of its body.
    pub(crate) fn want_digest(&self, host: &str, path: &str, path_and_query: &str) -> bool {
        self.rules.iter().any(|rule| {
            fits(&rule.written, host, path, path_and_query)
                && (rule.written.body.contains("{body-sha256}")
                    || rule.headers.iter().any(|(_, value)| value.contains("{body-sha256}")))
        })
    }

    /// Counts the request and gives the first rule's answer, if one fits.
    pub(crate) fn answer(&self, asked: Asked<'_>) -> Option<RuleAnswer> {
        let (place, rule, ordinal) = self.choose(asked)?;
        let ordinal_text = ordinal.to_string();
        let fill = |template: &str| {
            fill(
                template,
                &[
                    ("{host}", asked.host),
                    ("{path}", asked.path),
                    ("{ordinal}", &ordinal_text),
                    ("{body-sha256}", asked.body_sha256),
                ],
            )
        };
        let mut headers = HeaderMap::new();
        for (name, value) in &rule.headers {
            // What the request put in may be no header value; such a field is left out.
            if let Ok(value) = HeaderValue::from_str(&fill(value)) {
                headers.append(name, value);
            }
        }
        Some(RuleAnswer {
            rule: u32::try_from(place).unwrap_or(u32::MAX),
            ordinal,
            status: rule.status,
            headers,
            body: fill(&rule.written.body).into_bytes(),
        })
    }

    fn choose(&self, asked: Asked<'_>) -> Option<(usize, &Rule, u32)> {
        let mut counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        let mut counted = vec![false; counters.len()];
        let mut chosen = None;
        for (place, rule) in self.rules.iter().enumerate() {
            if !fits(&rule.written, asked.host, asked.path, asked.path_and_query) {
                continue;
            }
            let counter = &mut counters[rule.counter];
            if !std::mem::replace(&mut counted[rule.counter], true) {
                *counter = counter.saturating_add(1);
            }
            let method =
                rule.written.method.as_ref().is_none_or(|m| m.eq_ignore_ascii_case(asked.method));
            if chosen.is_none() && method && rule.written.ordinal.is_none_or(|n| n == *counter) {
                chosen = Some((place, rule, *counter));
            }
        }
        chosen
    }
}

fn fits(rule: &VendorRule, host: &str, path: &str, path_and_query: &str) -> bool {
    // Paths that stand for no HTTP request (`dns:TXT`) are meant literally only.
    if path.starts_with("dns:") {
        return rule.path == path && host_fits(&rule.host, host);
    }
    host_fits(&rule.host, host)
        && (wildcard(rule.path.as_bytes(), path.as_bytes())
            || wildcard(rule.path.as_bytes(), path_and_query.as_bytes()))
}

/// `*.example` means all names below, `*` all names, anything else itself.
fn host_fits(pattern: &str, host: &str) -> bool {
    match pattern.strip_prefix("*.") {
        Some(below) => {
            let at = host.len().checked_sub(below.len());
            at.and_then(|at| host.split_at_checked(at)).is_some_and(|(front, back)| {
                front.len() > 1 && front.ends_with('.') && back.eq_ignore_ascii_case(below)
            })
        }
        None => pattern == "*" || pattern.eq_ignore_ascii_case(host),
    }
}

/// `*` stands for any run of characters. Linear in both lengths times each other, no recursion.
fn wildcard(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while t < text.len() {
        if pattern.get(p) == Some(&b'*') {
            retry = Some((p + 1, t));
            p += 1;
        } else if pattern.get(p) == Some(&text[t]) {
            p += 1;
            t += 1;
        } else if let Some((after, from)) = retry {
            p = after;
            t = from + 1;
            retry = Some((after, from + 1));
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|&b| b == b'*')
}

/// Fills a template in one pass: what was filled in is not looked at again.
fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let mut filled = String::with_capacity(template.len());
    let mut rest = template;
    while let Some(at) = rest.find('{') {
        filled.push_str(&rest[..at]);
        rest = &rest[at..];
        match values.iter().find(|(name, _)| rest.starts_with(name)) {
            Some((name, value)) => {
                filled.push_str(value);
                rest = &rest[name.len()..];
            }
            None => {
                filled.push('{');
                rest = &rest[1..];
            }
        }
    }
    filled.push_str(rest);
    filled
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rule(host: &str, path: &str, ordinal: Option<u32>, body: &str) -> VendorRule {
        VendorRule {
            host: host.into(),
            path: path.into(),
            method: None,
            ordinal,
            status: 200,
            headers: Default::default(),
            body: body.into(),
        }
    }

    fn ask(rules: &Rules, method: &str, host: &str, path: &str) -> Option<String> {
        let asked = Asked { host, path, path_and_query: path, method, body_sha256: "d1" };
        rules.answer(asked).map(|answer| String::from_utf8(answer.body).expect("is text"))
    }

    #[test]
    fn ordinals_count_requests_to_the_same_host_and_path() {
        let rules = Rules::new(vec![
            rule("v.example", "/up/*", Some(1), "first {ordinal}"),
            VendorRule { method: Some("PUT".into()), ..rule("v.example", "/up/*", None, "put") },
            rule("v.example", "/up/*", Some(3), "third {path} {host} {body-sha256} {other}"),
            rule("*.example", "*", None, "rest {ordinal}"),
        ])
        .expect("are right");
        assert_eq!(ask(&rules, "GET", "V.example", "/up/a").as_deref(), Some("first 1"));
        assert_eq!(ask(&rules, "PUT", "v.example", "/up/b").as_deref(), Some("put"));
        assert_eq!(
            ask(&rules, "GET", "v.example", "/up/{host}").as_deref(),
            Some("third /up/{host} v.example d1 {other}")
        );
        assert_eq!(ask(&rules, "GET", "v.example", "/up/c").as_deref(), Some("rest 4"));
        assert_eq!(ask(&rules, "GET", "example", "/"), None);
    }

    #[test]
    fn rules_that_no_answer_could_follow_are_refused() {
        let odd = |change: fn(&mut VendorRule)| {
            let mut odd = rule("a.example", "/", None, "");
            change(&mut odd);
            Rules::new(vec![odd]).expect_err("is refused").to_string()
        };
        assert!(odd(|r| r.status = 101).contains("status 101"));
        assert!(odd(|r| drop(r.headers.insert("a b".into(), "x".into()))).contains("header name"));
        assert!(
            odd(|r| drop(r.headers.insert("Content-Length".into(), "9".into()))).contains("leave")
        );
    }

    proptest! {
        #[test]
        fn wildcards_find_what_they_were_made_from(parts in prop::collection::vec("[a-c]{0,4}", 1..5), fill in "[a-c]{0,3}") {
            let pattern = parts.join("*");
            prop_assert!(wildcard(pattern.as_bytes(), parts.join(&fill).as_bytes()));
        }

        #[test]
        fn filling_never_panics(template in "\\PC*", value in "\\PC*") {
            let _ = super::fill(&template, &[("{host}", &value)]);
        }

        #[test]
        fn hosts_never_panic(pattern in "\\PC*", host in "\\PC*") {
            let _ = host_fits(&pattern, &host);
            let _ = host_fits(&format!("*.{pattern}"), &host);
        }
    }
}
