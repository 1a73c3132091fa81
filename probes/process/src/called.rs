//! What a held call says of itself, in words.

use belljar_record::ByteString;
use belljar_sys::seccomp::Notification;

use crate::procfs::{self, Memory};

/// The arguments of a program that is asked for.
pub(crate) fn arguments(memory: &Memory, at: u64, wide: bool) -> Vec<ByteString> {
    let mut out = Vec::new();
    let mut room = procfs::LONGEST_ARGUMENTS;
    let size = if wide { 8 } else { 4 };
    for n in 0..procfs::MOST_ARGUMENTS as u64 {
        let Some(pointer) = at.checked_add(n * size).and_then(|at| memory.word(at, wide)) else {
            break;
        };
        if pointer == 0 || room == 0 {
            break;
        }
        let Some(text) = memory.string(pointer, room.min(4096)) else { break };
        room = room.saturating_sub(text.as_bytes().len() + 1);
        out.push(text);
    }
    out
}

/// The arguments that matter, in words.
pub(crate) fn detail(name: &str, call: &Notification) -> String {
    let [first, second, third, ..] = call.arguments;
    match name {
        "socket" | "socketpair" => {
            let family = first & 0xffff_ffff;
            let known = match family {
                40 => " (AF_VSOCK)",
                44 => " (AF_XDP)",
                38 => " (AF_ALG)",
                31 => " (AF_BLUETOOTH)",
                29 => " (AF_CAN)",
                30 => " (AF_TIPC)",
                _ => "",
            };
            format!("family {family}{known}, type {second}, protocol {third}")
        }
        "clone" | "unshare" => format!("flags {first:#x}"),
        "ptrace" => format!("request {first}, process {second}"),
        "process_vm_readv" | "process_vm_writev" => format!("process {first}"),
        "pidfd_getfd" => format!("descriptor {second}"),
        "setns" => format!("kind {second:#x}"),
        _ => String::new(),
    }
}
