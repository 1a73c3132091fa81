//! Program source that looks like somebody's: plausible, indented, without meaning.
//!
//! It is not promised to compile. Nearly every line carries a name or a number of its own.

use crate::seed::{Draw as _, Stream};
use crate::words;

/// Languages, told by the ending of the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    Rust,
    C,
    Python,
}

impl Language {
    /// By the ending of the path; C if it is another.
    pub(crate) fn of(path: &str) -> Self {
        match path.rsplit('.').next() {
            Some("rs") => Self::Rust,
            Some("py" | "pyi" | "sh") => Self::Python,
            _ => Self::C,
        }
    }

    /// How a comment line begins.
    fn comment(self) -> &'static str {
        match self {
            Self::Rust | Self::C => "// ",
            Self::Python => "# ",
        }
    }
}

/// Exactly `len` bytes of source.
pub(crate) fn source(language: Language, stream: &mut Stream, len: usize) -> Vec<u8> {
    let mut out = String::with_capacity(len + 1024);
    let mut whole = 0;
    while out.len() < len {
        whole = out.len();
        match language {
            Language::Rust => rust(stream, &mut out),
            Language::C => c(stream, &mut out),
            Language::Python => python(stream, &mut out),
        }
    }
    if out.len() > len {
        // Drop what does not fit, line by line, and end with comment lines.
        while out.len() > len && out.len() > whole {
            let cut = out[..out.len() - 1].rfind('\n').map_or(0, |place| place + 1);
            out.truncate(cut.max(whole));
        }
        let mut bytes = out.into_bytes();
        fill_with_comments(language, stream, &mut bytes, len);
        return bytes;
    }
    out.into_bytes()
}

fn fill_with_comments(language: Language, stream: &mut Stream, out: &mut Vec<u8>, len: usize) {
    while out.len() < len {
        let left = len - out.len();
        let sign = language.comment().as_bytes();
        if left <= sign.len() + 1 {
            out.resize(len, b'\n');
            return;
        }
        let line = if left <= 90 { left } else { 60 };
        out.extend_from_slice(sign);
        let mut text = Vec::new();
        words::sentence(stream, &mut text);
        let room = line - sign.len() - 1;
        text.truncate(room);
        let missing = room - text.len();
        out.extend_from_slice(&text);
        words::filler(stream, missing, out);
        out.push(b'\n');
    }
}

fn name(stream: &mut Stream) -> String {
    format!("{}_{}", words::action(stream), words::noun(stream))
}

fn rust(stream: &mut Stream, out: &mut String) {
    use std::fmt::Write as _;
    let (function, input, state) = (name(stream), words::noun(stream), words::adjective(stream));
    let _ = writeln!(
        out,
        "/// {} for the {} {}.",
        words::title(stream),
        words::adjective(stream),
        words::noun(stream)
    );
    let _ = writeln!(
        out,
        "pub fn {function}_{:x}({input}: &[u8], limit: usize) -> Option<u64> {{",
        stream.below(1 << 16)
    );
    let _ = writeln!(out, "    let mut {state} = 0x{:08x}_u64;", stream.below(u32::MAX));
    for _ in 0..2 + stream.below(5) {
        match stream.below(4) {
            0 => {
                let _ = writeln!(
                    out,
                    "    {state} = {state}.rotate_left({}) ^ 0x{:08x};",
                    stream.below(63) + 1,
                    stream.below(u32::MAX)
                );
            }
            1 => {
                let _ = writeln!(
                    out,
                    "    if {input}.len() > limit.min({}) {{\n        log::warn!(\"{} {}: {{}}\", {state});\n        return None;\n    }}",
                    stream.below(65_000),
                    words::adjective(stream),
                    words::noun(stream)
                );
            }
            2 => {
                let _ = writeln!(
                    out,
                    "    for (place, byte) in {input}.iter().enumerate().skip({}) {{\n        {state} += u64::from(*byte) * place as u64 + {};\n    }}",
                    stream.below(64),
                    stream.below(99_999)
                );
            }
            _ => {
                let _ = writeln!(
                    out,
                    "    let {} = {}({state}, {});",
                    words::noun(stream),
                    name(stream),
                    stream.below(100_000)
                );
            }
        }
    }
    let _ = writeln!(out, "    Some({state} % {})\n}}\n", stream.below(1 << 30) | 1);
}

fn c(stream: &mut Stream, out: &mut String) {
    use std::fmt::Write as _;
    let (function, input, state) = (name(stream), words::noun(stream), words::adjective(stream));
    let _ = writeln!(
        out,
        "/* {}: {} {}. */",
        words::title(stream),
        words::adjective(stream),
        words::noun(stream)
    );
    let _ = writeln!(
        out,
        "#define {}_{} 0x{:06X}u",
        words::noun(stream).to_ascii_uppercase(),
        stream.below(10_000),
        stream.below(1 << 24)
    );
    let _ = writeln!(
        out,
        "static int {function}_{:x}(const uint8_t *{input}, size_t length)\n{{",
        stream.below(1 << 16)
    );
    let _ = writeln!(out, "    uint32_t {state} = 0x{:08x}u;", stream.below(u32::MAX));
    for _ in 0..2 + stream.below(5) {
        match stream.below(3) {
            0 => {
                let _ = writeln!(
                    out,
                    "    {state} = ({state} << {}) ^ 0x{:08x}u;",
                    stream.below(31) + 1,
                    stream.below(u32::MAX)
                );
            }
            1 => {
                let _ = writeln!(
                    out,
                    "    if (length < {} || {input}[{}] == 0x{:02x})\n        return -{};",
                    stream.below(4_096),
                    stream.below(512),
                    stream.below(256),
                    stream.below(120) + 1
                );
            }
            _ => {
                let _ = writeln!(
                    out,
                    "    for (size_t i = {}; i < length; i++)\n        {state} += {input}[i] * {}u; /* {} {} */",
                    stream.below(64),
                    stream.below(99_999),
                    words::adjective(stream),
                    words::noun(stream)
                );
            }
        }
    }
    let _ = writeln!(out, "    return (int)({state} % {}u);\n}}\n", stream.below(1 << 30) | 1);
}

fn python(stream: &mut Stream, out: &mut String) {
    use std::fmt::Write as _;
    let (function, input, state) = (name(stream), words::noun(stream), words::adjective(stream));
    let _ = writeln!(
        out,
        "def {function}_{:x}({input}, limit={}):",
        stream.below(1 << 16),
        stream.below(9_000)
    );
    let _ = writeln!(
        out,
        "    \"\"\"{} of the {} {}.\"\"\"",
        words::title(stream),
        words::adjective(stream),
        words::noun(stream)
    );
    let _ = writeln!(out, "    {state} = 0x{:08x}", stream.below(u32::MAX));
    for _ in 0..2 + stream.below(5) {
        match stream.below(3) {
            0 => {
                let _ = writeln!(
                    out,
                    "    {state} = ({state} * {} + 0x{:06x}) % {}",
                    stream.below(9_999) + 2,
                    stream.below(1 << 24),
                    stream.below(1 << 30) | 1
                );
            }
            1 => {
                let _ = writeln!(
                    out,
                    "    if len({input}) > min(limit, {}):\n        raise ValueError(\"{} {} {}\")",
                    stream.below(65_000),
                    words::adjective(stream),
                    words::noun(stream),
                    stream.below(10_000)
                );
            }
            _ => {
                let _ = writeln!(
                    out,
                    "    {} = [{}(entry, {}) for entry in {input}[{}:]]",
                    words::noun(stream),
                    name(stream),
                    stream.below(100_000),
                    stream.below(256)
                );
            }
        }
    }
    let _ = writeln!(out, "    return {state} ^ {}\n\n", stream.below(u32::MAX));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;

    #[test]
    fn source_has_exactly_the_length_asked_for() {
        for language in [Language::Rust, Language::C, Language::Python] {
            for len in (0..400).chain([4096]) {
                let text = source(language, &mut Seed::new(len as u64).stream("code"), len);
                assert_eq!(text.len(), len, "{language:?}");
            }
        }
    }
}
