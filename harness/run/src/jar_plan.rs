//! From the run's plan to what the jar is asked to be.

use crate::planting::Planted;
use belljar_internet::{RESOLVER_V4, RESOLVER_V6};
use belljar_record::{BytesSource, DecoySource, Sha256Hex};
use belljar_sandbox::{HostFile, JarLimits, JarPlan, Token, WireMount, WorldMount, Written};
use belljar_schema::RunPlan;
use sha2::Digest as _;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A file of the world whose content only this run knows: proves from inside that belljar serves
/// what is seen. It lies where mail is usually spooled, and is no decoy.
pub(crate) fn token(seed: u64) -> (Token, (String, Arc<dyn DecoySource>)) {
    let path = "/root/.lesshst".to_owned();
    let mut hash = sha2::Sha256::new();
    hash.update(b"world token");
    hash.update(seed.to_be_bytes());
    hash.update(std::process::id().to_be_bytes());
    let digest = Sha256Hex::from_digest(&hash.finalize());
    let content = format!(".less-history-file:\n.search\n\"{digest}\n").into_bytes();
    let source: Arc<dyn DecoySource> = Arc::new(BytesSource::from(content.clone()));
    (Token { path: path.clone(), content }, (path, source))
}

/// What the planted person's session says of itself, in every jar.
pub(crate) fn environment(planted: &Planted) -> BTreeMap<String, String> {
    let identity = planted.plant.identity();
    BTreeMap::from([
        ("HOME".to_owned(), identity.home.clone()),
        ("LANG".to_owned(), identity.locale.clone()),
        ("TZ".to_owned(), identity.time_zone.clone()),
    ])
}

pub(crate) fn jar_plan(
    plan: &RunPlan,
    planted: &Planted,
    binds: Vec<String>,
    token: Token,
    ca_pem: String,
) -> JarPlan {
    let fill = |text: &str| planted.plant.fill(text);
    let identity = planted.plant.identity();
    let component = &plan.component;
    let files = component.files.iter().map(HostFile::same);
    let placed = component
        .placed
        .iter()
        .map(|placed| HostFile { host: (&placed.host).into(), inside: (&placed.inside).into() });
    JarPlan {
        hostname: identity.hostname.clone(),
        world: Some(WorldMount {
            options: belljar_fuse::mount_options("{fd}", 0, 0),
            binds,
            token: Some(token),
        }),
        wire: Some(WireMount { resolvers: vec![RESOLVER_V4.into(), RESOLVER_V6.into()] }),
        files: files.chain(placed).collect(),
        // What the host keeps below /run is about the host, and never shown.
        state: component
            .state
            .iter()
            .filter(|path| !path.starts_with("/run/"))
            .map(Into::into)
            .collect(),
        provisions: plan
            .scenario
            .provisions
            .iter()
            .map(|provision| Written {
                path: fill(&provision.path),
                content: fill(&provision.text).into_bytes(),
                mode: 0o644,
            })
            .collect(),
        ca_pem,
        env: environment(planted),
        limits: JarLimits {
            memory: plan.scenario.limits.memory,
            processes: plan.scenario.limits.processes,
            disk: plan.scenario.limits.disk,
        },
    }
}
