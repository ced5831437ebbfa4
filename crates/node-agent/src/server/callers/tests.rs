use rcgen::{CertificateParams, DnType, KeyPair};

use super::*;

fn certificate(names: &[(DnType, &str)]) -> CertificateDer<'static> {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    for (kind, name) in names {
        params.distinguished_name.push(kind.clone(), *name);
    }
    let key = KeyPair::generate().unwrap();
    params.self_signed(&key).unwrap().der().clone()
}

#[test]
fn a_caller_is_who_the_subject_says() {
    let der = certificate(&[
        (DnType::CommonName, "kube-apiserver-kubelet-client"),
        (DnType::OrganizationName, "system:masters"),
    ]);
    assert_eq!(
        Caller::of(&der),
        Some(Caller {
            name: "kube-apiserver-kubelet-client".to_owned(),
            groups: vec![
                "system:masters".to_owned(),
                "system:authenticated".to_owned()
            ],
        })
    );
    assert_eq!(Caller::of(&certificate(&[])), None, "nobody in particular");
}

#[test]
fn a_shell_is_never_a_matter_of_reading() {
    assert_eq!(verb(&Method::GET, "/exec/default/a/kafka"), "create");
    assert_eq!(verb(&Method::GET, "/portForward/default/a"), "create");
    assert_eq!(verb(&Method::POST, "/exec/default/a/kafka"), "create");
    assert_eq!(verb(&Method::GET, "/containerLogs/default/a/kafka"), "get");
}
