//! Claims that are checked together, and how.

use std::pin::Pin;

use clickhouse::Client;
use deploy::failure::Failure;

use super::claim::{Claim, Deviations, Finding};
use super::coverage::{Grid, Point};
use super::mixes::MixPoint;

/// Function that returns the largest deviation of each claim of a theme, in order.
pub(crate) enum Check {
    /// Without further input.
    Offline(fn() -> Deviations),
    /// With simulated worlds at the points of a grid.
    Worlds(fn(&[Point], Grid) -> Deviations),
    /// In simulated worlds whose groups have different mixes.
    Mixes(fn(&[MixPoint], Grid) -> Deviations),
    /// In simulated worlds of its own, whose number the grid gives.
    Grid(fn(Grid) -> Deviations),
    /// On a migrated ClickHouse of its own.
    ClickHouse(for<'a> fn(&'a Server) -> Pin<Box<dyn Future<Output = Deviations> + 'a>>),
}

/// Claims that are checked together.
pub(crate) struct Theme {
    pub(crate) name: &'static str,
    pub(crate) claims: &'static [Claim],
    pub(crate) check: Check,
}

impl Theme {
    /// Returns the claims with their results.
    pub(crate) fn findings(&self, deviations: &[f64]) -> Result<Vec<Finding>, Failure> {
        if deviations.len() != self.claims.len() {
            let (found, wanted) = (deviations.len(), self.claims.len());
            return Err(Failure::Refused(format!(
                "{}: {found} deviations for {wanted} claims",
                self.name
            )));
        }
        let pairs = self.claims.iter().zip(deviations);
        Ok(pairs.map(|(claim, deviation)| claim.finding(*deviation)).collect())
    }
}

/// Clients of a migrated ClickHouse.
#[derive(Clone, Debug)]
pub struct Server {
    /// Client of a user with the right to create tables and insert.
    pub admin: Client,
    /// Client of a user that may only read views.
    pub reader: Client,
}
