//! The index of decisions agrees with the pages, and amendments are recorded on both sides.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use crate::{files, root};

/// Date, title and amendments of a decision.
#[derive(Debug, PartialEq, Eq)]
struct Decision {
    title: String,
    date: String,
    amended_by: BTreeSet<u32>,
}

/// Returns the numbers in the rest of the sentence after `words`, apart from those in addresses of links.
fn numbers_after(text: &str, words: &str) -> BTreeSet<u32> {
    let Some((_, rest)) = text.split_once(words) else { return BTreeSet::new() };
    let texts = rest.split("](").enumerate();
    let texts: String = texts
        .map(|(at, part)| match (at, part.split_once(')')) {
            (0, _) | (_, None) => part,
            (_, Some((_, after))) => after,
        })
        .collect::<Vec<_>>()
        .join(" ");
    let sentence = texts.split('.').next().unwrap_or_default();
    sentence.split(|c: char| !c.is_ascii_digit()).filter_map(|it| it.parse().ok()).collect()
}

/// Returns the decision on a page, and the numbers of those that it amends.
fn page(text: &str) -> (u32, Decision, BTreeSet<u32>) {
    let (heading, rest) = text.strip_prefix("# ").unwrap().split_once("\n\n").unwrap();
    let (number, title) = heading.split_once(". ").unwrap();
    let status = rest.split("\n\n").next().unwrap().replace('\n', " ");
    let (date, status) = status.strip_prefix("Date: ").unwrap().split_once(". ").unwrap();
    assert!(status.starts_with("Status: accepted"), "{number}: {status}");
    let amended_by = numbers_after(status, "amended by");
    let decision = Decision { title: title.to_owned(), date: date.to_owned(), amended_by };
    (number.parse().unwrap(), decision, numbers_after(status, "Amends"))
}

/// Returns the decision in a row of the index.
fn row(line: &str) -> Option<(u32, Decision)> {
    let [_, number, link, date, status, _] = *line.split('|').collect::<Vec<_>>() else {
        return None;
    };
    let number = number.trim().parse().ok()?;
    let (title, _) = link.trim().strip_prefix('[')?.split_once("](")?;
    let (date, amended_by) = (date.trim().to_owned(), numbers_after(status, "amended by"));
    Some((number, Decision { title: title.to_owned(), date, amended_by }))
}

#[test]
fn the_index_of_decisions_agrees_with_their_pages() {
    let folder = root().join("docs/decisions");
    let index = fs::read_to_string(folder.join("README.md")).unwrap();
    let index: BTreeMap<u32, Decision> = index.lines().filter_map(row).collect();
    let pages = files(&folder, "md").into_iter().filter(|file| !file.ends_with("README.md"));
    let pages: Vec<_> = pages.map(|file| page(&fs::read_to_string(file).unwrap())).collect();
    let amended: BTreeSet<(u32, u32)> = pages
        .iter()
        .flat_map(|(number, decision, _)| decision.amended_by.iter().map(|by| (*by, *number)))
        .collect();
    let amends: BTreeSet<(u32, u32)> =
        pages.iter().flat_map(|(number, _, older)| older.iter().map(|it| (*number, *it))).collect();
    assert_eq!(amends, amended, "(newer, older) by the newer pages, and by the older ones");
    let pages: BTreeMap<_, _> = pages.into_iter().map(|(number, it, _)| (number, it)).collect();
    assert_eq!(index, pages);
}
