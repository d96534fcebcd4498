//! A Matrix homeserver small enough for a phone.
