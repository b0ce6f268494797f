//! Reading of parameters and packs from JSON files, with all errors reported at once.

use serde::de::DeserializeOwned;

use crate::error::ParameterError;

/// Reads a file's text.
///
/// # Errors
/// Position and reason of an error in the text.
pub(crate) fn read<T: DeserializeOwned>(json: &str) -> Result<T, ParameterError> {
    let mut from = serde_json::Deserializer::from_str(json);
    let read = serde_path_to_error::deserialize(&mut from).map_err(|error| {
        let path = error.path().to_string();
        let source = error.into_inner();
        // The path "." is the whole file.
        if path == "." { source.into() } else { ParameterError::Value { path, source } }
    })?;
    from.end()?;
    Ok(read)
}

/// Returns the value if no error was found.
///
/// # Errors
/// All problems, on one line.
pub(crate) fn sound<T>(read: T, problems: Vec<String>) -> Result<T, ParameterError> {
    if problems.is_empty() { Ok(read) } else { Err(ParameterError::Unsound(problems)) }
}

/// Returns the name that is stored with results: `name@version`.
pub(crate) fn label(name: &str, version: u32) -> String {
    format!("{name}@{version}")
}
