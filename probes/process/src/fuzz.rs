//! Hostile arguments of held calls: pointers into anything, structures of any content.

use crate::called::arguments;
use crate::procfs::Memory;
use crate::{address, looks};
use belljar_fuzz::{behaviour, fuzz};

/// `struct sockaddr_in` and `struct sockaddr_in6`, to begin with.
fn ordinary() -> Vec<Vec<u8>> {
    let mut v4 = vec![2, 0, 0, 80, 198, 18, 0, 1];
    v4.resize(16, 0);
    let mut v6 = vec![10, 0, 1, 187, 0, 0, 0, 0];
    v6.extend_from_slice(&[0x20; 20]);
    vec![v4, v6, b"/proc/self/mountinfo\0".to_vec(), b"/bin/sh\0-c\0".to_vec()]
}

#[test]
fn hostile_arguments() {
    let memory = Memory::of(std::process::id()).expect("a process reads its own memory");
    // The input stands at the end of a larger block, behind pointers that lead into it.
    let fuzzed = fuzz("arguments", &ordinary(), |bytes| {
        let at = |offset: usize| bytes.as_ptr() as u64 + offset as u64;
        let wild =
            bytes.get(..8).map_or(0, |word| u64::from_ne_bytes(word.try_into().expect("eight")));
        let given = address::read(&memory, at(0), bytes.len() as u64);
        let far = address::read(&memory, wild, 28);
        let list = [at(0), at(bytes.len() / 2), wild, 0];
        let header = [at(0), bytes.len() as u64, wild, wild];
        let wide = arguments(&memory, list.as_ptr() as u64, true).len();
        let narrow = arguments(&memory, wild, false).len();
        let named = address::of_message(&memory, header.as_ptr() as u64, true);
        let path = memory.string(at(0), 256);
        let tell = path.as_ref().and_then(|path| looks::by_path(path.as_bytes()));
        assert!(path.is_none_or(|path| path.as_bytes().len() <= 256));
        behaviour((
            given.map(|end| end.address.is_ipv6()),
            far.is_some(),
            named.is_some(),
            wide,
            narrow,
            tell,
        ))
    });
    assert!(fuzzed.behaviours > 3, "{fuzzed:?}: hardly anything was reached");
}
