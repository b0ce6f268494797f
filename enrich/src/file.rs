//! Parameters and packs as JSON files: reading them, and telling all that is wrong at once.

use serde::de::DeserializeOwned;

use crate::error::ParameterError;

/// Reads a file's text.
///
/// # Errors
/// Where the text is not what it has to be, and why.
pub(crate) fn read<T: DeserializeOwned>(json: &str) -> Result<T, ParameterError> {
    let mut from = serde_json::Deserializer::from_str(json);
    let read = serde_path_to_error::deserialize(&mut from).map_err(|error| {
        let path = error.path().to_string();
        let source = error.into_inner();
        // A path of "." is the whole file.
        if path == "." { source.into() } else { ParameterError::Value { path, source } }
    })?;
    from.end()?;
    Ok(read)
}

/// What was read, if nothing is wrong with it.
///
/// # Errors
/// All problems, on one line.
pub(crate) fn sound<T>(read: T, problems: Vec<String>) -> Result<T, ParameterError> {
    if problems.is_empty() { Ok(read) } else { Err(ParameterError::Unsound(problems)) }
}

/// By which name a file's values are kept with what they gave: `name@version`.
pub(crate) fn label(name: &str, version: u32) -> String {
    format!("{name}@{version}")
}
