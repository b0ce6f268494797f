//! No circle of imports within a crate has more than four files, and no two folders import each other.
//!
//! Imports are found in the text: `use` trees and paths that begin with `crate`, `super`, `self` or a child module.
//! An import of a re-exported item counts as one of the file that defines it, and a re-export as none.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::files;
use crate::imports::packages;

/// Maximum number of files in a circle.
const MOST: usize = 4;

type Module = Vec<String>;

/// Files of a crate.
struct Sources {
    /// Text of each module, without comments and tests.
    texts: BTreeMap<Module, String>,
    /// Items that a module imports or re-exports, with their paths from the root of the crate.
    imported: BTreeMap<(Module, String), Module>,
}

/// Returns `text` without comments, tests at its end, and the paths in `pub(in …)`.
fn code(text: &str) -> String {
    let lines: Vec<_> = text.lines().map(|line| line.split("//").next().unwrap()).collect();
    let tests = lines.iter().enumerate().position(|(at, line)| {
        let mut next = lines[at + 1..].iter().filter(|line| !line.starts_with("#["));
        let opens = |line: &&str| line.contains("mod ") && line.ends_with('{');
        *line == "#[cfg(test)]" && next.next().is_some_and(opens)
    });
    let text = lines[..tests.unwrap_or(lines.len())].join("\n");
    let mut parts = text.split("pub(in ");
    let first = parts.next().unwrap().to_owned();
    parts.fold(first, |all, part| all + "pub " + part.split_once(')').unwrap().1)
}

/// Adds the paths of a `use` tree that begins with `prefix`.
fn expand(prefix: &str, tree: &str, paths: &mut Vec<Module>) {
    let (mut depth, mut start) = (0, 0);
    let mut branches = Vec::new();
    for (at, c) in tree.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                branches.push(&tree[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    branches.push(&tree[start..]);
    for branch in branches.iter().map(|branch| branch.trim()).filter(|branch| !branch.is_empty()) {
        match branch.split_once('{') {
            Some((more, rest)) => {
                let rest = rest.rsplit_once('}').map_or(rest, |(rest, _)| rest);
                expand(&format!("{prefix}{}", more.trim()), rest, paths);
            }
            None => {
                let path = format!("{prefix}{}", branch.split(" as ").next().unwrap().trim());
                paths.push(path.split("::").map(str::to_owned).collect());
            }
        }
    }
}

/// Returns the paths that `text` imports, those that it re-exports, and the text without both.
fn uses(text: &str) -> (Vec<Module>, Vec<Module>, String) {
    let (mut imports, mut exports, mut rest) = (Vec::new(), Vec::new(), String::new());
    let mut parts = text.split("use ");
    rest.push_str(parts.next().unwrap());
    for part in parts {
        match part.split_once(';') {
            Some((tree, after)) => {
                let line = rest.rsplit('\n').next().unwrap().trim();
                match line {
                    "" => expand("", tree, &mut imports),
                    _ if line.starts_with("pub") => expand("", tree, &mut exports),
                    _ => {}
                }
                rest.push_str(after);
            }
            None => rest.push_str(part),
        }
    }
    (imports, exports, rest)
}

impl Sources {
    fn read(folder: &Path) -> Self {
        let mut texts = BTreeMap::new();
        for file in files(folder, "rs") {
            let path = file.strip_prefix(folder).unwrap().with_extension("");
            let mut module: Module =
                path.iter().map(|part| part.to_str().unwrap().to_owned()).collect();
            let is_root = ["lib", "main"].contains(&module.join("/").as_str());
            if is_root && file.ends_with("main.rs") && folder.join("lib.rs").exists() {
                continue;
            }
            if is_root {
                module.clear();
            }
            texts.insert(module, code(&fs::read_to_string(&file).unwrap()));
        }
        let mut sources = Self { texts, imported: BTreeMap::new() };
        for (module, text) in &sources.texts {
            let (imports, exports, _) = uses(text);
            for path in imports.into_iter().chain(exports) {
                let name = path.last().unwrap().clone();
                if let Some(path) = sources.absolute(module, &path) {
                    sources.imported.insert((module.clone(), name), path);
                }
            }
        }
        sources
    }

    /// Returns `path` in `module` from the root of the crate; none if it leads to another crate.
    fn absolute(&self, module: &Module, path: &[String]) -> Option<Module> {
        let (first, rest) = path.split_first()?;
        let child = || [&module[..], &path[..1]].concat();
        match first.as_str() {
            "crate" => Some(rest.to_vec()),
            "self" => Some([&module[..], rest].concat()),
            "super" => {
                let (mut base, mut path) = (module.clone(), path);
                while path.first().is_some_and(|it| it == "super") {
                    base.pop();
                    path = &path[1..];
                }
                Some([&base[..], path].concat())
            }
            _ if self.texts.contains_key(&child()) => Some([&module[..], path].concat()),
            _ => None,
        }
    }

    /// Returns the module that defines the item at `path` from the root of the crate.
    fn defining(&self, mut path: Module) -> Module {
        for _ in 0..8 {
            let length = (0..=path.len()).rev().find(|it| self.texts.contains_key(&path[..*it]));
            let (module, item) = path.split_at(length.unwrap());
            let Some(name) = item.first() else { return module.to_vec() };
            match self.imported.get(&(module.to_vec(), name.clone())) {
                Some(other) if !other.starts_with(&path) => {
                    path = [&other[..], &item[1..]].concat();
                }
                _ => return module.to_vec(),
            }
        }
        path
    }

    /// Returns the modules whose items `module` uses.
    fn imports(&self, module: &Module) -> BTreeSet<Module> {
        let (mut paths, _, rest) = uses(&self.texts[module]);
        let words = rest.split(|c: char| !c.is_alphanumeric() && c != '_' && c != ':');
        paths.extend(
            words
                .filter(|word| word.contains("::"))
                .map(|word| word.split("::").map(str::to_owned).collect()),
        );
        let own = paths.iter().filter_map(|path| self.absolute(module, path));
        own.map(|path| self.defining(path)).filter(|it| it != module).collect()
    }
}

/// Returns everything that is reached from `start`.
fn reached(imports: &BTreeMap<Module, BTreeSet<Module>>, start: &Module) -> BTreeSet<Module> {
    let (mut found, mut open) = (BTreeSet::new(), vec![start]);
    while let Some(module) = open.pop() {
        for next in &imports[module] {
            if found.insert(next.clone()) {
                open.push(next);
            }
        }
    }
    found
}

#[test]
fn circles_of_imports_have_at_most_four_files_and_folders_none() {
    let mut wrong = BTreeSet::new();
    let mut count = 0;
    for package in packages() {
        let manifest = Path::new(package["manifest_path"].as_str().unwrap());
        let sources = Sources::read(&manifest.parent().unwrap().join("src"));
        let modules = sources.texts.keys();
        let imports: BTreeMap<_, _> =
            modules.map(|module| (module.clone(), sources.imports(module))).collect();
        count += imports.values().map(BTreeSet::len).sum::<usize>();
        let reach: BTreeMap<_, _> =
            imports.keys().map(|module| (module, reached(&imports, module))).collect();
        for (module, all) in &reach {
            let circle: Vec<_> = all
                .iter()
                .filter(|it| reach[it].contains(*module))
                .map(|it| it.join("/"))
                .collect();
            if circle.len() > MOST {
                wrong.insert(format!("{}: {circle:?}", package["name"]));
            }
        }
        let folders: BTreeSet<_> = imports
            .iter()
            .flat_map(|(from, all)| all.iter().map(move |to| (from, to)))
            .filter_map(|(from, to)| Some((from.split_last()?.1, to.split_last()?.1)))
            .filter(|(from, to)| !from.starts_with(to) && !to.starts_with(from))
            .collect();
        let both = folders.iter().filter(|(from, to)| folders.contains(&(*to, *from)));
        wrong.extend(both.map(|(from, to)| format!("{}: {from:?} and {to:?}", package["name"])));
    }
    assert!(count > 1000, "{count} imports found");
    assert!(wrong.is_empty(), "{wrong:#?}");
}
