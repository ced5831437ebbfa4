use super::*;

#[test]
fn what_took_so_long_is_in_every_bucket_from_its_own_on() {
    let histogram = Histogram::default();
    histogram.took(Duration::from_micros(250));
    histogram.took(Duration::from_micros(251));
    histogram.took(Duration::from_secs(20));
    let mut text = String::new();
    histogram.write("t_seconds", "of a test", &mut text);
    let line = |text: &str, begins: &str| {
        let found = text.lines().find_map(|line| line.strip_prefix(begins));
        found.map(str::to_owned)
    };
    let bucket = |le: &str| line(&text, &format!("t_seconds_bucket{{le=\"{le}\"}} "));
    assert_eq!(bucket("0.0001").as_deref(), Some("0"));
    assert_eq!(bucket("0.00025").as_deref(), Some("1"));
    assert_eq!(bucket("0.0005").as_deref(), Some("2"));
    assert_eq!(bucket("10").as_deref(), Some("2"));
    assert_eq!(bucket("+Inf").as_deref(), Some("3"));
    assert_eq!(line(&text, "t_seconds_sum ").as_deref(), Some("20.000501"));
    assert_eq!(line(&text, "t_seconds_count ").as_deref(), Some("3"));
    assert!(text.starts_with("# HELP t_seconds of a test\n# TYPE t_seconds histogram\n"));
}
