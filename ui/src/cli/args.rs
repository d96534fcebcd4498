//! What can be typed after `hardline`. `docs/command-line.md` is the manual.

use std::{net::IpAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand};

use crate::renderer::Renderer;

/// Messages and calls on Matrix, for phones and desktops.
///
/// Without a command the window opens. If the program already runs on the profile, it carries the command out.
#[derive(Debug, Parser)]
#[command(name = "hardline", version, max_term_width = 100)]
pub struct Arguments {
    /// The profile's folder; another folder is another account.
    #[arg(long, value_name = "DIR", global = true, env = "HARDLINE_PROFILE")]
    pub profile: Option<PathBuf>,
    /// Print one JSON value a line, also for errors (on standard error).
    #[arg(long, global = true)]
    pub json: bool,
    /// Protect the session by the passphrase in this file (first line) instead of the keyring; so does
    /// HARDLINE_PASSPHRASE.
    #[arg(long, value_name = "FILE", global = true)]
    pub passphrase_file: Option<PathBuf>,
    /// Start without a window; it is made when it is first asked for.
    #[arg(long)]
    pub background: bool,
    /// How the window is drawn: auto, gl (OpenGL ES) or software. SLINT_BACKEND goes over auto.
    #[arg(long, value_name = "RENDERER", default_value_t)]
    pub renderer: Renderer,
    /// Write manual pages and shell completions into a directory, for packagers.
    #[arg(long, value_name = "DIR", hide = true)]
    pub dist_files: Option<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    pub command: Option<Sub>,
}

/// A password that never stands on the command line.
#[derive(Args, Debug)]
pub struct PasswordSource {
    /// Read the password from standard input (else HARDLINE_PASSWORD, else it is asked for).
    #[arg(long)]
    pub password_stdin: bool,
}

/// What is sent and heard in a call.
#[derive(Args, Debug)]
pub struct CallArguments {
    /// What is sent instead of the microphone: a WAV file, or `test` for a tone of 440 hertz (`test:700` for another).
    #[arg(long, value_name = "test|FILE")]
    pub audio_source: Option<String>,
    /// Write what the other side says into a WAV file instead of playing it.
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
    /// Hang up so many seconds after the call is connected.
    #[arg(long = "for", value_name = "SECONDS")]
    pub seconds: Option<u64>,
    /// Be reached at this address of this device alone; may be given several times.
    #[arg(long, value_name = "IP")]
    pub address: Vec<IpAddr>,
    /// Only through the relays of the homeserver, so that the other side does not learn this device's addresses.
    #[arg(long)]
    pub relay_only: bool,
}

/// Commands.
#[derive(Debug, Subcommand)]
pub enum Sub {
    /// Sign in.
    Login {
        /// Server name or address; not needed with a whole id.
        #[arg(long)]
        server: Option<String>,
        /// User name, or a whole id (@ada:example.org).
        user: String,
        /// Where the password comes from.
        #[command(flatten)]
        password: PasswordSource,
    },
    /// Create an account and sign in.
    Register {
        /// Server name or address.
        #[arg(long)]
        server: String,
        /// User name.
        user: String,
        /// Registration token, where the server wants one (else HARDLINE_REGISTRATION_TOKEN).
        #[arg(long, env = "HARDLINE_REGISTRATION_TOKEN", hide_env_values = true)]
        token: Option<String>,
        /// Where the password comes from.
        #[command(flatten)]
        password: PasswordSource,
    },
    /// Sign out and remove the session's data from this device.
    Logout {
        /// Remove the data even if the server cannot be reached.
        #[arg(long)]
        forget: bool,
    },
    /// Who is signed in.
    Whoami,
    /// How the program stands: session, connection, what there is to do.
    Status,
    /// The rooms, newest first.
    Rooms,
    /// Join a room by address, id or link; accepts an invite.
    Join {
        /// #alias:server, !id:server, matrix: or matrix.to link.
        address: String,
    },
    /// Make a room; encrypted unless said otherwise.
    Create {
        /// Its name.
        #[arg(long, default_value = "")]
        name: String,
        /// Its topic.
        #[arg(long, default_value = "")]
        topic: String,
        /// Without encryption, for good.
        #[arg(long)]
        unencrypted: bool,
        /// Open to anybody and listed (not encrypted).
        #[arg(long)]
        public: bool,
        /// Local part of its address.
        #[arg(long)]
        alias: Option<String>,
        /// Whom to invite; may be given several times.
        #[arg(long, value_name = "USER")]
        invite: Vec<String>,
        /// A direct room with the one invited; one that exists already is given.
        #[arg(long, requires = "invite")]
        direct: bool,
    },
    /// Invite somebody.
    Invite {
        /// Where.
        room: String,
        /// Whom (@bo:example.org).
        user: String,
    },
    /// Accept an invite.
    Accept {
        /// Where.
        room: String,
    },
    /// Decline an invite.
    Decline {
        /// Where.
        room: String,
        /// Ignore whoever sent it.
        #[arg(long)]
        ignore: bool,
    },
    /// Leave a room.
    Leave {
        /// Which.
        room: String,
    },
    /// Send a message (Markdown) or a file.
    Send {
        /// Where: id, alias, link, a person's id for the direct room, or a name only one room has.
        room: String,
        /// The text; `-` reads it from standard input; with a file, its caption.
        text: Option<String>,
        /// A file.
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
        /// The event answered.
        #[arg(long, value_name = "EVENT")]
        reply_to: Option<String>,
        /// Do not wait until the server has it: the running program sends it when it can.
        #[arg(long)]
        no_wait: bool,
    },
    /// React to a message.
    React {
        /// Where.
        room: String,
        /// To which event.
        event: String,
        /// Emoji or text.
        key: String,
    },
    /// Change a message of yours.
    Edit {
        /// Where.
        room: String,
        /// Which event.
        event: String,
        /// The new text; `-` reads it from standard input.
        text: String,
    },
    /// Remove a message.
    Redact {
        /// Where.
        room: String,
        /// Which event.
        event: String,
        /// Why.
        #[arg(long)]
        reason: Option<String>,
    },
    /// The newest rows of a room, oldest first.
    Timeline {
        /// Which.
        room: String,
        /// Rows at most.
        #[arg(long, default_value_t = 20)]
        limit: usize,
    },
    /// Save the file of a message.
    Save {
        /// Where.
        room: String,
        /// Which event.
        event: String,
        /// Where to put it.
        path: PathBuf,
    },
    /// Print everything that happens, a JSON line an event, until stopped.
    Watch {
        /// Only this room.
        #[arg(long)]
        room: Option<String>,
    },
    /// Compare emoji with somebody, so that both know who the other is.
    Verify {
        /// Whom; without it your own other devices.
        #[arg(conflicts_with = "wait")]
        user: Option<String>,
        /// Wait to be asked.
        #[arg(long)]
        wait: bool,
    },
    /// The recovery key, which opens old messages on a new device.
    #[command(subcommand)]
    Recovery(Recovery),
    /// Call somebody (sound only) and print how it goes until the call is over.
    Call {
        /// A room of two, or a person (@bo:example.org) with whom there is a direct room.
        whom: String,
        /// What is sent and heard.
        #[command(flatten)]
        call: CallArguments,
    },
    /// The calls that are over, the newest first.
    Calls {
        /// Calls at most.
        #[arg(long, default_value_t = 20)]
        limit: u32,
    },
    /// Answer calls as they come in and print how they go, until stopped.
    Answer {
        /// End after the first call.
        #[arg(long)]
        once: bool,
        /// Reject calls instead.
        #[arg(long)]
        reject: bool,
        /// What is sent and heard.
        #[command(flatten)]
        call: CallArguments,
    },
    /// Ignore somebody; without a name, list those ignored.
    Ignore {
        /// Whom.
        user: Option<String>,
        /// No longer.
        #[arg(long, requires = "user")]
        off: bool,
    },
    /// Start the homeserver on this device (set up at first use) and keep it running.
    OwnServer {
        /// Let other devices of the network reach it (yes), or only this one (no).
        #[arg(long, value_name = "YES|NO", value_parser = clap::builder::BoolishValueParser::new())]
        share: Option<bool>,
    },
    /// Bring the window of the running program up.
    Raise,
    /// End the running program.
    Quit,
}

/// What to do about recovery.
#[derive(Clone, Copy, Debug, Subcommand)]
pub enum Recovery {
    /// How it stands.
    Status,
    /// Make a recovery key; it is printed once.
    SetUp,
    /// Make a new key in place of the old one.
    Replace,
    /// Enter the key, from standard input or asked for.
    Enter,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_are_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn no_argument_takes_a_password() {
        for sub in Arguments::command().get_subcommands() {
            for argument in sub.get_arguments() {
                let takes_value = argument.get_action().takes_values();
                assert!(
                    !(takes_value && argument.get_id().as_str().contains("password")),
                    "{sub}"
                );
            }
        }
    }

    #[test]
    fn global_options_may_stand_anywhere() {
        let parsed = Arguments::try_parse_from(["hardline", "rooms", "--json", "--profile", "/p"]);
        let parsed = parsed.unwrap();
        assert!(parsed.json && parsed.profile.is_some());
    }
}
