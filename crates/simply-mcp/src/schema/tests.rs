use std::time::{Duration, Instant};

use serde_json::json;

use super::*;

fn compiled(schema: Value) -> CompiledSchema {
    let Value::Object(schema) = schema else {
        panic!("a schema is an object")
    };
    CompiledSchema::compile(&schema).unwrap()
}

fn refused(schema: Value) -> String {
    let Value::Object(schema) = schema else {
        panic!("a schema is an object")
    };
    CompiledSchema::compile(&schema).unwrap_err().to_string()
}

fn said(schema: Value, arguments: &Value) -> String {
    compiled(schema).check(arguments).unwrap_err().to_string()
}

/// Runs on half of the stack that tokio gives its workers: the other half is the way there.
fn on_a_worker_stack<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> T {
    std::thread::Builder::new()
        .stack_size(1024 * 1024)
        .spawn(run)
        .unwrap()
        .join()
        .unwrap()
}

#[test]
fn arguments_that_fit_are_let_through() {
    let schema = compiled(json!({"type": "object", "properties": {"a": {"type": "integer"}}}));
    assert_eq!(schema.check(&json!({"a": 3})), Ok(()));
}

#[test]
fn each_mismatch_says_where_and_what() {
    let schema = json!({
        "type": "object",
        "properties": {"message": {"type": "string"}, "count": {"type": "integer"}},
        "required": ["message"],
    });
    assert_eq!(
        said(schema, &json!({"count": 3.5})),
        "arguments do not fit the tool's input schema: \
         /message: required property is missing; /count: 3.5 is not an integer"
    );
}

#[test]
fn pointers_are_escaped_as_rfc_6901_says() {
    let schema = json!({"properties": {"a/b~c": {"required": ["d/e"]}}});
    let error = compiled(schema).check(&json!({"a/b~c": {}})).unwrap_err();
    assert_eq!(error.mismatches()[0].pointer, "/a~1b~0c/d~1e");
}

#[test]
fn an_unknown_property_is_pointed_at() {
    let schema = json!({"properties": {"a": {}}, "additionalProperties": false});
    assert!(said(schema, &json!({"b": 1})).ends_with(": /b: the schema has no such property"));
}

#[test]
fn a_message_repeats_little_of_the_value() {
    let long = "x".repeat(5_000);
    let schema = json!({"properties": {"a": {"type": "integer"}}, "additionalProperties": false});
    let text = said(schema, &json!({"a": long, long.as_str(): 1}));
    assert!(text.len() < 400, "{text}");
    let schema = json!({"properties": {"a": {"maxLength": 3}}, "propertyNames": {"maxLength": 4}});
    let text = said(schema, &json!({"a": long, long.as_str(): 1}));
    assert!(text.len() < 400, "{text}");
}

#[test]
fn at_most_ten_mismatches_are_reported() {
    let schema = json!({"additionalProperties": {"type": "integer"}});
    let arguments: JsonObject = (0..100).map(|n| (format!("p{n}"), json!("no"))).collect();
    let error = compiled(schema)
        .check(&Value::Object(arguments))
        .unwrap_err();
    assert_eq!(error.mismatches().len(), 10);
    assert!(error.to_string().ends_with("; and more"));
}

#[test]
fn a_large_value_is_explained_by_its_first_mismatch() {
    let schema = json!({"properties": {"a": {"items": {"type": "string"}}}});
    let error = compiled(schema)
        .check(&json!({"a": vec![1; 50_000]}))
        .unwrap_err();
    assert_eq!(error.mismatches().len(), 1);
    assert_eq!(error.mismatches()[0].pointer, "/a/0");
}

#[test]
fn the_dialect_is_that_of_the_schema_keyword_and_2020_12_without_one() {
    let tuple = json!({"properties": {"a": {"prefixItems": [{"type": "string"}]}}});
    assert!(compiled(tuple.clone()).check(&json!({"a": [1]})).is_err());
    let mut older = tuple;
    older["$schema"] = json!("http://json-schema.org/draft-07/schema#");
    assert_eq!(
        compiled(older).check(&json!({"a": [1]})),
        Ok(()),
        "draft 7 has no prefixItems"
    );
}

#[test]
fn a_format_is_a_remark_as_2020_12_has_it() {
    for format in ["date", "uri", "email", "uint32"] {
        let schema = json!({"properties": {"it": {"format": format}}});
        assert_eq!(
            compiled(schema).check(&json!({"it": "a b"})),
            Ok(()),
            "{format}"
        );
    }
}

#[test]
fn a_pattern_runs_in_linear_time() {
    let schema = compiled(json!({"properties": {"a": {"pattern": "^(a+)+$"}}}));
    let started = Instant::now();
    assert!(
        schema
            .check(&json!({"a": format!("{}!", "a".repeat(50_000))}))
            .is_err()
    );
    assert!(
        started.elapsed() < Duration::from_secs(1),
        "{:?}",
        started.elapsed()
    );
}

#[test]
fn a_pattern_that_needs_backtracking_does_not_compile() {
    assert!(refused(json!({"properties": {"a": {"pattern": "(?=a)b"}}})).contains("pattern"));
}

#[test]
fn nothing_outside_of_the_schema_is_fetched() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let problem = refused(json!({"$ref": format!("http://{address}/schema.json")}));
    assert!(problem.contains("nothing is fetched"), "{problem}");
    assert!(refused(json!({"$ref": "file:///etc/passwd"})).contains("nothing is fetched"));
    assert_eq!(
        listener.accept().unwrap_err().kind(),
        std::io::ErrorKind::WouldBlock
    );
}

#[test]
fn a_recursive_schema_checks_every_level() {
    let schema = json!({
        "$ref": "#/$defs/node",
        "$defs": {"node": {
            "type": "object",
            "properties": {"name": {"type": "string"},
                           "children": {"type": "array", "items": {"$ref": "#/$defs/node"}}},
        }},
    });
    let error = compiled(schema)
        .check(&json!({"children": [{"children": [{"name": 1}]}]}))
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "arguments do not fit the tool's input schema: \
        /children/0/children/0/name: 1 is not a string"
    );
}

#[test]
fn recursion_as_deep_as_it_is_let_in_fits_on_a_workers_stack() {
    on_a_worker_stack(|| {
        for length in [1, 2, 8, 24] {
            let mut definitions = JsonObject::new();
            for n in 0..length {
                let next = if n + 1 == length {
                    json!({"type": "object", "properties": {"x": {"$ref": "#/$defs/d0"}}})
                } else {
                    json!({"anyOf": [{"$ref": format!("#/$defs/d{}", n + 1)}, {"type": "null"}]})
                };
                definitions.insert(format!("d{n}"), next);
            }
            let schema = compiled(json!({"$ref": "#/$defs/d0", "$defs": definitions}));
            let deepest = schema.shape.deepest_arguments().unwrap();
            for bad in [json!(1), json!(null), json!({})] {
                let fits = (1..deepest).fold(bad, |inner, _| json!({"x": inner}));
                let _ = schema.check(&fits);
            }
            let deeper = (0..=deepest).fold(json!({}), |inner, _| json!({"x": inner}));
            assert!(
                schema
                    .check(&deeper)
                    .unwrap_err()
                    .to_string()
                    .contains("levels deep")
            );
        }
    });
}

#[test]
fn a_reference_to_itself_in_place_is_refused() {
    assert!(refused(json!({"$ref": "#"})).contains("back to itself"));
    let around = json!({"$ref": "#/$defs/a", "$defs": {
        "a": {"allOf": [{"$ref": "#/$defs/b"}]}, "b": {"anyOf": [{"$ref": "#/$defs/a"}, true]},
    }});
    assert!(refused(around).contains("back to itself"));
}

#[test]
fn ten_thousand_nested_alternatives_are_refused() {
    on_a_worker_stack(|| {
        let mut schema = json!({});
        for _ in 0..10_000 {
            let list = Value::Array(vec![schema]);
            schema = Value::Object(JsonObject::from_iter([("anyOf".to_owned(), list)]));
        }
        let problem = CompiledSchema::compile(schema.as_object().unwrap()).unwrap_err();
        assert!(problem.to_string().contains("levels of nesting"));
        // Dropping such a value is recursive in serde_json itself.
        while let Some(inner) = schema.get_mut("anyOf").map(|list| list[0].take()) {
            schema = inner;
        }
    });
}

fn chain(length: usize, link: impl Fn(Value) -> Value) -> Value {
    let mut definitions: JsonObject = (0..length)
        .map(|n| {
            (
                format!("d{n}"),
                link(json!({"$ref": format!("#/$defs/d{}", n + 1)})),
            )
        })
        .collect();
    definitions.insert(format!("d{length}"), json!({"type": "null"}));
    json!({"$ref": "#/$defs/d0", "$defs": definitions})
}

#[test]
fn a_long_chain_of_references_is_refused() {
    on_a_worker_stack(|| {
        let message = refused(chain(2_000, |next| next));
        assert!(message.contains("lead to one another"), "{message}");
        let message = refused(chain(2_000, |next| json!({"properties": {"x": next}})));
        assert!(message.contains("lead to one another"), "{message}");
        let message = refused(chain(100, |next| next));
        assert!(message.contains("for the same value"), "{message}");
    });
}

#[test]
fn the_longest_chains_that_are_let_in_fit_on_a_workers_stack() {
    on_a_worker_stack(|| {
        let down = compiled(chain(
            bounds::MAX_STEPS / 2 - 1,
            |next| json!({"properties": {"x": next}}),
        ));
        let deep = (0..bounds::MAX_STEPS / 2 - 1).fold(json!(1), |inner, _| json!({"x": inner}));
        assert!(down.check(&deep).is_err());
        let across = chain(
            bounds::MAX_STEPS_IN_PLACE / 2 - 1,
            |next| json!({"anyOf": [next]}),
        );
        assert!(compiled(across).check(&json!(1)).is_err());
        let items = (0..60).fold(json!({"type": "null"}), |inner, _| json!({"items": inner}));
        let deep = (0..60).fold(json!(1), |inner, _| json!([inner]));
        assert!(compiled(items).check(&deep).is_err());
    });
}

type Link = fn(Value) -> Value;

/// Ways to make a schema whose work doubles, at least, with each level.
const DOUBLED: [Link; 8] = [
    |next| json!({"oneOf": [next.clone(), next]}),
    |next| json!({"anyOf": [next.clone(), next]}),
    |next| json!({"allOf": [next.clone(), next], "unevaluatedProperties": {"type": "integer"}}),
    |next| json!({"if": next.clone(), "then": next.clone(), "else": next}),
    |next| json!({"patternProperties": {"b": next.clone(), "^b": next.clone(), "b$": next}}),
    |next| json!({"anyOf": [{"properties": {"b": next.clone()}}, {"properties": {"b": next}}]}),
    |next| {
        let either = json!([{"prefixItems": [next.clone()]}, {"contains": next.clone()}]);
        json!({"anyOf": either, "unevaluatedItems": next})
    },
    |next| {
        let either = json!([{"properties": {"b": next.clone()}}, {"required": ["b"]}]);
        json!({"anyOf": either, "unevaluatedProperties": next})
    },
];

#[test]
fn thirty_doubled_levels_are_refused() {
    for link in DOUBLED {
        let started = Instant::now();
        let message = refused(chain(30, link));
        assert!(message.contains("more than"), "{message}");
        assert!(
            started.elapsed() < Duration::from_millis(500),
            "{:?}",
            started.elapsed()
        );
    }
}

#[test]
fn as_many_doubled_levels_as_are_let_in_cost_little() {
    for (number, link) in DOUBLED.into_iter().enumerate() {
        let (levels, schema) = (1..30)
            .rev()
            .find_map(|levels| {
                let schema = chain(levels, link);
                Some((levels, CompiledSchema::compile(schema.as_object()?).ok()?))
            })
            .unwrap();
        let leaf = json!({"a": "x", "b": 1});
        let objects = (0..levels).fold(leaf.clone(), |inner, _| json!({"b": inner}));
        let arrays = (0..levels).fold(leaf, |inner, _| json!([inner, 1]));
        let started = Instant::now();
        let _ = (schema.check(&objects), schema.check(&arrays));
        let took = started.elapsed();
        println!("{number}: {levels} levels take {took:?}");
        assert!(
            took < Duration::from_secs(3),
            "{number}: {levels} levels take {took:?}"
        );
    }
}

#[test]
fn a_wide_schema_is_not_taken_for_a_deep_one() {
    let leaf: JsonObject = (0..30)
        .map(|n| (format!("p{n}"), json!({"type": "string"})))
        .collect();
    let leaf = json!({"type": "object", "properties": leaf});
    let kinds: Vec<_> = (0..50)
        .map(|n| json!({"properties": {"kind": {"const": n}, "leaf": {"$ref": "#/$defs/leaf"}}}))
        .collect();
    let entry = json!({"oneOf": kinds, "unevaluatedProperties": false});
    let entries = (0..200).map(|n| (format!("e{n}"), json!({"$ref": "#/$defs/entry"})));
    let entries: JsonObject = entries.collect();
    compiled(json!({"properties": entries, "$defs": {"leaf": leaf, "entry": entry}}));
}

#[test]
fn doubled_recursion_over_deep_arguments_costs_next_to_nothing() {
    let twice = json!({"properties": {"x": {"$ref": "#"}}});
    let schema = compiled(json!({"type": "object", "oneOf": [twice.clone(), twice]}));
    let arguments = (0..60).fold(json!({}), |inner, _| json!({"x": inner}));
    let started = Instant::now();
    assert!(schema.check(&arguments).is_err());
    assert!(
        started.elapsed() < Duration::from_secs(1),
        "{:?}",
        started.elapsed()
    );
}

#[test]
fn a_schema_that_is_not_one_is_refused_with_its_place() {
    let problem = refused(json!({"properties": {"a": {"type": "strnig"}}}));
    assert!(problem.starts_with("/properties/a/type"), "{problem}");
}

#[test]
fn a_schema_may_refer_to_the_published_meta_schema() {
    let schema = json!({"properties": {
        "schema": {"$ref": "https://json-schema.org/draft/2020-12/schema"},
    }});
    assert_eq!(
        compiled(schema.clone()).check(&json!({"schema": {"type": "object"}})),
        Ok(())
    );
    assert!(
        compiled(schema)
            .check(&json!({"schema": {"type": 1}}))
            .is_err()
    );
}
