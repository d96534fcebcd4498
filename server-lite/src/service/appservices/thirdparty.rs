//! What application services say of the networks behind them.
//!
//! Spec: <https://spec.matrix.org/v1.18/application-service-api/#third-party-networks>

use std::sync::Arc;

use ruma::RoomAliasId;
use serde_json::{Map, Value, json};

use super::{Appservice, networks};
use crate::service::Services;

/// The names of all networks, each once.
pub fn protocols(services: &Services) -> Vec<&str> {
    let all = services.appservices.all().iter();
    let mut names: Vec<&str> = all
        .flat_map(|appservice| &appservice.registration.protocols)
        .map(String::as_str)
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn leading_to(services: &Services, protocol: &str) -> Vec<Arc<Appservice>> {
    services.appservices.listening(|appservice| {
        let protocols = &appservice.registration.protocols;
        protocols.iter().any(|known| known == protocol)
    })
}

/// What is known of a network: as its first application service says, with the instances of all.
pub async fn protocol(services: &Services, protocol: &str) -> Option<Value> {
    let mut merged: Option<Map<String, Value>> = None;
    for appservice in leading_to(services, protocol) {
        let client = &services.appservices.client;
        let said = client
            .thirdparty(&appservice, &["protocol", protocol], &[])
            .await;
        let Some(Value::Object(mut said)) = said.filter(is_protocol) else {
            continue;
        };
        let mut instances = match said.remove("instances") {
            Some(Value::Array(instances)) => instances,
            _ => Vec::new(),
        };
        for instance in &mut instances {
            if let Some(network) = instance["network_id"].as_str() {
                let id = networks::instance_id(appservice.id(), network);
                instance["instance_id"] = json!(id);
            }
        }
        let merged = merged.get_or_insert(said);
        if let Some(Value::Array(all)) = merged.get_mut("instances") {
            all.extend(instances);
        } else {
            merged.insert("instances".to_owned(), Value::Array(instances));
        }
    }
    merged.map(Value::Object)
}

fn is_protocol(said: &Value) -> bool {
    let has = |key: &str, is: fn(&Value) -> bool| said.get(key).is_some_and(is);
    let instances = said["instances"].as_array();
    has("user_fields", Value::is_array)
        && has("location_fields", Value::is_array)
        && has("field_types", Value::is_object)
        && instances.is_some_and(|list| list.iter().all(Value::is_object))
}

/// What is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// People.
    User,
    /// Rooms.
    Location,
}

impl Kind {
    fn path(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Location => "location",
        }
    }

    fn is_result(self, found: &Value) -> bool {
        let id = match self {
            Self::User => "userid",
            Self::Location => "alias",
        };
        found[id].is_string() && found["protocol"].is_string() && found["fields"].is_object()
    }
}

/// What all application services that lead to a network find there.
pub async fn find(
    services: &Services,
    kind: Kind,
    protocol: &str,
    fields: &[(&str, &str)],
) -> Vec<Value> {
    let mut found = Vec::new();
    for appservice in leading_to(services, protocol) {
        let path = [kind.path(), protocol];
        found.extend(ask(services, &appservice, kind, &path, fields).await);
    }
    found
}

/// What a room alias stands for in the networks behind it.
pub async fn of_alias(services: &Services, alias: &RoomAliasId) -> Vec<Value> {
    let asked = services
        .appservices
        .listening(|appservice| appservice.has_alias(alias));
    let query = [("alias", alias.as_str())];
    reverse(services, asked, Kind::Location, &query).await
}

/// Who a user of this server is in the networks behind application services.
pub async fn of_user(services: &Services, user: &str) -> Vec<Value> {
    let asked = services
        .appservices
        .listening(|appservice| appservice.has_user(user));
    reverse(services, asked, Kind::User, &[("userid", user)]).await
}

async fn reverse(
    services: &Services,
    asked: Vec<Arc<Appservice>>,
    kind: Kind,
    query: &[(&str, &str)],
) -> Vec<Value> {
    let mut found = Vec::new();
    for appservice in asked {
        found.extend(ask(services, &appservice, kind, &[kind.path()], query).await);
    }
    found
}

async fn ask(
    services: &Services,
    appservice: &Appservice,
    kind: Kind,
    path: &[&str],
    query: &[(&str, &str)],
) -> Vec<Value> {
    let client = &services.appservices.client;
    let said = client.thirdparty(appservice, path, query).await;
    let Some(Value::Array(mut list)) = said else {
        return Vec::new();
    };
    list.retain(|found| kind.is_result(found));
    list
}
