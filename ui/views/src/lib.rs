//! Generated from the `.slint` files.
slint::include_modules!();
