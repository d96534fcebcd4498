//! Who the program is: the one place where its name and ids are stated.
//!
//! Packaging templates are filled in from here, and the architecture check compares the rest of the tree with it.

/// The name people see.
pub const NAME: &str = "Hardline";
/// Application id: desktop file, D-Bus name, icon, Flatpak.
pub const APP_ID: &str = "im.hardline.Hardline";
/// D-Bus object path of the application, made from the id.
pub const OBJECT_PATH: &str = "/im/hardline/Hardline";
/// The program with the window and the command line.
pub const PROGRAM: &str = "hardline";
/// The homeserver program.
pub const SERVER_PROGRAM: &str = "hardline-server";
/// The media process of a call.
pub const MEDIA_PROGRAM: &str = "hardline-media";
/// One line on what it is.
pub const SUMMARY: &str = "Messages and calls on Matrix, for phones and desktops";
