//! The few files of the system that nearly every program reads, because its C library does: who
//! the user is, what the machine is called, where names are looked up. Reading them is recorded
//! and shown, and is against the policy only where a row says so by name.

use belljar_schema::DataItem;

const FILES: [(&str, DataItem); 24] = [
    ("/etc/passwd", DataItem::UserName),
    ("/etc/group", DataItem::UserName),
    ("/etc/hostname", DataItem::Hostname),
    ("/etc/machine-id", DataItem::MachineId),
    ("/var/lib/dbus/machine-id", DataItem::MachineId),
    ("/etc/hosts", DataItem::Network),
    ("/etc/host.conf", DataItem::Network),
    ("/etc/resolv.conf", DataItem::Network),
    ("/etc/networks", DataItem::Network),
    ("/etc/gai.conf", DataItem::Network),
    ("/etc/services", DataItem::SystemFile),
    ("/etc/protocols", DataItem::SystemFile),
    ("/etc/nsswitch.conf", DataItem::SystemFile),
    ("/etc/ld.so.cache", DataItem::SystemFile),
    ("/etc/ld.so.preload", DataItem::SystemFile),
    ("/etc/os-release", DataItem::OsVersion),
    ("/usr/lib/os-release", DataItem::OsVersion),
    ("/etc/debian_version", DataItem::OsVersion),
    ("/etc/lsb-release", DataItem::OsVersion),
    ("/etc/timezone", DataItem::TimeZone),
    ("/etc/localtime", DataItem::TimeZone),
    ("/etc/default/locale", DataItem::Locale),
    ("/etc/locale.conf", DataItem::Locale),
    ("/etc/locale.alias", DataItem::Locale),
];

/// Which item such a file belongs to; `None` for every other file.
pub(crate) fn item(path: &str) -> Option<DataItem> {
    FILES.iter().find(|(known, _)| *known == path).map(|&(_, item)| item)
}
