//! The axes of the benchmark: the catalogue of channels, encodings, ways to read, kinds of
//! processes, times and triggers.

use serde::{Deserialize, Serialize};

/// An axis with the name of each value as written in files, and what it is.
macro_rules! axis {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
        )]
        pub enum $name {
            $($(#[$variant_doc])* #[serde(rename = $text)] $variant,)*
        }

        impl $name {
            /// All, in the order of the catalogue.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Its name as written in files and tables.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }
        }
    };
}

axis! {
    /// By which way it leaves.
    Channel {
        /// Body of an HTTP POST.
        HttpPost = "http-post",
        /// Body of an HTTP PUT.
        HttpPut = "http-put",
        /// Query of an HTTP GET.
        HttpQuery = "http-query",
        /// Path of an HTTP GET.
        HttpPath = "http-path",
        /// A cookie.
        HttpCookie = "http-cookie",
        /// A header field, `User-Agent` among others.
        HttpHeader = "http-header",
        /// Body of a response of the component's own server.
        HttpResponse = "http-response",
        /// A file of a multipart form.
        HttpMultipart = "http-multipart",
        /// HTTPS that trusts what the machine trusts.
        Https = "https",
        /// HTTPS with a pinned certificate.
        HttpsPinned = "https-pinned",
        /// Fields of a client certificate.
        ClientCertificate = "client-certificate",
        /// The server name in a TLS handshake.
        Sni = "sni",
        /// HTTP/2.
        Http2 = "http-2",
        /// HTTP/3.
        Http3 = "http-3",
        /// WebSocket.
        WebSocket = "websocket",
        /// Labels of a single A query.
        DnsLabel = "dns-label",
        /// Labels of TXT queries.
        DnsTxt = "dns-txt",
        /// Labels of many queries.
        DnsMany = "dns-many",
        /// DNS over TLS.
        DnsOverTls = "dns-over-tls",
        /// DNS over HTTPS.
        DnsOverHttps = "dns-over-https",
        /// Data of ICMP echo requests.
        IcmpPayload = "icmp-payload",
        /// Hop limits of ICMP echo requests.
        IcmpTtl = "icmp-ttl",
        /// A bare TCP stream.
        RawTcp = "raw-tcp",
        /// Bare UDP datagrams.
        RawUdp = "raw-udp",
        /// The component's own ports.
        SourcePort = "source-port",
        /// Lengths of datagrams.
        PacketSize = "packet-size",
        /// What follows the header of an NTP query.
        NtpBody = "ntp-body",
        /// An upload by FTP.
        FtpUpload = "ftp-upload",
        /// Names of folders made by FTP.
        FtpMkdir = "ftp-mkdir",
        /// SSH, SFTP.
        Ssh = "ssh",
        /// SMB.
        Smb = "smb",
        /// A mail by SMTP.
        Smtp = "smtp",
        /// A message appended by IMAP.
        Imap = "imap",
        /// User name and password of POP3.
        PopAuth = "pop-auth",
        /// An object store (the shape of S3).
        ObjectStore = "object-store",
        /// A file of a code repository, through its API.
        CodeRepository = "code-repository",
        /// A paste site.
        PasteSite = "paste-site",
        /// A webhook.
        Webhook = "webhook",
        /// A chat API.
        ChatApi = "chat-api",
        /// Syslog lines.
        Syslog = "syslog",
        /// Multicast names (mDNS, LLMNR).
        MulticastName = "multicast-name",
        /// A check for updates that carries more than a version.
        UpdateCheck = "update-check",
        /// A helper process or unix socket that sends on.
        Relay = "relay",
        /// Time between packets. Not in the catalogue: a covert channel that content cannot show.
        Gaps = "gaps",
    }
}

/// What a channel can carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Form {
    /// Letters, digits, `-` and `_`.
    Word,
    /// Printable ASCII.
    Text,
    /// Any bytes.
    Bytes,
}

/// A channel that cannot be run, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    /// Which.
    pub channel: Channel,
    /// Why.
    pub reason: &'static str,
}

impl Channel {
    /// Channels that cannot be run with the responders there are.
    pub const WAITING: &'static [Waiting] = &[
        Waiting {
            channel: Self::HttpResponse,
            reason: "nothing of the fake internet calls the component: it has no clients",
        },
        Waiting {
            channel: Self::HttpsPinned,
            reason: "a pinned client refuses the jar's certificate, so that nothing leaves; the refusal is asserted in the scenario tests",
        },
        Waiting {
            channel: Self::ClientCertificate,
            reason: "no responder asks for a client certificate",
        },
        Waiting { channel: Self::Http2, reason: "no responder speaks HTTP/2" },
        Waiting { channel: Self::Http3, reason: "no responder speaks QUIC" },
        Waiting { channel: Self::WebSocket, reason: "no responder agrees to WebSocket" },
        Waiting { channel: Self::Ssh, reason: "no responder speaks SSH" },
        Waiting { channel: Self::Smb, reason: "no responder speaks SMB" },
    ];

    /// Why it cannot be run, if it cannot.
    pub fn waiting(self) -> Option<&'static str> {
        Self::WAITING.iter().find(|w| w.channel == self).map(|w| w.reason)
    }

    /// What it can carry.
    pub fn form(self) -> Form {
        match self {
            Self::HttpQuery
            | Self::HttpPath
            | Self::Sni
            | Self::DnsLabel
            | Self::DnsTxt
            | Self::DnsMany
            | Self::DnsOverTls
            | Self::DnsOverHttps
            | Self::FtpMkdir
            | Self::MulticastName => Form::Word,
            Self::HttpCookie
            | Self::HttpHeader
            | Self::Smtp
            | Self::PopAuth
            | Self::CodeRepository
            | Self::PasteSite
            | Self::Webhook
            | Self::ChatApi
            | Self::Syslog
            | Self::UpdateCheck => Form::Text,
            _ => Form::Bytes,
        }
    }

    /// Most bytes that it carries in one case, after encoding.
    pub fn room(self) -> usize {
        match self {
            Self::Sni | Self::DnsLabel => 180,
            Self::IcmpTtl | Self::PacketSize | Self::Gaps => 112,
            Self::SourcePort => 110,
            Self::MulticastName => 400,
            Self::HttpQuery
            | Self::HttpPath
            | Self::HttpCookie
            | Self::HttpHeader
            | Self::UpdateCheck => 4_000,
            Self::DnsTxt | Self::DnsMany | Self::DnsOverTls | Self::DnsOverHttps => 6_000,
            Self::PopAuth | Self::FtpMkdir => 2_000,
            Self::NtpBody | Self::IcmpPayload => 8_000,
            _ => 60_000,
        }
    }

    /// The port that it goes to.
    pub fn port(self) -> u16 {
        match self {
            Self::Https
            | Self::Sni
            | Self::DnsOverHttps
            | Self::ObjectStore
            | Self::CodeRepository
            | Self::Webhook
            | Self::ChatApi
            | Self::UpdateCheck => 443,
            Self::DnsLabel | Self::DnsTxt | Self::DnsMany => 53,
            Self::DnsOverTls => 853,
            Self::IcmpPayload | Self::IcmpTtl => 0,
            Self::RawTcp | Self::Relay => 4711,
            Self::RawUdp | Self::PacketSize | Self::Gaps => 4712,
            Self::SourcePort => 4713,
            Self::NtpBody => 123,
            Self::FtpUpload | Self::FtpMkdir => 21,
            Self::Smtp => 25,
            Self::Imap => 143,
            Self::PopAuth => 110,
            Self::Syslog => 514,
            Self::MulticastName => 5353,
            _ => 80,
        }
    }

    /// Whether an HTTP client of another maker (curl) can send it.
    pub fn by_tool(self) -> bool {
        matches!(
            self,
            Self::HttpPost | Self::HttpPut | Self::Https | Self::ObjectStore | Self::FtpUpload
        )
    }
}

axis! {
    /// How it is written.
    Encoding {
        /// As it is.
        None = "none",
        /// Hexadecimal.
        Hex = "hex",
        /// base32 (RFC 4648).
        Base32 = "base32",
        /// base32 with the extended hexadecimal alphabet.
        Base32Hex = "base32hex",
        /// base58 (the Bitcoin alphabet), in blocks of at most 64 bytes.
        Base58 = "base58",
        /// base64.
        Base64 = "base64",
        /// base64 for URLs, without padding.
        Base64Url = "base64url",
        /// Ascii85.
        Ascii85 = "ascii85",
        /// Percent-encoding.
        Percent = "percent",
        /// Numeric character references.
        HtmlEntity = "html-entity",
        /// Quoted-printable.
        QuotedPrintable = "quoted-printable",
        /// JSON string escapes.
        JsonEscapes = "json-escapes",
        /// gzip.
        Gzip = "gzip",
        /// Bare deflate.
        Deflate = "deflate",
        /// zlib.
        Zlib = "zlib",
        /// bzip2.
        Bzip2 = "bzip2",
        /// xz.
        Xz = "xz",
        /// Zstandard.
        Zstd = "zstd",
        /// Brotli.
        Brotli = "brotli",
        /// A tar archive of one member.
        Tar = "tar",
        /// A zip archive of one deflated member.
        Zip = "zip",
        /// A 7z archive.
        SevenZip = "7z",
        /// A zip archive with a password that is sent along.
        EncryptedZip = "encrypted-zip",
        /// LZ-string, the form for URLs.
        LzString = "lz-string",
        /// XOR with a repeating key of 13 bytes that stands in the component.
        XorFixed = "xor-fixed",
        /// XOR with a repeating key of 24 bytes that is sent along.
        XorSent = "xor-sent",
        /// Addition of a fixed number to every byte.
        ByteAddition = "byte-addition",
        /// AES-256-GCM with nonce and key sent along.
        AesGcm = "aes-gcm",
        /// AES-256-GCM with a key that stays inside.
        AesGcmHidden = "aes-gcm-hidden",
        /// SHA-256.
        Hash = "hash",
        /// SHA-256 of salt and content, the salt sent along.
        SaltedHash = "salted-hash",
        /// The first 12 bytes of SHA-256.
        TruncatedHash = "truncated-hash",
        /// Words of the BIP-39 list, 11 bits each.
        WordList = "word-list",
        /// Lowest bits of an image.
        ImageLowBits = "image-low-bits",
        /// Last byte first.
        Reversal = "reversal",
        /// Each byte a UTF-16 character.
        Utf16 = "utf-16",
        /// A length-delimited field of Protocol Buffers.
        Protobuf = "protobuf",
        /// A byte string of a CBOR map.
        Cbor = "cbor",
        /// A binary of a MessagePack map.
        MessagePack = "messagepack",
        /// Numbered chunks, out of order.
        Chunks = "chunks-out-of-order",
    }
}

impl Encoding {
    /// What it gives.
    pub fn form(self) -> Form {
        match self {
            Self::Hex | Self::Base32 | Self::Base32Hex | Self::Base58 | Self::Base64Url => {
                Form::Word
            }
            Self::Base64
            | Self::Ascii85
            | Self::Percent
            | Self::HtmlEntity
            | Self::QuotedPrintable
            | Self::JsonEscapes
            | Self::LzString
            | Self::WordList
            | Self::Hash
            | Self::SaltedHash
            | Self::TruncatedHash => Form::Text,
            _ => Form::Bytes,
        }
    }

    /// Whether only something computed from the content leaves.
    pub fn is_hash(self) -> bool {
        matches!(self, Self::Hash | Self::SaltedHash | Self::TruncatedHash)
    }

    /// Upper bound of what it makes of `len` bytes.
    pub fn grows(self, len: usize) -> usize {
        match self {
            Self::Hex | Self::Utf16 => len * 2 + 4,
            Self::Base32 | Self::Base32Hex => len * 8 / 5 + 8,
            Self::Base58 | Self::Base64 | Self::Base64Url => len * 3 / 2 + 8,
            Self::Ascii85 => len * 5 / 4 + 8,
            Self::Percent | Self::QuotedPrintable => len * 3 + len / 20 + 8,
            Self::HtmlEntity | Self::JsonEscapes => len * 6 + 8,
            Self::LzString => len * 2 + 32,
            Self::Tar => len + 2560,
            Self::WordList => len * 8 + 16,
            Self::ImageLowBits => len * 9 + 400,
            Self::Hash | Self::SaltedHash | Self::TruncatedHash => 128,
            Self::Chunks => len + len / 8 + 16,
            Self::Zip | Self::EncryptedZip | Self::SevenZip => len + 600,
            _ => len + len / 8 + 128,
        }
    }
}

axis! {
    /// How it is read.
    ReadPath {
        /// read(2).
        Read = "read",
        /// pread(2).
        Pread = "pread",
        /// readv(2), preadv(2).
        Readv = "readv",
        /// A private mapping.
        Mmap = "mmap",
        /// io_uring. Refused in the jar.
        IoUring = "io-uring",
        /// sendfile(2) into a pipe's end.
        Sendfile = "sendfile",
        /// splice(2) into a pipe.
        Splice = "splice",
        /// copy_file_range(2) into a file of its own.
        CopyFileRange = "copy-file-range",
        /// openat2(2).
        Openat2 = "openat2",
        /// open_by_handle_at(2). Refused in the jar.
        OpenByHandle = "open-by-handle-at",
        /// Another name: a symbolic link, a hard link, `/proc/self/root`.
        Alias = "alias",
        /// A descriptor passed by SCM_RIGHTS.
        Passed = "scm-rights",
        /// A descriptor that a child inherits.
        Inherited = "inherited",
        /// A descriptor given by fanotify. Refused in the jar.
        Fanotify = "fanotify",
        /// The memory of another process that has read it.
        OtherMemory = "other-memory",
        /// A copy that was made first.
        Unpacked = "unpacked-first",
    }
}

impl ReadPath {
    /// Whether the jar must refuse it.
    pub fn refused(self) -> bool {
        matches!(self, Self::IoUring | Self::OpenByHandle | Self::Fanotify)
    }
}

axis! {
    /// What kind of process sends.
    Shape {
        /// The one that read.
        Same = "same",
        /// Another thread of it.
        Thread = "thread",
        /// A child.
        Fork = "fork",
        /// A daemon that has left its parents.
        DoubleFork = "double-fork",
        /// A tool of another maker.
        Tool = "tool",
        /// A daemon that was there before, told by a unix socket.
        SocketDaemon = "socket-daemon",
        /// A process that waits and sends when the reader is gone.
        Timer = "timer",
    }
}

axis! {
    /// When it is sent.
    Timing {
        /// At once.
        AtOnce = "at-once",
        /// In chunks.
        Chunks = "chunks",
        /// Slowly.
        SlowDrip = "slow-drip",
        /// In chunks at irregular times.
        Jitter = "jitter",
        /// Only after other files were scanned.
        AfterScans = "after-scans",
        /// Only after an update was fetched.
        AfterUpdate = "after-update",
    }
}

axis! {
    /// What sets it off.
    Trigger {
        /// Nothing: it always happens.
        Always = "always",
        /// The name of the file.
        Name = "name",
        /// A word in it.
        Keyword = "keyword",
        /// Its type.
        Type = "type",
        /// A detection in the same archive.
        Detection = "detection",
        /// The server's answer.
        Reply = "reply",
        /// The locale, or the host's name.
        Locale = "locale",
        /// The date.
        Date = "date",
    }
}
