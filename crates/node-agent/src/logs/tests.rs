use super::*;

fn write(writer: &mut LogWriter, seconds: i64, text: &str) {
    let mut rest = Vec::new();
    let now = Timestamp::from_second(seconds).unwrap();
    writer.write(Stream::Stdout, now, text.as_bytes(), &mut rest);
    writer.finish(Stream::Stdout, now, &mut rest);
}

async fn read(attempt: &Path, request: LogRequest) -> String {
    let (pieces, mut received) = tokio::sync::mpsc::channel(4);
    let reading = tokio::spawn(follow(attempt.to_owned(), request, || true, pieces));
    let mut text = Vec::new();
    while let Some(piece) = received.recv().await {
        text.extend_from_slice(&piece);
    }
    reading.await.unwrap();
    String::from_utf8(text).unwrap()
}

fn lines_of(numbers: std::ops::Range<u64>) -> String {
    numbers.fold(String::new(), |text, number| {
        text + &format!("line {number}\n")
    })
}

const LIMITS: LogLimits = LogLimits {
    max_bytes: 200,
    max_files: 3,
};

#[tokio::test]
async fn lines_come_back_across_rotations() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = LogWriter::open(dir.path(), LIMITS).unwrap();
    for number in 0..12 {
        write(&mut writer, number, &format!("line {number}\n"));
    }
    assert!(dir.path().join("log.2").exists() && !dir.path().join("log.3").exists());
    let all = read(dir.path(), LogRequest::default()).await;
    assert!(all.ends_with("line 10\nline 11\n"), "{all}");
    for lines in 0..9 {
        let tail = read(
            dir.path(),
            LogRequest {
                tail_lines: Some(lines),
                ..LogRequest::default()
            },
        )
        .await;
        let expected = lines_of(12 - lines..12);
        assert_eq!(tail, expected, "last {lines}");
    }
    assert_eq!(
        read(
            dir.path(),
            LogRequest {
                tail_lines: Some(1000),
                ..LogRequest::default()
            }
        )
        .await,
        all
    );
}

#[tokio::test]
async fn options_of_kubectl_logs() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = LogWriter::open(
        dir.path(),
        LogLimits {
            max_bytes: 1 << 20,
            max_files: 3,
        },
    )
    .unwrap();
    write(&mut writer, 1, "one\n");
    write(&mut writer, 2, "two\n");
    write(&mut writer, 3, "no end of line");
    let request = LogRequest {
        since: Some(Timestamp::from_second(2).unwrap()),
        timestamps: true,
        ..LogRequest::default()
    };
    assert_eq!(
        read(dir.path(), request).await,
        "1970-01-01T00:00:02.000000000Z two\n1970-01-01T00:00:03.000000000Z no end of line\n"
    );
    assert_eq!(
        read(
            dir.path(),
            LogRequest {
                limit_bytes: Some(6),
                ..LogRequest::default()
            }
        )
        .await,
        "one\ntw"
    );
}

#[tokio::test]
async fn a_long_line_is_one_line_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = LogWriter::open(
        dir.path(),
        LogLimits {
            max_bytes: 1 << 20,
            max_files: 3,
        },
    )
    .unwrap();
    let long = "x".repeat(LINE_BYTES + 10);
    let mut rest = Vec::new();
    for piece in long.as_bytes().chunks(4096) {
        writer.write(Stream::Stderr, Timestamp::UNIX_EPOCH, piece, &mut rest);
    }
    writer.write(Stream::Stderr, Timestamp::UNIX_EPOCH, b"\n", &mut rest);
    let request = LogRequest {
        timestamps: true,
        ..LogRequest::default()
    };
    assert_eq!(
        read(dir.path(), request).await,
        format!("1970-01-01T00:00:00.000000000Z {long}\n")
    );
}

#[tokio::test]
async fn following_sees_what_is_written_later_and_rotated_away() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = LogWriter::open(dir.path(), LIMITS).unwrap();
    write(&mut writer, 0, "line 0\n");
    let ended = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let (pieces, mut received) = tokio::sync::mpsc::channel(4);
    let flag = std::sync::Arc::clone(&ended);
    let request = LogRequest {
        follow: true,
        ..LogRequest::default()
    };
    let reading = tokio::spawn(follow(
        dir.path().to_owned(),
        request,
        move || flag.load(std::sync::atomic::Ordering::SeqCst),
        pieces,
    ));
    let mut text = Vec::new();
    for number in 1..30 {
        // Each line is waited for, so that no rotation outruns the reader.
        while !text.ends_with(format!("line {}\n", number - 1).as_bytes()) {
            text.extend_from_slice(&received.recv().await.unwrap());
        }
        write(&mut writer, number, &format!("line {number}\n"));
    }
    ended.store(true, std::sync::atomic::Ordering::SeqCst);
    while let Some(piece) = received.recv().await {
        text.extend_from_slice(&piece);
    }
    reading.await.unwrap();
    let expected = lines_of(0..30);
    assert_eq!(String::from_utf8(text).unwrap(), expected);
}
