//! Data items: the rows of a lab's table, what kind of thing was read or left.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A kind of thing that can be read and sent. Names are as in the tables of comparative privacy
/// tests of antivirus products (2014, 2023).
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum DataItem {
    /// Product version.
    ProductVersion,
    /// Unique id of the installation.
    InstallationId,
    /// Computer name.
    Hostname,
    /// `/etc/machine-id`.
    MachineId,
    /// Hardware: CPU, RAM, serial numbers.
    Hardware,
    /// Operating system version.
    OsVersion,
    /// Time zone.
    TimeZone,
    /// Language and locale.
    Locale,
    /// Installed applications.
    Applications,
    /// Running processes.
    Processes,
    /// Addresses, gateway, DNS server.
    Network,
    /// Login name.
    UserName,
    /// Full name of the person.
    FullName,
    /// E-mail address.
    Email,
    /// Browser history, bookmarks, cookies, logins.
    Browsing,
    /// Names and paths of files.
    FileNames,
    /// Sizes and times of files.
    FileMetadata,
    /// Hash of an executable.
    HashOfExecutable,
    /// Hash of a document or other file that is no program.
    HashOfDocument,
    /// Hash of the planted sample.
    HashOfSample,
    /// The planted sample itself.
    Sample,
    /// An executable.
    Executable,
    /// A document or other file that is no program.
    Document,
    /// An archive, whole or in part, with what is in it.
    Archive,
    /// Program source.
    Source,
    /// Mail.
    Mail,
    /// Keys, passwords, tokens.
    Credentials,
    /// A file of the system.
    SystemFile,
}

impl DataItem {
    /// All items, in the order of the table.
    pub const ALL: [Self; 28] = [
        Self::ProductVersion,
        Self::InstallationId,
        Self::Hostname,
        Self::MachineId,
        Self::Hardware,
        Self::OsVersion,
        Self::TimeZone,
        Self::Locale,
        Self::Applications,
        Self::Processes,
        Self::Network,
        Self::UserName,
        Self::FullName,
        Self::Email,
        Self::Browsing,
        Self::FileNames,
        Self::FileMetadata,
        Self::HashOfExecutable,
        Self::HashOfDocument,
        Self::HashOfSample,
        Self::Sample,
        Self::Executable,
        Self::Document,
        Self::Archive,
        Self::Source,
        Self::Mail,
        Self::Credentials,
        Self::SystemFile,
    ];
}
