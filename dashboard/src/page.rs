//! The files of the page, embedded in the program.

// `FILES: &[(&str, &[u8])]`: paths in ascending order, and contents. The build script writes it.
include!(concat!(env!("OUT_DIR"), "/files.rs"));

/// A file of the page.
pub(crate) struct File {
    pub(crate) content: &'static [u8],
    pub(crate) kind: &'static str,
    /// Its name changes with its content.
    pub(crate) is_immutable: bool,
}

/// Returns the file at a path; `index.html` for the page's own paths.
pub(crate) fn file(path: &str) -> Option<File> {
    let name = path.trim_start_matches('/');
    let is_view =
        name.is_empty() || !name.rsplit('/').next().is_some_and(|last| last.contains('.'));
    let name = if is_view { "index.html" } else { name };
    let index = FILES.binary_search_by_key(&name, |(name, _)| name).ok()?;
    Some(File {
        content: FILES[index].1,
        kind: kind(name),
        is_immutable: name.starts_with("assets/"),
    })
}

fn kind(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "webp" => "image/webp",
        "woff2" => "font/woff2",
        "webmanifest" => "application/manifest+json",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn views_of_the_page_are_index_html_and_missing_files_are_missing() {
        for path in ["/", "/league", "/place/BR", "/index.html"] {
            let kind = file(path).map(|file| file.kind);
            assert_eq!(kind, Some("text/html; charset=utf-8"), "{path}");
        }
        for path in ["/assets/none.js", "/../Cargo.toml", "/favicon.none", "/..%2f..%2fetc.passwd"]
        {
            assert!(file(path).is_none(), "{path}");
        }
    }
}
