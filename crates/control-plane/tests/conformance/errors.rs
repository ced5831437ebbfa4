//! Refusals: malformed bodies, unknown fields, wrong types, bad names, wrong paths.

use expect_test::expect;
use http::Method;
use serde_json::json;

use crate::server::{Context, cases, with_query};

cases![errors:
    bodies_that_are_no_objects,
    names_and_labels,
    unknown_fields,
    duplicate_fields,
    wrong_types,
    the_path_and_the_body_differ,
    paths_that_are_not_there,
    methods_that_are_not_there,
    media_types,
    a_namespace_that_is_not_there,
    pods_that_make_no_sense,
    services_that_make_no_sense,
    other_kinds_that_make_no_sense,
    yaml_is_understood,
];

async fn bodies_that_are_no_objects(c: Context) {
    for body in [
        "",
        "{",
        "[]",
        "null",
        "\"text\"",
        "{}",
        r#"{"apiVersion":"v1","kind":"ConfigMap"}"#,
    ] {
        let reply = c
            .send(
                Method::POST,
                &c.core("configmaps"),
                &[("content-type", "application/json")],
                Some(body.to_owned()),
            )
            .await;
        let told = format!("{body}\n{}", c.told(&reply));
        match body {
            "" => expect![[r#"

                400
                apiVersion = "v1"
                code = 400
                kind = "Status"
                message = "the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error: unexpected end of JSON input (<empty>)"
                metadata = {}
                reason = "BadRequest"
                status = "Failure"
            "#]].assert_eq(&told),
            "{" => expect![[r#"
                {
                400
                apiVersion = "v1"
                code = 400
                kind = "Status"
                message = "the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error: unexpected end of JSON input ({)"
                metadata = {}
                reason = "BadRequest"
                status = "Failure"
            "#]].assert_eq(&told),
            "[]" => expect![[r#"
                []
                400
                apiVersion = "v1"
                code = 400
                kind = "Status"
                message = "the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error: json: cannot unmarshal array into Go value of type struct { APIVersion string \"json:\\\"apiVersion,omitempty\\\"\"; Kind string \"json:\\\"kind,omitempty\\\"\" } (5b5d)"
                metadata = {}
                reason = "BadRequest"
                status = "Failure"
            "#]].assert_eq(&told),
            "null" => expect![[r#"
                null
                422
                apiVersion = "v1"
                code = 422
                details.causes[0].field = "metadata.name"
                details.causes[0].message = "Required value: name or generateName is required"
                details.causes[0].reason = "FieldValueRequired"
                details.kind = "ConfigMap"
                kind = "Status"
                message = "ConfigMap \"\" is invalid: metadata.name: Required value: name or generateName is required"
                metadata = {}
                reason = "Invalid"
                status = "Failure"
            "#]].assert_eq(&told),
            "\"text\"" => expect![[r#"
                "text"
                400
                apiVersion = "v1"
                code = 400
                kind = "Status"
                message = "the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error: json: cannot unmarshal string into Go value of type struct { APIVersion string \"json:\\\"apiVersion,omitempty\\\"\"; Kind string \"json:\\\"kind,omitempty\\\"\" } (227465787422)"
                metadata = {}
                reason = "BadRequest"
                status = "Failure"
            "#]].assert_eq(&told),
            "{}" => expect![[r#"
                {}
                422
                apiVersion = "v1"
                code = 422
                details.causes[0].field = "metadata.name"
                details.causes[0].message = "Required value: name or generateName is required"
                details.causes[0].reason = "FieldValueRequired"
                details.kind = "ConfigMap"
                kind = "Status"
                message = "ConfigMap \"\" is invalid: metadata.name: Required value: name or generateName is required"
                metadata = {}
                reason = "Invalid"
                status = "Failure"
            "#]].assert_eq(&told),
            _ => expect![[r#"
                {"apiVersion":"v1","kind":"ConfigMap"}
                422
                apiVersion = "v1"
                code = 422
                details.causes[0].field = "metadata.name"
                details.causes[0].message = "Required value: name or generateName is required"
                details.causes[0].reason = "FieldValueRequired"
                details.kind = "ConfigMap"
                kind = "Status"
                message = "ConfigMap \"\" is invalid: metadata.name: Required value: name or generateName is required"
                metadata = {}
                reason = "Invalid"
                status = "Failure"
            "#]].assert_eq(&told),
        }
    }
}

async fn names_and_labels(c: Context) {
    let reply = c.create(&c.core("configmaps"), &json!({"metadata": {"name": "Big", "labels": {"a b": "c d"}, "annotations": {"!": ""}, "finalizers": ["x y"]}})).await;
    expect![[r#"
        422
        apiVersion = "v1"
        code = 422
        details.causes[0].field = "metadata.name"
        details.causes[0].message = "Invalid value: \"Big\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
        details.causes[0].reason = "FieldValueInvalid"
        details.causes[1].field = "metadata.labels"
        details.causes[1].message = "Invalid value: \"a b\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
        details.causes[1].reason = "FieldValueInvalid"
        details.causes[2].field = "metadata.labels"
        details.causes[2].message = "Invalid value: \"c d\": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
        details.causes[2].reason = "FieldValueInvalid"
        details.causes[3].field = "metadata.annotations"
        details.causes[3].message = "Invalid value: \"!\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
        details.causes[3].reason = "FieldValueInvalid"
        details.causes[4].field = "metadata.finalizers"
        details.causes[4].message = "Invalid value: \"x y\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
        details.causes[4].reason = "FieldValueInvalid"
        details.causes[5].field = "metadata.finalizers[0]"
        details.causes[5].message = "Invalid value: \"x y\": name is neither a standard finalizer name nor is it fully qualified"
        details.causes[5].reason = "FieldValueInvalid"
        details.kind = "ConfigMap"
        details.name = "Big"
        kind = "Status"
        message = "ConfigMap \"Big\" is invalid: [metadata.name: Invalid value: \"Big\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*'), metadata.labels: Invalid value: \"a b\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]'), metadata.labels: Invalid value: \"c d\": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?'), metadata.annotations: Invalid value: \"!\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]'), metadata.finalizers: Invalid value: \"x y\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]'), metadata.finalizers[0]: Invalid value: \"x y\": name is neither a standard finalizer name nor is it fully qualified]"
        metadata = {}
        reason = "Invalid"
        status = "Failure"
    "#]].assert_eq(&c.told(&reply));
    let reply = c
        .create(
            &c.core("services"),
            &json!({"metadata": {"name": "1a"}, "spec": {"ports": [{"port": 1}]}}),
        )
        .await;
    expect![[r#"
        422
        apiVersion = "v1"
        code = 422
        details.causes[0].field = "metadata.name"
        details.causes[0].message = "Invalid value: \"1a\": a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')"
        details.causes[0].reason = "FieldValueInvalid"
        details.kind = "Service"
        details.name = "1a"
        kind = "Status"
        message = "Service \"1a\" is invalid: metadata.name: Invalid value: \"1a\": a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')"
        metadata = {}
        reason = "Invalid"
        status = "Failure"
    "#]].assert_eq(&c.told(&reply));
    let reply = c
        .create("/api/v1/namespaces", &json!({"metadata": {"name": "a.b"}}))
        .await;
    expect![[r#"
        422
        apiVersion = "v1"
        code = 422
        details.causes[0].field = "metadata.name"
        details.causes[0].message = "Invalid value: \"a.b\": must not contain dots"
        details.causes[0].reason = "FieldValueInvalid"
        details.kind = "Namespace"
        details.name = "a.b"
        kind = "Status"
        message = "Namespace \"a.b\" is invalid: metadata.name: Invalid value: \"a.b\": must not contain dots"
        metadata = {}
        reason = "Invalid"
        status = "Failure"
    "#]].assert_eq(&c.told(&reply));
    let owners = json!([{"apiVersion": "", "kind": "", "name": "", "uid": ""}]);
    let reply = c
        .create(
            &c.core("configmaps"),
            &json!({"metadata": {"name": "a", "ownerReferences": owners}}),
        )
        .await;
    expect![[r#"
        422
        apiVersion = "v1"
        code = 422
        details.causes[0].field = "metadata.ownerReferences.apiVersion"
        details.causes[0].message = "Invalid value: \"\": version must not be empty"
        details.causes[0].reason = "FieldValueInvalid"
        details.causes[1].field = "metadata.ownerReferences.kind"
        details.causes[1].message = "Invalid value: \"\": must not be empty"
        details.causes[1].reason = "FieldValueInvalid"
        details.causes[2].field = "metadata.ownerReferences.name"
        details.causes[2].message = "Invalid value: \"\": must not be empty"
        details.causes[2].reason = "FieldValueInvalid"
        details.causes[3].field = "metadata.ownerReferences.uid"
        details.causes[3].message = "Invalid value: \"\": must not be empty"
        details.causes[3].reason = "FieldValueInvalid"
        details.kind = "ConfigMap"
        details.name = "a"
        kind = "Status"
        message = "ConfigMap \"a\" is invalid: [metadata.ownerReferences.apiVersion: Invalid value: \"\": version must not be empty, metadata.ownerReferences.kind: Invalid value: \"\": must not be empty, metadata.ownerReferences.name: Invalid value: \"\": must not be empty, metadata.ownerReferences.uid: Invalid value: \"\": must not be empty]"
        metadata = {}
        reason = "Invalid"
        status = "Failure"
    "#]].assert_eq(&c.told(&reply));
}

async fn unknown_fields(c: Context) {
    let body = json!({"metadata": {"name": "p", "extra": 1}, "top": {}, "spec": {"containers": [{"name": "c", "image": "i", "colour": "red"}], "automountServiceAccountToken": false}});
    let reply = c
        .create(
            &with_query(&c.core("pods"), "fieldValidation=Strict"),
            &body,
        )
        .await;
    expect![[r#"
        400
        apiVersion = "v1"
        code = 400
        kind = "Status"
        message = "Pod in version \"v1\" cannot be handled as a Pod: strict decoding error: unknown field \"metadata.extra\", unknown field \"spec.containers[0].colour\", unknown field \"top\""
        metadata = {}
        reason = "BadRequest"
        status = "Failure"
    "#]].assert_eq(&c.told(&reply));
    let reply = c
        .create(&with_query(&c.core("pods"), "fieldValidation=Warn"), &body)
        .await;
    assert_eq!(reply.code, 201);
    expect![[r#"
        299 - "unknown field \"metadata.extra\""
        299 - "unknown field \"spec.containers[0].colour\""
        299 - "unknown field \"top\"""#]]
    .assert_eq(&reply.warnings.join("\n"));
    let reply = c
        .merge_patch(
            &with_query(&c.core("pods/p"), "fieldValidation=Strict"),
            &json!({"spec": {"colour": "red"}}),
        )
        .await;
    // The whole patched object stands in the middle of the sentence.
    let message = reply.body["message"].as_str().unwrap_or("");
    assert_eq!(
        (reply.code, &reply.body["reason"]),
        (422, &json!("Invalid"))
    );
    assert!(
        message.ends_with(r#"strict decoding error: unknown field "spec.colour""#),
        "{message}"
    );
    let reply = c
        .merge_patch(
            &c.core("pods/p"),
            &json!({"metadata": {"labels": {"x": "y"}}, "spec": {"colour": "red"}}),
        )
        .await;
    assert_eq!(reply.code, 200);
    expect![[r#"299 - "unknown field \"spec.colour\"""#]].assert_eq(&reply.warnings.join("\n"));
    let reply = c
        .merge_patch(
            &with_query(&c.core("pods/p"), "fieldValidation=Ignore"),
            &json!({"spec": {"colour": "red"}}),
        )
        .await;
    assert_eq!((reply.code, reply.warnings.len()), (200, 0));
    let reply = c
        .create(
            &with_query(&c.core("configmaps"), "fieldValidation=Sometimes"),
            &json!({"metadata": {"name": "a"}}),
        )
        .await;
    expect![[r#"
        422
        apiVersion = "v1"
        code = 422
        details.causes[0].field = "fieldValidation"
        details.causes[0].message = "Unsupported value: \"Sometimes\": supported values: \"\", \"Ignore\", \"Strict\", \"Warn\""
        details.causes[0].reason = "FieldValueNotSupported"
        details.group = "meta.k8s.io"
        details.kind = "CreateOptions"
        kind = "Status"
        message = "CreateOptions.meta.k8s.io \"\" is invalid: fieldValidation: Unsupported value: \"Sometimes\": supported values: \"\", \"Ignore\", \"Strict\", \"Warn\""
        metadata = {}
        reason = "Invalid"
        status = "Failure"
    "#]].assert_eq(&c.told(&reply));
    let reply = c.apply(&with_query(&c.core("configmaps/a"), "fieldValidation=Strict"), "m", &json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "colour": "red"})).await;
    expect![[r#"
        500
        apiVersion = "v1"
        code = 500
        kind = "Status"
        message = "failed to create typed patch object (/a; /v1, Kind=ConfigMap): .colour: field not declared in schema"
        metadata = {}
        status = "Failure"
    "#]].assert_eq(&c.told(&reply));
}

async fn duplicate_fields(c: Context) {
    let body = r#"{"metadata": {"name": "a", "name": "a"}, "data": {"k": "1", "k": "2"}}"#;
    let strict = with_query(&c.core("configmaps"), "fieldValidation=Strict");
    let reply = c
        .send(
            Method::POST,
            &strict,
            &[("content-type", "application/json")],
            Some(body.to_owned()),
        )
        .await;
    expect![[r#"
        400
        apiVersion = "v1"
        code = 400
        kind = "Status"
        message = "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: strict decoding error: duplicate field \"metadata.name\", duplicate field \"data.k\""
        metadata = {}
        reason = "BadRequest"
        status = "Failure"
    "#]].assert_eq(&c.told(&reply));
    let reply = c
        .send(
            Method::POST,
            &c.core("configmaps"),
            &[("content-type", "application/json")],
            Some(body.to_owned()),
        )
        .await;
    assert_eq!(reply.body["data"]["k"], "2");
    expect![[r#"
        299 - "duplicate field \"metadata.name\""
        299 - "duplicate field \"data.k\"""#]]
    .assert_eq(&reply.warnings.join("\n"));
    let body = "metadata:\n  name: b\n  name: b\n";
    let reply = c
        .send(
            Method::POST,
            &strict,
            &[("content-type", "application/yaml")],
            Some(body.to_owned()),
        )
        .await;
    expect![[r#"
        400
        apiVersion = "v1"
        code = 400
        kind = "Status"
        message = "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: strict decoding error: yaml: unmarshal errors:\n  line 3: key \"name\" already set in map"
        metadata = {}
        reason = "BadRequest"
        status = "Failure"
    "#]].assert_eq(&c.told(&reply));
}

async fn wrong_types(c: Context) {
    let reply = c
        .create(
            &c.core("configmaps"),
            &json!({"metadata": {"name": "a"}, "data": {"k": 1}}),
        )
        .await;
    expect![[r#"
        400
        apiVersion = "v1"
        code = 400
        kind = "Status"
        message = "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: json: cannot unmarshal number into Go struct field ConfigMap.data of type string"
        metadata = {}
        reason = "BadRequest"
        status = "Failure"
    "#]].assert_eq(&c.told(&reply));
    let reply = c.create(&c.core("pods"), &json!({"metadata": {"name": "a"}, "spec": {"containers": [{"name": "c", "ports": [{"containerPort": "x"}]}]}})).await;
    expect![[r#"
        400
        apiVersion = "v1"
        code = 400
        kind = "Status"
        message = "Pod in version \"v1\" cannot be handled as a Pod: json: cannot unmarshal string into Go struct field ContainerPort.spec.containers.ports.containerPort of type int32"
        metadata = {}
        reason = "BadRequest"
        status = "Failure"
    "#]].assert_eq(&c.told(&reply));
    let reply = c
        .create(
            &c.core("pods"),
            &json!({"metadata": {"name": "a"}, "spec": {"containers": {}}}),
        )
        .await;
    expect![[r#"
        400
        apiVersion = "v1"
        code = 400
        kind = "Status"
        message = "Pod in version \"v1\" cannot be handled as a Pod: json: cannot unmarshal object into Go struct field PodSpec.spec.containers of type []v1.Container"
        metadata = {}
        reason = "BadRequest"
        status = "Failure"
    "#]].assert_eq(&c.told(&reply));
    let reply = c
        .create(
            &c.core("pods"),
            &json!({"metadata": {"name": "a"}, "spec": []}),
        )
        .await;
    expect![[r#"
        400
        apiVersion = "v1"
        code = 400
        kind = "Status"
        message = "Pod in version \"v1\" cannot be handled as a Pod: json: cannot unmarshal array into Go struct field Pod.spec of type v1.PodSpec"
        metadata = {}
        reason = "BadRequest"
        status = "Failure"
    "#]].assert_eq(&c.told(&reply));
    let reply = c
        .create(
            &c.core("services"),
            &json!({"metadata": {"name": "a"}, "spec": {"ports": [{"port": 1.5}]}}),
        )
        .await;
    expect![[r#"
        400
        apiVersion = "v1"
        code = 400
        kind = "Status"
        message = "Service in version \"v1\" cannot be handled as a Service: json: cannot unmarshal number 1.5 into Go struct field ServicePort.spec.ports.port of type int32"
        metadata = {}
        reason = "BadRequest"
        status = "Failure"
    "#]].assert_eq(&c.told(&reply));
    let reply = c
        .create(
            &c.core("pods"),
            &json!({"metadata": {"name": "a", "labels": {"a": true}}}),
        )
        .await;
    expect![[r#"
        400
        apiVersion = "v1"
        code = 400
        kind = "Status"
        message = "Pod in version \"v1\" cannot be handled as a Pod: json: cannot unmarshal bool into Go struct field ObjectMeta.metadata.labels of type string"
        metadata = {}
        reason = "BadRequest"
        status = "Failure"
    "#]].assert_eq(&c.told(&reply));
    let reply = c
        .create(
            &c.core("pods"),
            &json!({"metadata": {"name": "a"}, "spec": {"hostNetwork": "yes"}}),
        )
        .await;
    expect![[r#"
        400
        apiVersion = "v1"
        code = 400
        kind = "Status"
        message = "Pod in version \"v1\" cannot be handled as a Pod: json: cannot unmarshal string into Go struct field PodSpec.spec.hostNetwork of type bool"
        metadata = {}
        reason = "BadRequest"
        status = "Failure"
    "#]].assert_eq(&c.told(&reply));
}

async fn the_path_and_the_body_differ(c: Context) {
    let reply = c
        .create(
            &c.core("configmaps"),
            &json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}}),
        )
        .await;
    expect![[r#"
        400
        apiVersion = "v1"
        code = 400
        kind = "Status"
        message = "Secret in version \"v1\" cannot be handled as a ConfigMap: converting (v1.Secret) to (core.ConfigMap): unknown conversion"
        metadata = {}
        reason = "BadRequest"
        status = "Failure"
    "#]].assert_eq(&c.told(&reply));
    let reply = c
        .create(
            &c.core("configmaps"),
            &json!({"apiVersion": "apps/v1", "kind": "ConfigMap", "metadata": {"name": "a"}}),
        )
        .await;
    expect![[r#"
        400
        apiVersion = "v1"
        code = 400
        kind = "Status"
        message = "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: no kind \"ConfigMap\" is registered for version \"apps/v1\" in scheme \"pkg/runtime/scheme.go:110\""
        metadata = {}
        reason = "BadRequest"
        status = "Failure"
    "#]].assert_eq(&c.told(&reply));
    let reply = c
        .create(
            &c.core("configmaps"),
            &json!({"metadata": {"name": "a", "namespace": "default"}}),
        )
        .await;
    expect![[r#"
        400
        apiVersion = "v1"
        code = 400
        kind = "Status"
        message = "the namespace of the provided object does not match the namespace sent on the request"
        metadata = {}
        reason = "BadRequest"
        status = "Failure"
    "#]].assert_eq(&c.told(&reply));
    c.create(&c.core("configmaps"), &json!({"metadata": {"name": "a"}}))
        .await
        .ok();
    let reply = c
        .put(&c.core("configmaps/a"), &json!({"metadata": {"name": "b"}}))
        .await;
    expect![[r#"
        400
        apiVersion = "v1"
        code = 400
        kind = "Status"
        message = "the name of the object (b) does not match the name on the URL (a)"
        metadata = {}
        reason = "BadRequest"
        status = "Failure"
    "#]]
    .assert_eq(&c.told(&reply));
    let reply = c
        .merge_patch(&c.core("configmaps/a"), &json!({"metadata": {"name": "b"}}))
        .await;
    expect![[r#"
        400
        apiVersion = "v1"
        code = 400
        kind = "Status"
        message = "the name of the object (b) does not match the name on the URL (a)"
        metadata = {}
        reason = "BadRequest"
        status = "Failure"
    "#]]
    .assert_eq(&c.told(&reply));
}

async fn paths_that_are_not_there(c: Context) {
    let reply = c.get(&c.core("nothings")).await;
    expect![[r#"
        404
        apiVersion = "v1"
        code = 404
        details = {}
        kind = "Status"
        message = "the server could not find the requested resource"
        metadata = {}
        reason = "NotFound"
        status = "Failure"
    "#]]
    .assert_eq(&c.told(&reply));
    let reply = c.get("/apis/nothing.example/v1/things").await;
    expect![[r#"
        404
         = "404 page not found\n"
    "#]]
    .assert_eq(&c.told(&reply));
    let reply = c.get(&c.core("configmaps/a/status")).await;
    expect![[r#"
        404
        apiVersion = "v1"
        code = 404
        details = {}
        kind = "Status"
        message = "the server could not find the requested resource"
        metadata = {}
        reason = "NotFound"
        status = "Failure"
    "#]]
    .assert_eq(&c.told(&reply));
}

async fn methods_that_are_not_there(c: Context) {
    let reply = c.put(&c.core("configmaps"), &json!({})).await;
    expect![[r#"
        405
        apiVersion = "v1"
        code = 405
        details = {}
        kind = "Status"
        message = "the server does not allow this method on the requested resource"
        metadata = {}
        reason = "MethodNotAllowed"
        status = "Failure"
    "#]]
    .assert_eq(&c.told(&reply));
    let reply = c.create(&c.core("configmaps/a"), &json!({})).await;
    expect![[r#"
        405
        apiVersion = "v1"
        code = 405
        details = {}
        kind = "Status"
        message = "the server does not allow this method on the requested resource"
        metadata = {}
        reason = "MethodNotAllowed"
        status = "Failure"
    "#]]
    .assert_eq(&c.told(&reply));
}

async fn media_types(c: Context) {
    c.create(&c.core("configmaps"), &json!({"metadata": {"name": "a"}}))
        .await
        .ok();
    let reply = c
        .patch("text/plain", &c.core("configmaps/a"), &json!({}))
        .await;
    expect![[r#"
        415
        apiVersion = "v1"
        code = 415
        details = {}
        kind = "Status"
        message = "415: Unsupported Media Type"
        metadata = {}
        reason = "UnsupportedMediaType"
        status = "Failure"
    "#]]
    .assert_eq(&c.told(&reply));
    let reply = c
        .send(
            Method::POST,
            &c.core("configmaps"),
            &[("content-type", "text/plain")],
            Some("{}".to_owned()),
        )
        .await;
    expect![[r#"
        415
        apiVersion = "v1"
        code = 415
        kind = "Status"
        message = "the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf"
        metadata = {}
        reason = "UnsupportedMediaType"
        status = "Failure"
    "#]].assert_eq(&c.told(&reply));
    let reply = c
        .send(
            Method::GET,
            &c.core("configmaps/a"),
            &[("accept", "text/plain")],
            None,
        )
        .await;
    expect![[r#"
        406
        apiVersion = "v1"
        code = 406
        details = {}
        kind = "Status"
        message = "406: Not Acceptable\n\nAvailable representations: application/json, application/yaml, application/vnd.kubernetes.protobuf"
        metadata = {}
        reason = "NotAcceptable"
        status = "Failure"
    "#]].assert_eq(&c.told(&reply));
    let reply = c
        .send(
            Method::GET,
            &c.core("configmaps/a"),
            &[("accept", "*/*")],
            None,
        )
        .await;
    assert_eq!(
        (reply.code, reply.content_type.as_str()),
        (200, "application/json")
    );
}

async fn a_namespace_that_is_not_there(c: Context) {
    let reply = c
        .create(
            "/api/v1/namespaces/no-such-place/configmaps",
            &json!({"metadata": {"name": "a"}}),
        )
        .await;
    expect![[r#"
        404
        apiVersion = "v1"
        code = 404
        details.kind = "namespaces"
        details.name = "no-such-place"
        kind = "Status"
        message = "namespaces \"no-such-place\" not found"
        metadata = {}
        reason = "NotFound"
        status = "Failure"
    "#]]
    .assert_eq(&c.told(&reply));
    let reply = c.get("/api/v1/namespaces/no-such-place/configmaps").await;
    expect![[r#"
        200
        apiVersion = "v1"
        items = []
        kind = "ConfigMapList"
        metadata.resourceVersion = "RV"
    "#]]
    .assert_eq(&c.told(&reply));
}

async fn pods_that_make_no_sense(c: Context) {
    let reply = c
        .create(
            &c.core("pods"),
            &json!({"metadata": {"name": "p"}, "spec": {}}),
        )
        .await;
    expect![[r#"
        422
        apiVersion = "v1"
        code = 422
        details.causes[0].field = "spec.containers"
        details.causes[0].message = "Required value"
        details.causes[0].reason = "FieldValueRequired"
        details.kind = "Pod"
        details.name = "p"
        kind = "Status"
        message = "Pod \"p\" is invalid: spec.containers: Required value"
        metadata = {}
        reason = "Invalid"
        status = "Failure"
    "#]]
    .assert_eq(&c.told(&reply));
    let reply = c.create(&c.core("pods"), &json!({"metadata": {"name": "p"}, "spec": {
        "restartPolicy": "Sometimes", "containers": [
            {"name": "C!", "ports": [{"containerPort": 0}, {"containerPort": 70000, "protocol": "X"}], "env": [{"name": "", "value": "x"}, {"name": "a=b"}]},
            {"name": "d", "image": "i", "volumeMounts": [{"name": "nope", "mountPath": "/x"}, {"name": "v", "mountPath": ""}], "imagePullPolicy": "Now"},
            {"name": "d", "image": "i"}],
        "volumes": [{"name": "v"}, {"name": "v", "emptyDir": {}}], "automountServiceAccountToken": false}})).await;
    expect![[r#"
        422
        apiVersion = "v1"
        code = 422
        details.causes[0].field = "spec.volumes[1].name"
        details.causes[0].message = "Duplicate value: \"v\""
        details.causes[0].reason = "FieldValueDuplicate"
        details.causes[1].field = "spec.containers[0].name"
        details.causes[1].message = "Invalid value: \"C!\": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
        details.causes[1].reason = "FieldValueInvalid"
        details.causes[2].field = "spec.containers[0].image"
        details.causes[2].message = "Required value"
        details.causes[2].reason = "FieldValueRequired"
        details.causes[3].field = "spec.containers[0].ports[0].containerPort"
        details.causes[3].message = "Required value"
        details.causes[3].reason = "FieldValueRequired"
        details.causes[4].field = "spec.containers[0].ports[1].containerPort"
        details.causes[4].message = "Invalid value: 70000: must be between 1 and 65535, inclusive"
        details.causes[4].reason = "FieldValueInvalid"
        details.causes[5].field = "spec.containers[0].ports[1].protocol"
        details.causes[5].message = "Unsupported value: \"X\": supported values: \"SCTP\", \"TCP\", \"UDP\""
        details.causes[5].reason = "FieldValueNotSupported"
        details.causes[6].field = "spec.containers[0].env[0].name"
        details.causes[6].message = "Required value"
        details.causes[6].reason = "FieldValueRequired"
        details.causes[7].field = "spec.containers[0].env[1].name"
        details.causes[7].message = "Invalid value: \"a=b\": a valid environment variable name must consist only of printable ASCII characters other than '='"
        details.causes[7].reason = "FieldValueInvalid"
        details.causes[8].field = "spec.containers[1].volumeMounts[0].name"
        details.causes[8].message = "Not found: \"nope\""
        details.causes[8].reason = "FieldValueNotFound"
        details.causes[9].field = "spec.containers[1].volumeMounts[1].mountPath"
        details.causes[9].message = "Required value"
        details.causes[9].reason = "FieldValueRequired"
        details.causes[10].field = "spec.containers[1].imagePullPolicy"
        details.causes[10].message = "Unsupported value: \"Now\": supported values: \"Always\", \"IfNotPresent\", \"Never\""
        details.causes[10].reason = "FieldValueNotSupported"
        details.causes[11].field = "spec.containers[2].name"
        details.causes[11].message = "Duplicate value: \"d\""
        details.causes[11].reason = "FieldValueDuplicate"
        details.causes[12].field = "spec.restartPolicy"
        details.causes[12].message = "Unsupported value: \"Sometimes\": supported values: \"Always\", \"OnFailure\", \"Never\""
        details.causes[12].reason = "FieldValueNotSupported"
        details.kind = "Pod"
        details.name = "p"
        kind = "Status"
        message = "Pod \"p\" is invalid: [spec.volumes[1].name: Duplicate value: \"v\", spec.containers[0].name: Invalid value: \"C!\": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?'), spec.containers[0].image: Required value, spec.containers[0].ports[0].containerPort: Required value, spec.containers[0].ports[1].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive, spec.containers[0].ports[1].protocol: Unsupported value: \"X\": supported values: \"SCTP\", \"TCP\", \"UDP\", spec.containers[0].env[0].name: Required value, spec.containers[0].env[1].name: Invalid value: \"a=b\": a valid environment variable name must consist only of printable ASCII characters other than '=', spec.containers[1].volumeMounts[0].name: Not found: \"nope\", spec.containers[1].volumeMounts[1].mountPath: Required value, spec.containers[1].imagePullPolicy: Unsupported value: \"Now\": supported values: \"Always\", \"IfNotPresent\", \"Never\", spec.containers[2].name: Duplicate value: \"d\", spec.restartPolicy: Unsupported value: \"Sometimes\": supported values: \"Always\", \"OnFailure\", \"Never\"]"
        metadata = {}
        reason = "Invalid"
        status = "Failure"
    "#]].assert_eq(&c.told(&reply));
}

async fn services_that_make_no_sense(c: Context) {
    let reply = c
        .create(
            &c.core("services"),
            &json!({"metadata": {"name": "s"}, "spec": {}}),
        )
        .await;
    expect![[r#"
        422
        apiVersion = "v1"
        code = 422
        details.causes[0].field = "spec.ports"
        details.causes[0].message = "Required value"
        details.causes[0].reason = "FieldValueRequired"
        details.kind = "Service"
        details.name = "s"
        kind = "Status"
        message = "Service \"s\" is invalid: spec.ports: Required value"
        metadata = {}
        reason = "Invalid"
        status = "Failure"
    "#]]
    .assert_eq(&c.told(&reply));
    let reply = c.create(&c.core("services"), &json!({"metadata": {"name": "s"}, "spec": {"type": "Bad", "ports": [
        {"name": "a", "port": 0}, {"name": "a", "port": 80, "protocol": "X"}, {"port": 81, "targetPort": 99999}]}})).await;
    expect![[r#"
        422
        apiVersion = "v1"
        code = 422
        details.causes[0].field = "spec.ports[0].port"
        details.causes[0].message = "Invalid value: 0: must be between 1 and 65535, inclusive"
        details.causes[0].reason = "FieldValueInvalid"
        details.causes[1].field = "spec.ports[0].targetPort"
        details.causes[1].message = "Invalid value: 0: must be between 1 and 65535, inclusive"
        details.causes[1].reason = "FieldValueInvalid"
        details.causes[2].field = "spec.ports[1].name"
        details.causes[2].message = "Duplicate value: \"a\""
        details.causes[2].reason = "FieldValueDuplicate"
        details.causes[3].field = "spec.ports[1].protocol"
        details.causes[3].message = "Unsupported value: \"X\": supported values: \"SCTP\", \"TCP\", \"UDP\""
        details.causes[3].reason = "FieldValueNotSupported"
        details.causes[4].field = "spec.ports[2].name"
        details.causes[4].message = "Required value"
        details.causes[4].reason = "FieldValueRequired"
        details.causes[5].field = "spec.ports[2].targetPort"
        details.causes[5].message = "Invalid value: 99999: must be between 1 and 65535, inclusive"
        details.causes[5].reason = "FieldValueInvalid"
        details.causes[6].field = "spec.type"
        details.causes[6].message = "Unsupported value: \"Bad\": supported values: \"ClusterIP\", \"ExternalName\", \"LoadBalancer\", \"NodePort\""
        details.causes[6].reason = "FieldValueNotSupported"
        details.kind = "Service"
        details.name = "s"
        kind = "Status"
        message = "Service \"s\" is invalid: [spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive, spec.ports[0].targetPort: Invalid value: 0: must be between 1 and 65535, inclusive, spec.ports[1].name: Duplicate value: \"a\", spec.ports[1].protocol: Unsupported value: \"X\": supported values: \"SCTP\", \"TCP\", \"UDP\", spec.ports[2].name: Required value, spec.ports[2].targetPort: Invalid value: 99999: must be between 1 and 65535, inclusive, spec.type: Unsupported value: \"Bad\": supported values: \"ClusterIP\", \"ExternalName\", \"LoadBalancer\", \"NodePort\"]"
        metadata = {}
        reason = "Invalid"
        status = "Failure"
    "#]].assert_eq(&c.told(&reply));
}

async fn other_kinds_that_make_no_sense(c: Context) {
    for data in [
        json!({"data": {"a/b": "x"}}),
        json!({"data": {"ok": "y"}, "binaryData": {"ok": "bA=="}}),
    ] {
        let mut body = data.clone();
        body["metadata"] = json!({"name": "a"});
        let reply = c.create(&c.core("configmaps"), &body).await;
        match data.get("binaryData") {
            None => expect![[r#"
                422
                apiVersion = "v1"
                code = 422
                details.causes[0].field = "data[a/b]"
                details.causes[0].message = "Invalid value: \"a/b\": a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
                details.causes[0].reason = "FieldValueInvalid"
                details.kind = "ConfigMap"
                details.name = "a"
                kind = "Status"
                message = "ConfigMap \"a\" is invalid: data[a/b]: Invalid value: \"a/b\": a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
                metadata = {}
                reason = "Invalid"
                status = "Failure"
            "#]].assert_eq(&c.told(&reply)),
            Some(_) => expect![[r#"
                422
                apiVersion = "v1"
                code = 422
                details.causes[0].field = "data[ok]"
                details.causes[0].message = "Invalid value: \"ok\": duplicate of key present in binaryData"
                details.causes[0].reason = "FieldValueInvalid"
                details.kind = "ConfigMap"
                details.name = "a"
                kind = "Status"
                message = "ConfigMap \"a\" is invalid: data[ok]: Invalid value: \"ok\": duplicate of key present in binaryData"
                metadata = {}
                reason = "Invalid"
                status = "Failure"
            "#]].assert_eq(&c.told(&reply)),
        }
    }
    let reply = c
        .create(
            &c.core("persistentvolumeclaims"),
            &json!({"metadata": {"name": "a"}, "spec": {}}),
        )
        .await;
    expect![[r#"
        422
        apiVersion = "v1"
        code = 422
        details.causes[0].field = "spec.accessModes"
        details.causes[0].message = "Required value: at least 1 access mode is required"
        details.causes[0].reason = "FieldValueRequired"
        details.causes[1].field = "spec.resources[storage]"
        details.causes[1].message = "Required value"
        details.causes[1].reason = "FieldValueRequired"
        details.kind = "PersistentVolumeClaim"
        details.name = "a"
        kind = "Status"
        message = "PersistentVolumeClaim \"a\" is invalid: [spec.accessModes: Required value: at least 1 access mode is required, spec.resources[storage]: Required value]"
        metadata = {}
        reason = "Invalid"
        status = "Failure"
    "#]].assert_eq(&c.told(&reply));
    let reply = c.create(&c.group("apps/v1", "deployments"), &json!({"metadata": {"name": "a"}, "spec": {"replicas": -1, "selector": {"matchLabels": {"a": "b"}}, "template": {"metadata": {"labels": {"x": "y"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}}})).await;
    expect![[r#"
        422
        apiVersion = "v1"
        code = 422
        details.causes[0].field = "spec.replicas"
        details.causes[0].message = "Invalid value: -1: must be greater than or equal to 0"
        details.causes[0].reason = "FieldValueInvalid"
        details.causes[1].field = "spec.template.metadata.labels"
        details.causes[1].message = "Invalid value: {\"x\":\"y\"}: `selector` does not match template `labels`"
        details.causes[1].reason = "FieldValueInvalid"
        details.group = "apps"
        details.kind = "Deployment"
        details.name = "a"
        kind = "Status"
        message = "Deployment.apps \"a\" is invalid: [spec.replicas: Invalid value: -1: must be greater than or equal to 0, spec.template.metadata.labels: Invalid value: {\"x\":\"y\"}: `selector` does not match template `labels`]"
        metadata = {}
        reason = "Invalid"
        status = "Failure"
    "#]].assert_eq(&c.told(&reply));
    let reply = c
        .create(
            &c.group("policy/v1", "poddisruptionbudgets"),
            &json!({"metadata": {"name": "a"}, "spec": {"minAvailable": 1, "maxUnavailable": 1}}),
        )
        .await;
    expect![[r#"
        422
        apiVersion = "v1"
        code = 422
        details.causes[0].field = "spec"
        details.causes[0].message = "Invalid value: {\"MinAvailable\":1,\"Selector\":null,\"MaxUnavailable\":1,\"UnhealthyPodEvictionPolicy\":null}: minAvailable and maxUnavailable cannot be both set"
        details.causes[0].reason = "FieldValueInvalid"
        details.group = "policy"
        details.kind = "PodDisruptionBudget"
        details.name = "a"
        kind = "Status"
        message = "PodDisruptionBudget.policy \"a\" is invalid: spec: Invalid value: {\"MinAvailable\":1,\"Selector\":null,\"MaxUnavailable\":1,\"UnhealthyPodEvictionPolicy\":null}: minAvailable and maxUnavailable cannot be both set"
        metadata = {}
        reason = "Invalid"
        status = "Failure"
    "#]].assert_eq(&c.told(&reply));
    let reply = c
        .create(
            &c.group("coordination.k8s.io/v1", "leases"),
            &json!({"metadata": {"name": "a"}, "spec": {"leaseDurationSeconds": 0}}),
        )
        .await;
    expect![[r#"
        422
        apiVersion = "v1"
        code = 422
        details.causes[0].field = "spec.leaseDurationSeconds"
        details.causes[0].message = "Invalid value: 0: must be greater than 0"
        details.causes[0].reason = "FieldValueInvalid"
        details.group = "coordination.k8s.io"
        details.kind = "Lease"
        details.name = "a"
        kind = "Status"
        message = "Lease.coordination.k8s.io \"a\" is invalid: spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0"
        metadata = {}
        reason = "Invalid"
        status = "Failure"
    "#]].assert_eq(&c.told(&reply));
    let reply = c
        .create(
            "/apis/storage.k8s.io/v1/storageclasses",
            &json!({"metadata": {"name": "a"}}),
        )
        .await;
    expect![[r#"
        422
        apiVersion = "v1"
        code = 422
        details.causes[0].field = "provisioner"
        details.causes[0].message = "Required value"
        details.causes[0].reason = "FieldValueRequired"
        details.group = "storage.k8s.io"
        details.kind = "StorageClass"
        details.name = "a"
        kind = "Status"
        message = "StorageClass.storage.k8s.io \"a\" is invalid: provisioner: Required value"
        metadata = {}
        reason = "Invalid"
        status = "Failure"
    "#]]
    .assert_eq(&c.told(&reply));
}

async fn yaml_is_understood(c: Context) {
    let body = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  k: |\n    two\n    lines\n";
    let reply = c
        .send(
            Method::POST,
            &c.core("configmaps"),
            &[("content-type", "application/yaml")],
            Some(body.to_owned()),
        )
        .await;
    assert_eq!(reply.code, 201, "{}", reply.body);
    assert_eq!(reply.body["data"]["k"], "two\nlines\n");
}
