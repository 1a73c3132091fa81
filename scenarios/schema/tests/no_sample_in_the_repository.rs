//! The EICAR test string stands in no file of the repository, so that no scanner on a developer's
//! machine takes one away.

use std::path::{Path, PathBuf};

fn eicar() -> Vec<u8> {
    [r"X5O!P%@AP[4\PZX54(P^)7CC)7}", "$EICAR-STANDARD-", "ANTIVIRUS-TEST-FILE!", "$H+H*"]
        .concat()
        .into_bytes()
}

fn holds(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("can be listed").flatten() {
        let path = entry.path();
        let Ok(kind) = entry.file_type() else { continue };
        let built = matches!(entry.file_name().to_str(), Some("target" | ".git"));
        if kind.is_dir() && !built {
            walk(&path, files);
        } else if kind.is_file() {
            files.push(path);
        }
    }
}

#[test]
fn the_sample_stands_in_no_file() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut files = Vec::new();
    walk(&root, &mut files);
    assert!(files.iter().any(|file| file.ends_with("library/contractor-laptop.toml")));
    let needle = eicar();
    for file in files {
        // Others may be writing beside this test: a file that went away holds nothing.
        let Ok(bytes) = std::fs::read(&file) else { continue };
        assert!(!holds(&bytes, &needle), "{} holds the sample", file.display());
    }
}

#[test]
fn the_look_would_find_it() {
    let mut bytes = b"before ".to_vec();
    bytes.extend(eicar());
    bytes.extend(b" after");
    assert_eq!(eicar().len(), 68);
    assert!(holds(&bytes, &eicar()));
}
