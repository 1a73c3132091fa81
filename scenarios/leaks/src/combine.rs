//! Which encodings go with which channel, and how many bytes then fit.

use crate::axes::{Channel, Encoding, Form};

/// The least that a fragment must have to be told from chance.
pub(crate) const LEAST: u64 = 48;

/// Whether what the encodings give can go by the channel.
pub(crate) fn suits(channel: Channel, encodings: &[Encoding]) -> bool {
    let Some(&last) = encodings.last() else { return false };
    // What stands in one line, or in a field with separators of its own.
    let one_line = last.form() == Form::Word
        || last.is_hash()
        || matches!(last, Encoding::Base64 | Encoding::LzString | Encoding::Percent);
    match channel {
        Channel::HttpQuery | Channel::HttpPath => {
            last.form() == Form::Word || last == Encoding::Percent
        }
        Channel::HttpCookie
        | Channel::HttpHeader
        | Channel::PopAuth
        | Channel::UpdateCheck
        | Channel::IcmpTtl => one_line,
        Channel::Syslog => one_line || last == Encoding::WordList,
        Channel::Sni | Channel::MulticastName | Channel::FtpMkdir => {
            // Names are compared without case: these are what is used there.
            matches!(last, Encoding::Hex | Encoding::Base32 | Encoding::Base32Hex)
                || (last == Encoding::Base64Url && channel == Channel::FtpMkdir)
        }
        Channel::Gaps => false,
        _ => last.form() <= channel.form(),
    }
}

/// Upper bound of what `encodings` make of `len` bytes.
pub(crate) fn grown(encodings: &[Encoding], len: u64) -> u64 {
    let len = usize::try_from(len).unwrap_or(usize::MAX / 64);
    encodings.iter().fold(len, |len, encoding| encoding.grows(len)) as u64
}

/// The largest length up to `wanted` that fits, if the least that counts does.
pub(crate) fn fitting(channel: Channel, encodings: &[Encoding], wanted: u64) -> Option<u64> {
    let room = channel.room() as u64;
    let mut len = wanted.max(LEAST);
    while grown(encodings, len) > room {
        if len == LEAST {
            return None;
        }
        len = (len * 3 / 4).max(LEAST);
    }
    Some(len)
}
