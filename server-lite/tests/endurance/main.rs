//! What a server has to survive: being killed, losing power, a full disk, a clock that is set back, many clients who
//! only wait.

mod clock;
mod disk;
mod idle;
mod kill;
mod load;
mod power;
mod recording;
mod witness;
