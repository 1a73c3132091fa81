//! Names and paths are bytes: Linux allows any byte but `/` and NUL in a name.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A byte string that is usually text. In JSON it is a string where it is valid UTF-8 and
/// `{"base64": "…"}` where it is not, so that nothing is lost and people can read the rest.
#[derive(Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ByteString(pub Vec<u8>);

impl ByteString {
    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The text, with U+FFFD for what is not UTF-8. For people only.
    pub fn lossy(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.0)
    }
}

impl std::fmt::Debug for ByteString {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "b\"{}\"", self.0.escape_ascii())
    }
}

/// Control and non-ASCII-printable bytes are escaped, so that a hostile name cannot drive a terminal.
impl std::fmt::Display for ByteString {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match std::str::from_utf8(&self.0) {
            Ok(text) if !text.chars().any(char::is_control) => f.write_str(text),
            _ => write!(f, "{}", self.0.escape_ascii()),
        }
    }
}

impl From<&[u8]> for ByteString {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

impl From<Vec<u8>> for ByteString {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl From<&str> for ByteString {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }
}

impl From<String> for ByteString {
    fn from(text: String) -> Self {
        Self(text.into_bytes())
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Text(String),
    Binary { base64: String },
}

impl Serialize for ByteString {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap as _;
        match std::str::from_utf8(&self.0) {
            Ok(text) => serializer.serialize_str(text),
            Err(_) => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry("base64", &data_encoding::BASE64.encode(&self.0))?;
                map.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for ByteString {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Written::deserialize(deserializer)? {
            Written::Text(text) => Self(text.into_bytes()),
            Written::Binary { base64 } => Self(
                data_encoding::BASE64
                    .decode(base64.as_bytes())
                    .map_err(serde::de::Error::custom)?,
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_text_and_odd_bytes_survive() {
        for bytes in [&b"/home/a b"[..], b"\xff\x00name", b"", "пример".as_bytes()] {
            let name = ByteString::from(bytes);
            let json = serde_json::to_string(&name).expect("serialises");
            assert_eq!(serde_json::from_str::<ByteString>(&json).expect("reads back"), name);
        }
        assert_eq!(serde_json::to_string(&ByteString::from("a")).expect("serialises"), "\"a\"");
    }

    #[test]
    fn a_hostile_name_cannot_drive_a_terminal() {
        assert_eq!(ByteString::from("a\x1b[2Jb").to_string(), "a\\x1b[2Jb");
    }
}
