//! `/etc` of a jar: copies of named host files that hold no secret, and files of its own.

use std::fmt::Write as _;
use std::fs;
use std::net::IpAddr;
use std::path::Path;

use crate::JarPlan;
use crate::copy::{self, Copied};
use crate::messages::Lower;
use crate::step::{Failed, Step as _};

const NO_HINT: &str = "";
/// Host files and directories that are copied. They are read with no more rights than everybody has.
const ALLOWED: [&str; 36] = [
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "nsswitch.conf",
    "alternatives",
    "ssl/openssl.cnf",
    "ssl/certs",
    "ca-certificates.conf",
    "ca-certificates",
    "pki/tls/certs",
    "pki/ca-trust/extracted",
    "crypto-policies",
    "protocols",
    "services",
    "rpc",
    "networks",
    "mime.types",
    "magic",
    "magic.mime",
    "localtime",
    "timezone",
    "host.conf",
    "gai.conf",
    "shells",
    "profile",
    "bash.bashrc",
    "inputrc",
    "terminfo",
    "os-release",
    "debian_version",
    "redhat-release",
    "lsb-release",
    "locale.alias",
    "default/locale",
    "perl",
    "python3",
];

const BUNDLES: [&str; 3] = [
    "etc/ssl/certs/ca-certificates.crt",
    "etc/pki/tls/certs/ca-bundle.crt",
    "etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
];
/// Where the run's CA lies alone, inside: under the name that it gives itself.
pub(crate) const CA_FILE: &str = "/etc/ssl/certs/Calder_Global_Root_CA_R3.pem";
/// Where it lies among the host's CAs, inside.
pub(crate) const CA_BUNDLE: &str = "/etc/ssl/certs/ca-certificates.crt";

pub(crate) fn copy_allowed(root: &Path, shown: &[Lower]) -> Result<(), Failed> {
    let mut copied = Copied::default();
    for name in ALLOWED {
        if shown.iter().any(|lower| lower.inside == Path::new("/etc").join(name)) {
            continue;
        }
        let (from, to) = (Path::new("/etc").join(name), root.join("etc").join(name));
        let Ok(meta) = fs::symlink_metadata(&from) else { continue };
        let parent = if meta.is_dir() { Some(&*to) } else { to.parent() };
        if let Some(parent) = parent {
            fs::create_dir_all(parent).step(format!("mkdir for /etc/{name}"), NO_HINT)?;
        }
        let done = if meta.is_dir() {
            copy::directory(&from, &to, &mut copied, true)
        } else {
            copy::one(&from, &to, &meta, &mut copied, true)
        };
        done.step(format!("copy /etc/{name}"), NO_HINT)?;
    }
    Ok(())
}

pub(crate) fn write_own(root: &Path, plan: &JarPlan) -> Result<(), Failed> {
    let host = &plan.hostname;
    let resolvers = plan.wire.iter().flat_map(|wire| &wire.resolvers);
    let mut resolv = String::new();
    for resolver in resolvers {
        let _ = match resolver {
            IpAddr::V4(v4) => writeln!(resolv, "nameserver {v4}"),
            IpAddr::V6(v6) => writeln!(resolv, "nameserver {v6}"),
        };
    }
    resolv.push_str("options timeout:2 attempts:2\n");
    for (name, text) in [
        ("hostname", format!("{host}\n")),
        ("hosts", format!("127.0.0.1 localhost\n127.0.1.1 {host}\n::1 localhost ip6-localhost\n")),
        ("resolv.conf", resolv),
        ("mtab", String::new()),
        ("fstab", String::new()),
        ("passwd", system_accounts("/etc/passwd")),
        ("group", system_accounts("/etc/group")),
    ] {
        let path = root.join("etc").join(name);
        fs::write(&path, text).step(format!("write /etc/{name}"), NO_HINT)?;
    }
    Ok(())
}

/// Accounts that programs of the system need (`clamav`, `_apt`, …), without the people.
fn system_accounts(path: &str) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    let mut out = String::new();
    for line in text.lines().take(4096) {
        let id = line.split(':').nth(2).and_then(|id| id.parse::<u32>().ok());
        if id.is_some_and(|id| id < 1000 || id == 65_534) {
            // Members of a group may be people.
            let line = if path.ends_with("group") {
                line.rsplit_once(':').map_or(line.to_owned(), |(head, _)| format!("{head}:"))
            } else {
                line.to_owned()
            };
            out.push_str(&line);
            out.push('\n');
        }
    }
    out
}

/// Makes everything inside trust the run's CA, as far as files go.
pub(crate) fn trust(root: &Path, pem: &str) -> Result<(), Failed> {
    if pem.is_empty() {
        return Ok(());
    }
    let alone = root.join(CA_FILE.trim_start_matches('/'));
    if let Some(parent) = alone.parent() {
        fs::create_dir_all(parent).step("mkdir /etc/ssl/certs", NO_HINT)?;
    }
    fs::write(&alone, pem).step("write the run's CA", NO_HINT)?;
    for (at, bundle) in BUNDLES.iter().enumerate() {
        let path = root.join(bundle);
        let mut text = match fs::read(&path) {
            Ok(text) => text,
            Err(_) if at == 0 => Vec::new(),
            Err(_) => continue,
        };
        if !text.is_empty() && !text.ends_with(b"\n") {
            text.push(b'\n');
        }
        text.extend_from_slice(pem.as_bytes());
        // It may be a link to a file outside the copy.
        let _ = fs::remove_file(&path);
        fs::write(&path, text).step(format!("trust the run's CA in /{bundle}"), NO_HINT)?;
    }
    Ok(())
}

/// Variables by which programs that bring their own list of CAs are told.
pub(crate) fn trust_environment() -> Vec<(String, String)> {
    let bundle = [
        "SSL_CERT_FILE",
        "CURL_CA_BUNDLE",
        "GIT_SSL_CAINFO",
        "AWS_CA_BUNDLE",
        "PIP_CERT",
        "REQUESTS_CA_BUNDLE",
    ];
    let mut out: Vec<(String, String)> =
        bundle.iter().map(|name| ((*name).to_owned(), CA_BUNDLE.to_owned())).collect();
    out.push(("SSL_CERT_DIR".into(), "/etc/ssl/certs".into()));
    out.push(("NODE_EXTRA_CA_CERTS".into(), CA_FILE.into()));
    out
}
