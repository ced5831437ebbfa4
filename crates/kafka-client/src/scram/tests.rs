use super::*;

#[test]
fn the_exchange_of_rfc_7677_is_reproduced() {
    let (client, first) = ScramClient::first(
        ScramMechanism::Sha256,
        "user",
        "pencil",
        "rOprNGfwEbeRWgbNEkqO".to_owned(),
    )
    .unwrap();
    assert_eq!(first, b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
    let server_first =
        b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
            .as_slice();
    let (verdict, last) = client.last(server_first).unwrap();
    assert_eq!(
        String::from_utf8(last).unwrap(),
        "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
    );
    verdict
        .verify(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")
        .unwrap();
    assert_eq!(
        verdict.verify(b"v=7rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="),
        Err(ScramError::Signature)
    );
    assert_eq!(
        verdict.verify(b"e=other-error"),
        Err(ScramError::Refused("other-error".to_owned()))
    );
}

#[test]
fn a_server_that_asks_for_a_million_iterations_or_another_nonce_is_refused() {
    let begin = || {
        ScramClient::first(ScramMechanism::Sha512, "u", "p", "abc".to_owned())
            .unwrap()
            .0
    };
    for bad in [
        "r=abcdef,s=AAAA,i=1000000",
        "r=abcdef,s=AAAA,i=1",
        "r=abc,s=AAAA,i=4096",
        "r=xyz,s=AAAA,i=4096",
        "r=abcdef,s=!,i=4096",
        "r=abcdef,i=4096",
        "",
    ] {
        assert!(
            matches!(begin().last(bad.as_bytes()), Err(ScramError::Message(_))),
            "{bad}"
        );
    }
}

#[test]
fn names_are_escaped_and_passwords_must_be_ascii() {
    let (_, first) =
        ScramClient::first(ScramMechanism::Sha256, "a=b,c", "p", "n".to_owned()).unwrap();
    assert_eq!(first, b"n,,n=a=3Db=2Cc,r=n");
    let refused = ScramClient::first(ScramMechanism::Sha256, "a", "pässword", "n".to_owned()).err();
    assert_eq!(refused, Some(ScramError::Characters("password")));
    assert_eq!(
        check_ascii("user name", ""),
        Err(ScramError::Characters("user name"))
    );
}
