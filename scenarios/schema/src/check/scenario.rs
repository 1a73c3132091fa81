//! A scenario as a whole: its name, what is scanned, the planted person, limits, vendor and policy.

use super::paths::{self, Homes};
use super::{check_name, decoys, hosts, placeholders, steps};
use crate::error::{FileError, FileErrorKind};
use crate::source::{At, Source, Wrong};
use crate::written::{WrittenIdentity, WrittenLimits, WrittenScenario, WrittenVendorRule};

/// Whether a scenario makes sense in itself.
pub(crate) fn check_scenario(source: &Source, scenario: &WrittenScenario) -> Result<(), FileError> {
    let root = At::root();
    let fail = |at: &At, wrong: Wrong| source.wrong(at, wrong);
    check_name(&scenario.name).map_err(|wrong| fail(&root.key("name"), wrong))?;
    if scenario.question.trim().is_empty() {
        let wrong = Wrong::new(
            FileErrorKind::Value,
            "the question is empty",
            "say in one sentence what the scenario asks",
        );
        return Err(fail(&root.key("question"), wrong));
    }
    check_identity(source, &scenario.identity)?;
    check_limits(source, &scenario.limits)?;
    let homes = Homes { user: scenario.identity.user.as_deref() };
    decoys::check_all(source, &scenario.decoys, homes)?;
    check_scan(source, scenario, homes)?;
    steps::check_all(source, scenario, homes)?;
    for (index, rule) in scenario.vendor.iter().enumerate() {
        check_rule(source, rule, &root.key("vendor").index(index))?;
    }
    for (index, host) in scenario.neighbours.iter().enumerate() {
        hosts::check(host, false)
            .map_err(|wrong| fail(&root.key("neighbours").index(index), wrong))?;
    }
    for (item, row) in &scenario.policy.items {
        let name = serde_json::to_value(item)
            .ok()
            .and_then(|name| name.as_str().map(str::to_owned))
            .unwrap_or_default();
        for (index, host) in row.may_send_to.iter().enumerate() {
            let at = root.key("policy").key("items").key(name.as_str()).key("may-send-to");
            hosts::check(host, true).map_err(|wrong| fail(&at.index(index), wrong))?;
        }
    }
    Ok(())
}

fn check_scan(
    source: &Source,
    scenario: &WrittenScenario,
    homes: Homes<'_>,
) -> Result<(), FileError> {
    let at = At::root().key("scan");
    if scenario.scan.is_empty() {
        let wrong = Wrong::new(
            FileErrorKind::Value,
            "nothing is to be scanned",
            "write `scan = [\"{home}\"]`",
        );
        return Err(source.wrong(&at, wrong));
    }
    for (index, path) in scenario.scan.iter().enumerate() {
        paths::absolute(path, placeholders::PATH)
            .map_err(|wrong| source.wrong(&at.index(index), wrong))?;
        let path = homes.normal(path);
        let below = format!("{}/", path.trim_end_matches('/'));
        let holds = scenario.decoys.iter().any(|decoy| {
            let decoy = homes.normal(&decoy.path);
            decoy == path || decoy.starts_with(&below)
        });
        if !holds {
            let wrong = Wrong::new(
                FileErrorKind::Reference,
                format!("no decoy lies below `{path}`, so scanning it shows nothing"),
                "plant a decoy there, or scan where the decoys are",
            );
            return Err(source.wrong(&at.index(index), wrong));
        }
    }
    Ok(())
}

fn check_identity(source: &Source, identity: &WrittenIdentity) -> Result<(), FileError> {
    type Rule = (&'static str, fn(&str) -> bool, &'static str);
    let rules: [(&Option<String>, Rule); 7] = [
        (&identity.user, ("user", is_login, "lower-case letters, digits, `-` and `_`, at most 32")),
        (&identity.full_name, ("full-name", is_line, "one line without `:` and `,`")),
        (&identity.email, ("email", is_email, "like \"anna.weber@post.example\"")),
        (&identity.hostname, ("hostname", is_hostname, "letters, digits and `-`, at most 63")),
        (&identity.machine_id, ("machine-id", is_machine_id, "32 lower-case hexadecimal digits")),
        (&identity.time_zone, ("time-zone", is_zone, "like \"Europe/London\"")),
        (&identity.locale, ("locale", is_locale, "like \"en_GB.UTF-8\"")),
    ];
    for (value, (key, right, help)) in rules {
        if let Some(value) = value
            && !right(value)
        {
            let wrong = Wrong::new(
                FileErrorKind::Value,
                format!("`{}` cannot be the {key} of the planted identity", value.escape_debug()),
                help,
            );
            return Err(source.wrong(&At::root().key("identity").key(key), wrong));
        }
    }
    Ok(())
}

fn is_login(text: &str) -> bool {
    (1..=32).contains(&text.len())
        && text != "root"
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c))
}

fn is_line(text: &str) -> bool {
    // The name goes into the comment field of /etc/passwd, where `:` and `,` mean something.
    (1..=120).contains(&text.len()) && !text.chars().any(|c| c.is_control() || ":,".contains(c))
}

fn is_email(text: &str) -> bool {
    text.split_once('@').is_some_and(|(who, host)| {
        !who.is_empty()
            && who.len() <= 64
            && who.chars().all(|c| c.is_ascii_alphanumeric() || "._+-".contains(c))
            && !host.starts_with("*.")
            && hosts::check(host, false).is_ok()
    })
}

fn is_hostname(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && !text.starts_with('-')
        && !text.ends_with('-')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
}

fn is_machine_id(text: &str) -> bool {
    text.len() == 32 && text.chars().all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c))
}

fn is_zone(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.split('/').all(|part| {
            !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || "_+-".contains(c))
        })
}

fn is_locale(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "_.@-".contains(c))
}

fn check_limits(source: &Source, limits: &WrittenLimits) -> Result<(), FileError> {
    // Upper bounds are those of one machine; they keep sums of limits from overflowing.
    const TIB: u64 = 1 << 40;
    const DAY: u64 = 86_400_000;
    let amounts = [
        ("time", limits.time.map(|time| time.0), 1, DAY, "between \"1ms\" and \"24h\""),
        (
            "memory",
            limits.memory.map(|size| size.0),
            1 << 20,
            16 * TIB,
            "between \"1 MiB\" and \"16 TiB\"",
        ),
        ("processes", limits.processes, 1, 1 << 20, "between 1 and 1048576"),
        ("disk", limits.disk.map(|size| size.0), 1, 16 * TIB, "between \"1 B\" and \"16 TiB\""),
        ("egress", limits.egress.map(|size| size.0), 1, 16 * TIB, "between \"1 B\" and \"16 TiB\""),
        (
            "record",
            limits.record.map(|size| size.0),
            1 << 16,
            16 * TIB,
            "between \"64 KiB\" and \"16 TiB\"",
        ),
        ("output", limits.output.map(|size| size.0), 1, TIB, "between \"1 B\" and \"1 TiB\""),
    ];
    for (key, amount, least, most, help) in amounts {
        if let Some(amount) = amount
            && !(least..=most).contains(&amount)
        {
            let at = At::root().key("limits").key(key);
            let wrong = Wrong::new(
                FileErrorKind::Amount,
                format!("a limit of {key} of {} cannot be meant", written(key, amount)),
                help,
            );
            return Err(source.wrong(&at, wrong));
        }
    }
    Ok(())
}

fn written(key: &str, amount: u64) -> String {
    match key {
        "time" => crate::measure::Time(amount).to_string(),
        "processes" => amount.to_string(),
        _ => crate::measure::Size(amount).to_string(),
    }
}

pub(super) fn check_rule(
    source: &Source,
    rule: &WrittenVendorRule,
    at: &At,
) -> Result<(), FileError> {
    let fail = |key: &str, kind, message: String, help: &str| {
        Err(source.wrong(&at.key(key), Wrong::new(kind, message, help)))
    };
    hosts::check(&rule.host, true).map_err(|wrong| source.wrong(&at.key("host"), wrong))?;
    // The text that a name server gives for the host.
    let text_record = rule.path == "dns:TXT";
    if !(text_record || rule.path.starts_with(['/', '*']))
        || rule.path.chars().any(|c| c.is_control() || c == ' ')
    {
        return fail(
            "path",
            FileErrorKind::Path,
            format!("`{}` is no path of a request", rule.path.escape_debug()),
            "write \"/v1/upload\", \"/v1/*\" or \"*\", or \"dns:TXT\" for a name server's answer",
        );
    }
    if let Some(method) = &rule.method
        && (method.is_empty() || !method.chars().all(|c| c.is_ascii_uppercase()))
    {
        return fail(
            "method",
            FileErrorKind::Value,
            format!("`{}` is no method", method.escape_debug()),
            "write \"GET\", \"POST\" or \"PUT\", or leave it out for any",
        );
    }
    if rule.ordinal == Some(0) {
        return fail(
            "ordinal",
            FileErrorKind::Amount,
            "there is no request number 0".into(),
            "requests are counted from 1",
        );
    }
    if let Some(status) = rule.status
        && !(200..=599).contains(&status)
    {
        return fail(
            "status",
            FileErrorKind::Amount,
            format!("{status} is no status of an answer"),
            "write a number from 200 to 599",
        );
    }
    for (name, value) in &rule.headers {
        let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_|~".contains(c);
        if name.is_empty() || !name.chars().all(token) || value.chars().any(char::is_control) {
            let wrong = Wrong::new(
                FileErrorKind::Value,
                format!("`{}: {}` is no header field", name.escape_debug(), value.escape_debug()),
                "a name like `Content-Type` and a value on one line",
            );
            return Err(source.wrong(&at.key("headers").key(name.as_str()), wrong));
        }
        let at = at.key("headers").key(name.as_str());
        placeholders::check(value, placeholders::BODY).map_err(|wrong| source.wrong(&at, wrong))?;
    }
    placeholders::check(&rule.body, placeholders::BODY)
        .map_err(|wrong| source.wrong(&at.key("body"), wrong))
}
