//! Estimates with 95 % intervals for benchmarks, and how many sessions they need.
//!
//! The unit is the session: the intervals of one session are correlated, so they count as one
//! observation. `deploy/clickhouse/0006_statistics.sql` has the same functions in SQL.

#![cfg_attr(not(test), deny(clippy::disallowed_methods, clippy::disallowed_types))]

mod comparison;
mod exact;
mod findings;
mod mix;
mod normal;
mod ratio;
mod sample_size;
mod share;
mod standard;
mod strata;
mod student;
mod weighted;

pub use comparison::{Comparison, Verdict, raw_comparison};
pub use exact::exact_upper_limit;
pub use findings::{RankRange, benjamini_hochberg};
pub use normal::{Z, normal_quantile, student_quantile};
pub use ratio::{Estimate, MAXIMUM_FREEDOM, MINIMUM_CASES, MINIMUM_SESSIONS, Session};
pub use sample_size::{design_effect, percentile_sample_size, sample_size};
pub use share::{Difference, Interval, difference, wilson};
pub use standard::{
    Figure, MINIMUM_COVERAGE, MINIMUM_IN_STRATUM, Share, Standard, State, raw_figure,
};
pub use strata::{Strata, Stratum, Sums, rest, union};
