use super::{Path, Query, Target, field_manager, target};

fn path(text: &str) -> Path {
    match target(text) {
        Target::Resource(path) => path,
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn paths_are_taken_apart_as_kubernetes_means_them() {
    let pod = path("/api/v1/namespaces/a/pods/b/log");
    assert_eq!(
        (
            pod.group.as_str(),
            pod.plural.as_str(),
            pod.namespace.as_deref()
        ),
        ("", "pods", Some("a"))
    );
    assert_eq!(
        (pod.name.as_deref(), pod.subresource.as_deref()),
        (Some("b"), Some("log"))
    );
    let namespace = path("/api/v1/namespaces/a");
    assert_eq!(
        (namespace.plural.as_str(), namespace.name.as_deref()),
        ("namespaces", Some("a"))
    );
    let status = path("/api/v1/namespaces/a/status");
    assert_eq!(
        (status.plural.as_str(), status.subresource.as_deref()),
        ("namespaces", Some("status"))
    );
    let list = path("/apis/kafka.strimzi.io/v1/kafkas");
    assert_eq!(
        (list.group.as_str(), list.namespace, list.name),
        ("kafka.strimzi.io", None, None)
    );
    let role = path("/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Aa");
    assert_eq!(role.name.as_deref(), Some("system:a"));
    assert_eq!(target("/apis/apps"), Target::Group("apps".to_owned()));
    assert_eq!(
        target("/apis/apps/v1"),
        Target::GroupVersion("apps".to_owned(), "v1".to_owned())
    );
    assert_eq!(
        target("/version"),
        Target::Plain(vec!["version".to_owned()])
    );
}

#[test]
fn queries_are_decoded_and_checked() {
    let query = Query::parse("labelSelector=a%3Db%2Cc&watch=1&limit=500&dryRun=All&x=a+b&bad=%zz");
    assert_eq!(query.get("labelSelector"), Some("a=b,c"));
    assert!(query.flag("watch") && !query.flag("force"));
    assert_eq!(query.number("limit").unwrap(), Some(500));
    assert!(query.dry_run("CreateOptions").unwrap());
    assert_eq!(
        (query.get("x"), query.get("bad")),
        (Some("a b"), Some("%zz"))
    );
    assert!(Query::parse("limit=many").number("limit").is_err());
    assert!(
        Query::parse("dryRun=Some")
            .dry_run("CreateOptions")
            .is_err()
    );
    assert!(
        Query::parse("fieldValidation=Loose")
            .field_validation("CreateOptions")
            .is_err()
    );
}

#[test]
fn the_field_manager_is_named_or_guessed_from_the_agent() {
    let named = Query::parse("fieldManager=me");
    assert_eq!(
        field_manager(&named, Some("kubectl/v1.32"), "PatchOptions").unwrap(),
        "me"
    );
    assert_eq!(
        field_manager(
            &Query::default(),
            Some("kubectl/v1.32 (linux)"),
            "PatchOptions"
        )
        .unwrap(),
        "kubectl"
    );
    assert_eq!(
        field_manager(&Query::default(), None, "PatchOptions").unwrap(),
        "unknown"
    );
}
