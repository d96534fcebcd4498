//! A recording: a WAV file whose header is true at any time, so that it can be read even if the process is killed.
//!
//! Format: [Multimedia Programming Interface and Data Specifications 1.0](https://www.mmsp.ece.mcgill.ca/Documents/AudioFormats/WAVE/WAVE.html),
//! 16 bits, 48,000 samples a second, one channel.

use std::{
    fs::File,
    io::{self, BufWriter, Seek, SeekFrom, Write},
    path::Path,
};

const RATE: u32 = 48_000;
const HEADER_BYTES: u32 = 44;
/// Half a second.
const BYTES_BETWEEN_HEADERS: u32 = RATE;

/// A recording.
#[derive(Debug)]
pub(crate) struct Recorder {
    file: BufWriter<File>,
    n_bytes: u32,
    n_bytes_told: u32,
}

impl Recorder {
    /// Begins one, over what was there.
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        let mut recorder = Self {
            file: BufWriter::new(File::create(path)?),
            n_bytes: 0,
            n_bytes_told: 0,
        };
        recorder.file.write_all(&header(0))?;
        recorder.file.flush()?;
        Ok(recorder)
    }

    /// Adds samples. What no longer fits into the format (after twelve hours) is left out.
    pub(crate) fn add(&mut self, samples: &[u8]) -> io::Result<()> {
        let n_bytes = u32::try_from(samples.len()).unwrap_or(u32::MAX);
        let Some(sum) = self.n_bytes.checked_add(n_bytes) else {
            return Ok(());
        };
        if sum > u32::MAX - HEADER_BYTES {
            return Ok(());
        }
        self.file.write_all(samples)?;
        self.n_bytes = sum;
        if sum - self.n_bytes_told >= BYTES_BETWEEN_HEADERS {
            self.tell_length()?;
        }
        Ok(())
    }

    /// Writes the header anew.
    pub(crate) fn tell_length(&mut self) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(0))?;
        self.file.write_all(&header(self.n_bytes))?;
        self.file.seek(SeekFrom::End(0))?;
        self.n_bytes_told = self.n_bytes;
        Ok(())
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        // There is nobody left to tell.
        let _ = self.tell_length().and_then(|()| self.file.flush());
    }
}

fn header(n_bytes: u32) -> Vec<u8> {
    let mut header = Vec::with_capacity(HEADER_BYTES as usize);
    header.extend(b"RIFF");
    header.extend((n_bytes + HEADER_BYTES - 8).to_le_bytes());
    header.extend(b"WAVEfmt ");
    header.extend(16_u32.to_le_bytes());
    header.extend(1_u16.to_le_bytes()); // PCM
    header.extend(1_u16.to_le_bytes()); // channels
    header.extend(RATE.to_le_bytes());
    header.extend((RATE * 2).to_le_bytes()); // bytes a second
    header.extend(2_u16.to_le_bytes()); // bytes a sample
    header.extend(16_u16.to_le_bytes());
    header.extend(b"data");
    header.extend(n_bytes.to_le_bytes());
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recording_is_readable_before_it_ends() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.wav");
        let mut recorder = Recorder::create(&path).unwrap();
        for _ in 0..60 {
            recorder.add(&[7; 960]).unwrap();
        }
        let bytes = std::fs::read(&path).unwrap();
        let told = u32::from_le_bytes(bytes[40..44].try_into().unwrap());
        assert!(told >= BYTES_BETWEEN_HEADERS, "{told}");
        assert!(bytes.len() >= (HEADER_BYTES + told) as usize);
        drop(recorder);
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!(bytes.len(), 44 + 60 * 960);
        assert_eq!(bytes[40..44], (60 * 960_u32).to_le_bytes());
        assert_eq!(bytes[4..8], (60 * 960 + 36_u32).to_le_bytes());
    }
}
