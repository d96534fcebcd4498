//! Generated from the `.slint` files: [`MainWindow`], one global a screen, and the structs they carry.
slint::include_modules!();
