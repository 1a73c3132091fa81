//! The databases that the component files write find the sample with the real programs, where
//! those are installed. Nothing is executed but the scanners; no network is used.

use belljar_schema::{component_library, load_component};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Put together here, so that it stands in no file of the repository.
fn eicar() -> Vec<u8> {
    [r"X5O!P%@AP[4\PZX54(P^)7CC)7}", "$EICAR-STANDARD-", "ANTIVIRUS-TEST-FILE!", "$H+H*"]
        .concat()
        .into_bytes()
}

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("belljar-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(path.join("scan")).expect("a folder can be made");
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Writes the provisions below `folder`, with the sample's values filled in as planting does.
fn provision(component: &str, folder: &Path) {
    let entry = component_library().iter().find(|entry| entry.name == component).expect("is there");
    let file = load_component(component, entry.text).expect("is a component");
    let hex: String = eicar().iter().map(|byte| format!("{byte:02x}")).collect();
    for provision in &file.written().provisions {
        let name = provision.path.rsplit('/').next().expect("has a name");
        let text = provision
            .text
            .replace("{eicar-hex}", &hex)
            // RFC 1321 digest of the 68 bytes, well known.
            .replace("{eicar-md5}", "44d88612fea8a8f36de82e1278abb02f")
            .replace("{scan-lines}", &format!("{}\n", folder.join("scan").display()));
        std::fs::write(folder.join(name), text).expect("can be written");
    }
}

/// A zip archive with one stored member (APPNOTE.TXT), enough for a scanner.
fn zip_of(name: &str, bytes: &[u8]) -> Vec<u8> {
    let crc = {
        let mut crc = u32::MAX;
        for byte in bytes {
            crc ^= u32::from(*byte);
            for _ in 0..8 {
                crc = (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
            }
        }
        !crc
    };
    let len = u32::try_from(bytes.len()).expect("is short").to_le_bytes();
    let name_len = u16::try_from(name.len()).expect("is short").to_le_bytes();
    let mut common = vec![20, 0, 0, 0, 0, 0, 0, 0, 0x21, 0x5a];
    common.extend(crc.to_le_bytes());
    common.extend(len);
    common.extend(len);
    common.extend(name_len);
    common.extend([0, 0]);
    let mut zip = b"PK\x03\x04".to_vec();
    zip.extend(&common);
    zip.extend(name.as_bytes());
    zip.extend(bytes);
    let directory = u32::try_from(zip.len()).expect("is short");
    let mut entry = b"PK\x01\x02\x14\x00".to_vec();
    entry.extend(&common);
    entry.extend([0; 14]);
    entry.extend(name.as_bytes());
    let entry_len = u32::try_from(entry.len()).expect("is short");
    zip.extend(entry);
    zip.extend(b"PK\x05\x06\x00\x00\x00\x00\x01\x00\x01\x00");
    zip.extend(entry_len.to_le_bytes());
    zip.extend(directory.to_le_bytes());
    zip.extend([0, 0]);
    zip
}

fn plant(folder: &Path) {
    let scan = folder.join("scan");
    std::fs::write(scan.join("loose.com"), eicar()).expect("can be written");
    std::fs::write(scan.join("packed.zip"), zip_of("a/tool.com", &eicar())).expect("written");
    std::fs::write(scan.join("innocent.txt"), "nothing to see").expect("can be written");
}

/// The paths that the component's own expression finds in the output.
fn detected(component: &str, output: &[u8]) -> Vec<String> {
    let entry = component_library().iter().find(|entry| entry.name == component).expect("is there");
    let file = load_component(component, entry.text).expect("is a component");
    let pattern = file.written().detection.clone().expect("has an expression");
    let pattern = regex::Regex::new(&pattern).expect("is an expression");
    let mut names: Vec<String> = String::from_utf8_lossy(output)
        .lines()
        .filter_map(|line| pattern.captures(line))
        .map(|found| found["path"].rsplit('/').next().unwrap_or_default().to_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn clamscan_finds_the_sample_loose_and_in_an_archive() {
    if !Path::new("/usr/bin/clamscan").exists() {
        eprintln!("skipped: clamscan is not installed");
        return;
    }
    let folder = Folder::new("clamscan");
    plant(&folder.0);
    // clamscan reads every file of its database folder, so the scan lies beside it.
    let database = folder.0.join("db");
    std::fs::create_dir(&database).expect("a folder can be made");
    provision("clamscan", &database);
    let end = Command::new("/usr/bin/clamscan")
        .args(["--recursive", "--infected"])
        .arg(format!("--database={}", database.display()))
        .arg(folder.0.join("scan"))
        .output()
        .expect("runs");
    assert_eq!(end.status.code(), Some(1), "{}", String::from_utf8_lossy(&end.stderr));
    assert_eq!(detected("clamscan", &end.stdout), ["loose.com", "packed.zip"]);
}

#[test]
fn yara_finds_the_loose_sample() {
    if !Path::new("/usr/bin/yara").exists() {
        eprintln!("skipped: yara is not installed");
        return;
    }
    let folder = Folder::new("yara");
    plant(&folder.0);
    provision("yara", &folder.0);
    std::fs::remove_file(folder.0.join("scan/packed.zip")).expect("can be removed");
    let end = Command::new("/usr/bin/yara")
        .args(["--recursive", "--no-follow-symlinks", "--scan-list"])
        .arg(folder.0.join("belljar.yar"))
        .arg(folder.0.join("scan-list"))
        .output()
        .expect("runs");
    assert_eq!(end.status.code(), Some(0), "{}", String::from_utf8_lossy(&end.stderr));
    assert_eq!(detected("yara", &end.stdout), ["loose.com"]);
}
