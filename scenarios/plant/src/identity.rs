//! The planted person and machine.
//!
//! What a scenario leaves out is drawn from the seed. Names are invented combinations; addresses
//! and hosts lie under `.example` (RFC 2606), where nobody can be reached.

use crate::error::PlantError;
use crate::kinds::sample;
use crate::seed::{Draw as _, HEX, Seed};
use crate::words;
use belljar_schema::{DataItem, Fact, Identity};

/// The planted person and machine, with everything filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvedIdentity {
    /// Login name.
    pub user: String,
    /// Full name.
    pub full_name: String,
    /// E-mail address.
    pub email: String,
    /// Host name.
    pub hostname: String,
    /// `/etc/machine-id`: 32 hexadecimal digits.
    pub machine_id: String,
    /// Time zone by its tz database name.
    pub time_zone: String,
    /// Locale (`en_GB.UTF-8`).
    pub locale: String,
    /// Home directory: `/home/<user>`.
    pub home: String,
    /// A UUID (RFC 9562, version 4), for components that let their unique id be set beforehand.
    pub installation_id: String,
}

const ZONES: &[&str] = &[
    "Europe/Lisbon",
    "Europe/Tallinn",
    "Europe/Ljubljana",
    "Europe/Helsinki",
    "Atlantic/Reykjavik",
    "America/Halifax",
    "America/Montevideo",
    "Asia/Yerevan",
    "Asia/Colombo",
    "Pacific/Auckland",
];

const LOCALES: &[&str] = &[
    "en_GB.UTF-8",
    "en_IE.UTF-8",
    "en_NZ.UTF-8",
    "et_EE.UTF-8",
    "fi_FI.UTF-8",
    "is_IS.UTF-8",
    "pt_PT.UTF-8",
    "sl_SI.UTF-8",
];

impl ResolvedIdentity {
    pub(crate) fn resolve(written: &Identity, seed: Seed) -> Result<Self, PlantError> {
        let seed = seed.child("identity");
        let full_name = written.full_name.clone().unwrap_or_else(|| {
            let mut stream = seed.stream("full name");
            format!("{} {}", words::first_name(&mut stream), words::family_name(&mut stream))
        });
        let simple: Vec<String> = full_name
            .split_whitespace()
            .map(|word| word.chars().filter(char::is_ascii_alphanumeric).collect::<String>())
            .map(|word| word.to_lowercase())
            .filter(|word| !word.is_empty())
            .collect();
        let user = written.user.clone().unwrap_or_else(|| {
            let number = 10 + seed.stream("user").below(90);
            let (first, last) = (simple.first(), simple.last());
            let mut name: String = first.and_then(|name| name.chars().next()).into_iter().collect();
            name.push_str(last.map_or("visitor", String::as_str));
            name.truncate(24);
            if !name.starts_with(|letter: char| letter.is_ascii_lowercase()) {
                name.insert(0, 'u');
            }
            format!("{name}{number}")
        });
        let email = written.email.clone().unwrap_or_else(|| {
            let mut stream = seed.stream("email");
            let host = format!("{}-{}", words::adjective(&mut stream), words::noun(&mut stream));
            let name = if simple.is_empty() { user.clone() } else { simple.join(".") };
            format!("{name}@{host}.example")
        });
        let hostname = written.hostname.clone().unwrap_or_else(|| {
            let mut stream = seed.stream("hostname");
            format!("{}-{}", words::noun(&mut stream), stream.token(6, HEX))
        });
        let machine_id =
            written.machine_id.clone().unwrap_or_else(|| seed.stream("machine id").token(32, HEX));
        let time_zone = written
            .time_zone
            .clone()
            .unwrap_or_else(|| seed.stream("time zone").one_of(ZONES).to_owned());
        let locale = written
            .locale
            .clone()
            .unwrap_or_else(|| seed.stream("locale").one_of(LOCALES).to_owned());
        let home = format!("/home/{user}");
        let drawn = seed.stream("installation id").token(30, HEX);
        let installation_id = format!(
            "{}-{}-4{}-a{}-{}",
            &drawn[..8],
            &drawn[8..12],
            &drawn[12..15],
            &drawn[15..18],
            &drawn[18..]
        );
        let identity = Self {
            user,
            full_name,
            email,
            hostname,
            machine_id,
            time_zone,
            locale,
            home,
            installation_id,
        };
        identity.checked()
    }

    /// These values are written into files of a line syntax: they must not break out of it.
    fn checked(self) -> Result<Self, PlantError> {
        let word = |value: &str| {
            !value.is_empty()
                && value.len() <= 64
                && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
                && !value.starts_with(['-', '.'])
        };
        let line = |value: &str| {
            !value.is_empty()
                && value.len() <= 200
                && !value.chars().any(|letter| letter.is_control() || letter == ':')
        };
        let bad = |field, value: &str, why| {
            Err(PlantError::Identity { field, value: value.to_owned(), why })
        };
        if !word(&self.user) || self.user == "root" {
            return bad(
                "user",
                &self.user,
                "must be a login name: letters, digits, `-`, `_`, `.`, not root",
            );
        }
        if !word(&self.hostname) {
            return bad("hostname", &self.hostname, "must be letters, digits, `-` and `.`");
        }
        if !line(&self.full_name) {
            return bad("full-name", &self.full_name, "must be one line without colons");
        }
        if !line(&self.email) || !self.email.contains('@') {
            return bad("email", &self.email, "must be an address");
        }
        if self.machine_id.len() != 32 || !self.machine_id.bytes().all(|b| HEX.contains(&b)) {
            return bad("machine-id", &self.machine_id, "must be 32 lower-case hexadecimal digits");
        }
        if !line(&self.time_zone) || self.time_zone.contains("..") {
            return bad("time-zone", &self.time_zone, "must be a name of the tz database");
        }
        if !line(&self.locale) {
            return bad("locale", &self.locale, "must be a locale such as en_GB.UTF-8");
        }
        Ok(self)
    }

    /// Fills in `{user}`, `{home}`, `{hostname}` and `{email}`.
    pub(crate) fn fill_names(&self, text: &str) -> String {
        self.filled(text, |name| match name {
            "user" => Some(self.user.clone()),
            "home" => Some(self.home.clone()),
            "hostname" => Some(self.hostname.clone()),
            "email" => Some(self.email.clone()),
            _ => None,
        })
    }

    /// Fills in everything that a template may name; what it does not know stays as it is.
    pub(crate) fn fill(&self, text: &str) -> String {
        self.filled(text, |name| {
            Some(match name {
                "user" => self.user.clone(),
                "home" => self.home.clone(),
                "hostname" => self.hostname.clone(),
                "email" => self.email.clone(),
                "full-name" => self.full_name.clone(),
                "machine-id" => self.machine_id.clone(),
                "installation-id" => self.installation_id.clone(),
                "time-zone" => self.time_zone.clone(),
                "locale" => self.locale.clone(),
                "eicar-hex" => sample::eicar_hex(),
                "eicar-md5" => sample::eicar_md5(),
                "eicar-sha256" => sample::eicar_sha256(),
                _ => return None,
            })
        })
    }

    /// One pass: what was filled in is not looked at again.
    fn filled(&self, text: &str, value: impl Fn(&str) -> Option<String>) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(open) = rest.find('{') {
            out.push_str(&rest[..open]);
            rest = &rest[open..];
            let found = rest.find('}').and_then(|close| Some((close, value(&rest[1..close])?)));
            match found {
                Some((close, value)) => {
                    out.push_str(&value);
                    rest = &rest[close + 1..];
                }
                None => {
                    out.push('{');
                    rest = &rest[1..];
                }
            }
        }
        out.push_str(rest);
        out
    }

    /// The facts by which the person and the machine are recognised in what left.
    pub(crate) fn facts(&self) -> Vec<Fact> {
        let fact = |item, value: &str, common| Fact { item, value: value.to_owned(), common };
        vec![
            fact(DataItem::UserName, &self.user, self.user.len() < 6),
            fact(DataItem::FullName, &self.full_name, self.full_name.len() < 6),
            fact(DataItem::Email, &self.email, false),
            fact(DataItem::Hostname, &self.hostname, self.hostname.len() < 6),
            fact(DataItem::MachineId, &self.machine_id, false),
            fact(DataItem::InstallationId, &self.installation_id, false),
            fact(DataItem::TimeZone, &self.time_zone, true),
            fact(DataItem::Locale, &self.locale, true),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_drawn_and_what_is_written_stays() {
        let written = Identity { user: Some("mkeller".into()), ..Identity::default() };
        for number in 0..200 {
            let identity = ResolvedIdentity::resolve(&written, Seed::new(number)).expect("valid");
            assert_eq!(
                (identity.user.as_str(), identity.home.as_str()),
                ("mkeller", "/home/mkeller")
            );
            assert!(identity.email.ends_with(".example"));
            ResolvedIdentity::resolve(&Identity::default(), Seed::new(number)).expect("valid");
        }
    }

    #[test]
    fn values_that_would_break_out_of_their_file_are_refused() {
        for user in ["", "a:b", "a\nb", "root", "-x", "a/b"] {
            let written = Identity { user: Some(user.into()), ..Identity::default() };
            let refused = ResolvedIdentity::resolve(&written, Seed::new(1));
            assert!(matches!(refused, Err(PlantError::Identity { field: "user", .. })), "{user}");
        }
    }

    #[test]
    fn templates_are_filled_once_and_unknown_names_stay() {
        let written = Identity {
            user: Some("ann".into()),
            full_name: Some("{user} x".into()),
            ..Identity::default()
        };
        let identity = ResolvedIdentity::resolve(&written, Seed::new(1)).expect("valid");
        assert_eq!(
            identity.fill("{home}/a {nope} { {full-name} {"),
            "/home/ann/a {nope} { {user} x {"
        );
        assert_eq!(identity.fill("{eicar-md5}"), "44d88612fea8a8f36de82e1278abb02f");
    }
}
