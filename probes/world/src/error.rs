//! Why the world refuses, in the words of errno(3) but without any system's numbers.

macro_rules! errors {
    ($($(#[doc = $doc:literal])* $name:ident => $errno:literal, $text:literal;)*) => {
        /// Why an operation was refused.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
        pub enum WorldError {
            $($(#[doc = $doc])* #[error($text)] $name,)*
        }

        impl WorldError {
            /// The name that errno(3) has for it.
            pub fn errno(self) -> &'static str {
                match self {
                    $(Self::$name => $errno,)*
                }
            }
        }
    };
}

errors! {
    /// There is no such name.
    NotFound => "ENOENT", "no such name";
    /// The node is gone.
    Stale => "ESTALE", "the node is gone";
    /// The name is taken.
    Exists => "EEXIST", "the name is taken";
    /// It is not a directory.
    NotDirectory => "ENOTDIR", "not a directory";
    /// It is a directory.
    IsDirectory => "EISDIR", "a directory";
    /// The directory has names in it.
    NotEmpty => "ENOTEMPTY", "the directory is not empty";
    /// It makes no sense (a directory moved into itself, not a link, an odd argument).
    Invalid => "EINVAL", "the request makes no sense";
    /// The name or the path is too long.
    NameTooLong => "ENAMETOOLONG", "the name or the path is too long";
    /// The budget for writes or nodes is used up.
    NoSpace => "ENOSPC", "the world's budget is used up";
    /// The file would grow too long.
    TooLarge => "EFBIG", "the file would grow too long";
    /// No such extended attribute.
    NoAttribute => "ENODATA", "no such extended attribute";
    /// The extended attribute is too large.
    AttributeTooLarge => "E2BIG", "the extended attribute is too large";
    /// It is not offered.
    Unsupported => "EOPNOTSUPP", "not offered";
    /// It is not for a component (device nodes, …).
    NotPermitted => "EPERM", "not permitted";
    /// It is no terminal or device.
    NoDevice => "ENOTTY", "not a device";
    /// The node has all the names that it may have.
    TooManyLinks => "EMLINK", "too many links";
    /// The record cannot take more, so nothing is served.
    RecordFull => "EIO", "the record cannot take more";
}
