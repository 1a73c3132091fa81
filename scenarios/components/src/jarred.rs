//! Refuses to start outside the jar.
//!
//! Looks, without sending anything: the network has no device but `lo` and `eth0`, and no address
//! but loopback and those of the fake internet; the user namespace is not the machine's own. A
//! machine that looks like this by chance has no way out either.

use std::net::Ipv4Addr;

/// Why a component did not start.
#[derive(Debug, thiserror::Error)]
#[error("this reference component carries data out on purpose and starts only inside the jar: {0}")]
pub struct OutsideTheJar(String);

/// Checks that this process runs in the jar.
///
/// # Errors
/// [`OutsideTheJar`] with what was seen instead.
pub fn insist() -> Result<(), OutsideTheJar> {
    let read = |path: &str| {
        std::fs::read_to_string(path)
            .map_err(|error| OutsideTheJar(format!("cannot look at {path}: {error}")))
    };
    own_user_namespace(&read("/proc/self/uid_map")?)?;
    only_jar_devices(&read("/proc/self/net/dev")?)?;
    only_fake_addresses(&read("/proc/self/net/fib_trie")?)
}

fn own_user_namespace(uid_map: &str) -> Result<(), OutsideTheJar> {
    // The machine's own user namespace maps all 2^32 - 1 ids (user_namespaces(7)).
    if uid_map.split_whitespace().nth(2) == Some("4294967295") {
        return Err(OutsideTheJar("the machine's own user namespace".into()));
    }
    Ok(())
}

fn only_jar_devices(devices: &str) -> Result<(), OutsideTheJar> {
    let foreign = devices
        .lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(name, _)| name.trim())
        .find(|name| !matches!(*name, "lo" | "eth0"));
    match foreign {
        Some(name) => Err(OutsideTheJar(format!("a network device {name}"))),
        None => Ok(()),
    }
}

fn only_fake_addresses(trie: &str) -> Result<(), OutsideTheJar> {
    // Each local address stands on the line before its "/32 host LOCAL".
    let lines: Vec<&str> = trie.lines().collect();
    for pair in lines.windows(2).filter(|pair| pair[1].contains("/32 host LOCAL")) {
        let address: Option<Ipv4Addr> =
            pair[0].trim_start_matches([' ', '|', '-', '+']).trim().parse().ok();
        let fake = address.is_some_and(|address| {
            // RFC 5737 (documentation) and RFC 2544 (benchmarks).
            address.is_loopback()
                || address.is_documentation()
                || matches!(address.octets(), [198, 18 | 19, _, _])
        });
        if !fake {
            return Err(OutsideTheJar(format!("the address {}", pair[0].trim())));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_not_the_jar() {
        assert!(insist().is_err());
    }

    #[test]
    fn a_real_address_is_told_from_a_fake_one() {
        let trie = |address: &str| {
            format!("Local:\n  +-- 0.0.0.0/0 3 0 5\n     |-- {address}\n        /32 host LOCAL\n")
        };
        for fake in ["127.0.0.1", "198.51.100.23", "198.18.0.7"] {
            assert!(only_fake_addresses(&trie(fake)).is_ok(), "{fake}");
        }
        for real in ["10.0.0.2", "8.8.8.8", "192.168.1.5"] {
            assert!(only_fake_addresses(&trie(real)).is_err(), "{real}");
        }
    }

    #[test]
    fn a_foreign_device_is_seen() {
        assert!(only_jar_devices("Inter-| x\n face | y\n    lo: 1 2\n  eth0: 3 4\n").is_ok());
        assert!(only_jar_devices("    lo: 1 2\n  wlan0: 3 4\n").is_err());
    }
}
