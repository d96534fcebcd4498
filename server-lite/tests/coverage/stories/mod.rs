//! What people do on a server, as proof of the endpoints they use.

use std::pin::Pin;

use anyhow::Result;

use crate::world::Telling;

mod accounts;
mod bridges;
mod devices;
mod events;
mod keys;
mod media;
mod membership;
mod people;
mod push;
mod rooms;
mod surroundings;
mod sync;

type Told<'a> = Pin<Box<dyn Future<Output = Result<()>> + 'a>>;

/// One story.
#[derive(Clone, Copy)]
pub struct Story {
    /// File and function.
    pub name: &'static str,
    /// Tells it.
    pub tell: for<'a> fn(Telling<'a>) -> Told<'a>,
}

macro_rules! stories {
    ($($file:ident :: $name:ident),* $(,)?) => {
        &[$(Story {
            name: concat!(stringify!($file), "::", stringify!($name)),
            tell: |telling| Box::pin($file::$name(telling)),
        }),*]
    };
}

/// All of them.
pub const STORIES: &[Story] = stories![
    accounts::what_the_server_speaks,
    accounts::registering,
    accounts::a_registration_token,
    accounts::logging_in_and_out,
    accounts::tokens,
    accounts::a_new_password,
    accounts::closing_an_account,
    accounts::proving_to_others_who_one_is,
    accounts::administrators,
    devices::naming_and_listing_devices,
    devices::deleting_devices,
    devices::messages_from_device_to_device,
    devices::a_device_that_sleeps,
    keys::keys_of_devices,
    keys::an_identity_and_signatures,
    keys::versions_of_a_backup,
    keys::backing_up_all_keys,
    keys::backing_up_the_keys_of_a_room,
    keys::backing_up_one_key,
    rooms::creating_a_room,
    rooms::addresses_of_a_room,
    rooms::the_public_directory,
    rooms::looking_at_a_room_before_joining,
    rooms::a_space,
    rooms::replacing_a_room,
    membership::joining,
    membership::knocking,
    membership::inviting,
    membership::leaving_and_forgetting,
    membership::removing_and_banning,
    membership::who_is_where,
    events::sending_and_redacting,
    events::state,
    events::history,
    events::relations_and_threads,
    events::searching,
    events::reporting,
    events::sending_later,
    sync::syncing_with_a_filter,
    sync::sliding_sync,
    sync::typing_and_reading,
    sync::being_notified,
    people::profiles,
    people::finding_people,
    people::presence,
    people::account_data,
    people::tags,
    push::push_rules,
    push::pushers,
    media::uploading_and_downloading,
    media::uploading_later,
    media::what_can_be_uploaded,
    media::previewing_a_page,
    bridges::networks,
    bridges::looking_up_who_and_what_is_behind_them,
    bridges::whether_it_can_be_reached,
    bridges::the_directory_of_a_network,
    surroundings::relays_and_services_for_calls,
    surroundings::where_to_find_the_server_and_whom_to_ask,
    surroundings::what_is_not_offered,
];
