//! The scale subresource: `spec.replicas` of whatever has one, as `autoscaling/v1 Scale`.

use axum::response::Response;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::body;
use crate::failure::{Cause, Failure};
use crate::patch;
use crate::resource::{ScalePaths, Source};
use crate::selector::LabelSelector;
use crate::server::{Call, Server};
use crate::verbs::create::Tracking;
use crate::verbs::update::{self, Part, Proposal};
use crate::{answer, metadata};

/// Read or write the scale of an object.
pub(crate) async fn answer(
    server: &Server,
    method: &Method,
    call: &Call,
    bytes: &[u8],
) -> Result<Response, Failure> {
    let paths = call
        .resource
        .scale
        .clone()
        .ok_or_else(Failure::no_such_path)?;
    if matches!(*method, Method::GET | Method::HEAD) {
        let record = server
            .store
            .get(&call.key())
            .ok_or_else(|| call.not_found())?;
        let object = answer::at_version(&call.resource, &record)?;
        return Ok(answer::value_response(
            StatusCode::OK,
            &scale_of(&paths, &object),
        ));
    }
    if *method != Method::PUT && *method != Method::PATCH {
        return Err(Failure::method_not_allowed());
    }
    let sent = body::parse(patch_kind(call), bytes)?.value;
    let replaces = *method == Method::PUT;
    let kind = patch_kind(call).to_owned();
    let propose = |live: &Value| {
        let current = scale_of(&paths, live);
        let scale = match kind.as_str() {
            _ if replaces => Ok(sent.clone()),
            "application/json-patch+json" => patch::json(&current, &sent),
            _ => patch::merge(&current, &sent),
        };
        let scale = scale.map_err(|error| match error {
            patch::Error::Malformed(why) => Failure::bad_request(why),
            patch::Error::Inapplicable(why) => Failure::unprocessable(why),
        })?;
        let replicas = scale["spec"]["replicas"].as_i64().unwrap_or(0);
        if replicas < 0 {
            return Err(too_small(call, &paths, replicas));
        }
        let mut object = live.clone();
        set_path(&mut object, &paths.spec_replicas, replicas.into());
        for field in ["resourceVersion", "uid"] {
            if let Some(given) = scale["metadata"][field].as_str() {
                metadata::of(&mut object).insert(field.to_owned(), given.into());
            }
        }
        Ok(Proposal {
            object,
            tracking: Tracking::Track,
            warnings: Vec::new(),
        })
    };
    let (record, warnings) = update::store(server, call, Part::Scale, &propose).await?;
    let object = answer::at_version(&call.resource, &record)?;
    let response = answer::value_response(StatusCode::OK, &scale_of(&paths, &object));
    Ok(answer::with_warnings(response, &warnings))
}

fn too_small(call: &Call, paths: &ScalePaths, replicas: i64) -> Failure {
    let resource = &call.resource;
    if resource.source == Source::Builtin {
        let cause = Cause::invalid(
            "spec.replicas",
            &json!(replicas),
            "must be greater than or equal to 0",
        );
        return Failure::invalid("autoscaling", "Scale", call.name(), &[cause]);
    }
    let field = format!(".{}", paths.spec_replicas);
    let cause = Cause::invalid(field, &json!(replicas), "should be a non-negative integer");
    Failure::invalid(&resource.group, &resource.kind, call.name(), &[cause])
}

fn patch_kind(call: &Call) -> &str {
    call.content_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
}

/// The `Scale` of an object.
pub(crate) fn scale_of(paths: &ScalePaths, object: &Value) -> Value {
    let number = |path: &str| at_path(object, path).and_then(Value::as_i64).unwrap_or(0);
    let mut scale = json!({
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {"name": metadata::name(object)},
        "spec": {},
        "status": {"replicas": number(&paths.status_replicas)},
    });
    let replicas = number(&paths.spec_replicas);
    if replicas != 0 {
        scale["spec"]["replicas"] = replicas.into();
    }
    for field in ["namespace", "uid", "resourceVersion", "creationTimestamp"] {
        if let Some(value) = object["metadata"].get(field) {
            scale["metadata"][field] = value.clone();
        }
    }
    let selector = paths
        .selector
        .as_deref()
        .and_then(|path| at_path(object, path));
    let text = match selector {
        Some(Value::String(text)) => Some(text.clone()),
        Some(object @ Value::Object(map)) => {
            let plain = !map.keys().all(|k| k.starts_with("match"));
            let selector = if plain {
                LabelSelector::of_map(map)
            } else {
                LabelSelector::of_object(object)
            };
            Some(selector.text())
        }
        _ => None,
    };
    if let Some(text) = text.filter(|t| !t.is_empty()) {
        scale["status"]["selector"] = text.into();
    }
    scale
}

fn at_path<'a>(object: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.')
        .try_fold(object, |value, key| value.get(key))
}

fn set_path(object: &mut Value, path: &str, value: Value) {
    let mut place = object;
    for key in path.split('.') {
        if !place.is_object() {
            *place = json!({});
        }
        place = &mut place[key];
    }
    *place = value;
}
