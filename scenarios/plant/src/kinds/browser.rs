//! Browser profiles: one SQLite database with history, bookmarks, cookies and logins.
//!
//! Pages are 4 KiB. The length is reached by rows, then by one icon of the right size; what is left
//! of a length that is no multiple of 4 KiB stands after the last page, where SQLite does not look
//! (the header says how many pages there are).

use crate::content::{Build, Flip, Inside};
use crate::seed::{ALPHANUMERIC, Draw as _, HEX, Seed, Stream};
use crate::words;
use belljar_record::PartKind;
use rand_core::Rng as _;
use rusqlite::{Connection, params};

/// Bytes of a page.
pub(crate) const PAGE: u64 = 4096;
/// Least length.
pub(crate) const LEAST: u64 = 24 * PAGE;

#[derive(Debug)]
pub(crate) struct Browser {
    pub(crate) seed: Seed,
    pub(crate) len: u64,
    pub(crate) user: String,
    pub(crate) flip: Option<Flip>,
}

const SCHEMA: &str = "
PRAGMA page_size = 4096;
PRAGMA auto_vacuum = NONE;
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE history (id INTEGER PRIMARY KEY, url TEXT NOT NULL, title TEXT, visits INTEGER, last_visit INTEGER);
CREATE TABLE bookmarks (id INTEGER PRIMARY KEY, url TEXT NOT NULL, title TEXT, folder TEXT, added INTEGER);
CREATE TABLE cookies (host TEXT, name TEXT, value TEXT, path TEXT, expires INTEGER);
CREATE TABLE logins (origin TEXT, username TEXT, password TEXT, created INTEGER);
CREATE TABLE icons (id INTEGER PRIMARY KEY, host TEXT, image BLOB);
CREATE INDEX history_url ON history (url);
";

/// The columns whose values are parts.
const TEXTS: [(&str, &str); 9] = [
    ("history", "url"),
    ("history", "title"),
    ("bookmarks", "url"),
    ("bookmarks", "title"),
    ("cookies", "host"),
    ("cookies", "value"),
    ("logins", "origin"),
    ("logins", "username"),
    ("logins", "password"),
];

fn host(stream: &mut Stream) -> String {
    format!("{}-{}.example", words::adjective(stream), words::noun(stream))
}

fn url(stream: &mut Stream) -> String {
    format!(
        "https://{}/{}/{}-{}?id={}",
        host(stream),
        words::noun(stream),
        words::adjective(stream),
        words::noun(stream),
        stream.token(12, HEX)
    )
}

/// Seconds in 2023–2025.
fn when(stream: &mut Stream) -> i64 {
    1_672_531_200 + i64::from(stream.below(94_000_000))
}

impl Browser {
    fn database(&self) -> rusqlite::Result<Vec<u8>> {
        let mut database = Connection::open_in_memory()?;
        database.execute_batch(SCHEMA)?;
        let pages = i64::try_from(self.len / PAGE).unwrap_or(i64::MAX);
        // Room for one batch of rows and the icon's own page.
        let enough = pages - 8;
        let mut batch = 0_u64;
        while page_count(&database)? < enough {
            self.add_batch(&mut database, batch)?;
            batch += 1;
        }
        let mut image = vec![0; usize::try_from(self.len).unwrap_or(0)];
        self.seed.stream("icon").fill_bytes(&mut image);
        // Each further page of an overflow chain takes 4,092 bytes: go up until it is full.
        let mut size = 64_usize;
        database.execute(
            "INSERT INTO icons VALUES (1, ?1, ?2)",
            params![host(&mut self.seed.stream("icon host")), &image[..size]],
        )?;
        loop {
            let missing = pages - page_count(&database)?;
            if missing <= 0 {
                break;
            }
            size += usize::try_from(missing).unwrap_or(0) * (PAGE as usize - 4);
            size = size.min(image.len());
            database.execute("UPDATE icons SET image = ?1", params![&image[..size]])?;
        }
        let bytes = database.serialize("main")?.to_vec();
        Ok(bytes)
    }

    fn add_batch(&self, database: &mut Connection, batch: u64) -> rusqlite::Result<()> {
        let mut stream = self.seed.child("rows").block(batch);
        let change = database.transaction()?;
        for row in 0..12 {
            let mut url = url(&mut stream).into_bytes();
            // There is always a first batch: the flipped bit is in one of its addresses.
            if let Some(flip) = self.flip
                && batch == 0
                && flip.offset / 64 % 12 == row
            {
                Flip { offset: flip.offset % 64, ..flip }.in_text(&mut url);
            }
            change.execute(
                "INSERT INTO history (url, title, visits, last_visit) VALUES (?1, ?2, ?3, ?4)",
                params![
                    String::from_utf8_lossy(&url),
                    words::title(&mut stream),
                    stream.below(90),
                    when(&mut stream)
                ],
            )?;
            if row % 3 == 0 {
                change.execute(
                    "INSERT INTO cookies VALUES (?1, ?2, ?3, '/', ?4)",
                    params![
                        host(&mut stream),
                        words::noun(&mut stream),
                        stream.token(64, ALPHANUMERIC),
                        when(&mut stream)
                    ],
                )?;
            }
            if row % 6 == 0 {
                change.execute(
                    "INSERT INTO bookmarks (url, title, folder, added) VALUES (?1, ?2, ?3, ?4)",
                    params![
                        self::url(&mut stream),
                        words::title(&mut stream),
                        words::noun(&mut stream),
                        when(&mut stream)
                    ],
                )?;
            }
        }
        change.execute(
            "INSERT INTO logins VALUES (?1, ?2, ?3, ?4)",
            params![
                format!("https://{}/", host(&mut stream)),
                format!("{}{}", self.user, stream.below(1_000)),
                stream.token(20, ALPHANUMERIC),
                when(&mut stream)
            ],
        )?;
        change.commit()
    }

    fn values(&self) -> rusqlite::Result<Vec<Inside>> {
        let bytes = self.build();
        let whole = bytes.len() - bytes.len() % PAGE as usize;
        let mut database = Connection::open_in_memory()?;
        database.deserialize_read_exact("main", &bytes[..whole], whole, true)?;
        let mut parts = Vec::new();
        for (table, column) in TEXTS {
            let mut query =
                database.prepare(&format!("SELECT {column} FROM {table} ORDER BY rowid"))?;
            let mut rows = query.query([])?;
            let mut text = String::new();
            while let Some(row) = rows.next()? {
                text.push_str(&row.get::<_, String>(0)?);
                text.push('\n');
            }
            parts.push(Inside::bytes(
                &format!("{table}.{column}"),
                PartKind::Value,
                text.into_bytes(),
            ));
        }
        Ok(parts)
    }
}

fn page_count(database: &Connection) -> rusqlite::Result<i64> {
    database.query_row("PRAGMA page_count", [], |row| row.get(0))
}

impl Build for Browser {
    fn build(&self) -> Vec<u8> {
        let mut bytes =
            self.database().expect("a database in memory has no file system that could fail");
        let rest = usize::try_from(self.len).unwrap_or(0).saturating_sub(bytes.len());
        bytes.extend_from_slice(&words::prose(&mut self.seed.stream("rest"), rest));
        bytes
    }

    fn inside(&self) -> Vec<Inside> {
        self.values().expect("the database was written by this program just now")
    }
}
