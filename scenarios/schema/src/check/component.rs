//! A component file: its places, command lines and profiles.

use super::scenario::check_rule;
use super::steps::{check_argv, check_exit, check_ready};
use super::{check_name, check_pattern, decoys, hosts, paths, placeholders};
use crate::error::{FileError, FileErrorKind, nearest};
use crate::plan::ComponentKind;
use crate::source::{At, Source, Wrong};
use crate::written::{
    HostFile, WrittenCommand, WrittenCommands, WrittenComponent, WrittenDeclared, WrittenEngine,
    WrittenProfile,
};
use std::collections::BTreeMap;

/// Whether a component file makes sense in itself.
pub(crate) fn check_component(
    source: &Source,
    component: &WrittenComponent,
) -> Result<(), FileError> {
    let root = At::root();
    let value = |key: &str, message: String, help: &str| {
        Err(source.wrong(&root.key(key), Wrong::new(FileErrorKind::Value, message, help)))
    };
    check_name(&component.name).map_err(|wrong| source.wrong(&root.key("name"), wrong))?;
    for (key, text) in [("vendor", &component.vendor), ("version", &component.version)] {
        if text.trim().is_empty() {
            return value(key, format!("the {key} is empty"), "write it as the vendor does");
        }
    }
    if let Some(country) = &component.country
        && !(country.len() == 2 && country.chars().all(|c| c.is_ascii_uppercase()))
    {
        return value(
            "country",
            format!("`{country}` is no country"),
            "write two capital letters as in ISO 3166-1: \"GB\"",
        );
    }
    check_files(source, component)?;
    for (index, kind) in component.looks_into.iter().enumerate() {
        if !decoys::holds_members(*kind) {
            let at = root.key("looks-into").index(index);
            let wrong = Wrong::new(
                FileErrorKind::Value,
                format!("`{}` holds no other files", decoys::kind_name(*kind)),
                "`zip`, `tar-gz` and `eml` do",
            );
            return Err(source.wrong(&at, wrong));
        }
    }
    if let Some(pattern) = &component.detection {
        check_pattern(pattern, &["path"])
            .map_err(|wrong| source.wrong(&root.key("detection"), wrong))?;
    }
    check_commands(source, &component.commands, &root.key("commands"))?;
    if component.commands == WrittenCommands::default() {
        return Err(source.wrong(
            &root.key("commands"),
            Wrong::new(
                FileErrorKind::Value,
                "the component has no command",
                "add `[commands.scan]` with `argv = [\"…\", \"{scan}\"]`",
            ),
        ));
    }
    if let Some(engine) = &component.engine {
        check_engine(source, component, engine, &root)?;
    }
    check_declares(source, &component.declares, &root.key("declares"))?;
    for (index, rule) in component.answers.iter().enumerate() {
        check_rule(source, rule, &root.key("answers").index(index))?;
    }
    for (index, provision) in component.provisions.iter().enumerate() {
        let at = root.key("provisions").index(index);
        paths::in_jar(&provision.path, &[])
            .map_err(|wrong| source.wrong(&at.key("path"), wrong))?;
        placeholders::check(&provision.text, placeholders::PROVISION)
            .map_err(|wrong| source.wrong(&at.key("text"), wrong))?;
        if component.provisions[..index].iter().any(|other| other.path == provision.path) {
            let wrong = Wrong::new(
                FileErrorKind::Path,
                format!("`{}` is written twice", provision.path),
                "give each a path of its own",
            );
            return Err(source.wrong(&at.key("path"), wrong));
        }
    }
    for (name, profile) in &component.profiles {
        check_profile(source, component, name, profile)?;
    }
    Ok(())
}

/// An engine is called for files: it has no arguments of its own and no other commands.
fn check_engine(
    source: &Source,
    component: &WrittenComponent,
    engine: &WrittenEngine,
    root: &At,
) -> Result<(), FileError> {
    let at = root.key("engine");
    let wrong = |at: &At, message: String, help: &str| {
        Err(source.wrong(at, Wrong::new(FileErrorKind::Value, message, help)))
    };
    if component.kind != ComponentKind::Wasm {
        return wrong(&at, "only WebAssembly can be an engine".into(), "add `kind = \"wasm\"`");
    }
    if component.detection.is_some() {
        let message = "an engine tells by its verdicts what it detected".into();
        return wrong(&root.key("detection"), message, "leave the key out");
    }
    let of_profiles = component.profiles.iter().map(|(name, profile)| {
        let at = root.key("profiles").key(name).key("commands");
        (&profile.commands, at)
    });
    for (commands, at) in
        std::iter::once((&component.commands, root.key("commands"))).chain(of_profiles)
    {
        for role in WrittenCommands::ROLES {
            let Some(command) = commands.get(role) else { continue };
            if role != "scan" {
                let help = "only `[commands.scan]` goes with `[engine]`";
                return wrong(&at.key(role), format!("an engine has no command `{role}`"), help);
            }
            let paths = command.argv.iter().skip(1);
            if let Some(word) =
                paths.clone().find(|word| !matches!(word.as_bytes(), [b'/' | b'{', ..]))
            {
                let message = format!("an engine has no arguments, and `{word}` is no path");
                let help = "write `argv = [\"/opt/…/engine.wasm\", \"{scan}\"]`";
                return wrong(&at.key(role).key("argv"), message, help);
            }
        }
    }
    for (key, address) in [("reputation", &engine.reputation), ("submission", &engine.submission)] {
        let Some(address) = address else { continue };
        let rest = address.strip_prefix("https://").or(address.strip_prefix("http://"));
        let Some(rest) = rest else {
            let help = "write \"https://reputation.vendor.example/v1/lookup\"";
            return wrong(
                &at.key(key),
                format!("`{address}` is no address of http or https"),
                help,
            );
        };
        let authority = rest.split(['/', '?']).next().unwrap_or_default();
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, Some(port)),
            _ => (authority, None),
        };
        if port.is_some_and(|port| port.parse::<u16>().is_err() || port == "0") {
            let message = format!("`{address}` has no port from 1 to 65535");
            return wrong(&at.key(key), message, "write the port as a number, or leave it out");
        }
        if !rest.chars().all(|c| c.is_ascii_graphic()) || host.contains('*') {
            let message = format!("`{address}` is no address");
            return wrong(&at.key(key), message, "write a host and a path in ASCII");
        }
        hosts::check(host, false).map_err(|wrong| source.wrong(&at.key(key), wrong))?;
    }
    Ok(())
}

fn check_files(source: &Source, component: &WrittenComponent) -> Result<(), FileError> {
    let root = At::root();
    for (index, file) in component.files.iter().enumerate() {
        let at = root.key("files").index(index);
        let (host, host_at) = match file {
            HostFile::Same(path) => (path, at.clone()),
            HostFile::Placed(placed) => {
                paths::in_jar(&placed.inside, &[])
                    .map_err(|wrong| source.wrong(&at.key("inside"), wrong))?;
                (&placed.host, at.key("host"))
            }
        };
        paths::in_jar(host, placeholders::HOST).map_err(|wrong| source.wrong(&host_at, wrong))?;
        if matches!(file, HostFile::Same(_)) {
            check_not_world(source, host, &host_at)?;
        }
    }
    for (index, path) in component.state.iter().enumerate() {
        let at = root.key("state").index(index);
        paths::state(path).map_err(|wrong| source.wrong(&at, wrong))?;
        check_not_world(source, path, &at)?;
    }
    Ok(())
}

/// Homes inside the jar are planted ones: nothing of the host is shown there.
fn check_not_world(source: &Source, path: &str, at: &At) -> Result<(), FileError> {
    let top = path.split('/').nth(1).unwrap_or_default();
    if !matches!(top, "home" | "root") {
        return Ok(());
    }
    let name = path.rsplit('/').next().unwrap_or_default();
    Err(source.wrong(
        at,
        Wrong::new(
            FileErrorKind::Path,
            format!("`{path}` lies in a home, and homes inside the jar are planted"),
            format!(
                "show it elsewhere: {{ host = \"{path}\", inside = \"/opt/component/{name}\" }}"
            ),
        ),
    ))
}

fn check_commands(source: &Source, commands: &WrittenCommands, at: &At) -> Result<(), FileError> {
    for role in WrittenCommands::ROLES {
        if let Some(command) = commands.get(role) {
            check_command(source, command, role, &at.key(role))?;
        }
    }
    Ok(())
}

fn check_command(
    source: &Source,
    command: &WrittenCommand,
    role: &str,
    at: &At,
) -> Result<(), FileError> {
    check_argv(source, &command.argv, &at.key("argv"))?;
    check_environment(source, &command.env, &at.key("env"))?;
    if let Some(cwd) = &command.cwd {
        paths::absolute(cwd, placeholders::PATH)
            .map_err(|wrong| source.wrong(&at.key("cwd"), wrong))?;
    }
    for (index, code) in command.exit.iter().enumerate() {
        check_exit(source, *code, &at.key("exit").index(index))?;
    }
    match (&command.ready, role) {
        (Some(ready), "daemon") => check_ready(source, ready, &at.key("ready")),
        (None, "daemon") => Err(source.wrong(
            at,
            Wrong::new(
                FileErrorKind::MissingKey,
                "the key `ready` is missing",
                "say when the daemon counts as ready: `ready = { path = \"/run/x.sock\" }`",
            ),
        )),
        (Some(_), role) => Err(source.wrong(
            &at.key("ready"),
            Wrong::new(
                FileErrorKind::Value,
                format!("`{role}` runs to its end and is never ready"),
                "`ready` goes with `[commands.daemon]`",
            ),
        )),
        (None, _) => Ok(()),
    }
}

fn check_environment(
    source: &Source,
    env: &BTreeMap<String, String>,
    at: &At,
) -> Result<(), FileError> {
    for (name, value) in env {
        let at = at.key(name.as_str());
        if name.is_empty() || name.contains(['=', '\0']) || value.contains('\0') {
            let wrong = Wrong::new(
                FileErrorKind::Value,
                format!("`{}` is no variable", name.escape_debug()),
                "write `NAME = \"value\"`",
            );
            return Err(source.wrong(&at, wrong));
        }
        placeholders::check(value, placeholders::ENVIRONMENT)
            .map_err(|wrong| source.wrong(&at, wrong))?;
    }
    Ok(())
}

fn check_declares(source: &Source, declares: &[WrittenDeclared], at: &At) -> Result<(), FileError> {
    for (index, declared) in declares.iter().enumerate() {
        hosts::check(&declared.to, true)
            .map_err(|wrong| source.wrong(&at.index(index).key("to"), wrong))?;
    }
    Ok(())
}

fn check_profile(
    source: &Source,
    component: &WrittenComponent,
    name: &str,
    profile: &WrittenProfile,
) -> Result<(), FileError> {
    let at = At::root().key("profiles").key(name);
    check_name(name).map_err(|wrong| source.wrong(&at, wrong))?;
    check_environment(source, &profile.env, &at.key("env"))?;
    check_commands(source, &profile.commands, &at.key("commands"))?;
    if let Some(declares) = &profile.declares {
        check_declares(source, declares, &at.key("declares"))?;
    }
    for (role, args) in &profile.args {
        let at = at.key("args").key(role.as_str());
        if component.commands.get(role).or(profile.commands.get(role)).is_none() {
            let roles = || {
                WrittenCommands::ROLES
                    .into_iter()
                    .filter(|role| component.commands.get(role).is_some())
            };
            let help = match nearest(role, roles()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("the component has {}", Vec::from_iter(roles()).join(", ")),
            };
            let wrong = Wrong::new(
                FileErrorKind::Reference,
                format!("the component has no command `{role}`"),
                help,
            );
            return Err(source.wrong(&at, wrong));
        }
        for (index, argument) in args.iter().enumerate() {
            placeholders::check(argument, placeholders::ARGUMENT)
                .map_err(|wrong| source.wrong(&at.index(index), wrong))?;
        }
    }
    Ok(())
}
