//! Custom resources: definitions, defaulting, pruning, validation, CEL, subresources, columns.

use expect_test::expect;
use http::Method;
use serde_json::{Value, json};

use crate::server::{Context, cases, with_query};

cases![custom:
    a_definition_is_established,
    definitions_that_make_no_sense,
    defaults_are_filled_in,
    unknown_fields_are_pruned,
    every_mistake_is_told,
    combinations_of_schemas,
    list_types,
    rules,
    transition_rules,
    old_mistakes_do_not_block_updates,
    apply_of_custom_resources,
    apply_of_untyped_fields,
    status_is_apart,
    scale_is_apart,
    columns,
    embedded_resources,
    nullable_fields,
    a_definition_that_goes_takes_its_resources,
    a_schema_that_changes,
    two_versions,
    strategic_patches_are_not_supported,
    formats,
];

struct Kind {
    group: String,
    plural: String,
}

impl Kind {
    fn path(&self, c: &Context, rest: &str) -> String {
        format!(
            "/apis/{}/v1/namespaces/{}/{}{rest}",
            self.group, c.ns, self.plural
        )
    }

    fn object(&self, name: &str, more: Value) -> Value {
        let mut out = json!({"apiVersion": format!("{}/v1", self.group), "kind": "Thing", "metadata": {"name": name}});
        for (key, value) in more.as_object().into_iter().flatten() {
            out[key] = value.clone();
        }
        out
    }
}

fn definition(c: &Context, schema: Value, more: Value) -> Value {
    let group = format!("{}.example.com", c.unique());
    let mut version = json!({"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}});
    for (key, value) in more.as_object().into_iter().flatten() {
        version[key] = value.clone();
    }
    json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": format!("things.{group}")},
        "spec": {"group": group, "scope": "Namespaced", "names": {"plural": "things", "kind": "Thing"}, "versions": [version]}})
}

const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

/// Defines a kind `Thing` with a schema of its spec and waits until it is served.
async fn define_with(c: &Context, schema: Value, more: Value) -> Kind {
    let definition = definition(c, schema, more);
    let reply = c.create(DEFINITIONS, &definition).await;
    assert_eq!(reply.code, 201, "{}", reply.body);
    let kind = Kind {
        group: format!("{}.example.com", c.unique()),
        plural: "things".to_owned(),
    };
    served(c, &kind).await;
    kind
}

async fn served(c: &Context, kind: &Kind) {
    c.eventually(&kind.path(c, ""), |reply| reply.code == 200)
        .await;
    // The server answers lists a moment before it takes writes with the new schema.
    c.eventually(&format!("{DEFINITIONS}/things.{}", kind.group), |reply| {
        let conditions = reply.body["status"]["conditions"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        conditions
            .iter()
            .any(|one| one["type"] == "Established" && one["status"] == "True")
    })
    .await;
}

async fn define(c: &Context, spec: Value) -> Kind {
    let schema = json!({"type": "object", "properties": {"spec": spec, "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}});
    define_with(c, schema, json!({})).await
}

async fn a_definition_is_established(c: Context) {
    let schema = json!({"type": "object", "properties": {"spec": {"type": "object", "properties": {"n": {"type": "integer"}}}}});
    let mut body = definition(&c, schema, json!({}));
    body["spec"]["names"]["shortNames"] = json!(["tg"]);
    body["spec"]["names"]["categories"] = json!(["all"]);
    let made = c.create(DEFINITIONS, &body).await.ok();
    expect![[r#"
        conversion.strategy = "None"
        group = "NS.example.com"
        names.categories[0] = "all"
        names.kind = "Thing"
        names.listKind = "ThingList"
        names.plural = "things"
        names.shortNames[0] = "tg"
        names.singular = "thing"
        scope = "Namespaced"
        versions[0].name = "v1"
        versions[0].schema.openAPIV3Schema.properties.spec.properties.n.type = "integer"
        versions[0].schema.openAPIV3Schema.properties.spec.type = "object"
        versions[0].schema.openAPIV3Schema.type = "object"
        versions[0].served = true
        versions[0].storage = true
    "#]]
    .assert_eq(&c.flat(&made["spec"]));
    let path = format!(
        "{DEFINITIONS}/{}",
        body["metadata"]["name"].as_str().unwrap_or("")
    );
    let read = c
        .eventually(&path, |reply| {
            let conditions = reply.body["status"]["conditions"].as_array();
            conditions
                .is_some_and(|all| all.len() >= 2 && all.iter().all(|one| one["status"] == "True"))
        })
        .await
        .ok();
    expect![[r#"
        acceptedNames.categories[0] = "all"
        acceptedNames.kind = "Thing"
        acceptedNames.listKind = "ThingList"
        acceptedNames.plural = "things"
        acceptedNames.shortNames[0] = "tg"
        acceptedNames.singular = "thing"
        conditions[0].lastTransitionTime = "TIME"
        conditions[0].message = "no conflicts found"
        conditions[0].reason = "NoConflicts"
        conditions[0].status = "True"
        conditions[0].type = "NamesAccepted"
        conditions[1].lastTransitionTime = "TIME"
        conditions[1].message = "the initial names have been accepted"
        conditions[1].reason = "InitialNamesAccepted"
        conditions[1].status = "True"
        conditions[1].type = "Established"
        storedVersions[0] = "v1"
    "#]]
    .assert_eq(&c.flat(&read["status"]));
}

async fn definitions_that_make_no_sense(c: Context) {
    let told = |reply: &crate::server::Reply| {
        let mut causes: Vec<String> = reply.body["details"]["causes"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|cause| {
                format!(
                    "{}: {}",
                    cause["field"].as_str().unwrap_or(""),
                    cause["message"].as_str().unwrap_or("")
                )
            })
            .collect();
        causes.sort();
        causes.dedup();
        format!(
            "{} {}\n{}",
            reply.code,
            reply.body["reason"],
            causes.join("\n")
        )
        .replace(&c.ns, "NS")
    };
    let spec = |spec: Value| {
        definition(
            &c,
            json!({"type": "object", "properties": {"spec": spec}}),
            json!({}),
        )
    };
    let reply = c
        .create(
            DEFINITIONS,
            &spec(json!({"properties": {"a": {"type": "string"}}})),
        )
        .await;
    expect![[r#"
        422 "Invalid"
        spec.validation.openAPIV3Schema.properties[spec].type: Required value: must not be empty for specified object fields"#]].assert_eq(&told(&reply));
    let reply = c
        .create(
            DEFINITIONS,
            &spec(json!({"type": "object", "properties": {"a": {"type": "array"}}})),
        )
        .await;
    expect![[r#"
        422 "Invalid"
        spec.validation.openAPIV3Schema.properties[spec].properties[a].items: Required value: must be specified"#]].assert_eq(&told(&reply));
    let reply = c.create(DEFINITIONS, &spec(json!({"type": "object", "properties": {"a": {"type": "array", "x-kubernetes-list-type": "map", "items": {"type": "object", "properties": {"n": {"type": "string"}}}}}}))).await;
    expect![[r#"
        422 "Invalid"
        spec.validation.openAPIV3Schema.properties[spec].properties[a].x-kubernetes-list-map-keys: Required value: must not be empty if x-kubernetes-list-type is map"#]].assert_eq(&told(&reply));
    let reply = c.create(DEFINITIONS, &spec(json!({"type": "object", "properties": {"a": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["n"], "items": {"type": "object", "properties": {"n": {"type": "string"}}}}}}))).await;
    expect![[r#"
        422 "Invalid"
        spec.validation.openAPIV3Schema.properties[spec].properties[a].items.properties[n].default: Required value: this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property"#]].assert_eq(&told(&reply));
    let reply = c
        .create(
            DEFINITIONS,
            &spec(
                json!({"type": "object", "properties": {"a": {"type": "string", "pattern": "("}}}),
            ),
        )
        .await;
    let told_pattern = told(&reply);
    assert!(
        told_pattern.contains(
            "pattern: Invalid value: \"(\": must be a valid regular expression, but isn't"
        ),
        "{told_pattern}"
    );
    let reply = c
        .create(
            DEFINITIONS,
            &spec(
                json!({"type": "object", "properties": {"a": {"type": "integer", "default": "x"}}}),
            ),
        )
        .await;
    expect![[r#"
        422 "Invalid"
        spec.validation.openAPIV3Schema.properties[spec].properties[a].default: Invalid value: "string":  in body must be of type integer: "string""#]].assert_eq(&told(&reply));
    let reply = c
        .create(
            DEFINITIONS,
            &definition(&c, json!({"type": "string"}), json!({})),
        )
        .await;
    expect![[r#"
        422 "Invalid"
        spec.validation.openAPIV3Schema.type: Invalid value: "string": must be object at the root"#]].assert_eq(&told(&reply));
    let mut body = spec(json!({"type": "object"}));
    body["metadata"]["name"] = json!(format!("others.{}.example.com", c.unique()));
    let reply = c.create(DEFINITIONS, &body).await;
    expect![[r#"
        422 "Invalid"
        metadata.name: Invalid value: "others.NS.example.com": must be spec.names.plural+"."+spec.group"#]].assert_eq(&told(&reply));
    let mut body = spec(json!({"type": "object"}));
    body["spec"]["versions"][0]["storage"] = json!(false);
    let reply = c.create(DEFINITIONS, &body).await;
    // The value is printed as Go prints its internal type.
    let causes = told(&reply);
    let rule = "]: must have exactly one version marked as storage version";
    let found = causes
        .lines()
        .any(|line| line.starts_with("spec.versions: Invalid value: [") && line.ends_with(rule));
    assert!(reply.code == 422 && found, "{causes}");
    let mut body = spec(json!({"type": "object"}));
    body["spec"]["versions"][0]
        .as_object_mut()
        .expect("a version")
        .remove("schema");
    let reply = c.create(DEFINITIONS, &body).await;
    expect![[r#"
        422 "Invalid"
        spec.versions[0].schema.openAPIV3Schema: Required value"#]]
    .assert_eq(&told(&reply));
    let reply = c.create(DEFINITIONS, &spec(json!({"type": "object", "properties": {"a": {"type": "string", "anyOf": [{"type": "string"}]}}}))).await;
    expect![[r#"
        422 "Invalid"
        spec.validation.openAPIV3Schema.properties[spec].properties[a].anyOf[0].type: Forbidden: must be empty to be structural"#]].assert_eq(&told(&reply));
}

async fn defaults_are_filled_in(c: Context) {
    let kind = define(&c, json!({"type": "object", "properties": {
        "replicas": {"type": "integer", "default": 3},
        "mode": {"type": "string", "default": "auto"},
        "nested": {"type": "object", "default": {}, "properties": {"flag": {"type": "boolean", "default": true}}},
        "absent": {"type": "object", "properties": {"flag": {"type": "boolean", "default": true}}},
        "items": {"type": "array", "items": {"type": "object", "properties": {"port": {"type": "integer", "default": 9092}}}},
        "map": {"type": "object", "additionalProperties": {"type": "object", "properties": {"x": {"type": "string", "default": "y"}}}},
        "nullable": {"type": "string", "nullable": true, "default": "d"},
    }})).await;
    let body = kind.object("a", json!({"spec": {"mode": null, "nullable": null, "items": [{}, {"port": 1}], "map": {"k": {}}}}));
    let made = c.create(&kind.path(&c, ""), &body).await.ok();
    expect![[r#"
        apiVersion = "NS.example.com/v1"
        kind = "Thing"
        metadata.creationTimestamp = "TIME"
        metadata.generation = 1
        metadata.name = "a"
        metadata.namespace = "NS"
        metadata.resourceVersion = "RV"
        metadata.uid = "UID"
        spec.items[0].port = 9092
        spec.items[1].port = 1
        spec.map.k.x = "y"
        spec.mode = "auto"
        spec.nested.flag = true
        spec.nullable = null
        spec.replicas = 3
    "#]]
    .assert_eq(&c.flat(&made));
    expect![[r#"
        conformance Update NS.example.com/v1 -
          {"f:spec":{".":{},"f:items":{},"f:map":{".":{},"f:k":{".":{},"f:x":{}}},"f:mode":{},"f:nested":{".":{},"f:flag":{}},"f:nullable":{},"f:replicas":{}}}
    "#]].assert_eq(&c.owners(&made));
    let made = c
        .create(&kind.path(&c, ""), &kind.object("b", json!({})))
        .await
        .ok();
    assert_eq!(made.get("spec"), None, "nothing to default in");
}

async fn unknown_fields_are_pruned(c: Context) {
    let kind = define(&c, json!({"type": "object", "properties": {
        "known": {"type": "object", "properties": {"a": {"type": "string"}}},
        "open": {"type": "object", "x-kubernetes-preserve-unknown-fields": true, "properties": {"inner": {"type": "object", "properties": {"a": {"type": "string"}}}}},
        "list": {"type": "array", "items": {"type": "object", "properties": {"a": {"type": "string"}}}},
        "map": {"type": "object", "additionalProperties": {"type": "object", "properties": {"a": {"type": "string"}}}},
    }})).await;
    let spec = json!({"known": {"a": "1", "b": "2"}, "open": {"x": {"y": 1}, "inner": {"a": "1", "b": "2"}}, "list": [{"b": 1}], "map": {"k": {"b": 1}}, "more": true});
    let body = kind.object("a", json!({"spec": spec, "top": 1}));
    let reply = c
        .create(
            &with_query(&kind.path(&c, ""), "fieldValidation=Strict"),
            &body,
        )
        .await;
    let mut words: Vec<&str> = reply.body["message"]
        .as_str()
        .unwrap_or("")
        .split(", ")
        .collect();
    words.sort_unstable();
    expect![[r#"
        400 "BadRequest"
        Thing in version "v1" cannot be handled as a Thing: strict decoding error: unknown field "spec.known.b"
        unknown field "spec.list[0].b"
        unknown field "spec.map.k.b"
        unknown field "spec.more"
        unknown field "spec.open.inner.b"
        unknown field "top""#]].assert_eq(
        &format!(
            "{} {}\n{}",
            reply.code,
            reply.body["reason"],
            words.join("\n")
        )
        .replace(&c.ns, "NS"),
    );
    let reply = c.create(&kind.path(&c, ""), &body).await;
    let mut warnings = reply.warnings.clone();
    warnings.sort();
    expect![[r#"
        299 - "unknown field \"spec.known.b\""
        299 - "unknown field \"spec.list[0].b\""
        299 - "unknown field \"spec.map.k.b\""
        299 - "unknown field \"spec.more\""
        299 - "unknown field \"spec.open.inner.b\""
        299 - "unknown field \"top\"""#]]
    .assert_eq(&warnings.join("\n"));
    expect![[r#"
        known.a = "1"
        list[0] = {}
        map.k = {}
        open.inner.a = "1"
        open.x.y = 1
    "#]]
    .assert_eq(&c.flat(&reply.ok()["spec"]));
    let reply = c
        .create(
            &with_query(&kind.path(&c, ""), "fieldValidation=Strict"),
            &kind.object("b", json!({"metadata": {"name": "b", "extra": 1}})),
        )
        .await;
    expect![[r#"
        400
        apiVersion = "v1"
        code = 400
        kind = "Status"
        message = "Thing in version \"v1\" cannot be handled as a Thing: strict decoding error: unknown field \"metadata.extra\""
        metadata = {}
        reason = "BadRequest"
        status = "Failure"
    "#]].assert_eq(&c.told(&reply));
    let text = kind
        .object("c", json!({"spec": {"known": {}}}))
        .to_string()
        .replace("\"known\":{}", "\"known\":{},\"known\":{}");
    let reply = c
        .send(
            Method::POST,
            &with_query(&kind.path(&c, ""), "fieldValidation=Strict"),
            &[("content-type", "application/json")],
            Some(text),
        )
        .await;
    expect![[r#"
        400
        apiVersion = "v1"
        code = 400
        kind = "Status"
        message = "Thing in version \"v1\" cannot be handled as a Thing: strict decoding error: duplicate field \"spec.known\""
        metadata = {}
        reason = "BadRequest"
        status = "Failure"
    "#]].assert_eq(&c.told(&reply));
}

fn causes(reply: &crate::server::Reply) -> String {
    let mut causes: Vec<String> = reply.body["details"]["causes"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|cause| {
            format!(
                "{} {}: {}",
                cause["reason"].as_str().unwrap_or(""),
                cause["field"].as_str().unwrap_or(""),
                cause["message"].as_str().unwrap_or("")
            )
        })
        .collect();
    causes.sort();
    format!(
        "{} {}\n{}",
        reply.code,
        reply.body["reason"].as_str().unwrap_or(""),
        causes.join("\n")
    )
}

async fn every_mistake_is_told(c: Context) {
    let kind = define(&c, json!({"type": "object", "required": ["must"], "properties": {
        "must": {"type": "string"},
        "enum": {"type": "string", "enum": ["plain", "tls"]},
        "number": {"type": "integer", "minimum": 1, "maximum": 5},
        "float": {"type": "number", "exclusiveMinimum": true, "minimum": 0, "multipleOf": 0.5},
        "text": {"type": "string", "minLength": 2, "maxLength": 3, "pattern": "^[a-z]*$"},
        "list": {"type": "array", "minItems": 1, "maxItems": 2, "items": {"type": "string"}},
        "map": {"type": "object", "minProperties": 1, "maxProperties": 1, "additionalProperties": {"type": "integer"}},
        "flag": {"type": "boolean"},
        "either": {"x-kubernetes-int-or-string": true},
        "object": {"type": "object", "properties": {"x": {"type": "object", "required": ["y"], "properties": {"y": {"type": "string"}}}}},
        "listeners": {"type": "array", "items": {"type": "object", "required": ["name", "type"], "properties": {"name": {"type": "string"}, "type": {"type": "string", "enum": ["internal", "route"]}}}},
    }})).await;
    let bad = [
        json!({}),
        json!({"must": 1, "enum": "other", "number": 0, "float": 0, "text": "A", "list": [], "map": {}, "flag": "yes", "either": true, "object": []}),
        json!({"must": null, "enum": 3, "number": 6, "float": 0.7, "text": "abcd", "list": ["a", "b", "c"], "map": {"a": 1, "b": 2}, "flag": null, "object": {"x": {}}}),
        json!({"must": "x", "number": "3", "text": "", "list": [1, "a"], "map": {"a": "b"}, "either": 1.5, "object": {"x": null}}),
        json!({"must": "x", "number": 1.5, "list": "a", "listeners": [{"name": "a", "type": "bad"}, {"name": "b"}, 3]}),
        json!({"must": "x", "listeners": [null], "float": 1e30, "number": 99_999_999_999_u64}),
    ];
    let mut got = Vec::new();
    for spec in bad {
        let reply = c
            .create(&kind.path(&c, ""), &kind.object("a", json!({"spec": spec})))
            .await;
        got.push(causes(&reply));
    }
    expect![[r#"
        422 Invalid
        FieldValueRequired spec.must: Required value

        422 Invalid
        FieldValueInvalid spec.float: Invalid value: 0: factor MultipleOf declared for spec.float must be positive: 0
        FieldValueInvalid spec.float: Invalid value: 0: spec.float in body should be greater than 0
        FieldValueInvalid spec.list: Invalid value: 0: spec.list in body should have at least 1 items
        FieldValueInvalid spec.map: Invalid value: 0: spec.map in body should have at least 1 properties
        FieldValueInvalid spec.number: Invalid value: 0: spec.number in body should be greater than or equal to 1
        FieldValueInvalid spec.text: Invalid value: "A": spec.text in body should be at least 2 chars long
        FieldValueNotSupported spec.enum: Unsupported value: "other": supported values: "plain", "tls"
        FieldValueTypeInvalid spec.either: Invalid value: "boolean": spec.either in body must be of type integer,string: "boolean"
        FieldValueTypeInvalid spec.flag: Invalid value: "string": spec.flag in body must be of type boolean: "string"
        FieldValueTypeInvalid spec.must: Invalid value: "integer": spec.must in body must be of type string: "integer"
        FieldValueTypeInvalid spec.object: Invalid value: "array": spec.object in body must be of type object: "array"

        422 Invalid
        FieldValueInvalid spec.float: Invalid value: 0.7: spec.float in body should be a multiple of 0.5
        FieldValueInvalid spec.number: Invalid value: 6: spec.number in body should be less than or equal to 5
        FieldValueNotSupported spec.enum: Unsupported value: 3: supported values: "plain", "tls"
        FieldValueRequired spec.must: Required value
        FieldValueRequired spec.object.x.y: Required value
        FieldValueTooLong spec.text: Too long: may not be more than 3 bytes
        FieldValueTooMany spec.list: Too many: 3: must have at most 2 items
        FieldValueTooMany spec.map: Too many: 2: must have at most 1 item
        FieldValueTypeInvalid spec.enum: Invalid value: "integer": spec.enum in body must be of type string: "integer"

        422 Invalid
        FieldValueInvalid spec.text: Invalid value: "": spec.text in body should be at least 2 chars long
        FieldValueTypeInvalid spec.either: Invalid value: "number": spec.either in body must be of type integer,string: "number"
        FieldValueTypeInvalid spec.list[0]: Invalid value: "integer": spec.list[0] in body must be of type string: "integer"
        FieldValueTypeInvalid spec.map.a: Invalid value: "string": spec.map.a in body must be of type integer: "string"
        FieldValueTypeInvalid spec.number: Invalid value: "string": spec.number in body must be of type integer: "string"

        422 Invalid
        FieldValueNotSupported spec.listeners[0].type: Unsupported value: "bad": supported values: "internal", "route"
        FieldValueRequired spec.listeners[1].type: Required value
        FieldValueTypeInvalid spec.list: Invalid value: "string": spec.list in body must be of type array: "string"
        FieldValueTypeInvalid spec.listeners[2]: Invalid value: "integer": spec.listeners[2] in body must be of type object: "integer"
        FieldValueTypeInvalid spec.number: Invalid value: "number": spec.number in body must be of type integer: "number"

        422 Invalid
        FieldValueInvalid spec.float: Invalid value: 1e+30: spec.float in body should be a multiple of 0.5
        FieldValueInvalid spec.number: Invalid value: 99999999999: spec.number in body should be less than or equal to 5
        FieldValueTypeInvalid spec.listeners[0]: Invalid value: "null": spec.listeners[0] in body must be of type object: "null""#]].assert_eq(&got.join("\n\n"));
    let reply = c
        .create(
            &kind.path(&c, ""),
            &kind.object("a", json!({"spec": {"must": "x", "enum": "other"}})),
        )
        .await;
    expect![[r#"
        422
        apiVersion = "v1"
        code = 422
        details.causes[0].field = "spec.enum"
        details.causes[0].message = "Unsupported value: \"other\": supported values: \"plain\", \"tls\""
        details.causes[0].reason = "FieldValueNotSupported"
        details.group = "NS.example.com"
        details.kind = "Thing"
        details.name = "a"
        kind = "Status"
        message = "Thing.NS.example.com \"a\" is invalid: spec.enum: Unsupported value: \"other\": supported values: \"plain\", \"tls\""
        metadata = {}
        reason = "Invalid"
        status = "Failure"
    "#]].assert_eq(&c.told(&reply));
    let reply = c
        .create(
            &kind.path(&c, ""),
            &kind.object(
                "a",
                json!({"spec": {"must": "x", "either": "10%", "number": 3.0, "float": 1.5}}),
            ),
        )
        .await;
    assert_eq!(reply.code, 201, "{}", reply.body);
    expect![[r#"
        either = "10%"
        float = 1.5
        must = "x"
        number = 3
    "#]]
    .assert_eq(&c.flat(&reply.body["spec"]));
    let reply = c
        .create(
            &kind.path(&c, ""),
            &json!({"apiVersion": "v1", "kind": "Thing", "metadata": {"name": "x"}}),
        )
        .await;
    assert_eq!(reply.code, 400);
}

async fn combinations_of_schemas(c: Context) {
    let kind = define(&c, json!({"type": "object", "properties": {
        "any": {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}, "anyOf": [{"required": ["a"]}, {"required": ["b"]}]},
        "one": {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}, "oneOf": [{"required": ["a"]}, {"required": ["b"]}]},
        "all": {"type": "integer", "allOf": [{"minimum": 3}, {"maximum": 5}]},
        "not": {"type": "string", "not": {"enum": ["no"]}},
    }})).await;
    let mut got = Vec::new();
    for spec in [
        json!({"any": {}}),
        json!({"one": {}}),
        json!({"one": {"a": 1, "b": 2}}),
        json!({"all": 1}),
        json!({"all": 9}),
        json!({"not": "no"}),
    ] {
        let reply = c
            .create(&kind.path(&c, ""), &kind.object("a", json!({"spec": spec})))
            .await;
        got.push(causes(&reply));
    }
    expect![[r#"
        422 Invalid
        FieldValueInvalid <nil>: Invalid value: "": "spec.any" must validate at least one schema (anyOf)
        FieldValueRequired spec.any.a: Required value

        422 Invalid
        FieldValueInvalid <nil>: Invalid value: "": "spec.one" must validate one and only one schema (oneOf). Found none valid
        FieldValueRequired spec.one.a: Required value

        422 Invalid
        FieldValueInvalid <nil>: Invalid value: "": "spec.one" must validate one and only one schema (oneOf). Found 2 valid alternatives

        422 Invalid
        FieldValueInvalid <nil>: Invalid value: "": "spec.all" must validate all the schemas (allOf)
        FieldValueInvalid spec.all: Invalid value: 1: spec.all in body should be greater than or equal to 3

        422 Invalid
        FieldValueInvalid <nil>: Invalid value: "": "spec.all" must validate all the schemas (allOf)
        FieldValueInvalid spec.all: Invalid value: 9: spec.all in body should be less than or equal to 5

        422 Invalid
        FieldValueInvalid <nil>: Invalid value: "": "spec.not" must not validate the schema (not)"#]].assert_eq(&got.join("\n\n"));
    let reply = c
        .create(
            &kind.path(&c, ""),
            &kind.object(
                "a",
                json!({"spec": {"any": {"a": 1}, "one": {"b": 1}, "all": 4, "not": "yes"}}),
            ),
        )
        .await;
    assert_eq!(reply.code, 201, "{}", reply.body);
}

async fn list_types(c: Context) {
    let kind = define(&c, json!({"type": "object", "properties": {
        "set": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
        "map": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name", "port"], "items": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}, "port": {"type": "integer", "default": 80}, "v": {"type": "string"}}}},
    }})).await;
    let body = kind.object("a", json!({"spec": {"set": ["a", "b", "a", "a"], "map": [{"name": "x"}, {"name": "x", "port": 80}, {"name": "x", "port": 81}]}}));
    let reply = c.create(&kind.path(&c, ""), &body).await;
    expect![[r#"
        422 Invalid
        FieldValueDuplicate spec.map[1]: Duplicate value: {"name":"x","port":80}
        FieldValueDuplicate spec.set[2]: Duplicate value: "a""#]]
    .assert_eq(&causes(&reply));
    let body = kind.object(
        "a",
        json!({"spec": {"set": ["a", "b"], "map": [{"name": "x"}, {"name": "x", "port": 81}]}}),
    );
    let made = c.create(&kind.path(&c, ""), &body).await.ok();
    expect![[r#"
        conformance Update NS.example.com/v1 -
          {"f:spec":{".":{},"f:map":{".":{},"k:{\"name\":\"x\",\"port\":80}":{".":{},"f:name":{},"f:port":{}},"k:{\"name\":\"x\",\"port\":81}":{".":{},"f:name":{},"f:port":{}}},"f:set":{".":{},"v:\"a\"":{},"v:\"b\"":{}}}}
    "#]].assert_eq(&c.owners(&made));
    let reply = c
        .apply(
            &kind.path(&c, "/a"),
            "one",
            &kind.object(
                "a",
                json!({"spec": {"set": ["c"], "map": [{"name": "x", "v": "mine"}]}}),
            ),
        )
        .await
        .ok();
    expect![[r#"
        conformance Update NS.example.com/v1 -
          {"f:spec":{".":{},"f:map":{".":{},"k:{\"name\":\"x\",\"port\":80}":{".":{},"f:name":{},"f:port":{}},"k:{\"name\":\"x\",\"port\":81}":{".":{},"f:name":{},"f:port":{}}},"f:set":{".":{},"v:\"a\"":{},"v:\"b\"":{}}}}
        one Apply NS.example.com/v1 -
          {"f:spec":{"f:map":{"k:{\"name\":\"x\",\"port\":80}":{".":{},"f:name":{},"f:v":{}}},"f:set":{"v:\"c\"":{}}}}
    "#]].assert_eq(&c.owners(&reply));
    expect![[r#"
        map[0].name = "x"
        map[0].port = 80
        map[0].v = "mine"
        map[1].name = "x"
        map[1].port = 81
        set[0] = "a"
        set[1] = "b"
        set[2] = "c"
    "#]]
    .assert_eq(&c.flat(&reply["spec"]));
}

async fn rules(c: Context) {
    let kind = define(&c, json!({"type": "object", "properties": {
        "min": {"type": "integer", "x-kubernetes-validations": [{"rule": "self >= 0", "message": "must not be negative"}]},
        "max": {"type": "integer"},
        "names": {"type": "array", "maxItems": 10, "items": {"type": "string", "maxLength": 20}, "x-kubernetes-validations": [{"rule": "self.all(n, n.startsWith('a'))"}]},
        "map": {"type": "object", "maxProperties": 5, "additionalProperties": {"type": "string", "maxLength": 10, "x-kubernetes-validations": [{"rule": "self != 'bad'"}]}},
        "kind-of": {"type": "string", "maxLength": 20},
        "when": {"type": "string", "format": "date-time", "maxLength": 40},
    }, "x-kubernetes-validations": [
        {"rule": "!has(self.max) || !has(self.min) || self.min <= self.max", "messageExpression": "'min is above max' + (self.min > 0 ? '!' : '')"},
        {"rule": "!has(self.kind__dash__of) || self.kind__dash__of != 'x'", "message": "no x", "reason": "FieldValueForbidden", "fieldPath": ".kind-of"},
        {"rule": "!has(self.when) || self.when > timestamp('2020-01-01T00:00:00Z')", "message": "too early"},
    ]})).await;
    let mut got = Vec::new();
    for spec in [
        json!({"min": -1}),
        json!({"min": 3, "max": 2}),
        json!({"names": ["a", "b"]}),
        json!({"map": {"k": "bad", "l": "good"}}),
        json!({"kind-of": "x"}),
        json!({"when": "2019-01-01T00:00:00Z"}),
        json!({"min": "x"}),
        json!({"min": -1, "names": ["b"], "max": -2}),
    ] {
        let reply = c
            .create(&kind.path(&c, ""), &kind.object("a", json!({"spec": spec})))
            .await;
        got.push(causes(&reply));
    }
    expect![[r#"
        422 Invalid
        FieldValueInvalid spec.min: Invalid value: "integer": must not be negative

        422 Invalid
        FieldValueInvalid spec: Invalid value: "object": min is above max!

        422 Invalid
        FieldValueInvalid spec.names: Invalid value: "array": failed rule: self.all(n, n.startsWith('a'))

        422 Invalid
        FieldValueInvalid spec.map[k]: Invalid value: "string": failed rule: self != 'bad'

        422 Invalid
        FieldValueForbidden spec.kind-of: Forbidden: no x

        422 Invalid
        FieldValueInvalid spec: Invalid value: "object": too early

        422 Invalid
        FieldValueInvalid <nil>: Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation
        FieldValueTypeInvalid spec.min: Invalid value: "string": spec.min in body must be of type integer: "string"

        422 Invalid
        FieldValueInvalid spec.min: Invalid value: "integer": must not be negative
        FieldValueInvalid spec.names: Invalid value: "array": failed rule: self.all(n, n.startsWith('a'))
        FieldValueInvalid spec: Invalid value: "object": min is above max"#]].assert_eq(&got.join("\n\n"));
    let reply = c.create(&kind.path(&c, ""), &kind.object("a", json!({"spec": {"min": 1, "max": 2, "names": ["a"], "kind-of": "y", "when": "2024-01-01T00:00:00Z"}}))).await;
    assert_eq!(reply.code, 201, "{}", reply.body);
}

async fn transition_rules(c: Context) {
    let kind = define(&c, json!({"type": "object", "properties": {
        "fixed": {"type": "string", "x-kubernetes-validations": [{"rule": "self == oldSelf", "message": "fixed is immutable"}]},
        "grows": {"type": "integer", "x-kubernetes-validations": [{"rule": "self >= oldSelf", "message": "may only grow"}]},
        "items": {"type": "array", "maxItems": 5, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["n"], "items": {"type": "object", "required": ["n"], "properties": {"n": {"type": "string"}, "v": {"type": "integer", "x-kubernetes-validations": [{"rule": "self == oldSelf", "message": "v is immutable"}]}}}},
    }})).await;
    c.create(
        &kind.path(&c, ""),
        &kind.object(
            "a",
            json!({"spec": {"fixed": "x", "grows": 1, "items": [{"n": "a", "v": 1}]}}),
        ),
    )
    .await
    .ok();
    let mut got = Vec::new();
    for spec in [
        json!({"fixed": "y"}),
        json!({"grows": 0}),
        json!({"grows": 2}),
        json!({"items": [{"n": "b", "v": 2}, {"n": "a", "v": 2}]}),
        json!({"fixed": null}),
    ] {
        let reply = c
            .merge_patch(&kind.path(&c, "/a"), &json!({"spec": spec}))
            .await;
        got.push(causes(&reply));
    }
    expect![[r#"
        422 Invalid
        FieldValueInvalid spec.fixed: Invalid value: "string": fixed is immutable

        422 Invalid
        FieldValueInvalid spec.grows: Invalid value: "integer": may only grow

        200 


        422 Invalid
        FieldValueInvalid spec.items[1].v: Invalid value: "integer": v is immutable

        200 
    "#]]
    .assert_eq(&got.join("\n\n"));
}

async fn old_mistakes_do_not_block_updates(c: Context) {
    let schema = |limit: u64| {
        json!({"type": "object", "properties": {"spec": {"type": "object", "properties": {
            "a": {"type": "string", "maxLength": limit}, "b": {"type": "string", "maxLength": limit},
            "list": {"type": "array", "maxItems": 5, "items": {"type": "string", "maxLength": limit}},
            "ruled": {"type": "string", "maxLength": 20, "x-kubernetes-validations": [{"rule": format!("size(self) <= {limit}")}]},
        }}}})
    };
    let kind = define_with(&c, schema(10), json!({})).await;
    let spec =
        json!({"a": "long text", "b": "long text", "list": ["long text"], "ruled": "long text"});
    c.create(&kind.path(&c, ""), &kind.object("a", json!({"spec": spec})))
        .await
        .ok();
    let path = format!("{DEFINITIONS}/things.{}", kind.group);
    c.json_patch(&path, &json!([{"op": "replace", "path": "/spec/versions/0/schema/openAPIV3Schema", "value": schema(3)}])).await.ok();
    // Until the new schema is in force.
    let dry = with_query(&kind.path(&c, ""), "dryRun=All");
    let probe = kind.object("probe", json!({"spec": {"a": "long text"}}));
    for _ in 0..200 {
        if c.create(&dry, &probe).await.code == 422 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(c.create(&dry, &probe).await.code, 422);
    let reply = c
        .merge_patch(
            &kind.path(&c, "/a"),
            &json!({"metadata": {"labels": {"x": "y"}}}),
        )
        .await;
    assert_eq!(reply.code, 200, "{}", reply.body);
    let reply = c
        .merge_patch(&kind.path(&c, "/a"), &json!({"spec": {"b": "other long"}}))
        .await;
    expect![[r#"
        422 Invalid
        FieldValueInvalid <nil>: Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation
        FieldValueTooLong spec.b: Too long: may not be more than 3 bytes"#]].assert_eq(&causes(&reply));
    let reply = c
        .merge_patch(&kind.path(&c, "/a"), &json!({"spec": {"b": "ok"}}))
        .await;
    assert_eq!(reply.code, 200, "{}", reply.body);
    let reply = c
        .merge_patch(
            &kind.path(&c, "/a"),
            &json!({"spec": {"list": ["long text", "ok"]}}),
        )
        .await;
    expect![[r#"
        422 Invalid
        FieldValueInvalid <nil>: Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation
        FieldValueTooLong spec.list[0]: Too long: may not be more than 3 bytes"#]].assert_eq(&causes(&reply));
    let reply = c
        .merge_patch(
            &kind.path(&c, "/a"),
            &json!({"spec": {"ruled": "more text"}}),
        )
        .await;
    expect![[r#"
        422 Invalid
        FieldValueInvalid spec.ruled: Invalid value: "string": failed rule: size(self) <= 3"#]]
    .assert_eq(&causes(&reply));
}

async fn apply_of_custom_resources(c: Context) {
    let kind = define(&c, json!({"type": "object", "properties": {
        "a": {"type": "string"}, "n": {"type": "integer", "default": 7},
        "nested": {"type": "object", "properties": {"x": {"type": "string"}, "y": {"type": "string"}}},
        "atomic": {"type": "object", "x-kubernetes-map-type": "atomic", "properties": {"x": {"type": "string"}}},
        "list": {"type": "array", "items": {"type": "string"}},
        "map": {"type": "object", "additionalProperties": {"type": "string"}},
        "either": {"x-kubernetes-int-or-string": true},
    }})).await;
    let path = kind.path(&c, "/a");
    let spec = json!({"a": "1", "nested": {"x": "1"}, "atomic": {"x": "1"}, "list": ["a"], "map": {"k": "v"}, "either": 5});
    let reply = c
        .apply(&path, "one", &kind.object("a", json!({"spec": spec})))
        .await;
    assert_eq!(reply.code, 201);
    expect![[r#"
        one Apply NS.example.com/v1 -
          {"f:spec":{"f:a":{},"f:atomic":{},"f:either":{},"f:list":{},"f:map":{"f:k":{}},"f:nested":{"f:x":{}}}}
    "#]].assert_eq(&c.owners(&reply.body));
    expect![[r#"
        a = "1"
        atomic.x = "1"
        either = 5
        list[0] = "a"
        map.k = "v"
        n = 7
        nested.x = "1"
    "#]]
    .assert_eq(&c.flat(&reply.body["spec"]));
    let again = c
        .apply(&path, "one", &kind.object("a", json!({"spec": spec})))
        .await
        .ok();
    assert_eq!(again, reply.body);
    let two = c
        .apply(
            &path,
            "two",
            &kind.object(
                "a",
                json!({"spec": {"nested": {"y": "2"}, "map": {"l": "w"}, "n": 8}}),
            ),
        )
        .await
        .ok();
    expect![[r#"
        one Apply NS.example.com/v1 -
          {"f:spec":{"f:a":{},"f:atomic":{},"f:either":{},"f:list":{},"f:map":{"f:k":{}},"f:nested":{"f:x":{}}}}
        two Apply NS.example.com/v1 -
          {"f:spec":{"f:map":{"f:l":{}},"f:n":{},"f:nested":{"f:y":{}}}}
    "#]].assert_eq(&c.owners(&two));
    let reply = c
        .apply(
            &path,
            "two",
            &kind.object("a", json!({"spec": {"list": ["a", "b"], "atomic": {}}})),
        )
        .await;
    expect![[r#"
        409
        apiVersion = "v1"
        code = 409
        details.causes[0].field = ".spec.atomic"
        details.causes[0].message = "conflict with \"one\""
        details.causes[0].reason = "FieldManagerConflict"
        details.causes[1].field = ".spec.list"
        details.causes[1].message = "conflict with \"one\""
        details.causes[1].reason = "FieldManagerConflict"
        kind = "Status"
        message = "Apply failed with 2 conflicts: conflicts with \"one\":\n- .spec.atomic\n- .spec.list"
        metadata = {}
        reason = "Conflict"
        status = "Failure"
    "#]].assert_eq(&c.told(&reply));
    let reply = c
        .apply(&path, "one", &kind.object("a", json!({"spec": {"a": "1"}})))
        .await
        .ok();
    expect![[r#"
        a = "1"
        map.l = "w"
        n = 8
        nested.y = "2"
    "#]]
    .assert_eq(&c.flat(&reply["spec"]));
    expect![[r#"
        one Apply NS.example.com/v1 -
          {"f:spec":{"f:a":{}}}
        two Apply NS.example.com/v1 -
          {"f:spec":{"f:map":{"f:l":{}},"f:n":{},"f:nested":{"f:y":{}}}}
    "#]]
    .assert_eq(&c.owners(&reply));
    let reply = c
        .apply(
            &path,
            "two",
            &kind.object("a", json!({"spec": {"unknown": 1}})),
        )
        .await;
    expect![[r#"
        500
        apiVersion = "v1"
        code = 500
        kind = "Status"
        message = "failed to create typed patch object (/a; NS.example.com/v1, Kind=Thing): .spec.unknown: field not declared in schema"
        metadata = {}
        status = "Failure"
    "#]].assert_eq(&c.told(&reply));
    let reply = c
        .apply(
            &path,
            "two",
            &kind.object("a", json!({"spec": {"nested": []}})),
        )
        .await;
    expect![[r#"
        500
        apiVersion = "v1"
        code = 500
        kind = "Status"
        message = "failed to create typed patch object (/a; NS.example.com/v1, Kind=Thing): .spec.nested: expected map, got &{[]}"
        metadata = {}
        status = "Failure"
    "#]].assert_eq(&c.told(&reply));
}

async fn apply_of_untyped_fields(c: Context) {
    let kind = define(&c, json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true, "properties": {"config": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}})).await;
    let path = kind.path(&c, "/a");
    let reply = c.apply(&path, "one", &kind.object("a", json!({"spec": {"config": {"x": {"y": [1, 2]}, "z": null, "e": {}, "l": []}, "free": "text"}}))).await.ok();
    expect![[r#"
        one Apply NS.example.com/v1 -
          {"f:spec":{"f:config":{"f:e":{},"f:l":{},"f:x":{".":{},"f:y":{}},"f:z":{}},"f:free":{}}}
    "#]]
    .assert_eq(&c.owners(&reply));
    expect![[r#"
        config.e = {}
        config.l = []
        config.x.y[0] = 1
        config.x.y[1] = 2
        config.z = null
        free = "text"
    "#]]
    .assert_eq(&c.flat(&reply["spec"]));
    let reply = c
        .apply(
            &path,
            "two",
            &kind.object("a", json!({"spec": {"config": {"x": {"y": [3]}}}})),
        )
        .await;
    expect![[r#"
        409
        apiVersion = "v1"
        code = 409
        details.causes[0].field = ".spec.config.x.y"
        details.causes[0].message = "conflict with \"one\""
        details.causes[0].reason = "FieldManagerConflict"
        kind = "Status"
        message = "Apply failed with 1 conflict: conflict with \"one\": .spec.config.x.y"
        metadata = {}
        reason = "Conflict"
        status = "Failure"
    "#]]
    .assert_eq(&c.told(&reply));
    let body = kind.object("b", json!({"spec": {"config": null}}));
    let reply = c.apply(&kind.path(&c, "/b"), "one", &body).await;
    expect![[r#"
        422 Invalid
        FieldValueTypeInvalid spec.config: Invalid value: "null": spec.config in body must be of type object: "null""#]].assert_eq(&causes(&reply));
    // Applying `config: {}` to "a" leaves a null in a kube-apiserver, which it then refuses; in ours an empty object.
    let reply = c
        .apply(
            &path,
            "one",
            &kind.object("a", json!({"spec": {"free": "text"}})),
        )
        .await
        .ok();
    expect![[r#"
        free = "text"
    "#]]
    .assert_eq(&c.flat(&reply["spec"]));
}

async fn status_is_apart(c: Context) {
    let schema = json!({"type": "object", "properties": {"spec": {"type": "object", "properties": {"n": {"type": "integer"}}}, "status": {"type": "object", "properties": {"ready": {"type": "boolean"}, "n": {"type": "integer"}}}}});
    let kind = define_with(&c, schema, json!({"subresources": {"status": {}}})).await;
    let made = c
        .create(
            &kind.path(&c, ""),
            &kind.object("a", json!({"spec": {"n": 1}, "status": {"ready": true}})),
        )
        .await
        .ok();
    assert_eq!(
        (made.get("status"), &made["metadata"]["generation"]),
        (None, &json!(1))
    );
    let path = kind.path(&c, "/a");
    let reply = c
        .merge_patch(
            &with_query(&kind.path(&c, "/a/status"), "fieldManager=loop"),
            &json!({"spec": {"n": 9}, "status": {"ready": true}}),
        )
        .await
        .ok();
    expect![[r#"
        apiVersion = "NS.example.com/v1"
        kind = "Thing"
        metadata.creationTimestamp = "TIME"
        metadata.generation = 1
        metadata.name = "a"
        metadata.namespace = "NS"
        metadata.resourceVersion = "RV"
        metadata.uid = "UID"
        spec.n = 1
        status.ready = true
    "#]]
    .assert_eq(&c.flat(&reply));
    expect![[r#"
        conformance Update NS.example.com/v1 -
          {"f:spec":{".":{},"f:n":{}}}
        loop Update NS.example.com/v1 status
          {"f:status":{".":{},"f:ready":{}}}
    "#]]
    .assert_eq(&c.owners(&reply));
    let reply = c
        .merge_patch(
            &path,
            &json!({"spec": {"n": 2}, "status": {"ready": false}}),
        )
        .await
        .ok();
    assert_eq!(
        (&reply["status"]["ready"], &reply["metadata"]["generation"]),
        (&json!(true), &json!(2))
    );
    let reply = c
        .apply(
            &kind.path(&c, "/a/status"),
            "applier",
            &kind.object("a", json!({"spec": {"n": 5}, "status": {"n": 4}})),
        )
        .await
        .ok();
    expect![[r#"
        applier Apply NS.example.com/v1 status
          {"f:status":{"f:n":{}}}
        conformance Update NS.example.com/v1 -
          {"f:spec":{".":{},"f:n":{}}}
        loop Update NS.example.com/v1 status
          {"f:status":{".":{},"f:ready":{}}}
    "#]]
    .assert_eq(&c.owners(&reply));
    assert_eq!(
        (&reply["spec"]["n"], &reply["status"]),
        (&json!(2), &json!({"ready": true, "n": 4}))
    );
    let reply = c
        .merge_patch(&kind.path(&c, "/a/status"), &json!({"status": {"n": "x"}}))
        .await;
    let cause = &reply.body["details"]["causes"][0];
    assert_eq!(
        (reply.code, &cause["reason"], &cause["field"]),
        (422, &json!("FieldValueTypeInvalid"), &json!("status.n"))
    );
    let mut whole = c.get(&path).await.ok();
    whole["status"] = json!({"n": 5});
    let reply = c.put(&kind.path(&c, "/a/status"), &whole).await.ok();
    assert_eq!(reply["status"], json!({"n": 5}));
    let read = c.get(&kind.path(&c, "/a/status")).await.ok();
    assert_eq!(read, reply);
}

async fn scale_is_apart(c: Context) {
    let schema = json!({"type": "object", "properties": {"spec": {"type": "object", "properties": {"replicas": {"type": "integer"}}}, "status": {"type": "object", "properties": {"replicas": {"type": "integer"}, "selector": {"type": "string"}}}}});
    let kind = define_with(&c, schema, json!({"subresources": {"status": {}, "scale": {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas", "labelSelectorPath": ".status.selector"}}})).await;
    c.create(
        &kind.path(&c, ""),
        &kind.object("a", json!({"spec": {"replicas": 2}})),
    )
    .await
    .ok();
    c.merge_patch(
        &kind.path(&c, "/a/status"),
        &json!({"status": {"replicas": 1, "selector": "a=b"}}),
    )
    .await
    .ok();
    let reply = c.get(&kind.path(&c, "/a/scale")).await;
    expect![[r#"
        200
        apiVersion = "autoscaling/v1"
        kind = "Scale"
        metadata.creationTimestamp = "TIME"
        metadata.name = "a"
        metadata.namespace = "NS"
        metadata.resourceVersion = "RV"
        metadata.uid = "UID"
        spec.replicas = 2
        status.replicas = 1
        status.selector = "a=b"
    "#]]
    .assert_eq(&c.told(&reply));
    let reply = c
        .merge_patch(
            &with_query(&kind.path(&c, "/a/scale"), "fieldManager=scaler"),
            &json!({"spec": {"replicas": 5}}),
        )
        .await;
    expect![[r#"
        200
        apiVersion = "autoscaling/v1"
        kind = "Scale"
        metadata.creationTimestamp = "TIME"
        metadata.name = "a"
        metadata.namespace = "NS"
        metadata.resourceVersion = "RV"
        metadata.uid = "UID"
        spec.replicas = 5
        status.replicas = 1
        status.selector = "a=b"
    "#]]
    .assert_eq(&c.told(&reply));
    let read = c.get(&kind.path(&c, "/a")).await.ok();
    assert_eq!(
        (&read["spec"]["replicas"], &read["metadata"]["generation"]),
        (&json!(5), &json!(2))
    );
    expect![[r#"
        conformance Update NS.example.com/v1 -
          {"f:spec":{}}
        conformance Update NS.example.com/v1 status
          {"f:status":{".":{},"f:replicas":{},"f:selector":{}}}
        scaler Update NS.example.com/v1 scale (no time)
          {"f:spec":{"f:replicas":{}}}
    "#]]
    .assert_eq(&c.owners(&read));
    let mut scale = c.get(&kind.path(&c, "/a/scale")).await.ok();
    scale["spec"]["replicas"] = json!(-1);
    let reply = c.put(&kind.path(&c, "/a/scale"), &scale).await;
    expect![[r#"
        422
        apiVersion = "v1"
        code = 422
        details.causes[0].field = ".spec.replicas"
        details.causes[0].message = "Invalid value: -1: should be a non-negative integer"
        details.causes[0].reason = "FieldValueInvalid"
        details.group = "NS.example.com"
        details.kind = "Thing"
        details.name = "a"
        kind = "Status"
        message = "Thing.NS.example.com \"a\" is invalid: .spec.replicas: Invalid value: -1: should be a non-negative integer"
        metadata = {}
        reason = "Invalid"
        status = "Failure"
    "#]].assert_eq(&c.told(&reply));
}

async fn columns(c: Context) {
    let schema = json!({"type": "object", "properties": {"spec": {"type": "object", "properties": {"n": {"type": "integer"}, "list": {"type": "array", "items": {"type": "object", "properties": {"name": {"type": "string"}, "v": {"type": "string"}}}}}}}});
    let columns = json!([
        {"name": "Number", "type": "integer", "jsonPath": ".spec.n", "description": "A number"},
        {"name": "First", "type": "string", "jsonPath": ".spec.list[?(@.name==\"a\")].v", "priority": 1},
        {"name": "All", "type": "string", "jsonPath": ".spec.list[*].name"},
        {"name": "Created", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
    ]);
    let kind = define_with(&c, schema, json!({"additionalPrinterColumns": columns})).await;
    c.create(
        &kind.path(&c, ""),
        &kind.object(
            "a",
            json!({"spec": {"n": 3, "list": [{"name": "a", "v": "x"}, {"name": "b", "v": "y"}]}}),
        ),
    )
    .await
    .ok();
    c.create(&kind.path(&c, ""), &kind.object("b", json!({"spec": {}})))
        .await
        .ok();
    let accept = "application/json;as=Table;v=v1;g=meta.k8s.io";
    let table = c
        .send(Method::GET, &kind.path(&c, ""), &[("accept", accept)], None)
        .await
        .ok();
    let mut lines: Vec<String> = table["columnDefinitions"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|one| {
            format!(
                "{} {} {} {}",
                one["name"], one["type"], one["format"], one["priority"]
            )
        })
        .collect();
    for row in table["rows"].as_array().into_iter().flatten() {
        let mut cells = row["cells"].clone();
        let last = cells.as_array().map_or(0, |cells| cells.len() - 1);
        assert!(cells[last].is_string(), "an age");
        cells[last] = json!("AGE");
        lines.push(cells.to_string());
    }
    expect![[r#"
        "Name" "string" "name" 0
        "Number" "integer" "" 0
        "First" "string" "" 1
        "All" "string" "" 0
        "Created" "date" "" 0
        ["a",3,"x","a","AGE"]
        ["b",null,null,null,"AGE"]"#]]
    .assert_eq(&lines.join("\n"));
}

async fn embedded_resources(c: Context) {
    let kind = define(&c, json!({"type": "object", "properties": {"template": {"type": "object", "x-kubernetes-embedded-resource": true, "x-kubernetes-preserve-unknown-fields": true}}})).await;
    let reply = c.create(&kind.path(&c, ""), &kind.object("a", json!({"spec": {"template": {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x", "extra": 1}, "spec": {"any": "thing"}}}}))).await;
    expect![[r#"
        201
        warning 299 - "unknown field \"spec.template.metadata.extra\""
        apiVersion = "NS.example.com/v1"
        kind = "Thing"
        metadata.creationTimestamp = "TIME"
        metadata.generation = 1
        metadata.name = "a"
        metadata.namespace = "NS"
        metadata.resourceVersion = "RV"
        metadata.uid = "UID"
        spec.template.apiVersion = "v1"
        spec.template.kind = "Pod"
        spec.template.metadata.name = "x"
        spec.template.spec.any = "thing"
    "#]]
    .assert_eq(&c.told(&reply));
    let reply = c
        .create(
            &kind.path(&c, ""),
            &kind.object("b", json!({"spec": {"template": {"spec": {}}}})),
        )
        .await;
    expect![[r#"
        422 Invalid
        FieldValueRequired spec.template.apiVersion: Required value
        FieldValueRequired spec.template.kind: Required value"#]]
    .assert_eq(&causes(&reply));
}

async fn nullable_fields(c: Context) {
    let kind = define(&c, json!({"type": "object", "properties": {"yes": {"type": "string", "nullable": true}, "no": {"type": "string"}, "list": {"type": "array", "items": {"type": "string", "nullable": true}}}})).await;
    let reply = c
        .create(
            &kind.path(&c, ""),
            &kind.object("a", json!({"spec": {"yes": null, "list": [null]}})),
        )
        .await;
    expect![[r#"
        201
        apiVersion = "NS.example.com/v1"
        kind = "Thing"
        metadata.creationTimestamp = "TIME"
        metadata.generation = 1
        metadata.name = "a"
        metadata.namespace = "NS"
        metadata.resourceVersion = "RV"
        metadata.uid = "UID"
        spec.list[0] = null
        spec.yes = null
    "#]]
    .assert_eq(&c.told(&reply));
    let reply = c
        .create(
            &kind.path(&c, ""),
            &kind.object("b", json!({"spec": {"no": null}})),
        )
        .await;
    expect![[r#"
        201
        apiVersion = "NS.example.com/v1"
        kind = "Thing"
        metadata.creationTimestamp = "TIME"
        metadata.generation = 1
        metadata.name = "b"
        metadata.namespace = "NS"
        metadata.resourceVersion = "RV"
        metadata.uid = "UID"
        spec = {}
    "#]]
    .assert_eq(&c.told(&reply));
}

async fn a_definition_that_goes_takes_its_resources(c: Context) {
    let kind = define(&c, json!({"type": "object"})).await;
    c.create(&kind.path(&c, ""), &kind.object("a", json!({})))
        .await
        .ok();
    let path = format!("{DEFINITIONS}/things.{}", kind.group);
    c.delete(&path).await.ok();
    c.eventually(&path, |reply| reply.code == 404).await;
    c.eventually(&kind.path(&c, ""), |reply| reply.code == 404)
        .await;
}

async fn a_schema_that_changes(c: Context) {
    let schema = |extra: &str| json!({"type": "object", "properties": {"spec": {"type": "object", "properties": {"a": {"type": "string"}, extra: {"type": "string", "default": "d"}}}}});
    let kind = define_with(&c, schema("old"), json!({})).await;
    c.create(
        &kind.path(&c, ""),
        &kind.object("a", json!({"spec": {"a": "1"}})),
    )
    .await
    .ok();
    let path = format!("{DEFINITIONS}/things.{}", kind.group);
    c.json_patch(&path, &json!([{"op": "replace", "path": "/spec/versions/0/schema/openAPIV3Schema", "value": schema("new")}])).await.ok();
    let read = c
        .eventually(&kind.path(&c, "/a"), |reply| {
            reply.body["spec"]["new"] == "d"
        })
        .await
        .ok();
    assert_eq!(
        read["spec"],
        json!({"a": "1", "new": "d"}),
        "defaulted and pruned when read"
    );
}

async fn two_versions(c: Context) {
    let schema = json!({"type": "object", "properties": {"spec": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}});
    let mut body = definition(&c, schema.clone(), json!({}));
    let second = json!({"name": "v1beta1", "served": true, "storage": false, "deprecated": true, "schema": {"openAPIV3Schema": schema}});
    body["spec"]["versions"]
        .as_array_mut()
        .expect("versions")
        .push(second);
    c.create(DEFINITIONS, &body).await.ok();
    let kind = Kind {
        group: format!("{}.example.com", c.unique()),
        plural: "things".to_owned(),
    };
    served(&c, &kind).await;
    c.create(
        &kind.path(&c, ""),
        &kind.object("a", json!({"spec": {"x": 1}})),
    )
    .await
    .ok();
    let reply = c
        .get(&kind.path(&c, "/a").replace("/v1/", "/v1beta1/"))
        .await;
    expect![[r#"
        200
        warning 299 - "NS.example.com/v1beta1 Thing is deprecated; use NS.example.com/v1 Thing"
        apiVersion = "NS.example.com/v1beta1"
        kind = "Thing"
        metadata.creationTimestamp = "TIME"
        metadata.generation = 1
        metadata.name = "a"
        metadata.namespace = "NS"
        metadata.resourceVersion = "RV"
        metadata.uid = "UID"
        spec.x = 1
    "#]]
    .assert_eq(&c.told(&reply));
}

async fn strategic_patches_are_not_supported(c: Context) {
    let kind = define(&c, json!({"type": "object"})).await;
    c.create(&kind.path(&c, ""), &kind.object("a", json!({})))
        .await
        .ok();
    let reply = c
        .strategic_patch(
            &kind.path(&c, "/a"),
            &json!({"metadata": {"labels": {"a": "b"}}}),
        )
        .await;
    expect![[r#"
        415
        apiVersion = "v1"
        code = 415
        kind = "Status"
        message = "the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml"
        metadata = {}
        reason = "UnsupportedMediaType"
        status = "Failure"
    "#]].assert_eq(&c.told(&reply));
}

async fn formats(c: Context) {
    let names = [
        "date-time",
        "date",
        "duration",
        "ipv4",
        "ipv6",
        "cidr",
        "uuid",
        "byte",
        "hostname",
        "email",
        "uri",
        "mac",
        "password",
        "int32",
    ];
    let fields: serde_json::Map<String, Value> = names
        .iter()
        .map(|name| {
            (
                (*name).to_owned(),
                json!({"type": "string", "format": name}),
            )
        })
        .collect();
    let kind = define(&c, json!({"type": "object", "properties": fields})).await;
    let bad: serde_json::Map<String, Value> = names
        .iter()
        .map(|name| ((*name).to_owned(), json!("? !")))
        .collect();
    let reply = c
        .create(&kind.path(&c, ""), &kind.object("a", json!({"spec": bad})))
        .await;
    expect![[r#"
        422 Invalid
        FieldValueTypeInvalid spec.byte: Invalid value: "? !": spec.byte in body must be of type byte: "? !"
        FieldValueTypeInvalid spec.cidr: Invalid value: "? !": spec.cidr in body must be of type cidr: "? !"
        FieldValueTypeInvalid spec.date-time: Invalid value: "? !": spec.date-time in body must be of type date-time: "? !"
        FieldValueTypeInvalid spec.date: Invalid value: "? !": spec.date in body must be of type date: "? !"
        FieldValueTypeInvalid spec.duration: Invalid value: "? !": spec.duration in body must be of type duration: "? !"
        FieldValueTypeInvalid spec.email: Invalid value: "? !": spec.email in body must be of type email: "? !"
        FieldValueTypeInvalid spec.hostname: Invalid value: "? !": spec.hostname in body must be of type hostname: "? !"
        FieldValueTypeInvalid spec.ipv4: Invalid value: "? !": spec.ipv4 in body must be of type ipv4: "? !"
        FieldValueTypeInvalid spec.ipv6: Invalid value: "? !": spec.ipv6 in body must be of type ipv6: "? !"
        FieldValueTypeInvalid spec.mac: Invalid value: "? !": spec.mac in body must be of type mac: "? !"
        FieldValueTypeInvalid spec.uri: Invalid value: "? !": spec.uri in body must be of type uri: "? !"
        FieldValueTypeInvalid spec.uuid: Invalid value: "? !": spec.uuid in body must be of type uuid: "? !""#]].assert_eq(&causes(&reply));
    let good = json!({"date-time": "2024-01-01T00:00:00Z", "date": "2024-01-01", "duration": "1h30m", "ipv4": "127.0.0.1", "ipv6": "::1", "cidr": "10.0.0.0/8",
        "uuid": "11111111-1111-1111-1111-111111111111", "byte": "bA==", "email": "a@b.c", "uri": "http://a/b", "mac": "00:00:00:00:00:01"});
    let reply = c
        .create(&kind.path(&c, ""), &kind.object("a", json!({"spec": good})))
        .await;
    assert_eq!(reply.code, 201, "{}", reply.body);
}
