//! Which cases exist for a WebAssembly guest: it has no other processes, no packets, no TLS and no
//! system calls of its own.

use crate::axes::{Channel, Encoding, ReadPath, Shape};
use crate::case::{Case, Innocent, Kind, Negative, Source};
use crate::innocent::FOREIGN_FOLDER;

/// Encodings that only the native component writes: their libraries are not in the guest.
const NATIVE_ENCODINGS: &[Encoding] = &[
    Encoding::Bzip2,
    Encoding::Xz,
    Encoding::Zstd,
    Encoding::Brotli,
    Encoding::SevenZip,
    Encoding::EncryptedZip,
    Encoding::LzString,
    Encoding::AesGcm,
    Encoding::AesGcmHidden,
    Encoding::WordList,
];

impl Case {
    /// Why a guest cannot carry the case; `None` if it can.
    pub fn not_in_wasm(&self) -> Option<&'static str> {
        match self.channel {
            Channel::HttpPost
            | Channel::HttpPut
            | Channel::HttpQuery
            | Channel::HttpPath
            | Channel::HttpCookie
            | Channel::HttpHeader
            | Channel::HttpMultipart
            | Channel::Https
            | Channel::DnsLabel
            | Channel::DnsTxt
            | Channel::DnsMany
            | Channel::DnsOverHttps
            | Channel::RawTcp
            | Channel::RawUdp
            | Channel::NtpBody
            | Channel::FtpUpload
            | Channel::FtpMkdir
            | Channel::Smtp
            | Channel::Imap
            | Channel::PopAuth
            | Channel::ObjectStore
            | Channel::CodeRepository
            | Channel::PasteSite
            | Channel::Webhook
            | Channel::ChatApi
            | Channel::Syslog
            | Channel::MulticastName
            | Channel::UpdateCheck => {}
            Channel::IcmpPayload | Channel::IcmpTtl | Channel::SourcePort | Channel::PacketSize => {
                return Some("a guest makes no packets");
            }
            Channel::Sni | Channel::DnsOverTls => return Some("the guest speaks no TLS"),
            Channel::Relay => return Some("a guest runs alone"),
            Channel::Gaps => return Some("time is the guest's own"),
            _ => return Some("the channel waits"),
        }
        if self.shape != Shape::Same {
            return Some("a guest runs alone, on one thread");
        }
        if !matches!(
            self.read_path,
            ReadPath::Read | ReadPath::Pread | ReadPath::Readv | ReadPath::Unpacked
        ) {
            return Some("a guest has no such way to read");
        }
        if self.encodings.iter().any(|encoding| NATIVE_ENCODINGS.contains(encoding)) {
            return Some("the guest does not have the encoding");
        }
        match (&self.source, self.kind) {
            (_, Kind::Negative(Negative::TriggerNotMet)) => {
                Some("a guest's end says no more than whether it failed")
            }
            (Source::File { path, .. }, Kind::Negative(_))
                if path.starts_with(FOREIGN_FOLDER) || !path.starts_with("/home/") =>
            {
                Some("no files of the host are shown to a guest")
            }
            (Source::MadeUp { what: Innocent::Prose | Innocent::Log | Innocent::Dump, .. }, _) => {
                Some("the guest does not make it up")
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{Kind, PUBLIC_SEED, cases};

    #[test]
    fn more_than_a_hundred_leaks_of_the_public_set_exist_for_a_guest() {
        let all = cases(PUBLIC_SEED);
        let here: Vec<_> = all.iter().filter(|case| case.not_in_wasm().is_none()).collect();
        let leaking = here.iter().filter(|case| case.kind == Kind::Leaking).count();
        assert!(leaking >= 250, "{leaking}");
        assert!(here.len() - leaking >= 60, "{}", here.len());
    }
}
