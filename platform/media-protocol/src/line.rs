//! Messages as lines, within bounds.

use std::io::{self, BufRead, Read, Write};

use serde::{Serialize, de::DeserializeOwned};

/// Bytes of a line: more than twice the largest description with every character escaped.
pub const MAX_LINE_BYTES: u64 = 512 * 1024;

/// A line as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// What it says.
    Text(String),
    /// It was longer than [`MAX_LINE_BYTES`], or no text. It is skipped.
    Unreadable,
}

/// Why there is no message.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    /// Nothing more can be read.
    #[error("reading: {0}")]
    Io(#[from] io::Error),
    /// A line is too long, or not a message. The next one may be.
    #[error("{0}")]
    Malformed(String),
}

/// Reads a line. `None`: there are no more.
pub fn read_line(reader: &mut impl BufRead) -> io::Result<Option<Line>> {
    let mut bytes = Vec::new();
    reader
        .by_ref()
        .take(MAX_LINE_BYTES)
        .read_until(b'\n', &mut bytes)?;
    if bytes.is_empty() {
        return Ok(None);
    }
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
    } else if bytes.len() as u64 == MAX_LINE_BYTES {
        skip_line(reader)?;
        return Ok(Some(Line::Unreadable));
    }
    let text = String::from_utf8(bytes);
    Ok(Some(text.map_or(Line::Unreadable, Line::Text)))
}

fn skip_line(reader: &mut impl BufRead) -> io::Result<()> {
    loop {
        let buffer = reader.fill_buf()?;
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let (n_bytes, done) = match end {
            Some(at) => (at + 1, true),
            None => (buffer.len(), buffer.is_empty()),
        };
        reader.consume(n_bytes);
        if done {
            return Ok(());
        }
    }
}

/// Reads a message. `None`: there are no more.
pub fn read_message<T: DeserializeOwned>(
    reader: &mut impl BufRead,
) -> Result<Option<T>, LineError> {
    match read_line(reader)? {
        None => Ok(None),
        Some(Line::Unreadable) => Err(LineError::Malformed("too long, or no text".to_owned())),
        Some(Line::Text(text)) => match serde_json::from_str(&text) {
            Ok(message) => Ok(Some(message)),
            // The error's own text may quote what it read.
            Err(error) => Err(LineError::Malformed(format!(
                "{:?} error at column {}",
                error.classify(),
                error.column()
            ))),
        },
    }
}

/// Writes a message, and has it sent.
pub fn write_message(writer: &mut impl Write, message: &impl Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    writer.write_all(&line)?;
    writer.flush()
}

#[cfg(test)]
#[path = "line_tests.rs"]
mod tests;
