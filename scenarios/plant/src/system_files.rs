//! The files by which a program knows the machine and its users. They are served with the decoys
//! but are none: reading them is ordinary.

use crate::content::{Content, Literal};
use crate::decoy::DecoyMeta;
use crate::identity::ResolvedIdentity;
use belljar_record::DecoySource;
use belljar_schema::DataItem;
use std::sync::Arc;

/// The time of all system files: 2023-01-01, when the machine was set up.
pub(crate) const SET_UP: i64 = 1_672_531_200;

/// A file by which the machine and its users are known.
#[derive(Debug, Clone)]
pub struct SystemFile {
    /// Absolute path inside the jar.
    pub path: &'static str,
    /// Mode, owner, time.
    pub meta: DecoyMeta,
    /// Its bytes.
    pub source: Arc<dyn DecoySource>,
    /// Which data item it gives away, if any.
    pub item: Option<DataItem>,
}

pub(crate) fn files(person: &ResolvedIdentity) -> Vec<SystemFile> {
    let file = |path, item, text: String| SystemFile {
        path,
        meta: DecoyMeta { mode: 0o644, uid: 0, gid: 0, mtime_s: SET_UP },
        source: source(text),
        item,
    };
    let ResolvedIdentity { user, full_name, hostname, home, .. } = person;
    vec![
        file("/etc/hostname", Some(DataItem::Hostname), format!("{hostname}\n")),
        SystemFile {
            meta: DecoyMeta { mode: 0o444, uid: 0, gid: 0, mtime_s: SET_UP },
            ..file("/etc/machine-id", Some(DataItem::MachineId), format!("{}\n", person.machine_id))
        },
        file(
            "/etc/passwd",
            Some(DataItem::UserName),
            format!(
                "root:x:0:0:root:/root:/bin/bash\n\
                 daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n\
                 bin:x:2:2:bin:/bin:/usr/sbin/nologin\n\
                 sys:x:3:3:sys:/dev:/usr/sbin/nologin\n\
                 man:x:6:12:man:/var/cache/man:/usr/sbin/nologin\n\
                 mail:x:8:8:mail:/var/mail:/usr/sbin/nologin\n\
                 www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin\n\
                 _apt:x:42:65534::/nonexistent:/usr/sbin/nologin\n\
                 clamav:x:110:110::/var/lib/clamav:/bin/false\n\
                 nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n\
                 {user}:x:1000:1000:{full_name},,,:{home}:/bin/bash\n"
            ),
        ),
        file(
            "/etc/group",
            None,
            format!(
                "root:x:0:\ndaemon:x:1:\nbin:x:2:\nsys:x:3:\nadm:x:4:{user}\ntty:x:5:\n\
                 disk:x:6:\nmail:x:8:\nman:x:12:\nsudo:x:27:{user}\nwww-data:x:33:\n\
                 shadow:x:42:\nstaff:x:50:\nusers:x:100:\nclamav:x:110:\nnogroup:x:65534:\n\
                 {user}:x:1000:\n"
            ),
        ),
        file(
            "/etc/hosts",
            None,
            format!(
                "127.0.0.1\tlocalhost\n127.0.1.1\t{hostname}\n::1\tlocalhost ip6-localhost ip6-loopback\n"
            ),
        ),
        file("/etc/timezone", Some(DataItem::TimeZone), format!("{}\n", person.time_zone)),
        file("/etc/default/locale", Some(DataItem::Locale), format!("LANG={}\n", person.locale)),
        file(
            "/etc/nsswitch.conf",
            None,
            "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n".to_owned(),
        ),
    ]
}

fn source(text: String) -> Arc<dyn DecoySource> {
    let content: Arc<dyn Content> = Literal::arc(text.into_bytes());
    content
}
