//! Builds the page with npm, or takes a built one: `ISOBAR_PAGE` names its folder.

#![allow(clippy::print_stdout, reason = "Cargo reads what a build script prints")]

use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;

/// Notice that replaces the page if it was not built.
const WITHOUT: &str = "<!doctype html>
<html lang=\"en\">
<meta charset=\"utf-8\">
<title>Isobar</title>
<h1>This build has no page</h1>
<p>It was built without npm. Install Node.js 20 or newer with npm, run <code>touch dashboard/build.rs</code>,
and build again. The API works without it: <a href=\"/api/v1/openapi.json\">/api/v1/openapi.json</a>.</p>
</html>
";

fn main() -> io::Result<()> {
    let page = Path::new("page");
    println!("cargo:rerun-if-env-changed=ISOBAR_PAGE");
    println!("cargo:rerun-if-changed=build.rs");
    for source in [
        "src",
        "public",
        "scripts",
        "index.html",
        "package.json",
        "package-lock.json",
        "vite.config.ts",
        "svelte.config.js",
        "tsconfig.json",
    ] {
        let source = page.join(source);
        // A path that is missing would make Cargo build again every time.
        if source.exists() {
            println!("cargo:rerun-if-changed={}", source.display());
        }
    }
    let dist = page.join("dist");
    if let Some(built) = std::env::var_os("ISOBAR_PAGE") {
        let _ = fs::remove_dir_all(&dist);
        return copy(Path::new(&built), &dist);
    }
    let is_outdated = is_newer(page, &dist) || !is_built(&dist);
    if page.join("package-lock.json").exists()
        && is_outdated
        && let Err(reason) = build(page)
    {
        println!("cargo:warning=the page is not built: {reason}");
        let _ = fs::remove_dir_all(&dist);
    }
    if !is_built(&dist) {
        fs::create_dir_all(&dist)?;
        fs::write(dist.join("index.html"), WITHOUT)?;
    }
    Ok(())
}

/// Returns whether the folder has a page that was built, not only the notice that there is none.
fn is_built(dist: &Path) -> bool {
    fs::read_to_string(dist.join("index.html")).is_ok_and(|text| text != WITHOUT)
}

/// Returns whether a source is newer than the built page.
fn is_newer(page: &Path, dist: &Path) -> bool {
    let time = |path: &Path| fs::metadata(path).and_then(|data| data.modified()).ok();
    let Some(built) = time(&dist.join("index.html")) else { return true };
    let mut open = vec![page.to_owned()];
    while let Some(path) = open.pop() {
        let name = path.file_name().unwrap_or_default();
        if name == "node_modules" || name == "dist" || name == "tests" {
            continue;
        }
        if path.is_dir() {
            let entries = fs::read_dir(&path).into_iter().flatten().flatten();
            open.extend(entries.map(|entry| entry.path()));
        } else if time(&path).is_some_and(|time| time > built) {
            return true;
        }
    }
    false
}

fn build(page: &Path) -> Result<(), String> {
    npm(page, &["ci", "--ignore-scripts", "--no-audit", "--no-fund"])?;
    npm(page, &["run", "build"])
}

fn npm(page: &Path, arguments: &[&str]) -> Result<(), String> {
    let output = Command::new("npm").args(arguments).current_dir(page).output();
    let output = output.map_err(|error| format!("npm: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).into_owned()
        + &String::from_utf8_lossy(&output.stdout);
    let last: Vec<_> = said.lines().rev().take(5).collect();
    let last: Vec<_> = last.into_iter().rev().collect();
    Err(format!("npm {}: {}", arguments.join(" "), last.join(" | ")))
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    println!("cargo:rerun-if-changed={}", from.display());
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let (entry, to) = (entry?.path(), to.to_owned());
        let to = to.join(entry.file_name().unwrap_or_default());
        if entry.is_dir() {
            copy(&entry, &to)?;
        } else {
            fs::copy(&entry, &to)?;
        }
    }
    Ok(())
}
