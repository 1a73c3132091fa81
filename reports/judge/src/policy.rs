//! The policy applied: a row an item; what no row names may be neither read beyond the task nor
//! sent.

use belljar_schema::{Component, DataItem, Policy, PolicyItem};

/// Whether `host` fits `pattern`: the name itself, `*` for any, `*.example` for all names below
/// `example`. Names of hosts are compared without regard to case (RFC 4343) and to a last dot.
pub(crate) fn host_fits(pattern: &str, host: &str) -> bool {
    let pattern = pattern.trim_end_matches('.').to_ascii_lowercase();
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    match pattern.strip_prefix('*') {
        Some("") => true,
        Some(tail) if tail.starts_with('.') => host.len() > tail.len() && host.ends_with(tail),
        _ => pattern == host,
    }
}

/// The row for an item.
pub(crate) fn row(policy: &Policy, item: DataItem) -> Option<&PolicyItem> {
    policy.items.iter().find(|row| row.item == item)
}

pub(crate) fn may_read(policy: &Policy, item: DataItem) -> bool {
    row(policy, item).is_some_and(|row| row.may_read)
}

/// Whether a row says in so many words that the item may not be read beyond the task.
pub(crate) fn read_forbidden_by_name(policy: &Policy, item: DataItem) -> bool {
    row(policy, item).is_some_and(|row| !row.may_read)
}

pub(crate) fn may_send(policy: &Policy, item: DataItem, host: &str) -> bool {
    row(policy, item)
        .is_some_and(|row| row.may_send_to.iter().any(|pattern| host_fits(pattern, host)))
}

pub(crate) fn declared(component: &Component, item: DataItem, host: &str) -> bool {
    component.declares.iter().any(|entry| entry.item == item && host_fits(&entry.to, host))
}

/// The row in words, for a finding.
pub(crate) fn words(policy: &Policy, item: DataItem) -> String {
    let name = crate::words::item_words(item);
    match row(policy, item) {
        None => format!("no row for {name}: neither read beyond the task nor sent"),
        Some(row) => {
            let read = if row.may_read { "may" } else { "may not" };
            let sent = if row.may_send_to.is_empty() {
                "may be sent nowhere".to_owned()
            } else {
                format!("may be sent to {}", row.may_send_to.join(", "))
            };
            format!("{name}: {read} be read beyond the task, {sent}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_for_names_below_does_not_fit_the_name_itself_nor_a_lookalike() {
        assert!(host_fits("*.vendor.example", "up.VENDOR.example."));
        assert!(!host_fits("*.vendor.example", "vendor.example"));
        assert!(!host_fits("*.vendor.example", "evilvendor.example"));
        assert!(!host_fits("vendor.example", "vendor.example.evil.example"));
        assert!(host_fits("*", "198.51.100.7"));
    }

    #[test]
    fn what_no_row_names_may_be_neither_read_nor_sent() {
        let policy = Policy::default();
        for item in DataItem::ALL {
            assert!(!may_read(&policy, item) && !may_send(&policy, item, "any.example"));
        }
    }
}
