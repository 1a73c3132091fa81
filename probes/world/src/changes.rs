//! What is different at the end of a run from what was planted.

use crate::attributes::NodeKind;
use crate::content::Content;
use crate::tree::{Body, Node, lock, shared};
use crate::world::World;
use belljar_record::{ByteString, DecoyId, NodeId, Sha256Hex};
use sha2::Digest as _;
use std::sync::atomic::Ordering;

/// How a node is different.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChangeKind {
    /// The component made it, and it is still there.
    Created,
    /// Its bytes are other ones (written ones that are equal do not count).
    Modified,
    /// It is called otherwise, or a directory above it is.
    Renamed,
    /// Mode, owner, times or extended attributes were set.
    Attributes,
    /// It has no name any more.
    Removed,
}

/// A node that is different at the end.
#[derive(Debug, Clone, PartialEq)]
pub struct WorldChange {
    /// Which node.
    pub node: NodeId,
    /// What it is.
    pub kind: NodeKind,
    /// The decoy it was planted as, if it was.
    pub decoy: Option<DecoyId>,
    /// Where it was planted; `None` for what the component made.
    pub was: Option<ByteString>,
    /// What it is called now; `None` if it is gone.
    pub now: Option<ByteString>,
    /// In which ways it is different, in order.
    pub ways: Vec<ChangeKind>,
    /// Its length now, in bytes.
    pub len: u64,
    /// The digest of its new content, for files that were made or modified, within the budget.
    pub sha256: Option<Sha256Hex>,
    /// Entropy of its new content in bits a byte (near 8: encrypted or compressed), likewise.
    pub entropy: Option<f64>,
}

impl World {
    /// What is different from what was planted, in the order of the nodes. What the component made
    /// and took away again is only in the record.
    pub fn changes(&self) -> Vec<WorldChange> {
        let mut budget = self.limits.digest_bytes;
        // The nodes are taken out first, so that digests of large files do not hold up the doors.
        let nodes: Vec<_> = {
            let tree = shared(&self.tree);
            tree.slots()
                .map(|slot| {
                    let paths: Vec<_> = if slot.names.len() > 1 {
                        slot.names.iter().map(|at| tree.path_at(at.parent, &at.name)).collect()
                    } else {
                        slot.names.iter().map(|_| tree.path(slot).to_vec()).collect()
                    };
                    (std::sync::Arc::clone(&slot.node), paths)
                })
                .collect()
        };
        nodes.iter().filter_map(|(node, paths)| change(node, paths, &mut budget)).collect()
    }
}

fn change(node: &Node, paths: &[Vec<u8>], budget: &mut u64) -> Option<WorldChange> {
    let was = node.planted_at.as_deref();
    let mut ways = Vec::new();
    let stays = was.is_some_and(|was| paths.iter().any(|path| path == was));
    match (was, paths.first()) {
        (None, None) => return None,
        (None, Some(_)) => ways.push(ChangeKind::Created),
        (Some(_), None) if node.withdrawn.load(Ordering::Acquire) => return None,
        (Some(_), None) => ways.push(ChangeKind::Removed),
        (Some(_), Some(_)) if !stays => ways.push(ChangeKind::Renamed),
        (Some(_), Some(_)) => {}
    }
    let mut summary = None;
    let mut len = 0;
    if let Body::File(content) = &node.body {
        let content = shared(content);
        len = content.len();
        if (content.changed() || was.is_none()) && !paths.is_empty() {
            summary = summarise(&content, budget);
            // Too large to be looked at: what was written to counts as modified.
            let differs = summary.as_ref().is_none_or(|summary| summary.differs);
            if was.is_some() && differs {
                ways.push(ChangeKind::Modified);
            }
        }
    }
    if was.is_some() && !paths.is_empty() && lock(&node.inode).touched {
        ways.push(ChangeKind::Attributes);
    }
    if ways.is_empty() {
        return None;
    }
    ways.sort_unstable();
    let now = if stays { was } else { paths.first().map(Vec::as_slice) };
    Some(WorldChange {
        node: node.id,
        kind: node.kind(),
        decoy: node.decoy,
        was: was.map(ByteString::from),
        now: now.map(ByteString::from),
        ways,
        len,
        entropy: summary.as_ref().map(|summary| summary.entropy),
        sha256: summary.map(|summary| summary.sha256),
    })
}

struct Summary {
    sha256: Sha256Hex,
    entropy: f64,
    differs: bool,
}

fn summarise(content: &Content, budget: &mut u64) -> Option<Summary> {
    *budget = budget.checked_sub(content.len())?;
    let mut hash = sha2::Sha256::new();
    let mut counts = [0u64; 256];
    let mut differs = content.planted_len() != Some(content.len());
    let (mut bytes, mut planted) = (vec![0; 64 << 10], vec![0; 64 << 10]);
    let mut at = 0;
    loop {
        let got = content.read_at(at, &mut bytes);
        if got == 0 {
            break;
        }
        hash.update(&bytes[..got]);
        for &byte in &bytes[..got] {
            counts[usize::from(byte)] += 1;
        }
        if !differs {
            let same = content.read_planted(at, &mut planted[..got]);
            differs = planted[..same] != bytes[..got];
        }
        at += got as u64;
    }
    Some(Summary {
        sha256: Sha256Hex::from_digest(&hash.finalize()),
        entropy: entropy(&counts),
        differs,
    })
}

#[expect(clippy::cast_precision_loss, reason = "a measure for people, of files under 2^53 bytes")]
fn entropy(counts: &[u64; 256]) -> f64 {
    let all = counts.iter().sum::<u64>() as f64;
    let part = |count: u64| {
        let share = count as f64 / all;
        -share * share.log2()
    };
    counts.iter().filter(|&&count| count > 0).map(|&count| part(count)).sum()
}
