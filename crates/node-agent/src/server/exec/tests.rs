use super::*;

#[test]
fn both_dialects_of_the_query_are_understood() {
    let asked =
        parse("command=sh&command=-c&command=echo%20%22a+b%22%3B%25&input=1&output=1&tty=1");
    assert_eq!(asked.command, ["sh", "-c", "echo \"a b\";%"]);
    assert!(asked.stdin && asked.stdout && !asked.stderr && asked.tty);
    let asked = parse("stdin=true&stdout=true&stderr=true&tty=false&command=x&container=c");
    assert_eq!(
        asked,
        Asked {
            command: vec!["x".to_owned()],
            stdin: true,
            stdout: true,
            stderr: true,
            tty: false
        }
    );
}
