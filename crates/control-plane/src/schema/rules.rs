//! CEL rules of custom resources (`x-kubernetes-validations`): compiled once, kept with the schema.
//!
//! Reads the new value and, for transition rules (those that name `oldSelf`), the old one. The language and
//! Kubernetes' libraries for it come from kube's `cel` feature; which rule runs when, and what its failure is called,
//! is decided here as a kube-apiserver does.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use kube::core::cel::KubeCelExt;
use kube::core::cel::cel::objects::{Key, Map as CelMap};
use kube::core::cel::cel::{Context, Program, Value as Cel};
use serde_json::Value;

use super::node::{ListType, Node, Shape};
use super::path::Path;
use super::text;
use crate::failure::Cause;

/// One rule of a schema.
#[derive(Clone)]
pub(crate) struct Rule(Arc<Inner>);

struct Inner {
    rule: String,
    message: Option<String>,
    message_expression: Option<String>,
    reason: Option<String>,
    field_path: Option<String>,
    optional_old_self: bool,
    compiled: OnceLock<Result<Compiled, String>>,
}

struct Compiled {
    program: Program,
    message: Option<Program>,
    uses_old: bool,
}

impl std::fmt::Debug for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Rule").field(&self.0.rule).finish()
    }
}

impl Rule {
    /// The rules a schema states on its own level.
    pub(crate) fn all_of(schema: &Value) -> Box<[Self]> {
        let text =
            |rule: &Value, key: &str| rule.get(key).and_then(Value::as_str).map(ToOwned::to_owned);
        let rules = schema
            .get("x-kubernetes-validations")
            .and_then(Value::as_array);
        rules
            .into_iter()
            .flatten()
            .filter_map(|rule| {
                Some(Self(Arc::new(Inner {
                    rule: text(rule, "rule")?,
                    message: text(rule, "message").filter(|m| !m.is_empty()),
                    message_expression: text(rule, "messageExpression").filter(|m| !m.is_empty()),
                    reason: text(rule, "reason"),
                    field_path: text(rule, "fieldPath"),
                    optional_old_self: rule
                        .get("optionalOldSelf")
                        .and_then(Value::as_bool)
                        .unwrap_or(false),
                    compiled: OnceLock::new(),
                })))
            })
            .collect()
    }

    /// What is wrong with the rule's text, if anything.
    pub(crate) fn mistake(&self) -> Option<String> {
        self.compiled().as_ref().err().cloned()
    }

    fn compiled(&self) -> &Result<Compiled, String> {
        self.0.compiled.get_or_init(|| {
            let program = Program::compile(&self.0.rule).map_err(|e| e.to_string())?;
            let message = match &self.0.message_expression {
                Some(expression) => Some(Program::compile(expression).map_err(|e| e.to_string())?),
                None => None,
            };
            let uses_old = program.references().has_variable("oldSelf");
            Ok(Compiled {
                program,
                message,
                uses_old,
            })
        })
    }

    fn text(&self) -> &str {
        self.0.message.as_deref().unwrap_or(&self.0.rule).trim()
    }

    fn cause(&self, at: &Path, node: &Node, detail: &str) -> Cause {
        let mut field = at.to_string();
        if let Some(below) = &self.0.field_path {
            field.push_str(below);
        }
        let (reason, kind) = match self.0.reason.as_deref() {
            Some("FieldValueForbidden") => ("FieldValueForbidden", "Forbidden".to_owned()),
            Some("FieldValueRequired") => ("FieldValueRequired", "Required value".to_owned()),
            Some("FieldValueDuplicate") => {
                let message = format!("Duplicate value: \"{}\"", type_word(node));
                return Cause {
                    reason: "FieldValueDuplicate",
                    field: text::field_or_nil(&field),
                    message,
                };
            }
            _ => (
                "FieldValueInvalid",
                format!("Invalid value: \"{}\"", type_word(node)),
            ),
        };
        Cause {
            reason,
            field: text::field_or_nil(&field),
            message: format!("{kind}: {detail}"),
        }
    }
}

fn type_word(node: &Node) -> &'static str {
    match &node.shape {
        Shape::Any => "",
        Shape::Object(_) => "object",
        Shape::Array(_) => "array",
        Shape::Scalar(scalar) => match scalar {
            super::node::Scalar::IntOrString | super::node::Scalar::Quantity => "",
            other => other.name(),
        },
    }
}

/// Runs the rules of a value and of everything below it.
pub(crate) fn check(node: &Node, value: &Value, old: Option<&Value>, root: bool) -> Vec<Cause> {
    let mut walk = Walk {
        context: Context::default().with_all(),
        causes: Vec::new(),
    };
    walk.value(
        node,
        value,
        old,
        old.is_some_and(|old| old == value),
        &Path::root(),
        root,
    );
    walk.causes
}

/// Whether any rule is stated at this node or below: most schemas have none.
pub(crate) fn any(node: &Node) -> bool {
    if !node.rules.is_empty() {
        return true;
    }
    match &node.shape {
        Shape::Object(object) => {
            object.properties.iter().any(|(_, n)| any(n))
                || object.additional.as_ref().is_some_and(|n| any(n))
        }
        Shape::Array(array) => any(&array.items),
        Shape::Any | Shape::Scalar(_) => false,
    }
}

struct Walk {
    context: Context<'static>,
    causes: Vec<Cause>,
}

impl Walk {
    fn value(
        &mut self,
        node: &Node,
        value: &Value,
        old: Option<&Value>,
        same: bool,
        at: &Path,
        root: bool,
    ) {
        self.rules(node, value, old, same, at, root);
        match (&node.shape, value) {
            (Shape::Object(object), Value::Object(map)) => {
                for (name, item) in map {
                    let before = old.and_then(|old| old.get(name));
                    let unchanged = same || before.is_some_and(|before| before == item);
                    if let Some(node) = object.property(name) {
                        self.value(node, item, before, unchanged, &at.field(name), false);
                    } else if let Some(node) = &object.additional {
                        self.value(node, item, before, unchanged, &at.key(name), false);
                    }
                }
            }
            (Shape::Array(array), Value::Array(items)) => {
                for (index, item) in items.iter().enumerate() {
                    let before = correlated(&array.list, old, item);
                    let unchanged = same || before.is_some_and(|before| before == item);
                    self.value(
                        &array.items,
                        item,
                        before,
                        unchanged,
                        &at.index(index),
                        false,
                    );
                }
            }
            _ => {}
        }
    }

    fn rules(
        &mut self,
        node: &Node,
        value: &Value,
        old: Option<&Value>,
        same: bool,
        at: &Path,
        root: bool,
    ) {
        if node.rules.is_empty() || value.is_null() {
            return;
        }
        let mut scope = self.context.new_inner_scope();
        scope.add_variable_from_value("self", to_cel(node, value, root));
        if let Some(old) = old.filter(|old| !old.is_null()) {
            scope.add_variable_from_value("oldSelf", to_cel(node, old, root));
        }
        for rule in &node.rules {
            let compiled = match rule.compiled() {
                Ok(compiled) => compiled,
                Err(mistake) => {
                    self.causes.push(rule.cause(
                        at,
                        node,
                        &format!("rule compile error: {mistake}"),
                    ));
                    continue;
                }
            };
            if compiled.uses_old && old.is_none_or(Value::is_null) {
                if !rule.0.optional_old_self {
                    continue;
                }
                scope.add_variable_from_value("oldSelf", Cel::Null);
            }
            match compiled.program.execute(&scope) {
                Ok(Cel::Bool(true)) => {}
                // A rule that looks at nothing new is not held against a value that did not change.
                Ok(_) if same && !compiled.uses_old => {}
                Ok(_) => {
                    let told = compiled.message.as_ref().and_then(|program| {
                        match program.execute(&scope) {
                            Ok(Cel::String(text)) if !text.trim().is_empty() => {
                                Some(text.to_string())
                            }
                            _ => None,
                        }
                    });
                    let detail = told.unwrap_or_else(|| match &rule.0.message {
                        Some(message) => message.trim().to_owned(),
                        None => format!("failed rule: {}", rule.text()),
                    });
                    self.causes.push(rule.cause(at, node, &detail));
                }
                Err(failure) => {
                    let detail = format!(
                        "{} evaluating rule: {}",
                        lower_first(&failure.to_string()),
                        rule.text()
                    );
                    self.causes.push(rule.cause(at, node, &detail));
                }
            }
        }
    }
}

fn lower_first(text: &str) -> String {
    text.strip_prefix("No such key: ")
        .map_or_else(|| text.to_owned(), |key| format!("no such key: {key}"))
}

/// The old item an item of a list belongs to: by its keys in a list map, else none.
fn correlated<'a>(list: &ListType, old: Option<&'a Value>, item: &Value) -> Option<&'a Value> {
    let ListType::Map(keys) = list else {
        return None;
    };
    let same = |before: &&Value| {
        keys.iter()
            .all(|key| before.get(key.as_ref()) == item.get(key.as_ref()))
    };
    old?.as_array()?.iter().find(same)
}

/// The value as CEL sees it: dates and durations typed, field names escaped, keys of maps as they are.
fn to_cel(node: &Node, value: &Value, root: bool) -> Cel {
    match value {
        Value::Null => Cel::Null,
        Value::Bool(flag) => Cel::Bool(*flag),
        Value::Number(number) => match (number.as_i64(), &node.shape) {
            (Some(_), Shape::Scalar(super::node::Scalar::Number)) => {
                Cel::Float(number.as_f64().unwrap_or(f64::NAN))
            }
            (Some(whole), _) => Cel::Int(whole),
            (None, _) => Cel::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Value::String(text) => string_to_cel(node, text),
        Value::Array(items) => {
            let any = Node::any();
            let inner = if let Shape::Array(array) = &node.shape {
                &array.items
            } else {
                &any
            };
            Cel::List(Arc::new(
                items
                    .iter()
                    .map(|item| to_cel(inner, item, false))
                    .collect(),
            ))
        }
        Value::Object(map) => {
            let any = Node::any();
            let mut out = HashMap::with_capacity(map.len());
            for (name, item) in map {
                let declared = match &node.shape {
                    Shape::Object(object) => object.property(name),
                    _ => None,
                };
                let (key, inner) = match (declared, &node.shape) {
                    (Some(inner), _) => (escaped(name), inner.as_ref()),
                    (None, Shape::Object(object)) => match &object.additional {
                        Some(inner) => (name.clone(), inner.as_ref()),
                        // Rules do not see fields that the schema does not declare, but for metadata.
                        None if root || node.embedded => (escaped(name), &any),
                        None => continue,
                    },
                    (None, _) => (name.clone(), &any),
                };
                out.insert(Key::String(Arc::new(key)), to_cel(inner, item, false));
            }
            Cel::Map(CelMap { map: Arc::new(out) })
        }
    }
}

fn string_to_cel(node: &Node, text: &str) -> Cel {
    let plain = || Cel::String(Arc::new(text.to_owned()));
    let format = node
        .limits
        .as_ref()
        .and_then(|limits| limits.format.as_deref());
    match format {
        // Through the language's own functions, so that its time types stay its own business.
        Some("date-time" | "datetime") => literal("timestamp", text).unwrap_or_else(plain),
        Some("duration") => literal("duration", text).unwrap_or_else(plain),
        Some("byte") => {
            use base64::Engine as _;
            let bytes = base64::engine::general_purpose::STANDARD.decode(text);
            bytes.map_or_else(|_| plain(), |bytes| Cel::Bytes(Arc::new(bytes)))
        }
        _ => plain(),
    }
}

fn literal(function: &str, text: &str) -> Option<Cel> {
    let context = Context::default();
    let program = Program::compile(&format!("{function}({})", Value::from(text))).ok()?;
    program.execute(&context).ok()
}

/// Field names as CEL may write them: <https://kubernetes.io/docs/reference/using-api/cel/#escaping>.
fn escaped(name: &str) -> String {
    const RESERVED: &[&str] = &[
        "true",
        "false",
        "null",
        "in",
        "as",
        "break",
        "const",
        "continue",
        "else",
        "for",
        "function",
        "if",
        "import",
        "let",
        "loop",
        "package",
        "namespace",
        "return",
        "var",
        "void",
        "while",
    ];
    if RESERVED.contains(&name) {
        return format!("__{name}__");
    }
    name.replace("__", "__underscores__")
        .replace('.', "__dot__")
        .replace('-', "__dash__")
        .replace('/', "__slash__")
}
