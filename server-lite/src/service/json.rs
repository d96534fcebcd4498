//! JSON kept as text in the database and passed on unparsed.

use rusqlite::{Row, types::Type};
use serde::Serialize;
use serde_json::value::RawValue;

/// A text column as raw JSON.
///
/// # Errors
/// If the column does not hold JSON, which only damage can cause.
pub fn raw_column(row: &Row<'_>, idx: usize) -> rusqlite::Result<Box<RawValue>> {
    RawValue::from_string(row.get(idx)?)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(idx, Type::Text, error.into()))
}

/// A value as raw JSON.
///
/// # Errors
/// If the value has no JSON form (a map whose keys are not strings).
pub fn to_raw(value: &impl Serialize) -> crate::error::Result<Box<RawValue>> {
    serde_json::value::to_raw_value(value).map_err(crate::Error::internal)
}
