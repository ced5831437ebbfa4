//! Who may, and which ACLs are none.

use super::*;
use crate::record::share_acl;

fn id(scheme: &str, id: &str) -> Id {
    Id {
        scheme: scheme.to_owned(),
        id: id.to_owned(),
    }
}

fn acl(perms: Perms, scheme: &str, name: &str) -> Acl {
    Acl {
        perms,
        id: id(scheme, name),
    }
}

#[test]
fn a_digest_is_the_one_that_zookeeper_makes() {
    assert_eq!(
        digest_identity("super:admin").id,
        "super:xQJmxLMiHGwaqBvst5y6rkB6HQs="
    );
}

#[test]
fn only_those_named_may_do_what_is_named() {
    let list = share_acl(vec![
        acl(Perms::READ, "ip", "10.1.0.0/16"),
        acl(Perms::ALL, "sasl", "bob"),
    ]);
    let near = [id("ip", "10.1.2.3")];
    let far = [id("ip", "10.2.2.3")];
    let bob = [id("ip", "10.2.2.3"), id("sasl", "bob")];
    assert_eq!(check(&list, Perms::READ, &near), Ok(()));
    assert_eq!(check(&list, Perms::WRITE, &near), Err(ErrorCode::NO_AUTH));
    assert_eq!(check(&list, Perms::READ, &far), Err(ErrorCode::NO_AUTH));
    assert_eq!(check(&list, Perms::ADMIN, &bob), Ok(()));
    assert_eq!(check(&None, Perms::ADMIN, &far), Ok(()));
}

#[test]
fn auth_stands_for_everybody_the_client_proved_to_be() {
    let who = [
        id("ip", "10.0.0.1"),
        id("digest", "a:b"),
        id("x509", "CN=a"),
    ];
    assert_eq!(
        complete(&[acl(Perms::READ, "auth", "")], &who).unwrap(),
        [
            acl(Perms::READ, "digest", "a:b"),
            acl(Perms::READ, "x509", "CN=a")
        ]
    );
    assert_eq!(
        complete(&[acl(Perms::READ, "auth", "")], &who[..1]),
        Err(ErrorCode::INVALID_ACL)
    );
}

#[test]
fn what_is_no_acl_is_refused() {
    for (scheme, name) in [
        ("nosuch", "x"),
        ("digest", "x"),
        ("digest", "x:"),
        ("ip", "10.0.0.1/33"),
        ("ip", "somewhere"),
        ("world", "someone"),
    ] {
        assert_eq!(
            complete(&[acl(Perms::ALL, scheme, name)], &[]),
            Err(ErrorCode::INVALID_ACL),
            "{scheme}:{name}"
        );
    }
    assert_eq!(complete(&[], &[]), Err(ErrorCode::INVALID_ACL));
}
