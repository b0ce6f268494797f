//! Inputs found by fuzzing, and the examples of the reference, checked as by the fuzz targets.

use super::{CONTENT_TYPES, SEPARATOR, records};

const PAGE: &str = include_str!("../../../docs/reference/formats.md");

fn input(content_type: u8, texts: &[&str]) -> Vec<u8> {
    let mut input = vec![content_type];
    input.extend(texts.join(&char::from(SEPARATOR).to_string()).bytes());
    input
}

#[test]
fn the_examples_of_the_reference_hold_under_every_content_type() {
    let examples = PAGE.split("```json\n").skip(1).map(|rest| rest.split("\n```").next());
    for example in examples.flatten() {
        let apart = example.replace("\n}\n{", "\n}\u{1e}{").replace("\n]\n[", "\n]\u{1e}[");
        for content_type in 0..=CONTENT_TYPES.len() as u8 {
            records(&input(content_type, &[&apart]));
        }
    }
}
