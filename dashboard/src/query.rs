//! The query of a request: names with values, each once.

use std::collections::BTreeMap;

use crate::problem::Problem;

/// Longest query, in bytes.
const LONGEST_QUERY: usize = 2048;
/// Longest value, in bytes after decoding.
const LONGEST_VALUE: usize = 128;

/// Names that every endpoint knows.
const COMMON: [&str; 5] = ["range", "from", "to", "measure", "format"];

/// The query of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query(BTreeMap<String, String>);

impl Query {
    /// Reads the part of a URL behind `?`. Allowed are the filter's names and `own`, those of the endpoint.
    ///
    /// # Errors
    /// If it is too long, a name is unknown or occurs twice, or a value is empty or too long.
    pub fn parse(raw: &str, own: &[&str]) -> Result<Self, Problem> {
        Self::read(raw, |name| own.contains(&name) || is_common(name))
    }

    /// Reads the query of an endpoint without a filter: `format` alone.
    ///
    /// # Errors
    /// As [`Query::parse`].
    pub fn parse_format(raw: &str) -> Result<Self, Problem> {
        Self::read(raw, |name| name == "format")
    }

    /// Reads the query of a comparison: the filter's names, also with the prefix `a.` or `b.`.
    ///
    /// # Errors
    /// As [`Query::parse`].
    pub fn parse_pair(raw: &str) -> Result<(Self, Self), Problem> {
        let plain = |name: &str| {
            let side = name.strip_prefix("a.").or_else(|| name.strip_prefix("b."));
            match side {
                Some(name) => is_common(name) && name != "format",
                None => is_common(name) || name == "weights",
            }
        };
        let all = Self::read(raw, plain)?;
        Ok((all.side("a."), all.side("b.")))
    }

    fn read(raw: &str, is_known: impl Fn(&str) -> bool) -> Result<Self, Problem> {
        if raw.len() > LONGEST_QUERY {
            let detail = format!("the query is longer than {LONGEST_QUERY} bytes");
            return Err(Problem::parameter("", detail));
        }
        let mut found = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(raw.as_bytes()) {
            if !is_known(&name) {
                let name: String = name.chars().take(64).collect();
                let detail = format!("`{name}` is no parameter of this path{}", suggestion(&name));
                return Err(Problem::parameter(&name, detail));
            }
            if value.is_empty() || value.len() > LONGEST_VALUE || value.contains('\0') {
                let detail = format!("`{name}` needs a value of 1 to {LONGEST_VALUE} bytes");
                return Err(Problem::parameter(&name, detail));
            }
            if found.insert(name.to_string(), value.to_string()).is_some() {
                return Err(Problem::parameter(&name, format!("`{name}` is given twice")));
            }
        }
        Ok(Self(found))
    }

    /// Returns one side of a comparison: names with its prefix, over those without any.
    fn side(&self, prefix: &str) -> Self {
        let shared = self.0.iter().filter(|(name, _)| !name.contains('.'));
        let mut side: BTreeMap<_, _> =
            shared.map(|(name, value)| (name.clone(), value.clone())).collect();
        let own = |(name, value): (&String, &String)| {
            Some((name.strip_prefix(prefix)?.to_owned(), value.clone()))
        };
        let own: BTreeMap<_, _> = self.0.iter().filter_map(own).collect();
        if own.contains_key("range") {
            side.remove("from");
            side.remove("to");
        }
        if own.contains_key("from") || own.contains_key("to") {
            side.remove("range");
        }
        side.extend(own);
        Self(side)
    }

    /// Returns the value of a parameter.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Returns a number from `least` to `most`; `default` if it is not given.
    ///
    /// # Errors
    /// If it is something else.
    pub fn number(
        &self,
        name: &str,
        default: usize,
        least: usize,
        most: usize,
    ) -> Result<usize, Problem> {
        let Some(text) = self.get(name) else { return Ok(default) };
        let number = text.parse().ok().filter(|number| (least..=most).contains(number));
        number.ok_or_else(|| {
            Problem::parameter(name, format!("`{name}` must be a number from {least} to {most}"))
        })
    }

    /// Returns whether a switch is on: `1`, and not `0`.
    ///
    /// # Errors
    /// If it is something else.
    pub fn switch(&self, name: &str) -> Result<bool, Problem> {
        Ok(self.number(name, 0, 0, 1)? == 1)
    }
}

fn is_common(name: &str) -> bool {
    COMMON.contains(&name) || crate::dimension::Dimension::named(name).is_some()
}

/// Returns the closest name, if one is close.
fn suggestion(name: &str) -> String {
    let dimensions = crate::dimension::Dimension::ALL.map(crate::dimension::Dimension::name);
    let names = COMMON.iter().chain(&dimensions);
    let close = names.map(|known| (distance(name, known), known)).min();
    match close {
        Some((0..=2, known)) => format!("; did you mean `{known}`?"),
        _ => String::new(),
    }
}

/// Returns the edit distance of two short names.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn values_are_decoded_and_each_name_is_taken_once() {
        let query =
            Query::parse("country=BR&provider=A%26B+%27%22%3Cx%3E&by=city", &["by"]).unwrap();
        assert_eq!(query.get("provider"), Some("A&B '\"<x>"));
        assert_eq!(query.get("by"), Some("city"));
        let twice = Query::parse("country=BR&country=AR", &[]).unwrap_err();
        assert_eq!((twice.status, twice.parameter.as_deref()), (400, Some("country")));
    }

    #[test]
    fn unknown_names_are_refused_with_the_closest_one() {
        let wrong = Query::parse("contry=BR", &[]).unwrap_err();
        assert!(wrong.detail.ends_with("did you mean `country`?"), "{wrong:?}");
        let wrong = Query::parse("x'; DROP TABLE cells=1", &[]).unwrap_err();
        assert!(!wrong.detail.contains("did you mean"), "{wrong:?}");
    }

    #[test]
    fn what_a_request_can_make_grow_has_a_limit() {
        let long = |length: usize| format!("city={}", "x".repeat(length));
        assert!(Query::parse(&long(128), &[]).is_ok());
        assert_eq!(Query::parse(&long(129), &[]).unwrap_err().status, 400);
        assert_eq!(Query::parse(&"a&".repeat(2000), &[]).unwrap_err().status, 400);
        assert_eq!(Query::parse("city=", &[]).unwrap_err().status, 400);
        assert_eq!(Query::parse("city=a%00", &[]).unwrap_err().status, 400);
    }

    #[test]
    fn sides_of_a_comparison_share_what_has_no_prefix() {
        let raw = "kind=audio&range=7d&a.country=BR&b.country=AR&b.from=2026-11-01T00:00:00Z";
        let (a, b) = Query::parse_pair(raw).unwrap();
        assert_eq!(
            (a.get("country"), a.get("range"), a.get("kind")),
            (Some("BR"), Some("7d"), Some("audio"))
        );
        assert_eq!((b.get("country"), b.get("range")), (Some("AR"), None));
        for wrong in ["c.country=BR", "a.format=csv", "a.weights=1"] {
            assert!(Query::parse_pair(wrong).is_err(), "{wrong}");
        }
        assert!(Query::parse_format("format=csv").is_ok() && Query::parse_format("app=a").is_err());
    }
}
