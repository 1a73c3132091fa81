//! The published JSON Schemas say what the types say, and the library's files keep to them.
//! `BELLJAR_BLESS=1` writes the schemas anew.

use belljar_schema::written::{WrittenComponent, WrittenScenario};
use belljar_schema::{
    Manifest, ResolveOptions, RunPlan, component_library, library, load_component, load_scenario,
    resolve,
};
use schemars::{JsonSchema, generate::SchemaSettings};
use std::path::PathBuf;

fn schema<T: JsonSchema>() -> serde_json::Value {
    SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<T>().into()
}

fn published(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/schemas").join(name)
}

#[track_caller]
fn is_published<T: JsonSchema>(name: &str) {
    let path = published(name);
    let now = format!("{:#}\n", schema::<T>());
    if std::env::var_os("BELLJAR_BLESS").is_some() {
        std::fs::create_dir_all(path.parent().expect("has a folder")).expect("can be made");
        std::fs::write(&path, &now).expect("can be written");
    }
    let then = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        then == now,
        "docs/schemas/{name} is stale; run the tests of belljar-schema with BELLJAR_BLESS=1"
    );
}

#[test]
fn the_schema_of_scenario_files_is_published() {
    is_published::<WrittenScenario>("scenario.json");
}

#[test]
fn the_schema_of_component_files_is_published() {
    is_published::<WrittenComponent>("component.json");
}

#[test]
fn the_schema_of_plans_is_published() {
    is_published::<RunPlan>("run-plan.json");
}

#[test]
fn the_schema_of_manifests_is_published() {
    is_published::<Manifest>("manifest.json");
}

#[track_caller]
fn keeps_to<T: JsonSchema>(value: &serde_json::Value, what: &str) {
    let validator = jsonschema::validator_for(&schema::<T>()).expect("the schema is one");
    let errors: Vec<String> = validator.iter_errors(value).map(|e| e.to_string()).collect();
    assert!(errors.is_empty(), "{what}: {errors:?}");
}

#[test]
fn files_and_plans_of_the_library_keep_to_the_schemas() {
    for scenario in library() {
        let written: serde_json::Value = toml::from_str(scenario.text).expect("is TOML");
        keeps_to::<WrittenScenario>(&written, scenario.name);
        for component in component_library() {
            let written: serde_json::Value = toml::from_str(component.text).expect("is TOML");
            keeps_to::<WrittenComponent>(&written, component.name);
            let plan = resolve(
                &load_scenario(scenario.name, scenario.text).expect("is a scenario"),
                &load_component(component.name, component.text).expect("is a component"),
                &ResolveOptions::default(),
            )
            .expect("resolves");
            let plan = serde_json::to_value(plan).expect("serialises");
            keeps_to::<RunPlan>(&plan, component.name);
        }
    }
}

#[test]
fn an_unknown_key_breaks_the_published_schema_too() {
    let mut written: serde_json::Value = toml::from_str(library()[0].text).expect("is TOML");
    written["decoys"][0]["colour"] = "red".into();
    let validator = jsonschema::validator_for(&schema::<WrittenScenario>()).expect("is one");
    assert!(!validator.is_valid(&written));
}
