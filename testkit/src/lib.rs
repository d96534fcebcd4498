//! Starts real peers for the tests: our server, Synapse, a browser with matrix-js-sdk, a D-Bus, a keyring.
//!
//! Everything listens on loopback at a free port, is waited for with a limit, and is stopped by process id when its
//! guard is dropped; should the test die, the kernel stops it (`PR_SET_PDEATHSIG`). What a process printed is
//! repeated when it ends, which a test runner shows for a test that failed.

pub mod bridge;
pub mod browser;
pub mod bus;
pub mod client;
pub mod coturn;
pub mod desktop;
pub mod display;
mod driver;
pub mod hardline;
pub mod homeserver;
pub mod keyring;
pub mod nio;
pub mod odd_servers;
pub mod paths;
pub mod peers;
pub mod picture;
pub mod process;
pub mod proxy;
pub mod quaternion;
pub mod scenarios;
pub mod server;
pub mod sound;
pub mod synapse;
pub mod wait;
pub mod web_page;

pub use bridge::Bridge;
pub use browser::{Browser, Page};
pub use bus::Bus;
pub use client::Client;
pub use coturn::Coturn;
pub use desktop::Desktop;
pub use display::{Weston, Xvfb};
pub use hardline::Hardline;
pub use homeserver::Homeserver;
pub use keyring::Keyring;
pub use nio::Nio;
pub use picture::Picture;
pub use process::Process;
pub use proxy::{Fault, Proxy};
pub use quaternion::Quaternion;
pub use server::{HardlineServer, ServerOptions};
pub use synapse::Synapse;
