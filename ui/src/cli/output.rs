//! What is printed: JSON a line for scripts, short text for people.

use std::io::Write;

use hardline_app::control::{Failure, Progress};
use serde_json::{Value, json};

use super::{input, print};

/// How to print.
#[derive(Clone, Copy, Debug)]
pub(super) struct Output {
    /// JSON, one value a line.
    pub(super) json: bool,
}

impl Output {
    /// The answer of a command.
    pub(super) fn answer(self, name: &str, value: &Value) {
        if value.is_null() {
            return;
        }
        if self.json {
            line(&value.to_string());
        } else {
            for text in print::answer(name, value) {
                line(&text);
            }
        }
    }

    /// What is told meanwhile.
    pub(super) fn progress(self, progress: &Progress) {
        match progress {
            Progress::Waiting(seconds) if self.json => {
                error_line(&json!({ "notice": "rate_limited", "seconds": seconds }).to_string());
            }
            Progress::Waiting(seconds) => {
                error_line(&format!("The server asks to wait: {seconds} s"));
            }
            Progress::Line(value) if self.json => line(&value.to_string()),
            Progress::Line(value) => {
                line(&print::line(value));
                if let Some(question) = print::question(value) {
                    input::ask(question);
                }
            }
        }
    }

    /// Why it failed.
    pub(super) fn failure(self, failure: &Failure) {
        if self.json {
            error_line(&json!({ "error": failure }).to_string());
        } else {
            error_line(&format!("hardline: {}", failure.message));
        }
    }
}

/// A reader that went away (`| head`) is no error of ours.
fn line(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}");
    let _ = out.flush();
}

fn error_line(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}
