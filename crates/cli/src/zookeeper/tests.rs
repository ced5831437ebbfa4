use super::*;

/// A directory with these files, and what is read from it for an etcd at this URL.
fn secret(url: &str, files: &[(&str, &str)]) -> Result<EtcdSettings, String> {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(dir.path().join(name), text).unwrap();
    }
    of_secret(vec![url.to_owned()], dir.path()).map_err(|error| format!("{error:#}"))
}

#[test]
fn a_secret_gives_what_it_holds() {
    let user = [("username", "klamm\n"), ("password", "secret")];
    let settings = secret("http://a:2379", &user).unwrap();
    assert_eq!(
        settings.user,
        Some(("klamm".to_owned(), "secret".to_owned()))
    );
    let all = [
        ("ca.crt", "authority"),
        ("user.crt", "certificate"),
        ("user.key", "key"),
    ];
    let settings = secret("https://a:2379", &all).unwrap();
    assert_eq!(settings.ca.as_deref(), Some(b"authority".as_slice()));
    assert_eq!(
        settings.identity,
        Some((b"certificate".to_vec(), b"key".to_vec()))
    );
    assert_eq!(settings.user, None);
}

#[test]
fn a_secret_that_cannot_be_meant_is_refused_by_what_it_lacks() {
    let refused = |url: &str, files: &[(&str, &str)]| secret(url, files).map(drop).unwrap_err();
    assert!(refused("http://a:2379", &[]).contains("has none of ca.crt; user.crt"));
    let half = refused("http://a:2379", &[("username", "klamm")]);
    assert!(half.contains("password is missing"), "{half}");
    let half = refused("https://a:2379", &[("ca.crt", "x"), ("user.key", "key")]);
    assert!(half.contains("user.crt is missing"), "{half}");
    let lines = [("username", "a\nb"), ("password", "secret")];
    assert!(refused("http://a:2379", &lines).contains("must hold one line"));
}
