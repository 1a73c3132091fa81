//! Lines in the manner of files under `/etc`, told by the path.

use crate::seed::{ALPHANUMERIC, Draw as _, HEX, Stream};
use crate::words;

/// In the manner of which file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SystemStyle {
    /// shadow(5).
    Shadow,
    /// passwd(5).
    Passwd,
    /// group(5).
    Group,
    /// hosts(5).
    Hosts,
    /// authorized_keys and known_hosts, sshd(8).
    Keys,
    /// Name = value.
    Settings,
}

impl SystemStyle {
    /// By the last component of the path.
    pub(crate) fn of(path: &str) -> Self {
        match path.rsplit('/').next().unwrap_or_default().trim_end_matches('-') {
            "shadow" | "gshadow" => Self::Shadow,
            "passwd" => Self::Passwd,
            "group" => Self::Group,
            "hosts" => Self::Hosts,
            "authorized_keys" | "known_hosts" => Self::Keys,
            _ => Self::Settings,
        }
    }
}

const CRYPT: &[u8] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

fn line(style: SystemStyle, stream: &mut Stream) -> String {
    let login = format!("{}{}", words::noun(stream), stream.below(1_000));
    match style {
        SystemStyle::Shadow => format!(
            "{login}:$y$j9T${}${}:{}:0:99999:7:::\n",
            stream.token(22, CRYPT),
            stream.token(43, CRYPT),
            19_400 + stream.below(900)
        ),
        SystemStyle::Passwd => {
            let id = 1_001 + stream.below(50_000);
            let person = format!("{} {}", words::first_name(stream), words::family_name(stream));
            format!("{login}:x:{id}:{id}:{person},,,:/home/{login}:/bin/bash\n")
        }
        SystemStyle::Group => {
            format!("{login}:x:{}:{}\n", 1_001 + stream.below(50_000), words::noun(stream))
        }
        SystemStyle::Hosts => format!(
            "198.{}.{}.{}\t{login}-{}.example\n",
            18 + stream.below(2),
            stream.below(256),
            stream.below(256),
            stream.token(8, HEX)
        ),
        SystemStyle::Keys => format!(
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{} {login}@{}.example\n",
            stream.token(43, ALPHANUMERIC),
            words::noun(stream)
        ),
        SystemStyle::Settings => format!(
            "{}_{}_{} = {}\n",
            words::adjective(stream),
            words::noun(stream),
            stream.below(100),
            stream.token(24, ALPHANUMERIC)
        ),
    }
}

/// Exactly `len` bytes: whole lines, then a comment that fills up.
pub(crate) fn lines(style: SystemStyle, stream: &mut Stream, len: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(len + 256);
    loop {
        let line = line(style, stream);
        if out.len() + line.len() > len {
            break;
        }
        out.extend_from_slice(line.as_bytes());
    }
    let left = len - out.len();
    if left >= 3 {
        out.extend_from_slice(b"# ");
        words::filler(stream, left - 3, &mut out);
    } else if left == 2 {
        out.push(b'#');
    }
    if left >= 1 {
        out.push(b'\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;

    #[test]
    fn lines_have_exactly_the_length_asked_for() {
        for style in [SystemStyle::Shadow, SystemStyle::Passwd, SystemStyle::Hosts] {
            for len in 0..600 {
                assert_eq!(lines(style, &mut Seed::new(9).stream("x"), len).len(), len);
            }
        }
    }
}
