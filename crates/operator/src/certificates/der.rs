//! The little DER we write ourselves: enough for a PKCS#12 of certificates and for wrapping an RSA key.

/// Tag, length and `content`.
fn tagged(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag];
    let length = content.len();
    if length < 0x80 {
        bytes.push(u8::try_from(length).unwrap_or_default());
    } else {
        let encoded = length.to_be_bytes();
        let significant: Vec<u8> = encoded.into_iter().skip_while(|byte| *byte == 0).collect();
        // A length of at most 8 bytes: the count fits beside the marker bit.
        bytes.push(0x80 | u8::try_from(significant.len()).unwrap_or_default());
        bytes.extend(significant);
    }
    bytes.extend_from_slice(content);
    bytes
}

pub(super) fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    tagged(0x30, &parts.concat())
}

/// SET OF: DER sorts the elements by their encoding.
pub(super) fn set(mut parts: Vec<Vec<u8>>) -> Vec<u8> {
    parts.sort();
    tagged(0x31, &parts.concat())
}

pub(super) fn octets(content: &[u8]) -> Vec<u8> {
    tagged(0x04, content)
}

/// `[0] EXPLICIT`.
pub(super) fn explicit(content: &[u8]) -> Vec<u8> {
    tagged(0xa0, content)
}

pub(super) fn null() -> Vec<u8> {
    tagged(0x05, &[])
}

/// A non-negative INTEGER.
pub(super) fn integer(value: u32) -> Vec<u8> {
    let mut bytes: Vec<u8> = value
        .to_be_bytes()
        .into_iter()
        .skip_while(|byte| *byte == 0)
        .collect();
    if bytes.first().is_none_or(|byte| byte & 0x80 != 0) {
        bytes.insert(0, 0);
    }
    tagged(0x02, &bytes)
}

/// An OBJECT IDENTIFIER from its arcs (at least two).
pub(super) fn oid(arcs: &[u32]) -> Vec<u8> {
    let mut content = Vec::new();
    let (head, rest) = arcs.split_at(arcs.len().min(2));
    let first = head.iter().fold(0u32, |sum, arc| sum * 40 + arc);
    for arc in std::iter::once(&first).chain(rest) {
        let mut groups = vec![u8::try_from(arc & 0x7f).unwrap_or_default()];
        let mut left = arc >> 7;
        while left > 0 {
            groups.push(0x80 | u8::try_from(left & 0x7f).unwrap_or_default());
            left >>= 7;
        }
        content.extend(groups.into_iter().rev());
    }
    tagged(0x06, &content)
}

/// UTF-16 big-endian text.
pub(super) fn bmp_string(text: &str) -> Vec<u8> {
    let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    tagged(0x1e, &bytes)
}

/// Puts a PKCS#1 RSA key into a PKCS#8 envelope, which is what ring reads.
pub(super) fn rsa_key_as_pkcs8(pkcs1: &[u8]) -> Vec<u8> {
    let rsa_encryption = oid(&[1, 2, 840, 113_549, 1, 1, 1]);
    sequence(&[
        integer(0),
        sequence(&[rsa_encryption, null()]),
        octets(pkcs1),
    ])
}
