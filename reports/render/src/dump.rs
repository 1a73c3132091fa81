//! Bytes side by side.

/// Rows of a dump.
const ROWS: usize = 12;
const COLUMNS: usize = 8;

/// One row of a dump.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DumpRow {
    pub(crate) offset: String,
    pub(crate) hex: String,
    pub(crate) text: String,
}

/// The first bytes as hexadecimal digits and as ASCII.
pub(crate) fn dump(offset: u64, bytes: &[u8]) -> Vec<DumpRow> {
    bytes
        .chunks(COLUMNS)
        .take(ROWS)
        .zip(0_u64..)
        .map(|(row, number)| DumpRow {
            offset: format!("{:08x}", offset.saturating_add(number * COLUMNS as u64)),
            hex: row.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" "),
            text: row
                .iter()
                .map(
                    |&byte| {
                        if byte.is_ascii_graphic() || byte == b' ' {
                            char::from(byte)
                        } else {
                            '·'
                        }
                    },
                )
                .collect(),
        })
        .collect()
}
