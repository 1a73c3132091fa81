//! The filter of a jar: data (`filter.json`) made into one BPF program.
//!
//! Promises: one program decides for every call of x86-64 and i386; other architectures and x32 get
//! ENOSYS. It only looks at numbers and register arguments, never at memory.
//! Cannot see: calls that are allowed (most of them): they are not evidence and are not counted.

use std::collections::HashMap;

use belljar_record::RefusalKind;
use belljar_sys::seccomp::Instruction;
use serde::Deserialize;

/// `AUDIT_ARCH_X86_64` (linux/audit.h).
pub(crate) const X86_64: u32 = 0xc000_003e;
/// `AUDIT_ARCH_I386`.
pub(crate) const I386: u32 = 0x4000_0003;
/// Bit that marks x32 calls.
pub(crate) const X32_BIT: u32 = 0x4000_0000;
/// `CLONE_NEWNS | NEWCGROUP | NEWUTS | NEWIPC | NEWUSER | NEWPID | NEWNET` (linux/sched.h).
const NEW_NAMESPACES: u32 = 0x7e02_0000;

/// `AT_FDCWD` (linux/fcntl.h), -100, as the half of a register that the kernel looks at.
const HERE: u32 = 0xffff_ff9c;

const LOAD: u16 = 0x20; // BPF_LD | BPF_W | BPF_ABS
const JUMP_EQUAL: u16 = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
const JUMP_AT_LEAST: u16 = 0x35; // BPF_JMP | BPF_JGE | BPF_K
const JUMP_SET: u16 = 0x45; // BPF_JMP | BPF_JSET | BPF_K
const JUMP: u16 = 0x05; // BPF_JMP | BPF_JA
const RETURN: u16 = 0x06; // BPF_RET | BPF_K
const ALLOW: u32 = 0x7fff_0000;
const NOTIFY: u32 = 0x7fc0_0000;
const ERRNO: u32 = 0x0005_0000;

/// What is wrong with the data.
#[derive(Debug, thiserror::Error)]
pub enum FilterError {
    /// It is not JSON of the right form.
    #[error("the filter cannot be read: {0}")]
    Form(#[from] serde_json::Error),
    /// An errno name is not known here.
    #[error("rule {rule}: unknown errno {errno}")]
    Errno {
        /// Which rule.
        rule: String,
        /// Which name.
        errno: String,
    },
    /// A rule lacks what its action needs.
    #[error("rule {rule}: {lacks} is missing")]
    Lacks {
        /// Which rule.
        rule: String,
        /// What is missing.
        lacks: &'static str,
    },
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Written {
    #[serde(rename = "about")]
    _about: String,
    families: Vec<u32>,
    rules: Vec<WrittenRule>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct WrittenRule {
    name: String,
    #[serde(rename = "x86-64")]
    x86_64: Option<u32>,
    i386: Option<u32>,
    #[serde(rename = "do")]
    action: Action,
    errno: Option<String>,
    why: Option<RefusalKind>,
    argument: Option<u8>,
}

/// What a rule does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Fails and is recorded.
    Refuse,
    /// Fails and is recorded unless the first argument is an allowed socket family.
    Families,
    /// Fails and is recorded if the first argument asks for new namespaces.
    Namespaces,
    /// Is recorded and goes on.
    Record,
    /// Is seen and goes on.
    Attribute,
    /// Is seen if an argument is not zero, and goes on.
    AttributeIfGiven,
    /// Is seen because it may be a look at what gives the jar away, and goes on.
    Look,
    /// The same, if the first argument is `AT_FDCWD`.
    LookFromHere,
    /// Fails unrecorded.
    Absent,
}

/// One call and what is done about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Name of the call.
    pub name: String,
    /// What is done.
    pub action: Action,
    /// Error number for what is refused.
    pub errno: i32,
    /// Its name.
    pub errno_name: String,
    /// Why it is refused.
    pub why: RefusalKind,
    argument: u8,
}

/// The filter: its rules by architecture and number.
#[derive(Debug, Clone)]
pub struct Filter {
    families: Vec<u32>,
    rules: Vec<(u32, u32, Rule)>,
    by_number: HashMap<(u32, u32), usize>,
}

fn errno_of(name: &str) -> Option<i32> {
    use nix::errno::Errno;
    Some(match name {
        "EPERM" => Errno::EPERM as i32,
        "ENOSYS" => Errno::ENOSYS as i32,
        "EAFNOSUPPORT" => Errno::EAFNOSUPPORT as i32,
        "EACCES" => Errno::EACCES as i32,
        _ => return None,
    })
}

impl Filter {
    /// The filter that ships with belljar.
    ///
    /// # Errors
    /// If the data is damaged (a test reads it, so never in a released build).
    pub fn shipped() -> Result<Self, FilterError> {
        Self::parse(include_str!("filter.json"))
    }

    /// Reads a filter.
    ///
    /// # Errors
    /// [`FilterError`].
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        let written: Written = serde_json::from_str(text)?;
        let mut rules = Vec::new();
        let mut by_number = HashMap::new();
        for rule in written.rules {
            let (errno, errno_name) = match (&rule.errno, rule.action) {
                (Some(name), _) => match errno_of(name) {
                    Some(errno) => (errno, name.clone()),
                    None => {
                        return Err(FilterError::Errno { rule: rule.name, errno: name.clone() });
                    }
                },
                (
                    None,
                    Action::Record
                    | Action::Attribute
                    | Action::AttributeIfGiven
                    | Action::Look
                    | Action::LookFromHere,
                ) => (0, String::new()),
                (None, _) => return Err(FilterError::Lacks { rule: rule.name, lacks: "errno" }),
            };
            let argument = match (rule.argument, rule.action) {
                (None, Action::AttributeIfGiven) => {
                    return Err(FilterError::Lacks { rule: rule.name, lacks: "argument" });
                }
                (argument, _) => argument.unwrap_or(0).min(5),
            };
            for (arch, number) in [(X86_64, rule.x86_64), (I386, rule.i386)] {
                let Some(number) = number else { continue };
                by_number.insert((arch, number), rules.len());
                rules.push((
                    arch,
                    number,
                    Rule {
                        name: rule.name.clone(),
                        action: rule.action,
                        errno,
                        errno_name: errno_name.clone(),
                        why: rule.why.unwrap_or(RefusalKind::ReachesOut),
                        argument,
                    },
                ));
            }
        }
        Ok(Self { families: written.families, rules, by_number })
    }

    /// The rule for a call, if there is one.
    pub fn rule(&self, arch: u32, number: u32) -> Option<&Rule> {
        self.by_number.get(&(arch, number)).map(|&at| &self.rules[at].2)
    }

    /// The program, as the kernel takes it.
    pub fn program(&self) -> Vec<Instruction> {
        let x86_64 = self.section(X86_64);
        let i386 = self.section(I386);
        let far = |section: &[Instruction]| u32::try_from(section.len()).unwrap_or(u32::MAX);
        let mut out = vec![load(4), jump(JUMP_EQUAL, X86_64, 1, 0), plain(JUMP, far(&x86_64))];
        out.extend(x86_64);
        out.push(jump(JUMP_EQUAL, I386, 1, 0));
        out.push(plain(RETURN, ERRNO | nix::errno::Errno::ENOSYS as u32));
        out.extend(i386);
        out
    }

    fn section(&self, arch: u32) -> Vec<Instruction> {
        let mut out = vec![load(0)];
        if arch == X86_64 {
            out.push(jump(JUMP_AT_LEAST, X32_BIT, 0, 1));
            out.push(plain(RETURN, NOTIFY));
        }
        for (_, number, rule) in self.rules.iter().filter(|(of, ..)| *of == arch) {
            let body = self.body(rule);
            out.push(jump(JUMP_EQUAL, *number, 0, u8::try_from(body.len()).unwrap_or(u8::MAX)));
            out.extend(body);
        }
        out.push(plain(RETURN, ALLOW));
        out
    }

    /// What follows when the number fits. Every way through it returns.
    fn body(&self, rule: &Rule) -> Vec<Instruction> {
        let argument = |n: u8| 16 + 8 * u32::from(n);
        match rule.action {
            Action::Refuse | Action::Record | Action::Attribute | Action::Look => {
                vec![plain(RETURN, NOTIFY)]
            }
            Action::LookFromHere => vec![
                load(argument(0)),
                jump(JUMP_EQUAL, HERE, 0, 1),
                plain(RETURN, NOTIFY),
                plain(RETURN, ALLOW),
            ],
            Action::Absent => vec![plain(RETURN, ERRNO | rule.errno.unsigned_abs())],
            Action::Families => {
                // The kernel takes an int: the low half of the register.
                let mut body = vec![load(argument(0))];
                for family in &self.families {
                    body.push(jump(JUMP_EQUAL, *family, 0, 1));
                    body.push(plain(RETURN, ALLOW));
                }
                body.push(plain(RETURN, NOTIFY));
                body
            }
            Action::Namespaces => vec![
                load(argument(0)),
                jump(JUMP_SET, NEW_NAMESPACES, 0, 1),
                plain(RETURN, NOTIFY),
                plain(RETURN, ALLOW),
            ],
            Action::AttributeIfGiven => vec![
                load(argument(rule.argument)),
                jump(JUMP_EQUAL, 0, 0, 2),
                load(argument(rule.argument) + 4),
                jump(JUMP_EQUAL, 0, 1, 0),
                plain(RETURN, NOTIFY),
                plain(RETURN, ALLOW),
            ],
        }
    }
}

fn plain(code: u16, k: u32) -> Instruction {
    Instruction { code, jt: 0, jf: 0, k }
}

fn load(at: u32) -> Instruction {
    plain(LOAD, at)
}

fn jump(code: u16, k: u32, jt: u8, jf: u8) -> Instruction {
    Instruction { code, jt, jf, k }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs the program as the kernel would (classic BPF, the operations that are used).
    fn run(program: &[Instruction], arch: u32, number: u32, arguments: [u64; 6]) -> u32 {
        let word = |at: u32| match at {
            0 => number,
            4 => arch,
            _ => {
                let value = arguments[(at as usize - 16) / 8];
                if at.is_multiple_of(8) { value as u32 } else { (value >> 32) as u32 }
            }
        };
        let (mut at, mut a) = (0_usize, 0_u32);
        loop {
            let i = program[at];
            at += 1;
            let holds = match i.code {
                LOAD => {
                    a = word(i.k);
                    continue;
                }
                JUMP => {
                    at += i.k as usize;
                    continue;
                }
                RETURN => return i.k,
                JUMP_EQUAL => a == i.k,
                JUMP_AT_LEAST => a >= i.k,
                JUMP_SET => a & i.k != 0,
                other => panic!("operation {other:#x}"),
            };
            at += usize::from(if holds { i.jt } else { i.jf });
        }
    }

    const NONE: [u64; 6] = [0; 6];
    const FIRST: fn(u64) -> [u64; 6] = |first| [first, 0, 0, 0, 0, 0];

    fn shipped() -> Vec<Instruction> {
        Filter::shipped().expect("the data is right").program()
    }

    #[test]
    fn only_listed_socket_families_are_allowed_on_both_architectures() {
        let program = shipped();
        for (arch, number) in [(X86_64, 41), (X86_64, 53), (I386, 359), (I386, 360)] {
            for family in 0..64 {
                let expected = if [1, 2, 10, 16, 17].contains(&family) { ALLOW } else { NOTIFY };
                assert_eq!(run(&program, arch, number, FIRST(family)), expected, "{family}");
                // The high half of the register is not what the kernel looks at.
                assert_eq!(run(&program, arch, number, FIRST(family | 0xdead_0000_0000)), expected);
            }
        }
    }

    #[test]
    fn io_uring_socketcall_x32_and_foreign_architectures_never_pass() {
        let program = shipped();
        for number in 425..=427 {
            assert_eq!(run(&program, X86_64, number, NONE), NOTIFY);
            assert_eq!(run(&program, I386, number, NONE), NOTIFY);
        }
        assert_eq!(run(&program, I386, 102, NONE), NOTIFY);
        for number in [0, 41, 425] {
            assert_eq!(run(&program, X86_64, number | X32_BIT, NONE), NOTIFY);
        }
        assert_eq!(run(&program, 0xc000_00b7, 0, NONE), ERRNO | 38, "aarch64");
    }

    #[test]
    fn namespaces_are_refused_by_clone_and_unshare_but_threads_and_forks_are_not() {
        let program = shipped();
        for (arch, number) in [(X86_64, 56), (X86_64, 272), (I386, 120), (I386, 310)] {
            for flag in [0x0002_0000_u64, 0x0400_0000, 0x1000_0000, 0x2000_0000, 0x4000_0000] {
                assert_eq!(run(&program, arch, number, FIRST(flag | 17)), NOTIFY);
            }
            assert_eq!(run(&program, arch, number, FIRST(0x003d_0f00)), ALLOW, "a thread");
            assert_eq!(run(&program, arch, number, FIRST(0x0120_0011)), ALLOW, "a fork");
        }
        assert_eq!(run(&program, X86_64, 435, NONE), ERRNO | 38);
    }

    #[test]
    fn sendto_is_seen_only_with_an_address() {
        let program = shipped();
        assert_eq!(run(&program, X86_64, 44, NONE), ALLOW);
        assert_eq!(run(&program, X86_64, 44, [3, 1, 1, 0, 0x7fff, 16]), NOTIFY);
        assert_eq!(run(&program, X86_64, 44, [3, 1, 1, 0, 0x7fff_0000_0000, 16]), NOTIFY);
    }

    #[test]
    fn opens_are_seen_from_the_working_folder_only() {
        let program = shipped();
        for here in [u64::MAX - 99, 0xffff_ff9c] {
            assert_eq!(run(&program, X86_64, 257, FIRST(here)), NOTIFY);
        }
        assert_eq!(run(&program, X86_64, 257, FIRST(3)), ALLOW);
    }

    #[test]
    fn ordinary_calls_pass_and_every_rule_does_what_it_says() {
        let program = shipped();
        for number in [0, 1, 3, 9, 45, 47, 57, 60, 61, 105, 257, 262, 319, 334, 436] {
            assert_eq!(run(&program, X86_64, number, NONE), ALLOW, "{number}");
        }
        let filter = Filter::shipped().expect("the data is right");
        for (arch, number, rule) in &filter.rules {
            let always = [Action::Refuse, Action::Record, Action::Attribute, Action::Look];
            if always.contains(&rule.action) {
                assert_eq!(run(&program, *arch, *number, NONE), NOTIFY, "{}", rule.name);
            }
            assert_eq!(filter.rule(*arch, *number), Some(rule));
        }
    }

    #[test]
    fn the_numbers_of_the_data_are_those_of_this_architecture() {
        let filter = Filter::shipped().expect("the data is right");
        let of = |number: i64| {
            filter.rule(X86_64, u32::try_from(number).expect("small")).map(|rule| &*rule.name)
        };
        for (number, name) in [
            (libc::SYS_mount, "mount"),
            (libc::SYS_umount2, "umount2"),
            (libc::SYS_ptrace, "ptrace"),
            (libc::SYS_bpf, "bpf"),
            (libc::SYS_setns, "setns"),
            (libc::SYS_unshare, "unshare"),
            (libc::SYS_io_uring_setup, "io_uring_setup"),
            (libc::SYS_open_by_handle_at, "open_by_handle_at"),
            (libc::SYS_userfaultfd, "userfaultfd"),
            (libc::SYS_perf_event_open, "perf_event_open"),
            (libc::SYS_process_vm_readv, "process_vm_readv"),
            (libc::SYS_process_vm_writev, "process_vm_writev"),
            (libc::SYS_execve, "execve"),
            (libc::SYS_execveat, "execveat"),
            (libc::SYS_connect, "connect"),
            (libc::SYS_bind, "bind"),
            (libc::SYS_sendto, "sendto"),
            (libc::SYS_sendmsg, "sendmsg"),
            (libc::SYS_sendmmsg, "sendmmsg"),
            (libc::SYS_socket, "socket"),
            (libc::SYS_socketpair, "socketpair"),
            (libc::SYS_keyctl, "keyctl"),
            (libc::SYS_add_key, "add_key"),
            (libc::SYS_request_key, "request_key"),
            (libc::SYS_fanotify_init, "fanotify_init"),
            (libc::SYS_pivot_root, "pivot_root"),
            (libc::SYS_kexec_load, "kexec_load"),
            (libc::SYS_init_module, "init_module"),
            (libc::SYS_finit_module, "finit_module"),
            (libc::SYS_syslog, "syslog"),
            (libc::SYS_clone, "clone"),
            (libc::SYS_clone3, "clone3"),
            (libc::SYS_pidfd_getfd, "pidfd_getfd"),
            (libc::SYS_mount_setattr, "mount_setattr"),
            (libc::SYS_move_mount, "move_mount"),
        ] {
            assert_eq!(of(number), Some(name));
        }
    }
}
