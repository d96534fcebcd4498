//! The endpoints about accounts, devices, keys, media and push, black box: the real program over HTTP.

mod account_data;
mod admin;
mod backup;
mod dehydrated;
mod devices;
mod keys;
mod login;
mod media;
mod moderation;
mod offers;
mod password;
mod profile;
mod push;
mod register;
mod support;
mod to_device;
mod user_directory;
