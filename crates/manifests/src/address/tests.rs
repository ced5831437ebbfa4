use super::arithmetic;

#[test]
fn port_templates_are_computed_exactly() {
    for (text, value) in [
        ("9000", 9000),
        ("9000 + 3", 9003),
        ("1000*(4+5)+ 2", 9002),
        ("10-2-3", 5),
        ("2+3*4", 14),
        ("-1+2", 1),
    ] {
        assert_eq!(arithmetic(text), Some(value), "{text}");
    }
    for text in [
        "",
        "9000+",
        "a",
        "1/2",
        "(1",
        "1)",
        "1 2 x",
        "99999999999999999999",
        "9223372036854775807+1",
    ] {
        assert_eq!(arithmetic(text), None, "{text}");
    }
}
