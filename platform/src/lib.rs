//! What the operating system offers Hardline: each service a trait, a real one and a fake.
