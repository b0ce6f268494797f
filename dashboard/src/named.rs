//! The queries of `dashboard/queries/`, by name. Parts that several of them share are files of their own; which
//! part stands where is decided here, and never by a request.

/// A query of `dashboard/queries/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Named {
    /// Sums by stratum, from sessions by hour.
    Strata,
    /// The same from intervals one by one.
    StrataSamples,
    /// The same by day.
    StrataDays,
    /// Sessions by cell, from sessions by hour.
    Counts,
    /// The same from intervals one by one.
    CountsSamples,
    /// Sessions by cell, with those of wider filters.
    Lattice,
    /// Sums without sessions, from cells by minute.
    SumsMinutes,
    /// Quantiles from the roll-ups of the first view.
    QuantilesOverview,
    /// Quantiles from cells.
    QuantilesCells,
    /// Quantiles from intervals one by one.
    QuantilesSamples,
    /// Whether intervals are kept one by one.
    SamplesKept,
    /// The newest complete minute.
    Freshness,
}

impl Named {
    /// All of them.
    #[cfg(test)]
    const ALL: [Self; 12] = [
        Self::Strata,
        Self::StrataSamples,
        Self::StrataDays,
        Self::Counts,
        Self::CountsSamples,
        Self::Lattice,
        Self::SumsMinutes,
        Self::QuantilesOverview,
        Self::QuantilesCells,
        Self::QuantilesSamples,
        Self::SamplesKept,
        Self::Freshness,
    ];

    /// Returns the text: parts that several queries share are constants of this program.
    pub(crate) fn text(self) -> String {
        let text = match self {
            Self::Strata | Self::StrataSamples => include_str!("../queries/strata.sql"),
            Self::StrataDays => include_str!("../queries/strata_days.sql"),
            Self::Counts | Self::CountsSamples => include_str!("../queries/counts.sql"),
            Self::Lattice => include_str!("../queries/lattice.sql"),
            Self::SumsMinutes => include_str!("../queries/sums_minutes.sql"),
            Self::QuantilesOverview => include_str!("../queries/quantiles_overview.sql"),
            Self::QuantilesCells => include_str!("../queries/quantiles_cells.sql"),
            Self::QuantilesSamples => include_str!("../queries/quantiles_samples.sql"),
            Self::SamplesKept => include_str!("../queries/samples_kept.sql"),
            Self::Freshness => include_str!("../queries/freshness.sql"),
        };
        let sessions = match self {
            Self::StrataSamples | Self::CountsSamples | Self::QuantilesSamples => {
                include_str!("../queries/samples.sql")
            }
            _ => include_str!("../queries/hours.sql"),
        };
        // A part stands on a line of its own.
        let put = |text: String, name: &str, part: &str| {
            text.replace(&format!("\n{{{{{name}}}}}\n"), &format!("\n{part}"))
        };
        let text = put(text.to_owned(), "sessions", sessions);
        let text = put(text, "days", include_str!("../queries/days.sql"));
        let text = put(text, "minutes", include_str!("../queries/minutes.sql"));
        let text = put(text, "levels", include_str!("../queries/levels.sql"));
        text.replace("WHERE {{filter}}", concat!("WHERE\n", include_str!("../queries/filter.sql")))
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Strata => "strata",
            Self::StrataSamples => "strata_samples",
            Self::StrataDays => "strata_days",
            Self::Counts => "counts",
            Self::CountsSamples => "counts_samples",
            Self::Lattice => "lattice",
            Self::SumsMinutes => "sums_minutes",
            Self::QuantilesOverview => "quantiles_overview",
            Self::QuantilesCells => "quantiles_cells",
            Self::QuantilesSamples => "quantiles_samples",
            Self::SamplesKept => "samples_kept",
            Self::Freshness => "freshness",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dimension::Dimension;
    use crate::figure::LEVELS;

    /// The text without its comments.
    fn statement(query: Named) -> String {
        let text = query.text();
        let code = text.lines().filter(|line| !line.trim_start().starts_with("--"));
        code.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn shared_parts_are_in_the_queries_and_no_place_for_others_is_left() {
        for query in Named::ALL {
            let text = statement(query);
            assert!(!text.contains("{{") && text.contains("FROM "), "{}: {text}", query.name());
            if matches!(query, Named::SamplesKept | Named::Freshness) {
                continue;
            }
            for dimension in Dimension::ALL.map(Dimension::name) {
                let condition = format!(
                    "({{{dimension}:String}} = '' OR {dimension} = {{{dimension}:String}})"
                );
                assert_eq!(text.matches(&condition).count(), 1, "{}: {dimension}", query.name());
            }
            assert!(text.contains("app IN {apps:Array(String)}"), "{}", query.name());
        }
    }

    #[test]
    fn the_quantiles_of_the_queries_are_those_of_the_figures() {
        let code =
            include_str!("../queries/levels.sql").lines().filter(|line| !line.starts_with("--"));
        let numbers = code
            .flat_map(|line| line.split(','))
            .filter_map(|text| text.trim().parse::<f64>().ok());
        let found: Vec<f64> = numbers.collect();
        assert_eq!(found, LEVELS);
    }
}
