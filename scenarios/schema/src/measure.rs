//! Sizes and times as people write them: `"160 KiB"`, `"2m"`.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;

/// A number of bytes, written as `"160 KiB"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Size(pub u64);

/// A time in milliseconds, written as `"500ms"`, `"60s"`, `"2m"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(pub u64);

const SIZE_UNITS: [(&str, u64); 5] =
    [("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40)];
const TIME_UNITS: [(&str, u64); 4] = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000)];

const SIZE_HELP: &str =
    "a size is a whole number and B, KiB, MiB, GiB or TiB, in quotes: \"160 KiB\"";
const TIME_HELP: &str = "a time is a whole number and ms, s, m or h, in quotes: \"60s\"";

/// Splits `160 KiB` into number and unit and multiplies them. The error names what is wrong.
fn parse(text: &str, units: &[(&str, u64)], what: &str, help: &str) -> Result<u64, String> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = (&text[..digits], text[digits..].trim_start());
    if number.is_empty() {
        return Err(format!("`{text}` is no {what}; {help}"));
    }
    if unit.is_empty() {
        return Err(format!("`{text}` has no unit; {help}"));
    }
    let exact = units.iter().find(|(name, _)| *name == unit);
    let Some((_, factor)) = exact else {
        // Case of letters is often confused; SI and IEC units are, too.
        let iec = format!("{}iB", unit.trim_end_matches(['b', 'B']).trim_end_matches('i'));
        let meant = units
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(unit) || name.eq_ignore_ascii_case(&iec));
        let blank = if what == "size" { " " } else { "" };
        let help = match meant {
            Some((name, _)) => format!("write \"{number}{blank}{name}\""),
            None => help.to_owned(),
        };
        return Err(format!("`{unit}` is no unit of {what}; {help}"));
    };
    number
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(*factor))
        .ok_or_else(|| format!("`{text}` is too large for a {what}"))
}

/// The largest unit that divides the amount.
fn unit_of<'a>(amount: u64, units: &[(&'a str, u64)]) -> (u64, &'a str) {
    let (name, factor) = units
        .iter()
        .rev()
        .find(|(_, factor)| amount != 0 && amount.is_multiple_of(*factor))
        .unwrap_or(&units[0]);
    (amount / factor, name)
}

impl std::str::FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        parse(text, &SIZE_UNITS, "size", SIZE_HELP).map(Self)
    }
}

impl std::str::FromStr for Time {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        parse(text, &TIME_UNITS, "time", TIME_HELP).map(Self)
    }
}

impl std::fmt::Display for Size {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (number, unit) = unit_of(self.0, &SIZE_UNITS);
        write!(f, "{number} {unit}")
    }
}

impl std::fmt::Display for Time {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (number, unit) = unit_of(self.0, &TIME_UNITS);
        write!(f, "{number}{unit}")
    }
}

struct Measure {
    help: &'static str,
    parse: fn(&str) -> Result<u64, String>,
}

impl Visitor<'_> for Measure {
    type Value = u64;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.help)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<u64, E> {
        (self.parse)(text).map_err(E::custom)
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let parse = |text: &str| text.parse::<Self>().map(|size| size.0);
        deserializer.deserialize_str(Measure { help: SIZE_HELP, parse }).map(Self)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let parse = |text: &str| text.parse::<Self>().map(|time| time.0);
        deserializer.deserialize_str(Measure { help: TIME_HELP, parse }).map(Self)
    }
}

impl Serialize for Size {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for Size {
    fn schema_name() -> Cow<'static, str> {
        "Size".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": SIZE_HELP,
            "pattern": r"^\s*[0-9]+\s*(B|KiB|MiB|GiB|TiB)\s*$",
        })
    }
}

impl JsonSchema for Time {
    fn schema_name() -> Cow<'static, str> {
        "Time".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": TIME_HELP,
            "pattern": r"^\s*[0-9]+\s*(ms|s|m|h)\s*$",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_times_are_read_as_people_write_them() {
        assert_eq!("160 KiB".parse(), Ok(Size(163_840)));
        assert_eq!("1GiB".parse(), Ok(Size(1 << 30)));
        assert_eq!("68 B".parse(), Ok(Size(68)));
        assert_eq!("60s".parse(), Ok(Time(60_000)));
        assert_eq!("2 m".parse(), Ok(Time(120_000)));
        assert_eq!("500ms".parse(), Ok(Time(500)));
    }

    #[test]
    fn wrong_sizes_and_times_say_what_would_be_right() {
        let size = |text: &str| text.parse::<Size>().expect_err("is wrong");
        let time = |text: &str| text.parse::<Time>().expect_err("is wrong");
        assert_eq!(size("160 KB"), "`KB` is no unit of size; write \"160 KiB\"");
        assert_eq!(size("3 gib"), "`gib` is no unit of size; write \"3 GiB\"");
        assert!(size("160").contains("has no unit"), "{}", size("160"));
        assert!(size("big").contains("is no size"));
        assert!(size("-1 B").contains("is no size"));
        assert!(size("1.5 GiB").contains("\"160 KiB\""), "{}", size("1.5 GiB"));
        assert!(size("99999999999 TiB").contains("too large"));
        assert_eq!(time("5 S"), "`S` is no unit of time; write \"5s\"");
        assert!(time("5 min").contains("ms, s, m or h"));
    }

    #[test]
    fn every_amount_is_written_so_that_it_reads_back() {
        for amount in [0, 1, 999, 1000, 1024, 60_000, 61_000, 163_840, 1 << 30, u64::MAX] {
            assert_eq!(Size(amount).to_string().parse(), Ok(Size(amount)));
            assert_eq!(Time(amount).to_string().parse(), Ok(Time(amount)));
        }
    }
}
