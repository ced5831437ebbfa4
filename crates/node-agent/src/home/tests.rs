use super::*;

#[test]
fn a_home_is_held_once_and_says_by_whom() {
    let dir = tempfile::tempdir().unwrap();
    let (home, registry) = (dir.path().join("home"), dir.path().join("registry.json"));
    let held = Home::hold(&home, &registry).unwrap();
    let refused = Home::hold(&home, &registry).unwrap_err().to_string();
    assert!(
        refused.contains(&format!("pid {}", std::process::id())),
        "{refused}"
    );
    assert_eq!(
        holder(&home).map(|process| process.pid.cast_unsigned()),
        Some(std::process::id())
    );
    let range = held.range();
    drop(held);
    assert_eq!(holder(&home), None);
    assert_eq!(
        Home::hold(&home, &registry).unwrap().range(),
        range,
        "a home keeps its addresses"
    );
}

#[test]
fn two_homes_hold_disjoint_addresses() {
    let dir = tempfile::tempdir().unwrap();
    let registry = dir.path().join("registry.json");
    let one = Home::hold(&dir.path().join("one"), &registry).unwrap();
    let two = Home::hold(&dir.path().join("two"), &registry).unwrap();
    assert_ne!(one.range(), two.range());
    // Not running, but its Pods may: its addresses stay its own.
    let range = one.range();
    drop(one);
    let three = Home::hold(&dir.path().join("three"), &registry).unwrap();
    assert_ne!(three.range(), range);
}

#[test]
fn addresses_that_somebody_else_uses_are_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("home");
    let one = Home::hold(&home, &dir.path().join("registry.json")).unwrap();
    let range = one.range();
    // The same home path in the registry of another user leads to the same first choice.
    std::fs::rename(&home, dir.path().join("moved")).unwrap();
    let _ = std::fs::remove_file(dir.path().join("moved/node-agent/range"));
    let other = Home::hold(&home, &dir.path().join("registry-of-another-user.json")).unwrap();
    assert_ne!(other.range(), range);
}
