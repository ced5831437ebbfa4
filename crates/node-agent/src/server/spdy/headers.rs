//! SPDY's header blocks: names and values, compressed as one stream for the whole connection, with a dictionary that
//! both sides know from the start.
//!
//! Ours are always empty, and stored rather than compressed, which every decompressor reads as well.

use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::TINFL_FLAG_HAS_MORE_INPUT;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress};

/// Deflate looks back this far.
const WINDOW: usize = 32 * 1024;
/// Headers of a stream are short; more is an attack.
const MAX_BYTES: usize = 64 * 1024;
/// In zlib's second byte: a dictionary is used.
const DICTIONARY_USED: u8 = 0x20;

/// The words of SPDY/3's dictionary, each with its length before it; a blank inside a word is written `_`.
const WORDS: &str = "options head post put delete trace accept accept-charset accept-encoding accept-language \
    accept-ranges age allow authorization cache-control connection content-base \
    content-encoding content-language content-length content-location content-md5 \
    content-range content-type date etag expect expires from host if-match if-modified-since \
    if-none-match if-range if-unmodified-since last-modified location max-forwards pragma \
    proxy-authenticate proxy-authorization range referer retry-after server te trailer \
    transfer-encoding upgrade user-agent vary via warning www-authenticate method get status \
    200_OK version HTTP/1.1 url public set-cookie keep-alive origin";

/// What follows the words in the dictionary.
const TAIL: [&str; 6] = [
    "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505203 Non-Au",
    "thoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidd",
    "en404 Not Found500 Internal Server Error501 Not Implemented503 Service UnavailableJan Feb Mar Apr Ma",
    "y Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMTchunked,text/html,imag",
    "e/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,text/javascript,publicpri",
    "vatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0.",
];

/// The dictionary's bytes.
pub(in crate::server) fn dictionary() -> Vec<u8> {
    let mut bytes = Vec::with_capacity(1423);
    for word in WORDS.split(' ') {
        let word = word.replace('_', " ");
        bytes.extend(u32::try_from(word.len()).unwrap_or(0).to_be_bytes());
        bytes.extend(word.as_bytes());
    }
    bytes.extend(TAIL.concat().as_bytes());
    bytes
}

/// Reads the header blocks of one connection, in their order.
pub(in crate::server) struct HeaderReader {
    inflator: Box<DecompressorOxide>,
    window: Vec<u8>,
    position: usize,
    begun: bool,
    replied: bool,
}

impl HeaderReader {
    pub(in crate::server) fn new() -> Self {
        // What was "seen before" is the dictionary.
        let mut window = dictionary();
        let position = window.len();
        window.resize(WINDOW, 0);
        Self {
            inflator: Box::default(),
            window,
            position,
            begun: false,
            replied: false,
        }
    }

    /// Names and values of a block; `None` if it is broken.
    pub(in crate::server) fn read(&mut self, block: &[u8]) -> Option<Vec<(String, String)>> {
        parse(&self.inflate(block)?)
    }

    fn inflate(&mut self, block: &[u8]) -> Option<Vec<u8>> {
        let mut input = block;
        if !self.begun {
            // zlib's own two bytes, and four that name the dictionary.
            let flags = *block.get(1)?;
            input = block.get(if flags & DICTIONARY_USED == 0 { 2 } else { 6 }..)?;
            self.begun = true;
        }
        let mut output = Vec::new();
        loop {
            let (status, read, written) = decompress(
                &mut self.inflator,
                input,
                &mut self.window,
                self.position,
                TINFL_FLAG_HAS_MORE_INPUT,
            );
            output.extend_from_slice(self.window.get(self.position..self.position + written)?);
            self.position = (self.position + written) % WINDOW;
            input = input.get(read..)?;
            if output.len() > MAX_BYTES {
                return None;
            }
            match status {
                TINFLStatus::HasMoreOutput => {}
                TINFLStatus::NeedsMoreInput | TINFLStatus::Done => return Some(output),
                _ => return None,
            }
        }
    }

    /// A block of ours without headers.
    pub(in crate::server) fn empty_block(&mut self) -> Vec<u8> {
        let content = 0_u32.to_be_bytes();
        let mut block = Vec::new();
        if !self.replied {
            // zlib: deflate with the window above, no dictionary, check bits.
            block.extend([0x78, 0x01]);
            self.replied = true;
        }
        // Not the last block, stored; its length, and the same inverted.
        let length = u16::try_from(content.len()).unwrap_or(0);
        block.push(0);
        block.extend(length.to_le_bytes());
        block.extend((!length).to_le_bytes());
        block.extend(content);
        // An empty stored block, as a flush leaves it: API servers take what came before it only then, and would read
        // beyond this frame otherwise.
        block.extend([0, 0, 0, 0xff, 0xff]);
        block
    }
}

/// A count, then names and values, each with its length before it.
fn parse(block: &[u8]) -> Option<Vec<(String, String)>> {
    let mut rest = block;
    let number = |rest: &mut &[u8]| {
        let (bytes, tail) = rest.split_at_checked(4)?;
        *rest = tail;
        usize::try_from(u32::from_be_bytes(bytes.try_into().ok()?)).ok()
    };
    let count = number(&mut rest)?;
    let mut headers = Vec::new();
    for _ in 0..count {
        let mut text = || {
            let length = number(&mut rest)?;
            let (bytes, tail) = rest.split_at_checked(length)?;
            rest = tail;
            Some(String::from_utf8_lossy(bytes).into_owned())
        };
        headers.push((text()?, text()?));
    }
    Some(headers)
}
