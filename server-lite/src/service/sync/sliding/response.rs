//! The shape of the response.

use std::collections::BTreeMap;

use ruma::{OneTimeKeyAlgorithm, UInt};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::service::sync::device_lists::DeviceLists;

/// The body of a response.
#[derive(Debug, Default, Serialize)]
pub struct Response {
    pub(super) pos: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) txn_id: Option<String>,
    pub(super) lists: BTreeMap<String, List>,
    pub(super) rooms: BTreeMap<String, Room>,
    pub(super) extensions: Extensions,
}

#[derive(Debug, Default, Serialize)]
pub(super) struct List {
    pub count: usize,
}

#[derive(Debug, Default, Serialize)]
pub(super) struct Room {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub avatar: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heroes: Option<Vec<Hero>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_dm: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub initial: Option<bool>,
    /// The name of the current draft, and the one implementations look for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expanded_timeline: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unstable_expanded_timeline: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub membership: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lists: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub required_state: Vec<Box<RawValue>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub timeline: Vec<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prev_batch: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limited: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub num_live: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub joined_count: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invited_count: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bump_stamp: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notification_count: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub highlight_count: Option<u64>,
    /// The name implementations look for, and the one of the current draft.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invite_state: Option<Vec<Box<RawValue>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stripped_state: Option<Vec<Box<RawValue>>>,
}

#[derive(Debug, Serialize)]
pub(super) struct Hero {
    pub user_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub displayname: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub avatar_url: Option<String>,
}

#[derive(Debug, Default, Serialize)]
pub(super) struct Extensions {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to_device: Option<ToDevice>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub e2ee: Option<E2ee>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_data: Option<AccountData>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receipts: Option<PerRoom>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub typing: Option<PerRoom>,
}

#[derive(Debug, Serialize)]
pub(super) struct ToDevice {
    pub next_batch: String,
    pub events: Vec<Box<RawValue>>,
}

#[derive(Debug, Serialize)]
pub(super) struct E2ee {
    #[serde(skip_serializing_if = "DeviceLists::is_empty")]
    pub device_lists: DeviceLists,
    pub device_one_time_keys_count: BTreeMap<OneTimeKeyAlgorithm, UInt>,
    pub device_unused_fallback_key_types: Vec<OneTimeKeyAlgorithm>,
}

#[derive(Debug, Default, Serialize)]
pub(super) struct AccountData {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub global: Vec<Box<RawValue>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub rooms: BTreeMap<String, Vec<Box<RawValue>>>,
}

#[derive(Debug, Default, Serialize)]
pub(super) struct PerRoom {
    pub rooms: BTreeMap<String, Box<RawValue>>,
}
