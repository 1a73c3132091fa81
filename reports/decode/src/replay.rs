//! Applies a chain of decodings again, so that anybody can see that a finding is so.

use crate::inflate::Flow;
use crate::part::{self, Content, Gathered};
use crate::produce::{produce, tells_its_end};
use crate::span::Span;
use crate::{Decoder, Step};
use belljar_record::{DecoySource, Layer};

/// A chain that does not apply to a payload.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// A step reads past the end of what the steps before gave.
    #[error("step {step} reads bytes {start}..{end}, but there are only {len}")]
    OutOfRange {
        /// Which, from 1.
        step: usize,
        /// First byte.
        start: u64,
        /// Behind the last byte.
        end: u64,
        /// How many there are.
        len: u64,
    },
    /// The protocol has no such part.
    #[error("step {step}: the payload has no part `{name}`")]
    NoSuchPart {
        /// Which, from 1.
        step: usize,
        /// The part.
        name: String,
    },
    /// A step gave nothing.
    #[error("step {step}: nothing can be decoded as {decoder}")]
    Nothing {
        /// Which, from 1.
        step: usize,
        /// How.
        decoder: &'static str,
    },
    /// More came out than is allowed.
    #[error("step {step} gives more than {most} bytes")]
    TooLarge {
        /// Which, from 1.
        step: usize,
        /// How many are allowed.
        most: u64,
    },
}

/// The bytes that `chain` gives, at most `most` at each step (an empty chain: the payload itself).
///
/// # Errors
/// [`ReplayError`] for a chain that was not made from this payload.
pub fn replay(
    payload: &dyn DecoySource,
    layer: Layer,
    chain: &[Step],
    most: u64,
) -> Result<Vec<u8>, ReplayError> {
    let far = Span::Far(payload);
    let mut held: Option<Vec<u8>> = None;
    for (index, step) in chain.iter().enumerate() {
        let number = index + 1;
        let span = held.as_deref().map_or(far, Span::Near);
        let len = span.len();
        if step.input.end > len || step.input.start > step.input.end {
            return Err(ReplayError::OutOfRange {
                step: number,
                start: step.input.start,
                end: step.input.end,
                len,
            });
        }
        let too_large = ReplayError::TooLarge { step: number, most };
        let bytes = if step.decoder == Decoder::Part {
            let (parts, _) = part::split(span, layer);
            let name = step.detail.clone().unwrap_or_default();
            let found = parts
                .into_iter()
                .find(|part| part.name == name && part.input == step.input)
                .ok_or_else(|| ReplayError::NoSuchPart { step: number, name: name.to_string() })?;
            if found.len() > most {
                return Err(too_large);
            }
            match found.content {
                Content::Bytes(bytes) => bytes,
                Content::Ranges(ranges) => Gathered::new(span, ranges).read_all(),
            }
        } else {
            let (mut bytes, mut over) = (Vec::new(), false);
            // Streams tell their own end; one that was cut short used all it could get.
            let end = if tells_its_end(step.decoder) { len } else { step.input.end };
            let detail = step.detail.as_ref().map(|detail| detail.0.as_slice());
            produce(step.decoder, detail, span, step.input.start..end, &mut |block| {
                if bytes.len() as u64 + block.len() as u64 > most {
                    over = true;
                    return Flow::Stop;
                }
                bytes.extend_from_slice(block);
                Flow::Go
            });
            if over {
                return Err(too_large);
            }
            bytes
        };
        if bytes.is_empty() {
            return Err(ReplayError::Nothing { step: number, decoder: step.decoder.name() });
        }
        held = Some(bytes);
    }
    match held {
        Some(bytes) => Ok(bytes),
        None if far.len() > most => Err(ReplayError::TooLarge { step: 0, most }),
        None => Ok(far.take(0..far.len(), usize::MAX)),
    }
}
