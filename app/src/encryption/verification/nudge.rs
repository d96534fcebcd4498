//! What a comparison in a room calls for (keys, signatures) is sent by the SDK only when its sync of keys comes around,
//! which may be half a minute later. A message to ourselves ends the wait.

use std::{collections::BTreeMap, time::Duration};

use matrix_sdk::Client;
use ruma::{
    TransactionId,
    api::client::to_device::send_event_to_device::v3,
    events::{AnyToDeviceEventContent, dummy::ToDeviceDummyEventContent},
    serde::Raw,
    to_device::DeviceIdOrAllDevices,
};

/// Pauses before and between messages to ourselves while the other side is waited for, milliseconds.
const PAUSES: [u64; 7] = [200, 500, 1000, 2000, 4000, 8000, 8000];

/// Keeps things moving for a while.
pub(super) async fn keep_moving(client: Client) {
    for pause in PAUSES {
        tokio::time::sleep(Duration::from_millis(pause)).await;
        nudge(&client).await;
    }
}

/// Has the sync of keys come around.
pub(in crate::encryption) async fn nudge(client: &Client) {
    let (Some(user_id), Some(device_id)) = (client.user_id(), client.device_id()) else {
        return;
    };
    let content = AnyToDeviceEventContent::Dummy(ToDeviceDummyEventContent::new());
    let Ok(content) = Raw::new(&content) else {
        return;
    };
    let to = BTreeMap::from([(
        DeviceIdOrAllDevices::DeviceId(device_id.to_owned()),
        content,
    )]);
    let messages = BTreeMap::from([(user_id.to_owned(), to)]);
    let request = v3::Request::new_raw("m.dummy".into(), TransactionId::new(), messages);
    if let Err(error) = client.send(request).await {
        tracing::debug!(%error, "no message to ourselves");
    }
}
