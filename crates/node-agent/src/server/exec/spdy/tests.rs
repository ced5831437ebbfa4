use bytes::Bytes;

use super::*;
use crate::server::spdy::headers::dictionary;

/// Adler-32, as zlib names a dictionary.
fn adler(bytes: &[u8]) -> u32 {
    let (a, b) = bytes.iter().fold((1_u32, 0_u32), |(a, b), byte| {
        let a = (a + u32::from(*byte)) % 65521;
        (a, (b + a) % 65521)
    });
    b << 16 | a
}

#[test]
fn the_dictionary_is_the_one_of_spdy_3() {
    assert_eq!(dictionary().len(), 1423);
    assert_eq!(adler(&dictionary()), 0xe3c6_a7c2);
}

#[test]
fn header_blocks_of_a_client_are_read_in_their_order() {
    // Written by zlib with the dictionary, flushed after each block, as clients do.
    let blocks = [BLOCK_ERROR, BLOCK_STDOUT];
    let mut reader = HeaderReader::new();
    let purposes: Vec<_> = blocks
        .iter()
        .map(|block| Purpose::of(&reader.read(&hex::decode(block).unwrap()).unwrap()))
        .collect();
    assert_eq!(purposes, [Some(Purpose::Error), Some(Purpose::Stdout)]);
    assert_eq!(
        HeaderReader::new().read(&[0x78, 0xbb, 1, 2, 3, 4, 0xff, 0xff, 0xff]),
        None
    );
}

const BLOCK_ERROR: &str = "78f9e3c6a7c202a62346703a2b294a4dcc851625aca9a08006000000ffff";
const BLOCK_STDOUT: &str = "c22a054ccc29f9a52500000000ffff";

#[tokio::test]
async fn frames_there_and_back() {
    let mut bytes = frame::data(5, b"text", true);
    bytes.extend(frame::ping(7));
    bytes.extend([0x80, 3, 0, 4, 0, 0, 0, 2, 1, 2]);
    bytes.extend([0x80, 3, 0, 7, 0, 0, 0, 0]);
    let mut reader = bytes.as_slice();
    assert_eq!(
        frame::read(&mut reader).await.unwrap(),
        Frame::Data {
            stream: 5,
            content: Bytes::from_static(b"text"),
            last: true
        }
    );
    assert_eq!(frame::read(&mut reader).await.unwrap(), Frame::Ping(7));
    assert_eq!(frame::read(&mut reader).await.unwrap(), Frame::Other);
    assert_eq!(frame::read(&mut reader).await.unwrap(), Frame::GoAway);
    assert!(frame::read(&mut reader).await.is_err());
    assert!(
        frame::read(&mut [0, 0, 0, 1, 0, 0xff, 0xff, 0xff].as_slice())
            .await
            .is_err(),
        "a frame of 16 MB is refused"
    );
}

#[tokio::test]
async fn a_command_runs_when_all_streams_are_open() {
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    let (reader, writer) = tokio::io::split(ours);
    let mut command = Command::new("sh");
    command.args(["-c", "cat; exit 3"]);
    let asked = Asked {
        command: vec!["x".to_owned()],
        stdin: true,
        stdout: true,
        ..Asked::default()
    };
    let serving = tokio::spawn(serve(reader, writer, command, asked));
    let (mut reader, mut writer) = tokio::io::split(theirs);
    for (stream, block) in [(1_u32, BLOCK_ERROR), (3, BLOCK_STDOUT), (5, BLOCK_STDIN)] {
        let block = hex::decode(block).unwrap();
        let mut content = [stream.to_be_bytes(), [0; 4]].concat();
        content.extend([0, 0]);
        content.extend(block);
        let length = u32::try_from(content.len()).unwrap().to_be_bytes();
        writer
            .write_all(&[0x80, 3, 0, 1, 0, length[1], length[2], length[3]])
            .await
            .unwrap();
        writer.write_all(&content).await.unwrap();
    }
    writer
        .write_all(&frame::data(5, b"typed", false))
        .await
        .unwrap();
    writer.write_all(&frame::data(5, b"", true)).await.unwrap();
    let (mut out, mut result) = (Vec::new(), Vec::new());
    while result.is_empty() {
        if let Frame::Data {
            stream,
            content,
            last,
        } = frame::read(&mut reader).await.unwrap()
        {
            match stream {
                3 => out.extend_from_slice(&content),
                1 => {
                    assert!(last);
                    result.extend_from_slice(&content);
                }
                other => panic!("data on stream {other}"),
            }
        }
    }
    assert_eq!(out, b"typed");
    let result: serde_json::Value = serde_json::from_slice(&result).unwrap();
    assert_eq!(result["details"]["causes"][0]["message"], "3");
    drop((reader, writer));
    serving.await.unwrap();
}

const BLOCK_STDIN: &str = "c2ae0d28979907000000ffff";
