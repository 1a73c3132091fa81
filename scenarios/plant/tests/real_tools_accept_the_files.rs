//! Programs that people use accept the planted files. Where a program is missing the test says so
//! and passes: what it proves is then not proved on that machine.

mod support;

use belljar_plant::{Plant, digests};
use belljar_record::DecoySource;
use belljar_schema::{DecoyKind, Sample};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use support::{archive, every_kind, members, plant, spec};
use tempfile::TempDir;

/// The seed of this run: another every time, printed so that a failure can be repeated.
fn fresh_seed() -> u64 {
    let now = std::time::SystemTime::now();
    let seed = now.duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64);
    println!("seed {seed}");
    seed
}

fn written() -> (Plant, TempDir) {
    let plant = plant(every_kind(), fresh_seed());
    let dir = TempDir::new().expect("a temporary directory");
    plant.write_to(dir.path()).expect("it can be written");
    (plant, dir)
}

fn file(plant: &Plant, dir: &TempDir, name: &str) -> PathBuf {
    dir.path().join(format!("home/{}", plant.identity().user)).join(name)
}

/// Runs a program; `None`, with a printed reason, if there is none on this machine.
fn run(program: &str, args: &[&str], path: &Path) -> Option<Output> {
    match Command::new(program).args(args).arg(path).output() {
        Ok(output) => {
            println!("{program}: {}", String::from_utf8_lossy(&output.stdout));
            println!("{program}: {}", String::from_utf8_lossy(&output.stderr));
            Some(output)
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            println!("skipped: there is no {program} on this machine");
            None
        }
        Err(error) => panic!("{program}: {error}"),
    }
}

fn accepted(program: &str, args: &[&str], path: &Path) -> Option<String> {
    let output = run(program, args, path)?;
    assert!(output.status.success(), "{program} {args:?} refused {}", path.display());
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn unzip_tests_every_member_of_zip_and_docx() {
    let (plant, dir) = written();
    accepted("unzip", &["-t", "-q"], &file(&plant, &dir, "all.zip"));
    accepted("unzip", &["-t", "-q"], &file(&plant, &dir, "plan.docx"));
}

#[test]
fn tar_lists_every_member_and_gzip_tests_the_check_sum() {
    let (plant, dir) = written();
    let path = file(&plant, &dir, "all.tar.gz");
    accepted("gzip", &["-t"], &path);
    let Some(listed) = accepted("tar", &["tzf"], &path) else { return };
    let tar = plant.decoys().iter().find(|d| d.kind() == DecoyKind::TarGz).expect("planted");
    let names: Vec<String> = tar.parts().iter().map(|part| part.name.to_string()).collect();
    assert_eq!(listed.lines().collect::<Vec<_>>(), names);
}

#[test]
fn members_that_are_unpacked_are_the_parts() {
    let (plant, dir) = written();
    let path = file(&plant, &dir, "all.tar.gz");
    let out = TempDir::new().expect("a temporary directory");
    let args = ["-C", out.path().to_str().expect("a plain path"), "-xzf"];
    if accepted("tar", &args, &path).is_none() {
        return;
    }
    let tar = plant.decoys().iter().find(|d| d.kind() == DecoyKind::TarGz).expect("planted");
    for part in tar.parts() {
        let bytes = std::fs::read(out.path().join(part.name.to_string())).expect("unpacked");
        assert!(bytes == part.source.read_all(), "{}", part.name);
    }
}

#[test]
fn sqlite_finds_the_browser_profile_intact() {
    let (plant, dir) = written();
    let path = file(&plant, &dir, ".mozilla/places.sqlite");
    let database = rusqlite::Connection::open(&path).expect("it opens");
    let verdict: String = database
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .expect("it can be checked");
    assert_eq!(verdict, "ok");
    let rows: i64 = database
        .query_row("SELECT count(*) FROM history", [], |row| row.get(0))
        .expect("it has a history");
    assert!(rows > 100, "{rows}");
}

#[test]
fn a_browser_profile_of_an_odd_length_is_intact_too() {
    for size in [98_304, 98_305, 200_003, 1_234_567] {
        let plant = plant(vec![spec("/p.sqlite", DecoyKind::BrowserProfile, Some(size))], size);
        let dir = TempDir::new().expect("a temporary directory");
        plant.write_to(dir.path()).expect("it can be written");
        let path = dir.path().join("p.sqlite");
        let database = rusqlite::Connection::open(&path).expect("it opens");
        let verdict: String = database
            .query_row("PRAGMA integrity_check", [], |row| row.get(0))
            .expect("it can be checked");
        assert_eq!(verdict, "ok", "{size}");
        let parts = plant.decoys()[0].parts();
        assert!(parts.iter().all(|part| !part.source.is_empty()), "{size}");
    }
}

#[test]
fn ssh_keygen_reads_the_key() {
    let (plant, dir) = written();
    let path = file(&plant, &dir, ".ssh/id_ed25519");
    if let Some(public) = accepted("ssh-keygen", &["-y", "-f"], &path) {
        assert!(public.starts_with("ssh-ed25519 "), "{public}");
    }
    let padded = support::plant(vec![spec("/key", DecoyKind::SshKey, Some(3000))], 1);
    let dir = TempDir::new().expect("a temporary directory");
    padded.write_to(dir.path()).expect("it can be written");
    let path = dir.path().join("key");
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600))
        .expect("mode");
    accepted("ssh-keygen", &["-y", "-f"], &path);
}

#[test]
fn every_reference_of_a_pdf_points_at_its_object_and_every_page_inflates() {
    for size in [8 << 10, 30_000, 300_001] {
        let plant = plant(vec![spec("/a.pdf", DecoyKind::Pdf, Some(size))], fresh_seed());
        let bytes = plant.decoys()[0].read_all();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let start: usize = text
            .rsplit("startxref\n")
            .next()
            .and_then(|t| t.lines().next())
            .and_then(|t| t.parse().ok())
            .expect("startxref");
        assert!(bytes[start..].starts_with(b"xref\n0 "));
        let table = String::from_utf8_lossy(&bytes[start..]).into_owned();
        let mut objects = 0;
        for (number, line) in
            table.lines().skip(3).take_while(|line| line.ends_with(" n ")).enumerate()
        {
            let at: usize = line[..10].parse().expect("a number");
            assert!(
                bytes[at..].starts_with(format!("{} 0 obj\n", number + 1).as_bytes()),
                "{line}"
            );
            objects += 1;
        }
        assert!(objects >= 7, "{objects}");
        // Every page's stream, by the declared length, gives the text of the parts.
        let mut inflated = Vec::new();
        let mut at = 0;
        let mark = b" /Filter /FlateDecode >>\nstream\n";
        while let Some(place) = bytes[at..].windows(mark.len()).position(|w| w == mark) {
            let from = at + place + mark.len();
            std::io::Read::read_to_end(
                &mut flate2::read::ZlibDecoder::new(&bytes[from..]),
                &mut inflated,
            )
            .expect("it inflates");
            at = from;
        }
        let parts = plant.decoys()[0].parts();
        let operators: Vec<u8> = parts
            .iter()
            .filter(|p| p.kind == belljar_record::PartKind::Value)
            .flat_map(|p| p.source.read_all())
            .collect();
        assert_eq!(inflated, operators);
    }
}

#[test]
fn pdftotext_reads_the_text_and_the_marking() {
    let (plant, dir) = written();
    let path = file(&plant, &dir, "plan.pdf");
    let Some(output) = run("pdftotext", &[], &path) else { return };
    assert!(output.status.success());
    let text = std::fs::read_to_string(path.with_extension("txt")).expect("it wrote text");
    assert!(text.contains("EXERCISE SECRET"));
}

#[test]
fn python_reads_mail_and_document() {
    let (plant, dir) = written();
    let script = r#"
import email, email.policy, sys, zipfile
import xml.etree.ElementTree as xml
path = sys.argv[1]
if path.endswith('.eml'):
    raw = open(path, 'rb').read()
    assert b'\r\n' in raw and raw.count(b'\n') == raw.count(b'\r\n') == raw.count(b'\r')
    mail = email.message_from_bytes(raw, policy=email.policy.default)
    parts = list(mail.walk())
    for part in parts: assert not part.defects, part.defects
    body = mail.get_body().get_content()
    assert 'EXERCISE OFFICIAL' in body and 'EXERCISE OFFICIAL' in mail['subject']
    attached = [part.get_payload(decode=True) for part in mail.iter_attachments()]
    assert len(attached) == 1 and len(attached[0]) > 1000
    sys.stdout.buffer.write(attached[0])
else:
    package = zipfile.ZipFile(path)
    for name in package.namelist():
        if name.endswith(('.xml', '.rels')): xml.fromstring(package.read(name))
    w = '{http://schemas.openxmlformats.org/wordprocessingml/2006/main}t'
    words = [t.text for t in xml.fromstring(package.read('word/document.xml')).iter(w)]
    assert 'EXERCISE SECRET' in package.read('word/header1.xml').decode()
    sys.stdout.write('\n'.join(words))
"#;
    let part = |kind: DecoyKind, place: usize| {
        let decoy = plant.decoys().iter().find(|decoy| decoy.kind() == kind).expect("planted");
        decoy.parts()[place].source.read_all()
    };
    for (name, wanted) in
        [("mail/a.eml", part(DecoyKind::Eml, 1)), ("plan.docx", part(DecoyKind::Docx, 0))]
    {
        let Some(output) = run("python3", &["-c", script], &file(&plant, &dir, name)) else {
            return;
        };
        assert!(output.status.success(), "{name}");
        assert!(output.stdout == wanted, "{name}: python sees other text than the parts hold");
    }
}

#[test]
fn clamscan_finds_the_sample_in_whatever_carries_it() {
    let dir = TempDir::new().expect("a temporary directory");
    let carriers = [
        ("a.zip", DecoyKind::Zip),
        ("a.tar.gz", DecoyKind::TarGz),
        ("a.eml", DecoyKind::Eml),
        ("a.docx", DecoyKind::Docx),
        ("a.pdf", DecoyKind::Pdf),
        ("a.txt", DecoyKind::Text),
    ];
    let mut decoys = Vec::new();
    for (name, kind) in carriers {
        let mut carrier = spec(&format!("/with/{name}"), kind, None);
        carrier.sample = Some(Sample::Eicar);
        decoys.push(carrier);
        decoys.push(spec(&format!("/without/{name}"), kind, None));
    }
    decoys.push(archive("/with/member.zip", DecoyKind::Zip, Some(3_000_000), members()));
    decoys.push(archive("/with/member.tar.gz", DecoyKind::TarGz, None, members()));
    let plant = plant(decoys, fresh_seed());
    plant.write_to(&dir.path().join("plant")).expect("it can be written");
    // A database that knows the file of 68 bytes and nothing else.
    let database = dir.path().join("sample.hdb");
    std::fs::write(&database, plant.fill("{eicar-md5}:68:Sample\n")).expect("it can be written");
    let database = database.to_str().expect("a plain path");
    let args = ["-d", database, "--infected", "--no-summary", "-r"];
    let Some(output) = run("clamscan", &args, &dir.path().join("plant")) else { return };
    let found = String::from_utf8_lossy(&output.stdout).into_owned();
    for decoy in plant.decoys() {
        let named = found.contains(&format!("{}: ", decoy.path_str()));
        assert_eq!(named, decoy.holds_sample(), "{}", decoy.path());
    }
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn what_is_written_is_the_plant_with_modes_and_times() {
    use std::os::unix::fs::MetadataExt as _;
    let (plant, dir) = written();
    for decoy in plant.decoys() {
        let path = dir.path().join(decoy.path_str().trim_start_matches('/'));
        let meta = std::fs::metadata(&path).expect("it is there");
        assert_eq!(meta.mode() & 0o7777, decoy.mode(), "{}", decoy.path());
        assert_eq!(meta.mtime(), decoy.mtime());
        assert_eq!(std::fs::read(&path).expect("readable").len() as u64, decoy.len());
    }
    let again = plant.write_to(dir.path());
    assert!(matches!(again, Err(belljar_plant::PlantError::NotEmpty { .. })));
    let passwd = std::fs::read_to_string(dir.path().join("etc/passwd")).expect("served");
    assert!(passwd.contains(&format!("{}:x:1000:1000:", plant.identity().user)));
    assert_eq!(digests(&**plant.decoys().last().expect("some")).len, 900_001);
}
