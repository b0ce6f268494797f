//! Builds the page with npm, or takes a built one: `ISOBAR_PAGE` names its folder.

#![allow(clippy::print_stdout, reason = "Cargo reads what a build script prints")]

use std::env;
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
    let out = env::var_os("OUT_DIR").ok_or_else(|| io::Error::other("Cargo sets OUT_DIR"))?;
    let built = Path::new(&out).join("page");
    if let Some(given) = env::var_os("ISOBAR_PAGE") {
        println!("cargo:rerun-if-changed={}", Path::new(&given).display());
        return list(Path::new(&given), Path::new(&out));
    }
    if let Err(reason) = build(page, &built) {
        println!("cargo:warning=the page is not built: {reason}");
        let _ = fs::remove_dir_all(&built);
        fs::create_dir_all(&built)?;
        fs::write(built.join("index.html"), WITHOUT)?;
    }
    list(&built, Path::new(&out))
}

/// Writes `files.rs`: the path of each file of the page, in ascending order, and its content.
fn list(page: &Path, out: &Path) -> io::Result<()> {
    let mut files = Vec::new();
    let mut open = vec![fs::canonicalize(page)?];
    let root = open[0].clone();
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(&root).map_err(io::Error::other)?;
                files.push(format!("    ({name:?}, include_bytes!({path:?})),\n"));
            }
        }
    }
    files.sort();
    let source = format!("const FILES: &[(&str, &[u8])] = &[\n{}];\n", files.concat());
    fs::write(out.join("files.rs"), source)
}

fn build(page: &Path, to: &Path) -> io::Result<()> {
    npm(page, &["ci", "--ignore-scripts", "--no-audit", "--no-fund"])?;
    let to = to.to_string_lossy();
    npm(page, &["run", "build", "--", "--outDir", &to, "--emptyOutDir"])
}

fn npm(page: &Path, arguments: &[&str]) -> io::Result<()> {
    let output = Command::new("npm").args(arguments).current_dir(page).output()?;
    if output.status.success() {
        return Ok(());
    }
    let printed = String::from_utf8_lossy(&output.stderr).into_owned()
        + &String::from_utf8_lossy(&output.stdout);
    let last: Vec<_> = printed.lines().rev().take(5).collect();
    let last: Vec<_> = last.into_iter().rev().collect();
    let message = format!("npm {}: {}", arguments.join(" "), last.join(" | "));
    Err(io::Error::other(message))
}
