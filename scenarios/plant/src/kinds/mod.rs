//! The kinds of planted files, a file each.

pub(crate) mod browser;
pub(crate) mod docx;
pub(crate) mod eml;
pub(crate) mod pdf;
pub(crate) mod sample;
pub(crate) mod ssh_key;
pub(crate) mod tar_gz;
pub(crate) mod zip;
