//! What the machine does, told as transcripts; what it never does, as properties; what two of them do to each other.

mod fixtures;
mod render;
mod stimulus;
mod transcript;

mod answering;
mod calling;
mod devices;
mod glare;
mod interop;
mod liveness;
mod negotiating;
mod properties;
mod several;
mod simulated_media;
mod simulated_room;
mod transfers;
mod two_machines;
